"""Speech for lips of which nothing is known: rhythm, loudness and the colour of vowels, and no words.

What the lips of one person look like around a moment is regressed on what that person's own clip sounds like there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..ridge import ridge
from ..speech.windows import interpolated
from ..voice.mouth import COLUMNS
from .world import RATE, WorldVoice, bands_of

REACH_SECONDS = 0.16
"""Lips are seen so long before and after a moment."""
LOOKS = 9
"""Moments in that time at which they are looked at."""
PENALTY = 1.0
"""Of the ridge."""
SHORTEST_SECONDS = 5.0
"""Of the clip that teaches."""
QUIET_DB = -45.0
"""Against the loudest frames, below which nothing is heard."""


@dataclass(frozen=True, kw_only=True)
class LipVoice:
    """From lips to one person's sound; made by ``learnt``."""

    mean: Tensor
    """``[I]`` of the inputs."""
    scale: Tensor
    """``[I]``."""
    weights: Tensor
    """``[I + 1, 2 + M]`` to how voiced a moment is, to the logarithm of its pitch, and to M bands in dB."""
    bins: int
    """Of the spectrum."""
    breath: np.ndarray
    """``[2, B]`` aperiodicity of what is not voiced, and of what is."""

    @staticmethod
    def learnt(units: Tensor, fps: float, samples: np.ndarray) -> LipVoice:
        """From a clip: units ``[T, 52]`` and its sound ``[S]``, 16 kHz.

        Raises:
            InputError: too short, or silent.
        """
        if len(units) / fps < SHORTEST_SECONDS or not np.abs(samples).max(initial=0.0) > 1e-3:
            raise InputError(
                f"the clip has {len(units) / fps:.1f} s of lips; {SHORTEST_SECONDS:g} s with speech are wanted to learn"
                " how they sound."
            )
        voice = WorldVoice.of(samples)
        count = min(len(voice), int(len(units) / fps * RATE))
        inputs, outputs = seen(units, fps)[:count], heard(voice)[:count]
        mean, scale = inputs.mean(0), inputs.std(0) + 1e-3
        x = torch.cat([(inputs - mean) / scale, torch.ones(count, 1)], 1).double()
        penalty = torch.full((x.shape[1],), PENALTY, dtype=torch.float64)
        penalty[-1] = 1e-6
        voiced = voice.pitch[:count] > 0
        breath = np.stack([voice.breath[:count][~voiced].mean(0), voice.breath[:count][voiced].mean(0)])
        return LipVoice(
            mean=mean, scale=scale, weights=ridge(x, outputs.double(), penalty).float(),
            bins=voice.spectrum.shape[1], breath=breath,
        )  # fmt: skip

    def predicted(self, units: Tensor, fps: float) -> Tensor:
        """What ``heard`` gives of the sound that belongs to lips, ``[F, 2 + M]``."""
        inputs = (seen(units, fps) - self.mean) / self.scale
        return torch.cat([inputs, torch.ones(len(inputs), 1)], 1) @ self.weights

    def say(self, units: Tensor, fps: float) -> np.ndarray:
        """Sound ``[S]`` f32, 16 kHz, for lips ``[T, 52]``."""
        return self.sounding(self.predicted(units, fps))

    def sounding(self, predicted: Tensor) -> np.ndarray:
        """Sound ``[S]`` f32, 16 kHz, of rows ``[F, 2 + M]`` as ``predicted`` gives them."""
        out = predicted.double().numpy()
        voiced = out[:, 0] > 0.5
        decibels = out[:, 2:] @ bands_of(self.bins)
        spectrum = 10 ** (decibels / 10)
        loudness = 10 * np.log10(spectrum.sum(1))
        spectrum[loudness < loudness.max() + QUIET_DB] = 1e-14
        breath = np.where(voiced[:, None], self.breath[1], self.breath[0])
        return WorldVoice(pitch=np.where(voiced, np.exp(out[:, 1]), 0.0), spectrum=spectrum, breath=breath).samples()


def seen(units: Tensor, fps: float) -> Tensor:
    """The mouth around every moment, ``[F, LOOKS M]`` at RATE."""
    moments = torch.arange(int(len(units) / fps * RATE), dtype=torch.float64) / RATE
    looks = [
        interpolated(units[:, COLUMNS].float(), ((moments + away) * fps).clamp(0, len(units) - 1))
        for away in torch.linspace(-REACH_SECONDS, REACH_SECONDS, LOOKS).tolist()
    ]
    return torch.cat(looks, 1)


def heard(voice: WorldVoice) -> Tensor:
    """Whether each frame is voiced, the logarithm of its pitch (the usual one where it is not), and bands in dB."""
    voiced = voice.pitch > 0
    usual = np.log(voice.pitch[voiced]).mean() if voiced.any() else np.log(120.0)
    pitch = np.where(voiced, np.log(np.where(voiced, voice.pitch, 1.0)), usual)
    bands = bands_of(voice.spectrum.shape[1])
    decibels = 10 * np.log10(np.maximum(voice.spectrum @ bands.T / bands.sum(1), 1e-12))
    return torch.from_numpy(np.concatenate([voiced[:, None], pitch[:, None], decibels], 1)).float()
