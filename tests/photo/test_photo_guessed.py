"""What no photograph shows: ears under hair, the far side of hair, hair behind a neck, what lies beyond the border."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gaussian_head.face import REGIONS, FaceModel
from gaussian_head.head.volume import HullSamples
from gaussian_head.photo import dressing
from gaussian_head.photo.beyond import ROOM, framed
from gaussian_head.photo.dressing import HAIR, SKIN, _grain, _met
from gaussian_head.photo.hanging import CURTAIN, LOCKS, _curtain_colours, _long_rows
from gaussian_head.photo.samples import Sighting, _crown_lowered
from gaussian_head.photo.seeing import Shown, _covered_ears
from gaussian_head.photo.shape import PhotoShape, head_share, outer_triangles

S = 96


def sighting(row, column, cosine) -> Sighting:
    return Sighting(row=row, column=column, cosine=cosine, pixel=np.full(len(row), 1e-3))


def samples_at(points: np.ndarray, region: str) -> HullSamples:
    count = len(points)
    return HullSamples(
        points=points,
        normals=np.tile([0.0, 0, -1], (count, 1)),
        regions=np.full(count, REGIONS.index(region)),
        triangles=np.zeros(count, np.int64),
        weights=np.full((count, 3), 1 / 3),
    )


def seen_by(**values: Any) -> Any:
    """A photograph of which a test needs a few fields."""
    return SimpleNamespace(**values)


@pytest.fixture(scope="module")
def average() -> PhotoShape:
    model = FaceModel.load()
    vertices = model.mean.double().numpy()
    return PhotoShape(
        model=model,
        vertices=vertices,
        thickness=np.zeros(len(vertices)),
        triangles=outer_triangles(model),
        head_weights=head_share(model, vertices[:, 1], vertices),
    )


def test_an_ear_lies_under_hair_where_the_photograph_that_sees_it_best_shows_hair():
    samples = samples_at(np.column_stack([np.repeat([-0.07, 0.07], 30), np.zeros((60, 2))]), "ears")
    left = samples.points[:, 0] > 0
    column, row = np.where(left, 70.0, 20.0), np.full(60, 40.0)
    hair = np.zeros((S, S), bool)
    hair[:, 60:] = True
    front = sighting(row, column, np.full(60, 0.4))
    assert _covered_ears(samples, [seen_by(hair=hair)], [front]) == (1,)
    aside = sighting(row, column, np.where(left, 0.9, 0.0))
    bare = seen_by(hair=np.zeros((S, S), bool))
    assert _covered_ears(samples, [seen_by(hair=hair), bare], [front, aside]) == ()
    unseen = sighting(row, column, np.zeros(60))
    assert _covered_ears(samples, [seen_by(hair=hair)], [unseen]) == ()


def test_strands_of_guessed_hair_fade_away_from_the_seen_hair(monkeypatch, average):
    hair, image = np.zeros((S, S), bool), np.full((S, S, 3), 60, np.uint8)
    hair[:, :40] = True
    image[::2, :40] = 100
    view = seen_by(hair=hair, alpha=np.full((S, S), 255, np.uint8), image=image)
    row, column = (v.ravel().astype(float) for v in np.mgrid[20:76, 2:94])
    samples = samples_at(np.zeros((len(row), 3)), "scalp")
    monkeypatch.setattr(dressing, "sight", lambda *a: sighting(row, column, np.ones(len(row))))
    kinds, fill = np.eye(3)[np.full(len(row), HAIR)], np.full((3, len(row), 3), 0.3)
    guess = _grain(samples, fill, kinds, average, view, seen_by())[:, 0]

    def unevenness(first, last) -> float:
        return float(guess[(column >= first) & (column < last)].std())

    assert unevenness(10, 30) > 0.05
    assert unevenness(34, 37) > 0.5 * unevenness(10, 30)  # seven pixels within the edge hair is hair alone
    assert unevenness(60, 94) < 0.02 * unevenness(10, 30)
    assert np.abs(guess[column > 60] - 0.3).max() < 0.01


def test_hair_behind_a_neck_needs_hair_on_both_sides_down_to_the_chin():
    photo = seen_by(focal=300.0, centre=np.array([48.0, 48.0]))
    ear, metre = np.array([0.0, 0.0, 0.6]), 0.002
    marks = np.zeros((478, 2))
    marks[152] = 48, 70
    both, one, short = np.zeros((3, S, S), bool)
    both[30:, 10:22] = both[30:, 74:86] = True
    one[30:, 10:22] = True
    short[30:60, 10:22] = short[30:60, 74:86] = True
    rows = _long_rows(seen_by(hair=both, image=both, landmarks=marks), ear, photo, metre)
    assert rows[0][0] == 48
    assert rows[-1][0] >= S - 3
    assert np.allclose([row[1:] for row in rows], [10, 85])
    assert _long_rows(seen_by(hair=one, image=one, landmarks=marks), ear, photo, metre) == []
    assert _long_rows(seen_by(hair=short, image=short, landmarks=marks), ear, photo, metre) == []


def test_hair_behind_a_neck_begins_in_the_hairs_usual_colour_and_takes_on_its_locks_farther_down():
    hair, clean = np.zeros((S, S), bool), np.full((S, S, 3), 0.3)
    hair[:, 10:22] = hair[:, 74:86] = True
    clean[:, :48], clean[:, 48:] = 0.26, 0.9
    rows = [(row, 10.0, 85.0) for row in range(10, S)]
    colours = _curtain_colours(rows, seen_by(hair=hair, clean=clean), np.full(3, 0.3), CURTAIN)
    assert colours.shape == (len(rows), LOCKS, 3)
    assert np.allclose(colours[0], 0.3)
    assert np.allclose(colours[-1, :8], 0.26, atol=0.005)
    assert np.allclose(colours[-1, -8:], 0.35, atol=0.005)  # a lit lock does not run down the back


def test_what_is_guessed_meets_what_is_seen_without_a_seam(average):
    corners = average.triangles
    points = average.vertices[corners].mean(1)
    samples = samples_at(points, "face")
    samples = HullSamples(**(vars(samples) | {"triangles": np.arange(len(points))}))
    seen = points[:, 0] > 0.02
    dark, guess = np.full((len(points), 3), 0.25), np.full((len(points), 3), 0.5)
    shown = Shown(weight=seen * 1.0, colours=dark, kinds=np.full(len(points), SKIN), shares=np.ones((len(points), 1)))
    met = _met(samples, shown, guess, np.eye(3)[shown.kinds], average)[:, 0]
    front = (points[:, 2] < 0) & (np.abs(points[:, 1]) < 0.03)
    near, far = front & (points[:, 0] < 0.018) & (points[:, 0] > 0.01), points[:, 0] < -0.06
    assert near.any()
    assert far.any()
    assert met[near].mean() < 0.35
    assert met[far].mean() > 0.4
    assert np.allclose(_met(samples, shown, dark, np.eye(3)[shown.kinds], average), dark)


def test_beyond_the_border_a_crown_closes_and_shoulders_widen():
    person = np.zeros((80, 80), bool)
    y, x = np.mgrid[:80, :80]
    person |= np.hypot(x - 40, y - 12) < 20
    person[30:, 34:46] = True
    whole, room = framed(person)
    assert room == round(ROOM * 80)
    assert np.array_equal(whole[room:-room, room:-room], person)
    true = np.hypot(np.arange(160)[None] - room - 40, np.arange(160)[:, None] - room - 12) < 20
    assert (whole[:room] != true[:room]).sum() < 0.25 * true[:room].sum()
    wide = whole[room + 79 :].sum(1)
    assert wide[0] == 12
    assert (np.diff(wide) >= 2).all()
    empty, room = framed(np.zeros((40, 40), bool))
    assert not empty.any()


def test_a_crown_above_the_border_is_lowered_as_a_whole():
    photo, height = seen_by(centre=torch.tensor([40.0, 40.5])), np.array([-80.0, -60.0, -40.0, 10.0])
    pixel = np.full(4, 0.001)
    posed = np.column_stack([np.zeros(4), height * pixel, np.full(4, 0.6)])
    moved = _crown_lowered(posed, pixel, photo, 10)
    assert np.allclose(height + moved[:, 1] / pixel, [-50, -45, -40, 10])
    assert not moved[:, [0, 2]].any()
    assert not _crown_lowered(posed, pixel, photo, 40).any()
