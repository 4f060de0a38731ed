"""Pictures and sound encoded into bytes, for files that carry them inside."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
from PIL import Image

from ..checks import InputError
from .audio import checked_samples

AAC_BLOCK = 1024


def jpeg_bytes(image: np.ndarray, *, quality: int = 92) -> bytes:
    """JPEG of u8 RGB ``[H, W, 3]`` with full colour (4:4:4)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"image has shape {image.shape}, type {image.dtype}; u8 [H, W, 3] was wanted.")
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
    return out.getvalue()


def aac_bytes(samples: np.ndarray, sample_rate: int, *, bit_rate: int = 64_000) -> bytes:
    """AAC in an mp4 container (``audio/mp4``): every browser plays it, and its first sample is heard at time 0.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1], at least one sample.
        sample_rate: of ``samples``, Hz; one that AAC knows (8000 to 96000).
        bit_rate: bits per second.
    """
    import av

    samples = checked_samples(samples)
    if not len(samples):
        raise InputError("samples are empty; some sound was wanted.")
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=sample_rate, layout="mono")
        stream.bit_rate = bit_rate
        for start in range(0, len(samples), AAC_BLOCK):
            block = np.clip(samples[start : start + AAC_BLOCK], -1, 1)
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
