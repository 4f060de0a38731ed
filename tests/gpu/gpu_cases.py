"""What the GPU tests run: every differentiable operation of the package on a device, with its gradients.

A case takes a device and gives named tensors, on the CPU; the same inputs come every time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "raster"))
from raster_scenes import random_scene

from gaussian_head.head.branch import TRAINED, Branch
from gaussian_head.head.fused import can_deform_fused, deform_fused
from gaussian_head.metrics.image import ssim_map
from gaussian_head.motion import MotionFrame, Pose
from gaussian_head.raster import rasterize
from gaussian_head.raster.frames import rasterize_frames
from gaussian_head.transforms import quat_normalize, quat_to_rotmat

Case = Callable[[str], dict[str, Tensor]]


def on(device: str, values: dict) -> dict:
    """The tensors among the values, moved; floating ones but intrinsics ask for gradients."""
    moved = {}
    for name, value in values.items():
        moved[name] = value.to(device).detach() if isinstance(value, Tensor) else value
        if isinstance(value, Tensor) and value.is_floating_point() and name != "Ks":
            moved[name].requires_grad_()
    return moved


def with_gradients(outputs: dict[str, Tensor], leaves: dict) -> dict[str, Tensor]:
    """The outputs and, for a fixed weighting of them, the gradients of the leaves."""
    rng = torch.Generator().manual_seed(11)
    used = {name: out for name, out in outputs.items() if out.requires_grad}
    torch.autograd.backward(
        list(used.values()), [torch.randn(out.shape, generator=rng).to(out.device) for out in used.values()]
    )
    found = {name: out.detach().cpu() for name, out in outputs.items()}
    for name, leaf in leaves.items():
        if isinstance(leaf, Tensor) and leaf.grad is not None:
            found[f"v_{name}"] = leaf.grad.cpu()
    return found


def raster_case(**options: object) -> Case:
    """``rasterize`` on a random scene."""

    def run(device: str) -> dict[str, Tensor]:
        leaves = on(device, random_scene(**options))
        out = rasterize(**leaves)
        images = {name: getattr(out, name) for name in ("rgb", "alpha", "depth", "extra")}
        return with_gradients(images, leaves) | {"v_means2d": out.means2d.grad.cpu(), "radii": out.radii.cpu()}

    return run


def sh_case(device: str) -> dict[str, Tensor]:
    """Colours that depend on the view of each of two cameras."""
    scene = random_scene(400, cameras=2)
    scene["colors"] = 0.3 * torch.randn(400, 16, 3, generator=torch.Generator().manual_seed(1))
    leaves = on(device, scene)
    return with_gradients({"rgb": rasterize(**leaves, sh_degree=3).rgb}, leaves)


def absgrad_case(device: str) -> dict[str, Tensor]:
    """Screen gradients without the pixels' signs, beside the others."""
    leaves = on(device, random_scene(cameras=2, extra=1))
    out = rasterize(**leaves, absgrad=True)
    found = with_gradients({name: getattr(out, name) for name in ("rgb", "alpha", "depth", "extra")}, leaves)
    return found | {"absgrad": out.means2d.absgrad.cpu()}  # type: ignore[attr-defined]


def covariance_case(device: str) -> dict[str, Tensor]:
    """Covariances in place of rotations and scales."""
    scene = random_scene(400, cameras=2)
    turns = quat_to_rotmat(quat_normalize(scene.pop("quats"))) * scene.pop("scales")[:, None]
    leaves = on(device, scene | {"covars": turns @ turns.mT})
    out = rasterize(quats=None, scales=None, **leaves)
    return with_gradients({name: getattr(out, name) for name in ("rgb", "alpha", "depth")}, leaves)


def antialiased_case(device: str) -> dict[str, Tensor]:
    """Opacities that make up for the splats' least size."""
    leaves = on(device, random_scene(400, cameras=2))
    return with_gradients({"rgb": rasterize(**leaves, rasterize_mode="antialiased").rgb}, leaves)


def plate_case(device: str) -> dict[str, Tensor]:
    """A picture behind the Gaussians."""
    scene = random_scene(400, cameras=2)
    rng = torch.Generator().manual_seed(2)
    scene["backgrounds"] = torch.rand(2, scene["height"], scene["width"], 3, generator=rng)
    leaves = on(device, scene)
    return with_gradients({"rgb": rasterize(**leaves).rgb}, leaves)


def clip(num: int = 500, count: int = 4) -> dict:
    """`count` frames, each of its own Gaussians and camera."""
    scenes = [random_scene(num, seed=i, cameras=count, extra=1) for i in range(count)]
    names = ("means", "quats", "scales", "opacities", "colors", "extra")
    return scenes[0] | {name: torch.stack([scene[name] for scene in scenes]) for name in names}


def frames_case(device: str) -> dict[str, Tensor]:
    """``rasterize_frames``."""
    leaves = on(device, clip())
    out = rasterize_frames(**leaves)
    return with_gradients({name: getattr(out, name) for name in ("rgb", "alpha", "depth", "extra")}, leaves)


def head_branches(device: str, count: int = 3000) -> tuple[Branch, ...]:
    """Three branches, 16 coefficients."""
    rng = torch.Generator().manual_seed(0)

    def random(*shape: int, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(*shape, generator=rng)).to(device)

    def branch(name: str, n: int, uses: int) -> Branch:
        return Branch(
            name=name,
            uses=torch.randperm(16, generator=rng)[:uses].to(device),
            means=random(n, 3, scale=0.08),
            quats=random(n, 4),
            log_scales=random(n, 3, scale=0.3) - 5.5,
            logit_opacities=random(n),
            sh0=random(n, 1, 3, scale=0.5),
            shN=random(n, 3, 3, scale=0.2),
            basis=random(n, 3, uses, scale=0.01),
            stretch=random(n, 6, uses, scale=0.05),
            head_weights=torch.rand(n, generator=rng).to(device),
            opacity_uses=torch.randperm(16, generator=rng)[:2].to(device),
            opacity_basis=random(n, 2),
        )

    return (branch("face", count, 13), branch("mouth", count // 5, 6), branch("torso", count // 2, 3))


def moments(device: str, count: int) -> tuple[Tensor, Tensor]:
    """Coefficients ``[F, 16]`` and poses ``[F, 14]`` about a metre in front of the camera."""
    rng = torch.Generator().manual_seed(1)
    poses = 0.05 * torch.randn(count, 14, generator=rng)
    poses[:, [0, 7]] += 1
    poses[:, [6, 13]] += 1
    return torch.randn(count, 16, generator=rng).to(device), poses.to(device)


def cameras(device: str, count: int, size: int) -> tuple[Tensor, Tensor]:
    """Viewmats ``[F, 4, 4]`` and intrinsics ``[F, 3, 3]`` of cameras side by side."""
    viewmats = torch.eye(4).repeat(count, 1, 1)
    viewmats[:, 0, 3] = torch.linspace(-0.02, 0.03, count)
    K = torch.tensor([[2.5 * size, 0, size / 2], [0, 2.5 * size, size / 2], [0, 0, 1]])
    return viewmats.to(device), K.repeat(count, 1, 1).to(device)


def moment_of(pose: Tensor) -> MotionFrame:
    """The two poses of one moment, from 14 numbers."""
    head_quat, head_position, torso_quat, torso_position = pose.split([4, 3, 4, 3])
    return MotionFrame.neutral(
        head=Pose(quats=head_quat, positions=head_position),
        torso=Pose(quats=torso_quat, positions=torso_position),
    )


def deform_case(device: str) -> dict[str, Tensor]:
    """The deformation of a head, with the gradients of all it is made of."""
    leaves, branches = {}, []
    for branch in head_branches(device):
        tensors = branch.tensors()
        for name in TRAINED:
            leaves[f"{branch.name}.{name}"] = tensors[name] = tensors[name].detach().requires_grad_()
        branches.append(replace(branch, **tensors))
    coefficients, poses = moments(device, 1)
    leaves |= {"coefficients": coefficients[0].requires_grad_(), "pose": poses[0].requires_grad_()}
    frame = moment_of(leaves["pose"])
    assert can_deform_fused(branches, leaves["coefficients"], frame)
    posed = deform_fused(branches, leaves["coefficients"], frame)
    names = ("means", "quats", "scales", "opacities", "colors")
    return with_gradients({name: getattr(posed, name) for name in names}, leaves)


def ssim_case(device: str) -> dict[str, Tensor]:
    """The similarity map of two pictures."""
    rng = torch.Generator().manual_seed(0)
    a = torch.rand(201, 155, 3, generator=rng)
    b = (a + 0.2 * torch.randn(a.shape, generator=rng)).clamp(0, 1)
    leaves = on(device, {"a": a, "b": b})
    return with_gradients({"similarity": ssim_map(leaves["a"], leaves["b"])}, leaves)


CASES: dict[str, Case] = {
    "plain": raster_case(),
    "two cameras, extra": raster_case(cameras=2, extra=3),
    "many channels": raster_case(extra=40),
    "most channels": raster_case(num=100, extra=124),
    "opaque, deep": raster_case(num=3000, max_opacity=1.0, size=(64, 64)),
    "large": raster_case(num=20_000, size=(512, 400)),
    "thin": raster_case(size=(130, 3)),
    "one Gaussian": raster_case(num=1),
    "no Gaussian": raster_case(num=0),
    "spherical harmonics": sh_case,
    "picture behind": plate_case,
    "frames": frames_case,
    "absgrad": absgrad_case,
    "covariances": covariance_case,
    "antialiased": antialiased_case,
    "deformation": deform_case,
    "similarity": ssim_case,
}
