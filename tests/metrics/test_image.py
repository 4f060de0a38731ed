import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from gaussian_head.checks import InputError
from gaussian_head.metrics.image import MS_SSIM_WEIGHTS, ms_ssim, psnr, ssim, ssim_map


def pictures(height=97, width=130, noise=0.1, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    a = torch.stack([x, y, (6 * x * y).sin() * 0.5 + 0.5], -1)
    b = (a + noise * torch.randn(a.shape, generator=generator)).clamp(0, 1)
    return a.to(dtype), b.to(dtype)


def test_psnr_matches_scikit_image():
    a, b = pictures()
    assert psnr(a, b).item() == pytest.approx(peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1), abs=1e-4)


def test_psnr_by_hand_with_mask():
    a = torch.zeros(4, 4, 3)
    b = a.clone()
    b[0, 0] = 0.1
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[0, :2] = True
    assert psnr(a, b, mask).item() == pytest.approx(10 * math.log10(2 / 0.01), abs=1e-4)
    assert math.isnan(psnr(a, b, torch.zeros(4, 4, dtype=torch.bool)).item())
    assert math.isinf(psnr(a, a).item())


def test_mask_of_wrong_shape_is_refused():
    a, b = pictures()
    with pytest.raises(InputError, match="mask has shape"):
        psnr(a, b, torch.ones(3, 3))
    with pytest.raises(InputError, match="two equal"):
        ssim_map(a, b[:-1])


@pytest.mark.parametrize("size", [(97, 130), (48, 48), (11, 60), (200, 12)])
def test_ssim_matches_scikit_image(size):
    a, b = pictures(*size)
    wanted, wanted_map = structural_similarity(
        a.numpy().astype(float),
        b.numpy().astype(float),
        data_range=1,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim(a, b).item() == pytest.approx(wanted, abs=2e-5)
    inside = (slice(5, -5), slice(5, -5))
    assert np.abs(ssim_map(a, b).numpy()[inside] - wanted_map[inside]).max() < 2e-4


def test_ssim_map_is_zero_padded_at_the_border():
    a, b = pictures(30, 40, dtype=torch.float64)
    pad = torch.nn.functional.pad
    framed = ssim_map(pad(a, (0, 0, 20, 20, 20, 20)), pad(b, (0, 0, 20, 20, 20, 20)))
    assert torch.allclose(framed[20:-20, 20:-20], ssim_map(a, b), atol=1e-12)


@pytest.mark.parametrize("which", [(True, True), (True, False), (False, True)])
def test_ssim_gradients(which):
    a, b = pictures(7, 9, dtype=torch.float64)
    a.requires_grad_(which[0])
    b.requires_grad_(which[1])
    assert torch.autograd.gradcheck(ssim_map, (a, b), eps=1e-6, atol=1e-6)


def test_ssim_does_not_write_into_its_inputs():
    a, b = pictures()
    before = a.clone(), b.clone()
    a.requires_grad_(True)
    ssim_map(a, b).mean().backward()
    assert torch.equal(a.detach(), before[0])
    assert torch.equal(b, before[1])


def test_ms_ssim_matches_a_numpy_twin():
    a, b = pictures(190, 201, noise=0.2)
    x, y = a.numpy().astype(float), b.numpy().astype(float)
    result = np.ones(3)
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        blur = lambda image: gaussian_filter(image, (1.5, 1.5, 0), truncate=3.4)[5:-5, 5:-5]  # noqa: E731
        mx, my = blur(x), blur(y)
        structure = (2 * (blur(x * y) - mx * my) + 9e-4) / (blur(x * x) - mx**2 + blur(y * y) - my**2 + 9e-4)
        luminance = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
        result *= (structure * luminance if scale == 4 else structure).mean((0, 1)) ** weight
        h, w = (x.shape[0] // 2) * 2, (x.shape[1] // 2) * 2
        x = x[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3))
        y = y[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3))
    assert ms_ssim(a, b).item() == pytest.approx(result.mean(), abs=1e-4)
    assert ms_ssim(a, a).item() == pytest.approx(1, abs=1e-6)


def test_ms_ssim_refuses_small_pictures():
    a, b = pictures(100, 300)
    with pytest.raises(InputError, match="176"):
        ms_ssim(a, b)
