"""Where a person's outline goes on beyond a photograph's border: a crown closes, shoulders widen."""

from __future__ import annotations

import numpy as np

ROOM = 0.5
"""Sides of the square beyond its border for which outlines are carried on."""
SLOPING = 1.7
"""Pixels by which shoulders widen for one farther down."""
LEANING = 0.04
"""Sides of the square below the upper border over which it is told how fast a head narrows there."""


def framed(person: np.ndarray) -> tuple[np.ndarray, int]:
    """The person ``[S + 2 M, S + 2 M]`` bool with what lies beyond the border of ``[S, S]``, and M, pixels.

    A head that the upper border cuts closes by the circle which goes on from its outline there; below the lower border
    a person widens as shoulders do; to the sides it goes on as it is.
    """
    size, room = len(person), round(ROOM * len(person))
    wide = np.pad(person, ((0, 0), (room, room)), mode="edge")
    column = np.arange(wide.shape[1])
    below, above = np.zeros((2, room, len(column)), bool)
    last = np.flatnonzero(wide[-1])
    if len(last):
        near = np.abs(column - last[np.abs(last[:, None] - column).argmin(0)])
        below = near[None] <= SLOPING * np.arange(1, room + 1)[:, None]
    first = np.flatnonzero(person[0])
    if len(first):
        deep = max(1, round(LEANING * size))
        half, middle = len(first) / 2, room + first.mean()
        lower = max(0.0, (int(person[deep].sum()) / 2 - half) / deep) * half
        height = lower + np.arange(1, room + 1)[::-1, None]
        above = height**2 + (column - middle) ** 2 <= half**2 + lower**2
    return np.concatenate([above, wide, below]), room
