"""The neutral face and the ways it moves, as displacements of the landmarks in photo pixels."""

from __future__ import annotations

import numpy as np

from ..facenet import NUM_MESH
from ..facenet.contours import (
    LEFT_BROW,
    LEFT_EYELIDS,
    LEFT_LID_FOLD,
    LOWER_INNER,
    LOWER_OUTER,
    RIGHT_BROW,
    RIGHT_EYELIDS,
    RIGHT_LID_FOLD,
    UPPER_INNER,
    UPPER_OUTER,
)
from .topology import diffuse

JAW_ANGLE = 0.24
"""Radians by which the jaw turns when ``jaw`` is 1: about 20 mm between the lips."""
JAW_LINE = {
    152: 1.0, 148: 1.0, 377: 1.0, 176: 1.0, 400: 1.0, 149: 0.95, 378: 0.95, 150: 0.85, 379: 0.85, 136: 0.7, 365: 0.7,
    172: 0.5, 397: 0.5, 58: 0.28, 288: 0.28, 132: 0.1, 361: 0.1, 175: 1.0, 199: 1.0, 200: 1.0, 18: 1.0,
}  # fmt: skip
"""How much each landmark of the lower face goes with the jaw bone."""
SKULL = (
    1, 2, 4, 5, 195, 197, 6, 168, 8, 9, 10, 151, 98, 327, 64, 294, 48, 278, 45, 275, 49, 279, 94, 19,
    50, 280, 117, 346, 123, 352, 116, 345, 227, 447, 234, 454, 127, 356, 162, 389, 21, 251, 54, 284,
    103, 332, 67, 297, 109, 338, 93, 323, 118, 347, 119, 348, 100, 329, 33, 133, 362, 263,
)  # fmt: skip
"""Landmarks that speech does not move."""

Field = dict[int, np.ndarray]


def neutral_face(landmarks: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The photo's smiling face with lips closed and corners relaxed, ``[468, 3]``; inner lips coincide."""
    points = landmarks[:NUM_MESH].astype(np.float64)
    moves = _still(SKULL)
    middle = points[[13, 14]].mean(0)
    for n, (up, low, up_out, low_out) in enumerate(
        zip(UPPER_INNER, LOWER_INNER, UPPER_OUTER, LOWER_OUTER, strict=True)
    ):
        gap = points[low] - points[up]
        edge = abs(n - 5) / 5
        relax = np.array([-0.10 * (points[up, 0] - middle[0]), 2.2 * edge**2, -0.8 * edge])
        moves[up], moves[low] = 0.42 * gap + relax, -0.58 * gap + relax
        moves[up_out], moves[low_out] = 0.30 * gap + relax, -0.52 * gap + relax
    for landmark, weight in JAW_LINE.items():
        moves[landmark] = np.array([0.0, -2.6 * weight, 0.0])
    return points + _spread_moves(moves, triangles)


def face_basis(neutral: np.ndarray, triangles: np.ndarray) -> dict[str, np.ndarray]:
    """Displacement ``[468, 3]`` of each channel at full strength."""
    return {
        "jaw": _jaw(neutral, triangles),
        "pucker": _lip_shape(neutral, triangles, narrow=0.42, forward=4.6, thick=0.22),
        "spread": _lip_shape(neutral, triangles, narrow=-0.17, forward=-0.8, thick=-0.10),
        "press": _lip_shape(neutral, triangles, narrow=0.02, forward=-1.0, thick=-0.45),
        "blink_r": _blink(neutral, triangles, RIGHT_EYELIDS, RIGHT_LID_FOLD),
        "blink_l": _blink(neutral, triangles, LEFT_EYELIDS, LEFT_LID_FOLD),
        "brow_up": _brow(triangles),
    }


def jaw_rotation(points: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """Displacement ``[..., 3]`` of points fixed to the jaw bone when ``jaw`` is 1 (small-angle)."""
    hinge = neutral[[234, 454]].mean(0) + np.array([0, 2, 6])
    arm = points - hinge
    return JAW_ANGLE * np.stack([np.zeros_like(arm[..., 0]), -arm[..., 2], arm[..., 1]], -1)


def _jaw(neutral: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    turned = jaw_rotation(neutral, neutral)
    moves = _still(SKULL)
    for landmark, weight in JAW_LINE.items():
        moves[landmark] = weight * turned[landmark]
    lowered = turned[14]
    for n, (up, low, up_out, low_out) in enumerate(
        zip(UPPER_INNER, LOWER_INNER, UPPER_OUTER, LOWER_OUTER, strict=True)
    ):
        edge = abs(n - 5) / 5
        lower = 1 - 0.62 * edge**3.0
        inward = np.array([-0.07 * (neutral[low, 0] - neutral[14, 0]), 0, 0])
        corner = 0.36 * lowered + inward
        moves[low] = corner if edge == 1 else lower * turned[low] + inward
        moves[low_out] = 0.9 * corner if edge == 1 else lower * turned[low_out] + inward
        if edge < 1:
            moves[up] = -0.10 * lowered * (1 - edge**2) + 0.36 * lowered * edge**4 + inward
            moves[up_out] = 0.7 * moves[up]
    return _spread_moves(moves, triangles)


def _lip_shape(
    neutral: np.ndarray, triangles: np.ndarray, *, narrow: float, forward: float, thick: float
) -> np.ndarray:
    """Lips drawn together by ``narrow``, pushed ``forward`` pixels, thickened by the share ``thick``."""
    moves = _still((*SKULL, 152, 175, 199, 148, 377))
    middle = neutral[[13, 14]].mean(0)
    for row, is_outer in ((UPPER_INNER, 0), (LOWER_INNER, 0), (UPPER_OUTER, 1), (LOWER_OUTER, 1)):
        for n, landmark in enumerate(row):
            edge = abs(n - 5) / 5
            away = neutral[landmark] - middle
            line = np.interp(neutral[landmark, 0], *_lip_line(neutral))
            rise = is_outer * thick * (neutral[landmark, 1] - line)
            moves[landmark] = np.array([-narrow * away[0], rise, -forward * (1 - 0.65 * edge**2)])
    return _spread_moves(moves, triangles)


def _lip_line(neutral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    line = neutral[list(UPPER_INNER)]
    order = line[:, 0].argsort()
    return line[order, 0], line[order, 1]


def _blink(neutral: np.ndarray, triangles: np.ndarray, eye: tuple, fold: tuple[int, ...]) -> np.ndarray:
    upper, lower = list(eye[0]), list(eye[1])
    other = RIGHT_EYELIDS if eye is LEFT_EYELIDS else LEFT_EYELIDS
    moves = _still((*SKULL, *LEFT_BROW, *RIGHT_BROW, *other[0], *other[1]))
    target = neutral[lower]
    order = target[:, 0].argsort()
    for n, landmark in enumerate(upper):
        arch = 1 - ((n - 4) / 4) ** 2
        goal = np.array([np.interp(neutral[landmark, 0], target[order, 0], target[order, k]) for k in range(3)])
        moves[landmark] = 0.93 * (goal - neutral[landmark]) + np.array([0, 0, -0.5 * arch])
    for landmark in lower[1:-1]:
        rise = np.interp(
            neutral[landmark, 0], *(lambda u: (u[u[:, 0].argsort(), 0], u[u[:, 0].argsort(), 1]))(neutral[upper])
        )
        moves[landmark] = np.array([0.0, 0.07 * (rise - neutral[landmark, 1]), -0.2])
    for n, landmark in enumerate(fold):
        moves[landmark] = 0.50 * moves[upper[n + 1]]
    return _spread_moves(moves, triangles)


def _brow(triangles: np.ndarray) -> np.ndarray:
    kept = [i for i in SKULL if i not in (9, 151, 8)]
    lids = [i for eye in (RIGHT_EYELIDS, LEFT_EYELIDS) for lid in eye for i in lid]
    moves = _still((*kept, *lids))
    for landmark in (*LEFT_BROW, *RIGHT_BROW):
        moves[landmark] = np.array([0.0, -4.5, 0.0])
    return _spread_moves(moves, triangles)


def _still(landmarks: tuple[int, ...]) -> Field:
    return {i: np.zeros(3) for i in landmarks}


def _spread_moves(moves: Field, triangles: np.ndarray) -> np.ndarray:
    known = np.array(sorted(moves))
    return diffuse(triangles, NUM_MESH, known, np.stack([moves[i] for i in known]))
