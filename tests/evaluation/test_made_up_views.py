"""Sides of a made-up person against a head: cameras meet whatever distance and focal length the head was tracked at."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.demo.population import draw_person, make_person_clip
from gaussian_head.evaluation import made_up_views
from gaussian_head.face import FaceModel

SIZE, SCALE = 96, 1.3


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return make_person_clip(tmp_path_factory.mktemp("views"), seed=3, seconds=1.0, fps=5.0, size=SIZE).truth


def as_found(truth, monkeypatch, off=0.0):
    """The person itself as a head of another size and as far away as that looks the same."""
    model = FaceModel.load()
    head = SimpleNamespace(camera=truth.cameras[0])
    actor = SimpleNamespace(head=head, clip=SimpleNamespace(motion=None))
    capture = SimpleNamespace(
        num_frames=len(truth), test_frames=torch.tensor([0, 3]), info=SimpleNamespace(width=SIZE), path="capture"
    )

    def drawn(head, motion, t, camera, background):
        view = camera.viewmat.clone()
        view[:3, 3] = view[:3, 3] / SCALE
        view[0, 3] += off
        rgb = torch.from_numpy(draw_person(truth, t, camera.with_view(view))).float() / 255
        return SimpleNamespace(rgb=rgb)

    monkeypatch.setattr(
        made_up_views, "tracked_vertices", lambda a, c, t: SCALE * model.landmarks(truth.vertices([t], model))[0]
    )
    monkeypatch.setattr(made_up_views, "render_frame", drawn)
    return actor, capture


def test_a_head_of_another_size_that_is_the_person_is_told_so_from_every_side(truth, monkeypatch):
    actor, capture = as_found(truth, monkeypatch)
    scores = made_up_views.score_views(actor, capture, truth, (0, 30, -90))
    null = scores["null, the recorded view"]
    assert all(value > 35 for value in scores["head"].values())
    assert set(null) == {"30", "-90"}
    assert null["30"] < 28
    beside = made_up_views.score_views(*as_found(truth, monkeypatch, off=0.02), truth, (30,))
    assert beside["head"]["30"] < scores["head"]["30"] - 5


def test_another_films_truth_is_refused(truth, monkeypatch):
    actor, capture = as_found(truth, monkeypatch)
    short = replace(truth, units=truth.units[:-1])
    with pytest.raises(InputError, match="of the film it was tracked from"):
        made_up_views.score_views(actor, capture, short)
