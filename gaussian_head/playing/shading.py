"""What is not photographed: depth, normals, motion and ellipsoids as colours, with a legend in plain units."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Frame, Gaussians
from ..head import PARTS, Head
from ..motion import MotionFrame
from ..sh import sh_to_rgb
from ..transforms import quat_to_rotmat

PART_COLORS = torch.tensor([[0.95, 0.62, 0.45], [0.86, 0.22, 0.36], [0.30, 0.52, 0.86]])
"""Colour of every part, in the order of PARTS."""
DEPTH_RAMP = torch.tensor(
    [[0.99, 0.91, 0.60], [0.98, 0.55, 0.35], [0.72, 0.22, 0.47], [0.32, 0.07, 0.48], [0.05, 0.03, 0.15]]
)
"""Colours from near to far."""
MOTION_RAMP = torch.tensor(
    [[0.13, 0.15, 0.22], [0.10, 0.36, 0.55], [0.13, 0.64, 0.60], [0.60, 0.83, 0.36], [0.99, 0.88, 0.30]]
)
"""Colours from still to MOTION_FULL_MM."""
MOTION_FULL_MM = 12.0
"""Displacement at the bright end of the ramp, the same for every head so that heads compare."""
LIGHT = torch.nn.functional.normalize(torch.tensor([-0.4, -0.6, -1.0]), dim=0)
"""Towards the lamp, in the camera's axes: over its left shoulder."""
SOLID = 30.0
"""Opacity of an ellipsoid: alpha is bounded by 1, so that far above it the soft falloff becomes a hard edge."""
SOLID_SCALE = 0.5
"""Size of an ellipsoid against its Gaussian, whose visible part it shows."""
FAINT = 0.1
"""Gaussians less opaque than this make no ellipsoid."""


@dataclass(frozen=True, kw_only=True)
class Legend:
    """How to read a picture's colours."""

    title: str
    """What is shown, with its unit."""
    low: str = ""
    """What the first colour of ``ramp`` stands for."""
    high: str = ""
    """What its last colour stands for."""
    ramp: tuple[str, ...] = ()
    """CSS colours from low to high, evenly spaced; empty where ``swatches`` speak."""
    swatches: tuple[tuple[str, str], ...] = ()
    """Name and CSS colour of things that are not on a scale."""


def shaded_depth(frame: Frame, gaussians: Gaussians, camera: Camera) -> tuple[Tensor, Legend]:
    """Near bright, far dark ``[H, W, 3]``; the ends are where the Gaussians are, to the centimetre, so it is steady."""
    z = (gaussians.means @ camera.viewmat[2, :3] + camera.viewmat[2, 3])[gaussians.opacities > FAINT]
    near, far = (torch.quantile(z[:: len(z) // 20000 + 1], torch.tensor([0.001, 0.98]))).tolist() if len(z) else (0, 1)
    near, far = round(near, 2), max(round(far, 2), round(near, 2) + 0.01)
    legend = Legend(
        title="Depth from the camera", low=f"{near:.2f} m", high=f"{far:.2f} m", ramp=tuple(map(_css, DEPTH_RAMP))
    )
    return on_ramp((frame.depth - near) / (far - near), DEPTH_RAMP) * frame.alpha[..., None], legend


def shaded_normals(frame: Frame, camera: Camera) -> tuple[Tensor, Legend]:
    """Which way the surface looks ``[H, W, 3]``, from the slope of the depth smoothed over a few pixels.

    The Gaussians' shortest axes point anywhere inside hair and cloth; the surface that they make together does not.
    """
    points = _smoothed(_unprojected(frame.depth, camera), frame.alpha, sigma=max(camera.height / 256, 0.5))
    across, down = torch.zeros_like(points), torch.zeros_like(points)
    across[:, 1:-1] = points[:, 2:] - points[:, :-2]
    down[1:-1] = points[2:] - points[:-2]
    normals = torch.nn.functional.normalize(torch.linalg.cross(down, across), dim=-1)
    normals = torch.where(normals[..., 2:] > 0, -normals, normals)
    colors = normals * torch.tensor([0.5, -0.5, -0.5]) + 0.5
    swatches = (("right", "rgb(255,128,128)"), ("up", "rgb(128,255,128)"), ("at you", "rgb(128,128,255)"))
    return colors * frame.alpha[..., None], Legend(title="The surface faces", swatches=swatches)


def part_colored(gaussians: Gaussians, head: Head) -> tuple[Gaussians, Legend]:
    """Every Gaussian in the colour of its part."""
    swatches = tuple((part, _css(color)) for part, color in zip(PARTS, PART_COLORS, strict=True))
    colors = PART_COLORS[head.parts.long()].contiguous()
    return replace(gaussians, colors=colors), Legend(title="Parts", swatches=swatches)


def motion_colored(gaussians: Gaussians, head: Head, moment: MotionFrame) -> tuple[Gaussians, Legend]:
    """Every Gaussian in the colour of how far the expression moves it from the neutral face in the same pose."""
    neutral = head.gaussians_at(moment.relaxed)
    moved_mm = 1e3 * (gaussians.means - neutral.means).norm(dim=1)
    legend = Legend(
        title="Moved from the neutral face",
        low="0 mm",
        high=f"{MOTION_FULL_MM:.0f} mm or more",
        ramp=tuple(map(_css, MOTION_RAMP)),
    )
    return replace(gaussians, colors=on_ramp(moved_mm / MOTION_FULL_MM, MOTION_RAMP).contiguous()), legend


def ellipsoids(gaussians: Gaussians, camera: Camera) -> Gaussians:
    """Every Gaussian as one opaque ellipsoid, lit by the direction of its shortest axis."""
    axes = quat_to_rotmat(torch.nn.functional.normalize(gaussians.quats, dim=1))
    shortest = gaussians.scales.argmin(1)[:, None, None].expand(-1, 3, 1)
    facing = axes.gather(2, shortest)[..., 0] @ camera.viewmat[:3, :3].T
    facing = torch.where(facing[:, 2:] > 0, -facing, facing)
    colors = gaussians.colors
    if colors.ndim == 3:
        degree = round(colors.shape[1] ** 0.5) - 1
        colors = sh_to_rgb(colors, gaussians.means - camera.position, degree)
    light = 0.35 + 0.75 * (facing @ LIGHT).clamp(min=0)
    return replace(
        gaussians,
        scales=gaussians.scales * SOLID_SCALE,
        opacities=torch.where(gaussians.opacities > FAINT, SOLID, 0.0),
        colors=(colors.clamp(0, 1) * light[:, None]).contiguous(),
    )


def on_ramp(values: Tensor, ramp: Tensor) -> Tensor:
    """Colours ``[..., 3]`` of values ``[...]`` on a ramp ``[S, 3]`` from 0 to 1, held beyond its ends."""
    place = torch.nan_to_num(values).clamp(0, 1) * (len(ramp) - 1)
    index = place.long().clamp(max=len(ramp) - 2)
    return torch.lerp(ramp[index], ramp[index + 1], (place - index)[..., None])


def _unprojected(depth: Tensor, camera: Camera) -> Tensor:
    """Points ``[H, W, 3]`` in camera axes."""
    K = camera.K
    x = (torch.arange(camera.width) + 0.5 - K[0, 2]) / K[0, 0]
    y = (torch.arange(camera.height) + 0.5 - K[1, 2]) / K[1, 1]
    return torch.stack([x * depth, y[:, None] * depth, depth], -1)


def _smoothed(points: Tensor, alpha: Tensor, sigma: float) -> Tensor:
    """Weighted by alpha, so that nothing bleeds in from where nothing is."""
    reach = max(round(3 * sigma), 1)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    weighted = torch.cat([points * alpha[..., None], alpha[..., None]], -1).permute(2, 0, 1)[:, None]
    blurred = torch.nn.functional.conv2d(weighted, kernel[None, None, None], padding=(0, reach))
    blurred = torch.nn.functional.conv2d(blurred, kernel[None, None, :, None], padding=(reach, 0))[:, 0]
    return (blurred[:3] / blurred[3:].clamp(min=1e-3)).permute(1, 2, 0)


def _css(color: Tensor) -> str:
    return "rgb({},{},{})".format(*(round(255 * float(c)) for c in color))
