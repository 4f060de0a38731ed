"""Turns sound into speech features: one function, several encoders, one clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from .frames import FEATURE_RATE, checked_sound
from .mel import MEL_BANDS, log_mel
from .phones import phone_names, phone_posteriors
from .transformer import TRANSFORMERS, encode_with_transformer

ENCODERS = ("default", "mel", *TRANSFORMERS)
"""Names that ``encode_speech`` takes; those of TRANSFORMERS may be followed by ``:`` and a local folder of weights."""

OWN_VERSION = "1"
"""Changes whenever the values of the encoders written here change."""

POSTERIOR_FLOOR = 1e-3


@dataclass(frozen=True, kw_only=True)
class SpeechFeatures:
    """What a sound says, moment by moment."""

    values: Tensor
    """``[F, A]`` f32; row ``i`` is centred on ``i / rate`` seconds."""
    rate: float
    """Rows per second, always 100."""
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
    languages far better than energies. ``mel`` is the energies alone. The others are transformers
    whose weights must already be on this machine; nothing is ever downloaded.

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
    name, _, folder = encoder.partition(":")
    version = OWN_VERSION
    if encoder == "default":
        posteriors = phone_posteriors(samples)
        floor = np.log(POSTERIOR_FLOOR)
        evidence = (np.log(posteriors + POSTERIOR_FLOOR) - floor) / -floor
        values = np.concatenate([log_mel(samples), evidence.astype(np.float32)], 1)
    elif encoder == "mel":
        values = log_mel(samples)
    elif name in TRANSFORMERS:
        values, version = encode_with_transformer(samples, name, folder)
    else:
        raise InputError(f"the speech encoder {encoder!r} is unknown; choose one of {', '.join(ENCODERS)}.")
    return SpeechFeatures(values=torch.from_numpy(values), rate=FEATURE_RATE, encoder=name, version=version)


def feature_names(encoder: str = "default") -> tuple[str, ...]:
    """Column names of the two encoders written here: ``mel_<band>``, then ``phone_<name>``."""
    bands = tuple(f"mel_{band}" for band in range(MEL_BANDS))
    return bands + tuple(f"phone_{name}" for name in phone_names()) if encoder == "default" else bands
