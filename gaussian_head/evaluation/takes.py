"""Takes of the same words: how far apart they are, and how near the recording; beside means, loops and stillness."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..actor import Actor, speak
from ..actor.directing import own_sound
from ..capture import capture_of
from ..conventions import SAMPLE_RATE
from ..face import FaceModel
from ..metrics.lips import LIPS
from ..motion import Motion, loop_poses
from ..motion.recall import Memory, recall
from ..motion.recall_state import pose_track
from .learned_pose import Halves


@dataclass(frozen=True, kw_only=True)
class TakeScores:
    """Distances of several takes, degrees of head turns about their mean or millimetres of lips on the average face."""

    apart: float
    """Mean over pairs of takes."""
    away: float
    """From the recording, mean over takes."""
    best: float
    """The same of the nearest take."""
    mean: float
    """The same of one mean prediction: takes averaged; of lips the usual ones."""
    still: float
    """The same of a head, or a mouth, that does not move."""
    loop: float
    """The same of the clip's first half played on."""


def measure_takes(actor: Actor, seeds: int) -> tuple[TakeScores, TakeScores]:
    """Head and lips of ``seeds`` takes of what is said in the second half of an actor's clip.

    The head remembers the first half alone. Lips are those that the actor's voice samples, and it was taught by the
    whole clip but its held-out end.
    """
    halves = Halves.of(capture_of(actor.clip.motion, actor.clip.capture_path))
    memory, T = Memory(motion=halves.first, heard=halves.heard), len(halves.second)
    heads = [_turns(recall(memory, halves.said, seed)) for seed in range(seeds)]
    looped = loop_poses(halves.first, T)
    head = _scores(heads, _turns(halves.second), torch.stack(heads).mean(0), _turns(looped), 1.0)

    begin = round(len(halves.first) / halves.first.fps * SAMPLE_RATE)
    sound = own_sound(actor.clip)[begin:]
    takes = [_lips(speak(actor, sound, lips="sampled", seed=seed)) for seed in range(seeds)]
    again = halves.first.select(torch.arange(T).remainder(len(halves.first)))
    return head, _scores(takes, _lips(halves.second), _lips(speak(actor, sound)), _lips(again), 1000.0)


def _scores(takes: list[Tensor], recorded: Tensor, mean: Tensor, loop: Tensor, scale: float) -> TakeScores:
    """Scores of takes ``[T, ..., 3]`` of one thing, in its unit times ``scale``."""

    def far(a: Tensor, b: Tensor) -> float:
        count = min(len(a), len(b))
        return scale * float((a[:count] - b[:count]).norm(dim=-1).mean())

    apart = [far(a, b) for i, a in enumerate(takes) for b in takes[:i]]
    away = [far(take, recorded) for take in takes]
    still = recorded.median(0).values.expand_as(recorded)
    told = (sum(apart) / len(apart), sum(away) / len(away), min(away), far(mean, recorded), far(still, recorded))
    names = ("apart", "away", "best", "mean", "still")
    return TakeScores(
        **{name: round(value, 3) for name, value in zip(names, told, strict=True)}, loop=round(far(loop, recorded), 3)
    )


def _turns(motion: Motion) -> Tensor:
    """``[T, 3]`` degrees about their mean."""
    turns = pose_track(motion.head)[:, :3]
    return torch.rad2deg(turns - turns.mean(0))


def _lips(motion: Motion) -> Tensor:
    """``[T, L, 3]`` metres that the lips' landmarks move on the average face."""
    face = FaceModel.load()
    return torch.einsum("tk,klc->tlc", motion.units, face.landmarks(face.units)[:, list(LIPS)])
