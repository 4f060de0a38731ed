"""Matte, part labels and background plate on painted pictures."""

import numpy as np
import pytest

from gaussian_head.facenet.contours import INNER_LIPS, OVAL
from gaussian_head.tracking import labels as parts
from gaussian_head.tracking.background import (
    MOVES,
    background_plate,
    clear_of,
    fill_smoothly,
    own_background,
    unlike,
)
from gaussian_head.tracking.matte import guided_filter, refine_matte

SIZE = 256
SKIN, HAIR, SHIRT, SUIT, WALL = (205, 150, 125), (60, 40, 30), (245, 245, 248), (35, 40, 70), (90, 130, 160)


@pytest.fixture(scope="module")
def painted(portrait_landmarks):
    """A painted bust around real landmarks: picture, matte, landmarks and where neck, shirt, hair and ears are."""
    import cv2

    points = portrait_landmarks[:, :2].astype(np.float64)
    low, high = points.min(0), points.max(0)
    points = (points - low) * (75 / (high - low).max()) + [95, 70]
    image = np.full((SIZE, SIZE, 3), WALL, np.uint8)
    person = np.zeros((SIZE, SIZE), np.uint8)
    chin, top = points[152], points[10]
    middle = points[[234, 454]].mean(0)
    width = np.ptp(points[:, 0])

    def paint(draw, colour):
        draw(image, colour)
        draw(person, 255)

    def polygon(corners):
        return lambda target, colour: cv2.fillPoly(target, [np.round(corners).astype(np.int32)], colour)

    def ellipse(centre, axes):
        at, radii = tuple(int(v) for v in centre), tuple(int(v) for v in axes)
        return lambda target, colour: cv2.ellipse(target, at, radii, 0, 0, 360, colour, -1)

    shoulder = chin[1] + 30
    paint(polygon([[30, SIZE], [60, shoulder], [chin[0], shoulder - 14], [200, shoulder], [235, SIZE]]), SUIT)
    paint(polygon(chin + [[-16, 22], [16, 22], [0, 75]]), SHIRT)
    paint(polygon(chin + [[-20, -20], [20, -20], [18, 22], [0, 34], [-18, 22]]), SKIN)
    paint(ellipse((middle[0], top[1] + 14), (width * 0.62, 32)), HAIR)
    paint(polygon(points[list(OVAL)]), SKIN)
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    spots = {"neck": chin + [0, 12], "shirt": chin + [0, 48], "suit": [70, 240], "hair": top - [0, 9], "wall": [10, 10]}
    return image, person, points, spots


def test_each_part_gets_its_label(painted):
    image, person, points, spots = painted
    colours = parts.learn_colours([(image, person, points)])
    labels = parts.label_parts(image, person, points, colours)

    def at(spot):
        x, y = np.round(spot).astype(int)
        return labels[y, x]

    assert at(points[4]) == parts.FACE
    assert at(spots["neck"]) == parts.NECK
    assert at(spots["shirt"]) == parts.TORSO
    assert at(spots["suit"]) == parts.TORSO
    assert at(spots["hair"]) == parts.HAIR
    assert at(spots["wall"]) == parts.BACKGROUND
    assert ((labels == parts.BACKGROUND) == (person <= 127)).all()
    neck_y = np.nonzero(labels == parts.NECK)[0]
    assert neck_y.min() > points[4, 1]
    assert neck_y.max() < points[152, 1] + 45


def test_labels_follow_a_tilted_head(painted):
    import cv2

    image, person, points, spots = painted
    turn = cv2.getRotationMatrix2D((SIZE / 2 - 0.5, SIZE / 2 - 0.5), 20, 1.0)
    image = cv2.warpAffine(image, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    person = cv2.warpAffine(person, turn, (SIZE, SIZE))
    turned = (points - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    labels = parts.label_parts(image, person, turned, parts.learn_colours([(image, person, turned)]))
    for name, label in (("neck", parts.NECK), ("shirt", parts.TORSO), ("hair", parts.HAIR)):
        x, y = np.round(turn[:, :2] @ spots[name] + turn[:, 2]).astype(int)
        assert labels[y, x] == label, name


def test_mouth_is_the_inner_lip_polygon(painted):
    image, person, points, _ = painted
    opened = points.copy()
    lower = list(INNER_LIPS[11:])
    opened[lower, 1] += 8
    labels = parts.label_parts(image, person, opened, parts.learn_colours([(image, person, points)]))
    assert (labels == parts.MOUTH).sum() == pytest.approx(parts.polygon(opened[list(INNER_LIPS)], SIZE, SIZE).sum())
    x, y = opened[[13, 14]].mean(0).astype(int)
    assert labels[y, x] == parts.MOUTH


def test_guided_filter_snaps_to_the_edge():
    image = np.full((64, 64, 3), 30, np.uint8)
    image[:, 30:] = (200, 180, 160)
    blurred = np.clip((np.arange(64)[None].repeat(64, 0) - 22) / 16, 0, 1).astype(np.float32)
    sharp = guided_filter(image, blurred, radius=6, eps=1e-4)
    assert sharp[32, 27] < 0.3
    assert sharp[32, 34] > 0.7
    flat = guided_filter(image, np.full((64, 64), 0.4, np.float32), radius=6, eps=1e-4)
    assert np.allclose(flat, 0.4, atol=1e-3)


def test_matte_keeps_one_person_without_holes():
    image = np.full((128, 128, 3), 90, np.uint8)
    probability = np.zeros((128, 128), np.float32)
    probability[40:128, 40:90] = 1
    probability[79:84, 59:64] = 0
    probability[5:15, 5:15] = 1
    matte = refine_matte(image, probability)
    assert matte[100, 65] == 255
    assert matte[81, 61] > 240
    assert matte[10, 10] == 0
    assert matte[20, 110] == 0


def test_plate_is_seen_behind_a_moving_person():
    y, x = np.mgrid[0:64, 0:96]
    scene = np.stack([x * 2, y * 3, 120 + 0 * x], axis=2).astype(np.uint8)
    samples = []
    for t in range(30):
        image, matte = scene.copy(), np.zeros((64, 96), np.uint8)
        image[20:60, t : t + 40], matte[20:60, t : t + 40] = 255, 255
        samples.append((image, matte))
    plate = background_plate(samples)
    always = np.zeros((64, 96), bool)
    always[16:64, 24:46] = True
    assert np.abs(plate.astype(int) - scene)[~always].max() <= 1
    assert np.abs(plate.astype(int) - scene)[20:60, 29:41].mean() < 40


def test_holes_are_filled_without_a_seam():
    y, x = np.mgrid[0:64, 0:64]
    scene = np.stack([60 + x * 2, 60 + y * 2, 100 + 0 * x], axis=2).astype(np.uint8)
    known = np.ones((64, 64), bool)
    known[16:48, 16:48] = False
    filled = fill_smoothly(np.where(known[..., None], scene, 0).astype(np.uint8), known)
    assert np.array_equal(filled[known], scene[known])
    assert np.abs(np.diff(filled.astype(int), axis=0)).max() < 20
    assert np.abs(filled.astype(int) - scene).max() < 30
    assert fill_smoothly(scene, np.zeros((64, 64), bool)).std() == 0


def before_a_wall(shift, light=0):
    """A picture and matte: a person in the middle, before a chequered wall that has moved by ``shift`` pixels."""
    y, x = np.mgrid[0:96, 0:96]
    wall = np.where(((x + shift) // 8 + y // 8) % 2, 200, 60)[..., None] + np.zeros(3, int) + light
    image, matte = wall.clip(0, 255).astype(np.uint8), np.zeros((96, 96), np.uint8)
    image[40:, 30:66], matte[40:, 30:66] = (220, 30, 30), 255
    return image, matte


def test_a_camera_that_moves_is_told_from_light_that_changes():
    still = [before_a_wall(0, light) for light in (0, 20, -20, 0, 30)]
    moved = [before_a_wall(shift) for shift in (0, 3, 7, 12, 5)]
    plate = background_plate(still)
    assert unlike(still, plate) < 0.01
    assert unlike(moved, plate) > MOVES
    assert unlike([(image, np.full_like(matte, 255)) for image, matte in moved], plate) == 0


def test_the_own_background_of_a_frame_is_the_recorded_one_and_smooth_behind_the_person():
    image, matte = before_a_wall(3)
    clear = clear_of(matte)
    behind = own_background(image, clear)
    assert np.array_equal(behind[clear], image[clear])
    assert not clear[40:, 30:66].any()
    hidden = behind[~clear].astype(int)
    assert hidden.min() > 50
    assert hidden.max() < 210
    assert np.ptp(hidden, axis=1).max() <= 2, "nothing of the red person"
