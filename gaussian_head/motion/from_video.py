"""Another person's captured motion, carried over to this subject by the names of its channels."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..checks import InputError
from ..ridge import ridge
from ._types import SEMANTIC_CHANNELS, Motion, is_lip_channel
from .edit import moved_like, set_channels

SPREAD = (0.03, 0.97)
"""Quantiles that bound a channel's usual range."""
LEAST_RANGE = 1e-3
RATIO = (0.4, 2.5)
"""Least and greatest ratio of one subject's range to another's that is believed."""
PENALTY = 0.02
"""Of the regression from named to residual channels, as a share of the frames."""


def retarget(source: Motion, target: Motion, *, pose: bool = True) -> Motion:
    """Motion of another capture as this subject would make it.

    Named channels move from this subject's usual value by the source's departure from its own, in
    proportion to their ranges. Residual channels (``lip_<i>``, ``face_<i>``) mean something else
    for every subject, so they are filled with what usually goes with the named ones here.

    Args:
        source: tracked motion of the other person.
        target: captured motion of this subject, for its ranges, channels and resting pose.
        pose: also move head and torso as the source does; else this subject's typical pose is held.

    Returns:
        Motion as long as ``source``, at its rate, with the channels of ``target``.

    Raises:
        InputError: the two share no named channel.
    """
    shared = [name for name in SEMANTIC_CHANNELS if name in source.channels and name in target.channels]
    if not shared:
        raise InputError(f"the motions share no channel: {source.channels} and {target.channels}.")
    values = {name: _mapped(name, source.channel(name), target.channel(name)) for name in shared}
    poses = moved_like(target, source, 1.0 if pose else 0.0)
    blank = torch.zeros(len(source), len(target.channels))
    motion = replace(source, channels=target.channels, basis_id=target.basis_id, expression=blank, **poses)
    return _with_residuals(set_channels(motion, values), target, shared)


def at_home(motion: Motion, target: Motion) -> Motion:
    """A motion without private channels of another face: filled in with what usually goes with the named ones here.

    Poses and named channels stay as they are. A motion of the same face, or of one that nobody knows, comes back as it
    is.

    Args:
        motion: any motion.
        target: captured motion of this subject.

    Raises:
        InputError: the two share no named channel.
    """
    if not motion.is_foreign_to(target):
        return motion
    shared = [name for name in SEMANTIC_CHANNELS if name in motion.channels and name in target.channels]
    if not shared:
        raise InputError(f"the motions share no channel: {motion.channels} and {target.channels}.")
    blank = torch.zeros(len(motion), len(target.channels))
    named = replace(motion, channels=target.channels, basis_id=target.basis_id, expression=blank)
    return _with_residuals(set_channels(named, {name: motion.channel(name) for name in shared}), target, shared)


def _mapped(name: str, source: Tensor, target: Tensor) -> Tensor:
    """One channel's values ``[T]`` carried from the source's usual range to the target's."""
    low_s, high_s = source.quantile(torch.tensor(SPREAD)).tolist()
    low_t, high_t = target.quantile(torch.tensor(SPREAD)).tolist()
    if high_s - low_s < LEAST_RANGE or high_t - low_t < LEAST_RANGE:
        return target.median() + source - source.median()
    ratio = min(max((high_t - low_t) / (high_s - low_s), RATIO[0]), RATIO[1])
    if name in ("jaw_open", "blink_l", "blink_r"):
        return low_t + (source - low_s) * ratio
    return target.median() + (source - source.median()) * ratio


def _with_residuals(motion: Motion, target: Motion, shared: list[str]) -> Motion:
    """Fill residual channels by ridge regression from the named ones, lips from lips and face from face."""
    out = motion.expression.clone()
    for lips in (True, False):
        named = [target.channels.index(n) for n in shared if is_lip_channel(n) == lips]
        residual = [
            k for k, n in enumerate(target.channels) if n not in SEMANTIC_CHANNELS and is_lip_channel(n) == lips
        ]
        if not named or not residual:
            continue
        x, y = target.expression[:, named], target.expression[:, residual]
        mean, scale, level = x.mean(0), x.std(0, unbiased=False).clamp(min=LEAST_RANGE), y.mean(0)
        x = (x - mean) / scale
        weights = ridge(x, y - level, PENALTY)
        out[:, residual] = ((motion.expression[:, named] - mean) / scale).clamp(-3, 3) @ weights + level
    return replace(motion, expression=out)
