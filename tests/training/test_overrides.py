"""Single values of a run, set on the command line."""

import re
from dataclasses import replace

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.training import PRESETS, config, overridden
from gaussian_head.verbs.train import Options, chosen_config

STANDARD = PRESETS["standard"]


def test_named_values_change_and_nothing_else_does():
    changed = overridden(STANDARD, ("max_gaussians=80000", "rates.means=1e-4", "stages.0.iterations=500"))
    first = replace(STANDARD.stages[0], iterations=500)
    assert changed == replace(
        STANDARD,
        max_gaussians=80_000,
        rates=replace(STANDARD.rates, means=1e-4),
        stages=(first, *STANDARD.stages[1:]),
    )
    assert overridden(STANDARD, ()) is STANDARD


def test_the_command_line_sets_them_on_top_of_preset_and_seed():
    chosen = chosen_config(Options("capture", out="head", preset="preview", seed=7, set=("max_gaussians=123",)))
    assert chosen == replace(PRESETS["preview"], seed=7, max_gaussians=123)


def test_a_preset_takes_four_frames_a_step_on_cuda_and_what_is_said_where_it_is_said(monkeypatch):
    monkeypatch.setattr(config, "device_named", torch.device)
    there = Options("capture", out="head", device="cuda")
    assert chosen_config(there).batch == 4
    assert chosen_config(replace(there, set=("batch=1",))).batch == 1
    assert chosen_config(replace(there, config=STANDARD)) == STANDARD
    assert chosen_config(replace(there, device="cpu")) == STANDARD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("max_gausians=1", "did you mean 'max_gaussians'?"),
        ("max_gaussians", "has no value"),
        ("max_gaussians=many", "max_gaussians is 'many'; int was wanted"),
        ("max_gaussians=-1", "a whole number from 0"),
        ("stages.7.iterations=1", "There are 0, 1, 2."),
        ("seed.x=1", "'seed' is a single value"),
        ("rates=3", "LearningRates was wanted"),
    ],
)
def test_what_cannot_be_set_is_told(change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        overridden(STANDARD, (change,))
