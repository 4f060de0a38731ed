"""Remembered movement brought to the sizes and speeds of the clip it was remembered from.

Windows that fit a sound are no fair sample of a clip: what fits may be its large movements, and joins add speed. Each
axis is parted in bands of ever quicker movement, and each band is scaled until it is as large as the clip's.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from ..smoothing import blurred
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_to_rotvec, rotvec_to_quat
from ._types import Motion, Pose

SECONDS = (0.8, 0.4, 0.2, 0.1, 0.05)
"""Standard deviations of the smoothings between which the bands lie."""
LEAST, MOST = 0.6, 1.7
"""Bounds of what a band is scaled by, where nothing else is wanted."""
ROUNDS = 8
"""Of scaling, since bands overlap; each goes half of the way, in logarithms."""
STILL = 1e-6
"""Radians, or metres, below which a band does not move and is left alone."""


def as_large(motion: Motion, clip: Motion, bounds: tuple[float, float] = (LEAST, MOST)) -> Motion:
    """``motion`` whose head moves as far and as fast about each axis as that of ``clip`` does in the same time.

    Args:
        motion: N frames of movement like the clip's; the torso goes along with the head.
        clip: T frames of the same rate. Where N is less, what it does in so many frames is wanted, and a part of the
            way is gone, since one stretch of a clip need not be like another.
        bounds: of what a band is scaled by.
    """
    if len(motion) < 2 or len(clip) < 2:
        return motion
    first, seat = clip.head.quats[0], clip.torso.quats[0]
    made = _bands(_track(motion.head, first), motion.fps)
    scale = _scale(made, _usual(_bands(_track(clip.head, first), motion.fps), len(motion)), motion.fps, bounds)
    scale = scale ** min(len(motion) / len(clip), 1.0)
    torso = _bands(_track(motion.torso, seat), motion.fps)
    return replace(
        motion,
        head=_pose((scale * made).sum(1), first),
        torso=_pose((scale * torso).sum(1), seat),
    )


def _track(pose: Pose, first: Tensor) -> Tensor:
    """``[T, 6]`` rotation vector from the orientation ``first``, in its axes, and position."""
    turn = quat_to_rotvec(quat_multiply(quat_conjugate(first).expand_as(pose.quats), pose.quats))
    return torch.cat([turn, pose.positions], 1)


def _pose(track: Tensor, first: Tensor) -> Pose:
    turn = rotvec_to_quat(track[:, :3])
    return Pose(quats=quat_normalize(quat_multiply(first.expand_as(turn), turn)), positions=track[:, 3:])


def _bands(track: Tensor, fps: float) -> Tensor:
    """``[T, B + 1, 6]`` a track in B bands from slow to quick, and its mean as the last of them."""
    centre = track.mean(0, keepdim=True).expand_as(track)
    calmer = [track - centre, *(blurred(track - centre, seconds * fps) for seconds in reversed(SECONDS))]
    bands = [quick - calm for quick, calm in pairwise(calmer)]
    return torch.stack([calmer[-1], *reversed(bands), centre], 1)


def _sizes(bands: Tensor) -> Tensor:
    """``[B, 6]`` standard deviations of the bands."""
    return bands[:, :-1].std(0, unbiased=False)


def _usual(bands: Tensor, count: int) -> Tensor:
    """The same, root mean square over all stretches of ``count`` frames, half of which overlap their neighbours."""
    starts = range(0, max(len(bands) - count, 0) + 1, max(count // 2, 1))
    return torch.stack([_sizes(bands[s : s + count]).square() for s in starts]).mean(0).sqrt()


def _scale(bands: Tensor, wanted: Tensor, fps: float, bounds: tuple[float, float]) -> Tensor:
    """What each of the bands is scaled by, ``[B + 1, 6]``: 1 for the mean."""
    scale = torch.ones_like(bands[0])
    moves = (_sizes(bands) > STILL) & (wanted > STILL)
    for _ in range(ROUNDS):
        sizes = _sizes(_bands((scale * bands).sum(1), fps)).clamp(min=STILL)
        scale[:-1] = torch.where(moves, scale[:-1] * (wanted / sizes).sqrt(), scale[:-1]).clamp(*bounds)
    return scale
