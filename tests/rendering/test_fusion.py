"""Fusion of depth on a ball whose depth is exact."""

import math

import pytest
import torch
import trimesh

from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.rendering.fusion import DepthView, DistanceField, without_crumbs

RADIUS, SIZE = 0.1, 144


def view_of_ball(yaw_deg: float) -> DepthView:
    """Depth of a ball at the world's origin, from a metre away; grazing pixels are left out. Red says how far right."""
    a = math.radians(yaw_deg)
    pose = torch.eye(4)
    pose[:3, :3] = torch.tensor([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    pose[2, 3] = 1.0
    camera = Camera.from_focal(2.4 * SIZE, SIZE, SIZE).with_view(pose)
    row, column = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    ray = torch.stack([column, row, torch.ones(SIZE, SIZE)], -1) @ torch.linalg.inv(camera.K).T
    square, middle = ray.square().sum(-1), ray[..., 2]
    root = middle.square() - square * (1 - RADIUS**2)
    depth = (middle - root.clamp(min=0).sqrt()) / square
    normal = (ray * depth[..., None] - torch.tensor([0, 0, 1.0])) / RADIUS
    facing = -(normal * ray).sum(-1) / square.sqrt()
    points = (ray * depth[..., None] - pose[:3, 3]) @ pose[:3, :3]
    rgb = torch.stack([0.5 + 4 * points[..., 0], *torch.full((2, SIZE, SIZE), 0.25)], -1)
    return DepthView(camera=camera, depth=torch.where((root > 0) & (facing > 0.2), depth, 0), rgb=rgb)


@pytest.fixture(scope="module")
def views():
    return [view_of_ball(yaw) for yaw in (-40, -20, 0, 20, 40)]


def test_the_surface_lies_on_the_ball_to_a_fraction_of_a_cell(views):
    vertices, triangles, colours = without_crumbs(*DistanceField(views, 0.004).surface(3), 0.01)
    off = vertices.norm(dim=1) - RADIUS
    assert len(vertices) > 2000
    assert off.mean().abs() < 0.0001
    assert off.std() < 0.0004
    assert off.abs().max() < 0.003
    corners = vertices[triangles]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * corners.mean(1)).sum(1) > 0).float().mean() > 0.999
    inner = vertices[:, 2] < -0.05
    torch.testing.assert_close(colours[inner, 0], 0.5 + 4 * vertices[inner, 0], atol=0.02, rtol=0)


def test_only_what_enough_views_saw_is_drawn(views):
    field = DistanceField(views, 0.004)
    few, many = (field.surface(n) for n in (1, 5))
    assert len(few[1]) > 1.2 * len(many[1]) > 0
    for vertices, triangles, colours in (few, many):
        assert torch.isfinite(colours[triangles.unique()]).all()
        assert (vertices[triangles.unique()].norm(dim=1) - RADIUS).abs().max() < 0.004
    assert len(field.surface(6)[1]) == 0


def test_pieces_smaller_than_a_share_of_the_largest_are_left_out():
    strip = torch.arange(50)[:, None] + torch.tensor([0, 1, 2])
    vertices = torch.rand(55, 3)
    crumb = torch.tensor([[52, 53, 54]])
    kept, triangles, colours = without_crumbs(vertices, torch.cat([crumb, strip]), vertices, 0.05)
    assert len(triangles) == 50
    torch.testing.assert_close(kept, vertices[:52])
    torch.testing.assert_close(colours[triangles], vertices[strip])
    assert len(without_crumbs(vertices, torch.cat([crumb, strip]), vertices, 0.01)[1]) == 51


def test_a_field_too_large_for_memory_is_refused_before_it_is_made(views):
    far = DepthView(camera=views[2].camera, depth=views[2].depth * 15, rgb=views[2].rgb)
    with pytest.raises(InputError, match="larger cells"):
        DistanceField([*views, far], 0.001)


def test_a_closed_surface_has_no_border(views):
    seen, _, _ = without_crumbs(*DistanceField(views, 0.004).surface(3), 0.01)
    vertices, triangles, colours = without_crumbs(*DistanceField(views, 0.004).surface(3, closed=True), 1.0)
    ball = trimesh.Trimesh(vertices.numpy(), triangles.numpy(), process=False)
    assert ball.is_watertight
    assert ball.is_winding_consistent
    assert 0.5 < ball.volume / (4 / 3 * math.pi * RADIUS**3) < 1.02  # a membrane closes what nobody saw
    rim = seen[:, 2].max()
    off = vertices.norm(dim=1) - RADIUS
    assert off[vertices[:, 2] < -0.05].abs().max() < 0.003
    assert off.max() < 0.01
    assert vertices[:, 2].max() > rim + 0.02  # it goes on beyond what was seen
    assert torch.isfinite(colours).all()
