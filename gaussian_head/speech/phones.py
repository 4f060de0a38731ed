"""Soft phone posteriors: how likely each English phone is at each moment, from the model inside pocketsphinx."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .frames import SAMPLE_RATE, blocks, checked_sound, framed, num_feature_frames
from .sphinx import AcousticModel, acoustic_model

WINDOW = 410
FFT = 512
FILTERS = 25
LOWEST_HZ, HIGHEST_HZ = 130.0, 6800.0
PRE_EMPHASIS = 0.97
LIFTER = 22
CEPSTRA = 13
AUDIBLE = 1e-4
"""Mean square (int16 units) below which a frame is digital silence and left out of the cepstral mean."""

ACOUSTIC_SCALE = 0.06
"""Exponent on the likelihoods: neighbouring frames share most of their sound, and soft posteriors predict lips best."""


CRISP_SCALE = 0.2
"""Exponent that makes up its mind, for deciding where lips meet."""

SILENT = ("SIL", "+NSN+", "+SPN+")
LIPS_MEET = ("P", "B", "M")


def phone_posteriors(samples: np.ndarray, *, scale: float = ACOUSTIC_SCALE) -> np.ndarray:
    """Probability of each phone at each moment under a loop of all English phones.

    Forward-backward over three-state phones, any phone following any other.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        scale: exponent on the likelihoods; the larger, the crisper.

    Returns:
        ``[F, P]`` f32 at 100 Hz, rows sum to 1; columns are ``phone_names()``.
    """
    return posteriors_at_scales(samples, (scale,))[0]


def posteriors_at_scales(samples: np.ndarray, scales: tuple[float, ...]) -> list[np.ndarray]:
    """``phone_posteriors`` for several scales at the price of little more than one."""
    model = acoustic_model()
    features = _with_slopes(cepstra(checked_sound(samples)))
    F = len(features[0])
    log_likelihoods = np.empty((F, 3 * len(model.phones)), np.float32)
    for first, last in blocks(F):
        log_likelihoods[first:last] = _state_likelihoods(model, [f[first:last] for f in features])
    return [_phone_loop(log_likelihoods, model.stay, scale).reshape(F, -1, 3).sum(-1) for scale in scales]


def probability_of(posteriors: np.ndarray, phones: tuple[str, ...]) -> np.ndarray:
    """Summed probability ``[F]`` of some phones in posteriors ``[F, P]``."""
    names = phone_names()
    return posteriors[:, [names.index(name) for name in phones]].sum(1)


def phone_names() -> tuple[str, ...]:
    """Names of the posteriors' columns."""
    return acoustic_model().phones


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Mel cepstra ``[F, 13]`` f32 as Sphinx computes them, less their mean over the audible frames."""
    F = num_feature_frames(len(samples))
    bank, transform = _mel_bank(), _cosines()
    window = np.hamming(WINDOW).astype(np.float32)
    out = np.empty((F, CEPSTRA), np.float32)
    audible = np.empty(F, bool)
    for first, last in blocks(F):
        frames = framed(samples, first, last, WINDOW + 1) * np.float32(32768)
        audible[first:last] = (frames**2).mean(1) > AUDIBLE
        sharpened = (frames[:, 1:] - PRE_EMPHASIS * frames[:, :-1]) * window
        power = np.abs(np.fft.rfft(sharpened, FFT)) ** 2
        out[first:last] = np.log(np.maximum(power @ bank, 1e-4)) @ transform
    return out - (out[audible].mean(0) if audible.any() else out.mean(0))


def _with_slopes(values: np.ndarray) -> list[np.ndarray]:
    """Cepstra ``[F, 13]``, their slopes and their curvatures, as the feature type ``1s_c_d_dd``."""
    padded = np.pad(values, ((3, 3), (0, 0)), mode="edge")
    F = len(values)

    def at(shift: int) -> np.ndarray:
        return padded[3 + shift : 3 + shift + F]

    return [values, at(2) - at(-2), (at(3) - at(-1)) - (at(1) - at(-3))]


def _state_likelihoods(model: AcousticModel, features: list[np.ndarray]) -> np.ndarray:
    """Log-likelihood ``[F, 3 P]`` of each phone state; streams are independent."""
    F, P = len(features[0]), len(model.phones)
    total = np.zeros((F, P, 3), np.float32)
    for stream, values in enumerate(features):
        mean, precision = model.means[:, stream], 1 / model.variances[:, stream]
        quadratic = np.concatenate([precision, -2 * mean * precision], -1).reshape(-1, 2 * CEPSTRA)
        constant = (mean**2 * precision - np.log(precision)).sum(-1) + CEPSTRA * np.log(2 * np.pi)
        distance = np.concatenate([values**2, values], 1) @ quadratic.T
        density = -0.5 * (distance.reshape(F, P, -1) + constant)
        top = density.max(-1, keepdims=True)
        mixed = np.matmul(np.exp(density - top).transpose(1, 0, 2), np.exp(model.log_weights[:, stream]))
        total += np.log(np.maximum(mixed, 1e-30)).transpose(1, 0, 2) + top
    return total.reshape(F, -1)


def _phone_loop(log_likelihoods: np.ndarray, stay: np.ndarray, scale: float) -> np.ndarray:
    """Posterior ``[F, 3 P]`` of each state of a loop of left-to-right phones (forward-backward)."""
    F, P = len(log_likelihoods), len(stay)
    above = (log_likelihoods - log_likelihoods.max(1, keepdims=True)) * scale
    likelihood = np.exp(above).reshape(F, P, 3) + 1e-12
    leave = 1 - stay
    forward = np.empty((F, P, 3), np.float32)
    state = np.zeros((P, 3), np.float32)
    state[:, 0] = 1 / P
    for t in range(F):
        if t:
            moved = state * leave
            state = state * stay
            state[:, 1:] += moved[:, :-1]
            state[:, 0] += moved[:, -1].sum() / P
        state = state * likelihood[t]
        state /= state.sum()
        forward[t] = state
    ahead = np.full((P, 3), 1.0, np.float32)
    for t in range(F - 2, -1, -1):
        seen = ahead * likelihood[t + 1]
        ahead = stay * seen
        ahead[:, :-1] += leave[:, :-1] * seen[:, 1:]
        ahead[:, -1] += leave[:, -1] * seen[:, 0].mean()
        ahead /= ahead.sum()
        forward[t] *= ahead
    forward /= forward.sum((1, 2), keepdims=True)
    return forward.reshape(F, -1)


@lru_cache(maxsize=1)
def _mel_bank() -> np.ndarray:
    """Sphinx's triangular filters ``[FFT / 2 + 1, 25]``: edges rounded to FFT bins, equal area."""
    step = SAMPLE_RATE / FFT
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    hz = 700 * (10 ** (np.linspace(low, high, FILTERS + 2) / 2595) - 1)
    edges = np.floor(hz / step + 0.5) * step
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(FFT // 2 + 1)[:, None] * step
    rise, fall = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return (np.clip(np.minimum(rise, fall), 0, None) * 2 / (right - left)).astype(np.float32)


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """Orthonormal cosine transform with Sphinx's lifter ``[25, 13]``."""
    order = np.arange(CEPSTRA)
    angle = np.pi * order * (np.arange(FILTERS)[:, None] + 0.5) / FILTERS
    scale = np.where(order == 0, np.sqrt(1 / FILTERS), np.sqrt(2 / FILTERS))
    return (np.cos(angle) * scale * (1 + LIFTER / 2 * np.sin(np.pi * order / LIFTER))).astype(np.float32)
