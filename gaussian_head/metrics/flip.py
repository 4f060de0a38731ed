"""FLIP: the difference a viewer notices when two pictures alternate on one screen.

Source: Andersson et al., "FLIP: A Difference Evaluator for Alternating Images" (HPG 2020); the constants below are
the paper's.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import InputError

PIXELS_PER_DEGREE = 0.7 * 3840 / 0.7 * math.pi / 180
"""A 0.7 m wide 3840-pixel screen seen from 0.7 m."""

_CONTRAST_SENSITIVITY = (  # (a1, b1), (a2, b2) of the achromatic, red-green and blue-yellow channel
    ((1.0, 0.0047), (0.0, 1e-5)),
    ((1.0, 0.0053), (0.0, 1e-5)),
    ((34.1, 0.04), (13.5, 0.025)),
)
_COLOUR_EXPONENT = 0.7  # q_c
_FEATURE_EXPONENT = 0.5  # q_f
_KNEE = 0.4  # p_c
_KNEE_VALUE = 0.95  # p_t
_EDGE_WIDTH = 0.082  # peak to trough of the human edge detector, degrees
_RGB_TO_XYZ = (
    (10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794),
    (2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897),
    (1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382),
)


@torch.no_grad()
def flip_map(reference: Tensor, test: Tensor, *, pixels_per_degree: float = PIXELS_PER_DEGREE) -> Tensor:
    """Error map of two low-dynamic-range pictures; no gradient.

    Args:
        reference: ``[H, W, 3]`` sRGB in [0, 1].
        test: ``[H, W, 3]`` sRGB in [0, 1].
        pixels_per_degree: Pixels in one degree of the viewer's field of view.

    Returns:
        ``[H, W]`` in [0, 1]; 0 where no difference is seen. Its mean is the FLIP score.

    Raises:
        InputError: The shapes differ or are not ``[H, W, 3]``.
    """
    if reference.shape != test.shape or reference.ndim != 3 or reference.shape[-1] != 3:
        raise InputError(f"FLIP wants two equal [H, W, 3]; {tuple(reference.shape)} and {tuple(test.shape)} came.")
    pair = torch.stack([reference, test]).clamp(0, 1).permute(0, 3, 1, 2)
    opponent = _xyz_to_opponent(_linear_to_xyz(_srgb_to_linear(pair)))
    colour = _colour_difference(opponent, pixels_per_degree)
    feature = _feature_difference((opponent[:, :1] + 16) / 116, pixels_per_degree)
    return colour ** (1 - feature)


def _srgb_to_linear(rgb: Tensor) -> Tensor:
    return torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)


def _matrix(like: Tensor) -> Tensor:
    return torch.tensor(_RGB_TO_XYZ, dtype=like.dtype, device=like.device)


def _linear_to_xyz(rgb: Tensor) -> Tensor:
    """XYZ ``[B, 3, H, W]`` over that of white (D65), so that white is (1, 1, 1)."""
    matrix = _matrix(rgb)
    return torch.einsum("ij,bjhw->bihw", matrix / matrix.sum(1, keepdim=True), rgb)


def _xyz_to_linear(xyz: Tensor) -> Tensor:
    matrix = _matrix(xyz)
    return torch.einsum("ij,bjhw->bihw", torch.linalg.inv(matrix / matrix.sum(1, keepdim=True)), xyz)


def _xyz_to_opponent(xyz: Tensor) -> Tensor:
    """Linear opponent space YCxCz, which keeps the scaling of L*a*b* without its cube root."""
    x, y, z = xyz.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _opponent_to_xyz(opponent: Tensor) -> Tensor:
    y = (opponent[:, 0] + 16) / 116
    return torch.stack([y + opponent[:, 1] / 500, y, y - opponent[:, 2] / 200], 1)


def _xyz_to_hunt_lab(xyz: Tensor) -> Tensor:
    """L*a*b* ``[B, 3, H, W]`` whose chroma is scaled by luminance (Hunt effect)."""
    knee = 6 / 29
    root = torch.where(xyz > knee**3, xyz.clamp(min=knee**3) ** (1 / 3), xyz / (3 * knee**2) + 4 / 29)
    lab = _xyz_to_opponent(root)
    lightness = lab[:, :1]
    return torch.cat([lightness, 0.01 * lightness * lab[:, 1:]], 1)


def _hyab(a: Tensor, b: Tensor) -> Tensor:
    delta = a - b
    return delta[:, 0].abs() + delta[:, 1:].norm(dim=1)


def _filter(plane: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Correlate ``[B, 1, H, W]`` with the separable kernel ``down ⊗ across``; the border pixels are repeated."""
    radius, (height, width) = down.numel() // 2, plane.shape[-2:]
    padded = F.pad(plane, (radius,) * 4, mode="replicate")
    rows = torch.zeros_like(padded[..., :height, :])
    for k, weight in enumerate(down.tolist()):
        rows.add_(padded[..., k : k + height, :], alpha=weight)
    filtered = torch.zeros_like(plane)
    for k, weight in enumerate(across.tolist()):
        filtered.add_(rows[..., k : k + width], alpha=weight)
    return filtered


def _colour_difference(opponent: Tensor, pixels_per_degree: float) -> Tensor:
    """Redistributed colour difference ``[H, W]`` of the pair ``[2, 3, H, W]`` after contrast sensitivity filtering."""
    widest = max(b for channel in _CONTRAST_SENSITIVITY for _, b in channel)
    radius = math.ceil(3 * math.sqrt(widest / (2 * math.pi**2)) * pixels_per_degree)
    degrees = torch.arange(-radius, radius + 1, dtype=opponent.dtype, device=opponent.device) / pixels_per_degree
    filtered = []
    for index, channel in enumerate(_CONTRAST_SENSITIVITY):
        lobes = [(a * math.sqrt(math.pi / b), torch.exp(-(math.pi**2) * degrees**2 / b)) for a, b in channel if a]
        total = sum(height * lobe.sum() ** 2 for height, lobe in lobes)
        plane = opponent[:, index : index + 1]
        filtered.append(sum(height / total * _filter(plane, lobe, lobe) for height, lobe in lobes))
    linear = _xyz_to_linear(_opponent_to_xyz(torch.cat(filtered, 1))).clamp(0, 1)
    lab = _xyz_to_hunt_lab(_linear_to_xyz(linear))
    primaries = torch.tensor([[0.0, 1, 0], [0, 0, 1]], dtype=opponent.dtype, device=opponent.device)
    green, blue = _xyz_to_hunt_lab(_linear_to_xyz(primaries[:, :, None, None])).split(1)
    largest = _hyab(green, blue).item() ** _COLOUR_EXPONENT
    difference = _hyab(lab[:1], lab[1:])[0] ** _COLOUR_EXPONENT
    knee = _KNEE * largest
    above = _KNEE_VALUE + (difference - knee) / (largest - knee) * (1 - _KNEE_VALUE)
    return torch.where(difference < knee, _KNEE_VALUE / knee * difference, above)


def _feature_difference(luminance: Tensor, pixels_per_degree: float) -> Tensor:
    """Edge and point difference ``[H, W]`` of the pair of luminances ``[2, 1, H, W]``, raised to q_f."""
    deviation = 0.5 * _EDGE_WIDTH * pixels_per_degree
    radius = math.ceil(3 * deviation)
    x = torch.arange(-radius, radius + 1, dtype=luminance.dtype, device=luminance.device)
    bell = torch.exp(-(x**2) / (2 * deviation**2))
    differences = []
    for slope in (-x * bell, (x**2 / deviation**2 - 1) * bell):
        positive, negative = slope.clamp(min=0), slope.clamp(max=0)
        detector = positive / positive.sum() - negative / negative.sum()
        smooth = bell / bell.sum()
        strength = torch.hypot(_filter(luminance, smooth, detector), _filter(luminance, detector, smooth))
        differences.append((strength[0, 0] - strength[1, 0]).abs())
    return (torch.maximum(*differences) / math.sqrt(2)) ** _FEATURE_EXPONENT
