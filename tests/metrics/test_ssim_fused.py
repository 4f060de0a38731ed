"""The compiled similarity map against the torch one."""

import pytest
import torch

from gaussian_head.kernels import compiled as kernels
from gaussian_head.metrics.fused import can_map_fused, ssim_map_fused
from gaussian_head.metrics.image import C1, C2, _SsimMap, _window, ssim_map

pytestmark = pytest.mark.skipif(kernels() is None, reason="this installation has no compiled kernels")


@pytest.fixture(params=kernels().instruction_sets() if kernels() else [])
def instruction_set(request):
    """Every instruction set of this machine in turn."""
    module = kernels()
    before = module.instruction_set()
    module.use_instruction_set(request.param)
    yield request.param
    module.use_instruction_set(before)


def pictures(height, width, channels=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    a = torch.rand(height, width, channels, generator=g)
    return a, (a + 0.2 * torch.randn(a.shape, generator=g)).clamp(0, 1), torch.randn(a.shape, generator=g)


def value_and_gradients(function, a, b, v, wanted=(True, True)):
    a, b = a.clone().requires_grad_(wanted[0]), b.clone().requires_grad_(wanted[1])
    similarity = function(a, b)
    similarity.backward(v)
    return similarity.detach(), a.grad, b.grad


def fused(a, b):
    assert can_map_fused(a, b)
    return ssim_map_fused(a, b, _window(a), C1, C2)


def assert_same(a, b, v, wanted=(True, True)):
    truth = value_and_gradients(_SsimMap.apply, a.double(), b.double(), v.double(), wanted)
    got = value_and_gradients(fused, a, b, v, wanted)
    for name, x, y in zip(("similarity", "gradient of a", "gradient of b"), got, truth, strict=True):
        assert (x is None) == (y is None), name
        if x is not None:
            assert float((x - y).abs().max()) < 2e-4 * max(1.0, float(y.abs().max())), name


SIZES = [(64, 48), (37, 61), (1, 30), (4, 7), (10, 33), (11, 16), (23, 6), (200, 11)]


@pytest.mark.parametrize("shape", [(h, w, C) for h, w in SIZES for C in (3, 1, 4) if w * C >= 16])
def test_value_and_gradients(instruction_set, shape):
    assert_same(*pictures(*shape))


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_gradient_of_one_picture(instruction_set, wanted):
    assert_same(*pictures(41, 39), wanted)


def test_public_map_runs_compiled_and_agrees_with_torch():
    a, b, _ = pictures(50, 60)
    assert torch.equal(ssim_map(a, b), fused(a, b))
    torch.testing.assert_close(ssim_map(a, b), _SsimMap.apply(a, b), atol=2e-4, rtol=1e-4)


def test_equal_pictures_have_similarity_one():
    a, _, _ = pictures(30, 30)
    assert float((fused(a, a) - 1).abs().max()) < 1e-5


def test_result_does_not_depend_on_threads():
    inputs = pictures(131, 77)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(value_and_gradients(fused, *inputs))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(results[0], other, strict=True))


def test_views_and_broadcast_cotangents():
    a, b, _ = pictures(40, 30)
    turned = [x.permute(2, 0, 1).contiguous().permute(1, 2, 0) for x in (a, b)]
    assert torch.equal(fused(*turned), fused(a, b))
    turned[0].requires_grad_()
    fused(*turned).mean().backward()
    gradient = value_and_gradients(fused, a, b, torch.full(a.shape, 1 / a.numel()), (True, False))[1]
    torch.testing.assert_close(turned[0].grad, gradient)


def test_inputs_stay_untouched_and_outputs_whole():
    a, b, v = pictures(25, 25)
    before = a.clone(), b.clone()
    similarity, v_a, v_b = value_and_gradients(fused, a, b, v)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])
    assert all(x.isfinite().all() for x in (similarity, v_a, v_b))


def test_what_the_kernel_does_not_cover_is_refused():
    a, b, _ = pictures(12, 12)
    assert not can_map_fused(a.double(), b.double())
    assert not can_map_fused(a[:, :5], b[:, :5])
    assert ssim_map(a[:, :5], b[:, :5]).shape == (12, 5, 3)
