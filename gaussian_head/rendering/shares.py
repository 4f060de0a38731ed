"""One video drawn by several workers: one begins it, each draws some of its parts, one joins them.

Joining is `render_video` with ``resume``: it finds all parts there, or draws what is missing. The bytes are those of
one process.
"""

from __future__ import annotations

from ..events import Listener, ignore
from ..media.parts import PartsFolder
from .video import Film, draw_missing, kept


def begin_video(film: Film) -> int:
    """Keep the motion of ``film`` beside its output, for whoever draws; parts that are there already stay.

    Returns:
        How many parts are to be drawn in all.
    """
    with PartsFolder(film.out, film.request(), resume=True, stays=True) as folder:
        kept(film, folder)
    return -(-len(film.motion) // film.part_length)


def draw_parts(film: Film, parts: range, *, listener: Listener = ignore) -> None:
    """Draw those of the given parts that are not there; others may draw other parts meanwhile.

    Args:
        film: as it was begun, with the motion that ``laid_motion`` gives.
        parts: their numbers, from 0.
        listener: receives Progress.

    Raises:
        InputError: no such video was begun.
    """
    length = film.part_length
    frames = range(parts.start * length, min(parts.stop * length, len(film.motion)))
    with PartsFolder(film.out, film.request(), resume=True, shared=True) as folder:
        store = film.parts(folder.path)
        try:
            draw_missing(film, frames, store, listener)
        finally:
            store.abandon()


def share_of(parts: int, shares: int, number: int) -> range:
    """The parts of one share, ``number`` from 0, of ``shares`` nearly equal ones."""
    return range(parts * number // shares, parts * (number + 1) // shares)
