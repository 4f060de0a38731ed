"""The training loop: the only one."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..actor import Actor, Clip
from ..camera import Camera
from ..capture import Capture, CaptureView, views_of
from ..events import Listener, ignore
from ..head import PARTS
from ..head.branch import Branch
from ..head.coefficients import NECK_SIZE
from ..motion import Motion, MotionFrame
from ..raster import rasterize_view
from . import losses
from .cameras import EXPOSURE, exposed, exposure_deviation, shots, training_cameras
from .config import Stage, TrainConfig
from .data import TrainFrame, draw_weights, frame_size, prefetched
from .densify import choose_growth, split_growth
from .interrupting import Interruptions
from .observing import Observer, StepDone, StepsDone, StopTraining, snapshot, unobserved
from .state import CORRECTIONS, TrainState, require_finite

log = logging.getLogger(__name__)
PULL_EVERY = 10
"""Steps between two calls of ``hold_to_prior``."""
NECK_RELEASE = 0.3
"""Share of the neck coefficients' basis that shoulder Gaussians lose at each of them."""


def corrected(frame: MotionFrame, correction: Tensor) -> MotionFrame:
    """A moment whose head and torso pose are turned and moved by ``[12]``: two rotation vectors and translations."""
    return replace(
        frame,
        head=frame.head.moved(correction[0:6]),
        torso=frame.torso.moved(correction[6:12]),
    )


@dataclass(frozen=True, kw_only=True)
class Filming:
    """What all steps of a stage that look through one camera share."""

    motion: Motion
    """What the person did as tracked, in each of this camera's frames."""
    rows: Tensor
    """``[N]`` the leading camera's frame nearest to each, whose pose correction it shares."""
    camera: Camera
    """The camera at the stage's resolution."""
    background: Tensor
    """``[H, W, 3]`` its background plate at that resolution."""

    @staticmethod
    def of(capture: Capture | CaptureView, resolution: float) -> Filming:
        """A camera of a capture (of a Capture the leading one) at a share of its resolution."""
        view = views_of(capture)[0] if isinstance(capture, Capture) else capture
        width, height = frame_size(view.capture, resolution)
        plate = torch.as_tensor(view.capture.background).permute(2, 0, 1)[None]
        plate = torch.nn.functional.interpolate(plate, size=(height, width), mode="area")
        return Filming(
            motion=view.motion,
            rows=view.nearest,
            camera=view.camera.resized(width, height),
            background=plate[0].permute(1, 2, 0).contiguous(),
        )


def frame_order(capture: Capture, config: TrainConfig, stage_index: int) -> list[int]:
    """Frame numbers of all steps of a stage; depends on nothing but the seed, so a resumed run sees the same."""
    generator = torch.Generator().manual_seed(config.seed * 1000 + stage_index)
    weights = draw_weights(capture, config.busy_frames)
    count = config.stages[stage_index].iterations
    return capture.train_frames[torch.multinomial(weights, count, replacement=True, generator=generator)].tolist()


def run(
    state: TrainState,
    capture: Capture,
    config: TrainConfig,
    *,
    save: Callable[[TrainState], None],
    listener: Listener = ignore,
    observer: Observer = unobserved,
) -> None:
    """Train ``state`` in place from its step to the end of the last stage, or until the observer ends it.

    Args:
        state: new or resumed.
        capture: the person.
        config: the run.
        save: called every ``config.checkpoint_minutes``, at the end and where Ctrl-C ends the run before.
        listener: receives Progress with loss, PSNR of the last steps and the number of Gaussians.
        observer: called after every step; raising StopTraining ends the run there, with a checkpoint.
    """
    with Interruptions() as signals:
        try:
            _run(state, capture, config, save, listener, observer, signals)
        except StopTraining:
            log.info("ended by the observer at step %d", state.step)
        except KeyboardInterrupt as stop:
            if signals.broken:
                raise
            save(state)
            words = f"stopped at step {state.step} of {config.iterations}; --resume goes on from there"
            raise type(stop)(words) from stop
        save(state)


def _run(
    state: TrainState,
    capture: Capture,
    config: TrainConfig,
    save: Callable[[TrainState], None],
    listener: Listener,
    observer: Observer,
    signals: Interruptions,
) -> None:
    last_save, first, clip = time.monotonic(), 0, Clip.of(capture)
    cameras = training_cameras(capture, config.hold_out)
    captures = [camera.capture for camera in cameras]
    for index, stage in enumerate(config.stages):
        begin, first = max(state.step - first, 0), first + stage.iterations
        order = shots(cameras, frame_order(capture, config, index), config, index)[begin:]
        filmings, average = [Filming.of(camera, stage.resolution) for camera in cameras], None
        for offset, frame in enumerate(prefetched(captures, order, stage.resolution, config.weights)):
            _set_rates(state, stage, (begin + offset) / stage.iterations)
            with signals.held():
                loss, psnr = _whole_step(state, frame, filmings[frame.camera], config, stage)
            average = psnr if average is None else 0.98 * average + 0.02 * psnr
            if time.monotonic() - last_save > 60 * config.checkpoint_minutes:
                save(state)
                last_save = time.monotonic()
            if state.step % 20 == 0:
                values = {"psnr": average, "gaussians": float(len(state.pull))}
                total = config.iterations
                listener(StepsDone(stage=f"training: {stage.name}", done=state.step, total=total, values=values))
            observer(_step_done(state, clip, config, stage, loss, psnr))


def _whole_step(
    state: TrainState, frame: TrainFrame, filming: Filming, config: TrainConfig, stage: Stage
) -> tuple[float, float]:
    """``step`` with what is due after it: the state before and after can be saved, but not in between."""
    loss, psnr = step(state, frame, filming, config, stage)
    if not math.isfinite(loss):
        require_finite(state)
    state.step += 1
    if state.step % PULL_EVERY == 0:
        hold_to_prior(state, config)
    if stage.densify and state.step % config.densify_every == 0:
        densify(state, config)
    return loss, psnr


def _step_done(state: TrainState, clip: Clip, config: TrainConfig, stage: Stage, loss: float, psnr: float) -> StepDone:
    return StepDone(
        stage=stage.name,
        step=state.step,
        total=config.iterations,
        loss=loss,
        psnr=psnr,
        gaussians=len(state.pull),
        snapshot=lambda: Actor(head=snapshot(state), clip=clip),
    )


def _set_rates(state: TrainState, stage: Stage, progress: float) -> None:
    factor = stage.lr_start * (stage.lr_end / stage.lr_start) ** progress
    for group in state.optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def step(
    state: TrainState, frame: TrainFrame, filming: Filming, config: TrainConfig, stage: Stage
) -> tuple[float, float]:
    """One gradient step on one frame; returns its loss and its full-frame PSNR in dB."""
    head = state.head()
    moment, row = filming.motion.at(frame.index), int(filming.rows[frame.index])
    if stage.refine_pose:
        moment = corrected(moment, state.params[CORRECTIONS][row])
    gaussians = head.gaussians_at(moment)
    camera = filming.camera
    labels = head.parts
    extra = torch.stack([labels == PARTS.index("mouth"), labels == PARTS.index("torso")], dim=1).float()
    out = rasterize_view(gaussians, camera, background=filming.background, extra=extra)
    rgb = out.rgb[0]
    if frame.camera:
        rgb = exposed(rgb, out.alpha[0], filming.background, state.params[EXPOSURE][frame.camera - 1])
    loss = _loss(rgb, out.alpha[0], out.extra[0], frame, config)
    if stage.refine_pose:
        loss = loss + config.weights.pose * losses.pose_deviation(state.params[CORRECTIONS][row])
    if frame.camera:
        loss = loss + exposure_deviation(state.params[EXPOSURE][frame.camera - 1])
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.hold()
    state.advance(row)
    visible = out.radii[0] > 0
    assert out.means2d.grad is not None
    state.pull += out.means2d.grad[0].norm(dim=1) * camera.width * visible
    state.seen += visible
    with torch.no_grad():
        return float(loss), float(-10 * torch.log10(((rgb - frame.rgb) ** 2).mean()))


def _loss(rgb: Tensor, alpha: Tensor, parts: Tensor, frame: TrainFrame, config: TrainConfig) -> Tensor:
    weights = config.weights
    loss = losses.photometric(rgb, frame.rgb, frame.weight, weights.ssim)
    loss = loss + weights.alpha * losses.mean_abs(alpha, frame.alpha)
    return loss + weights.parts * losses.mean_abs(parts, frame.parts)


@torch.no_grad()
def hold_to_prior(state: TrainState, config: TrainConfig) -> None:
    """What the clip leaves open stays plausible from other sides: decays and bounds decoupled from the loss.

    Offset bases decay towards the tracked shape's (as AdamW decays weights), and no Gaussian outgrows a bound.

    Motion along the line of sight hardly shows in the clip but does from the side: it decays faster. Turns of the head
    may stretch the neck but not the shoulders: there their part of the basis is let go.
    """
    for name in PARTS:
        basis, anchor = state.params[f"{name}.basis"], state.anchor(name)
        basis[:, :2].lerp_(anchor[:, :2], PULL_EVERY * config.motion_decay)
        basis[:, 2:].lerp_(anchor[:, 2:], PULL_EVERY * config.depth_motion_decay)
        state.params[f"{name}.log_scales"].clamp_(max=math.log(config.max_scale))
    torso = state.params["torso.basis"]
    keep = 1 - NECK_RELEASE * (1 - state.fixed["torso.head_weights"])
    torso[:, :, :NECK_SIZE] *= keep[:, None, None]


@torch.no_grad()
def densify(state: TrainState, config: TrainConfig) -> None:
    """Grow and prune all branches within one budget and restart the statistics."""
    branches: tuple[Branch, ...] = state.head().branches
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + state.step)
    sizes = [len(branch) for branch in branches]
    growth = choose_growth(
        state.pull / state.seen.clamp(min=1) * ~state.held,
        torch.cat([torch.sigmoid(branch.logit_opacities) for branch in branches]),
        share=config.densify_share,
        room=config.max_gaussians - sum(sizes),
        min_opacity=config.min_opacity,
    )
    for branch, part in zip(branches, split_growth(growth, sizes), strict=True):
        state.grow(branch, part, generator)
    count = sum(len(branch) for branch in state.head().branches)
    state.pull, state.seen = torch.zeros(count), torch.zeros(count)
