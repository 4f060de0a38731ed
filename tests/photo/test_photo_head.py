"""A head made of one photograph: like the photograph in front, closed behind, moved by units, spoken by the prior."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gaussian_head.actor import Actor, speak
from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.evaluation.photographed import carried_marks, drawn_like
from gaussian_head.face import REGIONS, UNITS
from gaussian_head.media import Photograph, read_photograph
from gaussian_head.metrics import psnr
from gaussian_head.motion import MotionFrame
from gaussian_head.photo import reconstruct_photos
from gaussian_head.photo.building import build
from gaussian_head.photo.pruning import only, seen_from_around
from gaussian_head.photo.refining import moment_of
from gaussian_head.photo.samples import DEEPER, carved, surface_points
from gaussian_head.photo.shape import carried_round
from gaussian_head.photo.view import prepare
from gaussian_head.rendering import orbit_view
from gaussian_head.rendering.frames import render_moment


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    data = pytest.importorskip("skimage.data")
    path = tmp_path_factory.mktemp("photo") / "me.png"
    Image.fromarray(np.ascontiguousarray(data.astronaut()[0:400, 30:430])).save(path)
    return path


@pytest.fixture(scope="module")
def built(photograph):
    return build([prepare(read_photograph(photograph), size=256)], steps=60)


def neutral_of(built) -> MotionFrame:
    moment = moment_of(built.fit.photos[0])
    return replace(MotionFrame.neutral(moment.head, moment.torso), gaze=moment.gaze)


def with_units(built, **values) -> MotionFrame:
    units = torch.zeros(len(UNITS))
    for name, value in values.items():
        units[UNITS.index(name)] = value
    return replace(neutral_of(built), units=units)


def test_in_front_it_looks_like_the_photograph(built):
    head = built.actor.head
    drawn = render_moment(head, moment_of(built.fit.photos[0]), head.camera, background=head.background)
    target = torch.from_numpy(built.views[0].image).float() / 255
    card = head.background
    assert psnr(drawn.rgb, target) > 21
    assert psnr(drawn.rgb, target) > psnr(card, target) + 8
    assert built.fit.photos[0].error < 0.02


def test_a_second_photograph_costs_nothing_where_the_first_is_seen(built):
    first = built.views[0]
    mirrored = np.ascontiguousarray(np.array(first.image)[:, ::-1] // 2)
    other = prepare(Photograph(rgb=mirrored, alpha=None, focal=None, name="other", notes=()), size=256)
    target = torch.from_numpy(first.image).float() / 255

    def in_front(made) -> float:
        head = made.actor.head
        drawn = render_moment(head, moment_of(made.fit.photos[0]), head.camera, background=head.background)
        return float(psnr(drawn.rgb, target))

    assert in_front(build([first, other], steps=60)) > in_front(built) - 0.5


def test_a_camera_is_carried_round_the_head(built):
    photo, camera = built.fit.photos[0], Camera.from_focal(300, 256, 256)
    centre = photo.pose.positions
    for turn, rise in ((0, 0), (40, 0), (-90, 30)):
        for centred in (False, True):
            view = carried_round(photo, camera, turn, rise, centred=centred).viewmat
            wanted = centre * torch.tensor([0, 0, 1.0]) if centred else centre
            torch.testing.assert_close(view[:3, :3] @ centre + view[:3, 3], wanted, atol=1e-5, rtol=0)
    side = carried_round(photo, camera, 90).viewmat
    assert float((side[:3, :3] @ torch.tensor([1.0, 0, 0]))[2].abs()) > 0.999
    assert torch.equal(carried_round(photo, camera, 0).viewmat, torch.eye(4))


def test_it_is_closed_from_every_side(built):
    head, moment = built.actor.head, neutral_of(built)
    areas = []
    for yaw in np.radians([0, 45, 90, 135, 180, 270]):
        drawn = render_moment(head, moment, orbit_view(head, yaw=float(yaw)))
        middle = drawn.alpha[90:150, 112:144]
        assert middle.min() > 0.9, np.degrees(yaw)
        areas.append(float(drawn.alpha.mean()))
    assert min(areas) > 0.6 * max(areas)


def test_units_move_what_they_name(built):
    head, camera = built.actor.head, built.actor.head.camera
    rest = render_moment(head, neutral_of(built), camera).rgb
    marks = built.views[0].landmarks
    mouth, eye = marks[13].astype(int), marks[159].astype(int)

    def changed(**units) -> torch.Tensor:
        return (render_moment(head, with_units(built, **units), camera).rgb - rest).abs().mean(-1)

    def around(change, at) -> float:
        return float(change[at[1] - 8 : at[1] + 8, at[0] - 12 : at[0] + 12].mean())

    jaw, blink = changed(jawOpen=0.5), changed(eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    assert around(jaw, mouth) > 5 * around(jaw, eye)
    assert around(blink, eye) > 5 * around(blink, mouth)
    assert changed().max() == 0


def test_points_lie_as_deep_as_they_are_wide_and_closest_on_lips(built):
    view, photo = built.views[0], built.fit.photos[0]
    samples, spacing = surface_points(built.shape, [view], built.fit.photos)
    lips = samples.regions == REGIONS.index("lips")
    pixel = float(photo.pose.positions[2]) / photo.focal
    assert np.median(spacing[lips]) < 1.2 * pixel
    assert np.median(spacing[~lips]) > 1.5 * pixel
    moved = carved(samples, spacing, built.shape, view, photo).points - samples.points
    deeper = -(moved * samples.normals).sum(1)
    assert np.median(deeper) == pytest.approx(DEEPER * float(np.median(spacing)), rel=0.3)
    assert (deeper > 0).mean() > 0.9


def test_the_rest_is_neutral_whatever_the_photograph_shows(built):
    motion = built.actor.clip.motion
    assert motion.units.abs().max() == 0
    smile = built.fit.photos[0].units[[UNITS.index("mouthSmileLeft"), UNITS.index("mouthSmileRight")]].mean()
    assert smile > 0.3  # the astronaut smiles; her head's rest does not


def test_every_gaussian_says_where_it_comes_from(built):
    assert built.origin.shape == (len(built.actor.head),)
    assert set(built.origin.unique().tolist()) == {0, 1, 2}


def test_what_nobody_can_see_is_left_out(built):
    head, photo = built.actor.head, built.fit.photos[0]
    assert seen_from_around(head, photo).float().mean() > 0.97
    face, *others = head.branches
    buried = replace(face, means=face.means * 0.5)
    kept = seen_from_around(head.with_branches((face, *others[:-1], buried)), photo)
    assert kept[-len(buried) :].float().mean() < 0.2
    few = torch.arange(len(head)) % 3 == 0
    assert len(only(head, few)) == int(few.sum())


def test_a_clip_is_compared_in_the_clips_own_frame(built, photograph):
    whole = np.array(Image.open(photograph))
    drawn = drawn_like(built.actor.head.gaussians_at(moment_of(built.fit.photos[0])), built, whole)
    left, top, side = built.views[0].crop
    outside = np.ones(whole.shape[:2], bool)
    outside[top : top + side, left : left + side] = False
    assert (drawn == whole)[outside].mean() > 0.6  # shoulders go on beyond the square
    away = [np.abs(np.roll(drawn, by, 1).astype(float) - whole).mean() for by in (0, -6, 6)]
    assert away[0] < 0.6 * min(away[1:])


def test_marks_carried_by_no_motion_stay(built):
    marks = np.random.default_rng(0).uniform(0, 400, (478, 2))
    still = moment_of(built.fit.photos[0])
    assert np.abs(carried_marks(built, marks, still) - marks).max() < 1e-3
    open_wide = replace(still, units=still.units.clone().index_fill(0, torch.tensor(UNITS.index("jawOpen")), 1.0))
    moved = carried_marks(built, marks, open_wide) - marks
    assert moved[17, 1] > 3  # the lower lip
    assert np.abs(moved[[33, 263]]).max() < 0.5  # the eyes' corners


def test_the_folder_is_an_actors_and_speaks(photograph, tmp_path, monkeypatch):
    from gaussian_head.photo import pipeline

    monkeypatch.setattr(pipeline, "build", lambda views, **k: build(views, **(k | {"steps": 1})))
    said = []
    reconstruct_photos([photograph], tmp_path, size=256, listener=said.append)
    numbers = json.loads((tmp_path / "photo.json").read_text())
    assert sum(numbers["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert Image.open(tmp_path / "report.png").width == 1920
    actor = Actor.load(tmp_path / "head")
    sound = (0.2 * np.sin(np.arange(16000) * 0.05)).astype(np.float32)
    motion = speak(actor, sound)
    assert len(motion) == 25
    assert motion.units.isfinite().all()
    with pytest.raises(InputError, match="holds a finished head, which would be replaced; give --overwrite"):
        reconstruct_photos([photograph], tmp_path, size=256)
