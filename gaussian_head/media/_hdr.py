"""Standard colours from high dynamic range and wide gamuts, by ITU-R BT.2100, BT.2408 and BT.1886."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PQ, HLG = 16, 18
"""Transfer characteristics as H.273 numbers them."""
WIDE = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""Red, green and blue in x, y of the primaries (H.273 numbers) that are wider than BT.709: BT.2020, Display P3."""
BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
D65 = (0.3127, 0.3290)
WHITE_NITS, PEAK_NITS = 203.0, 1000.0
"""Light of a white sheet in high dynamic range (BT.2408), and of HLG's brightest colour on its nominal display."""
GRID = 65


def needs_conversion(transfer: int, primaries: int) -> bool:
    """True where a picture's colours (H.273 numbers) are none that every screen shows."""
    return transfer in (PQ, HLG) or primaries in WIDE


def to_standard(colours: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """Colours as an ordinary screen shows them.

    The light of the display (BT.2100, for HLG a display of 1000 nits) is scaled so that a white sheet, 203 nits by
    BT.2408, becomes the screen's white; primaries are converted, what is brighter or outside the gamut is clipped as
    BT.2408's direct mapping does, and BT.1886's gamma 2.4 gives the signal.

    Args:
        colours: RGB signal ``[.., 3]`` in [0, 1].
        transfer: H.273 number; other than PQ and HLG is taken for BT.1886.
        primaries: H.273 number.

    Returns:
        RGB signal ``[.., 3]`` in [0, 1] with BT.709 primaries.
    """
    if transfer == HLG:
        light = _hlg_nits(colours) / WHITE_NITS
    elif transfer == PQ:
        light = _pq_nits(colours) / WHITE_NITS
    else:
        light = np.asarray(colours, float) ** 2.4
    if primaries in WIDE:
        light = light @ (np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(WIDE[primaries])).T
    return np.clip(light, 0, 1) ** (1 / 2.4)


@contextmanager
def colour_table(transfer: int, primaries: int) -> Iterator[Path]:
    """A temporary .cube file of ``to_standard`` for FFmpeg's ``lut3d``."""
    axis = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    table = to_standard(np.stack([red, green, blue], -1).reshape(-1, 3), transfer, primaries)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "colours.cube"
        rows = "\n".join(f"{red:.5f} {green:.5f} {blue:.5f}" for red, green, blue in table.tolist())
        path.write_text(f"LUT_3D_SIZE {GRID}\n{rows}\n", encoding="ascii")
        yield path


def _hlg_nits(signal: np.ndarray) -> np.ndarray:
    """Display light of HLG: inverse OETF, then the OOTF with system gamma 1.2 (BT.2100 table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return PEAK_NITS * np.maximum(luminance, 1e-9)[..., None] ** 0.2 * scene


def _pq_nits(signal: np.ndarray) -> np.ndarray:
    """Display light of PQ (BT.2100 table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.asarray(signal, float) ** (1 / m2)
    return 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """``[3, 3]`` from linear RGB with these primaries and D65 white to XYZ."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]).T
    x, y = D65
    return columns * np.linalg.solve(columns, [x / y, 1.0, (1 - x - y) / y])
