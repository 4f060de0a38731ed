"""What of the lips goes with the pose: found where it is, nothing where it is not, kept on disk."""

from dataclasses import replace

import pytest
import torch
from motion_fixtures import CHANNELS, wandering

from gaussian_head.motion.pose_share import FARTHEST, fit_pose_share
from gaussian_head.transforms import quat_to_rotvec, rotvec_to_quat

T = 400
LEANING = CHANNELS.index("lip_1")


@pytest.fixture(scope="module")
def motion():
    moving = wandering(T)
    generator = torch.Generator().manual_seed(0)
    times = torch.arange(T)[:, None] / torch.tensor([[9.0, 13.0, 21.0]])
    turn = 0.1 * torch.sin(times)
    expression = 0.01 * torch.randn(T, len(CHANNELS), generator=generator)
    expression[:, LEANING] += 0.5 * turn[:, 1]
    expression[:, 0] += 0.5 * turn[:, 0]  # the jaw: never taken from the pose, even where it could be
    return replace(moving, head=replace(moving.head, quats=rotvec_to_quat(turn)), expression=expression)


def test_a_channel_that_leans_is_found_and_the_jaw_is_left_to_speech(motion):
    share = fit_pose_share(motion, torch.arange(300))
    used = share.weights.abs().sum(0) > 0
    assert [CHANNELS[k] for k in used.nonzero()[:, 0].tolist()] == ["lip_1"]
    predicted = share.of(motion)[300:, LEANING]
    wanted = 0.5 * quat_to_rotvec(motion.head.quats)[300:, 1]
    assert float((predicted - wanted).std()) < 0.1 * float(wanted.std())


def test_noise_has_no_share(motion):
    generator = torch.Generator().manual_seed(1)
    noise = replace(motion, expression=torch.randn(T, len(CHANNELS), generator=generator))
    assert not fit_pose_share(noise, torch.arange(T)).weights.any()


def test_far_poses_add_no_more_than_the_farthest_seen(motion):
    share = fit_pose_share(motion, torch.arange(T))
    far = replace(motion, head=replace(motion.head, quats=rotvec_to_quat(torch.tensor([[0.0, 1.5, 0.0]]).expand(T, 3))))
    bound = FARTHEST * share.weights.abs().sum(0)
    assert (share.of(far).abs() <= bound + 1e-6).all()
    assert torch.equal(share.added_to(far).expression, far.expression + share.of(far))


def test_a_mouth_shut_by_rule_stays_shut(motion):
    from types import SimpleNamespace

    from gaussian_head.motion.drive import leaning

    share = fit_pose_share(motion, torch.arange(T))
    lips = [k for k, name in enumerate(CHANNELS) if name in ("jaw_open", "lip_width", "lip_pucker", "lip_0", "lip_1")]
    closed, scale = torch.zeros(len(lips)), torch.full((len(lips),), 0.1)
    model = SimpleNamespace(pose_share=share, lips=lips, closed=closed, output_scale=scale)
    shut = replace(motion, expression=torch.zeros_like(motion.expression))
    assert torch.equal(leaning(model, shut).expression, shut.expression)
    speaking = shut.expression.clone()
    speaking[:, 0] = 0.5
    speaking = replace(shut, expression=speaking)
    assert torch.allclose(leaning(model, speaking).expression, share.added_to(speaking).expression)
