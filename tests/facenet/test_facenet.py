"""The nets find the face of a public-domain portrait, wherever and however large it is."""

import cv2
import numpy as np
import pytest

from gaussian_head.facenet import (
    BLENDSHAPES,
    Blendshapes,
    FaceDetector,
    FaceLandmarks,
    LandmarkTracker,
    PersonSegmenter,
    mirror,
)

GREY = (110, 110, 110)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[0:400, 30:430])


@pytest.fixture(scope="module")
def landmarks(portrait) -> np.ndarray:
    (found,) = FaceLandmarks()(portrait)
    return found


def eye_distance(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[33, :2] - points[263, :2]))


def turned(image: np.ndarray, degrees: float, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The picture turned about its middle, and the matrix [2, 3] that moves its points (in OpenCV's whole numbers)."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=GREY), matrix


def test_the_detector_finds_the_one_face_and_its_eyes(portrait, landmarks):
    found = FaceDetector().find(portrait)
    assert len(found) == 1
    assert 0.5 < found.scores[0] <= 1
    x0, _, x1, y1 = found.boxes[0]
    inside = (landmarks[:, 0] > x0 - 15) & (landmarks[:, 0] < x1 + 15) & (landmarks[:, 1] < y1 + 15)
    assert inside.mean() > 0.95
    eyes = np.stack([landmarks[[33, 133], :2].mean(0), landmarks[[263, 362], :2].mean(0)])
    assert np.abs(found.keypoints[0, :2] - eyes).max() < 0.1 * (x1 - x0)


@pytest.mark.parametrize("shape", [(64, 64, 3), (9, 500, 3), (1, 1, 3)])
def test_a_picture_without_a_face_has_none(shape):
    assert len(FaceDetector().find(np.full(shape, 128, np.uint8))) == 0
    assert FaceLandmarks()(np.full(shape, 128, np.uint8)) == []


@pytest.mark.parametrize("degrees", [-40, -15, 15, 40])
def test_landmarks_turn_with_the_picture(portrait, landmarks, degrees):
    image, matrix = turned(portrait, degrees)
    (found,) = FaceLandmarks()(image)
    expected = (landmarks[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    assert np.linalg.norm(found[:, :2] - expected, axis=1).mean() < 0.03 * eye_distance(landmarks)


@pytest.mark.parametrize("scale", [0.5, 2.0, 5.0])
def test_landmarks_grow_with_the_picture(portrait, landmarks, scale):
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    (found,) = FaceLandmarks()(cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=method))
    error = np.linalg.norm(found - landmarks * scale, axis=1) / scale
    assert error.mean() < 0.025 * eye_distance(landmarks)


def test_a_mirrored_picture_gives_mirrored_landmarks_without_a_lean(portrait, landmarks):
    (found,) = FaceLandmarks()(np.ascontiguousarray(portrait[:, ::-1]))
    found = found[mirror()]
    found[:, 0] = portrait.shape[1] - found[:, 0]
    assert np.abs((found - landmarks)[:, :2].mean(0)).max() < 0.003 * eye_distance(landmarks)


def test_the_tracker_follows_a_face_that_goes_and_comes_back(portrait, landmarks):
    tracker = LandmarkTracker(FaceDetector()(portrait)[0])
    for shift in (0, 6, 12, 18):
        image = np.roll(portrait, shift, axis=1)
        found = tracker(image)
        assert np.abs((found - landmarks)[:, :2].mean(0) - [shift, 0]).max() < 1
    assert tracker(np.full_like(portrait, 128)) is None
    back = tracker(portrait)
    assert np.linalg.norm((back - landmarks)[:, :2], axis=1).mean() < 1


def test_the_matte_holds_the_person_and_leaves_the_wall(portrait, landmarks):
    matte = PersonSegmenter()(portrait)
    assert matte.shape == portrait.shape[:2]
    assert matte.dtype == np.float32
    assert 0 <= matte.min() <= matte.max() <= 1
    x, y = landmarks[:468, :2].astype(int).T
    assert matte[y, x].mean() > 0.97
    assert matte[:60, :60].mean() < 0.1


def test_blendshapes_see_closed_eyes_and_an_open_jaw(landmarks):
    read = Blendshapes()
    at_rest = dict(zip(BLENDSHAPES, read(landmarks), strict=True))
    assert all(-0.01 <= value <= 1.01 for value in at_rest.values())
    shut = landmarks.copy()
    for upper, lower in zip((246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155), strict=True):
        shut[upper] = landmarks[lower]
    shut = dict(zip(BLENDSHAPES, read(shut), strict=True))
    assert shut["eyeBlinkRight"] > at_rest["eyeBlinkRight"] + 0.2
    assert shut["eyeBlinkRight"] > shut["eyeBlinkLeft"] + 0.2
