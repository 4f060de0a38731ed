"""What the compressed splat formats share: finite Gaussians as arrays, in an order that keeps neighbours together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..checks import InputError
from ..gaussians import Gaussians
from ..sh import degree_of
from .ply import sh_coefficients

SMALLEST_SCALE = 1e-12
"""Metres; smaller scales have no use and no logarithm."""


@dataclass(frozen=True, kw_only=True)
class SplatArrays:
    """N finite Gaussians, float64, neighbours in space near each other."""

    means: np.ndarray
    """``[N, 3]`` metres."""
    quats: np.ndarray
    """``[N, 4]`` unit, wxyz, the largest component positive."""
    log_scales: np.ndarray
    """``[N, 3]`` natural log of metres."""
    opacities: np.ndarray
    """``[N]`` in [0, 1]."""
    sh: np.ndarray
    """``[N, B, 3]`` SH coefficients."""


def splat_arrays(gaussians: Gaussians, path: Path) -> SplatArrays:
    """The finite ones of ``gaussians`` in Morton order.

    Raises:
        InputError: none is finite, or the number of SH coefficients is not a square.
    """
    sh = sh_coefficients(gaussians).detach().double().cpu().numpy()
    degree_of(sh.shape[1])
    columns = {name: getattr(gaussians, name).detach().double().cpu() for name in ("means", "scales", "opacities")}
    quats = torch.nn.functional.normalize(gaussians.quats.detach().double().cpu(), dim=-1)
    quats = quats * quats.gather(1, quats.abs().argmax(1, keepdim=True)).sign()
    flat = torch.cat([columns["means"], quats, columns["scales"], columns["opacities"][:, None]], 1)
    finite = flat.isfinite().all(1).numpy() & np.isfinite(sh).all((1, 2))
    if not finite.any():
        raise InputError(f"none of the {len(finite)} Gaussians is finite; nothing can be written to {path}.")
    means = columns["means"].numpy()[finite]
    order = np.flatnonzero(finite)[morton_order(means)]
    return SplatArrays(
        means=columns["means"].numpy()[order],
        quats=quats.numpy()[order],
        log_scales=columns["scales"].clamp(min=SMALLEST_SCALE).log().numpy()[order],
        opacities=columns["opacities"].clamp(0, 1).numpy()[order],
        sh=sh[order],
    )


def morton_order(points: np.ndarray) -> np.ndarray:
    """Indices ``[N]`` that walk points ``[N, 3]`` along a Z-order curve of 2^10 cells a side."""
    low, span = points.min(0), np.maximum(np.ptp(points, axis=0), 1e-12)
    cells = np.minimum((points - low) / span * 1024, 1023).astype(np.int64)
    code = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


def unorm(values: np.ndarray, bits: int) -> np.ndarray:
    """Values in [0, 1] as whole numbers of ``bits`` bits, uint32."""
    top = (1 << bits) - 1
    return np.clip(np.floor(values * top + 0.5), 0, top).astype(np.uint32)


def unpack_rotation(packed: np.ndarray, decode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Unit quaternions ``[N, 4]``, in the order that the format counts components, of what ``pack_rotation`` packed.

    Args:
        packed: ``[N]`` uint32.
        decode: components in [-1 / sqrt 2, 1 / sqrt 2] of their 10-bit numbers.
    """
    largest = (packed >> 30).astype(np.int64)
    others = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])[largest]
    small = np.stack([decode((packed >> shift) & 1023) for shift in (20, 10, 0)], 1)
    quats = np.zeros((len(packed), 4))
    np.put_along_axis(quats, others, small, 1)
    rest = np.sqrt((1 - (small**2).sum(1)).clip(0))
    np.put_along_axis(quats, largest[:, None], rest[:, None], 1)
    return quats


def pack_rotation(quats: np.ndarray, code: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Unit quaternions ``[N, 4]`` as uint32: 2 bits for the largest component, then the 10-bit code of each other.

    Args:
        quats: components in the order that the format counts them; q and -q are packed alike.
        code: 10-bit numbers of components ``[N]`` in [-1 / sqrt 2, 1 / sqrt 2].
    """
    largest = np.abs(quats).argmax(1)
    signs = np.sign(np.take_along_axis(quats, largest[:, None], 1))
    others = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])[largest]
    packed = largest.astype(np.uint32)
    for column in np.take_along_axis(quats * signs, others, 1).T:
        packed = packed << 10 | code(column)
    return packed
