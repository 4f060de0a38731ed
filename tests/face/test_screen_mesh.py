"""The demo's depth buffer against rays cast triangle by triangle."""

import numpy as np
import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.screen_mesh import ScreenMesh


@pytest.fixture(scope="module")
def camera():
    view = torch.eye(4)
    view[:3, 3] = torch.tensor([0.02, -0.01, 0.1])
    return Camera.from_focal(60, 40, 30, cx=19.3, cy=16.1).with_view(view)


@pytest.fixture(scope="module")
def soup():
    """Triangles through each other, beyond every border, behind the camera, level edges and slivers among them."""
    rng = np.random.default_rng(0)
    corners = rng.uniform((-0.6, -0.6, 0.6), (0.6, 0.6, 1.6), (150, 1, 3)) + rng.normal(0, 0.15, (150, 3, 3))
    corners[:20, 1, 1:] = corners[:20, 0, 1:]  # one edge level in the picture
    corners[20:25, 2] = corners[20:25, 1]  # no area
    corners[25:35, :, 2] -= 3  # behind
    corners[35, :, :] = [(-9, -9, 2), (9, -9, 2), (0, 20, 2)]  # behind everything, all over the picture
    return corners.reshape(-1, 3).astype(np.float32), np.arange(450).reshape(-1, 3)


def cast(vertices, triangles, camera, dx, dy):
    """Nearest triangle and depth [H, W] by solving for the crossing of every ray with every triangle."""
    view, K = camera.viewmat.numpy().astype(float), camera.K.numpy().astype(float)
    points = vertices.astype(float) @ view[:3, :3].T + view[:3, 3]
    rows, columns = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([columns + dx, rows + dy, np.ones(rows.shape)], -1) @ np.linalg.inv(K).T
    number, depth = np.full(rows.shape, -1), np.full(rows.shape, np.inf)
    for i, triangle in enumerate(triangles):
        corners = points[triangle]
        if abs(np.linalg.det(corners)) < 1e-12 or (corners[:, 2] < 0.01).any():
            continue
        shares = rays @ np.linalg.inv(corners)  # ray = sum of share * corner, up to length
        nearer = (shares >= 0).all(-1) & (1 / shares.sum(-1) < depth)
        number[nearer], depth[nearer] = i, 1 / shares.sum(-1)[nearer]
    return number, depth


@pytest.mark.parametrize("place", [(0.5, 0.5), (0.125, 0.875), (0.9, 0.1)])
def test_nearest_triangle_depth_and_weights_are_those_of_a_ray(soup, camera, place):
    vertices, triangles = soup
    mesh = ScreenMesh(vertices, triangles, camera)
    everywhere = np.ones((camera.height, camera.width), bool)
    face = mesh.nearest(*place, mesh.touching(everywhere), everywhere)
    expected, distance = cast(vertices, triangles, camera, *place)
    assert len(np.unique(expected)) > 40
    assert (face >= 0).all()  # the large triangle closes the picture
    rows, columns = (axis.ravel() for axis in np.mgrid[: camera.height, : camera.width])
    number, weights, depth = mesh.look_up(face, columns + place[0], rows + place[1])
    np.testing.assert_array_equal(number, expected.ravel())
    np.testing.assert_allclose(depth, distance.ravel(), rtol=1e-6)
    assert weights.min() > -1e-9
    place_there = mesh.interpolated(face, columns + place[0], rows + place[1], vertices[triangles])
    np.testing.assert_allclose(place_there, np.einsum("pc,pcd->pd", weights, vertices[triangles[number]]), atol=1e-6)
    crossing = place_there + camera.viewmat[:3, 3].numpy()
    seen = crossing @ camera.K.numpy().T.astype(float)
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], np.stack([columns, rows], 1) + place, atol=1e-4)


def test_only_wanted_pixels_are_looked_for_and_found_alike(soup, camera):
    mesh = ScreenMesh(*soup, camera)
    everywhere = np.ones((camera.height, camera.width), bool)
    wanted = np.zeros_like(everywhere)
    wanted[10:14, 20:22] = wanted[0, 0] = wanted[-1, -1] = True
    faces = mesh.touching(wanted)
    assert len(faces) < len(mesh.touching(everywhere)) / 2
    whole = mesh.nearest(0.3, 0.6, mesh.touching(everywhere), everywhere)
    np.testing.assert_array_equal(mesh.nearest(0.3, 0.6, faces, wanted), whole[wanted.ravel()])


def test_a_surface_has_no_cracks(camera):
    """Neighbours share their edges: a finely cut, tilted sheet covers every sample inside its border."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 70), np.linspace(-0.4, 0.4, 90))
    vertices = np.stack([x, y, 1 + 0.4 * x - 0.3 * y], -1).reshape(-1, 3).astype(np.float32)
    corner = (np.arange(89)[:, None] * 70 + np.arange(69)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 70], 1), np.stack([corner + 71, corner + 70, corner + 1], 1)]
    )
    everywhere = np.ones((camera.height, camera.width), bool)
    fine = ScreenMesh(vertices, triangles, camera)
    large = ScreenMesh(vertices[[0, 69, 89 * 70, 90 * 70 - 1]], np.array([[0, 1, 2], [3, 2, 1]]), camera)
    for place in np.random.default_rng(1).uniform(size=(20, 2)):
        covered, inside = (m.nearest(*place, m.touching(everywhere), everywhere) >= 0 for m in (fine, large))
        assert inside.mean() > 0.3
        np.testing.assert_array_equal(covered, inside)
