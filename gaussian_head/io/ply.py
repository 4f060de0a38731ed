"""The standard 3DGS PLY: what splat viewers, gsplat and the original code read.

Per Gaussian, as float32: ``x y z``, ``nx ny nz`` (zero), ``f_dc_0..2``, ``f_rest_*`` (all red coefficients, then
green, then blue), ``opacity`` (before the sigmoid), ``scale_0..2`` (natural log), ``rot_0..3`` (wxyz).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, require_file
from ..durable import replacing
from ..gaussians import Gaussians
from ..sh import degree_of, rgb_to_sh

_SMALLEST = 1e-6  # opacities are kept this far from 0 and 1, scales this far from 0, so that both have a logarithm

MOST_HEADER = 1 << 16
"""Bytes within which a header ends."""
_SIZES = {name: size for size, names in {
    1: "char uchar int8 uint8", 2: "short ushort int16 uint16", 4: "int uint int32 uint32 float float32",
    8: "double float64",
}.items() for name in names.split()}  # fmt: skip


def sh_coefficients(gaussians: Gaussians) -> Tensor:
    """SH coefficients ``[N, B, 3]`` of the colours, whichever form they have."""
    if gaussians.colors.ndim == 2:
        return rgb_to_sh(gaussians.colors)[:, None]
    return gaussians.colors


def write_ply(path: str | Path, gaussians: Gaussians) -> None:
    """Write a binary little-endian PLY, at once or not at all; Gaussians with a NaN or infinity are left out.

    Args:
        path: File to write.
        gaussians: N Gaussians with RGB or SH colours.

    Raises:
        InputError: No Gaussian is finite, or the number of SH coefficients is not a square.
    """
    from plyfile import PlyData, PlyElement

    sh = sh_coefficients(gaussians).detach().float().cpu()
    N, B = sh.shape[:2]
    degree_of(B)
    opacities = gaussians.opacities.detach().double().cpu().clamp(_SMALLEST, 1 - _SMALLEST)
    columns = [
        gaussians.means.detach().cpu(),
        torch.zeros(N, 3),
        sh[:, 0],
        sh[:, 1:].transpose(1, 2).reshape(N, -1),
        opacities.logit()[:, None],
        gaussians.scales.detach().cpu().clamp(min=_SMALLEST**2).log(),
        torch.nn.functional.normalize(gaussians.quats.detach().cpu(), dim=-1),
    ]
    table = torch.cat([column.float() for column in columns], 1)
    table = table[table.isfinite().all(1)].contiguous().numpy().astype("<f4")
    if not len(table):
        raise InputError(f"none of the {N} Gaussians is finite; nothing can be written to {path}.")
    vertices = table.view([(name, "<f4") for name in _columns(B)])[:, 0]
    with replacing(path) as temporary:
        PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<").write(str(temporary))


def read_ply(path: str | Path) -> Gaussians:
    """Read a 3DGS PLY of any SH degree, with or without normals, ASCII or binary; colours come as SH ``[N, B, 3]``.

    Raises:
        InputError: Not a PLY, cut short, or not one of Gaussians.
    """
    from plyfile import PlyData, PlyParseError

    path = require_file(path, "PLY file")
    require_honest_header(path)
    try:
        vertices = PlyData.read(str(path))["vertex"].data
    except (PlyParseError, KeyError, ValueError, TypeError, EOFError) as error:
        raise InputError(f"{path} is not a complete PLY file with vertices ({error}).") from error
    names = vertices.dtype.names or ()
    rest = sum(name.startswith("f_rest_") for name in names)
    B = rest // 3 + 1
    missing = [name for name in _columns(B) if name not in names and name not in ("nx", "ny", "nz")]
    if missing or rest % 3 or B not in (1, 4, 9, 16):
        raise InputError(f"{path} is not a PLY of Gaussians: it lacks {', '.join(missing[:4]) or 'some f_rest_*'}.")

    def columns(*wanted: str) -> Tensor:
        return torch.from_numpy(np.stack([np.asarray(vertices[name], np.float32) for name in wanted], 1))

    dc = columns("f_dc_0", "f_dc_1", "f_dc_2")[:, None]
    higher = columns(*(f"f_rest_{i}" for i in range(rest))).view(-1, 3, B - 1).transpose(1, 2) if rest else dc[:, :0]
    return Gaussians(
        means=columns("x", "y", "z"),
        quats=columns("rot_0", "rot_1", "rot_2", "rot_3"),
        scales=columns("scale_0", "scale_1", "scale_2").exp(),
        opacities=columns("opacity")[:, 0].sigmoid(),
        colors=torch.cat([dc, higher], 1).contiguous(),
    )


def require_honest_header(path: Path) -> None:
    """InputError unless the file is long enough for what its header counts, and vertices are plain numbers.

    The reader makes room for as many rows as the header says before it looks at the first one.
    """
    with open(path, "rb") as file:
        head = file.read(MOST_HEADER)
    end = head.find(b"end_header")
    if not head.startswith(b"ply") or end < 0:
        raise InputError(f"{path} is not a PLY file: it has no header.")
    lines = [line.split() for line in head[:end].decode("ascii", "replace").splitlines()]
    needed, count, element, as_text = 0, 0, "", ["format", "ascii", "1.0"] in lines
    for words in lines:
        if words[:1] == ["element"]:
            if len(words) != 3 or not words[2].isdecimal() or len(words[2]) > 18:
                raise InputError(f"{path} is not a PLY file: its header says {' '.join(words)[:80]!r}.")
            element, count = words[1], int(words[2])
        elif words[:1] == ["property"]:
            if element == "vertex" and words[1:2] == ["list"]:
                raise InputError(f"{path} has vertices with lists; a PLY of Gaussians was wanted.")
            size = _SIZES.get(words[2 if words[1:2] == ["list"] else 1] if len(words) > 2 else "", 1)
            needed += count * (2 if as_text else size)
    if needed > path.stat().st_size + 1:
        raise InputError(f"{path} has {path.stat().st_size} bytes, its header counts {needed}: it was cut short.")


def _columns(B: int) -> list[str]:
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(3 * (B - 1))]
    return [*names, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
