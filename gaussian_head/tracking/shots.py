"""Where one shot of a video ends and another begins, told from small pictures of all frames."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

SIDE = 24
"""Pixels along a small picture."""
NEW_PICTURE = 0.2
"""Difference that a cut makes at least: two people before the same wall 0.23, waving hands or the same person a
moment later up to 0.19."""
SUDDEN = 4.0
"""Multiple of the differences around it that a cut makes at least: a shaken camera makes many large ones."""
GREY = 3.0
"""Contrast, grey levels of 255, below which a small picture counts as empty."""
FLASH_SECONDS = 0.25
"""Longest disturbance after which the same shot goes on."""
FADE_SECONDS = 1.0
"""Length of a cross-fade looked for."""
OTHER_SCENE = 0.45
"""Difference before and after a cross-fade at least."""
SAME_MIXTURE = 0.1
"""Difference at most of its middle from the mean of both: a head that moves is nowhere twice."""


@dataclass(frozen=True, kw_only=True)
class Shots:
    """The shots of a video."""

    bounds: tuple[tuple[int, int], ...]
    """First frame and the frame after the last of each."""
    scenes: tuple[int, ...]
    """Number of what each shows; shots that return to the same picture share it."""
    disturbed: np.ndarray
    """``[D]`` frames inside shots that show something else: flashes, single foreign or broken pictures."""


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Small grey picture u8 ``[SIDE, SIDE]`` of u8 RGB ``[H, W, 3]``."""
    import cv2

    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How unlike small pictures ``[..., SIDE, SIDE]`` are, brightness aside: 0 the same, 1 nothing in common.

    The geometric mean of how much of their contrast differs and of how large a part of the picture does: a caption
    or a hand changes much in few places, a shaken camera little in many.
    """
    a, b = (x.astype(np.float32) - x.mean((-1, -2), dtype=np.float32, keepdims=True) for x in (a, b))
    energy = (a * a).mean((-1, -2)) + (b * b).mean((-1, -2)) + 2 * GREY**2
    contrast = ((a - b) ** 2).mean((-1, -2)) / energy
    visible = np.maximum(0.2 * np.sqrt(energy / 2), GREY)[..., None, None]
    return np.sqrt(contrast * (np.abs(a - b) > visible).mean((-1, -2)))


def find_shots(small: np.ndarray, fps: float) -> Shots:
    """Shots of small pictures ``[N, SIDE, SIDE]``."""
    cuts = _cuts(small, fps)
    kept, disturbed = [], []
    longest = max(1, round(FLASH_SECONDS * fps))
    while cuts:
        cut, *cuts = cuts
        back = [c for c in cuts if c - cut <= longest and difference(small[cut - 1], small[c]) < NEW_PICTURE]
        if back:
            disturbed.extend(range(cut, back[-1]))
            cuts = [c for c in cuts if c > back[-1]]
        else:
            kept.append(cut)
    edges = sorted({0, *kept, *_fades(small, fps, kept), len(small)})
    bounds = tuple(pairwise(edges))
    return Shots(bounds=bounds, scenes=_scenes(small, bounds), disturbed=np.array(disturbed, int))


def _scenes(small: np.ndarray, bounds: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Which shots go on with the picture that an earlier one ended with."""
    scenes, endings = [], []
    for first, last in bounds:
        known = [k for k, end in enumerate(endings) if difference(small[end], small[first]) < NEW_PICTURE]
        scenes.append(known[-1] if known else len(endings))
        endings[scenes[-1] : scenes[-1] + 1] = [last - 1]
    return tuple(scenes)


def _cuts(small: np.ndarray, fps: float) -> list[int]:
    """Frames that begin something new."""
    change = difference(small[1:], small[:-1])
    reach = max(2, round(0.5 * fps))
    found = []
    for k in np.flatnonzero(change > NEW_PICTURE):
        around = np.concatenate([change[max(k - reach, 0) : k], change[k + 1 : k + 1 + reach]])
        if not len(around) or change[k] > SUDDEN * np.median(around):
            found.append(int(k) + 1)
    return found


def _fades(small: np.ndarray, fps: float, cuts: list[int]) -> list[int]:
    """First frames and frames after cross-fades: the picture stands before and after, but is another one."""
    step = max(1, round(FADE_SECONDS * fps / 2))
    middle = np.arange(3 * step, len(small) - 3 * step)
    if not len(middle):
        return []
    across = difference(small[middle - step], small[middle + step])
    before = difference(small[middle - 3 * step], small[middle - step])
    after = difference(small[middle + step], small[middle + 3 * step])
    mixed = (small[middle - step].astype(np.float32) + small[middle + step]) / 2
    mixture = difference(small[middle], mixed) < SAME_MIXTURE
    strong = (across > OTHER_SCENE) & (across > 3 * np.maximum(before, after)) & mixture
    near = np.abs(middle[:, None] - np.array([*cuts, -(10**9)])).min(1) <= 3 * step
    found: list[int] = []
    for k in sorted(np.flatnonzero(strong & ~near), key=lambda k: -across[k]):
        if all(abs(int(middle[k]) - other) > 3 * step for other in found):
            found.append(int(middle[k]))
    return [edge for centre in found for edge in (centre - step, centre + step)]
