"""Where a camera beside the leading one stood, roughly, by what each of them saw of the head alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..capture import Capture
from ..checks import InputError
from ..facenet import NUM_MESH
from ..metrics.lips import mouth_opening
from ..similarity import fit_similarity
from ..transforms import mean_rotation, quat_to_rotmat, quat_to_rotvec, rotmat_to_quat
from .beside import Beside
from .bundle import BundleConfig, FrameStates, LandmarkModel, Observations, pixel_sigma
from .channels import MEASURED
from .clocks import Clock
from .start import MEASURED_SIGMA
from .topology import RIGID

FEWEST = 20
"""Frames that a camera must share with the leading one."""
STRANGER_DEG, STRANGER_MOUTH = 7.0, 0.3
"""A camera whose head turns otherwise than the leading one's by as much, and whose mouth opens as little alike, shows
somebody else."""
OWN_TRUST = 0.2
"""Share of a camera's own track in the logarithm of the focal length that its calibration starts from; the rest is the
leading one's: seen from aside a head tells its lens badly, and most who film one moment do so with cameras alike."""


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


def place(leader: Capture, other: Filming) -> float:
    """By how many degrees a camera's head turns otherwise than the leading one's.

    Raises:
        InputError: it shares too few frames, or shows somebody else.
    """
    model, states, _, _ = in_bundle(leader)
    return placed_roughly(leader, other, states, model, pixel_sigma(model, states, BundleConfig()))[1]


def in_bundle(capture: Capture, lens: Camera | None = None) -> tuple[LandmarkModel, FrameStates, Observations, Tensor]:
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


def placed_roughly(
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
    lens = _lens(leader, other, model.focal)
    own_position = _through(theirs.positions.double(), own.camera.K.double(), lens)
    theirs_position = to_ours.scale * own_position - (theirs_rotation @ to_ours.translation)
    between = (theirs_rotation @ states.rotations(model).mT)[used]
    rotation = mean_rotation(between)
    angles = torch.rad2deg(quat_to_rotvec(rotmat_to_quat(between @ rotation.T)).norm(dim=1))
    rotation = mean_rotation(between[angles <= angles.median() * 2 + 1e-6])
    apart = float(torch.rad2deg(quat_to_rotvec(rotmat_to_quat(between @ rotation.T)).norm(dim=1)).median())
    _require_same_person(leader, other, apart, used, frames)
    shift = (theirs_position - states.positions @ rotation.T)[used].median(0).values
    if other.given is not None:
        rotation, way = other.given.viewmat[:3, :3].double(), other.given.viewmat[:3, 3].double()
        metres = ((theirs_position - states.positions @ rotation.T)[used] @ way / way.square().sum()).median()
        shift = metres * way
    width = float((own.landmarks[:, 454] - own.landmarks[:, 234]).norm(dim=1).median())
    lead_width = float((leader.landmarks[:, 454] - leader.landmarks[:, 234]).norm(dim=1).median())
    weights = used.double()[:, None].repeat(1, landmarks.shape[1])
    weights[:, NUM_MESH:] *= 0.1
    return Beside(
        rotation=rotation,
        translation=shift,
        focal=float(lens[0, 0]),
        centre=lens[:2, 2],
        told_focal=float(lens[0, 0]),
        landmarks=landmarks,
        weights=weights,
        sigma=sigma * max(width / lead_width, 0.5),
        fixed=other.given is not None,
    ), apart


def _lens(leader: Capture, other: Filming, leading_focal: float) -> Tensor:
    """``[3, 3]`` f64 of a camera in pixels of its capture: as given, or about the leading one's for its film's size."""
    if other.given is not None:
        return other.given.K.double()
    K = other.capture.camera.K.double()
    alike = leading_focal * _film_pixels(other.capture) / _film_pixels(leader)
    K[:2, :2] *= (float(K[0, 0]) / alike) ** (OWN_TRUST - 1)
    K[:2, 2] = _principal_point(other.capture)
    return K


def _film_pixels(capture: Capture) -> float:
    """The longer side of the whole film in pixels of its capture."""
    source = capture.info.source
    return max(source["width"], source["height"]) * capture.info.width / source["crop"][2]


def _principal_point(capture: Capture) -> Tensor:
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
