"""Numbers that every backend shares; the kernels hold the same in ``cuda_ext/core/config.h``."""

from typing import Final

ALPHA_MAX: Final = 0.999
"""Alpha is clamped to this; a clamped contribution passes no gradient to shape or opacity."""
ALPHA_MIN: Final = 1.0 / 255.0
"""Fainter contributions are skipped."""
TRANSMITTANCE_MIN: Final = 1e-4
"""A pixel is finished before its transmittance falls to this."""
FRUSTUM_MARGIN: Final = 0.3
"""The local affine map is clamped this fraction of half the image outside of it."""
EPS2D: Final = 0.3
"""Variance in px² added to every splat: a low-pass filter of about a pixel."""
TILE: Final = 16
"""Side of a tile in pixels."""
CHANNEL_LIMIT: Final = 128
"""Most channels of one pass: colors, extra and depth together."""
