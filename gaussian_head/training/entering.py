"""Hands and other things that enter the picture beside or before a torso: they are no part of a head.

A coarse picture of what is usually there is the median over the clip. What is foreign to it, and to all that lies a few
cells around (torsos move), and goes on to the picture's border has come in from there.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..conventions import HAIR

CELLS = 64
"""Cells along each side of the picture."""
FRAMES = 150
"""Frames, evenly spaced, that what is usual is told from."""
AROUND = 2
"""Cells that something usual may have moved."""
FOREIGN, LIKELY = 36.0, 18.0
"""Difference of a colour, of 255, from all usual ones around that tells a foreign thing, and down to which its piece
goes on from there."""
DEVIATIONS = 4.0
"""So many usual deviations of the cell it has to be as well."""
SMALLEST = 16
"""Foreign cells of a piece at least: five hundredths of the picture's width in square."""
RARE = 0.25
"""Share of frames from which on what is there is usual."""
MOST = 0.75
"""Share of frames with something foreign from which on nothing is concluded: it is the clip that has no usual look."""


def entering(capture: Capture) -> Tensor:
    """``[T, CELLS, CELLS]`` bool, cells of each training frame that something has entered; false in all others."""
    found = torch.zeros(capture.num_frames, CELLS, CELLS, dtype=torch.bool)
    frames = capture.train_frames
    usual = frames[torch.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().long()]
    seen = {t: _coarse(capture, t) for t in usual.tolist()}
    colours = np.stack([colour for colour, _ in seen.values()])
    free = np.stack([~head for _, head in seen.values()])
    typical, spread = _usual(colours, free)
    for t in frames.tolist():
        colour, head = seen[t] if t in seen else _coarse(capture, t)
        found[t] = torch.from_numpy(_pieces(_off(colour, typical), spread, head))
    told = found[frames].any(2).any(1).float().mean() < MOST
    return found & (found[frames].float().mean(0) < RARE) & told


def in_words(entered: Tensor, fps: float) -> str:
    """What ``entering`` found, in words; nothing where that is nothing."""
    cells = entered.flatten(1).sum(1)
    if not cells.any():
        return ""
    most = int(cells.argmax())
    return (
        f"hands or other things enter the picture in {int((cells > 0).sum())} frames, most at {most / fps:.1f} s, "
        f"where they cover {float(cells[most]) / CELLS**2:.0%} of it; training looks past them."
    )


def _coarse(capture: Capture, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours ``[CELLS, CELLS, 3]`` of a frame, and which cells ``[CELLS, CELLS]`` hold something of the head."""
    import cv2

    frame = capture.frame(t)
    head = (frame.labels >= HAIR).astype(np.float32)
    colour, share = (
        cv2.resize(np.asarray(plane), (CELLS, CELLS), interpolation=cv2.INTER_AREA) for plane in (frame.image, head)
    )
    return colour.astype(np.float32), share > 0.05


def _usual(colours: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median colours and deviations of cells from frames ``[F, CELLS, CELLS, 3]``; NaN where the head always is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        away = np.where(free[..., None], colours, np.nan)
        typical = np.nanmedian(away, 0)
        return typical, np.nanmedian(np.abs(away - typical).max(-1), 0)


def _off(colour: np.ndarray, typical: np.ndarray) -> np.ndarray:
    """``[CELLS, CELLS]`` least difference of each colour from what is usual around it; 0 where nothing is."""
    padded = np.pad(typical, ((AROUND, AROUND), (AROUND, AROUND), (0, 0)), mode="edge")
    size, reach = len(colour), range(2 * AROUND + 1)
    off = [np.abs(colour - padded[i : i + size, j : j + size]).max(-1) for i in reach for j in reach]
    least = np.fmin.reduce(off)
    return np.nan_to_num(least, nan=0.0)


def _pieces(off: np.ndarray, spread: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Cells of pieces that are foreign enough, large enough and reach the border, and a cell around them."""
    import cv2
    from scipy.ndimage import binary_dilation

    beside = np.asarray(binary_dilation(head, iterations=2), bool)
    known = np.isfinite(spread) & ~beside
    likely = known & (off > LIKELY) & (off > 0.5 * DEVIATIONS * np.nan_to_num(spread))
    sure = likely & (off > FOREIGN) & (off > DEVIATIONS * np.nan_to_num(spread))
    count, numbers = cv2.connectedComponents(likely.astype(np.uint8), connectivity=4)
    pieces = np.asarray(numbers, np.int64)
    enough = np.bincount(pieces.ravel(), sure.ravel(), count) >= SMALLEST
    border = np.zeros(count, bool)
    border[np.concatenate([pieces[-1], pieces[:, 0], pieces[:, -1], pieces[0]])] = True
    enough &= border
    enough[0] = False
    return np.asarray(binary_dilation(enough[pieces]), bool) & ~beside
