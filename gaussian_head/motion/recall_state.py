"""What is compared where movement is remembered: how a head is posed, and how a sound goes around a moment."""

from __future__ import annotations

import torch
from torch import Tensor

from ..smoothing import blurred
from ..speech.prosody import Prosody
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec
from ._types import Motion, Pose
from .idle import ARM

CONTEXT_SECONDS = (-0.6, -0.3, -0.1, 0.1, 0.3, 0.6)
"""Moments around a frame whose sound counts."""
CONTEXT_BLUR = 0.08
"""Seconds over which it is heard."""
SOUND = ("energy", "pitch", "stress", "since", "until")
"""Columns of a sound: in units of 10 dB, of 4 semitones, of half a stress, and how far its beginning and end are."""
BOUNDARY_SECONDS = 1.0
"""The nearest beginning and end of speech count within this many seconds."""


def pose_state(motion: Motion) -> Tensor:
    """Head and torso as points ``[T, 12]`` in metres, rotations from the first frame's by an arm of `idle.ARM`."""
    parts = []
    for pose in (motion.head, motion.torso):
        parts += [ARM * turned_from(pose, 0), pose.positions - pose.positions[:1]]
    return torch.cat(parts, 1)


def pose_track(pose: Pose) -> Tensor:
    """``[T, 6]`` rotation vector from the first moment, radians, and position, metres, for `metrics.movement`."""
    return torch.cat([turned_from(pose, 0), pose.positions], 1)


def turned_from(pose: Pose, frame: int) -> Tensor:
    """Rotation vectors ``[T, 3]`` from the pose of one frame, in its axes."""
    first = quat_conjugate(pose.quats[frame]).expand_as(pose.quats)
    return quat_to_rotvec(quat_multiply(first, pose.quats))


def sound_state(prosody: Prosody) -> Tensor:
    """How a sound goes around each of T moments, ``[T, A]``, comparable between voices."""
    heard = sound_columns(prosody)
    rows = torch.arange(len(heard))
    shifted = [heard[(rows + round(s * prosody.fps)).clamp(0, len(heard) - 1)] for s in CONTEXT_SECONDS]
    return torch.cat([*shifted, prosody.speaking[:, None].float()], 1)


def sound_columns(prosody: Prosody) -> Tensor:
    """How a sound is at each of T moments, ``[T, S]`` of SOUND, comparable between voices."""
    since, until = (_nearest(prosody.speaking, ahead, prosody.fps) for ahead in (False, True))
    columns = torch.stack([prosody.energy, prosody.pitch / 4, 2 * prosody.stress, since, until], 1)
    said = columns[prosody.speaking] if prosody.speaking.any() else columns
    columns[:, 0] -= said[:, 0].mean()
    return blurred(columns, CONTEXT_BLUR * prosody.fps)


def _nearest(speaking: Tensor, ahead: bool, fps: float) -> Tensor:
    """``[T]`` in [-1, 1]: how long since (until) speech began or ended; positive within speech."""
    flags = speaking.flip(0) if ahead else speaking
    count, run = torch.zeros(len(flags)), 0
    for t, flag in enumerate(flags.tolist()):
        run = run + 1 if t and flag == bool(flags[t - 1]) else 1
        count[t] = run if flag else -run
    value = (count / (BOUNDARY_SECONDS * fps)).clamp(-1, 1)
    return value.flip(0) if ahead else value
