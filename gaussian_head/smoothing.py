"""Smooth ramps and smoothed sequences."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")


def smoothstep(x: Value) -> Value:
    """From 0 to 1 with level ends, of a number or an array in [0, 1]."""
    return x * x * (3 - 2 * x)  # type: ignore[operator]


def blurred(values: Tensor, sigma: float) -> Tensor:
    """``values [F, A]`` smoothed along F by a Gaussian of ``sigma`` rows, ends repeated."""
    radius = int(3 * sigma + 0.5)
    if radius < 1:
        return values
    steps = torch.arange(-radius, radius + 1, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = torch.cat([values[:1].expand(radius, -1), values, values[-1:].expand(radius, -1)])
    out = torch.zeros_like(values)
    for k, weight in enumerate(kernel.tolist()):
        out += weight * padded[k : k + len(values)]
    return out
