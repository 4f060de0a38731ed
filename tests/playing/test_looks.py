"""What measured pictures say, and that their legends say it too."""

import numpy as np
import pytest
import torch
from support_head import make_head, make_motion

from gaussian_head.head import PARTS
from gaussian_head.motion.edit import amplify, set_controls
from gaussian_head.playing.pictures import MODES, Look, picture, shown
from gaussian_head.playing.shading import MOTION_FULL_MM, MOTION_RAMP, ellipsoids, on_ramp
from gaussian_head.rendering import orbit_view

MOTION = make_motion()


@pytest.fixture(scope="module")
def head():
    return make_head(num_gaussians=1500, size=96)


def red_green_blue(color):
    return [int(c) for c in color[4:-1].split(",")]


def near_pixel(image, color, far=26):
    return float((np.abs(image.astype(int) - color).max(-1) < far).mean())


@pytest.mark.parametrize("mode", [m for m in MODES if m not in ("rgb", "ellipsoids")])
def test_every_measurement_has_a_legend_whose_colours_are_in_the_picture(head, mode):
    drawn = shown(head, MOTION, 8, head.camera, Look(mode=mode))
    legend = drawn.legend
    assert legend.title
    if legend.ramp:
        assert legend.low != legend.high
        assert near_pixel(drawn.image, red_green_blue(legend.ramp[0])) > 0.01
    else:
        assert all(near_pixel(drawn.image, red_green_blue(color), 60) > 0.003 for _, color in legend.swatches[-1:])
    assert shown(head, MOTION, 8, head.camera, Look()).legend is None


def test_the_depth_legend_is_in_metres_from_the_camera_and_does_not_flicker(head):
    legends = {
        (drawn.legend.low, drawn.legend.high)
        for drawn in (shown(head, MOTION, t, head.camera, Look(mode="depth")) for t in range(0, 10, 3))
    }
    assert len(legends) <= 2
    low, high = (float(end.removesuffix(" m")) for end in legends.pop())
    assert 0.85 < low < 0.95, "the face's ellipsoid of 9 cm stands 1 m away"
    assert low < high < 1.2


def test_normals_look_up_on_the_crown_right_on_the_right_and_at_the_camera_in_the_middle(head):
    image = picture(head, MOTION, 0, head.camera, Look(mode="normals", parts=frozenset({"face"})))
    image = image.astype(int)
    inside = np.argwhere(image.sum(-1) > 250)
    top, left, bottom, right = *inside.min(0), *inside.max(0)
    middle, centre = (top + bottom) // 2, (left + right) // 2
    assert image[top + 5, centre, 1] > image[bottom - 5, centre, 1] + 60
    assert image[middle, right - 4, 0] > image[middle, left + 4, 0] + 60
    assert image[middle, centre, 2] > 225


def test_motion_is_the_displacement_from_the_neutral_face_whatever_the_pose(head):
    still = amplify(MOTION, 0.0)
    dark = (MOTION_RAMP[0] * 255).round().numpy()
    look = Look(mode="motion", parts=frozenset({"face", "torso"}))
    for t in (0, 12):
        image = picture(head, still, t, head.camera, look)
        assert np.abs(image - dark).min(-1).max() < 16, "nothing moved, though the head has turned"
    moved = picture(head, set_controls(still, {"jawOpen": 2.0}), 0, head.camera, look).astype(int)
    rows = np.argwhere(moved.sum(-1) > 350)[:, 0]
    assert len(rows) > 10
    assert np.median(rows) > 52, "the chin moves, the forehead does not"


def test_a_ramp_holds_its_ends_and_survives_nonsense():
    colors = on_ramp(torch.tensor([-1.0, 0.0, 1.0, 7.0, float("nan"), float("inf")]), MOTION_RAMP)
    torch.testing.assert_close(colors[[0, 1]], MOTION_RAMP[[0, 0]])
    torch.testing.assert_close(colors[[2, 3, 5]], MOTION_RAMP[[-1, -1, -1]])
    assert bool(torch.isfinite(colors).all())
    assert MOTION_FULL_MM > 0


def test_ellipsoids_are_opaque_have_hard_edges_and_are_lit_from_the_upper_left(head):
    gaussians = head.gaussians(MOTION, 0)
    solid = ellipsoids(gaussians, head.camera)
    assert float(solid.opacities.min()) > 1
    camera = orbit_view(head, 0.0)
    look = Look(mode="ellipsoids", plate=False, color=(0.0, 1.0, 0.0), parts=frozenset(PARTS) - {"torso"})
    image = picture(head, MOTION, 0, camera, look).astype(int)
    soft = (np.abs(image[..., 1] - 128) < 60) & (image[..., 0] < 60)
    assert soft.mean() < 0.02, "hardly a pixel is half covered"
    far = picture(head, MOTION, 0, camera, Look(mode="ellipsoids", plate=False, splat_scale=0.4))
    assert np.abs(far.astype(int) - image).mean() > 2


def test_empty_pictures_have_legends_too(head):
    for mode in MODES:
        drawn = shown(head, MOTION, 0, head.camera, Look(mode=mode, parts=frozenset()))
        assert drawn.image.shape == (96, 96, 3)
