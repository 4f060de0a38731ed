"""Several frames in one step of the optimizer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support_capture import make_capture
from test_train import CONFIG, INIT

from gaussian_head.head import PARTS, initial_head
from gaussian_head.raster import rasterize_view
from gaussian_head.training import Stage, loop, losses, stepping
from gaussian_head.training.data import Recorded, load_frame
from gaussian_head.training.state import CORRECTIONS, TrainState, new_state, pack, unpack

STAGE = Stage(name="x", iterations=10, resolution=1.0, densify=False, refine_pose=True)


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("silent") / "capture", sound=False)[0]


def fresh(capture) -> TrainState:
    state = new_state(initial_head(capture, INIT), capture.num_frames, CONFIG.rates)
    loop._set_rates(state, STAGE, 0.0, 1)
    return state


def frame_by_frame(state, frame, filming, config, stage):
    """A step on one frame, without anything that could serve several."""
    head = state.head()
    moment = stepping.corrected(filming.motion.at(frame.index), state.params[CORRECTIONS][frame.index])
    extra = torch.stack([head.parts == PARTS.index(name) for name in ("mouth", "torso")], dim=1).float()
    out = rasterize_view(head.gaussians_at(moment), filming.camera, background=filming.background, extra=extra)
    loss = stepping.picture_loss(out.rgb[0], out.alpha[0], out.extra[0], frame, config)
    loss = loss + config.weights.pose * losses.pose_deviation(state.params[CORRECTIONS][frame.index])
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.hold()
    state.advance(torch.tensor([frame.index]))
    visible = out.radii[0] > 0
    state.pull += out.means2d.grad[0].norm(dim=1) * filming.camera.width * visible
    state.seen += visible


def frames_of(capture, numbers):
    return [load_frame(Recorded(capture), t, 1.0, CONFIG.weights) for t in numbers]


def test_a_batch_of_one_is_a_step_on_one_frame_to_the_last_bit(silent):
    ours, theirs, filming = fresh(silent), fresh(silent), stepping.Filming.of(silent, 1.0)
    for frame in frames_of(silent, (3, 5, 3)):
        stepping.step(ours, [frame], [filming], CONFIG, STAGE)
        frame_by_frame(theirs, frame, filming, CONFIG, STAGE)
    want = pack(theirs)
    for name, value in pack(ours).items():
        assert torch.equal(value, want[name]), name


def test_a_batch_adds_what_its_frames_ask_for(silent):
    filming, frames = stepping.Filming.of(silent, 1.0), frames_of(silent, (3, 5, 9))
    together = fresh(silent)
    loss, psnr = stepping.step(together, frames, [filming], CONFIG, STAGE).tolist()
    alone = [fresh(silent) for _ in frames]
    each = [
        stepping.step(one, [frame], [filming], CONFIG, STAGE).tolist() for one, frame in zip(alone, frames, strict=True)
    ]
    assert loss == pytest.approx(sum(one[0] for one in each) / 3, rel=1e-5)
    assert psnr == pytest.approx(sum(one[1] for one in each) / 3, rel=1e-5)
    for name in ("face.means", "face.basis", "torso.sh0", "mouth.logit_opacities", "coefficients.w1"):
        gradient = sum(one.params[name].grad for one in alone)
        assert (together.params[name].grad - gradient).norm() <= 1e-4 * gradient.norm(), name
    torch.testing.assert_close(together.pull, sum(one.pull for one in alone), rtol=1e-3, atol=1e-4)
    assert torch.equal(together.seen, sum(one.seen for one in alone))
    for one, frame in zip(alone, frames, strict=True):
        ours, theirs = (state.params[CORRECTIONS][frame.index] for state in (together, one))
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-7)


def test_a_frame_drawn_twice_in_a_batch_is_corrected_once(silent):
    state, frame = fresh(silent), frames_of(silent, (4,))[0]
    stepping.step(state, [frame, frame], [stepping.Filming.of(silent, 1.0)], CONFIG, STAGE)
    moved = state.params[CORRECTIONS].detach()[4].abs()
    torch.testing.assert_close(moved, torch.full_like(moved, CONFIG.rates.pose))


def test_rates_and_momenta_suit_the_batch(silent):
    state = fresh(silent)
    loop._set_rates(state, STAGE, 0.0, 4)
    for group in state.optimizer.param_groups:
        own = group["name"] == CORRECTIONS
        assert group["lr"] == pytest.approx(group["base_lr"] * (1 if own else 2))
        assert group["betas"] == pytest.approx((0.9, 0.99) if own else (0.6561, 0.96059601))


def test_passed_counts_every_multiple_once():
    assert sum(loop.passed(at, at + 3, 10) for at in range(0, 99, 3)) == 9
    assert [loop.passed(at, at + 1, 10) for at in (8, 9, 10)] == [0, 1, 0]
    assert loop.passed(5, 41, 10) == 4


def test_a_run_in_batches_learns_and_resumes_exactly(silent):
    batched = replace(CONFIG, batch=4)  # stages of 30: the last batch of each has two frames
    steps, whole = [], fresh(silent)
    loop.run(whole, silent, batched, save=lambda state: None, observer=lambda done: steps.append(done))
    assert [done.step for done in steps] == [*range(4, 29, 4), 30, *range(34, 59, 4), 60]
    assert steps[7].psnr > steps[0].psnr + 1

    saved = {}

    def keep(done):
        if done.step == 34:
            raise loop.StopTraining

    part = fresh(silent)
    loop.run(part, silent, batched, save=lambda state: saved.update(pack(state)), observer=keep)
    resumed = unpack({name: value.clone() for name, value in saved.items()}, initial_head(silent, INIT), CONFIG.rates)
    loop.run(resumed, silent, batched, save=lambda state: None)
    want = pack(whole)
    for name, value in pack(resumed).items():
        assert torch.equal(value, want[name]), name
