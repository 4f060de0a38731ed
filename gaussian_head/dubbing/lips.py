"""What a recorded face does while it says something else: only the mouth changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..actor.speak import voice_of
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..metrics.lips import silent_frames
from ..motion import Motion
from ..motion.drive import drive_by_audio, with_spoken
from ..smoothing import blurred
from ..voice.learning import closed_mouth
from ..voice.mouth import COLUMNS, GAP, lip_measures

SHUT = 0.2
"""Share of the usual range of the gap between the lips below which a mouth is shut."""
EASE = 0.06
"""Seconds, standard deviation, over which the recorded mouth takes over from the new one."""


def said(
    actor: Actor,
    recorded: Motion,
    samples: np.ndarray,
    *,
    spoken_in: Tensor | None = None,
    exaggerate: float = 1.0,
    listener: Listener = ignore,
) -> Motion:
    """``recorded`` with the mouth saying ``samples``; where both are silent it is the recorded mouth.

    Args:
        actor: whose face and voice it is.
        recorded: T frames as tracked.
        samples: ``[S]`` mono f32 at 16 kHz, beginning with the first frame; cut or filled with silence.
        spoken_in: ``[T]`` share in [0, 1] of the new mouth, by default 1.
        exaggerate: factor on how far the lips leave the closed mouth.
        listener: receives Progress where the sound is long.
    """
    T, fps = len(recorded), recorded.fps
    samples = fitted(samples, round(T / fps * SAMPLE_RATE))
    voice = voice_of(actor)
    units = drive_by_audio(voice, actor.clip.motion, samples, fps=fps, blink=False, listener=listener).units
    units = held(units, T)
    closed = closed_mouth(actor.clip.motion.units[: actor.clip.num_train, COLUMNS].float())
    if exaggerate != 1.0:
        units = units.clone()
        units[:, COLUMNS] = (closed + exaggerate * (units[:, COLUMNS] - closed)).clamp(0, 1)
    lips = actor.head.code_map.lips if recorded.residual.shape[1] else torch.zeros(0, dtype=torch.bool)
    wanted = with_spoken(recorded, units, lips)
    share = torch.ones(T) if spoken_in is None else spoken_in.float()
    rest = both_silent(recorded, actor.clip.motion, closed, samples)
    share = share * (1 - blurred(rest[:, None], EASE * fps)[:, 0])
    return replace(
        recorded,
        units=recorded.units.lerp(wanted.units, share[:, None]),
        residual=recorded.residual.lerp(wanted.residual, share[:, None]),
    )


def both_silent(recorded: Motion, clip: Motion, closed: Tensor, samples: np.ndarray) -> Tensor:
    """``[T]`` 1 where the new sound is silent and the recorded mouth was shut."""
    usual = opening(clip, closed)
    low, high = usual.quantile(torch.tensor([0.01, 0.99])).tolist()
    shut = opening(recorded, closed) < low + SHUT * (high - low)
    silent = torch.from_numpy(silent_frames(samples, recorded.fps, len(recorded)))
    return (shut & silent).float()


def opening(motion: Motion, closed: Tensor) -> Tensor:
    """Gap between the lips ``[T]``, metres on the average head."""
    return (motion.units[:, COLUMNS].float() - closed) @ lip_measures()[:, GAP]


def fitted(samples: np.ndarray, length: int) -> np.ndarray:
    """``samples [S]`` cut, or filled with silence, to ``length``."""
    samples = np.asarray(samples[:length], np.float32)
    return np.pad(samples, (0, max(length - len(samples), 0)))


def held(units: Tensor, length: int) -> Tensor:
    """``units [T, 52]`` cut to ``length`` or with the last row held."""
    return units[torch.arange(length).clamp(max=len(units) - 1)]
