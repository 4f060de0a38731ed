"""Whose face it is, told by its shape and by what its upper half looks like; no recognition net is needed.

Landmarks of the whole face, pose and size taken out, tell proportions; a small picture of eyes, brows and nose, laid on
one pattern by the landmarks, tells looks. Both are means over the samples of a shot.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..tracking.initial import procrustes
from ..tracking.topology import RIGID

SIDE = 48
"""Pixels along the small picture of a face."""
PATTERN = {33: (0.24, 0.42), 263: (0.76, 0.42), 1: (0.5, 0.68), 10: (0.5, 0.08)}
"""Where outer corners of the eyes, tip of the nose and top of the forehead lie in it, as shares of its side."""
ROWS = slice(4, 36)
"""Its rows that are compared: mouth and chin change with every word."""
SHAPE_UNIT = 0.035
"""Distance of two faces' shapes, relative to their size, that counts as much as looks of correlation 0."""
TURNED = 0.5
"""Radians from the front beyond which a face tells little of its shape or looks."""


@dataclass(eq=False)
class Likeness:
    """What is known of one face's identity, a sample at a time."""

    shapes: list[np.ndarray] = field(default_factory=list)
    """``[478, 3]`` each, centred, size 1."""
    looks: list[np.ndarray] = field(default_factory=list)
    """``[h, w]`` each, contrast 1."""
    weights: list[float] = field(default_factory=list)
    """How far each is believed."""

    def add(self, image: np.ndarray, points: np.ndarray) -> None:
        """Note a face's landmarks ``points [478, 3]`` in u8 ``image [H, W, 3]``."""
        yaw = turned_by(points)
        self.shapes.append(normal_shape(points))
        self.looks.append(normal_looks(image, points))
        self.weights.append(float(np.exp(-((yaw / TURNED) ** 2))))

    def merged(self, other: Likeness) -> Likeness:
        """Both together."""
        return Likeness(
            shapes=self.shapes + other.shapes, looks=self.looks + other.looks, weights=self.weights + other.weights
        )

    @property
    def shape(self) -> np.ndarray:
        """The mean shape ``[478, 3]``."""
        return np.average(self.shapes, axis=0, weights=self.weights)

    @property
    def look(self) -> np.ndarray:
        """The mean small picture, contrast 1."""
        mean = np.average(self.looks, axis=0, weights=self.weights)
        return mean / max(float(np.linalg.norm(mean)), 1e-6)


def unlike(a: Likeness, b: Likeness) -> float:
    """How unlike two faces are: near 0 for one person, 1 or more for two."""
    (rotation,), (scale,), (middle,) = procrustes(a.shape[None], b.shape)
    moved = scale * b.shape @ rotation.T + middle
    away, size = (float(np.linalg.norm(shape[:, :2], axis=1).mean()) for shape in (a.shape - moved, a.shape))
    return 0.5 * away / size / SHAPE_UNIT + 0.5 * (1 - float((a.look * b.look).sum()))


def turned_by(points: np.ndarray) -> float:
    """Radians, roughly, that a face is turned to the side."""
    right, left, nose = points[33], points[263], points[1]
    across = (left - right)[:2]
    share = float((nose - right)[:2] @ across / max(float(across @ across), 1e-6))
    return float(np.arctan(3 * abs(share - 0.5)))


def normal_shape(points: np.ndarray) -> np.ndarray:
    """Landmarks ``[478, 3]`` turned to the front by their own depths, centred, size 1."""
    points = points.astype(np.float64) - points[list(RIGID)].mean(0)
    x = (points[263] - points[33]) + (points[454] - points[234])
    y = points[152] - points[10]
    x /= np.linalg.norm(x)
    y -= (y @ x) * x
    y /= np.linalg.norm(y)
    turned = points @ np.stack([x, y, np.cross(x, y)]).T
    return turned / np.linalg.norm(turned[:, :2], axis=1).mean()


def normal_looks(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The upper face of u8 ``image`` on the pattern, smoothed, its light taken out, contrast 1."""
    import cv2

    source = points[list(PATTERN), :2].astype(np.float32)
    target = (np.array(list(PATTERN.values())) * SIDE).astype(np.float32)
    matrix, _ = cv2.estimateAffine2D(source, target, method=cv2.LMEDS)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    shrink = SIDE / max(float(np.ptp(source[:, 1])), 1.0)
    if shrink < 1:
        grey = cv2.GaussianBlur(grey, (0, 0), 0.4 / shrink)
    small = cv2.warpAffine(grey, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    small = np.log(small.astype(np.float32) + 8)
    small = cv2.GaussianBlur(small, (0, 0), 1.0) - cv2.GaussianBlur(small, (0, 0), 8.0)
    small = small[ROWS, 4:-4]
    small = small - small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)
