"""PSNR, SSIM and MS-SSIM of pictures; all differentiable, and SSIM quick enough for a training loop on the CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..checks import InputError
from .fused import can_map_fused, ssim_map_fused

RADIUS = 5
"""Half width of the SSIM window: 11 pixels."""
SIGMA = 1.5
"""Standard deviation of the SSIM window in pixels."""
BRIGHTEST = 8.0
"""Pictures above it are none in [0, 1]: those counted to 255 are told from what merely overshoots."""
C1 = 0.01**2
C2 = 0.03**2
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def psnr(a: Tensor, b: Tensor, mask: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB.

    Args:
        a: ``[H, W, C]`` in [0, 1].
        b: ``[H, W, C]`` in [0, 1].
        mask: ``[H, W]`` bool, or weights in [0, 1]; only these pixels count. Default: all.

    Returns:
        Scalar; infinite where the pictures are equal, NaN where the mask is empty.

    Raises:
        InputError: The shapes differ.
    """
    _require_pair(a, b)
    square = (a - b).square()
    if mask is None:
        return -10 * torch.log10(square.mean())
    return -10 * torch.log10(masked_mean(square, mask))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values`` ``[H, W, C]`` over the pixels of ``mask`` ``[H, W]`` (bool or weights); NaN if it is empty."""
    if mask.shape != values.shape[:2]:
        raise InputError(f"mask has shape {tuple(mask.shape)}; {tuple(values.shape[:2])} was wanted.")
    weights = mask.to(values.dtype)
    return (values.mean(-1) * weights).sum() / weights.sum()


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity at every pixel (Gaussian window 11x11, sigma 1.5; zeros beyond the border).

    The gradient flows to ``a`` and ``b`` in closed form, so no graph of intermediate pictures is kept. Compiled for
    float32 pictures on the CPU.

    Args:
        a: ``[H, W, C]`` in [0, 1].
        b: ``[H, W, C]`` in [0, 1].

    Returns:
        ``[H, W, C]``, at most 1.

    Raises:
        InputError: The shapes differ.

    Source: Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004).
    """
    _require_pair(a, b)
    if can_map_fused(a, b):
        return ssim_map_fused(a, b, _window(a), C1, C2)
    return _SsimMap.apply(a, b)


def ssim(a: Tensor, b: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean structural similarity, scalar.

    Without a mask the mean runs over windows that lie wholly inside the picture, as scikit-image and the original
    code do; with a mask ``[H, W]`` (bool or weights) over the window centres that the mask keeps.

    Raises:
        InputError: The shapes differ, or the picture is smaller than the window.
    """
    values = ssim_map(a, b)
    if mask is not None:
        return masked_mean(values, mask)
    if min(a.shape[:2]) <= 2 * RADIUS:
        raise InputError(f"picture {tuple(a.shape)} is smaller than the SSIM window; at least 11x11 is needed.")
    return values[RADIUS:-RADIUS, RADIUS:-RADIUS].mean()


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Multi-scale structural similarity over five scales, scalar; pictures ``[H, W, C]`` in [0, 1].

    Raises:
        InputError: The shapes differ, or a side is shorter than 176 pixels.

    Source: Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment" (2003).
    """
    _require_pair(a, b)
    smallest = (2 * RADIUS + 1) * 2 ** (len(MS_SSIM_WEIGHTS) - 1)
    if min(a.shape[:2]) < smallest:
        raise InputError(f"MS-SSIM needs sides of at least {smallest} px; {tuple(a.shape[:2])} came. Use ssim.")
    x, y = a.permute(2, 0, 1), b.permute(2, 0, 1)
    result = a.new_ones(a.shape[2])
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        luminance, structure = _valid_terms(x, y)
        last = scale == len(MS_SSIM_WEIGHTS) - 1
        term = (luminance * structure if last else structure).mean((1, 2)).clamp(min=0)
        result = result * term**weight
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return result.mean()


def _require_pair(a: Tensor, b: Tensor) -> None:
    for picture in (a, b):
        looked_at = picture.device.type == "cpu" and picture.numel()  # elsewhere looking would make the host wait
        if not picture.is_floating_point() or (looked_at and float(picture.detach().amax()) > BRIGHTEST):
            raise InputError(f"a picture of {picture.dtype} up to {picture.amax()} came; floats in [0, 1] were wanted.")
    if a.shape != b.shape or a.ndim != 3:
        raise InputError(f"pictures have shapes {tuple(a.shape)} and {tuple(b.shape)}; two equal [H, W, C] are needed.")


def _window(like: Tensor) -> Tensor:
    offsets = torch.arange(-RADIUS, RADIUS + 1, dtype=like.dtype, device=like.device)
    window = torch.exp(-offsets.square() / (2 * SIGMA**2))
    return window / window.sum()


def _valid_terms(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure terms ``[C, H - 10, W - 10]`` of pictures ``[C, H, W]``."""
    n = x.shape[0]
    planes = torch.cat([x, y, x * x + y * y, x * y])[None]
    window = _window(x)
    planes = F.conv2d(planes, window.view(1, 1, -1, 1).expand(4 * n, -1, -1, -1), groups=4 * n)
    planes = F.conv2d(planes, window.view(1, 1, 1, -1).expand(4 * n, -1, -1, -1), groups=4 * n)
    mean_x, mean_y, squares, product = planes[0].split(n)
    cross = 2 * mean_x * mean_y
    power = mean_x.square() + mean_y.square()
    return (cross + C1) / (power + C1), (2 * product - cross + C2) / (squares - power + C2)


def _blur(planes: Tensor, channels: int) -> Tensor:
    """Blur planes ``[P, H, W * channels]`` (pixels interleaved) with the SSIM window, zeros beyond the border."""
    P, H, width = planes.shape
    window = _window(planes)
    pictures = planes.view(P, H, width // channels, channels).permute(0, 3, 1, 2).reshape(1, P * channels, H, -1)
    groups = P * channels
    down = window.view(1, 1, -1, 1).expand(groups, -1, -1, -1)
    across = window.view(1, 1, 1, -1).expand(groups, -1, -1, -1)
    pictures = F.conv2d(pictures, down, padding=(RADIUS, 0), groups=groups)
    pictures = F.conv2d(pictures, across, padding=(0, RADIUS), groups=groups)
    return pictures.view(P, channels, H, -1).permute(0, 2, 3, 1).reshape(P, H, width)


class _SsimMap(torch.autograd.Function):
    """SSIM = A1 A2 / (B1 B2) with A1 = 2 ma mb + C1, A2 = 2 cov + C2, B1 = ma² + mb² + C1, B2 = va + vb + C2."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor) -> Tensor:
        H, W, C = a.shape
        flat_a, flat_b = a.reshape(H, W * C), b.reshape(H, W * C)
        planes = flat_a.new_empty(4, H, W * C)
        planes[0], planes[1] = flat_a, flat_b
        torch.mul(flat_a, flat_a, out=planes[2]).addcmul_(flat_b, flat_b)
        torch.mul(flat_a, flat_b, out=planes[3])
        mean_a, mean_b, squares, product = _blur(planes, C)
        A1 = (mean_a * mean_b).mul_(2)
        B1 = (mean_a * mean_a).addcmul_(mean_b, mean_b)
        A2 = product.mul_(2).sub_(A1).add_(C2)
        B2 = squares.sub_(B1).add_(C2)
        A1.add_(C1)
        B1.add_(C1)
        inverse = (B1 * B2).reciprocal_()
        similarity = (A1 * A2).mul_(inverse)
        ctx.save_for_backward(flat_a, flat_b, mean_a, mean_b, A1, A2, B1, B2, inverse, similarity)
        ctx.picture_shape = (H, W, C)
        return similarity.view(H, W, C)

    @staticmethod
    def backward(ctx, v_similarity: Tensor) -> tuple[Tensor | None, Tensor | None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        flat_a, flat_b, mean_a, mean_b, A1, A2, B1, B2, inverse, similarity = ctx.saved_tensors
        H, W, C = ctx.picture_shape
        v = v_similarity.reshape(H, W * C)
        v_inverse = v * inverse
        v_similarity_flat = similarity * v
        through_structure = (A2 - A1).mul_(v_inverse)
        through_norm = (B1.reciprocal() - B2.reciprocal()).mul_(v_similarity_flat)
        shared = [v_similarity_flat.div_(B2), v_inverse.mul_(A1)]
        needed = [i for i in (0, 1) if ctx.needs_input_grad[i]]
        means = (mean_a, mean_b)
        v_means = [(through_structure * means[1 - i]).addcmul_(through_norm, means[i], value=-1) for i in needed]
        blurred = _blur(torch.stack(shared + v_means), C)
        v_squares, v_product = blurred[0], blurred[1]
        pictures = (flat_a, flat_b)
        grads: list[Tensor | None] = [None, None]
        for slot, i in enumerate(needed):
            grad = (blurred[2 + slot]).addcmul_(pictures[i], v_squares, value=-1)
            grads[i] = grad.addcmul_(pictures[1 - i], v_product).mul_(2).view(H, W, C)
        return grads[0], grads[1]
