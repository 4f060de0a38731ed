"""What edges learnt shows in the recorded view alone."""

import math
from dataclasses import replace

import pytest
import torch
from support_capture import make_capture

from gaussian_head.head import InitConfig, initial_parts
from gaussian_head.metrics import psnr
from gaussian_head.rendering import orbit_view, render_frame
from gaussian_head.sh import sh_to_rgb
from gaussian_head.training import PRESETS
from gaussian_head.training.cameras import training_cameras
from gaussian_head.training.depth import sights_of
from gaussian_head.training.edges import ASKANCE, SQUARE, beside_of, colours_kept, kept_to_view, pressed, unknown
from gaussian_head.training.state import new_state
from gaussian_head.transforms import quat_normalize, quat_to_rotmat


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


RAYS = torch.nn.functional.normalize(random(200, 3) * 0.2 + torch.tensor([0.0, 0.0, 1.0]), dim=1)


def covariances(quats, log_scales):
    root = quat_to_rotmat(quat_normalize(quats)) * log_scales.exp()[:, None]
    return root @ root.mT


def across(sigma):
    """``[N, 2, 2]`` what of covariances is seen along the rays."""
    u = torch.nn.functional.normalize(torch.linalg.cross(RAYS, torch.tensor([[0.0, 1.0, 0.0]]).expand_as(RAYS)), dim=1)
    plane = torch.stack([u, torch.linalg.cross(RAYS, u)], 2)
    return plane.mT @ sigma @ plane


def test_colours_look_the_same_along_the_ray_and_keep_the_first_one_elsewhere():
    sh0, shN, start = 0.3 * random(200, 1, 3), 0.1 * random(200, 3, 3, seed=1), 0.3 * random(200, 1, 3, seed=2)
    share = torch.linspace(0, 1, 200)
    kept, own = colours_kept(sh0, shN, start, share, RAYS)
    seen = [sh_to_rgb(torch.cat(pair, 1), RAYS, 1) for pair in ((sh0, shN), (kept, own))]
    torch.testing.assert_close(seen[1], seen[0], atol=1e-5, rtol=1e-5)
    assert torch.equal(kept[0], sh0[0])
    torch.testing.assert_close(kept[-1], start[-1])


def test_what_was_seen_squarely_once_tells_its_colour():
    best = torch.tensor([0.0, ASKANCE, 0.5 * (ASKANCE + SQUARE), SQUARE, 1.0])
    assert unknown(best).tolist() == pytest.approx([1, 1, 0.5, 0, 0])


def test_gaussians_that_reach_far_are_pressed_along_the_ray_and_look_the_same_from_there():
    quats, log_scales = random(200, 4), -6 + random(200, 3, seed=3)
    most = torch.full((200,), math.exp(-6.0))
    most[::4] = torch.inf
    before, after = covariances(quats, log_scales), covariances(*pressed(quats, log_scales, RAYS, most))
    deep = [(RAYS[:, None] @ one @ RAYS[..., None])[:, 0, 0].sqrt() for one in (before, after)]
    assert (deep[0] > most).float().mean() > 0.3
    torch.testing.assert_close(deep[1], deep[0].minimum(most), rtol=1e-3, atol=0)
    size = before.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
    torch.testing.assert_close(across(after) / size, across(before) / size, atol=1e-4, rtol=0)
    assert torch.equal(after[::4], before[::4])


def edge_of(face):
    """``[N]`` bool, a strip at the side, said to be seen edge on."""
    return face.means[:, 0] > face.means[:, 0].quantile(0.9)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A head before and after its edges took on other colours and grew towards the camera, and as it is kept."""
    capture = make_capture(tmp_path_factory.mktemp("edges") / "capture", sound=False)[0]
    config = replace(PRESETS["preview"], init=InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2))
    head, held = initial_parts(capture, config.init)
    head = replace(head, one_view=True)
    state = new_state(head, capture.num_frames, config.rates, held)
    sight = sights_of(training_cameras(capture), torch.device("cpu"))["face"]
    ahead = -torch.nn.functional.normalize(sight.eye, dim=0)[None]
    sight = replace(sight, untold=1.0, ways=ahead)  # as if it never turned
    face = head.branch("face")
    fixed = state.began("face")
    fixed["normal"] = torch.where(edge_of(face)[:, None], torch.tensor([1.0, 0.0, 0.0]), fixed["normal"])
    edge = edge_of(face) & ~fixed["held"]
    deep = (quat_to_rotmat(face.quats)[:, 2].abs() * face.log_scales.exp()).argmax(1, keepdim=True)
    longer = face.log_scales + torch.zeros_like(face.log_scales).scatter_(1, deep, math.log(3.0)) * edge[:, None]
    green = face.sh0 + torch.tensor([-1.0, 1.0, -1.0]) * edge[:, None, None]
    changed = replace(face, sh0=green, log_scales=longer)
    kept = kept_to_view(changed, fixed, sight)
    heads = [head.with_branches((b, *head.branches[1:])) for b in (face, changed, kept)]
    return capture, heads, fixed, sight


def test_edges_show_what_they_learnt_to_the_camera_that_recorded_it_alone(learnt):
    capture, heads, _, _ = learnt
    t, grey = int(capture.train_frames[0]), torch.full((3,), 0.5)

    def seen(head, yaw):
        view = orbit_view(head, math.radians(yaw))
        return render_frame(head, capture.motion, t, view, background=grey).rgb

    first, changed, kept = ([seen(head, yaw) for yaw in (0.0, 60.0)] for head in heads)
    assert psnr(kept[0], changed[0]) > 40
    assert psnr(changed[0], first[0]) < 35
    assert psnr(kept[1], first[1]) > psnr(changed[1], first[1]) + 5


def test_what_never_moves_and_mouths_stay_as_they_are(learnt):
    _, heads, fixed, sight = learnt
    changed, kept = heads[1].branch("face"), heads[2].branch("face")
    assert torch.equal(kept.log_scales[fixed["held"]], changed.log_scales[fixed["held"]])
    mouth = heads[0].branch("mouth")
    assert kept_to_view(mouth, {}, sight) is mouth


def test_from_elsewhere_a_surface_seen_askance_has_the_colour_painted_beside_it():
    count = 40
    home = torch.stack([torch.linspace(0, 0.039, count), torch.zeros(count), torch.zeros(count)], 1)
    held = torch.arange(count) < 20
    colour = torch.where(held, 0.5, -0.5)[:, None, None].expand(count, 1, 3)
    beside = beside_of({"home": home, "colour": colour, "held": held}, torch.ones(count))
    assert torch.equal(beside[held], colour[held])
    assert beside[20, 0, 0] == pytest.approx(0.5, abs=0.02)
    assert beside[-1, 0, 0] == pytest.approx(-0.5, abs=0.05)
    assert torch.equal(beside_of({"home": home, "colour": colour, "held": held}, torch.zeros(count)), colour)
    assert torch.equal(beside_of({"home": home, "colour": colour, "held": held & False}, torch.ones(count)), colour)
