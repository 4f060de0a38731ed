"""Made-up people: what the file says is what the pictures show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.demo.performing import GESTURES, SPEECH, perform
from gaussian_head.demo.population import PersonClip, PersonTruth, draw_person, make_person_clip
from gaussian_head.demo.voice import speak
from gaussian_head.face import UNITS, FaceModel
from gaussian_head.facenet import FaceLandmarks
from gaussian_head.facenet.contours import LIPS
from gaussian_head.media import probe, read_audio, read_frames

SIZE, FPS = 192, 5.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> PersonClip:
    return make_person_clip(tmp_path_factory.mktemp("people") / "new", seed=3, seconds=2.0, fps=FPS, size=SIZE)


def test_video_and_truth_are_of_one_length_and_the_file_says_what_was_made(clip):
    truth, made = PersonTruth.load(clip.truth_path), clip.truth
    assert len(truth) == len(list(read_frames(clip.video))) == 10
    assert (probe(clip.video).width, truth.fps) == (SIZE, FPS)
    assert float(np.abs(read_audio(clip.video)).max()) > 0.1
    assert truth.person.look == made.person.look
    for name in ("units", "gaze", "head_quats", "head_positions", "torso_quats", "torso_positions"):
        assert torch.equal(getattr(truth, name), getattr(made, name)), name
    assert torch.equal(truth.vertices([4]), made.vertices([4]))
    assert len(truth.cameras) == 5
    assert torch.equal(truth.cameras[0].viewmat, torch.eye(4))


def test_the_landmark_net_finds_the_face_where_the_truth_says(clip):
    truth, model = clip.truth, FaceModel.load()
    frames = list(read_frames(clip.video))
    found = FaceLandmarks()(frames[5])[0][:, :2]
    true = truth.cameras[0].project(model.landmarks(truth.vertices([5])))[0].numpy()
    width = np.linalg.norm(true[454] - true[234])
    assert np.linalg.norm(found - true, axis=1)[list(LIPS)].mean() < 0.05 * width
    assert np.linalg.norm(found - true, axis=1).mean() < 0.05 * width


def test_other_cameras_see_the_same_moment_from_beside(clip):
    truth = clip.truth
    front, left, right = (draw_person(truth, 2, camera) for camera in truth.cameras[:3])
    assert np.abs(front.astype(int) - list(read_frames(clip.video))[2]).mean() < 3
    points = [camera.project(truth.vertices([2])[0]).numpy() for camera in truth.cameras[:3]]
    nose = int(FaceModel.load().mean[:, 2].argmin())
    middle = [p[FaceModel.load().of_region("ears").numpy(), 0].mean() for p in points]
    assert points[1][nose, 0] - middle[1] < points[0][nose, 0] - middle[0] < points[2][nose, 0] - middle[2]
    assert np.abs(left.astype(int) - right).mean() > 3


def test_a_seed_is_a_person(clip, tmp_path):
    again = make_person_clip(tmp_path / "a", seed=3, seconds=2.0, fps=FPS, size=SIZE)
    assert again.video.read_bytes() == clip.video.read_bytes()
    assert torch.equal(again.truth.vertices([7]), clip.truth.vertices([7]))
    other = make_person_clip(tmp_path / "b", seed=4, seconds=2.0, fps=FPS, size=64)
    assert float((other.truth.person.identity - clip.truth.person.identity).norm()) > 2
    assert other.truth.person.look.skin != clip.truth.person.look.skin


def test_teeth_and_irises_are_seen_where_they_are(clip):
    still = replace(clip.truth, units=torch.zeros(1, 52), gaze=torch.zeros(1, 2))
    for name in ("head_quats", "head_positions", "torso_quats", "torso_positions"):
        still = replace(still, **{name: getattr(clip.truth, name)[:1]})
    model, camera = FaceModel.load(), still.cameras[0]
    shouting = replace(still, units=torch.zeros(1, 52))
    shouting.units[0, UNITS.index("jawOpen")] = 0.8
    shut, wide = (draw_person(s, 0, camera).astype(int) for s in (still, shouting))
    lips = camera.project(still.vertices([0])[0, model.of_region("lips")]).mean(0).int()
    assert np.abs(shut - wide)[lips[1] : lips[1] + 6, lips[0] - 3 : lips[0] + 3].mean() > 20
    aside = draw_person(replace(still, gaze=torch.tensor([[0.5, 0.0]])), 0, camera).astype(int)
    changed = np.argwhere(np.abs(shut - aside).sum(2) > 60)
    eyes = camera.project(still.vertices([0])[0, model.of_region("lids")]).numpy()
    assert len(changed) > 5
    assert (changed[:, 1] > eyes[:, 0].min() - 3).all()
    assert (changed[:, 0] < eyes[:, 1].max() + 3).all()


def test_every_unit_is_shown_by_somebody():
    shown = {name for gesture in GESTURES for name in gesture} | {n for shares in SPEECH.values() for n in shares}
    assert shown | {name for name in UNITS if name.startswith("eyeLook")} == set(UNITS)


def test_performances_stay_in_range_and_shut_lips_only_over_an_open_jaw():
    done = perform(speak(6, 25, 1), fps=25, gestures=len(GESTURES), generator=np.random.default_rng(0))
    assert float(done.units.min()) >= 0
    assert float(done.units.max()) <= 1
    open_, close = (done.units[:, UNITS.index(name)] for name in ("jawOpen", "mouthClose"))
    assert bool((close <= open_).all())
    assert float(done.units[:, UNITS.index("tongueOut")].max()) > 0.3


@pytest.mark.parametrize("wrong", [{"seconds": 0.1}, {"fps": 1000}, {"size": 8}, {"seed": -1}])
def test_arguments_out_of_range_are_refused(wrong, tmp_path):
    with pytest.raises(InputError):
        make_person_clip(tmp_path, **{"seed": 0, "seconds": 1.0, **wrong})


def test_a_file_that_is_no_truth_is_refused(tmp_path):
    path = Path(tmp_path / "x.safetensors")
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="make the person again"):
        PersonTruth.load(path)
