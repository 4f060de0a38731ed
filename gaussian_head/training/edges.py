"""What edges learnt is kept to the view that recorded it, when training is done.

A surface that every frame shows from aside is a line there, and a line of any colour, and of any length along the line
of sight, may pass for the recorded edge, which is half background. From the side it is a blot and a spike. In the
recorded view both changes show nothing: they are exact for whoever looks from where the camera was.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from scipy.spatial import KDTree
from torch import Tensor

from ..head import Branch
from ..head.lifting import MAX_STRETCH
from ..head.surfels import THICKNESS, WIDTH
from ..sh import C0, C1
from ..smoothing import smoothstep
from ..transforms import quat_normalize, quat_to_rotmat, rotmat_to_quat
from .depth import Sight

SQUARE, ASKANCE = 0.9, 0.5
"""Cosine of a surface with the line of sight of the frame that shows it most squarely, from which on it tells its
colour, and down to which it tells none that holds from elsewhere."""
BESIDE, NEAR, LIKE = 16, 0.01, 0.25
"""Unseen neighbours whose colour such a surface has from elsewhere, metres over which they count for less, and RGB
differences over which they do: hair stays hair beside skin."""


def kept_to_view(branch: Branch, fixed: dict[str, Tensor], sight: Sight) -> Branch:
    """A trained branch of a head that one camera filmed, as plain from other sides as it began; not the mouth's.

    Args:
        branch: N Gaussians.
        fixed: ``home [N, 3]``, ``colour [N, 1, 3]``, ``normal [N, 3]``, ``thin [N]`` and ``held [N]`` that it began
            with, see ``TrainState``.
        sight: how the clip shows it.
    """
    if branch.name == "mouth":
        return branch
    rays = torch.nn.functional.normalize(branch.means - sight.eye, dim=1)
    best = (fixed["normal"] @ sight.ways.T).abs().amax(1)
    if branch.shN.shape[1]:
        share = unknown(best)
        colours = colours_kept(branch.sh0, branch.shN, beside_of(fixed, share), share, rays)
        branch = replace(branch, sh0=colours[0], shN=colours[1])
    slant = (1 / (fixed["normal"] * rays).sum(1).abs()).clamp(max=MAX_STRETCH)
    most = fixed["thin"].exp() * (WIDTH / THICKNESS) * slant / sight.untold
    quats, log_scales = pressed(branch.quats, branch.log_scales, rays, torch.where(fixed["held"], torch.inf, most))
    return replace(branch, quats=quats, log_scales=log_scales)


def beside_of(fixed: dict[str, Tensor], share: Tensor) -> Tensor:
    """First colours ``[N, 1, 3]``, by a share ``[N]`` those of what lies beside and was painted, since none shows it.

    A pixel at the edge of an ear or a cheek may have been lifted onto the wrong one of them.
    """
    held, start = fixed["held"], fixed["colour"]
    if not held.any():
        return start
    points = fixed["home"].cpu().numpy()
    distance, rows = KDTree(points[held.cpu().numpy()]).query(points, min(BESIDE, int(held.sum())))
    weights = torch.from_numpy(1 / (distance.reshape(len(points), -1) ** 2 + NEAR**2)).to(start)
    painted = start[held][torch.from_numpy(rows.reshape(len(points), -1)).to(start.device)]
    other = C0 * (painted - start[:, None]).norm(dim=3)[..., 0] / LIKE
    weights = weights * torch.exp(other.amin(1, keepdim=True) ** 2 - other**2)
    mean = (painted * (weights / weights.sum(1, keepdim=True))[..., None, None]).sum(1)
    near = torch.exp(-((torch.from_numpy(distance.reshape(len(points), -1)[:, 0]).to(start) / NEAR) ** 2))
    return torch.lerp(start, mean, (share * near * ~held)[:, None, None])


def unknown(best: Tensor) -> Tensor:
    """How little ``[N]`` surfaces tell of their colour that were seen at a cosine of ``best [N]`` at most: 0 to 1."""
    return smoothstep(((SQUARE - best) / (SQUARE - ASKANCE)).clamp(0, 1))


def colours_kept(sh0: Tensor, shN: Tensor, start: Tensor, share: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """Colours of degree 0 and 1 that look the same along ``rays``, a share of what was learnt being of that way only.

    Args:
        sh0, shN: ``[N, 1, 3]`` and ``[N, 3, 3]``.
        start: ``[N, 1, 3]`` the first ones, of degree 0.
        share: ``[N]``.
        rays: ``[N, 3]`` unit, from the camera.
    """
    learnt = share[:, None, None] * (sh0 - start)
    x, y, z = rays.unbind(1)
    return sh0 - learnt, shN + learnt * (C0 / C1) * torch.stack([-y, z, -x], 1)[..., None]


def pressed(quats: Tensor, log_scales: Tensor, rays: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
    """Gaussians that reach at most so far along their rays, and look the same along them.

    Args:
        quats: ``[N, 4]``.
        log_scales: ``[N, 3]``.
        rays: ``[N, 3]`` unit.
        most: ``[N]`` standard deviations along the rays, metres.
    """
    axes, scales = quat_to_rotmat(quat_normalize(quats)), log_scales.exp()
    deep = (scales * (axes.mT @ rays[..., None])[..., 0]).norm(dim=1)
    rows = (deep > most).nonzero()[:, 0]
    if not len(rows):
        return quats, log_scales
    ray, share = rays[rows].double(), (most / deep)[rows].double()
    press = torch.eye(3, dtype=torch.float64, device=ray.device) + (share - 1)[:, None, None] * (
        ray[:, :, None] * ray[:, None, :]
    )
    root = press @ axes[rows].double() * scales[rows].double()[:, None, :]
    sizes, turned = torch.linalg.eigh(root @ root.mT)
    turned = turned * torch.linalg.det(turned).sign()[:, None, None]
    quats, log_scales = quats.clone(), log_scales.clone()
    quats[rows] = rotmat_to_quat(turned).to(quats)
    log_scales[rows] = (0.5 * sizes.clamp(min=1e-14).log()).to(log_scales)
    return quats, log_scales
