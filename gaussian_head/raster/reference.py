"""The definition of the rasterizer: pure torch, float32 or float64, any device, no kernel.

EWA splatting (Zwicker et al., 2001) as in 3D Gaussian splatting (Kerbl et al., 2023): project each
Gaussian to an ellipse, blend the ellipses front to back. Slow; the kernels are held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..transforms import quat_to_rotmat
from .constants import ALPHA_MAX, ALPHA_MIN, FRUSTUM_MARGIN, TILE, TRANSMITTANCE_MIN
from .output import RasterOutput
from .scene import Scene


@dataclass(frozen=True, kw_only=True)
class Splats:
    """Gaussians as one camera sees them."""

    means2d: Tensor
    """``[N, 2]`` pixels."""
    depths: Tensor
    """``[N]`` metres along the optical axis."""
    covs2d: Tensor
    """``[N, 2, 2]`` px², blur included."""
    half_extents: Tensor
    """``[N, 2]`` half width and height in pixels of the region where alpha >= ALPHA_MIN."""


def project(
    means: Tensor,  # [N, 3]
    quats: Tensor,  # [N, 4]
    scales: Tensor,  # [N, 3]
    opacities: Tensor,  # [N]
    viewmat: Tensor,  # [4, 4]
    K: Tensor,  # [3, 3]
    width: int,
    height: int,
    eps2d: float,
) -> Splats:
    """Project Gaussians to one image."""
    affine, means2d, z = locally_affine(means, viewmat, K, width, height)
    sharp, _ = sharp_covariances(affine, quats, scales)
    covs2d = sharp + eps2d * torch.eye(2, dtype=means.dtype, device=means.device)
    level = 2 * torch.log(opacities / ALPHA_MIN)
    half_extents = (level[:, None] * covs2d.diagonal(dim1=-2, dim2=-1)).sqrt()
    return Splats(means2d=means2d, depths=z, covs2d=covs2d, half_extents=half_extents)


def locally_affine(
    means: Tensor,  # [N, 3]
    viewmat: Tensor,  # [4, 4]
    K: Tensor,  # [3, 3]
    width: int,
    height: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels per metre about each centre ``[N, 2, 3]``; positions on screen ``[N, 2]``; depths ``[N]``."""
    rotation, translation = viewmat[:3, :3], viewmat[:3, 3]
    points = means @ rotation.T + translation
    z = points[:, 2]
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    size = K.new_tensor([width, height])
    focal, centre = torch.stack([fx, fy]), torch.stack([cx, cy])
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    uv = points[:, :2] / z[:, None]
    u, v = uv.clamp(min=-centre / focal - margin, max=(size - centre) / focal + margin).unbind(-1)
    zero = torch.zeros_like(z)
    jacobian = torch.stack([fx / z, zero, -fx * u / z, zero, fy / z, -fy * v / z], -1).reshape(-1, 2, 3)
    return jacobian @ rotation, uv * focal + centre, z


def sharp_covariances(affine: Tensor, quats: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Covariances on screen before the low-pass filter ``[N, 2, 2]`` px² and their determinants ``[N]``.

    ``quats [N, 4]`` and ``scales [N, 3]`` give the form of a Gaussian, or covariances ``[N, 6]`` in place of quats.
    """
    if quats.shape[-1] == 6:
        covariances = quats[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
        sharp = affine @ covariances @ affine.transpose(-1, -2)
        return sharp, sharp[:, 0, 0] * sharp[:, 1, 1] - sharp[:, 0, 1] * sharp[:, 1, 0]
    spread = affine @ (quat_to_rotmat(quats) * scales[:, None, :])
    u, v = spread.unbind(-2)
    # As a sum of squares: xx yy - xy^2 would cancel for long thin Gaussians.
    return spread @ spread.transpose(-1, -2), torch.linalg.cross(u, v).square().sum(-1)


def visible_mask(
    splats: Splats,
    opacities: Tensor,  # [N]
    channels: Tensor,  # [N, D + E]
    width: int,
    height: int,
    near_plane: float,
    far_plane: float,
) -> Tensor:
    """``[N]`` bool: in front, inside the image, opaque enough and free of NaN and infinity."""
    size = splats.means2d.new_tensor([width, height])
    inside = (splats.means2d + splats.half_extents > 0) & (splats.means2d - splats.half_extents < size)
    finite = channels.isfinite().all(-1) & splats.covs2d.isfinite().all(-1).all(-1)
    finite &= splats.means2d.isfinite().all(-1) & splats.half_extents.isfinite().all(-1)
    in_range = (splats.depths > near_plane) & (splats.depths < far_plane)
    return finite & in_range & inside.all(-1) & (torch.det(splats.covs2d) > 0) & (opacities >= ALPHA_MIN)


def blend(
    offsets: Tensor,  # [P, V, 2] pixel centre minus splat centre
    conics: Tensor,  # [V, 2, 2] inverse covariances
    opacities: Tensor,  # [V] near to far
) -> Tensor:
    """Blending weights ``[P, V]`` of depth-sorted splats at P pixels."""
    sigma = 0.5 * torch.einsum("pvi,vij,pvj->pv", offsets, conics, offsets)
    alpha = opacities * torch.exp(-sigma)
    alpha = torch.where(alpha >= ALPHA_MIN, alpha.clamp(max=ALPHA_MAX), 0)
    after = torch.cumprod(1 - alpha, dim=1)
    before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], dim=1)
    return torch.where(after > TRANSMITTANCE_MIN, alpha * before, 0)


class _SeenByPixels(torch.autograd.Function):
    """Screen positions ``[V, 2]`` for each of P pixels; ``pulls [V, 2]`` take the sum of their gradients' sizes."""

    @staticmethod
    def forward(ctx: Any, means2d: Tensor, pulls: Tensor, pixels: int) -> Tensor:
        return means2d.expand(pixels, *means2d.shape).contiguous()

    @staticmethod
    def backward(ctx: Any, *v_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        return v_outputs[0].sum(0), v_outputs[0].abs().sum(0), None


def blend_image(
    splats: Splats, opacities: Tensor, channels: Tensor, width: int, height: int, pulls: Tensor | None = None
) -> Tensor:
    """Blend depth-sorted splats into ``[H, W, channels + 1]``; the last is the accumulated alpha.

    ``pulls [V, 2]`` take the gradients of all pixels to a position, added up without their signs.
    """
    conics = torch.linalg.inv(splats.covs2d)
    channels = torch.cat([channels, torch.ones_like(channels[:, :1])], dim=1)
    low, high = (splats.means2d - splats.half_extents).detach(), (splats.means2d + splats.half_extents).detach()
    rows = []
    for y0 in range(0, height, TILE):
        y1 = min(y0 + TILE, height)
        in_row = (high[:, 1] >= y0) & (low[:, 1] <= y1)
        tiles = []
        for x0 in range(0, width, TILE):
            x1 = min(x0 + TILE, width)
            touched = (in_row & (high[:, 0] >= x0) & (low[:, 0] <= x1)).nonzero().squeeze(-1)
            ys = torch.arange(y0, y1, dtype=channels.dtype, device=channels.device) + 0.5
            xs = torch.arange(x0, x1, dtype=channels.dtype, device=channels.device) + 0.5
            pixels = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1).reshape(-1, 1, 2)
            centres = splats.means2d[touched]
            if pulls is not None:
                centres = _SeenByPixels.apply(centres, pulls[touched], len(pixels))
            weights = blend(pixels - centres, conics[touched], opacities[touched])
            tiles.append((weights @ channels[touched]).reshape(y1 - y0, x1 - x0, -1))
        rows.append(torch.cat(tiles, dim=1))
    return torch.cat(rows, dim=0)


def rasterize(scene: Scene) -> RasterOutput:
    """Render all cameras."""
    means, quats, scales, opacities, colors, extra, viewmats, Ks = scene.tensors
    width, height, near_plane, far_plane, eps2d = scene.settings
    N, D = means.shape[0], colors.shape[-1]
    images, all_means2d, all_radii = [], [], []
    for c in range(viewmats.shape[0]):
        camera_colors = colors[c] if colors.ndim == 3 else colors
        channels = torch.cat([camera_colors, extra], dim=1)
        with torch.no_grad():
            seen = project(means, quats, scales, opacities, viewmats[c], Ks[c], width, height, eps2d)
            visible = visible_mask(seen, opacities, channels, width, height, near_plane, far_plane)
            ids = visible.nonzero().squeeze(-1)
            ids = ids[seen.depths[ids].argsort(stable=True)]
            radii = torch.where(visible, seen.half_extents.amax(-1).ceil().nan_to_num(0).clamp(max=1e9), 0)
        splats = project(means[ids], quats[ids], scales[ids], opacities[ids], viewmats[c], Ks[c], width, height, eps2d)
        means2d = means.new_zeros(N, 2).index_put((ids,), splats.means2d)
        all_means2d.append(means2d)
        all_radii.append(radii.int())
        images.append((ids, splats, channels))

    means2d = torch.stack(all_means2d)
    if scene.probe is not None:
        means2d = means2d + (scene.probe - scene.probe.detach())[..., :2]
    if means2d.requires_grad:
        means2d.retain_grad()
    blended = []
    for c, (ids, splats, channels) in enumerate(images):
        centred = Splats(
            means2d=means2d[c][ids], depths=splats.depths, covs2d=splats.covs2d, half_extents=splats.half_extents
        )
        with_depth = torch.cat([channels[ids], splats.depths[:, None]], dim=1)
        pulls = scene.probe[c, ids, 2:] if scene.probe is not None and scene.probe.shape[-1] == 4 else None
        blended.append(blend_image(centred, opacities[ids], with_depth, width, height, pulls))
    image = torch.stack(blended)
    rgb, alpha = image[..., :D], image[..., -1]
    if scene.backgrounds is not None:
        rgb = rgb + (1 - alpha[..., None]) * scene.backgrounds[:, None, None, :]
    return RasterOutput(
        rgb=rgb,
        alpha=alpha,
        depth=image[..., -2],
        extra=image[..., D:-2],
        means2d=means2d,
        radii=torch.stack(all_radii),
    )
