"""Edits of a Motion: each takes one and returns another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ..checks import InputError
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_slerp
from ._types import CONTROLS, Motion, Pose


def set_controls(motion: Motion, values: Mapping[str, float | Tensor]) -> Motion:
    """Give units and angles of gaze a value, the same for all frames or ``[T]``; InputError for an unknown name."""
    controls = motion.controls
    for name, value in values.items():
        controls[:, _index(name)] = torch.as_tensor(value, dtype=controls.dtype)
    return motion.with_controls(controls)


def offset_controls(motion: Motion, offsets: Mapping[str, float | Tensor]) -> Motion:
    """Add to units and angles of gaze, a number or ``[T]`` each; InputError for an unknown name."""
    return set_controls(motion, {name: motion.controls[:, _index(name)] + add for name, add in offsets.items()})


def amplify(motion: Motion, factor: float) -> Motion:
    """Multiply all that moves the face: 0 is the neutral face, 2 an exaggerated one; a residual never grows."""
    return replace(
        motion, units=motion.units * factor, gaze=motion.gaze * factor, residual=motion.residual * min(factor, 1.0)
    )


def still_pose(motion: Motion, frame: int | None = None) -> Motion:
    """Hold head and torso still.

    Args:
        motion: any motion.
        frame: whose pose to hold; None for the frame nearest to the middle of all poses.
    """
    T = len(motion)
    t = typical_frame(motion) if frame is None else frame
    if not -T <= t < T:
        raise InputError(f"frame {frame} was to be held, but the motion has frames 0 to {T - 1}.")
    return replace(motion, head=motion.head[t].held(T), torso=motion.torso[t].held(T))


def typical_frame(motion: Motion) -> int:
    """Frame whose head pose is nearest to the median pose."""
    aligned = motion.head.quats * (motion.head.quats @ motion.head.quats[0]).sign()[:, None]
    turn = aligned - aligned.median(0).values
    shift = motion.head.positions - motion.head.positions.median(0).values
    return int((turn.norm(dim=1) + shift.norm(dim=1)).argmin())


def resample(motion: Motion, fps: float, num_frames: int | None = None) -> Motion:
    """The same motion at another frame rate.

    Args:
        motion: any motion.
        fps: frames per second wanted.
        num_frames: length wanted, by default that of the same duration; the last frame is held beyond the end.
    """
    if not fps > 0:
        raise InputError(f"fps is {fps}; a positive number was wanted.")
    T = len(motion)
    wanted = max(round(T / motion.fps * fps), 1) if num_frames is None else num_frames
    if wanted == T and abs(fps - motion.fps) < 1e-9:
        return motion
    return replace(sampled(motion, torch.arange(wanted, dtype=torch.float64) / fps * motion.fps), fps=fps)


def sampled(motion: Motion, moments: Tensor) -> Motion:
    """The motion at moments ``[T2]`` f64 counted in its frames, which may lie between two; its ends are held."""
    T = len(motion)
    times = moments.clamp(0, T - 1)
    low = times.long()
    w = (times - low).to(motion.units.dtype)[:, None]
    return motion.select(low).blended(motion.select((low + 1).clamp(max=T - 1)), w)


def concatenate(first: Motion, second: Motion) -> Motion:
    """One motion after another; a residual is kept where both have one of the same face. InputError for two rates."""
    if abs(first.fps - second.fps) > 1e-9:
        raise InputError(f"motions at {first.fps} and {second.fps} fps cannot be joined; resample one of them first.")
    if first.basis_id != second.basis_id or first.residual.shape[1] != second.residual.shape[1]:
        first, second = first.without_residual(), second.without_residual()
    theirs = second.tensors()
    joined = {name: torch.cat([value, theirs[name]]) for name, value in first.tensors().items()}
    return Motion.from_tensors(joined, fps=first.fps, basis_id=first.basis_id)


def follow(motion: Motion, leader: Motion, *, amount: float = 1.0) -> Motion:
    """Move head and torso as another motion does, from this motion's typical pose.

    Args:
        motion: whose face and resting pose are kept.
        leader: whose movement away from its own typical pose is taken, resampled and held to length.
        amount: share of the movement, 1 for all.
    """
    leader = resample(leader, motion.fps, len(motion))
    return replace(motion, **moved_like(motion, leader, amount))


def moved_like(motion: Motion, leader: Motion, amount: float = 1.0) -> dict[str, Pose]:
    """``head`` and ``torso``: ``motion``'s typical pose moved as ``leader`` (of any length) moves from its own."""
    rest, origin = motion.at(typical_frame(motion)), leader.at(typical_frame(leader))
    return {
        "head": _carried(rest.head, origin.head, leader.head, amount),
        "torso": _carried(rest.torso, origin.torso, leader.torso, amount),
    }


def _carried(rest: Pose, origin: Pose, poses: Pose, amount: float) -> Pose:
    """``rest`` moved, T times, by ``amount`` of the way from ``origin`` to ``poses``."""
    none = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=poses.quats.dtype)
    turn = quat_multiply(poses.quats, quat_conjugate(origin.quats).expand_as(poses.quats))
    turn = quat_slerp(none.expand_as(turn), turn, amount)
    return Pose(
        quats=quat_normalize(quat_multiply(turn, rest.quats.expand_as(turn))),
        positions=rest.positions + amount * (poses.positions - origin.positions),
    )


def _index(name: str) -> int:
    if name not in CONTROLS:
        raise InputError(f"there is no unit {name!r}; choose from {', '.join(CONTROLS)}.")
    return CONTROLS.index(name)
