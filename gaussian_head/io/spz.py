"""Niantic's SPZ, version 3: about 20 bytes a Gaussian before gzip.

A gzipped stream of a 16-byte header (magic ``NGSP``, version, number, SH degree, fractional bits, flags, padding),
then all positions (24-bit fixed point), opacities (8 bits), colours (8 bits over 1 / 0.15 SH units), log scales (8
bits, sixteenths from -10), rotations (2 bits which of x y z w is largest, then sign and 9 bits of each other over
1 / sqrt 2) and SH coefficients (8 bits, 128 = 0, 128ths). SPZ axes are right, up, back; ours are right, down, forward.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from ..checks import InputError, require_file
from ..durable import replacing
from ..gaussians import Gaussians
from ..sh import degree_of
from ._splats import pack_rotation, splat_arrays, unpack_rotation

MAGIC, VERSION = 0x5053474E, 3
FINEST_BITS = 18
"""Fractional bits of positions where the extent allows it: 4 micrometres, within 32 metres of the origin."""
COLOR_SCALE = 0.15
MOST_BYTES = 1 << 31
"""Of a file that is read, unpacked."""
_SH_FLIPS = np.array(
    [-1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1], np.float64
)  # signs of degree 1, 2, 3 when y and z change sign


def write_spz(path: str | Path, gaussians: Gaussians) -> None:
    """Write an SPZ file, at once or not at all; Gaussians with a NaN or infinity are left out.

    Args:
        path: file to write.
        gaussians: N Gaussians with RGB or SH colours of degree 0 to 3; they come out in another order.

    Raises:
        InputError: no Gaussian is finite, or centres lie kilometres away.
    """
    splats = splat_arrays(gaussians, Path(path))
    higher = splats.sh.shape[1] - 1
    bits = _fractional_bits(float(np.abs(splats.means).max()))
    fixed = np.round(splats.means * [1, -1, -1] * 2**bits).astype("<i4")
    sh = np.round(splats.sh[:, 1:] * _SH_FLIPS[:higher, None] * 128) + 128
    streams = (
        fixed.view("u1").reshape(-1, 4)[:, :3],
        _byte(splats.opacities * 255),
        _byte((splats.sh[:, 0] * COLOR_SCALE + 0.5) * 255),
        _byte((splats.log_scales + 10) * 16),
        pack_rotation((splats.quats * [1, 1, -1, -1])[:, [1, 2, 3, 0]], _rotation_code).astype("<u4"),
        _byte(sh),
    )
    header = struct.pack("<IIIBBBB", MAGIC, VERSION, len(fixed), degree_of(higher + 1), bits, 0, 0)
    payload = header + b"".join(np.ascontiguousarray(stream).tobytes() for stream in streams)
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(payload, mtime=0))


def read_spz(path: str | Path) -> Gaussians:
    """Read an SPZ file of version 2 or 3; colours come as SH ``[N, B, 3]``.

    Raises:
        InputError: missing, no SPZ, of another version, or cut short.
    """
    path = require_file(path, "SPZ file")
    header, body = _inflated(path)
    magic, version, count, degree, bits, _, _ = header
    if magic != MAGIC or version not in (2, VERSION) or degree > 3 or not count:
        raise InputError(f"{path} is no SPZ file of version 2 or 3 with Gaussians in it; save it anew as PLY or SPZ.")
    higher = (degree + 1) ** 2 - 1
    sizes = [9 * count, count, 3 * count, 3 * count, (4 if version == VERSION else 3) * count, 3 * higher * count]
    if len(body) < sum(sizes):
        raise InputError(f"{path} was cut short: {count} Gaussians take {sum(sizes)} bytes, {len(body)} came.")
    stops = np.cumsum([0, *sizes])
    raw = [np.frombuffer(body[a:b], "u1").reshape(count, -1) for a, b in pairwise(stops.tolist())]
    place, opacity, colour, scale, turn, sh = raw
    fixed = np.zeros((count, 3, 4), "u1")
    fixed[..., 1:] = place.reshape(count, 3, 3)
    means = fixed.view("<i4")[..., 0] / 256.0 / 2.0**bits * [1, -1, -1]
    base = (colour / 255.0 - 0.5) / COLOR_SCALE
    rest = (sh.reshape(count, higher, 3) - 128.0) / 128 * _SH_FLIPS[:higher, None]
    columns = (means, _turned(turn), np.exp(scale / 16.0 - 10), opacity[:, 0] / 255.0)
    columns += (np.concatenate([base[:, None], rest], 1),)
    means, quats, scales, opacities, colors = (torch.from_numpy(np.ascontiguousarray(c)).float() for c in columns)
    return Gaussians(means=means, quats=quats, scales=scales, opacities=opacities, colors=colors)


def _inflated(path: Path) -> tuple[tuple[int, ...], bytes]:
    """Header and the rest, no more of it than the header counts."""
    try:
        with gzip.open(path) as file:
            header = struct.unpack("<IIIBBBB", file.read(16))
            most = header[2] * (20 + 3 * 15) if header[0] == MAGIC else 0
            return header, file.read(min(most, MOST_BYTES))
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise InputError(f"{path} is no SPZ file, or was cut short ({error}).") from error


def _turned(raw: np.ndarray) -> np.ndarray:
    """Quaternions ``[N, 4]`` wxyz in our axes."""
    if raw.shape[1] == 3:  # version 2: x, y, z as bytes
        xyz = raw / 127.5 - 1
        xyzw = np.concatenate([xyz, np.sqrt((1 - (xyz**2).sum(1, keepdims=True)).clip(0))], 1)
    else:
        xyzw = unpack_rotation(np.ascontiguousarray(raw).view("<u4")[:, 0], _component)
    return xyzw[:, [3, 0, 1, 2]] * [1, 1, -1, -1]


def _component(code: np.ndarray) -> np.ndarray:
    return np.where(code >> 9 & 1, -1.0, 1.0) * (code & 511) / 511 * 0.5**0.5


def _fractional_bits(extent: float) -> int:
    """The most fractional bits with which ``extent`` metres still fit into 24 signed bits."""
    for bits in range(FINEST_BITS, -1, -1):
        if extent * 2**bits < 2**23 - 1:
            return bits
    raise InputError(f"centres lie up to {extent:.3g} m away; SPZ holds less than 8388 km.")


def _byte(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype("u1")


def _rotation_code(component: np.ndarray) -> np.ndarray:
    """Sign and 9 bits of the size."""
    size = np.minimum(np.floor(511 * np.abs(component) * 2**0.5 + 0.5), 511).astype(np.uint32)
    return (component < 0).astype(np.uint32) << 9 | size
