"""Hair follows the turn of the head as far as training saw it turn, and heads of before do not follow at all."""

from dataclasses import replace

import pytest
import torch
from support_head import make_actor

from gaussian_head.checks import InputError
from gaussian_head.head import Head
from gaussian_head.head.coefficients import NECK_SIZE, TURN_BOUNDS
from gaussian_head.head.turning import with_turns
from gaussian_head.motion import Pose
from gaussian_head.transforms import quat_multiply, rotvec_to_quat


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_frames=20, num_gaussians=300, size=64)


def turned(motion, t, radians):
    extra = rotvec_to_quat(torch.tensor([0.0, radians, 0.0]))
    frame = motion.at(t)
    return replace(frame, head=Pose(quats=quat_multiply(frame.head.quats, extra), positions=frame.head.positions))


def test_turns_beyond_those_seen_count_as_the_farthest(actor):
    motion, frames = actor.clip.motion, torch.arange(20)
    head = with_turns(actor.head, motion, frames)
    far, farther = (head.coefficients_at(turned(motion, 0, r))[-NECK_SIZE:] for r in (0.6, 0.9))
    bounds = head.coefficient_params[TURN_BOUNDS]
    assert far[1] == farther[1] == bounds[1, 1]
    for t in range(20):
        within = head.coefficients_at(motion.at(t))
        assert torch.equal(within, actor.head.coefficients_at(motion.at(t)))
    still = with_turns(actor.head, motion, frames, follows=False)
    assert not still.coefficients_at(turned(motion, 0, 0.6))[-NECK_SIZE:].any()


def test_the_bounds_are_saved_and_a_head_without_them_is_read(actor, tmp_path):
    head = with_turns(actor.head, actor.clip.motion, torch.arange(20))
    for number, saved in enumerate((head, actor.head)):
        saved.save(tmp_path / str(number))
        frame = turned(actor.clip.motion, 3, 0.5)
        read = Head.load(tmp_path / str(number))
        assert torch.equal(read.coefficients_at(frame), saved.coefficients_at(frame))
    broken = replace(head, coefficient_params={**head.coefficient_params, TURN_BOUNDS: torch.zeros(3)})
    broken.save(tmp_path / "broken")
    with pytest.raises(InputError, match=TURN_BOUNDS):
        Head.load(tmp_path / "broken")
