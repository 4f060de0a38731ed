"""By how much the clocks of two cameras differ, told by the sound that both heard.

Generalised cross-correlation (Knapp and Carter, "The generalized correlation method for estimation of time delay",
1976) of stretches of one sound with the whole other one, its spectrum flattened so that an echo or another microphone
hardly moves the peak; then a line through the delays: what they begin apart, and how one clock drifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE

STRETCH, HOP, MOST = 3.0, 1.5, 40
"""Seconds of a stretch and from one to the next, and how many are compared at most."""
BAND = (120.0, 5000.0)
"""Hertz that are listened to."""
WHITENED = 0.8
"""Power to which magnitudes of the spectrum are flattened; 1 would make as much of what is noise alone."""
SHARP = 9.0
"""A stretch's delay is believed where its peak is as many times as high as the correlation usually is."""
AGREE, TRUSTED = 0.004, 0.4
"""Seconds within which delays lie on one line, and the share of believed stretches that must."""
APART = 2.0 * 60
"""Seconds that two clips may begin apart."""
DRIFT, DRIFT_SECONDS = 1e-3, 6.0
"""Largest drift of ordinary clocks, and how far apart stretches must be for it to be told at all."""
COMMON = 2.0
"""Seconds of sound that two cameras must share."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """When a camera's clip was taken: second t of it is second ``offset + rate * t`` of the leading one."""

    offset: float
    """Seconds."""
    rate: float
    """About 1."""
    spread: float
    """Median distance of single stretches from it, seconds."""
    stretches: int
    """How many agree."""


def clock_of(leading: np.ndarray, other: np.ndarray, name: str) -> Clock:
    """The clock of another camera.

    Args:
        leading: ``[S]`` f32 mono at 16 kHz, what the leading camera heard.
        other: what the other one heard.
        name: of the other camera, for messages.

    Raises:
        InputError: they share no sound.
    """
    found = [delay for delay in _delays(leading, other) if delay is not None]
    line = _line(np.array(found)) if found else None
    if line is None:
        raise InputError(
            f"camera {name!r} heard nothing that the leading camera heard; give films of the same moment whose sound "
            "is switched on and was not replaced."
        )
    shared = min(len(leading) / SAMPLE_RATE, line.offset + line.rate * len(other) / SAMPLE_RATE) - max(line.offset, 0)
    if shared < COMMON:
        raise InputError(
            f"camera {name!r} filmed only {max(shared, 0):.1f} s of the leading camera's clip; at least {COMMON:g} s "
            "are wanted."
        )
    return line


def _delays(leading: np.ndarray, other: np.ndarray) -> list[tuple[float, float] | None]:
    """For each stretch of ``other``: its middle and how many seconds later in ``leading`` it is heard."""
    length = min(round(STRETCH * SAMPLE_RATE), len(other), len(leading))
    if length < SAMPLE_RATE:
        return []
    last = len(other) - length
    count = min(MOST, 1 + round(last / (HOP * SAMPLE_RATE)))
    size = 1 << int(np.ceil(np.log2(len(leading) + length)))
    spectrum = np.fft.rfft(leading, size)
    band = _band(size)
    starts = np.linspace(0, last, count).round().astype(int)
    return [_delay(spectrum, other[start : start + length], start, len(leading), band) for start in starts]


def _band(size: int) -> np.ndarray:
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    return ((hertz > BAND[0]) & (hertz < BAND[1])).astype(np.float64)


def _delay(
    spectrum: np.ndarray, stretch: np.ndarray, start: int, heard: int, band: np.ndarray
) -> tuple[float, float] | None:
    """Where one stretch is heard, or None where nowhere in particular."""
    size = 2 * (len(band) - 1)
    windowed = stretch * np.hanning(len(stretch))
    if np.abs(windowed).max(initial=0) < 1e-4:
        return None
    cross = spectrum * np.conj(np.fft.rfft(windowed, size)) * band
    weight = np.abs(cross) ** WHITENED
    floor = 1e-3 * weight.max(initial=0)
    if floor == 0:
        return None
    correlation = np.fft.irfft(cross / np.maximum(weight, floor), size)
    lags = np.concatenate([np.arange(heard), np.arange(heard, size) - size])
    possible = (lags > -len(stretch)) & (np.abs(lags - start) < APART * SAMPLE_RATE)
    best = int(np.argmax(np.where(possible, correlation, -np.inf)))
    usual = np.sqrt(np.mean(correlation[possible] ** 2))
    if correlation[best] < SHARP * usual:
        return None
    before, at, after = correlation[best - 1], correlation[best], correlation[(best + 1) % size]
    fraction = 0.5 * (before - after) / min(before - 2 * at + after, -1e-12)
    middle = (start + len(stretch) / 2) / SAMPLE_RATE
    return middle, (lags[best] + fraction - start) / SAMPLE_RATE


def _line(found: np.ndarray) -> Clock | None:
    """The line through most delays ``[n, 2]`` (when, how late), None where they do not agree."""
    times, late = found.T
    best: np.ndarray | None = None
    for i in range(len(found)):
        for j in range(i, len(found)):
            far = times[j] - times[i] >= DRIFT_SECONDS
            drift = (late[j] - late[i]) / (times[j] - times[i]) if far else 0.0
            if abs(drift) > DRIFT or (j > i and not far):
                continue
            agree = np.abs(late - late[i] - drift * (times - times[i])) < AGREE
            if best is None or agree.sum() > best.sum():
                best = agree
    if best is None or best.sum() < max(1, TRUSTED * len(found)):
        return None
    times, late = times[best], late[best]
    drift, level = np.polyfit(times, late, 1) if np.ptp(times) >= DRIFT_SECONDS else (0.0, float(np.median(late)))
    left = np.abs(late - level - drift * times)
    return Clock(offset=float(level), rate=1 + float(drift), spread=float(np.median(left)), stretches=int(best.sum()))
