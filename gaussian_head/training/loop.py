"""The training loop: the only one."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import torch
from torch import Tensor

from ..actor import Actor, Clip
from ..capture import Capture
from ..events import Listener, Said, ignore
from ..head import PARTS
from ..head.branch import Branch
from ..head.coefficients import NECK_SIZE
from .cameras import shots, training_cameras
from .config import Stage, TrainConfig
from .data import KEPT_BYTES, Recorded, TrainFrame, batches, draw_weights, moving, prefetched
from .densify import choose_growth, split_growth
from .depth import depth_held, length_held, thickness_held, tilt_held
from .entering import entering, in_words
from .interrupting import Interruptions
from .neighbours import drawn_to_neighbours
from .observing import Observer, StepDone, StepsDone, StopTraining, snapshot, unobserved
from .state import TrainState, require_finite
from .stepping import Filming
from .steps import Steps

log = logging.getLogger(__name__)
PULL_EVERY = 10
"""Frames between two calls of ``hold_to_prior``, and between two that running means take in."""
READ_EVERY = 20
"""Frames between two reports, and between two looks at a device's losses."""
NECK_RELEASE = 0.3
"""Share of the neck coefficients' basis that shoulder Gaussians lose at each of them."""


def frame_order(capture: Capture, config: TrainConfig, stage_index: int) -> list[int]:
    """Frame numbers of a stage in turn; depends on nothing but the seed, so a resumed run sees the same."""
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
    recorded = [_recorded(camera.capture, state, config, len(cameras), listener) for camera in cameras]
    for index, stage in enumerate(config.stages):
        begin, first = max(state.step - first, 0), first + stage.iterations
        order = shots(cameras, frame_order(capture, config, index), config, index)[begin:]
        filmings, average = [Filming.of(camera, stage.resolution, state.device) for camera in cameras], None
        course = Course(state)
        ready = prefetched(recorded, order, stage.resolution, config.weights, ahead=max(4, config.batch))
        with closing(Steps(state, filmings, config, stage, partial(_hold, state, config, stage))) as steps:
            for frames in batches(ready, config.batch):
                _set_rates(state, stage, begin / stage.iterations, len(frames))
                before, begin = state.step, begin + len(frames)
                with signals.held():
                    course.add(_whole_step(state, frames, steps, config, stage))
                    if begin == stage.iterations:
                        state.settle()
                told = passed(before, state.step, READ_EVERY) or begin == stage.iterations
                if not (told or course.at_once):
                    continue
                loss, psnr = course.read()
                average = psnr if average is None else average + (1 - 0.98 ** len(frames)) * (psnr - average)
                if time.monotonic() - last_save > 60 * config.checkpoint_minutes:
                    save(state)
                    last_save = time.monotonic()
                if passed(before, state.step, READ_EVERY):
                    values = {"psnr": average, "gaussians": float(len(state.pull))}
                    total = config.iterations
                    listener(StepsDone(stage=f"training: {stage.name}", done=state.step, total=total, values=values))
                observer(_step_done(state, clip, config, stage, loss, psnr))


def _recorded(capture: Capture, state: TrainState, config: TrainConfig, cameras: int, listener: Listener) -> Recorded:
    """One camera's frames, and what of them is no part of the person."""
    entered = entering(capture) if config.past_hands else None
    if entered is not None and (words := in_words(entered, capture.info.fps)):
        listener(Said(message=words))
    share = moving(capture) if config.own_backgrounds else 0.0
    if share:
        listener(Said(message=f"{share:.0%} of what is behind the person moves; each frame is its own background."))
    keep = KEPT_BYTES // cameras
    return Recorded(capture, state.device, keep_bytes=keep, entered=entered, moves=share > 0)


class Course:
    """Loss and PSNR of the latest steps. Reading them makes the host wait for a device: that is done seldom there."""

    def __init__(self, state: TrainState) -> None:
        self.at_once = state.device.type == "cpu"
        self._state, self._results = state, list[Tensor]()

    def add(self, result: Tensor) -> None:
        """Count a step's loss and PSNR ``[2]`` in."""
        self._results.append(result)

    def read(self) -> tuple[float, float]:
        """Their means since the last call; InputError where training has gone wrong."""
        loss, psnr = torch.stack(self._results).mean(0).cpu().tolist()
        self._results.clear()
        if not math.isfinite(loss):
            require_finite(self._state)
        return loss, psnr


def passed(before: int, after: int, every: int) -> int:
    """How many multiples of ``every`` a count met on its way from ``before`` to ``after``."""
    return after // every - before // every


def _whole_step(
    state: TrainState, frames: Sequence[TrainFrame], steps: Steps, config: TrainConfig, stage: Stage
) -> Tensor:
    """A step with what is due after it: the state before and after can be saved, but not in between."""
    result = steps.take(frames)
    if state.device.type == "cpu" and not math.isfinite(float(result[0])):
        require_finite(state)
    before, state.step = state.step, state.step + len(frames)
    for _ in range(passed(before, state.step, PULL_EVERY)):
        steps.hold()
    if stage.densify and passed(before, state.step, config.densify_every):
        densify(state, config)
        steps.resized()
    return result


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


def _set_rates(state: TrainState, stage: Stage, progress: float, batch: int) -> None:
    """Rates for a share of the stage's frames done and so many frames a step."""
    state.set_rates(stage.lr_start * (stage.lr_end / stage.lr_start) ** progress, batch)


def _hold(state: TrainState, config: TrainConfig, stage: Stage) -> None:
    """What is due every ``PULL_EVERY`` frames of a stage."""
    hold_to_prior(state, config)
    if stage.averaged:
        state.average(stage.averaged**PULL_EVERY)


@torch.no_grad()
def hold_to_prior(state: TrainState, config: TrainConfig) -> None:
    """What the clip leaves open stays plausible from other sides: decays and bounds decoupled from the loss.

    Offset bases decay towards the tracked shape's (as AdamW decays weights), and no Gaussian outgrows a bound.

    Of face and mouth they go over to the mean of their neighbours': the torso's own few coefficients need no such hold.
    Motion along the line of sight hardly shows in the clip but does from the side: it decays faster. Turns of the head
    may stretch the neck but not the shoulders: there their part of the basis is let go.
    """
    for name in PARTS:
        basis, anchor = state.params[f"{name}.basis"], state.anchor(name)
        if config.motion_together and name != "torso":
            delta = drawn_to_neighbours(
                (basis - anchor).flatten(1), *state.neighbours(name), PULL_EVERY * config.motion_together
            )
            torch.add(anchor, delta.view_as(basis), out=basis)
        basis[:, :2].lerp_(anchor[:, :2], PULL_EVERY * config.motion_decay)
        basis[:, 2:].lerp_(anchor[:, 2:], PULL_EVERY * config.depth_motion_decay)
        state.params[f"{name}.log_scales"].clamp_(max=math.log(config.max_scale))
        hold_surface(state, name, config)
    torso = state.params["torso.basis"]
    keep = 1 - NECK_RELEASE * (1 - state.fixed["torso.head_weights"])
    torso[:, :, :NECK_SIZE] *= keep[:, None, None]


@torch.no_grad()
def hold_surface(state: TrainState, name: str, config: TrainConfig) -> None:
    """Depth, tilt and shape of a branch's Gaussians, as far as the clip does not tell them, see ``depth``."""
    means, quats, scales = (state.params[f"{name}.{key}"] for key in ("means", "quats", "log_scales"))
    sight = state.sights.get(name)
    if sight is None or name == "mouth":
        return
    if config.slender:
        scales.copy_(length_held(scales, math.log(config.slender) / sight.untold))
    home, normal, thin, held = (state.fixed[f"{name}.{key}"] for key in ("surface", "normal", "thin", "held"))
    share, free = PULL_EVERY * sight.untold, ~held[:, None]
    if config.thicker:
        scales.copy_(thickness_held(scales, thin + math.log(config.thicker) / sight.untold))
    if config.depth_together or config.depth_back:
        together, back = share * config.depth_together, share * config.depth_back
        moved = depth_held(means, home, normal, sight.direction, state.neighbours(name), together, back)
        means.copy_(torch.where(free, moved, means))
    if config.tilt_back:
        quats.copy_(torch.where(free, tilt_held(quats, scales, normal, share * config.tilt_back), quats))


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
    state.pull, state.seen = (torch.zeros(count, device=state.device) for _ in range(2))
