"""Synthetic people whose jaw follows the loudness of their buzz."""

import numpy as np
import pytest
import torch

from gaussian_head.face import UNITS
from gaussian_head.lips import LipJudge
from gaussian_head.training.judge import learn_judge
from gaussian_head.training.recordings import Recording

FPS = 25.0
JAW = UNITS.index("jawOpen")


def recording(seed: int, seconds: float = 8.0, late: float = 0.0) -> Recording:
    """Person ``seed``, whose pitch and range are their own; the sound comes ``late`` seconds."""
    rng = np.random.default_rng(seed)
    knots = rng.random(int(seconds * 5) + 12)

    def opening(t: np.ndarray) -> np.ndarray:
        return np.interp(t, np.arange(len(knots)) / 5, knots)

    t = np.arange(int(seconds * 16000)) / 16000
    buzz = np.sign(np.sin(2 * np.pi * rng.uniform(90, 220) * t)) + 0.1 * rng.standard_normal(len(t))
    units = torch.zeros(round(seconds * FPS), len(UNITS))
    moved = torch.from_numpy(opening(np.arange(len(units)) / FPS)).float()
    units[:, JAW] = rng.uniform(0.1, 0.4) * moved
    units[:, UNITS.index("mouthFunnel")] = 0.1 + 0.2 * moved
    samples = (0.2 * (0.05 + opening(t - late)) * buzz).astype(np.float32)
    return Recording(name=f"clip{seed}", person=f"person{seed}", samples=samples, units=units, fps=FPS)


def taught_judge() -> tuple[LipJudge, dict]:
    """A judge of lips taught in seconds by four of them, and its data card."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gaussian_head.lips.learning.STEPS", 60)
        patch.setattr("gaussian_head.lips.learning.BATCH", 12)
        patch.setattr("gaussian_head.training.recordings.FOLDS", 2)
        return learn_judge([recording(seed, 6) for seed in range(4)], encoder="mel", copies=2)
