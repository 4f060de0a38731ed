"""Where several cameras stood and what their lenses were, told by the head that all of them filmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from ..camera import Camera
from ..capture import Capture
from ..facenet import NUM_MESH
from ..facenet.contours import OVAL
from ..transforms import (
    quat_conjugate,
    quat_multiply,
    quat_normalize,
    quat_to_rotvec,
    rotvec_to_quat,
)
from .beside import Beside, solve_cameras
from .bundle import (
    BundleConfig,
    FrameStates,
    LandmarkModel,
    Observations,
    continuous_quats,
    pixel_sigma,
    select_observations,
    solve_frames,
    solve_shared,
)
from .placing import Filming, in_bundle, placed_roughly
from .topology import channel_support

ROUNDS, PLACING = 10, 6
"""Alternations of cameras, frames and shape; steps that place a camera whose pictures are held out."""
FACING, HIDDEN = (-0.1, 0.35), 0.02
"""Cosines between a landmark's normal and the line of sight from which on it is believed a little, and wholly; the
weight of one that is turned away: a net guesses those."""
OUTLINE = 0.3
"""Weight of landmarks on the face's outline, which is no place on the skin."""
FRAMES = 400
"""Most frames that cameras and shape are fitted on."""
SLOW = 0.4
"""Seconds over which poses are corrected: what is faster, features on the skin tell better than landmarks."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What all cameras told together."""

    model: LandmarkModel
    """Shape, basis and the leading camera's lens."""
    states: FrameStates
    """The leading camera's frames."""
    cameras: tuple[Beside, ...]
    """Those beside it, in their order."""
    turned_apart_deg: tuple[float, ...]
    """Median angle by which the head turned otherwise before each than before the leading one, as first tracked."""
    residual: tuple[float, ...]
    """Median distance of what each saw and what is explained, in widths of the face in its pictures."""


def calibrate(
    leader: Capture, others: Sequence[Filming], *, lens: Camera | None = None, config: BundleConfig | None = None
) -> Calibration:
    """One head, one motion and all cameras from what each camera saw.

    Args:
        leader: the leading camera's capture.
        others: cameras that ``place`` accepts.
        lens: of the leading camera where it is given, in pixels of its capture.
        config: noise and smoothness.
    """
    config = config or BundleConfig()
    model, states, seen, code_std = in_bundle(leader, lens)
    sigma, fixed = pixel_sigma(model, states, config), lens is not None
    placed = [placed_roughly(leader, other, states, model, sigma) for other in others]
    apart = tuple(angle for _, angle in placed)
    cameras = [_weighed(camera, model, states) for camera in _one_rig([camera for camera, _ in placed], others)]
    seen = replace(seen, weights=seen.weights * _facing(as_beside(model, seen, sigma), model, states))
    picks = _picks(leader)
    support = torch.from_numpy(channel_support(model.shape.numpy(), leader.code_map.names))
    prior, wide = model, replace(config, shape_sigma=(0.008, 0.008, 0.008), basis_sigma=(0.0015, 0.0015, 0.001))
    teaching = [i for i, other in enumerate(others) if not other.held_out]
    fit = {"fps": leader.fps, "code_std": code_std, "iterations": 1}
    for _ in range(ROUNDS if teaching else 0):
        some = [cameras[i].select(picks) for i in teaching]
        leading = as_beside(model, select_observations(seen, picks), sigma)
        leading = replace(leading, told_focal=prior.focal, fixed=fixed)
        model, moved = solve_cameras(model, states.select(picks), [leading, *some], config)
        for i, camera in zip(teaching, moved[1:], strict=True):
            cameras[i] = replace(
                cameras[i], rotation=camera.rotation, translation=camera.translation, focal=camera.focal
            )
        states = solve_frames(model, states, seen, config, **fit, terms=[cameras[i] for i in teaching])
        model = solve_shared(
            model,
            states.select(picks),
            select_observations(seen, picks),
            wide,
            prior=prior,
            support=support,
            code_std=code_std,
            others=[cameras[i].select(picks) for i in teaching],
        )
    for i in set(range(len(others))) - set(teaching):
        cameras[i] = _only_placed(cameras[i], model, states, seen, picks, sigma, config)
    left = tuple(_left(camera, model, states) for camera in cameras)
    return Calibration(model=model, states=states, cameras=tuple(cameras), turned_apart_deg=apart, residual=left)


def as_beside(model: LandmarkModel, seen: Observations, sigma: float) -> Beside:
    """The leading camera in the words of the others."""
    return Beside(
        rotation=torch.eye(3).double(),
        translation=torch.zeros(3).double(),
        focal=model.focal,
        centre=model.centre,
        told_focal=model.focal,
        landmarks=seen.landmarks,
        weights=seen.weights,
        sigma=sigma,
    )


def steady_poses(leader: Capture, found: Calibration) -> tuple[Tensor, Tensor]:
    """Head quats ``[N, 4]`` and positions ``[N, 3]``: as found, but as steady as features held the first ones."""
    before = leader.motion.head
    quats, old = found.states.quats(found.model), before.quats.double()
    turn = quat_to_rotvec(quat_multiply(quats, quat_conjugate(old)))
    shift = found.states.positions - before.positions.double()
    sigma, n = SLOW * leader.fps, leader.num_train

    def slow(values: Tensor) -> Tensor:
        parts = [values[:n], values[n:]]
        return torch.cat(
            [torch.from_numpy(gaussian_filter1d(p.numpy(), sigma, axis=0, mode="nearest")) for p in parts if len(p)]
        )

    turned = quat_normalize(quat_multiply(rotvec_to_quat(slow(turn)), old))
    return continuous_quats(turned), before.positions.double() + slow(shift)


def _facing(camera: Beside, model: LandmarkModel, states: FrameStates) -> Tensor:
    """``[T, L]`` how far each landmark is turned to a camera, as a weight."""
    from ..facenet import triangles

    corners = torch.from_numpy(triangles()).long()
    a, b, c = model.shape[corners].unbind(1)
    normals = torch.zeros_like(model.shape).index_add(
        0, corners.flatten(), torch.linalg.cross(b - a, c - a).repeat_interleave(3, 0)
    )
    normals = torch.nn.functional.normalize(normals, dim=1)
    normals[NUM_MESH:] = torch.tensor([0.0, 0.0, -1.0]).double()
    _, cam, _ = camera.seen_by(model, states)
    turned = normals @ states.rotations(model).mT @ camera.rotation.T
    facing = -(turned * torch.nn.functional.normalize(cam, dim=-1)).sum(-1)
    weight = ((facing - FACING[0]) / (FACING[1] - FACING[0])).clamp(HIDDEN, 1)
    weight[:, list(OVAL)] *= OUTLINE
    return weight


def _one_rig(cameras: Sequence[Beside], others: Sequence[Filming]) -> list[Beside]:
    """Cameras of a given rig in as many metres a unit as most of them tell; others as they are."""
    ways = [None if other.given is None else other.given.viewmat[:3, 3].double() for other in others]
    told = [float(c.translation @ w / w.square().sum()) for c, w in zip(cameras, ways, strict=True) if w is not None]
    metres = float(np.median(told)) if told else 1.0
    return [c if w is None else replace(c, translation=metres * w) for c, w in zip(cameras, ways, strict=True)]


def _weighed(camera: Beside, model: LandmarkModel, states: FrameStates) -> Beside:
    return replace(camera, weights=camera.weights * _facing(camera, model, states))


def _picks(leader: Capture) -> Tensor:
    """Training frames that cameras and shape are fitted on."""
    frames = leader.train_frames
    return frames[torch.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().long()]


def _only_placed(
    camera: Beside,
    model: LandmarkModel,
    states: FrameStates,
    seen: Observations,
    picks: Tensor,
    sigma: float,
    config: BundleConfig,
) -> Beside:
    """A camera that tells nothing of the head: moved to where it explains what others told."""
    lead = replace(as_beside(model, select_observations(seen, picks), sigma), fixed=True)
    some = camera.select(picks)
    for _ in range(PLACING):
        some = solve_cameras(model, states.select(picks), [lead, some], config, poses=False)[1][1]
    return replace(camera, rotation=some.rotation, translation=some.translation, focal=some.focal)


def _left(camera: Beside, model: LandmarkModel, states: FrameStates) -> float:
    """Median distance of believed landmarks, in widths of the face."""
    _, _, residual = camera.seen_by(model, states)
    believed = camera.weights > 0.5
    width = (camera.landmarks[:, 454] - camera.landmarks[:, 234]).norm(dim=-1).median()
    return float(residual.norm(dim=-1)[believed].median() / width) if believed.any() else float("nan")
