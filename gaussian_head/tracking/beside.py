"""Another camera's part in the bundle adjustment of a leading one: the same head, seen from where it stands.

A vertex that the head's pose puts at w in the leading camera's world lies at ``R w + t`` before this camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..transforms import quat_to_rotmat, rotvec_to_quat
from .bundle import BundleConfig, FrameStates, LandmarkModel
from .residuals import left_jacobian, project, project_jacobian, robust_weight, skew

LENS = 7
"""Numbers of a camera: a turn, a shift, the logarithm of its focal length."""
FOCAL_SIGMA = 0.05
"""How far the logarithm of a focal length may leave what its own clip told."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A camera and what it saw, in step with the leading one's T frames."""

    rotation: Tensor
    """``[3, 3]`` from the world to this camera."""
    translation: Tensor
    """``[3]`` metres."""
    focal: float
    """Pixels."""
    centre: Tensor
    """``[2]`` principal point, pixels."""
    told_focal: float
    """Focal length that its own clip told."""
    landmarks: Tensor
    """``[T, L, 2]`` pixels."""
    weights: Tensor
    """``[T, L]``; 0 where nothing was seen."""
    sigma: float
    """Landmark noise, pixels."""
    fixed: bool = False
    """Whether turn, shift and lens were given and stay."""

    def seen_by(self, model: LandmarkModel, states: FrameStates) -> tuple[Tensor, Tensor, Tensor]:
        """Landmarks ``[T, L, 3]`` turned with the head, and before this camera; their residuals ``[T, L, 2]``."""
        turned = model.vertices(states.codes) @ states.rotations(model).mT
        cam = (turned + states.positions[:, None]) @ self.rotation.T + self.translation
        return turned, cam, project(cam, self.focal, self.centre) - self.landmarks

    def believed(self, residual: Tensor, config: BundleConfig) -> Tensor:
        """Weights ``[T, L]`` over the noise's variance."""
        return self.weights * robust_weight(residual, config.robust_scale * self.sigma) / self.sigma**2

    def frame_normals(self, model: LandmarkModel, states: FrameStates, config: BundleConfig) -> tuple[Tensor, Tensor]:
        """Normal matrices ``[T, 6 + K, 6 + K]`` and gradients ``[T, 6 + K]`` of poses and codes."""
        turned, cam, residual = self.seen_by(model, states)
        by_world = project_jacobian(cam, self.focal) @ self.rotation
        by_rotation = -by_world @ (skew(turned) @ left_jacobian(states.rotvecs)[:, None])
        by_code = torch.einsum("tlij,tjm,klm->tlik", by_world, states.rotations(model), model.basis)
        jacobian = torch.cat([by_rotation, by_world, by_code], dim=-1).flatten(1, 2)
        weight = self.believed(residual, config) * config.independent / len(model.shape)
        weighted = jacobian * weight[..., None].expand_as(residual).flatten(1)[..., None]
        return weighted.mT @ jacobian, (weighted.mT @ residual.flatten(1)[..., None]).squeeze(-1)

    def shared_normals(self, model: LandmarkModel, states: FrameStates, config: BundleConfig) -> tuple[Tensor, Tensor]:
        """Normal matrices ``[L, 3 (1 + K), 3 (1 + K)]`` and gradients ``[L, 1 + K, 3]`` of shape and basis."""
        L, A = len(model.shape), 1 + len(model.basis)
        codes = torch.cat([torch.ones(len(states.codes), 1, dtype=states.codes.dtype), states.codes], dim=1)
        _, cam, residual = self.seen_by(model, states)
        jacobian = project_jacobian(cam, self.focal) @ self.rotation @ states.rotations(model)[:, None]
        weighted = jacobian * self.believed(residual, config)[..., None, None]
        inner = torch.einsum("tlij,tlik->tljk", weighted, jacobian)
        outer = codes[:, :, None] * codes[:, None, :]
        gram = (inner.flatten(1).T @ outer.flatten(1)).reshape(L, 3, 3, A, A).permute(0, 3, 1, 4, 2)
        return gram.reshape(L, 3 * A, 3 * A), torch.einsum("tlij,tli,ta->laj", weighted, residual, codes)

    def select(self, frames: Tensor) -> Beside:
        """The named frames."""
        return replace(self, landmarks=self.landmarks[frames], weights=self.weights[frames])

    def moved(self, step: Tensor) -> Beside:
        """Turned, shifted and zoomed by ``[7]``."""
        return replace(
            self,
            rotation=quat_to_rotmat(rotvec_to_quat(step[:3])) @ self.rotation,
            translation=self.translation + step[3:6],
            focal=self.focal * float(step[6].exp()),
        )


def solve_cameras(
    model: LandmarkModel,
    states: FrameStates,
    cameras: Sequence[Beside],
    config: BundleConfig,
    *,
    poses: bool = True,
) -> tuple[LandmarkModel, tuple[Beside, ...]]:
    """Gauss-Newton on all cameras' places and lenses; shapes are held.

    ``cameras[0]`` is the leading one: it stays at the world's origin and only its lens moves. With ``poses`` every
    frame's pose follows (Schur's complement), else the poses are held too.
    """
    T, P = len(states.codes), LENS * len(cameras)
    common, crossed = torch.zeros(T, 6, 6).double(), torch.zeros(T, 6, P).double()
    whole, right, pulled = torch.zeros(P, P).double(), torch.zeros(P).double(), torch.zeros(T, 6).double()
    for c, camera in enumerate(cameras):
        turned, cam, residual = camera.seen_by(model, states)
        by_cam = project_jacobian(cam, camera.focal)
        by_world = by_cam @ camera.rotation
        by_pose = torch.cat([-by_world @ skew(turned), by_world], -1).flatten(1, 2)
        by_lens = torch.cat(
            [
                -by_cam @ skew(cam - camera.translation),
                by_cam,
                (residual + camera.landmarks - camera.centre)[..., None],
            ],
            -1,
        ).flatten(1, 2)
        weight = camera.believed(residual, config) * config.focal_independent / len(model.shape)
        weight, flat = weight[..., None].expand_as(residual).flatten(1), residual.flatten(1)
        rows = slice(LENS * c, LENS * (c + 1))
        common += (by_pose * weight[..., None]).mT @ by_pose
        crossed[:, :, rows] = (by_pose * weight[..., None]).mT @ by_lens
        pulled += ((by_pose * weight[..., None]).mT @ flat[..., None])[..., 0]
        whole[rows, rows] += ((by_lens * weight[..., None]).mT @ by_lens).sum(0)
        right[rows] += ((by_lens * weight[..., None]).mT @ flat[..., None])[..., 0].sum(0)
        whole[LENS * c + 6, LENS * c + 6] += FOCAL_SIGMA**-2
        right[LENS * c + 6] += torch.tensor(camera.focal / camera.told_focal).log() * FOCAL_SIGMA**-2
    held = torch.linalg.inv(common + 1e-6 * torch.eye(6).double()) * float(poses)
    whole = whole - (crossed.mT @ held @ crossed).sum(0)
    right = right - (crossed.mT @ held @ pulled[..., None]).sum(0)[:, 0]
    free = torch.cat([torch.tensor([i == 6 if c == 0 else True for i in range(LENS)]) & (not cam.fixed)
                      for c, cam in enumerate(cameras)])  # fmt: skip
    step = torch.zeros(P).double()
    if free.any():
        rows = free.nonzero()[:, 0]
        system = whole[rows[:, None], rows]
        step[rows] = -torch.linalg.solve(system + 1e-9 * torch.diag(system.diagonal()), right[rows])
    moved = tuple(camera.moved(part) for camera, part in zip(cameras, step.split(LENS), strict=True))
    return replace(model, focal=moved[0].focal), moved
