"""The chunked "compressed PLY" of PlayCanvas and SuperSplat: 16 bytes a Gaussian, plus 3 a higher SH coefficient.

Chunks of 256 neighbours keep the bounds of their centres, log scales and colours as float32. A Gaussian is four
uint32: centre 11+10+11 bits between the bounds, rotation 2+10+10+10 bits (index of the largest of w x y z, the
other three over sqrt 2), scale like the centre, colour and opacity 8 bits each. Higher SH coefficients follow as
bytes over [-4, 4], all red ones first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..checks import InputError, require_file
from ..durable import replacing
from ..gaussians import Gaussians
from ..sh import C0
from ._splats import SplatArrays, pack_rotation, splat_arrays, unorm, unpack_rotation
from .ply import require_honest_header

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


def is_compressed_ply(path: str | Path) -> bool:
    """Whether a PLY file is one of these, by its header."""
    with open(path, "rb") as file:
        head = file.read(1 << 13)
    return head.startswith(b"ply") and b"packed_position" in head


def read_compressed_ply(path: str | Path) -> Gaussians:
    """Read a compressed PLY; colours come as SH ``[N, B, 3]``.

    Raises:
        InputError: not one, or cut short.
    """
    from plyfile import PlyData, PlyParseError

    path = require_file(path, "PLY file")
    require_honest_header(path)
    try:
        ply = PlyData.read(str(path))
        chunk, vertex = ply["chunk"].data, ply["vertex"].data
        bounds = np.stack([np.asarray(chunk[name], np.float64) for name in _BOUNDS if name in chunk.dtype.names], 1)
        position, turn, size, paint = (np.asarray(vertex[name], np.uint32) for name in _PACKED)
        sh = ply["sh"].data if any(element.name == "sh" for element in ply.elements) else None
    except (PlyParseError, KeyError, ValueError, TypeError, EOFError) as error:
        raise InputError(f"{path} is not a complete compressed PLY file ({error}).") from error
    count = len(vertex)
    if not count or len(chunk) != -(-count // CHUNK) or bounds.shape[1] < 12:
        raise InputError(f"{path} is not a compressed PLY: {count} Gaussians came with {len(chunk)} chunks of bounds.")
    at = bounds[np.arange(count) // CHUNK]
    rgb = _bits(paint, (24, 16, 8), (8, 8, 8))
    if at.shape[1] == 18:
        rgb = at[:, 12:15] + rgb * (at[:, 15:18] - at[:, 12:15])
    three = (21, 11, 0), (11, 10, 11)
    means = at[:, 0:3] + _bits(position, *three) * (at[:, 3:6] - at[:, 0:3])
    scales = at[:, 6:9] + _bits(size, *three) * (at[:, 9:12] - at[:, 6:9])
    quats = unpack_rotation(turn, lambda code: (code / 1023 - 0.5) * 2**0.5)
    columns = (means, quats, np.exp(scales), _bits(paint, (0,), (8,))[:, 0], _colours(rgb, sh))
    means, quats, scales, opacities, colors = (torch.from_numpy(np.ascontiguousarray(c)).float() for c in columns)
    return Gaussians(means=means, quats=quats, scales=scales, opacities=opacities, colors=colors)


def _bits(word: np.ndarray, shifts: tuple[int, ...], counts: tuple[int, ...]) -> np.ndarray:
    """Parts of words as shares in [0, 1]."""
    parts = [((word >> s) & ((1 << n) - 1)) / ((1 << n) - 1) for s, n in zip(shifts, counts, strict=True)]
    return np.stack(parts, 1)


def _colours(rgb: np.ndarray, sh: np.ndarray | None) -> np.ndarray:
    """SH coefficients ``[N, B, 3]``."""
    base = (rgb - 0.5)[:, None] / C0
    if sh is None:
        return base
    bytes_ = np.stack([np.asarray(sh[name], np.float64) for name in sh.dtype.names or ()], 1)
    share = np.where(bytes_ == 0, 0, np.where(bytes_ == 255, 1, (bytes_ + 0.5) / 256))
    return np.concatenate([base, (share * 8 - 4).reshape(len(rgb), 3, -1).transpose(0, 2, 1)], 1)


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
