"""Fields over meshes, and meshes made finer."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix


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
