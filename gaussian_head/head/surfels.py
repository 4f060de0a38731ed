"""Flat Gaussians on surfaces: the start of every branch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..sh import rgb_to_sh
from ..transforms import rotmat_to_quat
from .branch import Branch
from .surface import Patch

WIDTH, THICKNESS = 0.6, 0.25
"""Standard deviations along the surface and across it, next to the distance of neighbours."""
LINE_OF_SIGHT = (0.0, 0.0, 1.0)


def flat_branch(
    name: str, uses: Tensor, patch: Patch, head_weights: np.ndarray, *, code_size: int, sh_degree: int
) -> Branch:
    """One Gaussian a point; the code fills the first columns of ``uses`` that it owns.

    Args:
        name: of the branch.
        uses: ``[J]`` int64, which coefficients move it.
        patch: N points.
        head_weights: ``[N]``, see Branch.
        code_size: K, how many coefficients are the code.
        sh_degree: of the colours, which start the same from every side.
    """
    surface = patch.surface
    N, J = len(surface.points), len(uses)
    normals = torch.as_tensor(surface.normals, dtype=torch.float32)
    axes = _tangent_frame(normals, torch.tensor(LINE_OF_SIGHT).expand(N, 3))
    across = torch.as_tensor(patch.spacing, dtype=torch.float32)
    scales = torch.stack([WIDTH * across[:, 0], WIDTH * across[:, 1], THICKNESS * across[:, 1]], 1)
    owned = (uses < code_size).nonzero()[:, 0]
    channel = uses[owned]
    basis, stretch = torch.zeros(N, 3, J), torch.zeros(N, 6, J)
    basis[:, :, owned] = torch.as_tensor(surface.basis, dtype=torch.float32)[:, :, channel]
    stretch[:, :, owned] = stretch_of(torch.as_tensor(surface.jacobian, dtype=torch.float32), axes)[:, :, channel]
    return Branch(
        name=name,
        uses=uses,
        means=torch.as_tensor(surface.points, dtype=torch.float32),
        quats=rotmat_to_quat(axes),
        log_scales=torch.log(scales),
        logit_opacities=torch.logit(torch.as_tensor(patch.opacities, dtype=torch.float32)),
        sh0=rgb_to_sh(torch.as_tensor(patch.colours, dtype=torch.float32))[:, None],
        shN=torch.zeros(N, (sh_degree + 1) ** 2 - 1, 3),
        basis=basis,
        stretch=stretch,
        head_weights=torch.as_tensor(head_weights, dtype=torch.float32),
    )


def _tangent_frame(normals: Tensor, view: Tensor) -> Tensor:
    """Rotations ``[N, 3, 3]``: first column along the slope seen from ``view``, third column the normal."""
    slope = view - (view * normals).sum(1, keepdim=True) * normals
    x = torch.nn.functional.normalize(slope + 1e-6, dim=1)
    y = torch.nn.functional.normalize(torch.linalg.cross(normals, x), dim=1)
    return torch.stack([torch.linalg.cross(y, normals), y, normals], dim=2)


def stretch_of(jacobian: Tensor, axes: Tensor) -> Tensor:
    """Rotation vector and log-scale change ``[N, 6, K]`` of a basis with spatial derivative ``[N, 3, 3, K]``."""
    turn = 0.5 * torch.stack(
        [
            jacobian[:, 2, 1] - jacobian[:, 1, 2],
            jacobian[:, 0, 2] - jacobian[:, 2, 0],
            jacobian[:, 1, 0] - jacobian[:, 0, 1],
        ],
        dim=1,
    )
    grow = torch.einsum("nia,nijk,nja->nak", axes, jacobian, axes)
    return torch.cat([turn, grow], dim=1).clamp(-0.5, 0.5)
