"""Putting a lower face back: what need not change does not, to the bit; what must, does, in the recording's light."""

from types import SimpleNamespace

import numpy as np
import pytest
from support_dub import JAW, grained, stretch_of, synthetic, with_jaw

from gaussian_head.dubbing.compose import DrawnMouth, Part, dubbed_frames
from gaussian_head.dubbing.patch import around_seeds, put_back
from gaussian_head.dubbing.stretches import BRIDGED, DUBBED, PASSED
from gaussian_head.dubbing.surface import LowerFace
from gaussian_head.dubbing.trust import warped

OPEN = 0.9


@pytest.fixture(scope="module")
def actor():
    return synthetic()


@pytest.fixture(scope="module")
def face(actor):
    return LowerFace(actor.head, actor.clip.motion)


def part(actor, face, opening, **more) -> Part:
    stretch = stretch_of(actor, **more)
    return Part(stretch=stretch, wanted=with_jaw(stretch.recorded, opening), mouth=DrawnMouth(face=face))


def test_every_pixel_outside_the_mask_is_the_recording_to_the_bit(actor, face):
    recorded = [(t, grained(actor, actor.clip.motion, t)) for t in range(4)]
    before = [image.copy() for _, image in recorded]
    for (_, image), kept, made in zip(
        recorded, before, dubbed_frames(recorded, [part(actor, face, OPEN)], 0), strict=True
    ):
        assert np.array_equal(image, kept), "the recording itself was written to"
        (_, box, patched) = made.patches[0]
        mask = np.zeros(image.shape[:2], bool)
        mask[box.slices] = patched.mask > 0
        assert 0 < mask.mean() < 0.4
        assert np.array_equal(made.image[~mask], image[~mask])
        assert np.abs(made.image[mask].astype(int) - image[mask]).max() > 10


def test_the_same_mouth_is_the_recording(actor, face):
    motion = actor.clip.motion
    pair = face.pair(motion.at(3), motion.at(3), actor.head.camera)
    image = grained(actor, motion, 3)[pair.box.slices]
    out = put_back(image, pair).image
    assert np.abs(out.astype(int) - image).mean() < 1.5
    assert np.abs(pair.flow).max() < 1e-3


def test_an_opened_mouth_looks_like_the_recording_of_it(actor, face):
    motion = with_jaw(actor.clip.motion, 0.1)
    wanted = with_jaw(motion, OPEN)
    errors, untouched = [], []
    for t in range(0, 12, 3):
        pair = face.pair(motion.at(t), wanted.at(t), actor.head.camera)
        rows = pair.box.slices
        recorded, truth = (grained(actor, m, t, 0.003)[rows] for m in (motion, wanted))
        patched = put_back(recorded, pair)
        new = patched.mask > 0.9
        errors.append(np.abs(patched.image.astype(float) - truth)[new].mean())
        untouched.append(np.abs(recorded.astype(float) - truth)[new].mean())
    assert np.mean(errors) < 0.7 * np.mean(untouched)
    assert np.mean(errors) < 2.5


def test_a_hand_before_the_mouth_stays_in_front(actor, face):
    motion = actor.clip.motion
    pair = face.pair(motion.at(0), with_jaw(motion, OPEN).at(0), actor.head.camera)
    image = grained(actor, motion, 0)[pair.box.slices].copy()
    height, width = image.shape[:2]
    image[height // 3 :, : width // 2] = (20, 160, 40)
    patched = put_back(image, pair)
    hand = np.zeros((height, width), bool)
    hand[height // 3 + 6 :, 6 : width // 2 - 6] = True
    assert patched.covered > 0.2
    assert np.abs(patched.image[hand].astype(int) - (20, 160, 40)).mean() < 2
    clear = put_back(grained(actor, motion, 0)[pair.box.slices], pair)
    assert clear.covered < 0.05


def test_the_faint_part_of_a_hand_belongs_to_it_and_other_faint_things_do_not():
    flat = np.full((60, 120, 3), 0.5, np.float32)
    whole = np.ones((60, 120), np.float32)
    pair = SimpleNamespace(old=flat, old_alpha=whole, mask=whole)
    picture = flat.copy()
    picture[20:40, 10:30] += 0.3
    picture[20:40, 30:60] += 0.12
    picture[20:40, 90:110] += 0.12
    seeds = np.zeros((60, 120), bool)
    seeds[22:38, 12:28] = True
    found = around_seeds(picture, pair, seeds, 2.0)
    assert found[24:36, 14:56].all()
    assert not found[:, 80:].any()


def test_frames_that_are_not_believed_and_other_frames_stay_themselves(actor, face):
    states = (PASSED,) * 3 + (BRIDGED,) + (DUBBED,) * (len(actor.clip.motion) - 4)
    frames = [(t, grained(actor, actor.clip.motion, max(t - 5, 0))) for t in range(12)]
    made = list(dubbed_frames(frames, [part(actor, face, OPEN, first=5, states=states)], 0))
    assert [m.state for m in made[:9]] == [PASSED] * 8 + [BRIDGED]
    assert all(m.image is image for m, (_, image) in zip(made[:8], frames[:8], strict=True))
    assert all(m.state == DUBBED and m.image is not image for m, (_, image) in zip(made[9:], frames[9:], strict=True))


def test_a_mouth_that_shall_do_what_it_did_is_not_drawn(actor, face):
    stretch = stretch_of(actor)
    frames = [(0, grained(actor, actor.clip.motion, 0))]
    (made,) = dubbed_frames(frames, [Part(stretch=stretch, wanted=stretch.recorded, mouth=DrawnMouth(face=face))], 0)
    assert made.image is frames[0][1]
    assert made.state == PASSED


def test_a_face_outside_the_picture_is_left_alone(actor, face):
    from dataclasses import replace

    camera = actor.head.camera
    K = camera.K.clone()
    K[0, 2] += 10 * camera.width
    away = replace(camera, K=K)
    assert face.pair(actor.clip.motion.at(0), with_jaw(actor.clip.motion, OPEN).at(0), away) is None


def test_flow_leads_to_where_the_chin_was(actor, face):
    motion = with_jaw(actor.clip.motion, 0.0)
    pair = face.pair(motion.at(0), with_jaw(motion, OPEN).at(0), actor.head.camera)
    moved = pair.flow[..., 1][pair.mask > 0.5]
    assert moved.min() < -0.5
    assert abs(pair.flow[..., 0]).max() < abs(moved.min())
    assert motion.units[:, JAW].max() == 0


def test_warping_reads_where_the_flow_says():
    picture = np.random.default_rng(0).random((9, 9, 3)).astype(np.float32)
    flow = np.zeros((9, 9, 2), np.float32)
    flow[..., 0], flow[..., 1] = 2, -1
    assert np.allclose(warped(picture, flow)[1:, :7], picture[:-1, 2:], atol=1e-6)


def test_the_same_frame_is_made_the_same_again(actor, face):
    frames = [(2, grained(actor, actor.clip.motion, 2))]
    one, two = (next(iter(dubbed_frames(frames, [part(actor, face, OPEN)], 7))).image for _ in range(2))
    assert np.array_equal(one, two)
