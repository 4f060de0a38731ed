"""What a camera does of its own accord, and eyes that are not seen, are told; good material raises nothing."""

import cv2
import numpy as np
import pytest

from gaussian_head.facenet import mirror
from gaussian_head.tracking.exposure import look_at_camera
from gaussian_head.tracking.findings import Findings
from gaussian_head.tracking.steadiness import Steadiness, judge_focus, judge_steadiness, sharpness
from gaussian_head.tracking.visible import judge_eye_looks

FPS = 25.0


@pytest.fixture
def findings(tmp_path):
    return Findings(tmp_path / "clip.mp4", FPS)


def told(findings):
    return [(f.kind, f.severity, f.frames[:1], f.frames[-1:]) for f in findings.all]


def filmed(*, sizes=(1.0,) * 12, gains=(1.0,) * 12, behind=None, move=0.0):
    """A textured wall and a person who sways before it: pictures and mattes, the wall ``sizes`` as large."""
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.integers(0, 255, (400, 400, 3)).astype(np.float32), (0, 0), 3)
    wall = (wall - wall.min()) / np.ptp(wall) * 200 + 20
    for t, (size, gain) in enumerate(zip(sizes, gains, strict=True)):
        matrix = np.array([[size, 0, 100 - 200 * size + move * t], [0, size, 100 - 200 * size]], np.float32)
        picture, matte = cv2.warpAffine(wall, matrix, (200, 200)), np.zeros((200, 200), np.uint8)
        cv2.ellipse(matte, (100 + int(4 * np.sin(t)), 130), (50, 90), 0, 0, 360, 255, -1)
        picture *= gain if behind is None else behind[t]
        picture[matte > 0] = np.array([170, 130, 110]) * gain
        yield picture.clip(0, 255).astype(np.uint8), matte


def test_a_camera_that_stands_or_shakes_raises_nothing(findings):
    for move in (0.0, 3.0):
        judge_steadiness(Steadiness.of(filmed(move=move)), findings)
    assert findings.all == []


@pytest.mark.parametrize("turned", [1, -1])
def test_a_zoom_is_told_with_its_size(findings, turned):
    found = Steadiness.of(filmed(sizes=np.interp(np.arange(12), [3, 8], [1, 1.35])[::turned]))
    assert found.zoom == pytest.approx(1.35, rel=0.04)
    judge_steadiness(found, findings)
    (finding,) = findings.all
    assert (finding.kind, finding.severity) == ("zoom", "warning")
    assert "times as large" in finding.words


def test_exposure_that_rolls_is_told_and_a_lamp_or_a_screen_is_not(findings):
    rolling = 1 + 0.25 * np.sin(np.arange(12))
    judge_steadiness(Steadiness.of(filmed(behind=rolling)), findings)
    judge_steadiness(Steadiness.of(filmed(gains=rolling, behind=np.ones(12))), findings)
    assert findings.all == []
    judge_steadiness(Steadiness.of(filmed(gains=rolling)), findings)
    assert told(findings) == [("exposure", "warning", (), ())]


class Pictures:
    """In place of a capture that is being written."""

    def __init__(self, frames):
        self.images, self.mattes = map(list, zip(*frames, strict=True))

    def read_image(self, t):
        return self.images[t]

    def read_alpha(self, t):
        return self.mattes[t]

    def write_image(self, t, image):
        self.images[t] = image


def test_exposure_that_rolls_is_undone_before_a_background_that_stands(findings):
    gains = 1 + 0.25 * np.sin(np.arange(24) / 3)
    pictures = Pictures(filmed(gains=gains, sizes=np.ones(24)))
    found = look_at_camera(pictures, np.ones(24, bool), 4.0)
    assert found.evened
    judge_steadiness(found, findings)
    assert "Every frame was brought to one exposure" in findings.all[0].words
    skin = np.array([image[matte > 0].mean(0) for image, matte in zip(pictures.images, pictures.mattes, strict=True)])
    assert np.ptp(skin, axis=0).max() < 4
    pictures = Pictures(filmed(sizes=np.ones(24), gains=np.ones(24)))
    before = list(pictures.images)
    assert not look_at_camera(pictures, np.ones(24, bool), 4.0).evened
    assert all(a is b for a, b in zip(before, pictures.images, strict=True)), "a steady camera's pictures stay"
    moving = Pictures(filmed(gains=gains, sizes=np.linspace(1, 2, 24)))
    assert not look_at_camera(moving, np.ones(24, bool), 4.0).evened


def test_frames_out_of_focus_are_left_out(portrait, portrait_landmarks, findings):
    clear = sharpness(portrait, portrait_landmarks)
    soft = sharpness(cv2.GaussianBlur(portrait, (0, 0), 3), portrait_landmarks)
    dim = sharpness((portrait * 0.5).astype(np.uint8), portrait_landmarks)
    assert soft < 0.55 * clear
    assert dim == pytest.approx(clear, rel=0.1), "light is no focus"
    sharp, tracked = np.full(100, clear), np.ones(100, bool)
    sharp[50:52] = soft
    judge_focus(sharp, tracked, findings)
    assert findings.all == [], "a quick turn of the head"
    sharp[20:35] = soft
    judge_focus(sharp, tracked, findings)
    assert told(findings) == [("out of focus", "left out", (20,), (34,))]
    sharp[20:80] = soft * np.linspace(0.8, 1, 60)
    judge_focus(sharp, tracked, findings)
    assert told(findings)[1:] == [("out of focus", "left out", (20,), (59,))], "the softest, and never most of a clip"


@pytest.fixture
def looks(portrait_landmarks):
    """Colours ``[100, 468, 3]`` of a face whose halves are alike, and its landmarks."""
    rng = np.random.default_rng(1)
    half = rng.uniform(60, 190, 468)
    even = (half + half[mirror()[:468]]) / 2
    colours = even[None, :, None] * [1.1, 1.0, 0.9] + rng.normal(0, 3, (100, 468, 3))
    return colours, np.repeat(portrait_landmarks[None, :, :2], 100, axis=0)


def eye(points, rows=(145, 159)):
    away = np.linalg.norm(points[0, :468] - points[0, list(rows)].mean(0), axis=1)
    return away < 0.4 * np.linalg.norm(points[0, 263] - points[0, 33])


def judged(colours, points, findings):
    judge_eye_looks(colours.clip(0, 255).astype(np.uint8), points, np.ones(100, bool), findings)
    return [finding.kind for finding in findings.all]


def test_an_eye_behind_hair_is_told(looks, findings):
    colours, points = looks
    assert judged(colours, points, findings) == []
    across = np.interp(points[0, :468, 0], [points[0, 234, 0], points[0, 454, 0]], [1, 0.5])
    assert judged(colours * across[:, None], points, findings) == [], "light from one side"
    hidden = colours.copy()
    hidden[:, eye(points)] = np.random.default_rng(2).uniform(30, 60, (1, eye(points).sum(), 1))
    assert judged(hidden, points, findings) == ["eye unseen"]


def test_reflections_that_wander_over_the_eyes_are_told(looks, findings):
    colours, points = looks
    shut = colours.copy()
    shut[::20, eye(points)] *= 0.5
    assert judged(shut, points, findings) == [], "blinks"
    place = points[0, :468, 0]
    for t in range(100):
        band = np.exp(-(((place - place.min() + 4 * t) % 60 - 30) ** 2) / 200)
        for rows in ((145, 159), (374, 386)):
            colours[t] += (180 * band * eye(points, rows))[:, None]
    assert judged(colours, points, findings) == ["reflections"]
