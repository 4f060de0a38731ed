"""Head movement by memory: stretches of a clip, found by how its sound goes, put one after another without a jump.

The clip's windows are chosen by dynamic programming: each shall sound like what is said now, and follow the one
before it in pose and speed (unit selection, Hunt and Black 1996; for head poses Yi et al. 2020, arXiv 2002.10137,
who let predicted poses choose captured ones). How lively people are to such a sound was learnt from several.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..metrics.movement import BEAT_SIGMA, movement_beats
from ..smoothing import blurred, smoothstep
from ..speech.prosody import Prosody
from ._types import Motion
from .as_large import as_large
from .idle import LoopPlan, plan_loop
from .liveliness import expected_liveliness, liveliness
from .recall_state import pose_state, pose_track, sound_state

HOP_SECONDS = 0.48
"""Length of a window; a cross-fade takes as long at most."""
FADE_SECONDS = 0.44
MOST_WINDOWS = 500
"""Windows of a clip considered."""
JUMP = 0.6
"""Cost of leaving the clip's own order, beside a mean squared difference of sound of about 1."""
OFF_BEAT = 2.5
"""Cost of a stress of the voice at which no movement of the head ends or turns; people's do more often than not."""
UNLIKE_OTHERS = 0.6
"""Cost of a spread by which a window is livelier, or calmer, than people are while such a sound is made."""
APART = 2.0
"""Cost of a join between poses as far apart as two moments of the clip usually are."""
SPEED_SECONDS = 0.25
"""Seconds over which a difference of speed counts as a difference of place."""
REUSE, FORGET_SECONDS = 0.6, 20.0
"""Cost of a window that was just shown, and how long that is remembered."""
CHANCE = 0.25
"""Spread of what is added to costs by the seed, so that takes differ."""
SECTION = 16
"""Windows that are planned together."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A clip by its sound: what ``plan_recall`` chooses from."""

    motion: Motion
    """T frames."""
    heard: Prosody
    """Its sound at those frames."""
    common: Tensor | None = None
    """``[A]`` weights of what people have in common, see `liveliness`; the package's where absent."""

    def __post_init__(self) -> None:
        if len(self.motion) != len(self.heard) or abs(self.motion.fps - self.heard.fps) > 1e-6:
            raise InputError(
                f"{len(self.motion)} frames at {self.motion.fps:g} fps came with the sound of {len(self.heard)} at "
                f"{self.heard.fps:g}; the same moments were wanted."
            )


def recall(memory: Memory, said: Prosody, seed: int = 0) -> Motion:
    """Motion of the clip's person while a sound is said: poses and face of the same remembered moments.

    Args:
        memory: the clip.
        said: N moments at the clip's rate.
        seed: of the choice among what fits alike.
    """
    plan = plan_recall(memory, said, seed)
    motion = memory.motion
    return as_large(motion.select(plan.first).blended(motion.select(plan.second), plan.weight[:, None]), motion)


def plan_recall(memory: Memory, said: Prosody, seed: int = 0) -> LoopPlan:
    """The frames that ``recall`` shows; a clip too short for windows is looped."""
    motion, fps = memory.motion, memory.motion.fps
    hop = max(round(HOP_SECONDS * fps), 2)
    fade = min(max(round(FADE_SECONDS * fps), 2), hop)
    if len(motion) < 4 * (hop + fade):
        return plan_loop(motion, len(said), seed)
    stride = max(d for d in range(1, hop + 1) if hop % d == 0 and d <= max(len(motion) / MOST_WINDOWS, 2))
    starts = torch.arange(0, len(motion) - hop - fade, stride)
    costs = _heard_costs(memory.heard, said, starts, hop) + OFF_BEAT * _beat_costs(motion, said, starts, hop)
    costs = costs + UNLIKE_OTHERS * _liveliness_costs(memory, said, starts, hop)
    generator = torch.Generator().manual_seed(seed)
    costs = costs + CHANCE * torch.randn(costs.shape, generator=generator)
    joins = _join_costs(motion, starts, hop, fade)
    chosen = _chosen(costs, joins, starts, hop, fps)
    return _plan(starts[chosen], hop, fade, len(said))


def _heard_costs(heard: Prosody, said: Prosody, starts: Tensor, hop: int) -> Tensor:
    """Mean squared difference of sound ``[N windows, C]``, in spreads of the clip's."""
    theirs, ours = sound_state(heard), sound_state(said)
    spread = theirs.std(0).clamp(min=0.15)
    count = -(-len(ours) // hop)
    costs = torch.zeros(count, len(starts))
    moments = (0, hop // 3, 2 * hop // 3)
    for k in moments:
        rows = (torch.arange(count) * hop + k).clamp(max=len(ours) - 1)
        costs += torch.cdist(ours[rows] / spread, theirs[starts + k] / spread).square() / theirs.shape[1]
    return costs / len(moments)


def _beat_costs(motion: Motion, said: Prosody, starts: Tensor, hop: int) -> Tensor:
    """``[N windows, C]`` how many stresses of the voice the head's own beats would miss."""
    beats = movement_beats(pose_track(motion.head), motion.fps)
    costs = torch.zeros(-(-len(said) // hop), len(starts))
    if not len(beats):
        return costs
    apart = (torch.arange(len(motion))[:, None] - beats[None]).abs().min(1).values / motion.fps
    missed = 1 - torch.exp(-0.5 * (apart / BEAT_SIGMA).square())
    for peak in said.peaks().tolist():
        costs[peak // hop] += missed[starts + peak % hop]
    return costs


def _liveliness_costs(memory: Memory, said: Prosody, starts: Tensor, hop: int) -> Tensor:
    """``[N windows, C]`` mean squared difference of a window's liveliness from what people have in common."""
    wanted, own = expected_liveliness(memory.heard, said, memory.common), liveliness(memory.motion)
    count, moments = -(-len(said) // hop), (0, hop // 3, 2 * hop // 3)
    costs = torch.zeros(count, len(starts))
    for k in moments:
        rows = (torch.arange(count) * hop + k).clamp(max=len(said) - 1)
        costs += (wanted[rows][:, None] - own[starts + k]).square() / len(moments)
    return costs


def _join_costs(motion: Motion, starts: Tensor, hop: int, fade: int) -> Tensor:
    """Cost ``[C, C]`` of showing the window at the second start after that at the first."""
    state = pose_state(motion)
    speed = torch.cat([state.diff(dim=0), state.new_zeros(1, state.shape[1])]) * motion.fps * SPEED_SECONDS
    both = torch.cat([state, blurred(speed, 0.04 * motion.fps)], 1)
    usual = (2 * both.var(0).sum()).clamp(min=1e-12)
    apart = starts.new_zeros(()).float()
    for k in (0, fade // 2, fade):
        apart = apart + torch.cdist(both[starts + hop + k], both[starts + k]).square() / usual / 3
    costs = JUMP + APART * apart
    costs[starts[:, None] + hop == starts[None]] = 0
    back = starts[:, None] + hop - starts[None]
    costs[(back > 0) & (back <= hop)] += JUMP  # the same moment again, as if it stood still
    return costs


def _chosen(costs: Tensor, joins: Tensor, starts: Tensor, hop: int, fps: float) -> Tensor:
    """Window ``[N]`` of each step: sections of the cheapest path, what was shown lately made dearer."""
    used = torch.zeros(len(starts))
    path: list[int] = []
    near = (starts[:, None] - starts[None]).abs() < hop
    forget = float(torch.exp(torch.tensor(-hop / fps / FORGET_SECONDS)))
    for first in range(0, len(costs), SECTION):
        part = costs[first : first + SECTION] + used
        for window in _cheapest(part, joins, path[-1] if path else None):
            path.append(window)
            used = used * forget + REUSE * near[window]
    return torch.tensor(path)


def _cheapest(costs: Tensor, joins: Tensor, before: int | None) -> list[int]:
    """The cheapest path through ``costs [n, C]`` (Viterbi), continuing from a window."""
    total = costs[0] if before is None else costs[0] + joins[before]
    back = []
    for row in costs[1:]:
        best, origin = (total[:, None] + joins).min(0)
        total = best + row
        back.append(origin)
    path = [int(total.argmin())]
    for origin in reversed(back):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def _plan(chosen: Tensor, hop: int, fade: int, num_frames: int) -> LoopPlan:
    """Windows side by side; where one does not continue the last, both play on while they are blended."""
    steps = torch.arange(hop)
    second = (chosen[:, None] + steps).flatten()
    before = torch.cat([chosen[:1], chosen[:-1] + hop])
    first = (before[:, None] + steps).flatten()
    weight = torch.ones(len(chosen), hop)
    weight[:, :fade] = smoothstep((steps[:fade] + 1) / (fade + 1))
    jumped = (before != chosen)[:, None]
    weight = torch.where(jumped, weight, torch.ones_like(weight)).flatten()
    first = torch.where(weight < 1, first, second)
    return LoopPlan(first=first[:num_frames], second=second[:num_frames], weight=weight[:num_frames])
