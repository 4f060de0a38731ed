"""Where stiff things stand: on what is under them; what frames openings, as glasses do, is flat, temples go back."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from .difference import grouped

FEWEST, ROUNDS, RIDGE, BEHIND = 30, 15, 1e-6, 0.03
"""Pixels from which on a surface is fitted, its rounds and damping, and the weight of pixels that lie behind it."""
OPENING, RIM = 5e-4, 0.03
"""Least share of the picture of an opening in the paint, and greatest breadth of a rim as a share of its width."""
JOINED = 3
"""Pixels from a frame within which what begins belongs to it."""
END = 0.9
"""Share of a temple's length from which on it rests on what is under it."""


def standing(depth: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """Depth ``[H, W]`` in metres with that of a stiff thing at the pixels ``paint [H, W]`` bool."""
    frame = _framing(paint)
    if frame.sum() < FEWEST:
        return _resting(depth, paint, degree=2)
    flat = _resting(depth, frame, degree=1)
    return _reaching_back(depth, flat, frame, paint & ~frame)


def _framing(paint: np.ndarray) -> np.ndarray:
    """Of ``paint``, what goes round openings, and what lies between them: the rims and the bridge of glasses."""
    openings = grouped(np.asarray(ndimage.binary_fill_holes(paint), bool) & ~paint)
    sizes = np.bincount(openings.ravel())
    sizes[0] = 0
    large = sizes[openings] >= OPENING * paint.size
    if not large.any():
        return np.zeros_like(paint)
    around = np.asarray(ndimage.binary_dilation(large, iterations=max(3, round(RIM * paint.shape[1]))))
    hull = cv2.convexHull(np.argwhere(around)[:, ::-1].astype(np.int32))
    return paint & (cv2.fillConvexPoly(np.zeros(paint.shape, np.uint8), hull, 1) > 0)


def _reaching_back(depth: np.ndarray, flat: np.ndarray, frame: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """``flat``, and what of the ``rest`` begins at the ``frame`` straight from there to what its far end lies on."""
    away, nearest = np.empty(frame.shape), np.empty((2, *frame.shape), np.int32)
    ndimage.distance_transform_edt(~frame, distances=away, indices=nearest, return_indices=True)
    result, groups = flat.copy(), grouped(rest)
    for number in range(1, groups.max() + 1):
        part = groups == number
        far = away[part].max()
        if away[part].min() > JOINED:
            continue
        end = float(np.median(depth[part & (away >= END * far)]))
        begin = flat[nearest[0][part], nearest[1][part]]
        result[part] = begin + (end - begin) * away[part] / far
    return result


def _resting(depth: np.ndarray, under: np.ndarray, *, degree: int) -> np.ndarray:
    """Depth ``[H, W]`` of a smooth surface that rests on the pixels ``under``: asymmetric least squares.

    Source: Newey and Powell, "Asymmetric least squares estimation and testing" (1987).
    """
    if under.sum() < FEWEST:
        return depth
    rows, columns = np.mgrid[: depth.shape[0], : depth.shape[1]]
    x, y = ((at - at[under].mean()) / max(float(np.ptp(at[under])), 1.0) for at in (columns, rows))
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms = np.stack([x**i * y**j for i, j in powers], -1)
    known, wanted, weight = terms[under], depth[under], np.ones(int(under.sum()))
    plane = np.zeros(len(powers))
    for _ in range(ROUNDS):
        weighted = known * weight[:, None]
        plane = np.linalg.solve(weighted.T @ known + RIDGE * len(known) * np.eye(len(powers)), weighted.T @ wanted)
        weight = np.where(known @ plane > wanted, 1.0, BEHIND)
    return np.where(under, terms @ plane, depth)
