"""The torso's motion told by its whole picture, where clothes or bare shoulders show too few corners to follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SCALES = (0.25, 0.5, 1.0)
"""Sizes of the picture, coarse to fine."""
STEPS = 12
"""Most Gauss-Newton steps at each size."""
DONE = 0.01
"""Pixels below which a step ends them."""
NOISE = 6.0
"""Grey levels of the robust width: what a fold, a hand or hair over the clothes changes counts for little."""
HELD = (3e-3, 3e-3, 30.0, 30.0)
"""Weight, as a share of the pixels', that holds shift (pixels), turn and growth where nothing tells them."""
MOST_TURN, MOST_SHIFT = 0.25, 0.25
"""Radians (and log size), and share of the width, beyond which a motion is not believed."""


class TorsoPicture:
    """The rest frame's torso, aligned with other frames by a similarity about a pivot."""

    def __init__(self, template: np.ndarray, mask: np.ndarray, pivot: np.ndarray) -> None:
        """``template [H, W]`` u8 grey of the rest frame, ``mask [H, W]`` bool its torso, ``pivot [2]`` pixels."""
        self._width = template.shape[1]
        self._levels = [_Level(template, mask, pivot, scale) for scale in SCALES]

    def align(self, gray: np.ndarray, start: np.ndarray, *, fine: bool = False) -> np.ndarray | None:
        """Shift (pixels), turn and log growth ``[4]`` in ``gray [H, W]`` u8, searched from ``start [4]``; or None.

        ``fine`` leaves out the coarsest picture, for a start that is nearly right.
        """
        motion = start.astype(float)
        for level in self._levels[1:] if fine else self._levels:
            motion = level.align(gray, motion)
        far = np.abs(motion) > (MOST_SHIFT * self._width, MOST_SHIFT * self._width, MOST_TURN, MOST_TURN)
        return None if far.any() or not np.isfinite(motion).all() else motion


class _Level:
    """One size of the picture: the inverse compositional form, in which the template's slopes are taken once.

    Source: Baker and Matthews, "Lucas-Kanade 20 years on" (2004).
    """

    def __init__(self, template: np.ndarray, mask: np.ndarray, pivot: np.ndarray, scale: float) -> None:
        import cv2

        self._scale, self._pivot = scale, pivot * scale - 0.5
        picture = _smaller(template, scale)
        kept = cv2.resize(mask.astype(np.uint8), picture.shape[::-1], interpolation=cv2.INTER_AREA) > 0
        self._rows, self._columns = np.nonzero(kept)
        slope_y, slope_x = np.gradient(picture)
        x, y = self._columns - self._pivot[0], self._rows - self._pivot[1]
        gx, gy = slope_x[kept], slope_y[kept]
        self._values = picture[kept]
        self._slopes = np.stack([gx, gy, gy * x - gx * y, gx * x + gy * y], axis=1)
        self._places = np.stack([x, y])

    def align(self, gray: np.ndarray, motion: np.ndarray) -> np.ndarray:
        from scipy.ndimage import map_coordinates

        picture, scale = _smaller(gray, self._scale), np.array([self._scale, self._scale, 1, 1])
        held = np.diag(HELD) * len(self._values)
        now = motion * scale
        for _ in range(STEPS if len(self._values) > 50 else 0):
            turn = np.exp(now[3]) * np.array([[np.cos(now[2]), -np.sin(now[2])], [np.sin(now[2]), np.cos(now[2])]])
            x, y = turn @ self._places + (self._pivot + now[:2])[:, None]
            seen = map_coordinates(picture, (y, x), order=1, mode="nearest")
            inside = (x >= 0) & (y >= 0) & (x <= picture.shape[1] - 1) & (y <= picture.shape[0] - 1)
            error = seen - self._values
            error = error - np.median(error[inside]) if inside.any() else error
            weight = inside / (1 + (error / NOISE) ** 2)
            weighted = self._slopes * weight[:, None]
            step = np.linalg.solve(weighted.T @ self._slopes + held, weighted.T @ error)
            now = now - np.array([*(turn @ step[:2]), step[2], step[3]])
            if np.abs(step[:2]).max() < DONE and np.abs(step[2:]).max() * self._width < DONE:
                break
        return now / scale

    @property
    def _width(self) -> float:
        return float(np.abs(self._places).max())


def _smaller(gray: np.ndarray, scale: float) -> np.ndarray:
    import cv2

    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    return cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0)


def follow_picture(
    read_gray: Callable[[int], np.ndarray], rest: int, mask: np.ndarray, pivot: np.ndarray, num_frames: int
) -> np.ndarray:
    """Motion ``[N, 4]`` of the torso ``mask [H, W]`` in all frames, NaN where it was lost.

    Every frame is aligned with the rest frame itself, from its neighbour's motion, so that nothing drifts.
    """
    torso = TorsoPicture(read_gray(rest), mask, pivot)
    motion = np.full((num_frames, 4), np.nan)
    motion[rest] = 0
    for order in (range(rest + 1, num_frames), range(rest - 1, -1, -1)):
        guess = np.zeros(4)
        for t in order:
            found = torso.align(read_gray(t), guess)
            if found is not None:
                motion[t] = guess = found
    return motion
