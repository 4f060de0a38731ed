"""Interrupted renders go on where they stopped and end the same; failed ones leave nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from support_head import make_head, make_motion

from gaussian_head.checks import InputError
from gaussian_head.events import Progress, Warned
from gaussian_head.media import read_audio, read_frames
from gaussian_head.motion import Performance
from gaussian_head.rendering import orbit, render_video, video

MOTION = make_motion(20)


@pytest.fixture(scope="module")
def head():
    return make_head(num_frames=20, num_gaussians=1500, size=64)


def frames_of(path: Path) -> list[np.ndarray]:
    return list(read_frames(path))


def clip(head, frames: int):
    return Performance(motion=MOTION.select(torch.arange(frames) % 20))


class Stop(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("name", ["talk.mp4", "talk.webm", "pictures"])
def test_an_interrupted_render_goes_on_and_ends_the_same(head, tmp_path, monkeypatch, name):
    monkeypatch.setattr(video, "PART_SECONDS", 0.4)
    motion, cameras = clip(head, 45).motion, orbit(head, 45, fps=25.0)
    sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    rendered: list[int] = []

    def stop_at_34(event):
        assert isinstance(event, Progress)
        rendered.append(event.done)
        if event.done == 34:
            raise Stop

    def render(out, listener, resume=False):
        rounding = 1e-6 * torch.randn(motion.units.shape) if resume else 0.0
        same = replace(motion, units=motion.units + rounding)
        played = Performance(motion=same, samples=sound)
        return render_video(head, played, cameras, out, resume=resume, listener=listener)

    (tmp_path / "whole").mkdir()
    whole = render(tmp_path / "whole" / name, lambda event: None)
    with pytest.raises(Stop):
        render(tmp_path / name, stop_at_34)
    assert not (tmp_path / name).exists()
    rendered.clear()
    resumed = render(tmp_path / name, lambda event: rendered.append(event.done), resume=True)
    assert 20 < rendered[0] <= 35
    assert rendered[-1] == 45
    if name == "pictures":
        for t in range(45):
            file = f"frame_{t:06d}.png"
            assert (whole / file).read_bytes() == (resumed / file).read_bytes()
    else:
        assert len(frames_of(whole)) == 45
        assert all(np.array_equal(a, b) for a, b in zip(frames_of(whole), frames_of(resumed), strict=True))
        np.testing.assert_array_equal(read_audio(whole), read_audio(resumed))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "whole"])


@pytest.mark.parametrize("change", ["background", "motion", "one camera", "version"])
def test_parts_of_another_render_are_not_taken(head, tmp_path, monkeypatch, change):
    monkeypatch.setattr(video, "PART_SECONDS", 0.2)
    cameras, events = orbit(head, 12, fps=25.0), []

    def stop(event):
        if event.done == 11:
            raise Stop

    with pytest.raises(Stop):
        render_video(head, clip(head, 12), cameras, tmp_path / "a.mp4", listener=stop)
    assert (tmp_path / ".a.mp4.parts").is_dir()
    background = torch.tensor([1.0, 0.0, 0.0]) if change == "background" else None
    played = clip(head, 14).select(slice(2, 14)) if change == "motion" else clip(head, 12)
    if change == "one camera":
        cameras = [*cameras[:5], cameras[6], *cameras[6:]]
    if change == "version":
        monkeypatch.setattr(video, "__version__", "another")
    render_video(head, played, cameras, tmp_path / "a.mp4", background=background, resume=True, listener=events.append)
    assert isinstance(events[0], Warned)
    assert [e.done for e in events[1:]] == list(range(1, 13))
    assert (frames_of(tmp_path / "a.mp4")[0][1, 1, 0] > 240) == (change == "background")
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("changed", [0, 256, 299])
def test_every_camera_of_a_long_render_tells_it_from_another(head, tmp_path, changed):
    motion, cameras = clip(head, 300).motion, list(orbit(head, 300, fps=25.0))
    others = [*cameras[:changed], cameras[(changed + 7) % 300], *cameras[changed + 1 :]]
    ours, theirs = (video._request(head, motion, c, None, tmp_path / "a.mp4") for c in (cameras, others))
    assert ours != theirs
    assert ours == video._request(head, motion, list(cameras), None, tmp_path / "a.mp4")


def test_two_renders_of_one_output_do_not_meet(head, tmp_path):
    played, cameras = clip(head, 12), orbit(head, 12, fps=25.0)

    def meanwhile(event):
        if event.done == 5:
            with pytest.raises(InputError, match=r"a render of .*a\.mp4 is under way"):
                render_video(head, played, cameras, tmp_path / "a.mp4", background=torch.ones(3))
            render_video(head, played, cameras, tmp_path / "b.mp4", background=torch.ones(3))

    render_video(head, played, cameras, tmp_path / "a.mp4", listener=meanwhile)
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]
    assert len(frames_of(tmp_path / "a.mp4")) == 12
    assert frames_of(tmp_path / "a.mp4")[0][1, 1, 0] < 240


@pytest.mark.parametrize("name", ["a:b.mp4", "http:c.mp4", "d:pictures"])
def test_a_colon_in_a_relative_name_is_a_name(head, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    played = replace(clip(head, 4), samples=np.zeros(2560, np.float32))
    render_video(head, played, orbit(head, 4, fps=25.0), name)
    assert os.listdir(tmp_path) == [name]


def test_the_folder_one_is_in_is_refused_before_the_work(head, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the folder you are in"):
        render_video(head, clip(head, 4), orbit(head, 4, fps=25.0), ".", listener=lambda event: pytest.fail("rendered"))
    assert os.listdir(tmp_path) == []


def test_an_interrupted_render_says_what_it_kept(head, tmp_path, monkeypatch):
    monkeypatch.setattr(video, "PART_SECONDS", 0.2)

    def stop(event):
        if event.done == 12:
            time.sleep(0.5)
            raise Stop

    with pytest.raises(Stop, match=r"(5|10) of 20 frames are kept, --resume goes on from there"):
        render_video(head, clip(head, 20), orbit(head, 20, fps=25.0), tmp_path / "a.mp4", listener=stop)


def test_a_failed_render_leaves_nothing_and_keeps_the_old_file(head, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"old")

    def fail(event):
        if event.done == 5:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        render_video(head, clip(head, 12), orbit(head, 12, fps=25.0), tmp_path / "a.mp4", listener=fail)
    assert os.listdir(tmp_path) == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


def test_errors_of_the_encoder_reach_the_caller(head, tmp_path, monkeypatch):
    from gaussian_head.media import parts

    def full(self, picture):
        raise InputError("the disk is full")

    monkeypatch.setattr(parts.VideoWriter, "write", full)
    with pytest.raises(InputError, match="disk is full"):
        render_video(head, clip(head, 12), orbit(head, 12, fps=25.0), tmp_path / "a.mp4")
    assert os.listdir(tmp_path) == []


KILLED = """
import sys
import torch
from support_head import make_head, make_motion
from gaussian_head.motion import Performance
from gaussian_head.rendering import orbit, render_video, video
video.PART_SECONDS = 0.4
head = make_head(num_frames=20, num_gaussians=1500, size=64)
motion = make_motion(20).select(torch.arange(40) % 20)
def report(event):
    print(event.done, flush=True)
    if event.done == 27 and "stop" in sys.argv:
        import time; time.sleep(600)
played = Performance(motion=motion)
render_video(head, played, orbit(head, 40, fps=25.0), sys.argv[1], resume="resume" in sys.argv, listener=report)
"""


@pytest.mark.slow
def test_a_killed_render_is_resumed_by_another_process(head, tmp_path, monkeypatch):
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])}

    def start(*args: str):
        command = [sys.executable, "-c", KILLED, *args]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    killed = start(str(tmp_path / "a.mp4"), "stop")
    assert killed.stdout is not None
    while killed.stdout.readline().strip() != "27":
        assert killed.poll() is None
    deadline = time.monotonic() + 60
    while len(list((tmp_path / ".a.mp4.parts").glob("part_*.mp4"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "a.mp4").exists()
    rendered = start(str(tmp_path / "a.mp4"), "resume").communicate()[0].split()
    assert rendered == [str(k) for k in range(21, 41)]
    (tmp_path / "whole").mkdir()
    monkeypatch.setattr(video, "PART_SECONDS", 0.4)
    render_video(head, clip(head, 40), orbit(head, 40, fps=25.0), tmp_path / "whole" / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "whole" / "a.mp4").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "whole"]


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mov"])
def test_a_video_says_that_it_is_synthetic_unless_told_not_to(head, tmp_path, name):
    def said(label: bool) -> str:
        out = render_video(head, clip(head, 3), orbit(head, 3, fps=25.0), tmp_path / name, label=label)
        with av.open(str(out)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
        return tags.get("comment", "")

    assert said(True).startswith("Synthetic: rendered by gaussian-head")
    assert said(False) == ""
