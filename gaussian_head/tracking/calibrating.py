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
from ..checks import InputError
from ..facenet import NUM_MESH
from ..facenet.contours import OVAL
from ..metrics.lips import mouth_opening
from ..similarity import fit_similarity
from ..transforms import (
    quat_conjugate,
    quat_multiply,
    quat_normalize,
    quat_to_rotmat,
    quat_to_rotvec,
    rotmat_to_quat,
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
from .channels import MEASURED
from .clocks import Clock
from .start import MEASURED_SIGMA
from .topology import RIGID, channel_support

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
FEWEST = 20
"""Frames that a camera must share with the leading one."""
STRANGER_DEG, STRANGER_MOUTH = 7.0, 0.3
"""A camera whose head turns otherwise than the leading one's by as much, and whose mouth opens as little alike, shows
somebody else."""


@dataclass(frozen=True, kw_only=True)
class Filming:
    """One camera beside the leading one, tracked by itself."""

    name: str
    """For messages."""
    capture: Capture
    """Its own."""
    clock: Clock
    """In step with frames of the two captures."""
    given: Camera | None = None
    """Its lens and where it stood as given, the leading camera at the origin; metres may be others."""
    held_out: bool = False
    """Whether it is only placed and tells nothing about the head."""


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


def place(leader: Capture, other: Filming) -> float:
    """By how many degrees a camera's head turns otherwise than the leading one's.

    Raises:
        InputError: it shares too few frames, or shows somebody else.
    """
    model, states, _, _ = _leading(leader)
    return _placed(leader, other, states, model, pixel_sigma(model, states, BundleConfig()))[1]


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
    model, states, seen, code_std = _leading(leader, lens)
    sigma, fixed = pixel_sigma(model, states, config), lens is not None
    placed = [_placed(leader, other, states, model, sigma) for other in others]
    apart = tuple(angle for _, angle in placed)
    cameras = [_weighed(camera, model, states) for camera, _ in placed]
    seen = replace(seen, weights=seen.weights * _facing(as_beside(model, seen, sigma), model, states))
    picks = _picks(leader)
    support = torch.from_numpy(channel_support(model.shape.numpy(), leader.code_map.names))
    prior, wide = model, replace(config, shape_sigma=(0.008, 0.008, 0.008), basis_sigma=(0.0015, 0.0015, 0.001))
    teaching = [i for i, other in enumerate(others) if not other.held_out]
    fit = {"fps": leader.fps, "code_std": code_std, "iterations": 1}
    for _ in range(ROUNDS if teaching else 0):
        some = [cameras[i].select(picks) for i in teaching]
        leading = replace(as_beside(model, select_observations(seen, picks), sigma), fixed=fixed)
        model, moved = solve_cameras(model, states.select(picks), [leading, *some], config)
        for i, camera in zip(teaching, moved[1:], strict=True):
            cameras[i] = replace(
                cameras[i], rotation=camera.rotation, translation=camera.translation, focal=camera.focal
            )
        states = solve_frames(model, states, seen, config, **fit, others=[cameras[i] for i in teaching])
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


def _leading(capture: Capture, lens: Camera | None = None) -> tuple[LandmarkModel, FrameStates, Observations, Tensor]:
    """The leading capture in the terms of bundle adjustment."""
    quats, code = capture.motion.head.quats.double(), capture.code.double()
    K, positions = capture.camera.K.double(), capture.motion.head.positions.double()
    if lens is not None:
        positions = _through(positions, K, lens.K.double())
        K = lens.K.double()
    reference = quat_to_rotmat(quats[capture.num_frames // 2])
    relative = quat_to_rotmat(quats) @ reference.T
    model = LandmarkModel(
        focal=float(K[0, 0]),
        centre=K[:2, 2],
        shape=capture.shape.vertices.double(),
        basis=capture.shape.basis.double(),
        reference=reference,
    )
    states = FrameStates(
        rotvecs=quat_to_rotvec(rotmat_to_quat(relative)),
        positions=positions,
        codes=code,
    )
    std = code[capture.train_frames].std(0).clamp(min=1e-4)
    measured = torch.tensor([name in MEASURED for name in capture.code_map.names])
    precision = torch.where(measured, 1 / (MEASURED_SIGMA * std) ** 2, 0.0)
    good = torch.full((capture.num_frames,), 1.0, dtype=torch.float64)
    good[capture.info.bad_frames] = 0.05
    landmarks = capture.landmarks.double()
    weights = good[:, None].repeat(1, landmarks.shape[1])
    weights[:, NUM_MESH:] *= 0.1
    return model, states, Observations(landmarks=landmarks, weights=weights, codes=code, code_precision=precision), std


def _through(positions: Tensor, K: Tensor, lens: Tensor) -> Tensor:
    """Positions ``[T, 3]`` that another lens shows in the same pixels at the same size."""
    pixels = positions @ K.T / positions[:, 2:]
    return pixels @ torch.linalg.inv(lens).T * (positions[:, 2:] * lens[0, 0] / K[0, 0])


def _placed(
    leader: Capture, other: Filming, states: FrameStates, model: LandmarkModel, sigma: float
) -> tuple[Beside, float]:
    """A camera roughly, from the two tracks of the head; and by how many degrees these turn apart."""
    landmarks, seen, frames = _in_step(leader, other)
    used = seen.clone()
    used[leader.info.bad_frames] = False
    if used.sum() < FEWEST:
        raise InputError(
            f"camera {other.name!r} shows the face in {int(used.sum())} of the leading camera's frames; at least "
            f"{FEWEST} were wanted: film from no farther to the side than a face can be seen."
        )
    own = other.capture
    rigid = list(RIGID)
    to_ours = fit_similarity(own.shape.vertices[rigid].double(), leader.shape.vertices[rigid].double())
    theirs = own.motion.head[frames.round().long().clamp(0, own.num_frames - 1)]
    theirs_rotation = quat_to_rotmat(theirs.quats.double()) @ to_ours.rotation.T
    theirs_position = to_ours.scale * theirs.positions.double() - (theirs_rotation @ to_ours.translation)
    between = (theirs_rotation @ states.rotations(model).mT)[used]
    rotation = _mean_rotation(between)
    angles = torch.rad2deg(quat_to_rotvec(rotmat_to_quat(between @ rotation.T)).norm(dim=1))
    rotation = _mean_rotation(between[angles <= angles.median() * 2 + 1e-6])
    apart = float(torch.rad2deg(quat_to_rotvec(rotmat_to_quat(between @ rotation.T)).norm(dim=1)).median())
    _require_same_person(leader, other, apart, used, frames)
    shift = (theirs_position - states.positions @ rotation.T)[used].median(0).values
    focal, centre = float(own.camera.K[0, 0]), principal_point(own)
    if other.given is not None:
        given = other.given
        centre, focal = given.K[:2, 2].double(), float(given.K[0, 0])
        own_position = _through(theirs.positions.double(), own.camera.K.double(), given.K.double())
        theirs_position = to_ours.scale * own_position - (theirs_rotation @ to_ours.translation)
        rotation, way = given.viewmat[:3, :3].double(), given.viewmat[:3, 3].double()
        metres = ((theirs_position - states.positions @ rotation.T)[used] @ way / way.square().sum()).median()
        shift = metres * way
    width = float((own.landmarks[:, 454] - own.landmarks[:, 234]).norm(dim=1).median())
    lead_width = float((leader.landmarks[:, 454] - leader.landmarks[:, 234]).norm(dim=1).median())
    weights = used.double()[:, None].repeat(1, landmarks.shape[1])
    weights[:, NUM_MESH:] *= 0.1
    return Beside(
        rotation=rotation,
        translation=shift,
        focal=focal,
        centre=centre,
        told_focal=focal,
        landmarks=landmarks,
        weights=weights,
        sigma=sigma * max(width / lead_width, 0.5),
        fixed=other.given is not None,
    ), apart


def principal_point(capture: Capture) -> Tensor:
    """``[2]`` f64 pixels where the middle of the whole film lies, which its camera looked at."""
    source, size = capture.info.source, capture.info.width
    left, top, side = source["crop"]
    middle = torch.tensor([source["width"] / 2 - left, source["height"] / 2 - top], dtype=torch.float64)
    return middle * size / side


def _in_step(leader: Capture, other: Filming) -> tuple[Tensor, Tensor, Tensor]:
    """A camera's landmarks ``[T, L, 2]`` at the leading one's moments, ``[T]`` whether seen, and its frames then."""
    own, clock = other.capture, other.clock
    seconds = torch.arange(leader.num_frames, dtype=torch.float64) / leader.fps
    frames = (seconds - clock.offset) / clock.rate * own.fps
    low = frames.floor().long().clamp(0, own.num_frames - 1)
    high = (low + 1).clamp(max=own.num_frames - 1)
    good = torch.ones(own.num_frames, dtype=torch.bool)
    good[own.info.bad_frames] = False
    inside = (frames >= 0) & (frames <= own.num_frames - 1)
    share = (frames - low).clamp(0, 1)[:, None, None]
    landmarks = own.landmarks.double()
    return landmarks[low].lerp(landmarks[high], share), inside & good[low] & good[high], frames


def _require_same_person(leader: Capture, other: Filming, apart: float, used: Tensor, frames: Tensor) -> None:
    ours = mouth_opening(leader.landmarks.numpy())[used.numpy()]
    theirs = mouth_opening(other.capture.landmarks.numpy())
    theirs = np.interp(frames[used].numpy(), np.arange(len(theirs)), theirs)
    alike = float(np.corrcoef(ours, theirs)[0, 1])
    if apart > STRANGER_DEG and not alike > STRANGER_MOUTH:
        raise InputError(
            f"camera {other.name!r} shows another person: that head turns {apart:.0f} degrees otherwise than the "
            f"leading camera's, and its mouth opens at other times (r {alike:.2f}). Let every film show the same one."
        )


def _mean_rotation(rotations: Tensor) -> Tensor:
    U, _, Vt = torch.linalg.svd(rotations.mean(0))
    return U @ torch.diag(U.new_tensor([1.0, 1.0, float(torch.det(U @ Vt))])) @ Vt


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
