"""The same speech in other rooms, on other telephones, by larger and smaller people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..conventions import SAMPLE_RATE

SPEEDS = (1.0, 0.9, 1.1, 1.0, 0.85, 1.15, 1.0, 0.95)
"""How fast each copy is played: pitch, formants and tempo go with it. The first copy is the recording itself."""
NOISE_DB = (8.0, 22.0)
"""Speech above noise or other voices, decibels."""
REVERBERATION = (0.08, 0.35)
"""Seconds in which an echo falls by 60 dB."""
DIRECT = (6.0, 14.0)
"""The direct sound beside the echo's first, which is about 1."""
LOW_HZ, HIGH_HZ = (80.0, 300.0), (3200.0, 4200.0)
"""Band that a telephone leaves."""
TILT = 0.6
"""Largest share of the sample before that is added or taken away: a darker or a brighter microphone."""
CODED = (0.0003, 0.001)
"""Share of the loudest tone below which a coarse codec drops tones."""
GAIN = (0.3, 1.5)

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def heard_otherwise(
    samples: np.ndarray, copy: int, rng: np.random.Generator, others: Sequence[np.ndarray]
) -> tuple[np.ndarray, float]:
    """One of many copies of a recording.

    Args:
        samples: ``[S]`` mono f32 at 16 kHz.
        copy: which; 0 is the recording itself, the others differ in speed, noise, room, band or level.
        rng: chooses amounts.
        others: other people's recordings, heard in the background; may be empty.

    Returns:
        The copy, and how many times faster it is.
    """
    from scipy.signal import resample_poly

    speed = SPEEDS[copy % len(SPEEDS)]
    if speed != 1:
        samples = resample_poly(samples, 100, round(100 * speed)).astype(np.float32)
    if copy == 0:
        return samples, speed
    for change in _changes(copy % len(SPEEDS), others):
        samples = change(samples, rng).astype(np.float32)
    return samples * np.float32(rng.uniform(*GAIN)), speed


def _changes(copy: int, others: Sequence[np.ndarray]) -> list[Change]:
    def babble(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return _with_noise(samples, np.resize(others[int(rng.integers(len(others)))], len(samples)), rng)

    voices = babble if others else _hiss
    table: dict[int, list[Change]] = {1: [voices], 2: [_telephone], 3: [_hiss], 4: [_room], 5: [voices, _telephone]}
    return (table | {6: [_room, _tilted], 7: [_tilted, _coded]}).get(copy, [])


def _hiss(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _with_noise(samples, rng.standard_normal(len(samples)), rng)


def _with_noise(samples: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    level = np.sqrt((samples**2).mean()) / max(np.sqrt((noise**2).mean()), 1e-9)
    return samples + noise * level * 10 ** (-rng.uniform(*NOISE_DB) / 20)


def _telephone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    band = [rng.uniform(*LOW_HZ), rng.uniform(*HIGH_HZ)]
    return np.asarray(sosfilt(butter(4, band, "band", fs=SAMPLE_RATE, output="sos"), samples))


def _room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from scipy.signal import fftconvolve

    seconds = rng.uniform(*REVERBERATION)
    times = np.arange(round(0.4 * SAMPLE_RATE)) / SAMPLE_RATE
    echo = rng.standard_normal(len(times)) * np.exp(-np.log(1000) * times / seconds)
    echo[0] = rng.uniform(*DIRECT)
    return fftconvolve(samples, echo / np.linalg.norm(echo))[: len(samples)]


def _tilted(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return samples + rng.uniform(-TILT, TILT) * np.concatenate([[0], samples[:-1]])


def _coded(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    tones = np.fft.rfft(samples)
    tones[np.abs(tones) < np.abs(tones).max() * rng.uniform(*CODED)] = 0
    return np.fft.irfft(tones, len(samples))
