"""What a recorded face does while it says something else: only the mouth changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..actor.speak import voice_of
from ..capture import Capture
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..face import UNITS
from ..motion import CodeMap, Motion
from ..motion.drive import drive_by_audio, with_spoken
from ..motion.shut import frames_from, seen_apart, shut_in, shut_mouth
from ..motion.speaker import Speaker
from ..quiet import silent_frames
from ..smoothing import smoothstep
from ..speech import encode_speech
from ..voice import OwnVoice, learn_own, usual_prior
from ..voice.learning import own_size
from ..voice.mouth import COLUMNS, GAP, lip_measures
from ..voice.variety import sampled

SHUT = 0.2
"""Share of the usual range of the gap between the lips below which a mouth is shut."""
EASE = 0.06
"""Seconds over which the recorded mouth takes over from the new one where both are shut."""


@dataclass(frozen=True, kw_only=True)
class Speech:
    """How somebody speaks."""

    voice: Speaker
    """From sound to the mouth's units."""
    clip: Motion
    """How they moved where they were captured."""
    num_train: int
    """Frames of it that may be learnt from."""
    lips: Tensor
    """``[R]`` bool, what of a recorded residual belongs to the lips."""
    closed: Tensor
    """``[M]`` units of the closed mouth."""

    @staticmethod
    def of_actor(actor: Actor) -> Speech:
        """As a trained head's own voice has it."""
        clip = actor.clip
        lips = actor.head.code_map.lips if clip.motion.residual.shape[1] else torch.zeros(0, dtype=torch.bool)
        closed = seen_shut(clip.motion.select(slice(0, clip.num_train)), actor.head.code_map)
        return Speech(voice=voice_of(actor), clip=clip.motion, num_train=clip.num_train, lips=lips, closed=closed)

    @staticmethod
    def of_capture(capture: Capture) -> Speech:
        """As the prior has it, told of this person by however short a clip."""
        motion, prior = capture.motion, usual_prior()
        if capture.info.has_audio:
            features = encode_speech(capture.audio(), encoder=prior.hearing.encoder)
            apart = seen_apart(motion, capture.code_map)
            voice = learn_own(prior, features, motion.units, apart, capture.train_frames, fps=motion.fps)
        else:
            voice = OwnVoice.silent(prior)
        lips = capture.code_map.lips
        voice = replace(voice, lips=lips, basis_id=motion.basis_id)
        closed = seen_shut(motion.select(slice(0, capture.num_train)), capture.code_map)
        return Speech(voice=voice, clip=motion, num_train=capture.num_train, lips=lips, closed=closed)

    @property
    def size(self) -> Tensor:
        """``[M]`` standard deviations of the units of the mouth."""
        return own_size(self.clip.units[: self.num_train, COLUMNS].float(), usual_prior().scale)


def said(
    speech: Speech,
    recorded: Motion,
    samples: np.ndarray,
    *,
    spoken_in: Tensor | None = None,
    exaggerate: float = 1.0,
    drawn: int | None = None,
    listener: Listener = ignore,
) -> Motion:
    """``recorded`` with the mouth saying ``samples``; in silence it is shut, and as recorded where that was shut too.

    Args:
        speech: of whose face it is.
        recorded: T frames as tracked.
        samples: ``[S]`` mono f32 at 16 kHz, beginning with the first frame; cut or filled with silence.
        spoken_in: ``[T]`` share in [0, 1] of the new mouth, by default 1.
        exaggerate: factor on how far the lips leave the closed mouth.
        drawn: seed of lips drawn about the usual ones; None for the usual ones.
        listener: receives Progress where the sound is long.
    """
    T, fps = len(recorded), recorded.fps
    samples = fitted(samples, round(T / fps * SAMPLE_RATE))
    motion = drive_by_audio(speech.voice, speech.clip, samples, fps=fps, blink=False, listener=listener)
    if drawn is not None:
        motion = sampled(motion, speech.voice, speech.size, drawn)
    units, closed = held(motion.units, T), speech.closed
    if exaggerate != 1.0:
        units = units.clone()
        units[:, COLUMNS] = (closed + exaggerate * (units[:, COLUMNS] - closed)).clamp(0, 1)
    silent = torch.from_numpy(silent_frames(samples, fps, T))
    shut = torch.zeros(len(UNITS))
    shut[COLUMNS] = closed
    units = shut_in(units, shut, silent, fps)
    wanted = with_spoken(recorded, units, speech.lips if recorded.residual.shape[1] else speech.lips[:0])
    share = torch.ones(T) if spoken_in is None else spoken_in.float()
    moving = ~(silent & shut_in_recording(recorded, speech.clip, closed))
    share = share * (1 - smoothstep((frames_from(moving) / (EASE * fps + 1)).clamp(0, 1)))
    return replace(
        recorded,
        units=recorded.units.lerp(wanted.units, share[:, None]),
        residual=recorded.residual.lerp(wanted.residual, share[:, None]),
    )


def seen_shut(clip: Motion, code_map: CodeMap) -> Tensor:
    """``[M]`` units of the mouth of ``clip`` that was seen most shut."""
    return shut_mouth(clip.units[:, COLUMNS].float(), seen_apart(clip, code_map))


def shut_in_recording(recorded: Motion, clip: Motion, closed: Tensor) -> Tensor:
    """``[T]`` bool, the recorded mouth was shut, by what is usual in the ``clip`` of its person."""
    usual = opening(clip, closed)
    low, high = usual.quantile(torch.tensor([0.01, 0.99])).tolist()
    return opening(recorded, closed) < low + SHUT * (high - low)


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
