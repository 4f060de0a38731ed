"""The differentiable mesh rasterizer: against rays, against differences, and against pytorch3d and its contract."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from gaussian_head import mesh_fragments
from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.mesh_fragments import rasterize_mesh


@pytest.fixture(scope="module")
def camera():
    view = torch.eye(4)
    view[:3, 3] = torch.tensor([0.02, -0.01, 0.1])
    return Camera.from_focal(34, 28, 20, cx=13.3, cy=10.9).with_view(view)


@pytest.fixture(scope="module")
def soup():
    """Two poses of triangles through each other, beyond every border and behind the camera."""
    rng = np.random.default_rng(4)
    corners = rng.uniform((-0.5, -0.4, 0.5), (0.5, 0.4, 1.6), (40, 1, 3)) + rng.normal(0, 0.15, (40, 3, 3))
    corners[30:35, :, 2] -= 3
    vertices = torch.from_numpy(corners.reshape(-1, 3))
    moved = vertices + torch.from_numpy(rng.normal(0, 0.02, vertices.shape))
    return torch.stack([vertices, moved]), torch.arange(120).view(-1, 3)


def cast(vertices, triangles, camera):
    """Nearest triangle, weights and depth by the crossing of every pixel's ray with every triangle."""
    cam = vertices @ camera.viewmat[:3, :3].double().T + camera.viewmat[:3, 3].double()
    rows, columns = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    pixels = torch.stack([columns + 0.5, rows + 0.5, torch.ones(rows.shape)], -1).double()
    rays = pixels @ torch.linalg.inv(camera.K.double()).T
    best = torch.full(rows.shape, torch.inf, dtype=torch.float64)
    number, weights = torch.full(rows.shape, -1), torch.zeros(*rows.shape, 3, dtype=torch.float64)
    for i, triangle in enumerate(triangles):
        corners = cam[triangle]
        if (corners[:, 2] < 0.01).any():
            continue
        shares = rays @ torch.linalg.inv(corners)  # ray = sum of share * corner
        depth = 1 / shares.sum(-1)
        nearer = (shares > 0).all(-1) & (depth < best)
        best = torch.where(nearer, depth, best)
        number[nearer] = i
        weights = torch.where(nearer[..., None], shares * depth[..., None], weights)
    return number, weights, torch.where(number >= 0, best, 0)


def test_triangles_weights_and_depth_are_those_of_rays(soup, camera):
    vertices, triangles = soup
    fragments = rasterize_mesh(vertices, triangles, camera)
    for t in range(2):
        number, weights, depth = cast(vertices[t], triangles, camera)
        assert len(number.unique()) > 15
        torch.testing.assert_close(fragments.triangles[t], number)
        torch.testing.assert_close(fragments.weights[t], weights, atol=1e-9, rtol=1e-9)
        torch.testing.assert_close(fragments.depth[t], depth, atol=1e-9, rtol=1e-9)


def test_a_leaning_triangle_has_its_middle_where_space_says(camera):
    """A pixel halfway in the picture is not halfway in space."""
    straight = Camera.from_focal(10, 20, 20)
    near, far = 1.0, 3.0
    x = torch.tensor([-0.5 * near, 0.5 * far, 0.5 * far])  # pixels 5 and 15
    vertices = torch.stack([x, torch.tensor([-0.5, -1.5, 1.5]), torch.tensor([near, far, far])], 1)[None].double()
    fragments = rasterize_mesh(vertices, torch.tensor([[0, 1, 2]]), straight)
    row, column = 7, 9  # centre at pixel x 9.5: (9.5 - 5) / 10 = .45 of the way in the picture
    share = 0.45 / far / (0.45 / far + 0.55 / near)
    assert fragments.weights[0, row, column, 1:].sum() == pytest.approx(share, abs=1e-9)
    assert fragments.depth[0, row, column] == pytest.approx(1 / (0.45 / far + 0.55 / near), abs=1e-9)


def test_gradients_are_those_of_differences(soup, camera):
    vertices, triangles = soup
    values = torch.from_numpy(np.random.default_rng(1).normal(size=(120, 2)))
    start = vertices[:1].clone().requires_grad_()
    seen = rasterize_mesh(start, triangles, camera)
    hit = (seen.triangles >= 0).nonzero()[::7]

    def shown(points):
        fragments = rasterize_mesh(points, triangles, camera)
        picture = torch.cat([fragments.interpolated(values, triangles), fragments.depth[..., None]], -1)
        return picture[tuple(hit.T)]

    assert len(hit) > 20
    assert torch.autograd.gradcheck(shown, (start,), eps=1e-7, atol=1e-4, rtol=1e-4)


def test_float_tensors_are_as_good(soup, camera):
    vertices, triangles = soup
    exact, single = (rasterize_mesh(v, triangles, camera) for v in (vertices, vertices.float()))
    assert single.weights.dtype == torch.float32
    torch.testing.assert_close(single.weights.double(), exact.weights, atol=2e-4, rtol=0)


def _contract() -> dict[str, ModuleType]:
    """Modules that keep what pytorch3d's documentation says of `rasterize_meshes`, by every pixel and triangle."""

    class Meshes:
        def __init__(self, verts, faces):
            self.verts, self.faces = verts, faces

    def rasterize_meshes(
        meshes, image_size=256, blur_radius=0.0, faces_per_pixel=8, bin_size=None, max_faces_per_bin=None,
        perspective_correct=False, clip_barycentric_coords=False, cull_backfaces=False,
    ):  # fmt: skip
        assert (blur_radius, faces_per_pixel, perspective_correct, cull_backfaces) == (0.0, 1, True, False)
        height, width = image_size
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        short = min(height, width)
        x, y = ((width - 2 * columns - 1) / short, (height - 2 * rows - 1) / short)  # to the left, and upwards
        outputs, first = [], 0
        for verts, faces in zip(meshes.verts, meshes.faces, strict=True):
            best = torch.full((height, width), torch.inf)
            number, weights = torch.full((height, width), -1), torch.full((height, width, 3), -1.0)
            for f, face in enumerate(faces):
                z = verts[face, 2]
                if (z < 1e-8).any():
                    continue
                flat = torch.cat([verts[face, :2], torch.ones(3, 1)], 1)
                shares = torch.stack([x, y, torch.ones(x.shape)], -1).double() @ torch.linalg.inv(flat.double())
                corrected = shares / z
                corrected = (corrected / corrected.sum(-1, keepdim=True)).float()
                depth = (corrected * z).sum(-1)
                nearer = (corrected > 0).all(-1) & (depth < best)
                best = torch.where(nearer, depth, best)
                number = torch.where(nearer, first + f, number)
                weights = torch.where(nearer[..., None], corrected, weights)
            first += len(faces)
            outputs.append((number[..., None], torch.where(number >= 0, best, -1.0)[..., None], weights[:, :, None]))
        nearest, depth, weights = (torch.stack(part) for part in zip(*outputs, strict=True))
        return nearest, depth, weights, torch.full_like(depth, -1)

    names = ("pytorch3d", "pytorch3d.structures", "pytorch3d.renderer", "pytorch3d.renderer.mesh")
    modules = {name: ModuleType(name) for name in (*names, "pytorch3d.renderer.mesh.rasterize_meshes")}
    modules["pytorch3d.structures"].__dict__["Meshes"] = Meshes
    modules["pytorch3d.renderer.mesh.rasterize_meshes"].__dict__["rasterize_meshes"] = rasterize_meshes
    return modules


@pytest.fixture(params=["contract", "installed"])
def pytorch3d(request, monkeypatch):
    """pytorch3d where it is installed, and always what its documentation says."""
    if request.param == "installed":
        pytest.importorskip("pytorch3d", reason="pytorch3d is not installed")
        return
    for name, module in _contract().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(mesh_fragments, "has_pytorch3d", lambda: True)


@pytest.mark.parametrize("turned", [False, True], ids=["wide", "high"])
def test_pytorch3d_shows_the_same_with_the_same_gradients(soup, camera, pytorch3d, turned):
    vertices, triangles = soup
    camera = camera.turned(1) if turned else camera
    values = torch.from_numpy(np.random.default_rng(2).normal(size=(120, 3))).float()
    shown, slopes = [], []
    for backend in ("own", "pytorch3d"):
        points = vertices.float().requires_grad_()
        fragments = rasterize_mesh(points, triangles, camera, backend=backend)
        (fragments.interpolated(values, triangles).sum() + fragments.depth.sum()).backward()
        shown.append(fragments)
        slopes.append(points.grad)
    own, theirs = shown
    assert (own.triangles >= 0).sum() > 200
    torch.testing.assert_close(own.triangles, theirs.triangles)
    torch.testing.assert_close(own.weights, theirs.weights, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(own.depth, theirs.depth, atol=1e-4, rtol=1e-3)
    assert float((slopes[0] - slopes[1]).norm() / slopes[0].norm()) < 1e-2


def test_a_cpu_never_takes_pytorch3d_by_itself(soup, camera, monkeypatch):
    monkeypatch.setattr(mesh_fragments, "has_pytorch3d", lambda: True)
    monkeypatch.setitem(sys.modules, "pytorch3d", None)  # importing it would fail
    rasterize_mesh(*soup, camera)


def test_what_cannot_be_done_is_said(soup, camera, monkeypatch):
    vertices, triangles = soup
    monkeypatch.setattr(mesh_fragments, "has_pytorch3d", lambda: False)
    with pytest.raises(InputError, match=r"pytorch3d is not installed.*git\+https"):
        rasterize_mesh(vertices, triangles, camera, backend="pytorch3d")
    with pytest.raises(InputError, match="'opengl'; one of auto, own, pytorch3d"):
        rasterize_mesh(vertices, triangles, camera, backend="opengl")
    with pytest.raises(ValueError, match=r"\[T, V, 3\] were wanted"):
        rasterize_mesh(vertices[0], triangles, camera)
    with pytest.raises(ValueError, match=r"int64 \[F, 3\] were wanted"):
        rasterize_mesh(vertices, triangles.int(), camera)


def test_a_mesh_behind_the_camera_shows_nothing(camera):
    vertices = torch.tensor([[[-1.0, -1, -2], [1, -1, -2], [0, 1, -2]]], requires_grad=True)
    fragments = rasterize_mesh(vertices, torch.tensor([[0, 1, 2]]), camera)
    assert (fragments.triangles == -1).all()
    assert not fragments.weights.any()
    assert not fragments.depth.any()
