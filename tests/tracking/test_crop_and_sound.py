"""Choosing the square, measuring channels, shifting sound."""

from pathlib import Path

import numpy as np
import pytest

from gaussian_head.media import VideoInfo
from gaussian_head.tracking.channels import MEASURED, find_neutral, measure
from gaussian_head.tracking.crop import Crop, Survey, choose_crop
from gaussian_head.tracking.footage import Footage
from gaussian_head.tracking.initial import fill_gaps
from gaussian_head.tracking.sync import shift_samples


def video(width, height):
    return VideoInfo(
        fps=25.0,
        width=width,
        height=height,
        duration=4.0,
        num_frames=100,
        has_audio=False,
        variable_frame_rate=False,
    )


def boxes(x, y, size):
    """A face that wanders by a quarter of its size, lost once."""
    sway = np.linspace(-0.125, 0.125, 9)[:, None] * size
    found = np.concatenate([x + sway, y + sway, x + size + sway, y + size + sway], axis=1)
    return np.concatenate([found, np.full((1, 4), np.nan)])


def crop_of(found, width, height):
    """The square chosen for face boxes ``[S, 4]`` in a picture of that size."""
    footage = Footage(video=Path("clip.mp4"), info=video(width, height))
    return choose_crop(Survey(footage=footage, boxes=found, rivals=0.0))


def test_square_video_of_a_head_is_kept_whole():
    assert crop_of(boxes(150, 130, 180), 512, 512) == Crop(x0=0, y0=0, size=512)


def test_a_small_face_is_cropped_to_in_square_video_as_in_any_other():
    square, wide = (crop_of(boxes(500, 400, 140), width, 1080) for width in (1080, 1082))
    assert square == wide
    assert 300 < square.size < 500


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (1080, 1920), (640, 480)])
def test_head_and_shoulders_stay_inside(width, height):
    size = 0.25 * min(width, height)
    found = boxes(width * 0.45, height * 0.3, size)
    crop = crop_of(found, width, height)
    assert 0 <= crop.x0 <= width - crop.size
    assert 0 <= crop.y0 <= height - crop.size
    seen = found[:-1]
    assert crop.x0 <= seen[:, 0].min() - 0.6 * size
    assert crop.x0 + crop.size >= seen[:, 2].max() + 0.6 * size
    assert crop.y0 <= seen[:, 1].min() - 0.4 * size
    assert crop.y0 + crop.size >= seen[:, 3].max() + 0.6 * size


def test_crop_stays_in_the_picture_at_its_edge():
    crop = crop_of(boxes(5, 300, 150), 1280, 720)
    assert crop.x0 == 0
    assert crop.size <= 720
    image = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    assert crop.cut(image, 256).shape == (256, 256, 3)
    at = crop.to_crop(np.array([crop.x0, crop.y0, crop.x0 + crop.size, crop.y0 + crop.size]), 256)
    assert at.tolist() == [0, 0, 256, 256]


def test_channels_say_what_the_face_does(face):
    closed = face.copy()
    for upper, lower in ((13, 14), (82, 87), (312, 317)):
        closed[upper] = closed[lower] = (face[upper] + face[lower]) / 2
    neutral = find_neutral(np.repeat(closed[None], 50, axis=0))
    eyes = np.linalg.norm(face[263] - face[33])

    def change(landmarks, offset):
        moved = closed.copy()
        moved[list(landmarks)] += offset
        return dict(zip(MEASURED, measure(moved[None], neutral)[0], strict=True))

    assert all(abs(value) < 1e-6 for value in change([], 0).values())
    opened = change([14, 87, 317], [0, 0.02, 0])
    assert opened["jaw_open"] == pytest.approx(0.02 / eyes, rel=1e-3)
    assert opened["blink_l"] == pytest.approx(0)
    assert change([291], [0.006, 0, 0])["lip_width"] == pytest.approx(
        0.006 / np.linalg.norm(face[291] - face[61]), rel=0.05
    )
    assert change([0, 17, 13, 14], [0, 0, -0.01])["lip_pucker"] == pytest.approx(0.01 / eyes, rel=1e-3)
    looked = change(range(468, 478), [0.003, 0, 0])
    assert looked["gaze_x"] > 0.1
    assert abs(looked["gaze_y"]) < 0.02
    gap = closed[[374, 373, 380], 1] - closed[[386, 387, 385], 1]
    moved = closed.copy()
    moved[[386, 387, 385], 1] += gap
    shut = dict(zip(MEASURED, measure(moved[None], neutral)[0], strict=True))
    assert shut["blink_l"] > 1
    assert shut["blink_r"] == pytest.approx(0, abs=1e-6)


def test_lost_landmarks_are_interpolated():
    values = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    seen = np.array([False, True, False, False, True, False])
    broken = np.where(seen[:, None, None], values, 99)
    assert fill_gaps(broken, seen)[:, 0, 0].tolist() == [1, 1, 2, 3, 4, 4]
    assert fill_gaps(values, np.ones(6, bool)) is values


@pytest.mark.parametrize(("offset", "first", "last"), [(0.0, 0, 31999), (0.25, 4000, 35999), (-0.25, None, 27999)])
def test_sound_is_shifted_to_the_picture(offset, first, last):
    samples = np.arange(40000, dtype=np.float32) + 1
    shifted = shift_samples(samples, offset, 32000)
    assert len(shifted) == 32000
    assert shifted[0] == (0 if first is None else first + 1)
    assert shifted[-1] == last + 1


def test_sound_that_ends_early_is_silent_after():
    shifted = shift_samples(np.ones(1000, np.float32), 0.01, 2000)
    assert shifted[:840].all()
    assert not shifted[840:].any()
    assert not shift_samples(np.ones(10, np.float32), 5.0, 20).any()
