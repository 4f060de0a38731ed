"""Face and hair follow turns and views of the head little beyond what training saw, and heads of before do not."""

from dataclasses import replace

import pytest
import torch
from support_head import make_actor

from gaussian_head.checks import InputError
from gaussian_head.head import Head
from gaussian_head.head.coefficients import NECK_SIZE, TURN_BOUNDS, VIEW_BOUNDS, VIEW_SIZE
from gaussian_head.head.turning import with_turns
from gaussian_head.motion import Pose
from gaussian_head.transforms import quat_multiply, rotvec_to_quat

VIEW = slice(-VIEW_SIZE, None)
TURN = slice(-VIEW_SIZE - NECK_SIZE, -VIEW_SIZE)


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
    far, farther = (head.coefficients_at(turned(motion, 0, r))[TURN] for r in (0.6, 0.9))
    bounds = head.coefficient_params[TURN_BOUNDS]
    assert far[1] == farther[1] == bounds[1, 1]
    for t in range(20):
        within, free = (of.coefficients_at(motion.at(t)) for of in (head, actor.head))
        assert torch.equal(within[: VIEW.start], free[: VIEW.start])
        assert not free[VIEW].any()
    still = with_turns(actor.head, motion, frames, follows=False)
    assert not still.coefficients_at(turned(motion, 0, 0.6))[TURN.start :].any()


def test_views_are_told_from_the_middle_of_those_seen(actor):
    """Nearer, and to the side: by a tenth of the resting distance each is one unit, in the head's own frame."""
    motion, params = actor.clip.motion, actor.head.coefficient_params
    rest = replace(motion.at(0), head=Pose(quats=torch.tensor([1.0, 0, 0, 0]), positions=params["rest_position"]))
    far = params["rest_position"].norm()

    def at(x, z):
        moved = rest.head.positions + 0.1 * far * torch.tensor([x, 0.0, z])
        return replace(rest, head=Pose(quats=rest.head.quats, positions=moved))

    seen = [at(-0.5, -1.0), at(0.5, 1.0)]
    clip = replace(motion.select(slice(0, 2)), head=Pose(
        quats=torch.stack([moment.head.quats for moment in seen]),
        positions=torch.stack([moment.head.positions for moment in seen]),
    ))  # fmt: skip
    head = with_turns(actor.head, clip, torch.arange(2))
    for x, z, expected in ((0, 0, (0, 0, 0)), (0, 0.6, (0, 0, -0.6)), (0.25, 0, (-0.25, 0, 0)), (3, -3, (-1, 0, 2))):
        view = head.coefficients_at(at(x, z))[VIEW]
        torch.testing.assert_close(view, torch.tensor(expected, dtype=torch.float32), atol=1e-4, rtol=0)


def test_the_bounds_are_saved_and_a_head_without_them_is_read(actor, tmp_path):
    head = with_turns(actor.head, actor.clip.motion, torch.arange(20))
    for number, saved in enumerate((head, actor.head)):
        saved.save(tmp_path / str(number))
        frame = turned(actor.clip.motion, 3, 0.5)
        read = Head.load(tmp_path / str(number))
        assert torch.equal(read.coefficients_at(frame), saved.coefficients_at(frame))
    for name in (TURN_BOUNDS, VIEW_BOUNDS):
        broken = replace(head, coefficient_params={**head.coefficient_params, name: torch.zeros(3)})
        broken.save(tmp_path / name)
        with pytest.raises(InputError, match=name):
            Head.load(tmp_path / name)
