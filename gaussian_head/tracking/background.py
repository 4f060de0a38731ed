"""The plate behind the person."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

FEWEST = 3
"""Frames that must show a pixel's background before it is believed."""
UNLIKE = 24
"""Difference of a colour, of 255, from the plate's anywhere near: beyond noise and what compression does to edges."""
COARSER = 8
"""Pixels to one in which it is guessed what is behind the person of one frame."""
MOVES = 0.1
"""Share of the background unlike the plate, in the usual frame, from which on camera or scene move."""


def background_plate(samples: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Median of the background over a few dozen frames, holes filled smoothly from around them.

    Args:
        samples: (image u8 ``[H, W, 3]``, matte u8 ``[H, W]``) of training frames.

    Returns:
        u8 ``[H, W, 3]``.
    """
    images, clear = [], []
    for image, matte in samples:
        images.append(image)
        clear.append(clear_of(matte))
    seen = np.stack(clear)
    known = seen.sum(0) >= min(FEWEST, len(images))
    return fill_smoothly(_masked_median(np.stack(images), seen), known)


def clear_of(matte: np.ndarray) -> np.ndarray:
    """Where nothing of the person is, bool ``[H, W]``, with a margin around ``matte``, u8 ``[H, W]``."""
    import cv2

    margin = 2 * max(1, matte.shape[1] // 170) + 1
    return cv2.dilate(matte, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin))) < 8


def unlike(samples: Iterable[tuple[np.ndarray, np.ndarray]], plate: np.ndarray) -> float:
    """Share of what is behind the person that is not as on the plate, in the usual one of some frames.

    Light that changes as a whole does not count.

    Args:
        samples: (image u8 ``[H, W, 3]``, matte u8 ``[H, W]``) of frames.
        plate: u8 ``[H, W, 3]``.

    Returns:
        0 to 1; 0 where the person fills every picture.
    """
    shares = []
    for image, matte in samples:
        clear = clear_of(matte)
        off = image[clear].astype(np.int16) - plate[clear]
        if len(off):
            shares.append(float((np.abs(off - np.median(off, axis=0)).max(1) > UNLIKE).mean()))
    return float(np.median(shares or [0.0]))


def own_background(image: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """What is behind the person in one frame alone: as recorded where it is ``clear``, smooth behind the person.

    Args:
        image: u8 ``[H, W, 3]``.
        clear: bool ``[H, W]``.

    Returns:
        u8 ``[H, W, 3]``.
    """
    import cv2

    size = (max(1, image.shape[1] // COARSER), max(1, image.shape[0] // COARSER))
    share = cv2.resize(clear.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    mean = cv2.resize(np.where(clear[..., None], image, 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    coarse = fill_smoothly(np.round(mean / np.maximum(share, 1e-6)).clip(0, 255).astype(np.uint8), share[..., 0] > 0.5)
    behind = cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(clear[..., None], image, behind)


def _masked_median(images: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Median ``[H, W, 3]`` u8 of ``images [S, H, W, 3]`` where ``seen [S, H, W]``, in bands of rows to save memory."""
    out = np.zeros(images.shape[1:], np.uint8)
    for y in range(0, images.shape[1], 64):
        part = images[:, y : y + 64].astype(np.int16)
        mask = seen[:, y : y + 64]
        part[~mask] = 999
        part.sort(axis=0)
        middle = np.maximum(mask.sum(0) - 1, 0) // 2
        chosen = np.take_along_axis(part, middle[None, :, :, None], axis=0)[0]
        out[y : y + 64] = np.where(chosen > 255, 0, chosen)
    return out


def fill_smoothly(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels of u8 ``[H, W, 3]`` from ever coarser averages of the known ones (push-pull).

    Source: Gortler et al., "The Lumigraph" (1996).
    """
    import cv2

    if not known.any():
        return np.full_like(image, 128)
    weight = known.astype(np.float32)[..., None]
    levels: list[tuple[np.ndarray, np.ndarray]] = [(image.astype(np.float32) * weight, weight)]
    while min(levels[-1][0].shape[:2]) > 1:
        colour, weight = levels[-1]
        size = (max(1, colour.shape[1] // 2), max(1, colour.shape[0] // 2))
        blurred = [cv2.GaussianBlur(x, (5, 5), 0) for x in (colour, weight)]
        colour, weight = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in blurred)
        levels.append((colour, weight[..., None] if weight.ndim == 2 else weight))
    colour, weight = levels[-1]
    filled = colour / np.maximum(weight, 1e-6)
    for colour, weight in reversed(levels[:-1]):
        coarse = cv2.resize(filled, colour.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        share = np.minimum(8 * weight, 1.0)
        filled = np.where(weight > 1e-3, colour / np.maximum(weight, 1e-6), 0) * share + coarse * (1 - share)
    for _ in range(64):
        filled = np.where(known[..., None], image, cv2.blur(filled, (5, 5), borderType=cv2.BORDER_REPLICATE))
    return np.where(known[..., None], image, np.clip(np.round(filled), 0, 255).astype(np.uint8))
