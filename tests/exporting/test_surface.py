"""A surface fused from rendered depth, against Gaussians whose surface is known."""

import numpy as np
import pytest
import torch
import trimesh
from support_head import CENTRE, RADII, make_actor

from gaussian_head import export
from gaussian_head.checks import InputError
from gaussian_head.rendering.ends import rest_moment
from gaussian_head.rendering.surface import fuse_surface, surface_cameras, trusted_depth
from gaussian_head.rendering.texture import textured


@pytest.fixture(scope="module")
def actor():
    return make_actor(10, num_gaussians=4000, size=96)


@pytest.fixture(scope="module")
def head(actor):
    return actor.head


@pytest.fixture(scope="module")
def surface(head):
    gaussians = head.gaussians_at(rest_moment(head))
    return fuse_surface(gaussians, surface_cameras(head, 144)[18:27:2], voxel=0.004)


def test_the_skull_lies_on_the_ellipsoid_that_was_filmed(surface):
    local = (surface.vertices - torch.tensor(CENTRE)) / torch.tensor(RADII)
    front = (surface.vertices[:, 1] < CENTRE[1] - 0.02) & (local[:, 2] < 0)  # above the mouth, towards the camera
    off = (local[front].norm(dim=1) - 1).abs() * min(RADII)
    assert front.sum() > 200
    assert off.median() < 0.004  # the depth of so few, thick Gaussians is itself 2.5 to 3 mm too near
    assert off.quantile(0.95) < 0.008


def test_triangles_face_outwards_and_carry_colour(surface):
    corners = surface.vertices[surface.triangles]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(1) - torch.tensor(CENTRE)
    skull = corners.mean(1)[:, 1] < CENTRE[1] - 0.02
    assert ((normals * middle).sum(1)[skull] > 0).float().mean() > 0.98
    local = surface.vertices - torch.tensor(CENTRE)
    forehead = (local[:, 1] > -0.056) & (local[:, 1] < -0.036) & (local[:, 2] < -0.03)
    torch.testing.assert_close(
        surface.colors[forehead].median(0).values, torch.tensor([0.80, 0.60, 0.50]), atol=0.06, rtol=0
    )


def test_depth_is_only_trusted_on_solid_unbroken_surface(head):
    gaussians = head.gaussians_at(rest_moment(head))
    depth, rgb = trusted_depth(gaussians, head.camera)
    assert 0.2 < (depth > 0).float().mean() < 0.8
    assert rgb.min() >= 0
    assert rgb.max() <= 1
    thin = type(gaussians)(**{**vars(gaussians), "opacities": gaussians.opacities * 0.05})
    assert not trusted_depth(thin, head.camera)[0].any()
    with pytest.raises(InputError, match="solid surface"):
        fuse_surface(thin, [head.camera] * 3)
    with pytest.raises(InputError, match="voxel"):
        fuse_surface(gaussians, [head.camera], voxel=1.0)


@pytest.mark.parametrize("ending", ["ply", "obj", "glb"])
def test_the_mesh_opens_elsewhere_with_its_colours(head, actor, tmp_path, monkeypatch, ending):
    views = surface_cameras(head, 96)[18:27:2]
    monkeypatch.setattr("gaussian_head.rendering.surface.surface_cameras", lambda head: views)
    export(actor, tmp_path / f"m.{ending}", format="mesh", frame=3)
    mesh = trimesh.load(tmp_path / f"m.{ending}", force="mesh", process=False)
    assert len(mesh.faces) > 500
    assert (
        mesh.is_watertight or ending != "ply"
    )  # the others have corners of their own where pieces of the picture meet
    colours = mesh.visual if ending == "ply" else mesh.visual.to_color()
    assert np.ptp(np.asarray(colours.vertex_colors)[:, 0]) > 60
    assert mesh.vertices[:, 2].max() < 0  # +z towards the viewer: the head stands before the camera


def test_one_moment_at_a_time(actor, tmp_path):
    with pytest.raises(InputError, match="--frame"):
        export(actor, tmp_path / "m.ply", format="mesh", frames=":2")


def test_a_texture_shows_what_the_gaussians_look_like_and_every_triangle_lies_in_one_view(head):
    gaussians = head.gaussians_at(rest_moment(head))
    surface = fuse_surface(gaussians, surface_cameras(head, 144)[18:27:2], voxel=0.004)
    views = ((0, 0), (40, 0), (-40, 0), (0, 30))
    texture = textured(gaussians, surface.vertices, surface.triangles, head, views)
    np.testing.assert_array_equal(texture.source[texture.triangles], surface.triangles)
    assert ((texture.uvs > 0) & (texture.uvs < 1)).all()
    tile = (texture.uvs * 2).astype(int)[texture.triangles]
    assert (tile == tile[:, :1]).all()
    height, width = texture.picture.shape[:2]
    rows, columns = ((1 - texture.uvs[:, 1]) * height).astype(int), (texture.uvs[:, 0] * width).astype(int)
    shown = texture.picture[rows, columns] / 255
    own = surface.colors.numpy()[texture.source]
    off, elsewhere = (np.abs(shown - colours).mean() for colours in (own, own[::-1]))
    assert off < 0.03
    assert off < elsewhere / 3
