"""A picture painted over changes the head in every frame, where it was painted and nowhere else."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from support_head import make_actor

from gaussian_head import InputError
from gaussian_head.editing import EditConfig, canvas_of, edit_head, lifting, read_painted
from gaussian_head.editing.surface import seeds_at
from gaussian_head.face import UNITS
from gaussian_head.head.anchors import Anchors, Hung
from gaussian_head.media.image import write_image
from gaussian_head.metrics import psnr
from gaussian_head.rendering import orbit_view, render_frame

RED = np.array([200, 30, 40])


@pytest.fixture(scope="module")
def actor():
    return make_actor(20, num_gaussians=4000, size=128)


@pytest.fixture(scope="module")
def canvas(actor):
    return canvas_of(actor.head, actor.clip.motion.at(0))


def painted_with(canvas, tmp_path, paint):
    """What reading ``paint``'s version of the canvas finds."""
    picture = canvas.picture.copy()
    paint(picture)
    write_image(tmp_path / "painted.png", picture)
    return read_painted(canvas, tmp_path / "painted.png")[0]


def patch(picture):
    picture[56:64, 50:62] = RED


def shown(head, actor, t, yaw=0.0):
    return render_frame(head, actor.clip.motion, t, orbit_view(head, yaw), background=head.background).rgb


def test_a_painted_patch_is_there_in_later_frames_and_from_the_side(actor, canvas, tmp_path):
    head = edit_head(actor.head, [painted_with(canvas, tmp_path, patch)])
    red = torch.from_numpy(RED / 255).float()
    for t, yaw in ((0, 0.0), (7, 0.0), (13, math.radians(20))):
        rgb, before = shown(head, actor, t, yaw), shown(actor.head, actor, t, yaw)
        near = (rgb - red).abs().amax(2) < 0.12
        assert near.sum() > 40, (t, yaw)
        assert not ((before - red).abs().amax(2) < 0.12).any()


def test_the_painted_frame_is_met_and_the_rest_of_it_stays(actor, canvas, tmp_path):
    found = painted_with(canvas, tmp_path, patch)
    rgb = shown(edit_head(actor.head, [found]), actor, 0)
    changed = torch.from_numpy(found.changed)
    assert psnr(rgb, found.target, changed) > 28
    assert psnr(canvas.frame.rgb, found.target, changed) < 15
    assert psnr(rgb, canvas.frame.rgb, ~changed) > 36  # the made-up head's Gaussians are as wide as the patch


def test_what_is_not_touched_keeps_every_bit(actor, canvas, tmp_path):
    head = edit_head(actor.head, [painted_with(canvas, tmp_path, patch)])
    changed = 0
    for old, new in zip(actor.head.branches, head.branches, strict=True):
        n = len(old)
        assert len(new) >= n
        for name, tensor in old.tensors().items():
            if name != "sh0":
                assert torch.equal(getattr(new, name)[:n], tensor), name
        changed += int((new.sh0[:n] != old.sh0).any(2).sum())
    assert 0 < changed < 300
    assert torch.equal(head.background, actor.head.background)
    assert head.coefficient_params is actor.head.coefficient_params


def test_a_painted_lip_follows_the_mouth(actor, canvas, tmp_path):
    def lipstick(picture):
        lips = (np.abs(picture.astype(int) - [178, 82, 82]).max(2) < 25).nonzero()
        picture[lips] = RED

    found = painted_with(canvas, tmp_path, lipstick)
    head = edit_head(actor.head, [found])
    opened = int(actor.clip.motion.control("jawOpen").argmax())
    red = torch.from_numpy(RED / 255).float()
    rows = [((shown(head, actor, t) - red).abs().amax(2) < 0.2).nonzero()[:, 0] for t in (0, opened)]
    assert rows[1].max() - rows[1].min() > rows[0].max() - rows[0].min() + 2


@pytest.fixture(scope="module")
def hung(actor):
    """The head, every face Gaussian of which follows a smile beyond the inner code by how high it lies."""
    smile, branch = UNITS.index("mouthSmileLeft"), actor.head.branch("face")
    offsets = torch.zeros(52, 2, 3)
    offsets[smile, 0, 0] = 0.02
    high = ((branch.means[:, 1] + 0.12) / 0.24).clamp(0.01, 0.99)
    corners = torch.tensor([[0, 1]]).repeat(len(branch), 1)
    face = Hung(rows=torch.arange(len(branch)), corners=corners, weights=torch.stack([high, 1 - high], 1))
    slopes = torch.zeros(52, 2, 3, 3)
    return replace(
        actor.head,
        anchors=Anchors(reach=torch.zeros(52), offsets=offsets, slopes=slopes, branches={"face": face}),
    )


def carried_along(head, actor):
    """Metres by which the smile moves every Gaussian of the face to the side."""
    moment = actor.clip.motion.at(0)
    smiling = replace(moment, units=torch.eye(52)[UNITS.index("mouthSmileLeft")])
    still = replace(moment, units=torch.zeros(52))
    count = len(head.branch("face"))
    return (head.gaussians_at(smiling).means - head.gaussians_at(still).means)[:count]


def test_new_paint_follows_units_that_the_clip_never_showed(actor, hung, canvas, tmp_path):
    head = edit_head(hung, [painted_with(canvas, tmp_path, patch)])
    old = len(hung.branch("face"))
    assert len(head.branch("face")) > old
    moved = carried_along(head, actor).norm(dim=1)
    apart = torch.cdist(head.branch("face").means[old:], hung.branch("face").means)
    assert torch.allclose(moved[old:], moved[apart.argmin(1)], atol=2e-3)
    assert moved[old:].min() > 0.005
    assert torch.equal(moved[:old], carried_along(hung, actor).norm(dim=1))


def test_what_is_left_where_hair_went_keeps_its_own_vertices(actor, hung, tmp_path):
    canvas = canvas_of(hung, actor.clip.motion.at(0))
    plate = (canvas.plate.numpy() * 255 + 0.5).astype(np.uint8)

    def cut(picture):
        picture[:38] = plate[:38]

    head = edit_head(hung, [painted_with(canvas, tmp_path, cut)])
    before, after = hung.branch("face").means, head.branch("face").means
    gone = len(before) - len(after)
    assert gone > 0
    same = torch.cdist(after, before).argmin(1)
    assert torch.allclose(carried_along(head, actor), carried_along(hung, actor)[same], atol=1e-6)


def test_half_the_strength_is_half_the_change(actor, canvas, tmp_path):
    found = [painted_with(canvas, tmp_path, patch)]
    middle = (slice(58, 62), slice(52, 60))
    none, half, whole = (
        shown(edit_head(actor.head, found, EditConfig(strength=s)), actor, 0)[middle].mean() for s in (0.0, 0.5, 1.0)
    )
    assert none == shown(actor.head, actor, 0)[middle].mean()
    assert 0.25 < (half - none) / (whole - none) < 0.8


def test_a_hat_stands_beyond_the_outline_and_turns_along(actor, canvas, tmp_path):
    def hat(picture):
        picture[2:22, 40:88] = RED

    found = painted_with(canvas, tmp_path, hat)
    assert found.added.sum() > 200
    head = edit_head(actor.head, [found], EditConfig(stiff=True))
    for t, yaw in ((0, 0.0), (9, 0.0), (5, 0.4)):
        red = (shown(head, actor, t, yaw) - torch.from_numpy(RED / 255).float()).abs().amax(2) < 0.15
        assert red.sum() > 500, (t, yaw)
    face = head.branch("face")
    assert not face.basis[-50:].any()
    assert bool((face.head_weights[-50:] == 1).all())


def test_what_stands_before_the_paint_does_not_hide_it(actor, tmp_path):
    face = actor.head.branch("face")
    nose = (face.means - face.means[face.means[:, 2].argmin()]).norm(dim=1) < 0.012
    longer = replace(face, means=face.means - 0.016 * nose[:, None] * torch.tensor([0.0, 0.0, 1.0]))
    head = actor.head.with_branches(tuple(longer if b is face else b for b in actor.head.branches))
    canvas = canvas_of(head, actor.clip.motion.at(0))

    def bar(picture):
        picture[40:76, 40:90] = RED

    found = painted_with(canvas, tmp_path, bar)
    resting = seeds_at(found, found.changed, stiff=True, lift=np.full(found.changed.shape, lifting.STIFF_LIFTS[0]))
    raised = lifting.standing_off(head, found, found.changed, stiff=True)

    def least_seen(seeds):
        seen, alone = lifting._shown(head, seeds, found)
        seen, alone = (ndimage.uniform_filter(made * found.changed, 5) for made in (seen, alone))
        return float((seen / alone.clip(1e-6))[found.changed].min())

    assert least_seen(resting) < 0.8
    assert least_seen(raised) > 0.89
    up = (resting.points - raised.points)[:, 2]
    assert float(up.max() - up.min()) > 0.002  # it stands off farther only where something stands before it


def test_a_soft_brush_leaves_no_wall_on_the_person(actor, canvas, tmp_path):
    def hat(picture):
        share = np.zeros((128, 128, 1))
        share[2:22, 40:88] = 1
        share = ndimage.gaussian_filter(share, (3, 3, 0))
        picture[:] = picture + share * (RED - picture)

    found = painted_with(canvas, tmp_path, hat)
    assert found.added.sum() > 200
    away = torch.from_numpy(RED / 255).float() - canvas.plate
    share = ((found.target - canvas.plate) * away).sum(2) / away.square().sum(2)
    assert float(share[torch.from_numpy(found.added)].min()) > 0.4


def test_what_is_painted_away_is_gone(actor, canvas, tmp_path):
    plate = (canvas.plate.numpy() * 255 + 0.5).astype(np.uint8)

    def cut(picture):
        picture[:38] = plate[:38]

    found = painted_with(canvas, tmp_path, cut)
    assert found.removed.sum() > 300
    head = edit_head(actor.head, [found])
    assert len(head) < len(actor.head)
    alpha = render_frame(head, actor.clip.motion, 0).alpha
    assert alpha[torch.from_numpy(found.removed)].mean() < 0.15
    assert alpha[60:64, 60:64].min() > 0.9


def test_mirrored_paint_appears_on_the_other_side(actor, canvas, tmp_path):
    def left(picture):
        picture[60:68, 38:46] = RED

    found = [painted_with(canvas, tmp_path, left)]
    red = torch.from_numpy(RED / 255).float()
    alone, both = (
        ((shown(edit_head(actor.head, found, EditConfig(mirror=m)), actor, 0) - red).abs().amax(2) < 0.2)
        for m in (False, True)
    )
    assert not alone[:, 70:].any()
    assert both[58:70, 80:94].sum() > 20


def test_two_pictures_of_one_look_are_fitted_together(actor, canvas, tmp_path):
    side = canvas_of(actor.head, actor.clip.motion.at(0), orbit_view(actor.head, math.radians(35)))
    one = painted_with(canvas, tmp_path, patch)

    def cheek(picture):
        picture[56:64, 84:90] = RED

    two = painted_with(side, tmp_path, cheek)
    head = edit_head(actor.head, [one, two])
    for found in (one, two):
        t = torch.from_numpy(found.changed)
        rgb = render_frame(head, actor.clip.motion, 0, found.canvas.camera, background=found.canvas.plate).rgb
        assert psnr(rgb, found.target, t) > psnr(found.canvas.frame.rgb, found.target, t) + 8


def refusal(canvas, tmp_path, picture):
    write_image(tmp_path / "bad.png", picture)
    with pytest.raises(InputError) as caught:
        read_painted(canvas, tmp_path / "bad.png")
    return str(caught.value)


def test_unchanged_pictures_are_refused(canvas, tmp_path):
    assert "shows nothing that differs by more than 8" in refusal(canvas, tmp_path, canvas.picture)
    slightly = (canvas.picture.astype(int) + 4).clip(0, 255).astype(np.uint8)
    assert "shows nothing" in refusal(canvas, tmp_path, slightly)


def test_pictures_of_another_size_are_refused(canvas, tmp_path):
    assert "has 120x128 pixels and the frame 128x128" in refusal(canvas, tmp_path, canvas.picture[:, :120])


def test_moved_pictures_are_refused(canvas, tmp_path):
    moved = np.roll(canvas.picture, (3, -4), (0, 1))
    assert "is moved by -4.0, 3." in refusal(canvas, tmp_path, moved)


def test_another_person_is_refused(canvas, tmp_path):
    other = canvas_of(make_actor(5, num_gaussians=4000, size=128, seed=3).head, canvas.moment).picture
    noise = np.random.default_rng(0).normal(size=(32, 32, 3)).repeat(4, 0).repeat(4, 1)
    other = (0.4 * other + 70 + 60 * noise).clip(0, 255).astype(np.uint8)
    assert "shows another person" in refusal(canvas, tmp_path, other)


def test_a_painted_wall_is_refused(canvas, tmp_path):
    wall = canvas.picture.copy()
    wall[2:8, 2:8] = RED
    assert "differs in the background alone" in refusal(canvas, tmp_path, wall)


def test_jpg_noise_is_not_taken_for_paint(canvas, tmp_path):
    picture = canvas.picture.copy()
    patch(picture)
    write_image(tmp_path / "painted.jpg", picture, quality=90)
    found, _left_out = read_painted(canvas, tmp_path / "painted.jpg")
    assert found.changed[56:64, 50:62].mean() > 0.9
    assert found.changed.sum() < 400
