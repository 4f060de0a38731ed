"""Measuring the first part of the inner code on pose-normalised landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..facenet.contours import (
    INNER_LIP_PAIRS,
    LEFT_BROW,
    LEFT_IRIS,
    LEFT_LID_PAIRS,
    RIGHT_BROW,
    RIGHT_IRIS,
    RIGHT_LID_PAIRS,
)

MEASURED = ("jaw_open", "lip_width", "lip_pucker", "blink_l", "blink_r", "brow_up", "gaze_x", "gaze_y")
"""The part of a face's inner code that can be measured on landmarks, in this order, before ``lip_<i>``, ``face_<i>``.

``jaw_open``: inner-lip gap over the distance of the outer eye corners, minus that of the closed mouth.
``lip_width``: mouth width over the neutral width, minus 1. ``lip_pucker``: forward motion of the lip
centre over the eye distance. ``blink_l``, ``blink_r``: 0 open, 1 closed (the subject's own left and right).
``brow_up``: rise of the brows over the eye distance. ``gaze_x``, ``gaze_y``: iris offset from the eye
centre over half the eye width, in head frame axes (+x to the subject's left, seen as right in the picture; +y down).
"""
CLOSED_LIDS = 0.09
"""Gap of shut lids over the eye's width, as the landmarks draw them, where the clip shows no blink."""
NEVER_OPEN, USUALLY_OPEN = 0.12, 0.3
"""The same of eyes that are mostly open: at least (0.17 in the narrowest seen), and in most people."""


@dataclass(frozen=True, kw_only=True)
class Neutral:
    """A person's own zero of every measure, measured on training frames."""

    lip_gap: float
    """Inner-lip gap of the closed mouth over the eye distance."""
    mouth_width: float
    """Neutral mouth width over the eye distance."""
    lip_depth: float
    """Neutral depth of the lip centre over the eye distance."""
    lids_open: tuple[float, float]
    """Lid gap over eye width of the open left and right eye."""
    lids_closed: tuple[float, float]
    """Lid gap over eye width of the shut left and right eye."""
    brow_height: float
    """Neutral height of the brows over the eyes, over the eye distance."""
    gaze: tuple[float, float]
    """Neutral iris offset, in half eye widths."""


def _gap(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    upper, lower = np.array(pairs).T
    return (points[:, lower, 1] - points[:, upper, 1]).mean(1)


def _raw(points: np.ndarray) -> dict[str, np.ndarray]:
    """Unzeroed measures ``[T]`` of head-frame landmarks ``[T, 478, 3]``."""
    eye_distance = np.linalg.norm(points[:, 263] - points[:, 33], axis=1)
    irises = []
    for outer, inner, iris in ((263, 362, LEFT_IRIS), (33, 133, RIGHT_IRIS)):
        width = np.linalg.norm((points[:, outer] - points[:, inner])[:, :2], axis=1)
        corners = (points[:, outer, :2] + points[:, inner, :2]) / 2
        irises.append((points[:, iris[0], :2] - corners) / (width[:, None] / 2))
    lips = points[:, [0, 17, 13, 14]].mean(1)
    anchor = points[:, [33, 263, 168, 6, 4, 234, 454]].mean(1)
    brows = points[:, [*LEFT_BROW, *RIGHT_BROW], 1].mean(1)
    eyes = points[:, [33, 133, 263, 362], 1].mean(1)
    gaze = (irises[0] + irises[1]) / 2
    return {
        "lip_gap": _gap(points, INNER_LIP_PAIRS) / eye_distance,
        "mouth_width": np.linalg.norm(points[:, 291] - points[:, 61], axis=1) / eye_distance,
        "lip_depth": (lips[:, 2] - anchor[:, 2]) / eye_distance,
        **_lid_gaps(points),
        "brow_height": (eyes - brows) / eye_distance,
        "gaze_x": gaze[:, 0],
        "gaze_y": gaze[:, 1],
    }


def find_neutral(points: np.ndarray) -> Neutral:
    """The person's neutral measures from training frames ``[T, 478, 3]`` (head frame, any unit)."""
    raw = _raw(points)
    shut = np.quantile(raw["lip_gap"], 0.03)
    calm = raw["lip_gap"] <= np.quantile(raw["lip_gap"], 0.3)
    opened, closed = [], []
    for side in ("lids_l", "lids_r"):
        gap = raw[side]
        usual = float(np.quantile(gap, 0.6))
        opened.append(usual if usual >= NEVER_OPEN else USUALLY_OPEN)
        lowest = float(np.quantile(gap, 0.002))
        blinked = lowest < 0.45 * opened[-1]
        closed.append(lowest if blinked else min(CLOSED_LIDS, 0.35 * opened[-1]))
    return Neutral(
        lip_gap=float(shut),
        mouth_width=float(np.median(raw["mouth_width"][calm])),
        lip_depth=float(np.median(raw["lip_depth"][calm])),
        lids_open=(opened[0], opened[1]),
        lids_closed=(closed[0], closed[1]),
        brow_height=float(np.quantile(raw["brow_height"], 0.4)),
        gaze=(float(np.median(raw["gaze_x"])), float(np.median(raw["gaze_y"]))),
    )


def measure(points: np.ndarray, neutral: Neutral) -> np.ndarray:
    """Codes ``[T, 8]``, in the order of MEASURED, of landmarks ``[T, 478, 3]``."""
    raw = _raw(points)

    def lids(name: str, side: int) -> np.ndarray:
        return (neutral.lids_open[side] - raw[name]) / (neutral.lids_open[side] - neutral.lids_closed[side])

    values = {
        "jaw_open": raw["lip_gap"] - neutral.lip_gap,
        "lip_width": raw["mouth_width"] / neutral.mouth_width - 1,
        "lip_pucker": neutral.lip_depth - raw["lip_depth"],
        "blink_l": lids("lids_l", 0),
        "blink_r": lids("lids_r", 1),
        "brow_up": raw["brow_height"] - neutral.brow_height,
        "gaze_x": raw["gaze_x"] - neutral.gaze[0],
        "gaze_y": raw["gaze_y"] - neutral.gaze[1],
    }
    return np.stack([values[name] for name in MEASURED], axis=1)


def eyes_never_open(points: np.ndarray) -> bool:
    """True where both eyes are shut in most of the frames ``[T, 478, 2 or 3]``."""
    raw = _lid_gaps(points)
    return all(float(np.quantile(gap, 0.6)) < NEVER_OPEN for gap in raw.values())


def _lid_gaps(points: np.ndarray) -> dict[str, np.ndarray]:
    """Gap of the lids over the width of each eye ``[T]``."""
    gaps = {}
    for side, outer, inner, pairs in (("lids_l", 263, 362, LEFT_LID_PAIRS), ("lids_r", 33, 133, RIGHT_LID_PAIRS)):
        gaps[side] = _gap(points, pairs) / np.linalg.norm((points[:, outer] - points[:, inner])[:, :2], axis=1)
    return gaps


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Inner-lip gap over the eye distance ``[T]`` of landmarks ``[T, 478, 2 or 3]``, for sound offsets and reports."""
    return _gap(points, INNER_LIP_PAIRS) / np.linalg.norm(points[:, 263] - points[:, 33], axis=1)
