"""What somebody at a notebook gets wrong at first is answered, and what they expect of a sequence holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support_head import make_actor

import gaussian_head
from gaussian_head.checks import InputError, require_file
from gaussian_head.metrics import psnr
from gaussian_head.motion.edit import resample
from gaussian_head.playing.shelf import Shelf
from gaussian_head.rendering import orbit_view


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_frames=12, num_gaussians=400, size=64)


@pytest.fixture(scope="module")
def motion(actor):
    return actor.clip.motion


def test_a_motion_is_sliced_and_counted_as_a_list_is(motion):
    assert len(motion[3:9]) == 6
    assert torch.equal(motion[3:9].units, motion.units[3:9])
    assert torch.equal(motion[-1].units, motion.units[11])
    assert len(list(motion)) == 12
    with pytest.raises(IndexError, match="frame 12 was asked of a motion of 12 frames"):
        motion[12]


def test_stretches_of_a_motion_join_to_the_whole(motion):
    whole = motion[:5].joined(motion[5:7], motion[7:])
    assert whole.basis_id == motion.basis_id
    for name, value in motion.tensors().items():
        assert torch.equal(whole.tensors()[name], value), name


def test_joined_motions_keep_no_residual_of_two_faces(motion):
    stranger = motion.__class__.from_tensors(motion.tensors(), fps=motion.fps, basis_id="somebody else")
    mine = motion.__class__.from_tensors(motion.tensors(), fps=motion.fps, basis_id="me")
    assert mine.residual.shape[1] > 0
    joined = mine.joined(stranger)
    assert joined.residual.shape == (24, 0)
    assert joined.basis_id == ""
    with pytest.raises(InputError, match=r"50 fps .* 25 fps"):
        motion.joined(resample(motion, 50.0))


@pytest.mark.parametrize("t", [-1, 12, 10**6])
def test_a_frame_that_is_not_there_is_named(actor, motion, t):
    with pytest.raises(InputError, match=f"frame {t} .* 12 frames; they are 0 to 11"):
        gaussian_head.render_frame(actor.head, motion, t)


@pytest.mark.parametrize("counted", [np.float32, np.int16])
def test_samples_counted_in_16_bits_are_answered(actor, counted):
    loud = (12000 * np.sin(np.arange(8000) / 20)).astype(counted)
    with pytest.raises(InputError, match=r"floats in \[-1, 1\] .* divided by 32768|type int16"):
        gaussian_head.speak(actor, loud)
    assert len(gaussian_head.speak(actor, loud.astype(np.float32) / 4000)) == 12  # 10 dB too loud is loud, no more


def test_a_unit_misspelt_is_answered_by_the_nearest(motion):
    with pytest.raises(InputError, match=r"'jaw' .* did you mean 'jawOpen'"):
        motion.control("jaw")
    assert motion.control("jawOpen").shape == (12,)


def test_values_print_in_one_line(actor, motion):
    frame = gaussian_head.render_frame(actor.head, motion, 0)
    for value in (
        motion,
        motion[0],
        motion.head,
        frame,
        actor,
        actor.head,
        actor.head.branches[0],
        actor.head.code_map,
    ):
        assert "\n" not in repr(value)
        assert len(repr(value)) < 600


@pytest.mark.parametrize(("given", "same"), [("red", (1, 0, 0)), ("#0000ff", (0.0, 0, 1)), ([0, 0.5, 0], (0, 0.5, 0))])
def test_backgrounds_are_given_by_name_or_numbers(actor, motion, given, same):
    wanted = gaussian_head.render_frame(actor.head, motion, 0, background=torch.tensor(same, dtype=torch.float32))
    assert torch.equal(gaussian_head.render_frame(actor.head, motion, 0, background=given).rgb, wanted.rgb)


def test_the_recorded_plate_and_nothing_stand_behind_too(actor, motion):
    plate = gaussian_head.render_frame(actor.head, motion, 0, background="captured").rgb
    assert torch.equal(plate, gaussian_head.render_frame(actor.head, motion, 0, background=actor.head.background).rgb)
    nothing = gaussian_head.render_frame(actor.head, motion, 0).rgb
    assert torch.equal(nothing, gaussian_head.render_frame(actor.head, motion, 0, background="transparent").rgb)


@pytest.mark.parametrize("given", [(255, 0, 0), 0.5, [0, 1], "reddish"])
def test_a_background_that_is_none_is_answered(actor, motion, given):
    with pytest.raises(InputError, match=r"background .* colour"):
        gaussian_head.render_frame(actor.head, motion, 0, background=given)


def test_degrees_given_as_radians_are_answered(actor):
    with pytest.raises(InputError, match=r"yaw is 30 radians; .* math.radians\(30\)"):
        orbit_view(actor.head, yaw=30)


def test_the_folder_above_a_head_is_answered_by_the_head(actor, tmp_path):
    replace(actor, voice=None).save(tmp_path / "head")
    with pytest.raises(InputError, match=f"give {tmp_path / 'head'}"):
        gaussian_head.Head.load(tmp_path)


def test_one_head_need_not_be_a_list(actor, tmp_path):
    replace(actor, voice=None).save(tmp_path / "anna" / "head")
    for given in (tmp_path / "anna" / "head", str(tmp_path / "anna" / "head")):
        assert Shelf(given).names == ("anna",)
    assert len(Shelf(actor).names) == 1


def test_an_address_is_no_misspelt_path():
    with pytest.raises(InputError, match=r"is an address; .* download it first"):
        require_file("https://example.com/clip.mp4", "video")


def test_one_camera_for_the_rasterizer_is_answered():
    points, one = torch.zeros(2, 3), torch.ones(2)
    with pytest.raises(InputError, match=r"viewmats has shape \[4, 4\]; .* viewmats\[None\]"):
        gaussian_head.rasterize(points, torch.ones(2, 4), points + 1, one, points, torch.eye(4), torch.eye(3), 8, 8)


@pytest.mark.parametrize("bright", [np.full((16, 16, 3), 200, np.uint8), np.full((16, 16, 3), 200.0, np.float32)])
def test_pictures_counted_to_255_are_answered(bright):
    picture = torch.from_numpy(bright)
    with pytest.raises(InputError, match=r"floats in \[0, 1\] were wanted"):
        psnr(picture, picture)
