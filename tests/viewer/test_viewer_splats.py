"""What the browser's own renderer is given is what ours draws."""

import numpy as np
import pytest
import torch
from gaussian_head.viewer.splats import UNIT, SplatNode, splats_of
from support_head import make_actor, make_head, make_motion

from gaussian_head.gaussians import Gaussians
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import View, recorded_fov
from gaussian_head.rendering import render_gaussians


class FakeNode:
    def __init__(self, *arrays, scale, position):
        self.arrays, self.scale, self.position, self.gone = arrays, scale, position, False

    def set_gaussians(self, *arrays):
        self.arrays = arrays

    def remove(self):
        self.gone = True


class FakeScene:
    def __init__(self):
        self.nodes, self.backgrounds = [], []

    def add_gaussian_splats(self, name, *arrays, scale, position):
        self.nodes.append(FakeNode(*arrays, scale=scale, position=position))
        return self.nodes[-1]

    def set_background_image(self, image, **options):
        self.backgrounds.append(image)


@pytest.fixture
def stage():
    client = type("Client", (), {"scene": FakeScene()})
    person = Shelf([make_actor(num_gaussians=300, size=64)]).get("head")
    view = View(wxyz=(1.0, 0, 0, 0), position=(0.0, 0, 0), fov=recorded_fov(person.head), aspect=1.0)
    return client.scene, SplatNode(client), Staging(person=person, performance=person.clip, size=64), view


def test_splats_in_half_precision_draw_the_picture_that_the_gaussians_draw():
    head = make_head(num_gaussians=1500, size=96)
    gaussians = head.gaussians(make_motion(), 7)
    splats = splats_of(gaussians, head.camera.position, head.centre)
    covariances = torch.from_numpy(splats.covariances.astype(np.float16)).double() * UNIT**2
    variances, axes = torch.linalg.eigh(covariances)
    from gaussian_head.transforms import rotmat_to_quat

    axes = axes * torch.linalg.det(axes).sign()[:, None, None]
    again = Gaussians(
        means=torch.from_numpy(splats.centers) * UNIT + head.centre,
        quats=rotmat_to_quat(axes.float()),
        scales=variances.clamp(min=0).sqrt().float(),
        opacities=torch.from_numpy(splats.opacities)[:, 0],
        colors=torch.from_numpy(splats.rgbs).float() / 255,
    )
    a, b = render_gaussians(gaussians, head.camera).rgb, render_gaussians(again, head.camera).rgb
    assert float(-10 * torch.log10((a - b).square().mean())) > 45


def test_a_node_is_made_once_updated_and_taken_away(stage):
    scene, node, snapshot, view = stage
    node.show(snapshot, view, 0)
    first = scene.nodes[0].arrays[0].copy()
    node.show(snapshot, view, 20)
    assert len(scene.nodes) == 1
    assert np.abs(scene.nodes[0].arrays[0] - first).max() > 0.01
    assert scene.nodes[0].scale == UNIT
    assert len(scene.backgrounds) == 1, "the backdrop did not change"
    node.hide()
    node.hide()
    assert scene.nodes[0].gone
    node.show(snapshot, view, 0)
    assert len(scene.nodes) == 2
    assert len(scene.backgrounds) == 2


def test_hidden_parts_are_transparent_splats(stage):
    from dataclasses import replace

    scene, node, snapshot, view = stage
    node.show(replace(snapshot, look=replace(snapshot.look, parts=frozenset({"torso"}))), view, 0)
    opacities = scene.nodes[0].arrays[3][:, 0]
    assert (opacities[snapshot.person.head.parts.numpy() != 2] == 0).all()
    assert (opacities > 0).any()
