"""Soft phone posteriors: how likely each English phone is at each moment, from the model inside pocketsphinx."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .frames import SAMPLE_RATE, blocks, checked_sound, framed, num_feature_frames
from .sphinx import acoustic_model

WINDOW = 410
FFT = 512
FILTERS = 25
LOWEST_HZ, HIGHEST_HZ = 130.0, 6800.0
PRE_EMPHASIS = 0.97
LIFTER = 22
CEPSTRA = 13
AUDIBLE = 1e-4
"""Mean square (int16 units) below which a frame is digital silence and left out of the cepstral mean."""

DENSITY_FRAMES = 500
"""Frames whose densities, 5376 numbers for each of three streams, are held at once."""
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
    features = with_slopes(cepstra(checked_sound(samples)))
    F = len(features[0])
    log_likelihoods = np.empty((F, 3 * len(model.phones)), np.float32)
    for first, last in blocks(F, DENSITY_FRAMES):
        log_likelihoods[first:last] = state_likelihoods([f[first:last] for f in features])
    return [_phone_loop(log_likelihoods, model.stay, scale) for scale in scales]


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
    out = np.empty((F, CEPSTRA), np.float32)
    audible = np.empty(F, bool)
    for first, last in blocks(F):
        out[first:last], audible[first:last] = raw_cepstra(framed(samples, first, last, WINDOW + 1))
    return out - (out[audible].mean(0) if audible.any() else out.mean(0))


def raw_cepstra(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mel cepstra ``[F, 13]`` of ``frames [F, 411]`` of a sound, and whether each is more than digital silence."""
    frames = frames * np.float32(32768)
    sharpened = (frames[:, 1:] - PRE_EMPHASIS * frames[:, :-1]) * np.hamming(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(sharpened, FFT)) ** 2
    values = np.log(np.maximum(power @ _mel_bank(), 1e-4)) @ _cosines()
    return values.astype(np.float32), (frames**2).mean(1) > AUDIBLE


def with_slopes(values: np.ndarray) -> list[np.ndarray]:
    """Cepstra ``[F, 13]``, their slopes and their curvatures, as the feature type ``1s_c_d_dd``."""
    padded = np.pad(values, ((3, 3), (0, 0)), mode="edge")
    F = len(values)

    def at(shift: int) -> np.ndarray:
        return padded[3 + shift : 3 + shift + F]

    return [values, at(2) - at(-2), (at(3) - at(-1)) - (at(1) - at(-3))]


def state_likelihoods(features: list[np.ndarray]) -> np.ndarray:
    """Log-likelihood ``[F, 3 P]`` of each phone state for cepstra, slopes, curvatures; streams are independent."""
    F, P = len(features[0]), len(acoustic_model().phones)
    total = np.zeros((F, P, 3), np.float32)
    for values, (quadratic, constant, weights) in zip(features, _mixtures(), strict=True):
        distance = np.concatenate([values**2, values], 1) @ quadratic
        density = -0.5 * (distance.reshape(F, P, -1) + constant)
        top = density.max(-1, keepdims=True)
        mixed = np.matmul(np.exp(density - top).transpose(1, 0, 2), weights)
        total += np.log(np.maximum(mixed, 1e-30)).transpose(1, 0, 2) + top
    return total.reshape(F, -1)


@lru_cache(maxsize=1)
def _mixtures() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each stream what squares and values are multiplied with, constants, and weights of the densities."""
    model = acoustic_model()
    made = []
    for stream in range(model.means.shape[1]):
        mean, precision = model.means[:, stream], 1 / model.variances[:, stream]
        quadratic = np.concatenate([precision, -2 * mean * precision], -1).reshape(-1, 2 * CEPSTRA)
        constant = (mean**2 * precision - np.log(precision)).sum(-1) + CEPSTRA * np.log(2 * np.pi)
        made.append((np.ascontiguousarray(quadratic.T), constant, np.exp(model.log_weights[:, stream])))
    return made


def scaled_likelihoods(log_likelihoods: np.ndarray, scale: float) -> np.ndarray:
    """Likelihoods ``[F, P, 3]`` to the power of ``scale``, the greatest of each frame 1."""
    above = (log_likelihoods - log_likelihoods.max(1, keepdims=True)) * scale
    return np.exp(above).reshape(len(above), -1, 3) + 1e-12


def step_forward(state: np.ndarray, likelihood: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Probability ``[..., P, 3]`` of each state a frame later, that frame's ``likelihood [..., P, 3]`` known."""
    moved = state * (1 - stay)
    state = state * stay
    state[..., 1:] += moved[..., :-1]
    state[..., 0] += moved[..., -1].sum(-1, keepdims=True) / len(stay)
    return weighed(state, likelihood)


def weighed(state: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """``state [..., P, 3]`` times ``likelihood``, summing to 1."""
    state = state * likelihood
    return state / state.sum((-2, -1), keepdims=True)


def step_backward(ahead: np.ndarray, likelihood: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """What is heard later tells of states ``[..., P, 3]``, from the same a frame later and that frame's likelihood."""
    seen, leave = ahead * likelihood, 1 - stay
    ahead = stay * seen
    ahead[..., :-1] += leave[..., :-1] * seen[..., 1:]
    ahead[..., -1] += leave[..., -1] * seen[..., 0].mean(-1, keepdims=True)
    return ahead / ahead.sum((-2, -1), keepdims=True)


def first_state() -> np.ndarray:
    """``[P, 3]`` before anything is heard: any phone may begin."""
    state = np.zeros((len(phone_names()), 3), np.float32)
    state[:, 0] = 1 / len(state)
    return state


def _phone_loop(log_likelihoods: np.ndarray, stay: np.ndarray, scale: float) -> np.ndarray:
    """Posterior ``[F, P]`` of each phone in a loop of left-to-right phones (forward-backward).

    A block at a time: forwards only the state before each block is kept, backwards the block's own are told again.
    """
    pieces = blocks(len(log_likelihoods))
    states: list[np.ndarray | None] = [None]
    for first, last in pieces[:-1]:
        states.append(_forward(states[-1], scaled_likelihoods(log_likelihoods[first:last], scale), stay)[-1])
    out = np.empty((len(log_likelihoods), len(stay)), np.float32)
    ahead, later = np.ones(stay.shape, np.float32), None
    for (first, last), before in zip(reversed(pieces), reversed(states), strict=True):
        likelihood = scaled_likelihoods(log_likelihoods[first:last], scale)
        together = _forward(before, likelihood, stay)
        for t in range(last - first - 1, -1, -1):
            if later is not None:
                ahead = step_backward(ahead, later, stay)
            together[t] *= ahead
            later = likelihood[t]
        out[first:last] = (together / together.sum((1, 2), keepdims=True)).sum(-1)
    return out


def _forward(before: np.ndarray | None, likelihood: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """States ``[F, P, 3]`` at each frame of ``likelihood [F, P, 3]``, from the state before them; None at the start."""
    forward = np.empty(likelihood.shape, np.float32)
    for t, heard in enumerate(likelihood):
        forward[t] = weighed(first_state(), heard) if before is None else step_forward(before, heard, stay)
        before = forward[t]
    return forward


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
