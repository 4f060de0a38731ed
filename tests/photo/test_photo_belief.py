"""What of a photograph is believed, where strands of unseen hair come from, and which leftovers are kept."""

import numpy as np

from gaussian_head.face import REGIONS
from gaussian_head.head.volume import HullSamples
from gaussian_head.photo.dressing import _folded
from gaussian_head.photo.hanging import _sizable
from gaussian_head.photo.seeing import SKIN, Shown, _believed, _one_ear, lit_alike


def one(count: int) -> np.ndarray:
    """Shares of a single photograph."""
    return np.ones((count, 1))


def test_islands_and_colours_that_nothing_beside_them_has_are_not_believed():
    step = np.arange(0, 0.06, 0.001)
    x, y = (v.ravel() for v in np.meshgrid(step, step))
    points = np.column_stack([x, y, np.zeros(len(x))])
    weight = np.where(x < 0.03, 1.0, 0.0)
    rim = (x >= 0.03) & (x < 0.034)
    island = np.hypot(x - 0.05, y - 0.03) < 0.002
    weight[rim], weight[island] = 0.8, 0.8
    colours = np.full((len(x), 3), 0.4)
    lit = rim & (y > 0.03)
    colours[lit] = 0.9
    shown = _believed(Shown(weight=weight, colours=colours, kinds=np.full(len(x), SKIN), shares=one(len(x))), points)
    assert shown.weight[island].max() < 0.1
    assert shown.weight[lit].max() < 0.05
    assert np.allclose(shown.weight[rim & ~lit], 0.8)
    assert np.allclose(shown.weight[x < 0.02], 1.0)


def test_strands_are_folded_at_the_edge_of_seen_hair():
    inside = np.zeros((20, 20), bool)
    inside[:, :10] = True
    row, column = _folded(inside)
    assert (column[:, :10] == np.arange(10)).all()
    assert (column[5, 10:14] == [8, 7, 6, 5]).all()
    assert (row == np.arange(20)[:, None]).all()
    assert inside[row, column].all()


def test_scraps_are_dropped_but_locks_and_sleeves_stay():
    mask, hair = np.zeros((2, 100, 100), bool)
    mask[10:13, 10:13] = mask[40:43, 40:43] = mask[70:90, 70:90] = True
    hair[40:43, 40:43] = True
    nowhere = np.zeros_like(mask)
    kept = _sizable(mask, hair, nowhere)
    assert not kept[10:13, 10:13].any()
    assert kept[40:43, 40:43].all()
    assert kept[70:90, 70:90].all()
    assert not kept[~mask].any()
    ears = nowhere.copy()
    ears[40:43, 38:45] = True
    assert not _sizable(mask, hair, ears)[40:43, 40:43].any()


def test_an_ear_in_shadow_is_the_other_ear():
    count = 40
    samples = HullSamples(
        points=np.column_stack([np.repeat([-0.07, 0.07], count), np.zeros((2 * count, 2))]),
        normals=np.zeros((2 * count, 3)),
        regions=np.full(2 * count, REGIONS.index("ears")),
        triangles=np.zeros(2 * count, np.int64),
        weights=np.full((2 * count, 3), 1 / 3),
    )
    patchy = np.r_[np.full(count, 0.6), np.arange(count) % 3 == 0]
    shown = Shown(
        weight=patchy, colours=np.zeros((2 * count, 3)), kinds=np.zeros(2 * count, int), shares=one(2 * count)
    )
    weight = _one_ear(shown, samples).weight
    assert (weight[:count] == 0.6).all()
    assert not weight[count:].any()
    alike = Shown(weight=np.full(2 * count, 0.5), colours=shown.colours, kinds=shown.kinds, shares=shown.shares)
    assert (_one_ear(alike, samples).weight == 0.5).all()


def test_another_photograph_is_shown_in_the_light_of_the_first():
    generator = np.random.default_rng(0)
    places = generator.uniform(-0.1, 0.1, (400, 3))
    first = generator.uniform(0.3, 0.5, (400, 3))
    darker = first * [0.6, 0.7, 0.8]
    both = places[:, 0] < 0.05
    assert np.allclose(lit_alike(darker, first, both, places), first, atol=0.005)
    assert (lit_alike(darker, first, np.zeros(400, bool), places) == darker).all()
