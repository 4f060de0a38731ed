"""No seam: gradients of the new, values of the recording around it; and the grain that a rendering lacks."""

from __future__ import annotations

import numpy as np

MOST_UNKNOWNS = 5000
"""Pixels that a membrane is solved on; larger ones are solved on a coarser grid, for they are smooth."""
LAPLACIAN_OF_NOISE = 6.0
"""Standard deviation of GRAIN_MASK on white noise of standard deviation 1."""
GRAIN_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Blind to edges and slopes. Source: Immerkær, "Fast noise variance estimation" (1996)."""
MEAN_OF_NORMAL = 0.798
"""Mean absolute value of a standard normal variable."""
CALM = 9
"""Pixels along the squares that are compared for calm."""
GRAIN_SIZE = 0.6
"""Standard deviation, pixels, by which grain is smeared: cameras and codecs leave none white."""
GRAIN_MEASURED = 0.191
"""What ``grain_of`` tells of white noise of standard deviation 1 smeared so."""


def blended(picture: np.ndarray, patch: np.ndarray, inside: np.ndarray, *, most: float = float("inf")) -> np.ndarray:
    """``picture`` with the gradients of ``patch`` inside, and its own values around.

    Source: Pérez et al., "Poisson image editing" (2003), in the form of a membrane under the difference.

    Args:
        picture: ``[H, W, C]`` f32.
        patch: ``[H, W, C]`` f32, seamless where its differences to the picture at the rim are even.
        inside: ``[H, W]`` bool.
        most: bound on the difference that is spread inwards: where an edge crosses the rim elsewhere than it did, it
            would bleed.
    """
    out = patch + membrane((picture - patch).clip(-most, most), inside)
    np.copyto(out, picture, where=~inside[..., None])
    return out


def membrane(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The smoothest function that takes ``values [H, W, C]`` outside: harmonic ``inside [H, W]``.

    The picture's own border bounds nothing. Where nothing lies outside, it is 0.
    """
    values = np.ascontiguousarray(values, np.float32)
    count = int(inside.sum())
    if not count or inside.all():
        return np.zeros_like(values) if count else values.copy()
    rows, columns = np.nonzero(inside)
    y0, y1 = max(rows.min() - 2, 0), min(rows.max() + 3, inside.shape[0])
    x0, x1 = max(columns.min() - 2, 0), min(columns.max() + 3, inside.shape[1])
    part, within = values[y0:y1, x0:x1], inside[y0:y1, x0:x1]
    shrink = int(np.ceil(np.sqrt(count / MOST_UNKNOWNS)))
    out = values.copy()
    solved = _solved(part, within) if shrink <= 1 else _on_coarse_grid(part, within, shrink)
    out[y0:y1, x0:x1] = np.where(within[..., None], solved, part)
    return out


def _on_coarse_grid(values: np.ndarray, inside: np.ndarray, shrink: int) -> np.ndarray:
    """``_solved`` of means over ``shrink`` pixels, smoothly enlarged; a cell is inside where all of it is."""
    import cv2

    height, width = inside.shape
    size = (-(-width // shrink), -(-height // shrink))
    known = (~inside).astype(np.float32)
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(values * known[..., None], size, interpolation=cv2.INTER_AREA).reshape(*share.shape, -1)
    small = total / np.maximum(share, 1e-6)[..., None]
    solved = _solved(small.astype(np.float32), share < 1e-3)
    return cv2.resize(solved, (width, height), interpolation=cv2.INTER_CUBIC).reshape(values.shape)


def _solved(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Laplace's equation with five-point differences, exactly."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import splu

    height, width = inside.shape
    count = int(inside.sum())
    if not count or count == inside.size:
        return np.zeros_like(values) if count else values
    number = np.full((height + 2, width + 2), -2)
    number[1:-1, 1:-1] = np.where(inside, np.cumsum(inside).reshape(inside.shape) - 1, -1)
    padded = np.pad(values, [(1, 1), (1, 1), (0, 0)])
    y, x = np.nonzero(number >= 0)
    degree, known = np.zeros(count), np.zeros((count, values.shape[2]))
    links = []
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        there = number[y + dy, x + dx]
        degree += there != -2
        links.append((np.flatnonzero(there >= 0), there[there >= 0]))
        rim = there == -1
        known[rim] += padded[y + dy, x + dx][rim]
    own = np.arange(count)
    i, j = (np.concatenate([own, *(link[k] for link in links)]) for k in (0, 1))
    weights = np.concatenate([degree, -np.ones(len(i) - count)])
    matrix = coo_matrix((weights, (i, j)), (count, count)).tocsc()
    out = values.copy()
    out[inside] = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(known)
    return out


def grain_of(picture: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation of the fine noise of ``picture [H, W, C]`` in the smoothest of the pixels ``where [H, W]``.

    Beards and edges are no grain: it is told by the fifth of all places where the picture is calmest.
    """
    import cv2

    if int(where.sum()) < 64:
        return 0.0
    fine = np.abs(cv2.filter2D(picture.astype(np.float32), -1, GRAIN_MASK))
    fine = fine.reshape(*where.shape, -1).mean(2)
    calm = cv2.blur(fine, (CALM, CALM))[where]
    return float(np.quantile(calm, 0.2) / MEAN_OF_NORMAL / LAPLACIAN_OF_NOISE)


def grain_like(shape: tuple[int, int], strength: float, seed: int) -> np.ndarray:
    """Noise ``[H, W]`` that ``grain_of`` tells to be of ``strength``; ``seed`` names it."""
    import cv2

    noise = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return cv2.GaussianBlur(noise, (0, 0), GRAIN_SIZE) * np.float32(strength / GRAIN_MEASURED)
