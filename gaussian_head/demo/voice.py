"""A synthetic voice whose sound and mouth come from one score of syllables.

Formant synthesis: a glottal pulse train through resonators at the vowels' formants (Klatt, "Software for a
cascade/parallel formant synthesizer", 1980; formants of women's vowels from Peterson and Barney, 1952).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

from ..conventions import SAMPLE_RATE

SCORE_RATE = 1000
"""Steps per second of the score."""
BLOCK = 40
"""Samples for which the resonators are held, 2.5 ms."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One speech sound: what the mouth does and what is heard."""

    jaw: float
    """0 shut .. 1 wide open."""
    pucker: float = 0.0
    """0..1 lips drawn together."""
    spread: float = 0.0
    """0..1 lips drawn apart."""
    shut: float = 0.0
    """1 where the lips are pressed together."""
    voice: float = 1.0
    """Loudness of the voiced source."""
    hiss: float = 0.0
    """Loudness of friction noise."""
    formants: tuple[float, float, float] = (500, 1500, 2600)
    """Hz."""
    seconds: float = 0.08
    """Typical length."""


VOWELS = {
    "a": Sound(jaw=0.85, spread=0.15, formants=(850, 1220, 2810), seconds=0.17),
    "e": Sound(jaw=0.50, spread=0.7, formants=(610, 2330, 2990), seconds=0.15),
    "i": Sound(jaw=0.24, spread=1.0, formants=(310, 2790, 3310), seconds=0.14),
    "o": Sound(jaw=0.55, pucker=0.7, formants=(590, 920, 2710), seconds=0.17),
    "u": Sound(jaw=0.24, pucker=1.0, formants=(370, 950, 2670), seconds=0.15),
    "ə": Sound(jaw=0.36, formants=(500, 1500, 2600), seconds=0.10),
}
CONSONANTS = {
    "m": Sound(jaw=0.0, shut=1.0, voice=0.22, formants=(250, 1100, 2200), seconds=0.10),
    "b": Sound(jaw=0.0, shut=1.0, voice=0.05, formants=(250, 900, 2200), seconds=0.09),
    "p": Sound(jaw=0.0, shut=1.0, voice=0.0, formants=(400, 900, 2200), seconds=0.11),
    "s": Sound(jaw=0.08, spread=0.4, voice=0.0, hiss=0.13, formants=(400, 1700, 2600), seconds=0.11),
    "d": Sound(jaw=0.16, voice=0.25, formants=(300, 1700, 2600), seconds=0.06),
    "l": Sound(jaw=0.28, voice=0.7, formants=(360, 1300, 2700), seconds=0.07),
    "w": Sound(jaw=0.12, pucker=1.0, voice=0.6, formants=(330, 730, 2300), seconds=0.08),
}
REST = Sound(jaw=0.0, voice=0.0, seconds=0.5)


@dataclass(frozen=True, kw_only=True)
class Speech:
    """Sound and the mouth that makes it."""

    samples: np.ndarray
    """``[S]`` f32 at 16 kHz."""
    mouth: dict[str, np.ndarray]
    """Channels ``jaw``, ``pucker``, ``spread``, ``press`` ``[T]`` at the frame times ``t / fps``."""
    loudness: np.ndarray
    """``[T]`` amplitude asked for at the frame times, exactly 0 in silence."""


def speak(seconds: float, fps: float, seed: int) -> Speech:
    """A random sentence of open and closed syllables with pauses; the same seed gives the same sentence.

    Args:
        seconds: length; the mouth is shut and silent in at least a quarter of it.
        fps: rate at which the mouth is given.
        seed: any integer.
    """
    rng = np.random.default_rng(seed)
    steps = round(seconds * SCORE_RATE)
    score = _spell_out(_sentence(seconds, rng), steps)
    shut = np.clip(1.6 * gaussian_filter1d(score["shut"], 16), 0, 1)
    jaw = gaussian_filter1d(score["jaw"], 30) * (1 - shut)
    sounding = gaussian_filter1d((score["voice"] + score["hiss"] > 0).astype(float), 22)
    jaw = np.where(sounding < 0.02, 0, jaw) * np.clip(sounding * 3, 0, 1)
    voice = gaussian_filter1d(score["voice"], 14) * (0.2 + 0.8 * jaw / 0.85)
    hiss = gaussian_filter1d(score["hiss"], 12)
    voice, hiss = np.where(voice < 0.004, 0, voice), np.where(hiss < 0.004, 0, hiss)
    formants = np.stack([gaussian_filter1d(score[f"f{k}"], 20) for k in range(3)], -1)
    at = np.minimum((np.arange(round(seconds * fps)) / fps * SCORE_RATE).round().astype(int), steps - 1)
    return Speech(
        samples=_synthesise(voice, hiss, formants, round(seconds * SAMPLE_RATE), rng),
        mouth={
            "jaw": jaw[at],
            "pucker": gaussian_filter1d(score["pucker"], 45)[at],
            "spread": gaussian_filter1d(score["spread"], 45)[at],
            "press": 0.8 * shut[at],
        },
        loudness=(voice + hiss)[at],
    )


def _sentence(seconds: float, rng: np.random.Generator) -> list[tuple[Sound, float]]:
    """Sounds with their lengths in seconds, words of one to three syllables with pauses between."""
    sounds = [(REST, 0.4)]
    spent, silent = 0.4, 0.4
    while spent < seconds - 0.4:
        word: list[tuple[Sound, float]] = []
        for _ in range(rng.integers(1, 4)):
            consonant = CONSONANTS[rng.choice(list(CONSONANTS))]
            vowel = VOWELS[rng.choice(list(VOWELS))]
            word += [(s, s.seconds * rng.uniform(0.85, 1.3)) for s in (consonant, vowel)]
        length = sum(duration for _, duration in word)
        if spent + length > seconds - 0.4:
            break
        spent += length
        sounds += word
        pause = max(rng.uniform(0.10, 0.4), 0.33 * spent - silent)
        sounds.append((REST, pause))
        spent, silent = spent + pause, silent + pause
    return [*sounds, (REST, max(seconds - spent, 0.0) + 1.0)]


def _spell_out(sounds: list[tuple[Sound, float]], steps: int) -> dict[str, np.ndarray]:
    """The score: one array ``[steps]`` per property of the sounds; pauses keep the shape of the lips' neighbours."""
    score = {name: np.zeros(steps) for name in ("jaw", "pucker", "spread", "shut", "voice", "hiss")}
    score |= {f"f{k}": np.full(steps, f) for k, f in enumerate((500.0, 1500.0, 2600.0))}
    start = 0.0
    for sound, length in sounds:
        span = slice(round(start * SCORE_RATE), round((start + length) * SCORE_RATE))
        for name in ("jaw", "pucker", "spread", "shut", "voice", "hiss"):
            score[name][span] = getattr(sound, name)
        for k, frequency in enumerate(sound.formants):
            score[f"f{k}"][span] = frequency
        start += length
    return score


def _synthesise(
    voice: np.ndarray, hiss: np.ndarray, formants: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Sound ``[size]`` f32 of the score's loudness and formants."""
    time = np.arange(size) / SAMPLE_RATE
    at = np.minimum(time * SCORE_RATE, len(voice) - 1)
    steps = np.arange(len(voice))
    voice, hiss = np.interp(at, steps, voice), np.interp(at, steps, hiss)
    wander = gaussian_filter1d(rng.normal(size=len(steps)), SCORE_RATE * 0.15, mode="wrap")
    wander = np.interp(at, steps, wander / (wander.std() + 1e-9))
    pitch = 195 * 2 ** (0.22 * wander) * (1 + 0.006 * np.sin(2 * np.pi * 5.1 * time))
    phase = np.cumsum(pitch / SAMPLE_RATE) % 1
    opening = np.where(phase < 0.6, phase**2 * (0.6 - phase) * 30, 0)
    breath = rng.normal(size=size)
    source = np.diff(opening, prepend=0) * 4 + 0.008 * breath * (phase < 0.6)
    spoken = _resonate(source * (voice > 0), np.stack([np.interp(at, steps, f) for f in formants.T], -1)) * voice
    spoken = np.diff(spoken, prepend=0)
    band = butter(2, (3500, 7200), "bandpass", fs=SAMPLE_RATE, output="sos")
    friction = np.asarray(sosfilt(band, breath)) * hiss
    sound = 1.8 * spoken / (np.abs(spoken).max() + 1e-9) + 0.8 * friction
    return (0.8 * np.tanh(sound)).astype(np.float32)


def _resonate(source: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """Cascade of four resonators whose centres [S, 3] change every BLOCK samples (a fourth stays put)."""
    out = np.empty_like(source)
    state = np.zeros((4, 2))
    for start in range(0, len(source), BLOCK):
        centres = (*formants[start], 3900.0)
        sections = np.stack([_resonator(f, b) for f, b in zip(centres, (80.0, 110.0, 160.0, 250.0), strict=True)])
        out[start : start + BLOCK], state = sosfilt(sections, source[start : start + BLOCK], zi=state)
    return out


def _resonator(frequency: float, bandwidth: float) -> np.ndarray:
    """Second-order section ``[6]`` with unit gain at 0 Hz."""
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    a1, a2 = -2 * radius * np.cos(2 * np.pi * frequency / SAMPLE_RATE), radius * radius
    return np.array([1 + a1 + a2, 0, 0, 1, a1, a2])
