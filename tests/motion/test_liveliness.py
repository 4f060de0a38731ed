"""What people have in common: heads that move to the sound teach it, and it carries over to one who was never seen."""

from dataclasses import replace

import pytest
import torch
from motion_fixtures import wandering
from test_recall import FPS, sound

from gaussian_head.checks import InputError
from gaussian_head.motion import Pose
from gaussian_head.motion.liveliness import (
    DATA,
    expected_liveliness,
    fit_liveliness,
    liveliness,
    read_weights,
    weights_card,
)
from gaussian_head.transforms import rotvec_to_quat
from gaussian_head.voice.scores import correlation


def mover(seed: int, T: int = 900):
    """Somebody whose head turns quickly while they speak and hardly in pauses."""
    heard = sound(seed, T)
    step = 0.02 * torch.randn(T, 3, generator=torch.Generator().manual_seed(seed)) * heard.speaking[:, None]
    motion = wandering(T, FPS, seed, private=0)
    head = Pose(quats=rotvec_to_quat(step.cumsum(0) * 0.2), positions=motion.head.positions)
    return replace(motion, head=head), heard


def test_it_is_told_for_somebody_who_was_never_seen():
    weights = fit_liveliness([mover(seed) for seed in range(4)])
    motion, heard = mover(9)
    told = expected_liveliness(heard, heard, weights)
    assert correlation(told, liveliness(motion)) > 0.6
    assert abs(correlation(told.roll(450), liveliness(motion))) < 0.3


def test_the_packages_weights_are_read_and_others_refused(tmp_path):
    motion, heard = mover(1)
    assert expected_liveliness(heard, heard).shape == (len(motion),)
    assert float(expected_liveliness(heard, heard)[heard.speaking].mean()) > 0.1
    assert DATA.stat().st_size < 10_000
    path = tmp_path / "own.json"
    path.write_text(weights_card(read_weights(), {"learnt from": {}}))
    assert torch.allclose(read_weights(path), read_weights(), atol=1e-5)
    path.write_text("{}")
    with pytest.raises(InputError, match="holds no weights"):
        read_weights.__wrapped__(path)
