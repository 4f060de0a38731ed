"""A known person in another shot, however short: poses and codes by the face that was learnt elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..capture import Capture
from ..checks import InputError
from ..face import UNITS
from ..motion import Motion, Pose
from ..motion.edit import typical_frame
from ..smoothing import blurred
from ..transforms import (
    mean_rotation,
    quat_conjugate,
    quat_multiply,
    quat_normalize,
    quat_rotate,
    quat_to_rotmat,
    quat_to_rotvec,
    rotmat_to_quat,
)
from .bundle import BundleConfig, FrameStates, LandmarkModel, Observations, solve_frames
from .filmed import FilmedFace
from .initial import fill_gaps, procrustes
from .nodding import nodded_as_known
from .solve import Solution, solved
from .topology import RIGID
from .units import units_of

FEWEST = 3
"""Frames with a face that a stretch needs."""
ITERATIONS = 10
REACH = 0.25
"""Share of a code's usual range by which it may go beyond it."""
SWAY, SWAY_SECONDS = 0.5, 1.0
"""Share of the head's slow movement that the torso makes, and how slow that is."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A known person in a stretch of pictures."""

    motion: Motion
    """T frames, in the units and the residual of the face that was learnt elsewhere; the torso stays where it
    usually is beneath the head, and sways with it slowly."""
    residual: np.ndarray
    """``[T]`` mean distance of detected and projected landmarks, pixels."""


def follow(
    capture: Capture, landmarks: np.ndarray, tracked: np.ndarray, *, fps: float, focal: float, centre: np.ndarray
) -> Followed:
    """Fit poses and codes of a known face to landmarks; shape, basis and the meaning of the code stay.

    Args:
        capture: where the person was learnt.
        landmarks: ``[T, 478, 3]`` pixels, z in the same unit.
        tracked: ``[T]`` bool, True where a face was found.
        fps: frames per second.
        focal: pixels; an error of it ends up in the distance alone.
        centre: ``[2]`` principal point, pixels.

    Raises:
        InputError: fewer than three frames show a face.
    """
    if int(tracked.sum()) < FEWEST:
        raise InputError(f"{int(tracked.sum())} frames show a face; {FEWEST} were wanted.")
    shape = capture.shape.vertices.double()
    filled = nodded_as_known(fill_gaps(landmarks, tracked), shape.numpy(), _usual(capture, shape.mean(0)))
    model, code_std = _model(capture, focal, centre)
    seen = Observations(
        landmarks=torch.from_numpy(filled[..., :2].astype(np.float64)),
        weights=torch.from_numpy(np.where(tracked, 1.0, 0.05)[:, None].repeat(filled.shape[1], axis=1)),
        codes=torch.zeros(len(filled), len(code_std), dtype=torch.float64),
        code_precision=torch.zeros_like(code_std),
    )
    states = _start(model, filled, capture.code.double().mean(0))
    states = solve_frames(model, states, seen, BundleConfig(), fps=fps, code_std=code_std, iterations=ITERATIONS)
    solution = solved(model, states, seen, code_std)
    return Followed(motion=_said(capture, solution, tracked, fps), residual=solution.residual.numpy())


def _model(capture: Capture, focal: float, centre: np.ndarray) -> tuple[LandmarkModel, Tensor]:
    """The face of a capture seen by another camera, and how far its codes usually go."""
    shape = capture.shape
    model = LandmarkModel(
        focal=focal,
        centre=torch.from_numpy(np.asarray(centre, np.float64)),
        shape=shape.vertices.double(),
        basis=shape.basis.double(),
        reference=torch.eye(3, dtype=torch.float64),
    )
    return model, capture.code[: capture.num_train].double().std(0).clamp(min=1e-4)


def _usual(capture: Capture, middle: Tensor) -> Tensor:
    """``[3, 3]`` the head's mean pose against the line of sight to its face, as landmarks alone show it."""
    train = slice(capture.num_train)
    quats, positions = capture.motion.head.quats[train].double(), capture.motion.head.positions[train].double()
    x, y, z = functional.normalize(quat_rotate(quats, middle[None]) + positions, dim=1).unbind(1)
    sight = quat_normalize(torch.stack([1 + z, -y, x, torch.zeros_like(z)], 1))
    return mean_rotation(quat_to_rotmat(quat_multiply(quat_conjugate(sight), quats)))


def _start(model: LandmarkModel, landmarks: np.ndarray, code: Tensor) -> FrameStates:
    """Weak perspective on the points that hardly move."""
    rigid = list(RIGID)
    shape = model.shape.numpy()
    rotation, scale, middle = procrustes(landmarks[:, rigid].astype(np.float64), shape[rigid])
    depth = torch.from_numpy(model.focal / scale)
    across = (torch.from_numpy(middle[:, :2]) - model.centre) * (depth / model.focal)[:, None]
    return FrameStates(
        rotvecs=quat_to_rotvec(rotmat_to_quat(torch.from_numpy(rotation))),
        positions=torch.cat([across, depth[:, None]], 1),
        codes=code.repeat(len(landmarks), 1),
    )


def _said(capture: Capture, solution: Solution, tracked: np.ndarray, fps: float) -> Motion:
    """The solution as motion of the capture's face."""
    T = len(tracked)
    code, quats, positions = solution.states.codes.float(), solution.quats.float(), solution.states.positions.float()
    code = within_reach(code, capture.code[: capture.num_train])
    (fx, *_), *_ = K = [[solution.model.focal, 0.0, float(solution.model.centre[0])]]
    K = [*K, [0.0, fx, float(solution.model.centre[1])], [0.0, 0.0, 1.0]]
    info = replace(capture.info, fps=fps, num_frames=T, num_train=T, bad_frames=np.flatnonzero(~tracked).tolist(), K=K)
    tensors = {
        "landmarks": solution.seen.landmarks.float(),
        "head_quats": quats,
        "head_positions": positions,
        "shape": capture.shape.vertices,
        "basis": capture.shape.basis,
    }
    track = units_of(FilmedFace.told(tensors, code, info))
    residual = code - capture.code_map.mapped(track.units, track.gaze)
    torso = torso_beneath(Pose(quats=quats, positions=positions), capture.motion, fps)
    tensors |= {"torso_quats": torso.quats, "torso_positions": torso.positions}
    tensors |= {"units": track.units, "gaze": track.gaze, "residual": residual}
    return Motion.from_tensors(tensors, fps=fps, basis_id=capture.code_map.basis_id)


def within_reach(code: Tensor, known: Tensor) -> Tensor:
    """Codes ``[T, K]`` kept where ``known [n, K]`` ones were, or a little beyond: further out a head is torn."""
    low, high = known.quantile(torch.tensor([0.01, 0.99]), dim=0)
    reach = REACH * (high - low)
    return torch.minimum(torch.maximum(code, low - reach), high + reach)


def torso_beneath(head: Pose, clip: Motion, fps: float) -> Pose:
    """Where the torso is while the head does what it does: in ``clip``'s usual place under the usual head, and swaying.

    Args:
        head: T poses.
        clip: of the same person, elsewhere.
        fps: frames per second of ``head``.
    """
    usual, here = typical_frame(clip), typical_frame(Motion.from_tensors(_still_face(head), fps=fps))
    back = quat_conjugate(clip.head.quats[usual])
    turn = quat_multiply(back, clip.torso.quats[usual])
    offset = quat_to_rotmat(back) @ (clip.torso.positions[usual] - clip.head.positions[usual])
    quats = quat_multiply(head.quats[here], turn).repeat(len(head), 1)
    sway = blurred(head.positions, SWAY_SECONDS * fps) - head.positions[here]
    positions = head.positions[here] + quat_to_rotmat(head.quats[here]) @ offset + SWAY * sway
    return Pose(quats=quats, positions=positions)


def _still_face(head: Pose) -> dict[str, Tensor]:
    T = len(head)
    poses = {"head_quats": head.quats, "head_positions": head.positions}
    poses |= {"torso_quats": head.quats, "torso_positions": head.positions}
    return poses | {"units": torch.zeros(T, len(UNITS)), "gaze": torch.zeros(T, 2)}
