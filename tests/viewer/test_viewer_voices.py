"""Files that arrive piece by piece, progress, calling off; a blink of the moment."""

import base64
import io
import threading
import time

import av
import numpy as np
import pytest
import torch
from fake_browser import FakeClient, settle, wav_bytes
from gaussian_head.viewer import voices
from gaussian_head.viewer.bridge import parse_message
from gaussian_head.viewer.session import Session
from gaussian_head.viewer.uploads import Incoming, Piece
from interleaving import Watched
from support_head import make_actor

from gaussian_head.checks import InputError
from gaussian_head.media._sound_source import SoundSource
from gaussian_head.playing import player
from gaussian_head.playing.edits import CLOSING, OPENING, Edits, blink_pulse
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.staging import Staging


def piece(content=b"abc", offset=0, size=6, upload=1):
    return Piece(upload=upload, name="a.wav", size=size, offset=offset, content=content)


@pytest.fixture
def client():
    client = FakeClient()
    shelf = Shelf([make_actor(num_gaussians=600, size=64)])
    client.session = Session(client, shelf, start=None, size=64)
    client.progress = []
    client.session.voices.on_progress = lambda text, share: client.progress.append((text, share))
    return client


def send(client, content, name="hello.wav", upload=1, pieces=3, last=None):
    step = -(-len(content) // pieces)
    for offset in range(0, len(content), step)[:last]:
        data = base64.b64encode(content[offset : offset + step]).decode()
        client.report("upload", upload=upload, name=name, size=len(content), offset=offset, data=data)


def test_pieces_in_order_are_a_file():
    incoming = Incoming()
    assert incoming.add(piece()) is None
    assert incoming.received == 3
    assert incoming.add(piece(b"def", 3)) == b"abcdef"
    assert incoming.received == 0


@pytest.mark.parametrize(
    "wrong", [piece(b"def", 2), piece(b"def", 3, upload=2), piece(b"defg", 3), piece(b"def", 9)], ids=str
)
def test_pieces_in_disorder_are_refused_and_forgotten(wrong):
    incoming = Incoming()
    incoming.add(piece())
    with pytest.raises(InputError, match=r"a\.wav arrived in disorder"):
        incoming.add(wrong)
    with pytest.raises(InputError):
        incoming.add(piece(b"def", 3))


def test_a_new_first_piece_begins_anew():
    incoming = Incoming()
    incoming.add(piece())
    incoming.add(piece(b"xyz", upload=2))
    assert incoming.add(piece(b"uvw", 3, upload=2)) == b"xyzuvw"


def test_too_large_a_file_is_refused_at_its_first_piece():
    with pytest.raises(InputError, match=r"a\.wav has 2 MB; at most 1 MB"):
        Incoming(max_mb=1).add(piece(size=2 * 2**20))


@pytest.mark.parametrize("data", ["!!!", 5, None, "a"])
def test_pieces_that_are_no_base64_are_no_report(data):
    import json

    report = {"kind": "upload", "id": 1, "t": 0, "playing": False, "rate": 1, "loop": True, "name": "x", "data": data}
    assert parse_message(json.dumps(report)) is None


def test_a_file_sent_in_pieces_is_spoken_and_its_progress_told(client):
    send(client, wav_bytes(1.0))
    client.wait_for(lambda: True)
    end = time.monotonic() + 60
    while len(client.session.performances) < 2 or client.progress[-1][1] is not None:  # the last is told after it
        assert time.monotonic() < end
        time.sleep(0.02)
    assert client.session.performances[-1].name == "hello.wav"
    assert sum("more(1," in script for script in client.scripts) == 3, "every piece is acknowledged"
    shares = [share for _, share in client.progress if share is not None]
    assert shares == sorted(shares) or shares[0] > 0
    assert any("Receiving" in text for text, _ in client.progress)
    assert any("Listening to" in text for text, _ in client.progress)


def test_calling_off_while_receiving_forgets_the_file(client):
    content = wav_bytes(1.0)
    send(client, content, last=2)
    client.session.voices.cancel()
    assert any("callOff" in script for script in client.scripts)
    assert client.progress[-1][1] is None
    data = base64.b64encode(content[-100:]).decode()
    client.report("upload", upload=1, name="hello.wav", size=len(content), offset=len(content) - 100, data=data)
    assert any("disorder" in n.body for n in client.notices)
    assert len(client.session.performances) == 1


def test_calling_off_while_listening_drops_the_result(client, monkeypatch):
    listening, go_on = threading.Event(), threading.Event()

    def slow(*arguments):
        listening.set()
        assert go_on.wait(30)
        return client.session.staging.person.clip

    monkeypatch.setattr(player, "spoken", slow)
    worker = threading.Thread(target=client.session.give_voice, args=("hello.wav", wav_bytes(1.0)))
    worker.start()
    assert listening.wait(30)
    client.session.voices.cancel()
    assert client.progress[-1][1] is None, "the page is free at once"
    go_on.set()
    worker.join(30)
    assert len(client.session.performances) == 1
    assert all(n.removed for n in client.notices)


def test_what_the_browser_refuses_or_cannot_read_is_told(client):
    client.report("toolarge", name="film.mp4", size=900 * 2**20)
    client.report("lost", name="gone.wav", size=0)
    assert "film.mp4 has 900 MB; at most 200 MB" in client.notices[0].body
    assert "gone.wav could not be read" in client.notices[1].body


def test_an_empty_file_is_told(client):
    client.report("upload", upload=1, name="empty.wav", size=0, offset=0, data="")
    client.wait_for(lambda: any("empty.wav is empty" in n.body for n in client.notices))
    assert len(client.session.performances) == 1


def long_sound(seconds):
    """A file of a few hundred kB that unpacks to that much silence."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as file:
        stream = file.add_stream("flac", rate=8000, layout="mono")
        for _ in range(seconds // 10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 80_000), np.int16), format="s16", layout="mono")
            frame.rate = 8000
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def test_a_small_file_that_unpacks_to_hours_is_refused_before_it_is_unpacked(client, monkeypatch):
    content = long_sound(3000)
    assert len(content) < 2**20
    heard = []
    piece = SoundSource._require_short
    monkeypatch.setattr(SoundSource, "_require_short", lambda s, end: (heard.append(end), piece(s, end))[1])
    client.session.give_voice("long.flac", content)
    (complaint,) = [n for n in client.notices if not n.removed]
    assert "long.flac" in complaint.body
    assert "600" in complaint.body
    assert max(heard) < 700, "unpacking ends where it is too long"


def test_two_files_are_not_unpacked_at_once(client, monkeypatch):
    inside, most = [], []
    reading, second, go_on = threading.Event(), threading.Event(), threading.Event()

    def slow(name, content):
        inside.append(name)
        most.append(len(inside))
        if len(most) > 1:
            second.set()
        reading.set()
        assert go_on.wait(30)
        inside.remove(name)
        return np.zeros(16000, np.float32)

    monkeypatch.setattr(voices, "uploaded_samples", slow)
    monkeypatch.setattr(voices, "_READING", Watched(threading.Lock(), second, lambda: None))
    other = FakeClient()
    other.session = Session(other, client.session.shelf, start=None, size=64)
    give = [
        threading.Thread(target=c.session.give_voice, args=("a.wav", b"RIFF"), daemon=True) for c in (client, other)
    ]
    give[0].start()
    assert reading.wait(30)
    give[1].start()
    assert second.wait(30), "the second waits, or is at it as well"
    go_on.set()
    for thread in give:
        thread.join(30)
    assert most == [1, 1]


def test_a_playlist_does_not_open_files_of_the_server(client, tmp_path):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav_bytes(1.0))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"
    client.session.give_voice("song.m3u8", playlist.encode())
    (complaint,) = [n for n in client.notices if not n.removed]
    assert "song.m3u8" in complaint.body
    assert str(tmp_path) not in complaint.body
    assert len(client.session.performances) == 1


def test_a_blink_closes_and_opens_and_is_over():
    assert blink_pulse(-1.0) == blink_pulse(CLOSING + OPENING) == 0.0
    assert blink_pulse(CLOSING) == pytest.approx(1.0)
    assert 0 < blink_pulse(CLOSING / 2) < 1


def test_blinks_can_be_taken_away_generated_and_added(client):
    person = client.session.staging.person
    scene = Staging(person=person, performance=person.clip, size=32)
    natural = scene.motion().control("eyeBlinkLeft")
    assert float(natural.max()) > 0.9
    off = Staging(person=person, performance=person.clip, edits=Edits(blink="off")).motion().control("eyeBlinkLeft")
    assert float(off.max() - off.min()) == 0
    assert float(off[0]) == pytest.approx(float(natural.median()))
    generated = Staging(person=person, performance=person.clip, edits=Edits(blink="generated"))
    assert torch.equal(generated.motion().control("eyeBlinkLeft")[7], generated.moment(7).control("eyeBlinkLeft")[0])
    assert float(generated.motion().control("eyeBlinkLeft").max()) > 0.3
    shut = scene.moment(0, pulse=1.0).control("eyeBlinkRight")
    assert float(shut) > float(natural[0]) + 0.3


def test_a_blink_now_draws_pictures_by_itself_and_ends_as_it_began(client):
    from gaussian_head.viewer.worker import Worker

    worker = Worker(client.session)
    worker.start()
    before = settle(client)
    between, end = [0], time.monotonic() + 60
    while max(between) <= 4:
        # On a starved machine a blink may be over before its first picture.
        assert time.monotonic() < end, "no blink is seen"
        count = len(client.images)
        client.report("blink")
        assert np.abs(settle(client) - before).max() == 0
        between += [np.abs(i.astype(int) - before).max() for i in client.images[count:] if i.shape == before.shape]
    client.session.stop()
    worker.join(10)


def test_relaxing_undoes_every_slider_and_switch(client):
    told = []
    client.session.refreshers.append(lambda: told.append(client.session.staging.edits))
    client.session.edit(turn_deg=20.0, blink="off", amplify=1.7, still=True)
    client.session.push({"jawOpen": 0.5})
    client.session.relax()
    assert client.session.staging.edits == Edits()
    assert told[-1] == Edits()
