"""What no frame shows: behind the outline, hidden from the front, coloured from it, held still in training."""

import pytest
import torch
from support_capture import make_capture

from gaussian_head.face.fitting import read_offsets
from gaussian_head.facenet import NUM_MESH
from gaussian_head.head import InitConfig, initial_parts
from gaussian_head.head.frames import rest_frame
from gaussian_head.rendering import orbit_view, render_frame
from gaussian_head.training.config import LearningRates
from gaussian_head.training.densify import Growth
from gaussian_head.training.state import new_state


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    capture, _ = make_capture(tmp_path_factory.mktemp("volume") / "capture", num_frames=12, size=96)
    capture.shape.vertices[:NUM_MESH, 2] += read_offsets()[:, 2].float()  # as deep as a landmark net has them
    head, held = initial_parts(capture, InitConfig(face_stride=2.0, back_stride=3.0, torso_stride=4.0))
    return capture, head, held


def test_the_shell_lies_behind_and_fills_the_side_view(start):
    capture, head, held = start
    face, rows = head.branch("face"), held["face"]
    assert int(rows.sum()) > 30
    assert not held["mouth"].any()
    assert float(face.means[rows, 2].median()) > float(face.means[~rows, 2].median()) + 0.03
    behind = rows & (face.means[:, 2] > 0.06)
    assert behind.any()
    assert float(face.basis[behind].abs().max()) < 1e-6
    branches = tuple(b if b.name != "face" else _without(b, rows) for b in head.branches)
    bare, t = head.with_branches(branches), rest_frame(capture)
    areas = {
        yaw: [float((render_frame(h, capture.motion, t, orbit_view(h, yaw)).alpha > 0.5).sum()) for h in (head, bare)]
        for yaw in (0.0, 0.7)
    }
    assert areas[0.0][0] < 1.03 * areas[0.0][1]
    assert areas[0.7][0] > 1.05 * areas[0.7][1]


def _without(branch, rows):
    from dataclasses import replace

    return replace(branch, **{name: value[~rows] for name, value in branch.tensors().items()})


def test_the_shell_is_coloured_like_the_outline(start):
    _, head, held = start
    face, rows = head.branch("face"), held["face"]
    colors = 0.5 + 0.28209479 * face.sh0[:, 0]
    gap = (colors[rows].mean(0) - colors[~rows].mean(0)).abs().max()
    assert float(gap) < 0.25


def test_held_gaussians_stay_as_they_are(start):
    capture, head, held = start
    state = new_state(head, capture.num_frames, LearningRates(), held)
    before = {key: value.detach().clone() for key, value in state.params.items()}
    for group in state.optimizer.param_groups:
        group["lr"] = group["base_lr"]
    for value in state.params.values():
        value.grad = torch.ones_like(value)
    state.hold()
    state.optimizer.step()
    rows = held["face"]
    for name in ("means", "quats", "log_scales", "sh0", "basis", "logit_opacities"):
        key = f"face.{name}"
        assert torch.equal(state.params[key][rows], before[key][rows]), name
        assert not torch.equal(state.params[key][~rows], before[key][~rows]), name


def test_growth_carries_the_marks_along(start):
    capture, head, held = start
    state = new_state(head, capture.num_frames, LearningRates(), held)
    count = len(head.branch("face"))
    growth = Growth(keep=torch.arange(10, count), copy=torch.tensor([20, 30]))
    state.grow(head.branch("face"), growth, torch.Generator().manual_seed(0))
    marks = state.fixed["face.held"]
    assert len(marks) == len(state.params["face.means"])
    assert int(marks.sum()) == int(held["face"].sum())
