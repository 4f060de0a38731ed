"""Lips drawn by chance: as lively as they were taught, shut where they are shut, and the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS
from gaussian_head.voice.mouth import COLUMNS, GAP, MOUTH, lip_measures
from gaussian_head.voice.prior import VoicePrior
from gaussian_head.voice.variety import Variety, smooth_noise

FPS, T = 25.0, 200


@pytest.fixture(scope="module")
def variety() -> Variety:
    """Four directions at random."""
    directions = torch.linalg.qr(torch.randn(len(MOUTH), 4, generator=torch.Generator().manual_seed(1))).Q.T
    return Variety(
        directions=directions.contiguous(),
        size=torch.ones(4),
        smooth=torch.full((4,), 1.5),
        parting=VoicePrior.load().parting,
    )


@pytest.fixture(scope="module")
def spoken() -> torch.Tensor:
    """Units of a jaw that goes up and down, then rests."""
    units = torch.zeros(T, len(UNITS))
    prior = VoicePrior.load()
    units[:, COLUMNS] = prior.closed
    wave = (torch.arange(T) * 2 * torch.pi / 12).sin().clamp(min=0) * (torch.arange(T) < 120)
    units[:, UNITS.index("jawOpen")] += 0.4 * wave
    units[:, UNITS.index("mouthStretchLeft")] += 0.1 * (torch.arange(T) < 120)
    return units


def varied(variety: Variety, spoken: torch.Tensor, seed: int = 0) -> torch.Tensor:
    prior = VoicePrior.load()
    return variety.vary(spoken, FPS, rest=prior.closed, scale=prior.scale, seed=seed)


def test_the_same_seed_gives_the_same_lips_and_another_one_others(variety, spoken):
    assert torch.equal(varied(variety, spoken, 3), varied(variety, spoken, 3))
    apart = (varied(variety, spoken, 3) - varied(variety, spoken, 4))[:120, COLUMNS].abs().mean()
    assert apart > 0.005


def test_a_mouth_at_rest_stays_as_it_is_and_nothing_but_the_mouth_is_touched(variety, spoken):
    lips = varied(variety, spoken)
    torch.testing.assert_close(lips[125:], spoken[125:])
    others = [k for k in range(len(UNITS)) if k not in COLUMNS]
    assert torch.equal(lips[:, others], spoken[:, others])
    assert float(lips.min()) >= 0
    assert float(lips.max()) <= 1


def test_lips_that_meet_are_not_parted(variety, spoken):
    rest = VoicePrior.load().closed
    gap = ((varied(variety, spoken)[:, COLUMNS] - rest) @ lip_measures()[:, GAP])[:120]
    before = ((spoken[:, COLUMNS] - rest) @ lip_measures()[:, GAP])[:120]
    assert (before < 1e-4).sum() > 20
    assert float((gap - before)[before < 1e-4].max()) < 1e-3  # metres; clamping of units leaves a little
    assert float((gap - before)[before > 5e-3].abs().mean()) > 1e-4


def test_lips_meet_nowhere_but_where_they_met(variety, spoken):
    opening, rest = lip_measures()[:, GAP], VoicePrior.load().closed
    gaps = [(units[:120, COLUMNS] - rest) @ opening for units in (spoken, varied(variety, spoken))]
    open = gaps[0] > 0.4 * gaps[0].quantile(0.95)
    assert open.sum() > 30
    assert float(gaps[1][open].min()) > 0.2 * float(gaps[0].quantile(0.95))


def test_noise_keeps_its_size_however_smooth_it_is():
    white = torch.randn(20000, 1, generator=torch.Generator().manual_seed(0))
    for sigma in (0.0, 0.5, 1.5, 4.0):
        assert float(smooth_noise(white, sigma).std()) == pytest.approx(1, abs=0.06)
    alike = smooth_noise(white, 1.5)[:, 0]
    assert float((alike[1:] * alike[:-1]).mean()) == pytest.approx(float(np.exp(-1 / 9)), abs=0.03)


def test_the_shipped_variety_moves_lips_about_as_far_as_people_do(spoken):
    prior = VoicePrior.load()
    drawn = Variety.load().drawn(2000, 0)
    assert 0.3 < float(drawn.square().mean().sqrt()) < 1.2
    lips = Variety.load().vary(spoken, FPS, rest=prior.closed, scale=prior.scale)
    assert float((lips - spoken)[:120, COLUMNS].abs().mean()) > 0.003


def test_a_variety_is_read_as_it_was_written_and_a_damaged_one_is_refused(variety, spoken, tmp_path):
    variety.save(tmp_path / "some", {"taught": "nothing"})
    again = Variety.load(tmp_path / "some")
    assert torch.equal(varied(again, spoken), varied(variety, spoken))
    replace(variety, size=torch.ones(3)).save(tmp_path / "other", {})
    with pytest.raises(InputError, match="damaged"):
        Variety.load(tmp_path / "other")
    with pytest.raises(InputError):
        Variety.load(tmp_path / "none")
