"""How lively a head is while such a sound is made: what people have in common, learnt from several of them.

One ridge regression from the sound around a moment to the logarithm of the head's speed, both in spreads of the
person's own. Weights and data card lie beside this file; ``scripts/learn_liveliness.py`` makes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..checks import InputError, read_json
from ..smoothing import blurred
from ..speech.prosody import Prosody
from ._types import Motion
from .recall_state import pose_track, sound_state

FORMAT, VERSION = "gaussian-head-liveliness", 1
DATA = Path(__file__).parent / "liveliness.json"
CALM_SECONDS = 0.2
"""Speeds are smoothed over this long."""
STILL = 1e-3
"""Radians per second that count as no movement."""
PENALTY = 300.0
"""Of the regression: about as many frames must agree before a weight is believed."""
LEAST_SPREAD = 0.1


def liveliness(motion: Motion) -> Tensor:
    """``[T]`` logarithm of how fast the head turns, in spreads of the motion's own about its mean."""
    turn = pose_track(motion.head)[:, :3]
    speed = turn.diff(dim=0, prepend=turn[:1]).norm(dim=1, keepdim=True) * motion.fps
    value = (blurred(speed, CALM_SECONDS * motion.fps)[:, 0] + STILL).log()
    return (value - value.mean()) / value.std().clamp(min=LEAST_SPREAD)


def expected_liveliness(heard: Prosody, said: Prosody, weights: Tensor | None = None) -> Tensor:
    """``[N]`` how lively the head of somebody whose clip sounds like ``heard`` is while ``said`` is made.

    Args:
        heard: sound of a clip of theirs, by whose mean and spread the other is understood.
        said: N moments.
        weights: ``[A]``; those of the package where absent.
    """
    weights = read_weights() if weights is None else weights
    theirs, ours = (_standard(heard, prosody) @ weights for prosody in (heard, said))
    return (ours - theirs.mean()) / theirs.std().clamp(min=LEAST_SPREAD)


def fit_liveliness(clips: Sequence[tuple[Motion, Prosody]]) -> Tensor:
    """Weights ``[A]`` learnt from clips and their sounds, all frames alike."""
    x = torch.cat([_standard(sound, sound) for _, sound in clips]).double()
    y = torch.cat([liveliness(motion) for motion, _ in clips]).double()
    gram = x.T @ x + PENALTY * torch.eye(x.shape[1], dtype=torch.float64)
    return torch.cholesky_solve((x.T @ y)[:, None], torch.linalg.cholesky(gram))[:, 0].float()


@lru_cache(maxsize=1)
def read_weights(path: Path = DATA) -> Tensor:
    """Weights ``[A]`` of a file that ``weights_card`` made; InputError where it is none."""
    data = read_json(path, "liveliness weights")
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        raise InputError(f"{path} holds no weights of liveliness; install the package anew.")
    return torch.tensor(data["weights"], dtype=torch.float32)


def weights_card(weights: Tensor, card: dict[str, object]) -> str:
    """The text of a file of weights, with what they were learnt from."""
    values = [round(float(weight), 5) for weight in weights]
    return json.dumps({"format": FORMAT, "version": VERSION, **card, "weights": values}, indent=1)


def _standard(heard: Prosody, said: Prosody) -> Tensor:
    """The sound of ``said`` around each moment, in spreads of that of ``heard``."""
    theirs, ours = sound_state(heard), sound_state(said)
    return (ours - theirs.mean(0)) / theirs.std(0).clamp(min=LEAST_SPREAD)
