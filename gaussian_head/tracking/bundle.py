"""Bundle adjustment of a talking face: one camera, one shape, one basis, and a pose and code per frame.

Two Gauss-Newton steps alternate. The frame step solves all poses and codes at once: frames are
coupled only by the temporal terms, so its normal matrix is block-banded and a banded Cholesky
factor takes milliseconds. The shared step solves shape and basis, which fall apart into one small
system per landmark. The focal length is searched for in `focal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from ..facenet import mirror
from ..transforms import quat_to_rotmat, rotmat_to_quat, rotvec_to_quat
from .residuals import (
    acceleration_bands,
    apply_bands,
    left_jacobian,
    project,
    project_jacobian,
    robust_weight,
    skew,
)

if TYPE_CHECKING:
    from .beside import Beside

CHUNK = 128
"""Frames whose Jacobians are held in memory at once."""


@dataclass(frozen=True, kw_only=True)
class LandmarkModel:
    """A linear model of the landmarks of one clip: what all frames share."""

    focal: float
    """Focal length, pixels."""
    centre: Tensor
    """``[2]`` principal point, pixels."""
    shape: Tensor
    """``[L, 3]`` neutral face in the head frame, metres."""
    basis: Tensor
    """``[K, L, 3]`` metres per unit code."""
    reference: Tensor
    """``[3, 3]`` rotation that the frames' rotation vectors start from."""

    def vertices(self, codes: Tensor) -> Tensor:
        """Head-frame vertices ``[T, L, 3]`` of codes ``[T, K]``."""
        return self.shape + (codes @ self.basis.flatten(1)).unflatten(1, self.shape.shape)


@dataclass(frozen=True, kw_only=True)
class FrameStates:
    """What each frame has of its own."""

    rotvecs: Tensor
    """``[T, 3]`` rotation after the model's reference, radians."""
    positions: Tensor
    """``[T, 3]`` metres."""
    codes: Tensor
    """``[T, K]``."""

    def select(self, frames: Tensor) -> FrameStates:
        """The named frames."""
        return FrameStates(rotvecs=self.rotvecs[frames], positions=self.positions[frames], codes=self.codes[frames])

    def rotations(self, model: LandmarkModel) -> Tensor:
        """Head to camera ``[T, 3, 3]``."""
        return quat_to_rotmat(rotvec_to_quat(self.rotvecs)) @ model.reference

    def quats(self, model: LandmarkModel) -> Tensor:
        """Head to camera ``[T, 4]``, signs continuous in time."""
        return continuous_quats(rotmat_to_quat(self.rotations(model)))


@dataclass(frozen=True, kw_only=True)
class Observations:
    """What was seen and how far it is believed."""

    landmarks: Tensor
    """``[T, L, 2]`` pixels."""
    weights: Tensor
    """``[T, L]`` in [0, 1]; 0 where nothing was seen."""
    codes: Tensor
    """``[T, K]`` measured codes; zero for channels that are not measured."""
    code_precision: Tensor
    """``[K]`` inverse variance of the measured codes."""


@dataclass(frozen=True, kw_only=True)
class BundleConfig:
    """Noise and smoothness, in natural units."""

    landmark_sigma: float = 0.35
    """Landmark noise, pixels on a face 200 pixels wide."""
    independent: float = 40.0
    """Landmarks count as this many independent ones in the frame step: a network's errors move together."""
    robust_scale: float = 8.0
    """Width of the robust loss in landmark sigmas."""
    position_acceleration: tuple[float, float, float] = (12.0, 12.0, 6.0)
    """Expected acceleration of the head along x, y and z, m/s² · 1/25."""
    rotation_acceleration: float = 3.0
    """Expected angular acceleration, rad/s²."""
    code_acceleration: float = 1.5
    """Expected change of a code's change per frame at 25 fps, in standard deviations of the channel."""
    shape_sigma: tuple[float, float, float] = (0.004, 0.004, 0.004)
    """How far the shape may leave its first guess, metres."""
    symmetry_sigma: float = 0.002
    """How far the shape may leave its mirror image, metres."""
    basis_sigma: tuple[float, float, float] = (0.0015, 0.0015, 0.0004)
    """How far one standard deviation of a channel may leave its first guess, metres."""
    focal_prior: float = 3.0
    """Expected focal length over the picture's width."""
    focal_sigma: float = 0.15
    """Spread of the logarithm of the focal length."""
    focal_independent: float = 12.0
    """Landmarks count as this many where focal lengths are compared: what a net gets wrong goes with pose and
    expression, and looks like a lens."""
    rounds: int = 8
    """Alternations of frame step and shared step."""


class FrameTerm(Protocol):
    """What else tells poses and codes of T frames: another camera, features of the skull."""

    def select(self, frames: Tensor) -> FrameTerm:
        """The named frames."""
        ...

    def frame_normals(self, model: LandmarkModel, states: FrameStates, config: BundleConfig) -> tuple[Tensor, Tensor]:
        """Normal matrices ``[T, 6 + K, 6 + K]`` and gradients ``[T, 6 + K]`` of poses and codes."""
        ...


def continuous_quats(quats: Tensor) -> Tensor:
    """Quaternions ``[T, 4]`` with signs flipped so that neighbours lie in one hemisphere."""
    dots = (quats[1:] * quats[:-1]).sum(-1)
    signs = torch.cat([quats.new_ones(1), torch.where(dots < 0, -1.0, 1.0).to(quats.dtype)]).cumprod(0)
    return quats * signs[:, None]


def predict(model: LandmarkModel, states: FrameStates) -> Tensor:
    """Projected landmarks ``[T, L, 2]`` in pixels."""
    cam = model.vertices(states.codes) @ states.rotations(model).transpose(1, 2) + states.positions[:, None]
    return project(cam, model.focal, model.centre)


def solve_frames(
    model: LandmarkModel,
    states: FrameStates,
    seen: Observations,
    config: BundleConfig,
    *,
    fps: float,
    code_std: Tensor,
    iterations: int = 2,
    terms: Sequence[FrameTerm] = (),
) -> FrameStates:
    """Gauss-Newton on all poses and codes with temporal smoothness; shared quantities are held.

    Args:
        model: Shared quantities.
        states: Starting point, T frames.
        seen: Observations of the same frames.
        config: Noise and smoothness.
        fps: Frames per second.
        code_std: ``[K]`` spread of each channel.
        iterations: Gauss-Newton steps.
        terms: what else tells of the same frames.
    """
    bands = acceleration_bands(_smoothness(config, fps, code_std), len(states.codes))
    sigma = pixel_sigma(model, states, config)
    for _ in range(iterations):
        hessian, gradient = _frame_normals(model, states, seen, config, sigma)
        for part in (term.frame_normals(model, states, config) for term in terms):
            hessian, gradient = hessian + part[0], gradient + part[1]
        x = torch.cat([states.rotvecs, states.positions, states.codes], dim=1)
        gradient = gradient + apply_bands(bands, x)
        prior = torch.cat([x.new_zeros(6), 0.02 / code_std**2])
        hessian = hessian + torch.diag_embed(bands[0] + prior + 1e-9)
        gradient[:, 6:] += prior[6:] * states.codes + seen.code_precision * (states.codes - seen.codes)
        hessian[:, 6:, 6:] += torch.diag(seen.code_precision)
        x = x - _solve_banded(hessian, bands, gradient)
        states = FrameStates(rotvecs=x[:, :3], positions=x[:, 3:6], codes=x[:, 6:])
    return states


def _smoothness(config: BundleConfig, fps: float, code_std: Tensor) -> Tensor:
    """Inverse variances ``[6 + K]`` of accelerations per frame²."""
    per_frame = 1 / fps**2
    rotation = code_std.new_full((3,), config.rotation_acceleration) * per_frame
    position = code_std.new_tensor(config.position_acceleration) / 25 * per_frame
    code = config.code_acceleration * code_std * (25 / fps) ** 2
    return 1 / torch.cat([rotation, position, code]) ** 2


def pixel_sigma(model: LandmarkModel, states: FrameStates, config: BundleConfig) -> float:
    """Landmark noise in this clip's pixels."""
    width = float((model.shape[454] - model.shape[234]).norm()) * model.focal / float(states.positions[:, 2].median())
    return config.landmark_sigma * width / 200


def _frame_normals(
    model: LandmarkModel, states: FrameStates, seen: Observations, config: BundleConfig, sigma: float
) -> tuple[Tensor, Tensor]:
    """Landmark part of the frame step: ``[T, 6+K, 6+K]`` and ``[T, 6+K]``."""
    hessians, gradients = [], []
    thin = config.independent / model.shape.shape[0] / sigma**2
    for start in range(0, len(states.codes), CHUNK):
        part = states.select(torch.arange(start, min(start + CHUNK, len(states.codes))))
        rotations = part.rotations(model)
        turned = model.vertices(part.codes) @ rotations.transpose(1, 2)
        cam = turned + part.positions[:, None]
        residual = project(cam, model.focal, model.centre) - seen.landmarks[start : start + CHUNK]
        by_cam = project_jacobian(cam, model.focal)
        by_rotation = -by_cam @ (skew(turned) @ left_jacobian(part.rotvecs)[:, None])
        by_code = torch.einsum("tlij,tjm,klm->tlik", by_cam, rotations, model.basis)
        jacobian = torch.cat([by_rotation, by_cam, by_code], dim=-1).flatten(1, 2)
        weight = seen.weights[start : start + CHUNK] * robust_weight(residual, config.robust_scale * sigma) * thin
        weight = weight[..., None].expand_as(residual).flatten(1)
        weighted = jacobian * weight[..., None]
        hessians.append(weighted.transpose(1, 2) @ jacobian)
        gradients.append((weighted.transpose(1, 2) @ residual.flatten(1)[..., None]).squeeze(-1))
    return torch.cat(hessians), torch.cat(gradients)


def _solve_banded(blocks: Tensor, bands: tuple[Tensor, Tensor, Tensor], rhs: Tensor) -> Tensor:
    """Solve the block-banded system of diagonal ``blocks [T, P, P]`` and diagonal off-diagonal blocks."""
    from scipy.linalg import solveh_banded

    T, P, _ = blocks.shape
    lower = np.zeros((2 * P + 1, T * P))
    dense = blocks.numpy()
    columns = np.arange(T)[:, None] * P
    for offset in range(P):
        index = np.arange(P - offset)
        lower[offset, (columns + index).ravel()] = dense[:, index + offset, index].ravel()
    lower[P] += bands[1].numpy().ravel()
    lower[2 * P] += bands[2].numpy().ravel()
    return torch.from_numpy(solveh_banded(lower, rhs.numpy().ravel(), lower=True)).reshape(T, P)


def solve_shared(
    model: LandmarkModel,
    states: FrameStates,
    seen: Observations,
    config: BundleConfig,
    *,
    prior: LandmarkModel,
    support: Tensor,
    code_std: Tensor,
    others: Sequence[Beside] = (),
) -> LandmarkModel:
    """Gauss-Newton on shape and basis; poses and codes are held.

    Args:
        model: Starting point.
        states: Poses and codes of the training frames.
        seen: Observations of the same frames.
        config: Noise and priors.
        prior: First guess that depths and unseen directions fall back to.
        support: ``[K, L]`` in [0, 1], where each channel may move the face.
        code_std: ``[K]`` spread of each channel.
        others: further cameras that saw the same frames.
    """
    sigma = pixel_sigma(model, states, config)
    K, L, _ = model.basis.shape
    codes = torch.cat([torch.ones(len(states.codes), 1, dtype=states.codes.dtype), states.codes], dim=1)
    rotations = states.rotations(model)
    cam = model.vertices(states.codes) @ rotations.transpose(1, 2) + states.positions[:, None]
    residual = project(cam, model.focal, model.centre) - seen.landmarks
    jacobian = project_jacobian(cam, model.focal) @ rotations[:, None]
    weight = seen.weights * robust_weight(residual, config.robust_scale * sigma) / sigma**2
    weighted = jacobian * weight[..., None, None]
    inner = torch.einsum("tlij,tlik->tljk", weighted, jacobian)
    outer = codes[:, :, None] * codes[:, None, :]
    gram = inner.flatten(1).T @ outer.flatten(1)
    gram = gram.reshape(L, 3, 3, K + 1, K + 1).permute(0, 3, 1, 4, 2).reshape(L, 3 * (K + 1), 3 * (K + 1))
    slope = torch.einsum("tlij,tli,ta->laj", weighted, residual, codes)

    for part in (other.shared_normals(model, states, config) for other in others):
        gram, slope = gram + part[0], slope + part[1]
    precision, target = shared_priors(model, prior, config, support, code_std)
    current = torch.cat([model.shape[:, None], model.basis.transpose(0, 1)], dim=1)
    slope = slope + precision * (current - target)
    system = gram + torch.diag_embed(precision.flatten(1))
    step = torch.cholesky_solve(slope.flatten(1)[..., None], torch.linalg.cholesky(system)).reshape(L, K + 1, 3)
    updated = current - step
    return replace(model, shape=updated[:, 0].clone(), basis=updated[:, 1:].transpose(0, 1).clone())


def shared_priors(
    model: LandmarkModel, prior: LandmarkModel, config: BundleConfig, support: Tensor, code_std: Tensor
) -> tuple[Tensor, Tensor]:
    """Precision and target ``[L, 1 + K, 3]`` of shape and basis: the first guess, symmetry, and the support."""
    flip = model.shape.new_tensor([-1.0, 1.0, 1.0])
    mirrored = model.shape[torch.from_numpy(mirror())] * flip
    guess = 1 / model.shape.new_tensor(config.shape_sigma) ** 2
    symmetry = 1 / config.symmetry_sigma**2
    shape_precision = (guess + symmetry).expand_as(model.shape)
    shape_target = (guess * prior.shape + symmetry * mirrored) / (guess + symmetry)
    sigma = model.shape.new_tensor(config.basis_sigma) * (support.T[..., None] + 0.01)
    basis_precision = (code_std[None, :, None] / sigma) ** 2
    precision = torch.cat([shape_precision[:, None], basis_precision], dim=1)
    return precision, torch.cat([shape_target[:, None], prior.basis.transpose(0, 1)], dim=1)


def select_observations(seen: Observations, frames: Tensor) -> Observations:
    """The observations of the named frames."""
    return replace(seen, landmarks=seen.landmarks[frames], weights=seen.weights[frames], codes=seen.codes[frames])
