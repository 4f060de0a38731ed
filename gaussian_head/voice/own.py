"""The prior, told how one person speaks: it stays the prior for a silent clip, and becomes the person's own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..face import UNITS
from ..motion.lip_model import RADIUS, windowed
from ..motion.shut import shut_mouth
from ..ridge import solve_normal
from ..speech import SpeechFeatures, encode_speech
from ..speech.windows import interpolated
from .mouth import COLUMNS, MOUTH
from .prior import NEARLY, VoicePrior, articulated, frames_inside

SIZE_SECONDS = 3.0
"""Seconds of a clip at which its own size of movement is trusted as much as everybody's."""
TOLD_PRECISION, HEARD_PRECISION = 100.0, 1000.0
"""Of the weights by which a person departs from what the prior tells, and from what it hears: about as many frames
must agree before such a weight is believed."""
HEARD = 24
"""Directions of the sound, the strongest, that a person may answer to in their own way."""
MOST_GAIN = 2.0
LIVELINESS = 0.75
"""How far what is told grows, on a logarithmic scale, to the size at which people move: 1 wholly. What is certain of
lips moves less than lips do; grown wholly, mistakes grow too and strangers move too much."""


@dataclass(frozen=True, kw_only=True)
class OwnVoice:
    """A person's way of speaking."""

    prior: VoicePrior
    """What is usual."""
    closed: Tensor
    """``[M]`` units of the person's closed mouth."""
    mean: Tensor
    """``[M]`` usual units above those."""
    scale: Tensor
    """``[M]`` standard deviations of the person's units, growth to the size of the clip included."""
    weights: Tensor
    """``[M + (2 RADIUS + 1) HEARD, M]`` what is added to what the prior tells; 0 where nothing was learnt."""
    seconds: float
    """Seconds of speech that were learnt from."""
    lips: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    """``[R]`` bool, what of the person's residual belongs to the lips and is left out of what is spoken."""
    basis_id: str = ""
    """Identity of the face whose residual that is; "" where nobody knows."""

    @property
    def encoder(self) -> str:
        """Speech encoder that it hears with."""
        return self.prior.hearing.encoder

    @staticmethod
    def silent(prior: VoicePrior, closed: Tensor | None = None) -> OwnVoice:
        """Of a person who was never heard.

        Args:
            prior: what is usual.
            closed: ``[52]`` units of the person's closed mouth, where it was seen.
        """
        rows = len(MOUTH) + (2 * RADIUS + 1) * HEARD
        return OwnVoice(
            prior=prior,
            closed=prior.closed if closed is None else closed[COLUMNS],
            mean=prior.mean,
            scale=prior.scale * prior.gain**LIVELINESS,
            weights=torch.zeros(rows, len(MOUTH)),
            seconds=0.0,
        )

    def predict(self, samples: np.ndarray, fps: float, num_frames: int, *, close_in_silence: bool = True) -> Tensor:
        """Units ``[T, 52]`` for a sound, as `VoicePrior.predict` makes them."""
        features = encode_speech(samples, encoder=self.encoder)
        return self.predict_from(features, fps, num_frames, close_in_silence=close_in_silence)

    def predict_from(
        self, features: SpeechFeatures, fps: float, num_frames: int, *, close_in_silence: bool = True
    ) -> Tensor:
        """As ``predict``, from features made earlier."""
        rate = self.prior.hearing.rate
        told, known = _known(self.prior, features, frames_inside(num_frames, fps, rate))
        times = torch.arange(num_frames, dtype=torch.float64) / fps
        moved = self.mean + interpolated(told + known @ self.weights, times * rate) * self.scale
        units = torch.zeros(num_frames, len(UNITS))
        nearly = NEARLY * SIZE_SECONDS / (self.seconds + SIZE_SECONDS)
        units[:, COLUMNS] = articulated(
            self.closed, moved, self.prior.parting, features, times, close_in_silence, nearly=nearly
        )
        return units


def learn_own(
    prior: VoicePrior, features: SpeechFeatures, units: Tensor, apart: Tensor, frames: Tensor, *, fps: float
) -> OwnVoice:
    """A person's voice from a clip, however short: Bayesian linear regression about the prior.

    Args:
        prior: what is usual.
        features: of the clip's sound, in step with the picture, by the prior's encoder.
        units: ``[T, 52]`` of the clip.
        apart: ``[T]`` how far its lips were seen apart, see `motion.shut.seen_apart`.
        frames: ``[n]`` indices of the frames to learn from; the others are not looked at.
        fps: of ``units``.

    Raises:
        InputError: another encoder made the features, or no frame is named.
    """
    if not len(frames):
        raise InputError("no frame to learn from was given; take OwnVoice.silent for a person who was never heard.")
    rate = prior.hearing.rate
    count = frames_inside(len(units), fps, rate)
    told, known = _known(prior, features, count)
    times = frames.double() / fps * rate
    told, known = interpolated(told, times), interpolated(known, times)
    seen = units[frames][:, COLUMNS].float()
    closed = shut_mouth(seen, apart[frames])
    trust = len(frames) / (len(frames) + SIZE_SECONDS * fps)
    spread = (seen - seen.mean(0)).square().mean(0)
    scale = prior.scale.square().lerp(spread, trust).sqrt().clamp(min=1e-4)
    mean = (prior.mean).lerp((seen - closed).mean(0), trust)
    wanted = (seen - closed - mean) / scale
    share = rate / fps
    precision = torch.full((known.shape[1],), HEARD_PRECISION)
    precision[: len(MOUTH)] = TOLD_PRECISION
    weights = solve_normal(share * known.T @ known, share * known.T @ (wanted - told), precision)
    grown = told + known @ weights
    ratio = wanted.square().mean(0).sqrt() / (grown - grown.mean(0)).square().mean(0).sqrt().clamp(min=1e-6)
    gain = prior.gain.lerp(ratio.clamp(1, MOST_GAIN), trust)
    return OwnVoice(
        prior=prior,
        closed=closed,
        mean=mean,
        scale=scale * gain**LIVELINESS,
        weights=weights,
        seconds=len(frames) / fps,
    )


def _known(prior: VoicePrior, features: SpeechFeatures, count: int) -> tuple[Tensor, Tensor]:
    """What the prior tells ``[T, M]``, and that beside the sound around each frame."""
    told = prior.told(features, count)
    return told, torch.cat([told, windowed(prior.hearing.inputs(features, count)[:, :HEARD])], 1)
