"""The live server as programs meet it: peers in Python, files, streams, and whoever sends nonsense."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("aiortc", reason="aiortc is not installed: pip install 'gaussian-head[live]'")
pytest.importorskip("prometheus_client")

from support_head import make_actor
from support_peer import Peer, asked, until

from gaussian_head.checks import InputError
from gaussian_head.live.api import ENDPOINTS
from gaussian_head.live.app import serve
from gaussian_head.live.client import LiveClient
from gaussian_head.media import write_audio

RATE = 16000
TONE = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE).astype(np.float32)


def write_mp3(path, samples):
    with av.open(str(path), "w") as file:
        track = file.add_stream("mp3", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        file.mux([*track.encode(frame), *track.encode(None)])


def loudness_at(samples, frequency, rate=48000):
    """Share of the power of ``samples`` within 50 Hz of a frequency."""
    if not len(samples):
        return 0.0
    power = np.abs(np.fft.rfft(samples)) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / rate) - frequency) < 50
    return power[near].sum() / max(power.sum(), 1e-9)


def test_a_peer_sees_the_head_and_hears_what_it_is_told_to_say(peer, server):
    until(lambda: len(peer.pictures) > 10 and len(peer.sound) > 25, "pictures and sound")
    assert np.abs(peer.samples[-4800:]).max() < 1e-3
    r, g, b = np.moveaxis(peer.pictures[-1].astype(int), -1, 0)
    assert peer.pictures[-1].shape[0] in (64, 128)
    assert ((r > 120) & (r > g + 15) & (g > b)).mean() > 0.1
    answer = LiveClient(server.url).say((TONE * 32767).astype(np.int16))
    assert 2 < answer <= 3.01
    until(lambda: loudness_at(peer.samples[-24000:], 1000) > 0.9, "half a second of tone")
    peer.send(kind="ping", at=17)
    until(lambda: peer.told, "the answer on the channel")
    assert peer.told[0]["at"] == 17
    assert 0.1 < peer.told[0]["delay"] - peer.told[0]["waiting"] < 2
    LiveClient(server.url).interrupt()
    until(lambda: np.abs(peer.samples[-4800:]).max() < 1e-3, "silence")
    front = peer.pictures[-1].mean(1)
    LiveClient(server.url).look_from(yaw=50)
    until(lambda: np.abs(peer.pictures[-1].mean(1).mean(0) - front.mean(0)).max() > 2, "the camera to move")
    peer.send(kind="nonsense")
    until(lambda: len(peer.told) > 1, "a complaint")
    assert peer.told[1]["kind"] == "error"


def test_h264_is_spoken_too_and_a_lost_connection_comes_back_to_its_session(server):
    peer = Peer(server.url, "H264")
    until(lambda: len(peer.pictures) > 5, "pictures")
    assert "H264/90000" in peer.answer["sdp"]
    assert peer.pictures[-1].shape[0] in (64, 128)  # half as large where the machine is busy
    again = Peer(server.url, session=peer.session)
    assert again.session == peer.session
    assert len(server.sessions) == 1
    until(lambda: len(again.pictures) > 5, "pictures of the same session")
    peer.close()
    again.send(kind="bye")
    until(lambda: not server.sessions, "the session to end")
    again.close()


@pytest.mark.parametrize("ending", ["wav", "mp3"])
def test_files_are_said_after_each_other_or_at_once(peer, server, tmp_path, ending):
    sound = tmp_path / f"tone.{ending}"
    write_audio(tmp_path / "tone.wav", TONE, RATE)
    if ending == "mp3":
        write_mp3(sound, TONE)
    head = LiveClient(server.url, session=peer.session)
    assert head.say(sound) == pytest.approx(3, abs=0.2)
    assert head.say(sound.read_bytes()) == pytest.approx(6, abs=0.8)
    assert head.say(sound, interrupt=True) == pytest.approx(3, abs=0.2)
    until(lambda: loudness_at(peer.samples[-24000:], 1000) > 0.9, "the tone")


@pytest.mark.parametrize("raw", [True, False])
def test_sound_leaves_with_the_band_it_came_with(peer, server, tmp_path, raw):
    at = np.arange(3 * 48000) / 48000
    both = 0.3 * np.sin(2 * np.pi * 1000 * at) + 0.3 * np.sin(2 * np.pi * 12_000 * at)
    write_audio(tmp_path / "both.wav", both.astype(np.float32), 48000)
    sound = (both * 32767).astype(np.int16) if raw else tmp_path / "both.wav"
    assert LiveClient(server.url).say(sound, rate=48000) == pytest.approx(3, abs=0.2)
    until(lambda: loudness_at(peer.samples[-24000:], 12_000) > 0.3, "the high tone")
    assert loudness_at(peer.samples[-24000:], 1000) > 0.3
    LiveClient(server.url).interrupt()
    until(lambda: np.abs(peer.samples[-4800:]).max() < 1e-3, "silence")


def test_speech_is_said_as_it_is_made(peer, server):
    head = LiveClient(server.url)
    tone = (0.5 * np.sin(2 * np.pi * 1500 * np.arange(24000 * 2) / 24000) * 32767).astype(np.int16)
    with head.stream(24000) as stream:
        for start in range(0, len(tone), 480):
            stream.send(tone[start : start + 480])
        until(lambda: loudness_at(peer.samples[-24000:], 1500) > 0.9, "the tone")
        assert 0 < server.sessions[0].talker.waiting < 2
        stream.interrupt()
        until(lambda: server.sessions[0].talker.waiting == 0, "the interruption")


def test_heads_are_posed_and_felt_and_say_what_is_wrong(peer, server):
    head = LiveClient(server.url)
    head.pose("nods twice", turn=10)
    head.feel("happy:0.5")
    head.feel("")
    assert head.health() == {"status": "ok", "sessions": 1, "room": 2}
    for wrong, words in (
        (lambda: head.pose("flies"), "flies"),
        (lambda: head.pose(turn=400), "from -40 to 40"),
        (lambda: head.feel("furious"), "furious"),
        (lambda: head.say(b"no sound"), "the sound"),
        (lambda: head.look_from(yaw=float("nan")), "yaw"),
        (lambda: LiveClient(server.url, session="other").interrupt(), "no session of this name"),
    ):
        with pytest.raises(InputError, match=words):
            wrong()


def test_without_a_page_or_with_several_it_is_said(server):
    with pytest.raises(InputError, match="no page is open"):
        LiveClient(server.url).interrupt()
    peers = [Peer(server.url) for _ in range(3)]
    with pytest.raises(InputError, match="several pages"):
        LiveClient(server.url).interrupt()
    for peer in peers:
        LiveClient(server.url, session=peer.session).interrupt()
    with pytest.raises(AssertionError, match="as many as may"):
        Peer(server.url)
    sessions = server.sessions
    assert len({id(session.talker.person) for session in sessions}) == 1  # one head in memory
    assert sessions[0].talker.person.head is sessions[2].talker.person.head
    for peer in peers:
        peer.close()
    until(lambda: not server.sessions, "the sessions to end")


GARBAGE = (
    b"",
    b"{",
    b"[1]",
    b'"text"',
    b"\xff\x00" * 300,
    b"[" * 50000,
    b"null",
    b'{"sdp": 3}',
    b'{"turn": NaN}',
    b"{}x",
)


@pytest.mark.parametrize("one", ENDPOINTS, ids=lambda one: one.path)
def test_garbage_is_refused_in_a_line_that_shows_nothing(server, peer, one):
    random.seed(one.path)
    noise = (
        random.randbytes(2000),
        b'{"sdp": "v=0\\r\\nm=video 9 UDP/TLS/RTP/SAVPF 96\\r\\n"}',
        b'{"mood": "%s"}' % (b"a" * 900),
    )
    queries = ("", "?session=%00", "?rate=7", "?mode=loud", "?session=" + "x" * 3000)
    for body in (*GARBAGE, *noise):
        for query in queries[: 1 + 4 * (body == b"{")]:
            status, answer = asked(server.url, one.path + query, body or None, method=one.method)
            assert status in (200, 400, 409, 413, 415), (status, body, answer)
            if status != 200:
                assert list(json.loads(answer)) == ["error"]
                assert not re.search(rb"/(tmp|work|home|usr|root)|Traceback|\.py", answer)
    status, _ = asked(server.url, one.path, b"x" if one.method == "GET" else None, method="PUT")
    assert status == 405
    assert asked(server.url, "/health")[0] == 200


def test_a_body_is_bounded(server, peer):
    assert asked(server.url, "/pose", b" " * 2**18)[0] == 413
    assert asked(server.url, "/say", b"\0" * (65 * 2**20), {"Content-Type": "audio/L16"})[0] == 413
    assert asked(server.url, "/say", b"\0\0\0", {"Content-Type": "audio/L16"})[0] == 400
    assert asked(server.url, "/../../etc/passwd")[0] == 404


def test_other_pages_and_names_are_turned_away(server):
    here = server.url.removeprefix("http://")
    for headers, wanted in (
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{here}"}, 409),
        ({}, 409),
    ):
        assert asked(server.url, "/interrupt", b"", headers, "POST")[0] == wanted, headers
    status, _ = asked(server.url, "/", headers={"Host": "evil.example"})
    assert status == 403


def test_other_machines_need_the_token():
    handle = serve([make_actor(num_gaussians=300, size=64)], host="0.0.0.0", port=0, size=64)
    try:
        assert len(handle.token) >= 16
        assert handle.token in handle.links
        for path in ("/metrics", "/interrupt", "/offer"):
            method = "GET" if path == "/metrics" else "POST"
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \xff"}):
                assert asked(handle.url, path, b"" if method == "POST" else None, headers, method)[0] == 401
        assert asked(handle.url, f"/metrics?token={handle.token}")[0] == 200
        assert asked(handle.url, "/health")[0] == 200
        assert asked(handle.url, "/")[0] == 200
        peer = Peer(handle.url, headers={"Authorization": f"Bearer {handle.token}"})
        LiveClient(handle.url, token=handle.token).feel("sad")
        with LiveClient(handle.url, token=handle.token).stream() as stream:
            stream.send(np.zeros(3200, np.int16))
        peer.close()
    finally:
        handle.stop()
    for wrong in ({"token": "short"}, {"size": 5}, {"sessions": 0}, {"heads": []}):
        with pytest.raises(InputError):
            serve(**({"heads": [make_actor(num_gaussians=300, size=64)], "port": 0} | wrong))


def test_it_describes_and_counts_itself(server, peer):
    told = json.loads(asked(server.url, "/openapi.json")[1])
    assert {(path, method) for path, row in told["paths"].items() for method in row} == {
        (one.path, one.method.lower()) for one in ENDPOINTS
    }
    assert told["paths"]["/pose"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["turn"]
    until(lambda: len(peer.pictures) > 5, "pictures")
    text = asked(server.url, "/metrics")[1].decode()
    assert float(re.search(r"^gaussian_head_pictures_total (\S+)", text, re.M)[1]) > 5
    status, page = asked(server.url, "/")
    assert status == 200
    assert b"live.js" in page


def test_the_example_speaks(peer, server, tmp_path):
    write_audio(tmp_path / "said.wav", TONE, RATE)
    program = tmp_path / "espeak-ng"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/said.wav\n")
    program.chmod(0o755)
    script = Path(__file__).parents[2] / "scripts" / "say_live.py"
    done = subprocess.run(
        [sys.executable, script, server.url],
        input="Hello.\n",
        text=True,
        capture_output=True,
        timeout=120,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
    )
    assert "refuses" not in done.stdout
    until(lambda: loudness_at(peer.samples[-24000:], 1000) > 0.9, "the tone")
