"""Pictures of one exposure out of those of a camera that sets its own: what stands still behind the person tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .background import MOVES, background_plate, clear_of, unlike
from .steadiness import BRIGHTENED, Steadiness

if TYPE_CHECKING:
    from ..capture import CaptureWriter

LOOKS_A_SECOND, MOST_LOOKS, PLATE_LOOKS = 4, 240, 40
"""Pictures in which it is looked for what the camera does, a second and in all, and of them for the background."""

WIDTH = 16
"""Values, of 256, that are told together."""
FEWEST = 60
"""Values of background pixels that must tell them, all colours together."""
BLACK = 4.0
"""Added to values before they are compared, so that noise in the dark tells little."""


def tones_of(image: np.ndarray, matte: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """Which value of 0 to 255 each value of a picture has on the plate, ``[256]`` u8, the same for all colours.

    Args:
        image: u8 ``[H, W, 3]``.
        matte: u8 ``[H, W]`` of the person.
        plate: u8 ``[H, W, 3]``, the background as it usually is.
    """
    clear = clear_of(matte)
    seen, usual = image[clear].ravel().astype(np.float64), plate[clear].ravel().astype(np.float64)
    places, ratios = [], []
    for low in range(0, 256, WIDTH):
        there = (seen >= low) & (seen < low + WIDTH)
        if there.sum() >= FEWEST:
            places.append(np.median(seen[there]))
            ratios.append(np.median((usual[there] + BLACK) / (seen[there] + BLACK)))
    values = np.arange(256.0)
    if not places:
        return values.astype(np.uint8)
    told = (values + BLACK) * np.interp(values, places, ratios) - BLACK
    return np.maximum.accumulate(told).clip(0, 255).round().astype(np.uint8)


def look_at_camera(writer: CaptureWriter, tracked: np.ndarray, fps: float) -> Steadiness:
    """What the camera does of its own accord in a capture that is being written; its exposure is undone where it can.

    Args:
        writer: pictures and mattes of all frames are there.
        tracked: ``[N]`` bool, frames that are used.
        fps: frames per second.
    """
    good = np.flatnonzero(tracked)
    looks = good[:: max(1, round(fps / LOOKS_A_SECOND), -(-len(good) // MOST_LOOKS))]

    def shown(frames: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return ((writer.read_image(int(t)), writer.read_alpha(int(t))) for t in frames)

    found = Steadiness.of(shown(looks))
    if found.brightness <= BRIGHTENED:
        return found
    some = looks[np.unique(np.linspace(0, len(looks) - 1, PLATE_LOOKS).round().astype(int))]
    plate = background_plate(shown(some))
    if unlike(shown(some), plate) > MOVES:
        return found
    for t, (image, matte) in enumerate(shown(np.arange(len(tracked)))):
        writer.write_image(t, tones_of(image, matte, plate)[image])
    return replace(found, evened=True)
