"""What a head does by itself: it keeps moving as it did in its clip, blinks, looks about and sways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..smoothing import smoothstep
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec
from ._types import Motion

FADES = (0.5, 0.8, 1.2, 0.3)
"""Lengths of cross-fade tried, seconds, best first."""
MOST_CANDIDATES = 400
"""Frames considered as the end, and as the beginning, of a loop."""
CHOICES = 6
"""A loop is closed at a random one of this many best places, so that it does not repeat exactly."""
ARM = 0.1
"""Metres at which a radian of rotation counts as much as translation."""

BLINK_MEAN = 3.5
BLINK_SPREAD = 0.5
"""Blinks follow each other at log-normal intervals of this mean in seconds and this spread of the logarithm."""
BLINK_CLOSING, BLINK_OPENING = (0.055, 0.085), (0.095, 0.165)
"""Seconds (least, most) to close and to open again."""
BLINK_REST = 0.3
"""Least seconds from the end of a blink to the next."""


@dataclass(frozen=True, kw_only=True)
class LoopPlan:
    """Which captured frames to show: a cross-fade of two of them at each moment."""

    first: Tensor
    """``[T]`` frame index."""
    second: Tensor
    """``[T]`` frame index."""
    weight: Tensor
    """``[T]`` share of ``second``, in [0, 1]."""


def loop_poses(motion: Motion, num_frames: int, seed: int = 0) -> Motion:
    """Continue a captured motion for any length without a jump.

    The clip plays forward and, at places where an earlier moment has nearly the same pose and speed,
    cross-fades back to it; no frame-to-frame step is larger than the captured ones. Where a clip has
    no such place it plays forth and back.

    Args:
        motion: captured motion of at least one frame.
        num_frames: length wanted.
        seed: chooses among good places.

    Returns:
        Motion of ``num_frames`` frames at the same rate; poses and face come from the same moments.
    """
    plan = plan_loop(motion, num_frames, seed)
    return motion.select(plan.first).blended(motion.select(plan.second), plan.weight[:, None])


def plan_loop(motion: Motion, num_frames: int, seed: int = 0) -> LoopPlan:
    """The frames that ``loop_poses`` shows."""
    T = len(motion)
    if T < 1 or num_frames < 1:
        raise InputError(f"the motion has {T} frames and {num_frames} were wanted; both must be at least 1.")
    if num_frames <= T:
        return _straight(torch.arange(num_frames))
    pieces, length = [], 0
    for piece in loop_pieces(motion, seed):
        pieces.append(piece)
        length += len(piece.first)
        if length >= num_frames:
            break
    whole = {name: torch.cat([getattr(piece, name) for piece in pieces]) for name in ("first", "second", "weight")}
    return LoopPlan(**{name: value[:num_frames] for name, value in whole.items()})


def loop_pieces(motion: Motion, seed: int = 0) -> Iterator[LoopPlan]:
    """What ``plan_loop`` shows, piece by piece and without end."""
    for seconds in FADES:
        fade = max(round(seconds * motion.fps), 2)
        jumps = _jumps(motion, fade)
        if jumps:
            yield from _played(jumps, fade, torch.Generator().manual_seed(seed))
    frames = torch.arange(len(motion))
    while True:
        yield _straight(torch.cat([frames, frames[1:-1].flip(0)]))


@dataclass(frozen=True, kw_only=True)
class Blink:
    """One blink; all in seconds."""

    peak: float
    """When the eye is shut."""
    closing: float
    """How long it takes to close."""
    opening: float
    """How long it takes to open."""

    def closed(self, times: Tensor) -> Tensor:
        """How far the eye is shut at ``times [T]``: 0 open, 1 closed."""
        before, after = (self.peak - times) / self.closing, (times - self.peak) / self.opening
        return 0.5 + 0.5 * torch.cos(math.pi * torch.where(times < self.peak, before, after).clamp(0, 1))


def blinks(num_frames: int, fps: float, seed: int = 0) -> Tensor:
    """Natural blinks ``[num_frames]``: 0 open, 1 closed; eyes close faster than they open.

    Each blink takes 0.15 to 0.25 s and reaches 1 on a frame; blinks never overlap.

    Args:
        num_frames: length.
        fps: frames per second.
        seed: of the intervals.
    """
    if not fps > 0 or num_frames < 0:
        raise InputError(f"fps is {fps} and num_frames {num_frames}; positive numbers were wanted.")
    curve, times = torch.zeros(num_frames), torch.arange(num_frames) / fps
    for blink in unending_blinks(fps, seed):
        if blink.peak > num_frames / fps:
            return curve
        curve = torch.maximum(curve, blink.closed(times))
    return curve


def unending_blinks(fps: float, seed: int = 0) -> Iterator[Blink]:
    """The blinks of ``blinks``, one after the other."""
    generator = torch.Generator().manual_seed(seed)
    peak = float(torch.rand((), generator=generator)) * BLINK_MEAN
    while True:
        blink = _blink(round(peak * fps) / fps, generator)
        yield blink
        normal = float(torch.randn((), generator=generator))
        interval = math.exp(math.log(BLINK_MEAN) - BLINK_SPREAD**2 / 2 + BLINK_SPREAD * normal)
        peak = blink.peak + max(interval, blink.opening + BLINK_REST + BLINK_CLOSING[1])


def blinks_at(peaks: Tensor, num_frames: int, fps: float, seed: int = 0) -> Tensor:
    """Blinks ``[num_frames]``, 0 open, 1 closed, that are shut in the frames ``peaks [n]``.

    Args:
        peaks: frame numbers.
        num_frames: length.
        fps: frames per second.
        seed: of how quickly each closes and opens.
    """
    generator = torch.Generator().manual_seed(seed)
    curve, times = torch.zeros(num_frames), torch.arange(num_frames) / fps
    for peak in peaks.tolist():
        curve = torch.maximum(curve, _blink(peak / fps, generator).closed(times))
    return curve


def _blink(peak: float, generator: torch.Generator) -> Blink:
    """A blink at ``peak``, as quick as chance says."""
    closing, opening = (
        least + share * (most - least)
        for share, (least, most) in zip(
            torch.rand(2, generator=generator).tolist(), (BLINK_CLOSING, BLINK_OPENING), strict=True
        )
    )
    return Blink(peak=peak, closing=closing, opening=opening)


def sway(num_frames: int, fps: float, seed: int = 0, *, angle: float = 0.02, period: float = 6.0) -> Tensor:
    """Small rotation vectors ``[num_frames, 3]`` of a head that is never quite still.

    Args:
        num_frames: length.
        fps: frames per second.
        seed: of phases and periods.
        angle: size in radians.
        period: typical period in seconds.
    """
    generator = torch.Generator().manual_seed(seed)
    times = (torch.arange(num_frames) / fps)[:, None, None]
    periods = period * (0.6 + 0.9 * torch.rand(3, 3, generator=generator))
    phases = 2 * math.pi * torch.rand(3, 3, generator=generator)
    waves = torch.sin(2 * math.pi * times / periods + phases).mean(-1)
    return angle * waves * torch.tensor([0.7, 1.0, 0.4])


def gaze(num_frames: int, fps: float, seed: int = 0, *, reach: float = 0.09, mean_hold: float = 1.8) -> Tensor:
    """Eyes that rest on a point and jump to the next: ``[num_frames, 2]`` radians, as ``Motion.gaze``.

    Args:
        num_frames: length.
        fps: frames per second.
        seed: of points and durations.
        reach: standard deviation of the points sideways, radians; half of it up and down.
        mean_hold: mean seconds on a point.
    """
    points = torch.zeros(num_frames, 2)
    start = 0
    for point, hold in unending_gaze(fps, seed, reach=reach, mean_hold=mean_hold):
        if start >= num_frames:
            break
        points[start:] = point
        start += hold
    return points


def unending_gaze(
    fps: float, seed: int = 0, *, reach: float = 0.09, mean_hold: float = 1.8
) -> Iterator[tuple[Tensor, int]]:
    """The points ``[2]`` of ``gaze``, one after the other, with the number of frames that the eyes rest there."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        point = reach * torch.randn(2, generator=generator) * torch.tensor([1.0, 0.5])
        hold = mean_hold * (0.4 + 1.2 * float(torch.rand((), generator=generator)))
        yield point, max(round(hold * fps), 1)


def _jumps(motion: Motion, fade: int) -> list[tuple[int, int]]:
    """Places ``(end, beginning)``, best first, where a cross-fade of ``fade`` frames steps no further than the clip."""
    T = len(motion)
    if 3 * fade + 2 > T:
        return []
    state = _state(motion)
    ends = torch.arange(T // 2, T - fade)
    starts = torch.arange(0, T // 2)
    ends, starts = (x[:: -(-len(x) // MOST_CANDIDATES)] for x in (ends, starts))
    window = torch.cat([state[k : T - fade + k] for k in range(0, fade + 1, max(fade // 3, 1))], 1)
    cost = torch.cdist(window[ends], window[starts])
    cost[(ends[:, None] - starts[None]) < 2 * fade] = torch.inf
    order = cost.flatten().argsort()[: 60 * CHOICES]
    limit = _largest_step(state)
    jumps: list[tuple[int, int]] = []
    for flat in order[cost.flatten()[order].isfinite()].tolist():
        end, begin = int(ends[flat // len(starts)]), int(starts[flat % len(starts)])
        apart = all(abs(end - e) > fade // 2 or abs(begin - b) > fade // 2 for e, b in jumps)
        if apart and _largest_step(_faded(state, end, begin, fade)) <= limit:
            jumps.append((end, begin))
        if len(jumps) == CHOICES:
            break
    return jumps


def _state(motion: Motion) -> Tensor:
    """Head and torso poses as points ``[T, 12]`` in metres, rotations relative to the first frame."""
    parts = []
    for pose in (motion.head, motion.torso):
        turned = quat_to_rotvec(quat_multiply(quat_conjugate(pose.quats[:1]).expand_as(pose.quats), pose.quats))
        parts += [ARM * turned, pose.positions - pose.positions[:1]]
    return torch.cat(parts, 1)


def _largest_step(state: Tensor) -> float:
    return float(state.diff(dim=0).norm(dim=1).max())


def _ramp(fade: int) -> Tensor:
    """Weights ``[fade]`` strictly between 0 and 1 along a smooth step."""
    x = torch.arange(1, fade + 1) / (fade + 1)
    return smoothstep(x)


def _faded(state: Tensor, end: int, begin: int, fade: int) -> Tensor:
    """The state around a cross-fade, one frame more at either side."""
    middle = state[end : end + fade].lerp(state[begin : begin + fade], _ramp(fade)[:, None])
    return torch.cat([state[end - 1 : end], middle, state[begin + fade : begin + fade + 1]])


def _played(jumps: list[tuple[int, int]], fade: int, generator: torch.Generator) -> Iterator[LoopPlan]:
    """Play forward from frame 0, jumping back at random ones of ``jumps``."""
    at = 0
    while True:
        ahead = [jump for jump in jumps if jump[0] >= at]
        end, begin = ahead[int(torch.randint(len(ahead), (), generator=generator))]
        yield _straight(torch.arange(at, end))
        yield LoopPlan(
            first=torch.arange(end, end + fade), second=torch.arange(begin, begin + fade), weight=_ramp(fade)
        )
        at = begin + fade


def _straight(frames: Tensor) -> LoopPlan:
    """Frames as they are."""
    return LoopPlan(first=frames, second=frames, weight=torch.zeros(len(frames)))
