"""Whole videos: a portrait moved over a wall is enough to be tracked; bad ones are refused with a clear word."""

import json

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.events import Progress, Warned
from gaussian_head.media import VideoWriter
from gaussian_head.motion import read_take
from gaussian_head.tracking import track

FPS = 25


def film(path, frames, *, fps=FPS, audio=None):
    """Write frames (an iterator of u8 pictures) as a video."""
    frames = iter(frames)
    first = next(frames)
    with VideoWriter(path, width=first.shape[1], height=first.shape[0], fps=fps, audio=audio) as writer:
        writer.write(first)
        for frame in frames:
            writer.write(frame)
    return path


def swaying(portrait, count, *, width=400, height=400, zoom=1.0, covered=()):
    """The portrait turned and shifted a little from frame to frame; in ``covered`` frames the face is painted over."""
    import cv2

    for t in range(count):
        angle = 3 * np.sin(t / 11)
        matrix = cv2.getRotationMatrix2D((200, 300), angle, zoom)
        matrix[:, 2] += [width / 2 - 200 + 5 * np.sin(t / 7), (height - 400) * 0.6 + 3 * np.sin(t / 5)]
        picture = cv2.warpAffine(portrait, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if t in covered:
            picture[:] = 90
        yield picture


@pytest.fixture(scope="module")
def tracked(portrait, tmp_path_factory):
    """A portrait-format clip of 3.2 s without sound whose face is lost for four frames, tracked at 256 pixels."""
    folder = tmp_path_factory.mktemp("track")
    frames = swaying(portrait, 80, width=420, height=640, covered=range(30, 34))
    events = []
    video = film(folder / "tall.mp4", frames)
    capture = track(video, folder / "capture", size=256, listener=events.append)
    return capture, events


def test_pixels_are_asked_where_that_is_wanted(tracked, tmp_path):
    plain, _ = tracked
    video = plain.path.parent / "tall.mp4"
    capture = track(video, tmp_path / "capture", size=256, refine="photometric")
    refined = capture.report["refined"]
    assert 0 < refined["colours_off"] <= refined["colours_off_seen"]
    assert refined["units_moved"] > 0
    assert not torch.equal(capture.motion.units, plain.motion.units)
    assert torch.equal(capture.motion.head.quats, plain.motion.head.quats)
    torch.testing.assert_close(capture.code, plain.code, atol=1e-5, rtol=0)
    assert "refined" not in plain.report


def test_an_unknown_refinement_is_refused(tmp_path):
    with pytest.raises(InputError, match="refine is 'pixels'; none or photometric was wanted"):
        track(tmp_path / "none.mp4", tmp_path / "capture", refine="pixels")


def test_a_small_clip_is_tracked(tracked):
    capture, _ = tracked
    assert (capture.num_frames, capture.num_train) == (80, 72)
    assert (capture.camera.width, capture.camera.height) == (256, 256)
    good = [t for t in range(80) if t not in capture.info.bad_frames]
    assert float(capture.reprojection[good].mean()) < 0.004 * 256
    assert not capture.info.has_audio
    depth = capture.motion.head.positions[:, 2]
    assert 0.3 < float(depth.mean()) < 4
    assert float(depth.std() / depth.mean()) < 0.02
    frame = capture.frame(10)
    assert set(np.unique(frame.labels)) >= {0, 1, 3, 4}
    x, y = capture.landmarks[10, 4].round().int().tolist()
    assert frame.labels[y, x] == 4
    assert frame.alpha[y, x] == 255
    take = read_take(capture.path / "arkit.csv")
    assert len(take) == 80
    torch.testing.assert_close(take.units, capture.motion.units, atol=1e-6, rtol=0)
    moved = [(part - part[0]).abs().max() for part in (take.head.quats, capture.motion.head.quats)]
    assert float(moved[0]) > 0.3 * float(moved[1])


def test_projected_shape_lies_on_the_landmarks(tracked):
    from gaussian_head.transforms import pose_apply

    capture, _ = tracked
    pose = capture.motion.at(20)
    posed = pose_apply(pose.head.quats, pose.head.positions, capture.shape.posed(capture.code[20]))
    distance = (capture.camera.project(posed) - capture.landmarks[20]).norm(dim=1).mean()
    assert float(distance) == pytest.approx(float(capture.reprojection[20]), abs=1e-3)


def test_lost_frames_are_flagged_not_fatal(tracked):
    capture, events = tracked
    assert set(range(30, 34)) <= set(capture.info.bad_frames)
    assert len(capture.info.bad_frames) < 10
    assert not set(capture.train_frames.tolist()) & set(range(30, 34))
    assert capture.tracked.sum() < 80
    assert any("lost in" in e.message for e in events if isinstance(e, Warned))
    assert capture.motion.head.positions.isfinite().all()


def test_events_and_report(tracked):
    capture, events = tracked
    stages = {e.stage for e in events if isinstance(e, Progress)}
    assert {"tracking: looking for the face", "tracking: landmarks and masks", "tracking: part labels"} <= stages
    assert any("no sound" in e.message for e in events if isinstance(e, Warned))
    report = json.loads((capture.path / "report.json").read_text())
    assert set(range(30, 34)) <= set(report["bad_frames"])
    rows = {row["kind"]: row for row in report["findings"]}
    assert set(range(30, 34)) <= set(rows["lost"]["frames"])
    assert rows["lost"]["severity"] == "left out"
    assert "px wide" in rows["small face"]["words"]
    assert [row["words"] for row in report["findings"]] == [e.message for e in events if isinstance(e, Warned)]
    assert (capture.path / "report.png").stat().st_size > 20_000
    assert [p.name for p in capture.path.parent.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (lambda p: swaying(p, 25), "at least 3 s"),
        (lambda p: (np.full((240, 320, 3), 80 + t % 40, np.uint8) for t in range(80)), "no face"),
        (lambda p: swaying(p, 80, covered=range(20, 60)), "was lost in"),
    ],
    ids=["one second", "no face", "face lost too long"],
)
def test_unusable_videos_are_refused_and_leave_nothing(portrait, tmp_path, frames, says):
    video = film(tmp_path / "clip.mp4", frames(portrait))
    with pytest.raises(InputError, match=says):
        track(video, tmp_path / "out" / "capture", size=256)
    assert list((tmp_path / "out").iterdir() if (tmp_path / "out").exists() else []) == []


def test_the_largest_of_two_faces_is_taken(portrait):
    import cv2

    from gaussian_head.facenet import FaceDetector, LandmarkTracker

    small = cv2.resize(portrait, (240, 240), interpolation=cv2.INTER_AREA)
    both = np.full((400, 640, 3), 120, np.uint8)
    both[:, :400], both[160:, 400:] = portrait, small
    detector = FaceDetector()
    boxes = detector(both)
    assert len(boxes) == 2
    assert boxes[0, 2] < 400 < boxes[1, 0]
    for box, inside in ((boxes[0], lambda x: x < 400), (boxes[1], lambda x: x > 400)):
        tracker = LandmarkTracker(box)
        for _ in range(3):
            assert inside(tracker(both)[:, 0]).all()


def test_a_small_face_in_a_large_picture_is_found(portrait):
    from gaussian_head.facenet import FaceDetector

    wide = np.full((2160, 3840, 3), 110, np.uint8)
    wide[1500:1900, 600:1000] = portrait
    detector = FaceDetector()
    (box,) = detector(wide)
    assert 700 < box[0] < box[2] < 950
    assert 1500 < box[1] < box[3] < 1720


def test_outputs_that_cannot_be_written_are_refused_first(portrait, tmp_path):
    video = film(tmp_path / "clip.mp4", swaying(portrait, 80))
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot be written"):
        track(video, tmp_path / "file" / "capture")
    with pytest.raises(InputError, match="no capture"):
        track(video, tmp_path)
    with pytest.raises(InputError, match="size is 9"):
        track(video, tmp_path / "c", size=9)
    with pytest.raises(InputError, match="does not exist"):
        track(tmp_path / "nothing.mp4", tmp_path / "c")


@pytest.mark.slow
def test_footage_is_tracked_to_a_fraction_of_a_pixel(german):
    residual = german.reprojection
    assert float(residual[: german.num_train].mean()) < 0.25
    assert float(residual[german.num_train :].mean()) < 0.45
    assert german.audio().shape == (20 * 16000,)
    assert german.report["blinks"] >= 1
