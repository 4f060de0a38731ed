"""Turns sound into speech features: one function, several encoders, one clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from . import activity as speaking
from .frames import FEATURE_RATE, checked_sound
from .mel import MEL_BANDS, QUIETEST, frame_levels, log_mel, loudness
from .phones import ACOUSTIC_SCALE, CRISP_SCALE, LIPS_MEET, SILENT, phone_names, posteriors_at_scales, probability_of
from .transformer import TRANSFORMERS, encode_with_transformer
from .whisper import WHISPERS, encode_with_whisper

ENCODERS = ("default", "mel", *dict.fromkeys((*WHISPERS, *TRANSFORMERS)))
"""Names that ``encode_speech`` takes; those of TRANSFORMERS may be followed by ``:`` and a local folder of weights."""

OWN_VERSION = "1"
"""Changes whenever the values of the encoders written here change."""

POSTERIOR_FLOOR = 1e-3

QUIET = 10 ** (-45 / 20)
"""Level, against that of the speech, below which nothing is being said."""


@dataclass(frozen=True, kw_only=True)
class SpeechFeatures:
    """What a sound says, moment by moment."""

    values: Tensor
    """``[F, A]`` f32; row ``i`` is centred on ``i / rate`` seconds."""
    rate: float
    """Rows per second, always 100."""
    activity: Tensor
    """``[F]`` f32 in [0, 1], probability that something is being said."""
    closure: Tensor
    """``[F]`` f32 in [0, 1], probability of p, b or m, for which lips meet; zero from the encoder ``mel``."""
    encoder: str
    """Name of the encoder, one of ENCODERS."""
    version: str
    """Version of the encoder or fingerprint of its weights; predictors refuse features of another one."""

    @property
    def dim(self) -> int:
        """Columns A of ``values``."""
        return self.values.shape[1]


def encode_speech(samples: np.ndarray, *, encoder: str = "default") -> SpeechFeatures:
    """Features of a sound that are good for predicting lips.

    ``default`` is 80 log-mel energies and the log-posteriors of 42 English phones (0 impossible, 1
    certain) from the model inside pocketsphinx: phone posteriors carry over to other speakers and
    languages far better than energies. ``mel`` is the energies alone. ``whisper`` and ``whisper-base`` are
    middle layers of Whisper's encoder from installed packages, which tell more of lips than all others here;
    ``whisper:FOLDER`` and the rest are transformers whose weights must already be on this machine. Nothing is
    ever downloaded.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        encoder: one of ENCODERS, or for instance ``hubert:/models/my-hubert``.

    Returns:
        Features at 100 Hz, one row for each begun hundredth of a second.

    Raises:
        InputError: the sound is empty or not finite, the encoder is unknown, or its package or
            weights are missing.
    """
    samples = checked_sound(samples)
    name, folder = _named(encoder)
    audible = _audible(samples)
    if name == "mel":
        values, activity, closure, version = log_mel(samples), audible, np.zeros_like(audible), OWN_VERSION
    else:
        soft, crisp = posteriors_at_scales(samples, (ACOUSTIC_SCALE, CRISP_SCALE))
        activity = audible * _spoken(samples, soft)
        closure = audible * probability_of(crisp, LIPS_MEET)
        if name == "default":
            values, version = np.concatenate([log_mel(samples), evidence(soft)], 1), OWN_VERSION
        else:
            values, version = _with_weights(samples, name, folder)
    return SpeechFeatures(
        values=torch.from_numpy(values),
        rate=FEATURE_RATE,
        activity=torch.from_numpy(activity),
        closure=torch.from_numpy(closure),
        encoder=encoder,
        version=version,
    )


def speech_values(samples: np.ndarray, *, encoder: str = "default") -> Tensor:
    """The values of ``encode_speech`` alone, cheaper where an encoder with weights makes them.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        encoder: as there.

    Returns:
        ``[F, A]`` f32 at 100 Hz.

    Raises:
        InputError: as there.
    """
    name, folder = _named(encoder)
    if name in ("default", "mel"):
        return encode_speech(samples, encoder=encoder).values
    return torch.from_numpy(_with_weights(checked_sound(samples), name, folder)[0])


def feature_names(encoder: str = "default") -> tuple[str, ...]:
    """Column names of the two encoders written here: ``mel_<band>``, then ``phone_<name>``."""
    bands = tuple(f"mel_{band}" for band in range(MEL_BANDS))
    return bands + tuple(f"phone_{name}" for name in phone_names()) if encoder == "default" else bands


def _named(encoder: str) -> tuple[str, str]:
    """Name and folder of an encoder; InputError where it is unknown."""
    name, _, folder = encoder.partition(":")
    if name not in ENCODERS or (folder and name not in TRANSFORMERS):
        raise InputError(f"the speech encoder {encoder!r} is unknown; choose one of {', '.join(ENCODERS)}.")
    return name, folder


def _with_weights(samples: np.ndarray, name: str, folder: str) -> tuple[np.ndarray, str]:
    """Values ``[F, A]`` and version from an encoder that is not written here."""
    if name in WHISPERS and not folder:
        return encode_with_whisper(samples, name)
    return encode_with_transformer(samples, name, folder)


def _spoken(samples: np.ndarray, posteriors: np.ndarray) -> np.ndarray:
    """``[F]`` probability of speech: of any language where the package for that is installed, else English."""
    return speaking.speech_activity(samples) if speaking.is_installed() else 1 - probability_of(posteriors, SILENT)


def _audible(samples: np.ndarray) -> np.ndarray:
    """``[F]`` f32, 1 where the sound is loud enough to be speech."""
    return (frame_levels(samples) > QUIET * max(loudness(samples), QUIETEST)).astype(np.float32)


def evidence(posteriors: np.ndarray) -> np.ndarray:
    """Posteriors on a logarithmic scale, 0 for POSTERIOR_FLOOR and less to 1 for certainty."""
    floor = np.log(POSTERIOR_FLOOR)
    return ((np.log(posteriors + POSTERIOR_FLOOR) - floor) / -floor).astype(np.float32)
