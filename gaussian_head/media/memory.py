"""Pictures and sound encoded into bytes, for files that carry them inside."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
from PIL import Image

from ..checks import InputError
from ._sound_track import SoundTrack, checked_sound
from .formats import FORMATS


def jpeg_bytes(image: np.ndarray, *, quality: int = 92) -> bytes:
    """JPEG of u8 RGB ``[H, W, 3]`` with full colour (4:4:4)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"image has shape {image.shape}, type {image.dtype}; u8 [H, W, 3] was wanted.")
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
    return out.getvalue()


def aac_bytes(samples: np.ndarray, sample_rate: int, *, length: int | None = None) -> bytes:
    """AAC in an mp4 container (``audio/mp4``): every browser plays it, and its first sample is heard at time 0.

    Args:
        samples: ``[S]`` or ``[S, C]`` floats in [-1, 1] (1, 2, 6 or 8 channels), at least one sample.
        sample_rate: of ``samples``, Hz; one that AAC knows (8000 to 96000).
        length: how many samples are heard, silence where there are fewer; by default all.
    """
    import av

    samples = checked_sound(samples)
    if not len(samples):
        raise InputError("samples are empty; some sound was wanted.")
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        track = SoundTrack(container, FORMATS[".mp4"], samples, sample_rate)
        track.send(Fraction(len(samples) if length is None else length, sample_rate), last=True)
    return out.getvalue()
