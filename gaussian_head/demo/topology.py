"""Which landmark is where on the face, and meshes made finer and smoother."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

FACE_OVAL = (
    152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338,
    10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148,
)  # fmt: skip
"""The rim of the face, from the chin over the picture's right side."""
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
INNER_LIPS = UPPER_INNER + LOWER_INNER[-2:0:-1]
OUTER_LIPS = UPPER_OUTER + LOWER_OUTER[-2:0:-1]
RIGHT_EYE = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
"""The subject's right eye (left in the picture): upper and lower lid from the outer to the inner corner."""
LEFT_EYE = ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362))
RIGHT_LID_FOLD = (247, 30, 29, 27, 28, 56, 190)
LEFT_LID_FOLD = (467, 260, 259, 257, 258, 286, 414)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
BROWS = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
SKULL = (
    1, 2, 4, 5, 195, 197, 6, 168, 8, 9, 10, 151, 98, 327, 64, 294, 48, 278, 45, 275, 49, 279, 94, 19,
    50, 280, 117, 346, 123, 352, 116, 345, 227, 447, 234, 454, 127, 356, 162, 389, 21, 251, 54, 284,
    103, 332, 67, 297, 109, 338, 93, 323, 118, 347, 119, 348, 100, 329, 33, 133, 362, 263,
)  # fmt: skip
"""Landmarks that speech does not move."""


def diffuse(triangles: np.ndarray, count: int, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Smoothest field over a mesh that takes ``values`` [M, D] at vertices ``known`` [M]; returns ``[count, D]``."""
    laplacian = np.zeros((count, count))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        laplacian[triangles[:, a], triangles[:, b]] = -1
        laplacian[triangles[:, b], triangles[:, a]] = -1
    np.fill_diagonal(laplacian, -laplacian.sum(1) + 1e-9)
    smooth = laplacian @ laplacian + 0.02 * laplacian
    free = np.setdiff1d(np.arange(count), known)
    field = np.zeros((count, values.shape[1]))
    field[known] = values
    field[free] = np.linalg.solve(smooth[np.ix_(free, free)], -smooth[np.ix_(free, known)] @ values)
    return field


def subdivide(triangles: np.ndarray, count: int) -> tuple[csr_matrix, np.ndarray]:
    """One step of interpolating butterfly subdivision (Dyn, Levin, Gregory 1990).

    Returns:
        A matrix ``[count + E, count]`` that makes the finer vertices from the old ones, which stay first
        and in place, and the finer triangles ``[4 F, 3]``.
    """
    opposite: dict[tuple[int, int], list[int]] = {}
    for t in triangles.tolist():
        for a, b, c in ((t[0], t[1], t[2]), (t[1], t[2], t[0]), (t[0], t[2], t[1])):
            opposite.setdefault((min(a, b), max(a, b)), []).append(c)
    border: dict[int, list[int]] = {}
    for (a, b), across in opposite.items():
        if len(across) == 1:
            border.setdefault(a, []).append(b)
            border.setdefault(b, []).append(a)
    middle = {edge: count + n for n, edge in enumerate(opposite)}
    entries: list[tuple[int, int, float]] = [(v, v, 1.0) for v in range(count)]
    for (a, b), row in middle.items():
        across = opposite[a, b]
        stencil = [(a, 0.5), (b, 0.5)]
        if len(across) == 1:
            for near, far in ((a, b), (b, a)):
                other = [v for v in border[near] if v != far]
                stencil += [(near, 1 / 16), (other[0], -1 / 16)] if len(other) == 1 else []
        else:
            wings = [[w for w in opposite[min(e, c), max(e, c)] if w != f] for c in across for e, f in ((a, b), (b, a))]
            if all(len(w) == 1 for w in wings):
                stencil += [(c, 1 / 8) for c in across] + [(w[0], -1 / 16) for w in wings]
        entries += [(row, vertex, weight) for vertex, weight in stencil]
    rows, cols, weights = zip(*entries, strict=True)
    matrix = csr_matrix((weights, (rows, cols)), shape=(count + len(middle), count))
    mid = np.array([[middle[min(t[i], t[j]), max(t[i], t[j])] for i, j in ((0, 1), (1, 2), (2, 0))] for t in triangles])
    a, b, c = triangles.T
    ab, bc, ca = mid.T
    finer = np.concatenate([np.stack(s, 1) for s in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return matrix, finer
