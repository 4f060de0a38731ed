"""Pose corrections of unseen frames."""

import torch

from gaussian_head.motion import Motion, Pose
from gaussian_head.training.refine import apply_corrections, extend_corrections


def wandering_motion(T: int = 300) -> Motion:
    generator = torch.Generator().manual_seed(0)
    walk = torch.cumsum(torch.randn(T, 3, generator=generator) * 0.01, 0)
    quats = torch.nn.functional.normalize(torch.cat([torch.ones(T, 1), walk * 0.1], 1), dim=1)
    still = torch.tensor([[1.0, 0, 0, 0]]).repeat(T, 1)
    return Motion(
        fps=25.0,
        head=Pose(quats=quats, positions=walk),
        torso=Pose(quats=still, positions=torch.zeros(T, 3)),
        units=torch.zeros(T, 52),
        gaze=torch.zeros(T, 2),
        residual=torch.zeros(T, 0),
    )


def wandering_code(T: int = 300) -> torch.Tensor:
    return torch.cumsum(torch.randn(T, 8, generator=torch.Generator().manual_seed(2)) * 0.1, 0)


def test_systematic_error_is_predicted_and_noise_is_not():
    motion, code, train = wandering_motion(), wandering_code(), torch.arange(270)
    truth = torch.zeros(300, 12)
    truth[:, 0] = 0.01 * code[:, 0]
    noise = torch.randn(300, generator=torch.Generator().manual_seed(1)) * 0.01
    learned = truth.clone()
    learned[:, 5] = noise
    learned[270:] = 99.0
    result = extend_corrections(motion, code, learned, train)
    torch.testing.assert_close(result[:270], learned[:270])
    error = (result[270:, 0] - truth[270:, 0]).norm() / truth[270:, 0].norm()
    assert error < 0.25
    assert result[270:, 5].abs().max() < 0.005


def test_corrections_turn_and_move():
    motion = wandering_motion(5)
    corrections = torch.zeros(5, 12)
    corrections[:, 5] = 0.1
    moved = apply_corrections(motion, corrections)
    torch.testing.assert_close(moved.head.positions[:, 2], motion.head.positions[:, 2] + 0.1)
    torch.testing.assert_close(moved.head.quats, motion.head.quats)
    torch.testing.assert_close(moved.torso.positions, motion.torso.positions)
