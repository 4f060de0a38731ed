"""How a head moves over time: sizes and speeds per axis, spectra of velocity, and whether it moves to the beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..smoothing import blurred

AXES = ("pitch", "yaw", "roll", "x", "y", "z")
"""Of a pose track ``[T, 6]``: rotation vector in radians, shift in metres."""
SPECTRUM_SECONDS = 2.0
"""Length of the windows that a spectrum is averaged over."""
LOWEST_HZ, HIGHEST_HZ = 0.5, 6.0
BEAT_SIGMA = 0.1
"""Seconds by which a movement may miss the beat."""
CALM = 0.04
"""Seconds over which velocities are smoothed before their peaks are looked for."""


@dataclass(frozen=True, kw_only=True)
class Movement:
    """What is characteristic of a pose track."""

    spread: Tensor
    """``[6]`` standard deviation per axis."""
    speed: Tensor
    """``[6]`` standard deviation of velocity per axis, per second."""

    @property
    def signature(self) -> Tensor:
        """``[12]`` logarithms of both, by which a person is told from others."""
        return torch.cat([self.spread, self.speed]).clamp(min=1e-7).log()


def movement_of(track: Tensor, fps: float) -> Movement:
    """Statistics of a pose track ``[T, 6]``; InputError below two frames."""
    if len(track) < 2:
        raise InputError(f"{len(track)} frames came; movement needs at least two.")
    return Movement(spread=track.std(0), speed=track.diff(dim=0).std(0) * fps)


def velocity_spectrum(track: Tensor, fps: float) -> Tensor:
    """Mean power spectrum ``[6, B]`` of a track's velocity from LOWEST_HZ to HIGHEST_HZ, in decibels."""
    velocity = (track.diff(dim=0) * fps).double()
    size = min(round(SPECTRUM_SECONDS * fps), len(velocity))
    parts = velocity.unfold(0, size, max(size // 2, 1))
    window = torch.hann_window(size, dtype=torch.float64)
    power = torch.fft.rfft((parts - parts.mean(-1, keepdim=True)) * window).abs().square().mean(0)
    hertz = torch.fft.rfftfreq(size, 1 / fps)
    inside = (hertz >= LOWEST_HZ) & (hertz <= HIGHEST_HZ)
    return 10 * (power[:, inside] + 1e-12).log10()


def spectral_distance(a: Tensor, b: Tensor, fps: float) -> float:
    """Root mean square difference of two tracks' velocity spectra over axes and frequencies, dB."""
    return float((velocity_spectrum(a, fps) - velocity_spectrum(b, fps)).square().mean().sqrt())


def beat_alignment(track: Tensor, beats: Tensor, fps: float) -> float:
    """How near the beats of a sound are to those of a movement: mean of exp(-dt² / 2 sigma²), sigma 0.1 s.

    A movement's beats are where the head, having moved fast, comes to rest or turns: local minima of its angular
    speed (Li et al. 2021, arXiv 2101.08779, for dance).

    Args:
        track: ``[T, 6]``.
        beats: ``[n]`` frames, may be fractions.
        fps: frames per second.
    """
    moves = movement_beats(track, fps)
    if not len(moves) or not len(beats):
        return 0.0
    apart = (beats.double()[:, None] - moves.double()[None]).abs().min(1).values / fps
    return float(torch.exp(-0.5 * (apart / BEAT_SIGMA).square()).mean())


def movement_beats(track: Tensor, fps: float) -> Tensor:
    """Frames ``[n]`` at which the angular speed of a track ``[T, 6]`` is least among its neighbours."""
    speed = blurred(track[:, :3].diff(dim=0).norm(dim=1, keepdim=True), CALM * fps)[:, 0]
    inner = (speed[1:-1] < speed[:-2]) & (speed[1:-1] <= speed[2:])
    return inner.nonzero()[:, 0] + 1.5
