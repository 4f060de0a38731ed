"""The chunked "compressed PLY" of PlayCanvas and SuperSplat: 16 bytes a Gaussian, plus 3 a higher SH coefficient.

Chunks of 256 neighbours keep the bounds of their centres, log scales and colours as float32. A Gaussian is four
uint32: centre 11+10+11 bits between the bounds, rotation 2+10+10+10 bits (index of the largest of w x y z, the
other three over sqrt 2), scale like the centre, colour and opacity 8 bits each. Higher SH coefficients follow as
bytes over [-4, 4], all red ones first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..durable import replacing
from ..gaussians import Gaussians
from ..sh import C0
from ._splats import SplatArrays, pack_rotation, splat_arrays, unorm

CHUNK = 256
_BOUNDS = tuple(
    f"{end}_{name}"
    for names in (("x", "y", "z"), ("scale_x", "scale_y", "scale_z"), ("r", "g", "b"))
    for end in ("min", "max")
    for name in names
)
_PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")


def write_compressed_ply(path: str | Path, gaussians: Gaussians) -> None:
    """Write a compressed PLY, at once or not at all; Gaussians with a NaN or infinity are left out.

    Args:
        path: file to write; SuperSplat expects names that end in ``.compressed.ply`` or ``.ply``.
        gaussians: N Gaussians with RGB or SH colours; they come out in another order.

    Raises:
        InputError: no Gaussian is finite, or the number of SH coefficients is not a square.
    """
    from plyfile import PlyData, PlyElement

    splats = splat_arrays(gaussians, Path(path))
    rgb = 0.5 + C0 * splats.sh[:, 0]
    position, position_bounds = _in_chunks(splats.means)
    scale, scale_bounds = _in_chunks(np.clip(splats.log_scales, -20, 20))
    color, color_bounds = _in_chunks(rgb)
    bounds = np.concatenate([position_bounds, scale_bounds, color_bounds], 1).astype("<f4")
    columns = (
        _pack_11_10_11(position),
        pack_rotation(splats.quats, _rotation_code),
        _pack_11_10_11(scale),
        _pack_color(color, splats),
    )
    elements = {"chunk": _table(bounds, _BOUNDS), "vertex": _table(np.stack(columns, 1).astype("<u4"), _PACKED)}
    rest = splats.sh[:, 1:].transpose(0, 2, 1).reshape(len(rgb), -1)
    if rest.shape[1]:
        quantised = np.clip(np.floor((rest / 8 + 0.5) * 256), 0, 255).astype("u1")
        elements["sh"] = _table(quantised, tuple(f"f_rest_{i}" for i in range(rest.shape[1])))
    described = [PlyElement.describe(table, name) for name, table in elements.items()]
    with replacing(path) as temporary:
        PlyData(described, byte_order="<").write(str(temporary))


def _in_chunks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``[N, 3]`` as shares in [0, 1] of their chunk's bounds, and the bounds ``[chunks, 6]`` (least, then most)."""
    starts = np.arange(0, len(values), CHUNK)
    low = np.minimum.reduceat(values, starts).astype("<f4").astype(np.float64)
    high = np.maximum.reduceat(values, starts).astype("<f4").astype(np.float64)
    chunk = np.arange(len(values)) // CHUNK
    span = high - low
    share = (values - low[chunk]) / np.where(span < 1e-5, np.inf, span)[chunk]
    return np.clip(share, 0, 1), np.concatenate([low, high], 1)


def _pack_11_10_11(share: np.ndarray) -> np.ndarray:
    return unorm(share[:, 0], 11) << 21 | unorm(share[:, 1], 10) << 11 | unorm(share[:, 2], 11)


def _pack_color(share: np.ndarray, splats: SplatArrays) -> np.ndarray:
    r, g, b, a = (unorm(column, 8) for column in (*share.T, splats.opacities))
    return r << 24 | g << 16 | b << 8 | a


def _rotation_code(component: np.ndarray) -> np.ndarray:
    return unorm(component * 0.5**0.5 + 0.5, 10)


def _table(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Rows ``[N, columns]`` as a structured array."""
    return np.ascontiguousarray(values).view([(name, values.dtype) for name in names])[:, 0]
