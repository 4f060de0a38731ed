"""The demo person is found by the tracker where the truth says, moves its mouth with its voice, and is repeatable."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.demo import DemoClip, DemoTruth, make_demo_clip, render_truth
from gaussian_head.demo.clip import animate
from gaussian_head.demo.subject import CHANNELS, PART_NAMES, build_subject
from gaussian_head.demo.voice import speak
from gaussian_head.events import Event, Progress
from gaussian_head.facenet import FaceDetector, LandmarkTracker
from gaussian_head.media import probe, read_audio, read_frames

SECONDS, FPS, SIZE = 2.0, 12.5, 320


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, events: list[Event]) -> DemoClip:
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    return make_demo_clip(folder, seconds=SECONDS, fps=FPS, size=SIZE, seed=3, listener=events.append)


@pytest.fixture(scope="module")
def truth(clip: DemoClip) -> DemoTruth:
    return DemoTruth.load(clip.truth_path)


def posed(truth: DemoTruth, **channels: float) -> DemoTruth:
    """One frame at rest with the given channels."""
    values = np.array([[channels.get(name, 0.0) for name in CHANNELS]], np.float32)
    kept = {name: getattr(truth, name)[:1] for name in ("head_positions", "torso_positions", "loudness")}
    still = np.eye(3, dtype=np.float32)[None]
    return replace(truth, **kept, head_rotations=still, torso_rotations=still, channels=values)


def orbit(truth: DemoTruth, degrees: float) -> Camera:
    """The recording camera swung round the head; positive goes to the picture's right."""
    centre = truth.head_positions[0].astype(np.float64)
    a = math.radians(degrees)
    turn = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    view = np.eye(4)
    view[:3, :3] = turn.T
    view[:3, 3] = -turn.T @ (centre - turn @ centre)
    return truth.camera.with_view(torch.tensor(view, dtype=torch.float32))


def track(frames: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks ``[T, 478, 2]`` in pixels and found ``[T]``."""
    points = np.full((len(frames), 478, 2), np.nan)
    finder = LandmarkTracker(FaceDetector()(frames[0])[0])
    for t, frame in enumerate(frames):
        if (found := finder(frame)) is not None:
            points[t] = found[:, :2]
    return points, np.isfinite(points).all((1, 2))


def opening(points: np.ndarray) -> np.ndarray:
    gap = np.linalg.norm(points[:, 14] - points[:, 13], axis=-1)
    return gap / np.linalg.norm(points[:, 263] - points[:, 33], axis=-1)


def lids(points: np.ndarray) -> np.ndarray:
    gap = np.linalg.norm(points[:, 159] - points[:, 145], axis=-1)
    return gap / np.linalg.norm(points[:, 33] - points[:, 133], axis=-1)


def loudness_of(samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
    half = SAMPLE_RATE // 50
    starts = (np.arange(frames) / fps * SAMPLE_RATE).astype(int)
    return np.array([np.sqrt(np.mean(samples[max(s - half, 0) : s + half] ** 2)) for s in starts])


def test_the_clip_is_a_video_with_sound_of_equal_length(clip: DemoClip, events: list[Event]) -> None:
    info = probe(clip.video)
    assert (info.width, info.height, info.fps, info.num_frames) == (SIZE, SIZE, FPS, round(SECONDS * FPS))
    assert len(read_audio(clip.video)) == SECONDS * SAMPLE_RATE
    speech = read_audio(clip.speech)
    assert len(speech) == SECONDS * SAMPLE_RATE
    assert np.abs(speech).max() > 0.1
    assert [e.done for e in events if isinstance(e, Progress)] == list(range(1, info.num_frames + 1))


def test_the_tracker_finds_the_face_where_the_truth_says(clip: DemoClip, truth: DemoTruth) -> None:
    tracked, found = track(list(read_frames(clip.video)))
    assert found.all()
    wanted = np.stack([truth.landmarks(t) for t in range(len(truth))])
    face_width = np.linalg.norm(wanted[:, 234] - wanted[:, 454], axis=-1).mean()
    error = np.linalg.norm(tracked - wanted, axis=-1) / face_width
    assert np.median(error) < 0.02
    assert error[:, [33, 133, 362, 263, 468, 473, 13, 14]].mean() < 0.025


def test_tracked_mouth_and_lids_follow_the_channels(truth: DemoTruth) -> None:
    jaws = [0.0, 0.15, 0.3, 0.5, 0.75, 1.0]
    tracked, found = track([render_truth(posed(truth, jaw=jaw), 0).rgb for jaw in jaws])
    assert found.all()
    assert np.corrcoef(opening(tracked), jaws)[0, 1] > 0.95
    assert opening(tracked)[0] < 0.03
    blinks = [0.0, 0.3, 0.6, 1.0]
    tracked, _ = track([render_truth(posed(truth, blink_l=b, blink_r=b), 0).rgb for b in blinks])
    assert np.corrcoef(lids(tracked), blinks)[0, 1] < -0.9


def test_true_mouth_opening_is_zero_when_shut_and_grows_with_the_jaw(truth: DemoTruth) -> None:
    openings = [posed(truth, jaw=jaw).mouth_opening()[0] for jaw in (0.0, 0.5, 1.0)]
    assert openings[0] < 1e-4
    assert openings[0] < openings[1] < openings[2] < 0.5
    assert posed(truth, press=1.0, pucker=1.0).mouth_opening()[0] < 0.02


@pytest.mark.parametrize("degrees", [-45, -30, 30, 45])
def test_novel_views_show_a_whole_person_with_depth(truth: DemoTruth, degrees: float) -> None:
    frame = render_truth(truth, 0, orbit(truth, degrees))
    front = render_truth(truth, 0)
    assert 0.7 < (frame.alpha > 0.5).mean() / (front.alpha > 0.5).mean() < 1.3
    assert {1, 2, 3, 4} <= set(np.unique(frame.parts).tolist())
    assert 0.75 < frame.depth[frame.depth > 0].min() < frame.depth.max() < 1.5
    assert ((frame.depth > 0) == (frame.parts > 0)).all()
    width = [np.ptp(np.flatnonzero((f.parts == PART_NAMES.index("face")).any(0))) for f in (frame, front)]
    assert 0.6 < width[0] / width[1] < 1.25


def test_depth_and_parts_agree_with_the_mesh(truth: DemoTruth) -> None:
    frame = render_truth(truth, 0)
    vertices = truth.vertices(0)
    nose = vertices[4]
    x, y = (truth.landmarks(0)[4]).astype(int)
    assert frame.depth[y, x] == pytest.approx(nose[2], abs=0.003)
    assert frame.parts[y, x] == PART_NAMES.index("face")
    mouth = render_truth(posed(truth, jaw=1.0), 0)
    x, y = posed(truth, jaw=1.0).landmarks(0)[[13, 14]].mean(0).astype(int)
    assert mouth.parts[y, x] == PART_NAMES.index("mouth")


def test_nobody_stands_in_the_background(truth: DemoTruth) -> None:
    frame = render_truth(truth, 0)
    empty = frame.alpha == 0
    assert 0.2 < empty.mean() < 0.8
    np.testing.assert_array_equal(frame.rgb[empty], truth.plate[empty])
    black = render_truth(truth, 0, background=np.zeros_like(truth.plate))
    assert black.rgb[empty].max() == 0


def test_sound_and_mouth_agree() -> None:
    speech = speak(12.0, 25.0, seed=1)
    jaw, silent = speech.mouth["jaw"], speech.loudness == 0
    assert silent.mean() >= 0.25
    assert jaw[silent].max() < 0.06
    assert np.abs(speech.samples).max() <= 1
    heard = loudness_of(speech.samples, len(jaw), 25.0)
    assert np.corrcoef(heard, jaw)[0, 1] > 0.8
    assert heard[silent].max() < 0.1 * heard.max()
    lags = [np.corrcoef(np.roll(heard, k), jaw)[0, 1] for k in range(-6, 7)]
    assert abs(int(np.argmax(lags)) - 6) <= 1


def test_sentences_differ_by_seed_and_only_by_seed() -> None:
    first, again, other = (speak(3.0, 25.0, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.samples, again.samples)
    np.testing.assert_array_equal(first.mouth["jaw"], again.mouth["jaw"])
    assert np.abs(first.samples - other.samples).max() > 0.05


def test_the_same_seed_gives_the_same_person_and_pictures(truth: DemoTruth) -> None:
    subject = build_subject()
    again = animate(subject, speak(SECONDS, FPS, 3), fps=FPS, size=SIZE, seed=3)
    for name in (f.name for f in fields(DemoTruth) if f.name != "subject"):
        np.testing.assert_array_equal(getattr(again, name), getattr(truth, name), err_msg=name)
    np.testing.assert_array_equal(subject.rest, truth.subject.rest)
    np.testing.assert_array_equal(subject.atlas, truth.subject.atlas)
    np.testing.assert_array_equal(render_truth(again, 7).rgb, render_truth(truth, 7).rgb)
    other = animate(subject, speak(SECONDS, FPS, 4), fps=FPS, size=SIZE, seed=4)
    assert np.abs(other.head_rotations - truth.head_rotations).max() > 0.05


def test_motion_is_smooth_and_within_reach(truth: DemoTruth) -> None:
    long = animate(truth.subject, speak(12.0, 25.0, 0), fps=25.0, size=64, seed=0)
    yaw = np.degrees(np.arcsin(long.head_rotations[:, 0, 2]))
    assert 11 < np.abs(yaw).max() < 13
    assert np.abs(np.diff(yaw)).max() < 2.5
    assert (long.channel("blink_l") > 0.9).sum() >= 3
    assert np.abs(long.torso_positions - long.torso_positions.mean(0)).max() < 0.02


@pytest.mark.parametrize("kwargs", [{"seconds": 0.1}, {"fps": 0}, {"size": 10}])
def test_arguments_out_of_range(tmp_path: Path, kwargs: dict[str, float]) -> None:
    with pytest.raises(InputError, match="possible"):
        make_demo_clip(tmp_path / "out", **kwargs)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_truth_file_that_is_none_is_refused(tmp_path: Path, clip: DemoClip) -> None:
    (tmp_path / "cut.npz").write_bytes(clip.truth_path.read_bytes()[:100_000])
    (tmp_path / "truth.npz").write_text("no")
    np.savez(tmp_path / "other.npz", a=1)
    for name in ("truth.npz", "other.npz", "missing.npz", "cut.npz"):
        with pytest.raises(InputError, match="truth"):
            DemoTruth.load(tmp_path / name)
