"""Part labels without a parsing network: landmarks say where parts can be, the clip's own colours decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..conventions import BACKGROUND, FACE, HAIR, MOUTH, NECK, TORSO
from ..facenet.contours import INNER_LIPS, OVAL

JAW = OVAL[8:29]
"""The outline of the face from the left ear under the chin to the right ear."""
COMMON = 2.5
"""A colour is skin-like only where it is this much (natural logarithm) commoner on skin than in an even mix of all."""
BINS = (12, 24, 24)
"""Bins of brightness and the two colour differences."""


@dataclass(frozen=True, kw_only=True)
class PartColours:
    """How likely each colour is on skin, hair and clothes of one clip."""

    skin: np.ndarray
    """Log-likelihood per colour bin, BINS."""
    hair: np.ndarray
    """The same for hair."""
    clothes: np.ndarray
    """The same for clothes."""


@dataclass(frozen=True, kw_only=True)
class FaceGrid:
    """Every pixel's place relative to the face."""

    across: np.ndarray
    """``[H, W]`` distance to the face's midline over the face's width."""
    down: np.ndarray
    """``[H, W]`` distance below the eyes over the face's height."""
    jaw: np.ndarray
    """``[H, W]`` ``down`` of the jaw line at the pixel's ``across``, held beyond the ears."""
    chin: float
    """``down`` of the chin."""


def face_grid(landmarks: np.ndarray, height: int, width: int) -> FaceGrid:
    """Face-relative coordinates of all pixels from landmarks ``[478, 2]`` in pixels."""
    axis = landmarks[[454, 356, 323]].mean(0) - landmarks[[234, 127, 93]].mean(0)
    x_axis = axis / np.linalg.norm(axis)
    y_axis = np.array([-x_axis[1], x_axis[0]])
    origin = landmarks[[33, 133, 362, 263]].mean(0)
    points = landmarks - origin
    face_width = np.ptp(points[list(OVAL)] @ x_axis)
    face_height = np.ptp(points[list(OVAL)] @ y_axis)
    middle = (points[[234, 454]] @ x_axis).mean()
    v, u = np.mgrid[0:height, 0:width] + 0.5
    across = ((u - origin[0]) * x_axis[0] + (v - origin[1]) * x_axis[1] - middle) / face_width
    down = ((u - origin[0]) * y_axis[0] + (v - origin[1]) * y_axis[1]) / face_height
    jaw_across = (points[list(JAW)] @ x_axis - middle) / face_width
    jaw_down = points[list(JAW)] @ y_axis / face_height
    ear = float(jaw_down[[3, 4, -4, -5]].mean())
    order = np.argsort(jaw_across)
    ends = np.array([-10.0, jaw_across.min() - 0.02, jaw_across.max() + 0.02, 10.0])
    x = np.concatenate([ends[:2], jaw_across[order], ends[2:]])
    y = np.concatenate([[ear, ear], np.maximum(jaw_down[order], ear), [ear, ear]])
    jaw = np.interp(across, x, y)
    return FaceGrid(
        across=across.astype(np.float32),
        down=down.astype(np.float32),
        jaw=jaw.astype(np.float32),
        chin=float(points[152] @ y_axis / face_height),
    )


def polygon(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """``[H, W]`` bool of the polygon ``[P, 2]`` (pixels, centres at halves), to a sixteenth of a pixel."""
    import cv2

    mask = np.zeros((height, width), np.uint8)
    fixed = np.round((points - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], (1,), shift=4)
    return mask > 0


def colour_bins(image: np.ndarray) -> np.ndarray:
    """Flat colour bin ``[H, W]`` of every pixel of u8 RGB ``[H, W, 3]``, lightly smoothed."""
    import cv2

    ycc = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_RGB2YCrCb).astype(np.int32)
    y = ycc[..., 0] * BINS[0] // 256
    r = np.clip((ycc[..., 1] - 128) * BINS[1] // 96 + BINS[1] // 2, 0, BINS[1] - 1)
    b = np.clip((ycc[..., 2] - 128) * BINS[2] // 96 + BINS[2] // 2, 0, BINS[2] - 1)
    return (y * BINS[1] + r) * BINS[2] + b


def learn_colours(samples: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> PartColours:
    """Colour models from (image u8, matte u8, landmarks ``[478, 2]``) of a few training frames.

    Seeds: skin is the face, and under the chin whatever has the face's tint (the throat is darker, but
    no other hue); clothes are what lies well below the chin or beside the neck, and what has another
    tint under the chin; hair is what stands above the face.
    """
    from scipy.ndimage import gaussian_filter

    counts = {name: np.zeros(np.prod(BINS)) for name in ("skin", "hair", "clothes")}
    for image, matte, landmarks in samples:
        grid, bins = face_grid(landmarks, *matte.shape), colour_bins(image)
        person = matte > 200
        face = polygon(landmarks[list(OVAL)], *matte.shape)
        below = grid.down - grid.jaw
        chin_patch = (np.abs(grid.across) < 0.2) & (below > 0.03) & (below < 0.13)
        under_chin = (np.abs(grid.across) < 0.3) & (below > 0.04)
        inner_face = face & (grid.down > 0.12) & (grid.down < grid.jaw - 0.03)
        away = np.maximum(np.abs(grid.across) - 0.55, grid.down - grid.chin - 0.42)
        like_face = _tinted_alike(image, inner_face)
        seeds = {
            "skin": inner_face | (chin_patch & like_face),
            "hair": ~face & (grid.down < -0.62) & (np.abs(grid.across) < 0.6),
            "clothes": ((away > 0) & (grid.down > grid.chin + 0.15)) | (under_chin & ~like_face),
        }
        for name, where in seeds.items():
            counts[name] += np.bincount(bins[where & person], minlength=len(counts[name]))
    smooth = {}
    for name, count in counts.items():
        spread = gaussian_filter(count.reshape(BINS), (0.8, 0.7, 0.7)) + 1e-4 * max(count.sum(), 1) / count.size
        smooth[name] = np.log(spread / spread.sum())
    return PartColours(**smooth)


def _tinted_alike(image: np.ndarray, where: np.ndarray, slack: float = 5.0) -> np.ndarray:
    """``[H, W]`` bool, True where both colour differences lie within those of the pixels ``where``."""
    import cv2

    tint = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_RGB2YCrCb)[..., 1:].astype(np.float32)
    if not where.any():
        return np.ones(where.shape, bool)
    low, high = np.quantile(tint[where], (0.03, 0.97), axis=0)
    return ((tint > low - slack) & (tint < high + slack)).all(-1)


def label_parts(image: np.ndarray, matte: np.ndarray, landmarks: np.ndarray, colours: PartColours) -> np.ndarray:
    """Part labels u8 ``[H, W]`` of one frame.

    Args:
        image: u8 ``[H, W, 3]`` RGB.
        matte: u8 ``[H, W]``.
        landmarks: ``[478, 2]`` pixels.
        colours: The clip's colour models.
    """
    import cv2

    height, width = matte.shape
    person = matte > 127
    grid, bins = face_grid(landmarks, height, width), colour_bins(image)
    skin, hair, clothes = (_steady(table.ravel()[bins]) for table in (colours.skin, colours.hair, colours.clothes))
    below = grid.down - grid.jaw
    radius = np.hypot(grid.across / 0.68, (grid.down + 0.12) / 0.92)
    above = (below < 0) & (radius < 1.25)
    side_hair = (below >= 0) & (hair > np.maximum(skin, clothes) + 1.5) & (np.abs(grid.across) > 0.3) & (radius < 1.9)
    head = _joined_to(person & (above | side_hair), landmarks[[9, 4]])

    other = np.maximum(clothes, COMMON - np.log(np.prod(BINS)))
    near = np.exp(-0.5 * (np.maximum(np.abs(grid.across) - 0.38, 0) / 0.1) ** 2)
    near *= np.exp(-0.5 * (np.maximum(grid.down - grid.chin - 0.3, 0) / 0.14) ** 2)
    rest = person & ~head
    shaded = 4.0 * np.exp(-((np.maximum(below, 0) / 0.06) ** 2)) * (near > 0.5)
    neck = rest & (skin - other + shaded + np.log(np.maximum(near, 1e-6)) > 2.0 * (near < 0.02) - 0.4)
    neck = cv2.medianBlur(neck.astype(np.uint8), 5) > 0
    neck = _joined_to(neck & rest, landmarks[list(JAW[6:15])], reach=0.06 * width)

    torso = _largest(rest & ~neck)
    labels = np.where(person, np.where((below < 0) | (np.abs(grid.across) > 0.45), HAIR, NECK), BACKGROUND).astype(
        np.uint8
    )
    labels[torso] = TORSO
    labels[neck] = NECK
    labels[head] = HAIR
    face = polygon(landmarks[list(OVAL)], height, width)
    labels[face & person] = FACE
    labels[polygon(landmarks[list(INNER_LIPS)], height, width) & person] = MOUTH
    return labels


def _steady(values: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(values.astype(np.float32), (0, 0), 2.0)


def _largest(mask: np.ndarray) -> np.ndarray:
    """The parts of ``mask`` that have at least a tenth of the size of the largest one."""
    import cv2

    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    sizes = np.array(stats[:, cv2.CC_STAT_AREA])
    sizes[0] = 0
    return (sizes >= max(1, 0.1 * sizes.max()))[np.asarray(parts, int)] & mask


def _joined_to(mask: np.ndarray, seeds: np.ndarray, reach: float = 3.0) -> np.ndarray:
    """The connected parts of ``mask`` that come within ``reach`` pixels of seed points ``[P, 2]``."""
    import cv2

    count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    touched = np.zeros(mask.shape, np.uint8)
    for x, y in seeds:
        cv2.circle(touched, (int(x), int(y)), max(1, round(reach)), (1,), -1)
    kept = np.unique(parts[(touched > 0) & mask])
    return np.isin(parts, kept[kept > 0])
