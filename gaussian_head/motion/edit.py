"""Edits of a Motion: each takes one and returns another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ..checks import InputError
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_slerp
from ._types import Motion, is_lip_channel


def set_channels(motion: Motion, values: Mapping[str, float | Tensor]) -> Motion:
    """Give named channels a value, the same for all frames or ``[T]``; InputError for an unknown name."""
    expression = motion.expression.clone()
    for name, value in values.items():
        expression[:, _index(motion, name)] = torch.as_tensor(value, dtype=expression.dtype)
    return replace(motion, expression=expression)


def offset_channels(motion: Motion, offsets: Mapping[str, float | Tensor]) -> Motion:
    """Add to named channels, a number or ``[T]`` each; InputError for an unknown name."""
    return set_channels(
        motion, {name: motion.expression[:, _index(motion, name)] + add for name, add in offsets.items()}
    )


def scale_channels(motion: Motion, factors: Mapping[str, float | Tensor]) -> Motion:
    """Multiply named channels, by a number or ``[T]`` each; InputError for an unknown name."""
    return set_channels(motion, {n: motion.expression[:, _index(motion, n)] * by for n, by in factors.items()})


def amplify(motion: Motion, factor: float, *, lips_only: bool = False) -> Motion:
    """Multiply the expression, or only what speech drives: 0 is the neutral face, 2 an exaggerated one."""
    names = [name for name in motion.channels if is_lip_channel(name) or not lips_only]
    return scale_channels(motion, dict.fromkeys(names, factor))


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
    return replace(
        motion,
        head_quats=motion.head_quats[t].expand(T, 4).clone(),
        head_positions=motion.head_positions[t].expand(T, 3).clone(),
        torso_quats=motion.torso_quats[t].expand(T, 4).clone(),
        torso_positions=motion.torso_positions[t].expand(T, 3).clone(),
    )


def typical_frame(motion: Motion) -> int:
    """Frame whose head pose is nearest to the median pose."""
    aligned = motion.head_quats * (motion.head_quats @ motion.head_quats[0]).sign()[:, None]
    turn = aligned - aligned.median(0).values
    shift = motion.head_positions - motion.head_positions.median(0).values
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
    times = (torch.arange(wanted, dtype=torch.float64) / fps * motion.fps).clamp(max=T - 1)
    low = times.long()
    w = (times - low).to(motion.expression.dtype)[:, None]
    a, b = motion.select(low), motion.select((low + 1).clamp(max=T - 1))
    return replace(
        a,
        fps=fps,
        head_quats=quat_slerp(a.head_quats, b.head_quats, w),
        head_positions=a.head_positions.lerp(b.head_positions, w),
        torso_quats=quat_slerp(a.torso_quats, b.torso_quats, w),
        torso_positions=a.torso_positions.lerp(b.torso_positions, w),
        expression=a.expression.lerp(b.expression, w),
        audio=None if a.audio is None or b.audio is None else a.audio.lerp(b.audio, w),
    )


def concatenate(first: Motion, second: Motion) -> Motion:
    """One motion after another; InputError where rates or channels differ."""
    if first.channels != second.channels or abs(first.fps - second.fps) > 1e-9:
        raise InputError(
            f"motions of {len(first.channels)} channels at {first.fps} fps and of {len(second.channels)} "
            f"at {second.fps} cannot be joined; retarget and resample one of them first."
        )
    both = first.audio is not None and second.audio is not None
    fields = ("head_quats", "head_positions", "torso_quats", "torso_positions", "expression")
    return replace(
        first,
        audio=torch.cat([first.audio, second.audio]) if both else None,  # type: ignore[list-item]
        **{name: torch.cat([getattr(first, name), getattr(second, name)]) for name in fields},
    )


def follow(motion: Motion, leader: Motion, *, amount: float = 1.0) -> Motion:
    """Move head and torso as another motion does, from this motion's typical pose.

    Args:
        motion: whose expression and resting pose are kept.
        leader: whose movement away from its own typical pose is taken, resampled and held to length.
        amount: share of the movement, 1 for all.
    """
    leader = resample(leader, motion.fps, len(motion))
    return replace(motion, **moved_like(motion, leader, amount))


def moved_like(motion: Motion, leader: Motion, amount: float = 1.0) -> dict[str, Tensor]:
    """Pose fields of ``motion``'s typical pose moved as ``leader`` (of any length) moves away from its own."""
    rest, origin = motion.at(typical_frame(motion)), leader.at(typical_frame(leader))
    none = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=leader.head_quats.dtype)
    poses: dict[str, Tensor] = {}
    for part in ("head", "torso"):
        quats, positions = getattr(leader, f"{part}_quats"), getattr(leader, f"{part}_positions")
        quat0, position0 = getattr(origin, f"{part}_quat"), getattr(origin, f"{part}_position")
        turn = quat_multiply(quats, quat_conjugate(quat0).expand_as(quats))
        turn = quat_slerp(none.expand_as(turn), turn, amount)
        poses[f"{part}_quats"] = quat_normalize(quat_multiply(turn, getattr(rest, f"{part}_quat").expand_as(turn)))
        poses[f"{part}_positions"] = getattr(rest, f"{part}_position") + amount * (positions - position0)
    return poses


def _index(motion: Motion, name: str) -> int:
    if name not in motion.channels:
        raise InputError(f"there is no channel {name!r}; choose from {', '.join(motion.channels)}.")
    return motion.channels.index(name)
