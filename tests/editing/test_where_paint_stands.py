"""Stiff things stand on what is under them, and paint goes on where the picture does not show."""

import numpy as np
import pytest
import torch

from gaussian_head.editing.hidden import _reached
from gaussian_head.editing.standing import standing


def glasses(size=128):
    """Two rims, a bridge and temples in a picture, and a face that curves back to both sides, metres."""
    rows, columns = np.mgrid[:size, :size]
    paint = np.zeros((size, size), bool)
    for middle in (44, 84):
        outer = (abs(columns - middle) <= 16) & (abs(rows - 64) <= 11)
        paint |= outer & ~((abs(columns - middle) <= 13) & (abs(rows - 64) <= 8))
    paint[63:66, 60:69] = True
    paint[62:65, 8:29] = paint[62:65, 100:121] = True
    x = (columns - 64) / 64
    return 1.0 + 0.09 * x**2, paint


def test_rims_are_flat_and_temples_go_back_to_the_head():
    depth, paint = glasses()
    found = standing(depth, paint)
    rims = found[64, [28, 30, 59, 98, 100]]
    assert np.ptp(rims) < 0.002
    assert abs(rims.mean() - 1.0) < 0.005
    assert found[63, 9] == pytest.approx(depth[63, 9], abs=0.004)
    temple = found[63, 9:28]
    assert (np.diff(temple) < 0).all()
    assert np.array_equal(found[~paint], depth[~paint])


def test_a_thing_without_openings_rests_on_the_curve_under_it():
    depth, paint = glasses()
    paint[50:80, 20:110] = True
    found = standing(depth, paint)
    assert np.abs(found - depth)[paint].max() < 1e-3


def test_paint_reaches_what_lies_between_and_a_little_beyond():
    paint = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.05, 0.0]])
    bare = torch.tensor([[0.0, -0.06, 0.0], [0.0, 0.2, 0.0]])
    hidden = torch.tensor([[0.0, 0.025, 0.0], [0.0, 0.055, 0.0], [0.0, 0.1, 0.0], [0.0, -0.05, 0.0]])
    assert _reached(hidden, paint, bare)[0].tolist() == [True, True, False, False]
