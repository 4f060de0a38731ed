"""The prior for a voice that is still speaking: 120 ms behind it, however the sound is cut, in constant memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..face import UNITS
from ..motion.lip_model import RADIUS, tap_weights
from ..smoothing import smoothstep
from ..speech.stream import LOOK_AHEAD_SECONDS, RATE, HeardFrame, SpeechStream
from ..speech.whisper import is_installed
from .mouth import COLUMNS
from .net import DILATIONS
from .own import OwnVoice
from .prior import SPEAKING, VoicePrior, mouth_of
from .running import RunningMean

CAUSAL = Path(__file__).parent / "causal.safetensors"
"""The causal prior of the package, which hears with Whisper."""
CAUSAL_PLAIN = Path(__file__).parent / "causal_plain.safetensors"
"""The one that needs no other package."""
SEEN = 1 + 2 * sum(DILATIONS)
"""Frames that the nets see, the newest among them."""
HOLD_SECONDS = 0.2
"""Pause after which the mouth begins to close: a causal voice cannot know how long a pause will be."""
OPENING_SECONDS, CLOSING_SECONDS = 0.08, 0.16
"""How long opening and closing take."""
STREAMED = "as it comes, "
"""What stands before the version of an encoder that hears in this way: features of whole sounds are others."""


def usual_causal_prior() -> VoicePrior:
    """The best causal prior that this machine can use."""
    return VoicePrior.load(CAUSAL if is_installed("whisper") else CAUSAL_PLAIN)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How one person speaks: what `CausalVoice` needs to know of it."""

    closed: Tensor
    """``[M]`` units of the closed mouth."""
    mean: Tensor
    """``[M]`` usual units above those."""
    scale: Tensor
    """``[M]`` how far units go for what the prior tells in standard deviations."""

    @staticmethod
    def of(own: OwnVoice) -> Manner:
        """That of a head: its mouth and how far it moves; what it learnt of one prior's answers is left out."""
        return Manner(closed=own.closed, mean=own.mean, scale=own.scale)


class CausalVoice:
    """Units of the mouth as a voice comes: ``hear`` chunk by chunk, ``finish`` at the end.

    The first frame belongs to the first sample; one follows every 40 ms, LOOK_AHEAD_SECONDS after its moment was heard.
    The state is of constant size, and so is the price of a frame.
    """

    rate = RATE
    """Frames per second."""
    delay = LOOK_AHEAD_SECONDS
    """Seconds of sound heard beyond a frame before it is told."""

    def __init__(
        self, prior: VoicePrior | None = None, *, manner: Manner | None = None, close_in_silence: bool = True
    ) -> None:
        """By default the package's own prior, and the usual person.

        Args:
            prior: one learnt with ``causal=True``.
            manner: how a person speaks.
            close_in_silence: shut the mouth in every pause.

        Raises:
            InputError: the prior is none for sounds that are still coming, or its encoder is not on this machine.
        """
        self._prior = prior = usual_causal_prior() if prior is None else prior
        if not prior.causal:
            raise InputError("this prior hears whole sounds; give one that was learnt with causal=True, or none.")
        usual = Manner(closed=prior.closed, mean=prior.mean, scale=prior.gain * prior.scale)
        self._manner = usual if manner is None else manner
        self._close = close_in_silence
        self._past = tap_weights(prior.ridge)[: (RADIUS + 1) * prior.hearing.projection.shape[1]]
        self.restart()

    def restart(self) -> None:
        """Forget what was heard: the next sample is the first of another sound."""
        hearing = self._prior.hearing
        self._stream = SpeechStream(hearing.encoder)
        if hearing.encoder_version != STREAMED + self._stream.version:
            raise InputError(
                f"the causal prior hears with {hearing.encoder!r}, version {hearing.encoder_version!r}; here it is "
                f"{STREAMED + self._stream.version!r}. Install the package again."
            )
        self._usual = RunningMean(hearing.input_mean.numpy(), RATE)
        nothing = torch.zeros(hearing.projection.shape[1])
        self._inputs: deque[Tensor] = deque([nothing] * SEEN, maxlen=SEEN)
        self._pause, self._open = float("inf"), 0.0
        self._samples, self._told = 0, 0

    def hear(self, samples: np.ndarray) -> Tensor:
        """The frames that can be told now.

        Args:
            samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz that follow those heard before; may be empty.

        Returns:
            ``[n, 52]`` f32 in [0, 1], often of no frame; units that speech does not drive are 0.

        Raises:
            InputError: not one-dimensional floats, or not finite; the state is as before.
        """
        heard = self._stream.hear(samples)
        self._samples += np.size(samples)
        self._told += len(heard)
        units = torch.zeros(len(heard), len(UNITS))
        if heard:
            units[:, COLUMNS] = torch.stack([self._next(frame) for frame in heard])
        return units

    def finish(self) -> Tensor:
        """The last frames ``[n, 52]``, silence being heard after the end; then it is as new."""
        wanted = max(round(self._samples / SAMPLE_RATE * RATE), 1 if self._samples else 0)
        told = self._told
        rest = self.hear(np.zeros(round((self.delay + 1 / RATE) * SAMPLE_RATE), np.float32))[: max(wanted - told, 0)]
        self.restart()
        return rest

    @torch.inference_mode()
    def _next(self, frame: HeardFrame) -> Tensor:
        """Units ``[M]`` of the next frame."""
        prior = self._prior
        usual = self._usual.after(frame.values)
        self._inputs.append(prior.hearing.standard(torch.from_numpy(frame.values), torch.from_numpy(usual)))
        seen = torch.stack(list(self._inputs))
        told = [seen[-RADIUS - 1 :].flatten() @ self._past, *(net(seen.T[None])[0, :, -1] for net in prior.nets)]
        manner = self._manner
        gate = self._gate(frame.activity) if self._close else 1.0
        moved = gate * (manner.mean + torch.stack(told).mean(0) * manner.scale)
        return mouth_of(manner.closed, moved[None], prior.parting, torch.tensor([frame.closure]))[0]

    def _gate(self, activity: np.ndarray) -> float:
        """How far the mouth may open: wide open while somebody speaks or is about to, closed some time after."""
        speaking = activity > SPEAKING
        self._pause = 0.0 if speaking.any() else self._pause + 1 / RATE
        step = 1 / (OPENING_SECONDS * RATE) if self._pause < HOLD_SECONDS else -1 / (CLOSING_SECONDS * RATE)
        self._open = min(max(self._open + step, 0.0), 1.0)
        return float(smoothstep(torch.tensor(self._open)))
