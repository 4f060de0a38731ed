"""Movement statistics of known tracks."""

import math

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.metrics.movement import (
    beat_alignment,
    movement_beats,
    movement_of,
    spectral_distance,
    velocity_spectrum,
)

FPS = 25.0


def swinging(hertz: float, T: int = 500, size: float = 0.1) -> torch.Tensor:
    """A head that nods like a pendulum."""
    track = torch.zeros(T, 6)
    track[:, 0] = size * torch.sin(2 * math.pi * hertz * torch.arange(T) / FPS)
    return track


def test_spread_and_speed_of_a_pendulum():
    made = movement_of(swinging(0.5), FPS)
    assert float(made.spread[0]) == pytest.approx(0.1 / math.sqrt(2), rel=0.01)
    assert float(made.speed[0]) == pytest.approx(0.1 * math.pi / math.sqrt(2), rel=0.02)
    assert made.signature.shape == (12,)
    with pytest.raises(InputError, match="at least two"):
        movement_of(torch.zeros(1, 6), FPS)


def test_twice_the_size_is_six_decibels_on_the_axis_that_moves():
    a, b = swinging(2.0) + 0.01 * torch.randn(500, 6), swinging(2.0)
    assert spectral_distance(a, a, FPS) == 0
    noise = 0.01 * torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    assert spectral_distance(noise, 2 * noise, FPS) == pytest.approx(20 * math.log10(2), rel=0.01)
    bins = velocity_spectrum(b, FPS)[0]
    assert int(bins.argmax()) == round((2.0 - 0.5) * 2)


def test_a_pendulum_is_on_the_beat_where_it_turns():
    track = swinging(0.5)
    turns = torch.arange(12.5, 490, 25.0)
    beats = movement_beats(track, FPS)
    assert len(beats) == pytest.approx(20, abs=1)
    assert beat_alignment(track, turns, FPS) > 0.95
    assert beat_alignment(track, turns + 12.5, FPS) < 0.01
    assert beat_alignment(torch.zeros(500, 6), turns, FPS) == 0
    assert beat_alignment(track, torch.zeros(0), FPS) == 0
