"""The whole of `dub`, on a synthetic film of a synthetic head: what is written, what is refused, what a kill loses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support_capture import make_capture
from support_dub import JAW, grained, synthetic, write_film
from support_head import make_actor

from gaussian_head.checks import InputError
from gaussian_head.dubbing import Wish, dub, pipeline, planning, writing
from gaussian_head.dubbing.identity import Likeness
from gaussian_head.dubbing.learning import Learnt, Place
from gaussian_head.dubbing.shots import Appearance, Film, Shot
from gaussian_head.dubbing.stretches import BRIDGED, DUBBED, PASSED, states_of
from gaussian_head.media import VideoWriter, probe, read_frames, read_recorded_audio, write_audio

HERE = Path(__file__).parent


def hum(path: Path, seconds: float, rate: int = 44100) -> Path:
    times = np.arange(round(seconds * rate)) / rate
    loud = 0.4 * (np.sin(2 * np.pi * 2 * times) > 0) * np.sin(2 * np.pi * 180 * times)
    write_audio(path, np.stack([loud, loud], 1).astype(np.float32), rate)
    return path


def staged(monkeypatch, actor, film: Path) -> None:
    """Let the pipeline find and know the synthetic head, which no face net knows."""
    info = probe(film)
    there = Appearance(person=1, boxes=np.array([[30.0, 30, 90, 100]]), frames=np.array([0]))
    shot = Shot(first=0, last=info.num_frames, people=(there,))
    small = np.zeros((info.num_frames, 4, 4), np.uint8)
    seen = Film(path=film, info=info, num_frames=info.num_frames, shots=(shot,), likeness={1: Likeness()}, small=small)

    class Info:
        fps = actor.clip.motion.fps
        width = height = actor.head.camera.width
        K = actor.head.camera.K.tolist()
        bad_frames: list[int] = []  # noqa: RUF012
        source = {"crop": [0, 0, width], "width": width, "height": width}  # noqa: RUF012

    class Recorded:
        info = Info

    learnt = Learnt(actor=actor, capture=Recorded, place=Place(first=0, x0=0, y0=0))  # type: ignore[arg-type]
    monkeypatch.setattr(pipeline, "look_over", lambda video, listener: seen)
    monkeypatch.setattr(planning, "learn", lambda *arguments, **more: learnt)


@pytest.fixture(scope="module")
def actor():
    return synthetic(num_frames=30)


@pytest.fixture(scope="module")
def film(actor, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", actor)


def test_the_film_has_its_size_rate_and_length_and_the_new_sound(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)
    out = dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.2))
    old, new = probe(film), probe(out)
    assert (new.width, new.height, new.fps, new.num_frames) == (old.width, old.height, old.fps, old.num_frames)
    samples, rate = read_recorded_audio(out)
    assert rate == 44100
    assert samples.shape[1] == 2
    report = json.loads((tmp_path / "out_dub" / "report.json").read_text())
    (stretch,) = report["stretches"]
    assert stretch["dubbed"] + stretch["passed"] == old.num_frames
    assert stretch["dubbed"] > 20
    assert 0.7 < stretch["seam"] < 1.4
    page = (tmp_path / "out_dub" / "index.html").read_text()
    assert "out.mp4" in page
    assert "film.mp4" in page
    assert all((tmp_path / "out_dub" / row["picture"]).is_file() for row in report["worst"])
    assert not list(tmp_path.glob(".*parts"))


def test_what_goes_to_the_encoder_is_the_film_to_the_bit_but_for_the_mouth(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)
    sent: list[np.ndarray] = []
    write = writing.VideoParts.write

    def watched(self, t, picture):
        if self._out.name == "out.mp4":
            sent.append(picture.copy())
        write(self, t, picture)

    monkeypatch.setattr(writing.VideoParts, "write", watched)
    dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.2))
    recorded = list(read_frames(film))
    assert len(sent) == len(recorded)
    changed = np.stack([(a != b).any(2) for a, b in zip(recorded, sent, strict=True)])
    assert not changed[:, :58].any()
    assert not changed[:, 105:].any()
    assert not changed[:, :, :30].any()
    assert not changed[:, :, 98:].any()
    assert changed[:, 64:90, 50:80].mean() > 0.5


def test_a_resumed_dub_is_the_same_file(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)
    monkeypatch.setattr(writing, "PART_SECONDS", 0.2)
    audio = hum(tmp_path / "new.wav", 1.2)
    whole = dub(film, tmp_path / "whole.mp4", audio=audio).read_bytes()

    def stop(event):
        if getattr(event, "stage", "") == "dubbing" and event.done == 18:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="--resume"):
        dub(film, tmp_path / "out.mp4", audio=audio, listener=stop)
    assert not (tmp_path / "out.mp4").exists()
    begun: list[int] = []
    listener = lambda event: begun.append(event.done) if getattr(event, "stage", "") == "dubbing" else None  # noqa: E731
    assert dub(film, tmp_path / "out.mp4", audio=audio, resume=True, listener=listener).read_bytes() == whole
    assert begun[0] > 10


def test_a_killed_dub_goes_on_to_the_same_file(actor, film, tmp_path):
    audio = hum(tmp_path / "new.wav", 1.2)
    code = (
        "import sys, time, pytest; sys.path[:0] = sys.argv[1:3]\n"
        "import test_dub as t; from pathlib import Path\n"
        "from gaussian_head.dubbing import dub, writing\n"
        "actor, film = t.synthetic(num_frames=30), Path(sys.argv[3])\n"
        "writing.PART_SECONDS = 0.2\n"
        "t.staged(pytest.MonkeyPatch(), actor, film)\n"
        "slow = lambda e: time.sleep(0.2) if getattr(e, 'done', 0) > 12 else None\n"
        "dub(film, sys.argv[4], audio=sys.argv[5], listener=slow if sys.argv[6] == 'slow' else (lambda e: None),"
        " resume=sys.argv[6] == 'resume')\n"
    )
    start = [sys.executable, "-c", code, str(HERE), str(HERE.parent), str(film)]
    subprocess.run([*start, str(tmp_path / "whole.mp4"), str(audio), "fast"], check=True)
    out = tmp_path / "out.mp4"
    running = subprocess.Popen([*start, str(out), str(audio), "slow"])
    parts = tmp_path / ".out.mp4.parts"
    for _ in range(3600):
        if len(list(parts.glob("part_*.mp4"))) >= 2:
            break
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not out.exists()
    assert len(list(parts.glob("part_*.mp4"))) >= 2
    subprocess.run([*start, str(out), str(audio), "resume"], check=True)
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_longer_words_re_time_the_picture(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)
    out = dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "long.wav", 2.0), wish=Wish(fit="audio", compare=True))
    info = probe(out)
    assert info.num_frames == 50
    assert info.fps == 25
    both = probe(tmp_path / "out_dub" / "compare.mp4")
    assert (both.width, both.height, both.num_frames) == (2 * info.width, info.height, 50)


def test_longer_words_are_said_faster(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)
    out = dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "long.wav", 1.6), wish=Wish(fit="video"))
    assert probe(out).num_frames == 30
    with pytest.raises(InputError, match="times as fast"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "longer.wav", 5), wish=Wish(fit="video"))


def test_recorded_mouths_in_another_order(monkeypatch, tmp_path):
    capture, _ = make_capture(tmp_path / "capture", num_frames=40, size=128)
    film = tmp_path / "film.mp4"
    with VideoWriter(film, width=128, height=128, fps=25, crf=4) as writer:
        for t in range(40):
            writer.write(capture.frame(t).image)
    staged(monkeypatch, make_actor(num_frames=40, size=128), film)
    learnt = Learnt(actor=None, capture=capture, place=Place(first=0, x0=0, y0=0))
    monkeypatch.setattr(planning, "learn", lambda *arguments, **more: learnt)
    out = dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.6), wish=Wish(mouth="recorded"))
    (stretch,) = json.loads((tmp_path / "out_dub" / "report.json").read_text())["stretches"]
    assert probe(out).num_frames == 40
    assert stretch["dubbed"] > 10


def test_mistakes_are_told_before_the_work(actor, film, tmp_path, monkeypatch):
    staged(monkeypatch, actor, film)
    sound = hum(tmp_path / "new.wav", 1.0)
    with pytest.raises(InputError, match="either a sound"):
        dub(film, tmp_path / "out.mp4")
    with pytest.raises(InputError, match="recording itself"):
        dub(film, film, audio=sound)
    with pytest.raises(InputError, match=r"\.mp4"):
        dub(film, tmp_path / "out.avi", audio=sound)
    with pytest.raises(InputError, match="does not exist"):
        dub(tmp_path / "none.mp4", tmp_path / "out.mp4", audio=sound)
    with pytest.raises(InputError, match="does not exist"):
        dub(film, tmp_path / "out.mp4", audio=tmp_path / "none.wav")
    with pytest.raises(InputError, match=r"person 3 .* shows 1 \("):
        dub(film, tmp_path / "out.mp4", audio=sound, person=3)
    with pytest.raises(InputError, match="--fit"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "long.wav", 4))
    assert not (tmp_path / "out.mp4").exists()


def test_a_film_without_faces_is_refused(tmp_path):
    film = tmp_path / "wall.mp4"
    with VideoWriter(film, width=96, height=96, fps=10) as writer:
        for t in range(8):
            writer.write(np.full((96, 96, 3), 100 + t, np.uint8))
    with pytest.raises(InputError, match="shows no face"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 0.5))


def test_what_is_no_video_is_refused(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\0" * 5000)
    with pytest.raises(InputError, match=r"film\.mp4"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 0.5))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_a_full_disk_leaves_nothing(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)

    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gaussian_head.media.parts.VideoWriter.__enter__", full)
    with pytest.raises((InputError, OSError), match="space"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.0))
    assert not (tmp_path / "out.mp4").exists()


def test_short_gaps_are_bridged_and_long_ones_left():
    believed = np.ones(40, bool)
    believed[5:8] = believed[20:35] = False
    states = states_of(believed, 25.0)
    assert states[4:9] == (DUBBED, BRIDGED, BRIDGED, BRIDGED, DUBBED)
    assert set(states[20:35]) == {PASSED}
    assert states_of(np.zeros(3, bool), 25.0) == (PASSED,) * 3


def test_grain_differs_from_frame_to_frame(actor):
    motion = actor.clip.motion
    assert not np.array_equal(grained(actor, motion, 0), grained(actor, motion, 1))
    assert motion.units[:, JAW].max() > 0.5
