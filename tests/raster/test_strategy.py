"""gsplat's densification strategies grow a scene that this rasterizer draws, without CUDA."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from raster_scenes import random_scene
from torch import Tensor

from gaussian_head import InputError
from gaussian_head.raster import rasterize
from gaussian_head.raster.strategy import gsplat_info, gsplat_without_cuda, relocated

gsplat = pytest.importorskip("gsplat.strategy", reason="gsplat is not installed")

RATES = {"means": 2e-3, "quats": 1e-2, "scales": 1e-2, "opacities": 3e-2, "colors": 2e-2}
STEPS = 150


def target() -> tuple[dict, Tensor]:
    scene = random_scene(150, seed=5, size=(48, 40))
    return scene, rasterize(**scene).rgb


def beginning(scene: dict, num: int = 40) -> dict[str, torch.nn.Parameter]:
    """A few of the target's Gaussians, small and grey."""
    values = {
        "means": scene["means"][:num].clone(),
        "quats": scene["quats"][:num].clone(),
        "scales": scene["scales"][:num].log().clamp(max=-4.0),
        "opacities": torch.full((num,), 0.5).logit(),
        "colors": torch.full((num, 3), 0.5),
    }
    return {name: torch.nn.Parameter(value) for name, value in values.items()}


def draw(scene: dict, params: dict[str, Tensor], **changes: Any) -> Any:
    shown = {"means": params["means"], "quats": params["quats"], "colors": params["colors"]}
    shown |= {"scales": params["scales"].exp(), "opacities": params["opacities"].sigmoid()}
    return rasterize(**{**scene, **shown, "extra": None, **changes})


def optimise(strategy: Any, state: dict, after: Callable[..., dict]) -> tuple[float, float, dict]:
    """PSNR before and after, and the parameters."""
    torch.manual_seed(0)
    scene, image = target()
    params = beginning(scene)
    optimizers = {name: torch.optim.Adam([params[name]], lr=rate) for name, rate in RATES.items()}
    strategy.check_sanity(params, optimizers)
    errors = []
    for step in range(STEPS):
        out = draw(scene, params)
        loss = (out.rgb - image).square().mean()
        info = gsplat_info(out)
        strategy.step_pre_backward(params, optimizers, state, step, info)
        loss.backward()
        errors.append(loss.item())
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        with gsplat_without_cuda():
            strategy.step_post_backward(params, optimizers, state, step, info, **after())
    return -10 * math.log10(errors[0]), -10 * math.log10(errors[-1]), params


def test_default_strategy_grows_a_scene() -> None:
    strategy = gsplat.DefaultStrategy(
        refine_start_iter=20, refine_every=20, refine_stop_iter=110, reset_every=1000, grow_grad2d=2e-4
    )
    before, after, params = optimise(strategy, strategy.initialize_state(scene_scale=1.0), dict)
    assert len(params["means"]) > 60
    assert after > before + 5


def test_mcmc_strategy_grows_a_scene() -> None:
    strategy = gsplat.MCMCStrategy(
        refine_start_iter=20, refine_every=20, refine_stop_iter=110, cap_max=60, noise_lr=10.0, min_opacity=0.05
    )
    before, after, params = optimise(strategy, strategy.initialize_state(), lambda: {"lr": RATES["means"]})
    assert 40 < len(params["means"]) <= 60
    assert all(p.isfinite().all() for p in params.values())
    assert after > before + 5


def test_the_statistics_are_those_of_gsplat() -> None:
    """DefaultStrategy sums the screen gradient's length, in halves of the image, over the views that see a Gaussian."""
    scene = random_scene(80, cameras=2, size=(48, 40))
    scene["means"][:5, 2] = -1.0
    scene["means"].requires_grad_()
    strategy = gsplat.DefaultStrategy(refine_start_iter=10**6, reset_every=10**6)
    state = strategy.initialize_state()
    out = rasterize(**scene)
    info = gsplat_info(out)
    params = {"means": scene["means"]}
    strategy.step_pre_backward(params, {}, state, 1, info)
    out.rgb.square().sum().backward()
    strategy.step_post_backward(params, {}, state, 1, info)
    v = out.means2d.grad * torch.tensor([48 / 2, 40 / 2]) * 2
    visible = out.radii > 0
    torch.testing.assert_close(state["grad2d"], (v.norm(dim=-1) * visible).sum(0))
    assert torch.equal(state["count"], visible.sum(0).float())
    assert (state["count"][:5] == 0).all()


@pytest.mark.parametrize("own_probe", [False, True])
def test_a_strategy_of_absolute_gradients_gets_them(own_probe: bool) -> None:
    """DefaultStrategy(absgrad=True) sums other lengths of the same rendering."""
    scene, counted = random_scene(80, cameras=2, size=(48, 40)), {}
    scene["means"].requires_grad_()
    for absgrad in (False, True):
        strategy = gsplat.DefaultStrategy(refine_start_iter=10**6, reset_every=10**6, absgrad=absgrad)
        state, params = strategy.initialize_state(), {"means": scene["means"]}
        probe = torch.zeros(2, 80, 4, requires_grad=True) if own_probe else None
        out = rasterize(**scene, absgrad=True, probe=probe)
        info = gsplat_info(out, probe)
        strategy.step_pre_backward(params, {}, state, 1, info)
        out.rgb.square().sum().backward()
        strategy.step_post_backward(params, {}, state, 1, info)
        counted[absgrad] = state["grad2d"]
    probe = torch.zeros(2, 80, 4, requires_grad=True)
    out = rasterize(**scene, probe=probe)
    out.rgb.square().sum().backward()
    for absgrad, v in ((False, probe.grad[..., :2]), (True, probe.grad[..., 2:])):
        lengths = (v * torch.tensor([48 / 2, 40 / 2]) * 2).norm(dim=-1) * (out.radii > 0)
        torch.testing.assert_close(counted[absgrad], lengths.sum(0))
    assert counted[True].sum() > 1.2 * counted[False].sum()


def test_a_probe_serves_as_means2d() -> None:
    scene, _ = target()
    params = beginning(scene)
    probe = torch.zeros(1, 40, 2, requires_grad=True)
    out = draw(scene, params, probe=probe)
    out.rgb.square().sum().backward()
    assert gsplat_info(out, probe)["means2d"] is probe
    assert torch.equal(probe.grad, out.means2d.grad)


def test_a_rendering_without_gradients_is_refused() -> None:
    with pytest.raises(InputError, match="carries no gradient"):
        gsplat_info(rasterize(**random_scene(10)))


def test_relocated_gaussians_look_like_the_one_they_replace() -> None:
    """n copies blended over one another keep the peak and the integral of a line through the centre."""
    n = torch.tensor([1, 2, 3, 10, 51, 80])
    opacities, scales = torch.tensor([0.3, 0.5, 0.99, 0.9, 0.95, 0.6]), torch.full((6, 3), 0.7)
    new_opacities, new_scales = relocated(opacities, scales, n, torch.zeros(51, 51))
    n = n.clamp(max=51)
    x = torch.linspace(-12, 12, 48_001, dtype=torch.float64)

    def profile(opacity: Tensor, scale: Tensor) -> Tensor:
        return opacity.double()[:, None] * torch.exp(-0.5 * (x / scale[:, :1].double()) ** 2)

    old, new = profile(opacities, scales), 1 - (1 - profile(new_opacities, new_scales)) ** n[:, None]
    torch.testing.assert_close(new.amax(-1), old.amax(-1), rtol=1e-5, atol=0)
    torch.testing.assert_close(new.sum(-1), old.sum(-1), rtol=1e-5, atol=0)
    torch.testing.assert_close(new_scales[0], scales[0])


def test_gsplat_gets_its_own_functions_back() -> None:
    import gsplat.strategy.ops as ops

    before = (ops.compute_relocation, ops.quat_scale_to_covar_preci)
    with gsplat_without_cuda():
        assert ops.compute_relocation is relocated
    with pytest.raises(KeyError), gsplat_without_cuda():
        raise KeyError
    assert (ops.compute_relocation, ops.quat_scale_to_covar_preci) == before


def test_covariances_are_gsplats() -> None:
    import gsplat.strategy.ops as ops
    from gsplat.cuda._torch_impl import _quat_scale_to_covar_preci

    quats, scales = torch.randn(20, 4), torch.rand(20, 3)
    want, _ = _quat_scale_to_covar_preci(quats, scales, compute_preci=False, triu=False)
    with gsplat_without_cuda():
        have, _ = ops.quat_scale_to_covar_preci(quats, scales, compute_covar=True, compute_preci=False, triu=False)
    torch.testing.assert_close(have, want)
