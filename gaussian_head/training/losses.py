"""Losses as pure functions of pictures and parameters."""

from __future__ import annotations

from torch import Tensor

from ..metrics.image import ssim_map


def photometric(rgb: Tensor, truth: Tensor, weight: Tensor, ssim_share: float) -> Tensor:
    """Weighted mean of ``(1 - s) L1 + s (1 - SSIM)``.

    Args:
        rgb, truth: ``[H, W, 3]`` in [0, 1].
        weight: ``[H, W]`` pixel weights of mean 1.
        ssim_share: s, in [0, 1].
    """
    l1 = ((rgb - truth).abs() * weight[..., None]).mean()
    if ssim_share == 0:
        return l1
    dissimilar = ((1 - ssim_map(rgb, truth)) * weight[..., None]).mean()
    return (1 - ssim_share) * l1 + ssim_share * dissimilar


def mean_abs(prediction: Tensor, truth: Tensor) -> Tensor:
    """Plain L1 between arrays of one shape."""
    return (prediction - truth).abs().mean()


def pose_deviation(corrections: Tensor) -> Tensor:
    """Mean square of pose corrections ``[..., 6]`` in hundredths of a radian and centimetres."""
    return ((corrections * 100) ** 2).mean()
