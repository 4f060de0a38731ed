"""Loose hair beside a neck is no body; collars are."""

import numpy as np

from gaussian_head.conventions import BACKGROUND, FACE, TORSO
from gaussian_head.photo.wisps import without_wisps

S = 96
WALL, SHIRT, LOCK = (150, 145, 130), (40, 60, 110), (60, 35, 20)


def person(open_share: float):
    """A face with a piece of torso beside it above the chin, of which a share is the wall behind."""
    image = np.full((S, S, 3), WALL, np.uint8)
    labels = np.full((S, S), BACKGROUND, np.uint8)
    labels[10:70, 40:70], image[10:70, 40:70] = FACE, (200, 160, 140)
    labels[74:, 20:80], image[74:, 20:80] = TORSO, SHIRT
    labels[40:74, 25:40] = TORSO
    image[40:74, 25:40] = LOCK
    image[40:74, 25 : 25 + round(15 * open_share)] = WALL
    return image, np.where(labels == BACKGROUND, 0, 255).astype(np.uint8), labels


def test_a_piece_that_the_wall_is_seen_through_is_the_walls():
    image, alpha, labels = person(0.5)
    matte, parts = without_wisps(image, alpha, labels, np.zeros((S, S), bool), nose=0.0, chin=70.0)
    assert not matte[40:70, 25:40].any()
    assert (parts[40:70, 25:40] == BACKGROUND).all()
    assert np.array_equal(matte[74:], alpha[74:])
    assert (matte[labels == FACE] == 255).all()


def test_a_closed_collar_and_hair_stay():
    image, alpha, labels = person(0.0)
    none = np.zeros((S, S), bool)
    assert np.array_equal(without_wisps(image, alpha, labels, none, nose=0.0, chin=70.0)[0], alpha)
    image, alpha, labels = person(0.5)
    hair = none.copy()
    hair[40:74, 25:40] = True
    assert np.array_equal(without_wisps(image, alpha, labels, hair, nose=0.0, chin=70.0)[0], alpha)
