"""Cameras placed by the head that they filmed, from tracks that each got its own lens, size and head frame wrong."""

import math
from dataclasses import replace

import pytest
import torch
from support_capture import face_shape, film, make_capture

from gaussian_head.capture import Capture
from gaussian_head.checks import InputError
from gaussian_head.motion import Pose
from gaussian_head.motion.edit import sampled
from gaussian_head.rendering import orbit_view
from gaussian_head.tracking.calibrating import calibrate
from gaussian_head.tracking.clocks import Clock
from gaussian_head.tracking.placing import Filming, place
from gaussian_head.transforms import quat_multiply, quat_to_rotmat, quat_to_rotvec, rotmat_to_quat, rotvec_to_quat

FRAMES, SIZE = 40, 64


def before(pose: Pose, viewmat: torch.Tensor) -> Pose:
    """Poses of the world as a camera sees them."""
    turn = rotmat_to_quat(viewmat[:3, :3])
    return Pose(
        quats=quat_multiply(turn.expand_as(pose.quats), pose.quats),
        positions=pose.positions @ viewmat[:3, :3].T + viewmat[:3, 3],
    )


def lively(motion):
    """The same with a head that turns far enough for cameras to be told."""
    t = torch.arange(len(motion)) / 25.0
    turns = torch.stack([0.1 * (3 * t).sin(), 0.25 * (2 * t).sin(), 0.05 * (4 * t).cos()], 1)
    quats = quat_multiply(rotvec_to_quat(turns), motion.head.quats)
    return replace(motion, head=replace(motion.head, quats=quats), torso=replace(motion.torso, quats=quats))


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """A leading capture, its true camera beside it, and that camera's own capture 1.3 frames late."""
    root = tmp_path_factory.mktemp("rig")
    _, actor = make_capture(root / "made", num_frames=FRAMES, size=SIZE, sound=False)
    motion = lively(actor.clip.motion)
    leader = film(root / "lead", actor, motion, actor.head.camera, sound=False)
    view = orbit_view(actor.head, math.radians(35), math.radians(-10))
    late = sampled(motion, torch.arange(FRAMES, dtype=torch.float64) + 1.3)
    seen = replace(late, head=before(late.head, view.viewmat), torso=before(late.torso, view.viewmat))
    own = film(root / "left", actor, seen, view.with_view(torch.eye(4)), sound=False)
    return leader, view, mistracked(own)


def mistracked(capture: Capture) -> Capture:
    """A capture whose lens is a tenth too long, its head as much too far, and in a frame pitched by 4 degrees."""
    tilt = rotvec_to_quat(torch.tensor([math.radians(4), 0.0, 0.0]))
    turn = quat_to_rotmat(tilt)
    tensors = dict(capture._tensors)
    tensors["shape"] = tensors["shape"] @ turn.T
    tensors["basis"] = tensors["basis"] @ turn.T
    back = tilt * torch.tensor([1.0, -1.0, -1.0, -1.0])
    tensors["head_quats"] = quat_multiply(tensors["head_quats"], back.expand(FRAMES, 4))
    tensors["head_positions"] = tensors["head_positions"] * torch.tensor([1.0, 1.0, 1.1])
    K = [
        [value * (1.1 if i < 2 and i == j else 1.0) for j, value in enumerate(row)]
        for i, row in enumerate(capture.info.K)
    ]
    return Capture(capture.path, replace(capture.info, K=K), tensors, 2**20)


def filming(own, **values):
    clock = Clock(offset=1.3 / 25, rate=1.0, spread=0.0, stretches=1)
    return Filming(name="left", capture=own, clock=clock, **values)


def missed(calibration, view, leader):
    """Mean pixels between true landmarks as the found and as the true camera sees them, by the same vertices."""
    (camera,) = calibration.cameras
    vertices, basis = face_shape()
    posed = torch.einsum("tk,klc->tlc", leader.code, basis) + vertices
    world = posed @ quat_to_rotmat(leader.motion.head.quats).mT + leader.motion.head.positions[:, None]
    ours = world @ camera.rotation.float().T + camera.translation.float()
    pixels = camera.focal * ours[..., :2] / ours[..., 2:] + camera.centre.float()
    turn = quat_to_rotvec(rotmat_to_quat(camera.rotation.float() @ view.viewmat[:3, :3].T)).norm()
    return float((pixels - view.project(world)).norm(dim=-1).mean()), math.degrees(float(turn))


def test_a_camera_is_found_by_the_head_it_filmed(filmed):
    leader, view, own = filmed
    found = calibrate(leader, [filming(own)])
    assert missed(found, view, leader)[1] < 0.5
    assert found.residual[0] < 0.001
    for focal in (found.model.focal, found.cameras[0].focal):
        assert focal == pytest.approx(float(view.K[0, 0]), rel=0.03)


def test_a_camera_held_out_is_placed_and_tells_nothing(filmed):
    leader, view, own = filmed
    found = calibrate(leader, [filming(own, held_out=True)])
    pixels, degrees = missed(found, view, leader)
    assert pixels < 0.05
    assert degrees < 0.2
    assert torch.allclose(found.model.shape.float(), leader.shape.vertices)
    assert torch.allclose(found.states.positions.float(), leader.motion.head.positions, atol=1e-6)


def test_a_given_camera_stays_and_its_metres_are_found(filmed):
    leader, view, own = filmed
    K = view.K
    given = replace(view, viewmat=view.viewmat.clone())
    given.viewmat[:3, 3] *= 7.0
    found = calibrate(leader, [filming(own, given=given)], lens=leader.camera)
    assert found.model.focal == pytest.approx(float(K[0, 0]))
    assert torch.allclose(found.cameras[0].rotation.float(), view.viewmat[:3, :3], atol=1e-6)
    assert missed(found, view, leader)[0] < 0.5


def speaking(capture: Capture) -> Capture:
    """The same with lips whose landmarks part as the jaw opens."""
    tensors = dict(capture._tensors)
    tensors["landmarks"] = tensors["landmarks"].clone()
    tensors["landmarks"][:, 14, 1] += 4 * capture.motion.control("jawOpen")
    return Capture(capture.path, capture.info, tensors, 2**20)


def test_somebody_else_is_told(filmed):
    leader, own = (speaking(capture) for capture in (filmed[0], filmed[2]))
    later = torch.arange(FRAMES).roll(FRAMES // 2)
    tensors = {k: v[later] if len(v) == FRAMES else v for k, v in own._tensors.items()}
    other = Capture(own.path, own.info, tensors, 2**20)
    with pytest.raises(InputError, match="camera 'left' shows another person: that head turns"):
        place(leader, filming(other))
    assert place(leader, filming(own)) < 1.0


def test_too_few_frames_in_common(filmed):
    leader, _, own = filmed
    late = replace(filming(own), clock=Clock(offset=1.2, rate=1.0, spread=0.0, stretches=1))
    with pytest.raises(InputError, match="shows the face in 10 of the leading camera's frames; at least 20"):
        place(leader, late)


def test_a_lens_told_wrongly_from_aside_begins_near_the_leading_ones(filmed):
    leader, view, own = filmed
    K = [
        [value * (2.2 if i < 2 and i == j else 1.0) for j, value in enumerate(row)] for i, row in enumerate(own.info.K)
    ]
    tensors = dict(own._tensors) | {"head_positions": own._tensors["head_positions"] * torch.tensor([1.0, 1.0, 2.2])}
    long = Capture(own.path, replace(own.info, K=K), tensors, 2**20)
    found = calibrate(leader, [filming(long)])
    assert found.cameras[0].focal == pytest.approx(float(view.K[0, 0]), rel=0.15)
    assert missed(found, view, leader)[1] < 1.5
