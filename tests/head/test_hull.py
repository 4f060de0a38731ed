"""The hull around a person: on the tracked face, inside the recorded outline, closed, coloured like what was seen."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.spatial import KDTree
from support_bust import make_bust

from gaussian_head.capture import Capture
from gaussian_head.conventions import HAIR, NECK, TORSO
from gaussian_head.face import REGIONS
from gaussian_head.face.fitting import read_offsets
from gaussian_head.head import PARTS, InitConfig, initial_parts
from gaussian_head.head.frames import rest_frame
from gaussian_head.head.hull import fit_hull
from gaussian_head.head.laid import laid_on
from gaussian_head.head.lifting import settled_labels
from gaussian_head.head.outline import outline_views
from gaussian_head.head.unseen import MOST_RISE, clothes_from, sample_colours
from gaussian_head.head.volume import GRAZING, TIGHT, sample_hull, squarely_shown
from gaussian_head.raster import rasterize_view
from gaussian_head.rendering import orbit_view, render_frame
from gaussian_head.screen_mesh import ScreenMesh
from gaussian_head.sh import rgb_to_sh
from gaussian_head.transforms import quat_to_rotmat


@pytest.fixture(scope="module")
def bust(tmp_path_factory):
    return make_bust(tmp_path_factory.mktemp("hull") / "bust")


def laid(bust):
    """The parametric head as deep as the bust's landmarks were made to be."""
    return laid_on(bust.face, bust.capture.shape.vertices, read_offsets())


@pytest.fixture(scope="module")
def hull(bust):
    neutral = bust.capture.shape.vertices.double().numpy()
    return fit_hull(laid(bust), neutral, outline_views(bust.capture, range(bust.capture.num_frames)))


@pytest.fixture(scope="module")
def parts(bust):
    return initial_parts(bust.capture, InitConfig(face_stride=1.5, back_stride=2.0, torso_stride=2.0))


def pose(capture: Capture, t: int):
    moment = capture.motion.at(t).head
    return quat_to_rotmat(moment.quats).double().numpy(), moment.positions.double().numpy()


def of(bust, *names):
    return bust.face.of_region(*names).numpy()


def test_it_goes_through_the_skin_at_the_tracked_landmarks(bust, hull):
    found = bust.face.landmarks(torch.from_numpy(hull.vertices)).numpy()[:468]
    skin = laid(bust).skin[:468]
    assert np.linalg.norm(found - skin, axis=1).mean() < 7e-4


def test_the_outline_tells_how_thick_hair_is_and_the_unseen_back_follows(bust, hull):
    scalp = of(bust, "scalp")
    true = bust.vertices.numpy()[scalp]
    outside = ((hull.vertices[scalp] - true) * hull.normals[scalp]).sum(1)
    high = true[:, 1] < -0.03
    back = high & (true[:, 2] > 0.08)
    assert back.sum() > 30
    assert np.abs(outside[high]).mean() < 5e-3
    assert abs(outside[back].mean()) < 0.012


def test_it_fills_the_recorded_outline_and_no_more(bust, hull):
    for t in (0, 3, 6):
        person = bust.capture.frame(t).alpha > 127
        everything = np.ones(len(hull.triangles), bool)
        inside = covered(hull, everything, bust.capture.camera, *pose(bust.capture, t))
        assert (inside & person).sum() / (inside | person).sum() > 0.975


def covered(hull, chosen, camera, rotation, position):
    """Pixels ``[H, W]`` bool of the triangles ``chosen``."""
    mesh = ScreenMesh(hull.vertices @ rotation.T + position, hull.triangles[chosen], camera)
    everywhere = np.ones((camera.height, camera.width), bool)
    return mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(everywhere.shape) >= 0


def test_samples_are_spread_evenly(hull):
    chosen = hull.of_head()
    samples = sample_hull(hull, chosen, 0.008)
    nearest = KDTree(samples.points).query(samples.points, 2)[0][:, 1]
    assert nearest.min() >= TIGHT * 0.008
    middles = hull.vertices[hull.triangles[chosen]].mean(1)
    assert KDTree(samples.points).query(middles)[0].max() < 0.016
    assert chosen[samples.triangles].all()
    again = (samples.weights[..., None] * hull.vertices[hull.triangles[samples.triangles]]).sum(1)
    assert np.allclose(again, samples.points)


def test_what_a_frame_shows_squarely_and_what_talks_is_left_out(bust, parts):
    head, held = parts
    face, rows = head.branch("face"), held["face"]
    shape = laid(bust).skin
    above = rows & (face.means[:, 1] < shape[152, 1] - 0.01)
    assert float(face.means[above, 2].min()) > float(shape[[33, 263], 2].mean()) - 2e-3
    assert float(face.means[rows, 2].max()) > float(bust.vertices[bust.face.of_region("scalp"), 2].max()) - 0.02
    assert not held["mouth"].any()


def test_the_back_has_hair_and_the_ears_have_skin(bust, hull):
    rest = rest_frame(bust.capture)
    hidden = sample_hull(hull, np.ones(len(hull.triangles), bool), 0.006)
    colours = sample_colours(hidden, hull, bust.capture, rest)
    back = (hidden.points[:, 2] > 0.08) & (hidden.points[:, 1] < -0.02)
    ears = hidden.regions == REGIONS.index("ears")
    shoulders = (hidden.regions == REGIONS.index("shoulders")) & (hidden.points[:, 2] > 0.1)
    assert back.sum() > 50
    assert colours[back].max(1).mean() < 0.3
    assert colours[ears].mean() > 0.35
    assert (colours[shoulders, 2] > colours[shoulders, 0]).mean() > 0.95


def test_an_ear_is_darker_in_its_hollows(bust, hull):
    samples = sample_hull(hull, np.ones(len(hull.triangles), bool), 0.003)
    brightness = sample_colours(samples, hull, bust.capture, rest_frame(bust.capture)).mean(1)
    ears = (samples.regions == REGIONS.index("ears")) & (samples.points[:, 0] > 0)
    points, outer = samples.points[ears], samples.normals[ears, 0] > 0.3
    around = KDTree(points).query_ball_point(points, 0.008)
    below = np.array([points[rows, 0].max() for rows in around]) - points[:, 0]
    hollow, rim = outer & (below > 0.006), outer & (below < 0.002)
    assert min(hollow.sum(), rim.sum()) > 10
    assert brightness[ears][hollow].mean() < 0.9 * brightness[ears][rim].mean()


def test_hair_seen_over_an_ear_hangs_behind_it_too(tmp_path, hull, bust):
    under = make_bust(tmp_path / "under", hair_over_ears=True).capture
    samples = sample_hull(hull, np.ones(len(hull.triangles), bool), 0.003)
    ears = (samples.regions == REGIONS.index("ears")) & (samples.normals[:, 2] > 0)
    bare, covered = (sample_colours(samples, hull, of, rest_frame(of)).max(1) for of in (bust.capture, under))
    assert ears.sum() > 50
    assert np.median(covered[ears]) < 0.25 < 0.35 < np.median(bare[ears])
    forehead = (samples.regions == REGIONS.index("face")) & (samples.normals[:, 2] < -0.8)
    assert covered[forehead].mean() > 0.6


def test_clothes_begin_higher_behind_where_they_are_seen():
    heights = clothes_from((0.1, 0.02), np.array([-0.1, 0.02, 0.05, 0.5])).tolist()
    assert heights[:2] == pytest.approx([0.1, 0.1])
    assert 0.1 - MOST_RISE < heights[2] < 0.095
    assert heights[3] == pytest.approx(0.1 - MOST_RISE)
    assert clothes_from((np.inf, 0.0), np.array([0.3]))[0] == np.inf  # nothing worn


def test_it_is_closed_from_all_sides(bust, hull, parts):
    head, _ = parts
    t = rest_frame(bust.capture)
    rotation, position = pose(bust.capture, t)
    for yaw in range(0, 360, 30):
        camera = orbit_view(head, math.radians(yaw))
        alpha = render_frame(head, bust.capture.motion, t, camera).alpha.numpy()
        inside = binary_erosion(covered(hull, hull.of_head(), camera, rotation, position), iterations=3)
        assert inside.sum() > 500
        assert (alpha[inside] > 0.95).mean() > 0.985, yaw


def test_shoulders_are_closed_from_aside_where_outlines_shrink_their_gaussians(bust, hull):
    head, _ = initial_parts(bust.capture, InitConfig(face_stride=1.5, back_stride=6.0, torso_stride=2.0))
    t = rest_frame(bust.capture)
    rotation, position = pose(bust.capture, t)
    for yaw in (90, 270):
        camera = orbit_view(head, math.radians(yaw))
        alpha = render_frame(head, bust.capture.motion, t, camera).alpha.numpy()
        inside = binary_erosion(covered(hull, ~hull.of_head(), camera, rotation, position), iterations=3)
        assert inside.sum() > 500
        assert (alpha[inside] > 0.9).mean() > 0.99, yaw


def test_what_of_the_hull_stands_out_of_the_person_is_not_shown(bust, hull):
    t, samples = rest_frame(bust.capture), sample_hull(hull, ~hull.of_head(), 0.004)
    person = bust.capture.frame(t).alpha > 127
    narrow = binary_erosion(person, iterations=6)
    seen, less = (
        squarely_shown(samples, hull, bust.capture.camera, *pose(bust.capture, t), mask) for mask in (person, narrow)
    )
    assert ((less == 0) | (less == seen)).all()
    assert 0.02 < ((seen > GRAZING) & (less == 0)).mean() < 0.3


def test_unseen_gaussians_reach_across_no_recorded_outline(bust, parts):
    head, held = parts
    unseen = head.with_branches(
        tuple(replace(b, **{n: v[held[b.name]] for n, v in b.tensors().items()}) for b in head.branches)
    )
    for t in range(bust.capture.num_frames):
        around = binary_dilation(bust.capture.frame(t).alpha > 127, iterations=2)
        assert float(render_frame(unseen, bust.capture.motion, t).alpha[~around].sum()) < 2, t


def test_the_unseen_jaw_does_not_hang_before_neck_and_clothes(bust, parts):
    head, _ = parts
    of_face = (head.parts == PARTS.index("face")).float()[:, None]
    shares = []
    for t in range(bust.capture.num_frames):
        gaussians = head.gaussians_at(bust.capture.motion.at(t))
        shown = rasterize_view(gaussians, bust.capture.camera, extra=of_face).extra[0, ..., 0].numpy()
        shares.append(shown[np.isin(bust.capture.frame(t).labels, (NECK, TORSO))].mean())
    assert np.mean(shares) < 0.027


def test_what_of_the_neck_the_jaw_hides_is_as_deep_as_what_is_seen_of_it(bust, hull):
    """The neck is open where the head stands on it: one would look through it onto the nape's inner side."""
    camera, neck = bust.capture.camera, ~hull.of_head()
    rotation, position = pose(bust.capture, rest_frame(bust.capture))
    depth = hull.depth(neck, camera, rotation, position)
    mesh = ScreenMesh(hull.vertices @ rotation.T + position, hull.triangles[neck], camera)
    everywhere = np.ones(depth.shape, bool)
    nearest = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(depth.shape)
    row, column = np.nonzero(nearest >= 0)
    deep = np.zeros(depth.shape)
    deep[row, column] = mesh.look_up(nearest[row, column], column + 0.5, row + 0.5)[2]
    nape = deep > depth + 0.02
    assert nape.sum() > 100
    assert depth[nape].max() < np.quantile(depth[(nearest >= 0) & ~nape], 0.9)


def test_hair_beside_the_head_and_before_the_body_is_the_bodys(bust, hull):
    t = rest_frame(bust.capture)
    frame, camera = bust.capture.frame(t), bust.capture.camera
    of_head, (rotation, position) = hull.of_head(), pose(bust.capture, t)
    body = covered(hull, ~of_head, camera, rotation, position) & ~covered(hull, of_head, camera, rotation, position)
    stray = body & (frame.labels == TORSO) & binary_dilation(frame.labels == NECK, iterations=3)
    assert stray.sum() > 20
    wrong = replace(frame, labels=np.where(stray, HAIR, frame.labels).astype(np.uint8))
    settled = settled_labels(wrong, hull, camera, rotation, position)
    assert np.isin(settled[stray], (NECK, TORSO)).all()
    assert (settled[~stray] == frame.labels[~stray]).all()


def test_shoulders_do_not_go_on_beside_the_picture_where_the_hull_ends(bust, hull, parts):
    head, held = parts
    lifted = head.branch("torso").means[~held["torso"]].numpy()
    shoulders = hull.vertices[hull.regions == REGIONS.index("shoulders")]
    assert np.abs(lifted[:, 0]).max() < np.abs(shoulders[:, 0]).max() + 0.01


def test_recorded_and_unseen_surface_meet_without_a_step(bust, hull, parts):
    head, held = parts
    face, rows = head.branch("face"), held["face"]
    lifted = face.means[~rows].double().numpy()
    distance, _ = KDTree(lifted).query(face.means[rows].double().numpy())
    near = distance < 0.006
    assert near.sum() > 30
    assert distance[near].mean() < 5e-3
    surface = KDTree(sample_hull(hull, hull.of_head(), 0.002).points)
    assert np.quantile(surface.query(lifted)[0], 0.9) < 4e-3


def test_the_unseen_back_is_not_painted_with_skin(parts):
    head, held = parts
    face, rows = head.branch("face"), held["face"]
    back = rows & (face.means[:, 2] > 0.08) & (face.means[:, 1] < -0.02)
    assert float((face.sh0[back, 0] - rgb_to_sh(torch.tensor(0.3))).max(1).values.mean()) < 0
