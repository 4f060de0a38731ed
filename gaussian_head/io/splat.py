"""The 32-byte ``.splat`` format of web viewers: float32 centre and scales, 8-bit RGBA, 8-bit quaternion; no SH."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..checks import InputError, require_file
from ..durable import replacing
from ..gaussians import Gaussians
from ..sh import C0

RECORD = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])


def write_splat(path: str | Path, gaussians: Gaussians) -> None:
    """Write a ``.splat`` file, largest and most opaque first as viewers that stream it expect.

    Args:
        path: File to write.
        gaussians: N Gaussians; of SH colours only the view-independent part is kept.

    Raises:
        InputError: No Gaussian is finite.
    """
    colors = gaussians.colors.detach().cpu()
    rgb = colors if colors.ndim == 2 else 0.5 + C0 * colors[:, 0]
    rgba = torch.cat([rgb, gaussians.opacities.detach().cpu()[:, None]], 1)
    quats = torch.nn.functional.normalize(gaussians.quats.detach().cpu(), dim=-1)
    scales, means = gaussians.scales.detach().cpu(), gaussians.means.detach().cpu()
    finite = torch.cat([means, scales, rgba, quats], 1).isfinite().all(1)
    order = (scales.prod(1) * rgba[:, 3]).masked_fill(~finite, -1).argsort(descending=True)[: int(finite.sum())]
    if not len(order):
        raise InputError(f"none of the {len(means)} Gaussians is finite; nothing can be written to {path}.")
    records = np.empty(len(order), RECORD)
    records["mean"], records["scale"] = means[order].numpy(), scales[order].numpy()
    records["rgba"] = (rgba[order] * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    records["quat"] = (quats[order] * 128 + 128).round().clamp(0, 255).to(torch.uint8).numpy()
    with replacing(path) as temporary:
        temporary.write_bytes(records.tobytes())


def read_splat(path: str | Path) -> Gaussians:
    """Read a ``.splat`` file; colours come as RGB ``[N, 3]``.

    Raises:
        InputError: The file is missing, empty, or cut short.
    """
    path = require_file(path, "splat file")
    data = path.read_bytes()
    if not data or len(data) % RECORD.itemsize:
        raise InputError(f"{path} has {len(data)} bytes, not a multiple of 32: it is no .splat file or was cut short.")
    records = np.frombuffer(data, RECORD)
    rgba = torch.from_numpy(records["rgba"].astype(np.float32) / 255)
    quats = torch.from_numpy((records["quat"].astype(np.float32) - 128) / 128)
    return Gaussians(
        means=torch.from_numpy(records["mean"].copy()),
        quats=torch.nn.functional.normalize(quats, dim=-1),
        scales=torch.from_numpy(records["scale"].copy()),
        opacities=rgba[:, 3].contiguous(),
        colors=rgba[:, :3].contiguous(),
    )
