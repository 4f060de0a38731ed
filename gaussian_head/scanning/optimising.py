"""A head's Gaussians against all pictures of one moment: places, turns, sizes, opacities and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..camera import Camera
from ..events import Listener, Progress, ignore
from ..head import Head
from ..motion import Motion, MotionFrame
from ..training.config import LearningRates, LossWeights, Stage, TrainConfig
from ..training.data import TrainFrame
from ..training.loop import densify
from ..training.state import new_state
from ..training.stepping import Filming, step

RATES = LearningRates(means=1.6e-4, basis=0.0, coefficients=1e-12, sh0=6e-3)
WEIGHTS = LossWeights(parts=0.0)
GROWING = 0.7
"""Share of the steps in which Gaussians are added and dropped."""
LAST = 0.1
"""Rates at the end over those at the start."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of the moment, cut to a square."""

    name: str
    """Its file's, without ending."""
    rgb: Tensor
    """``[S, S, 3]`` in [0, 1]."""
    alpha: Tensor
    """``[S, S]`` the person's matte in [0, 1]."""
    plate: Tensor
    """``[S, S, 3]`` what stands behind."""
    camera: Camera
    """In the leading picture's world."""


def still(moment: MotionFrame) -> Motion:
    """A motion of one frame."""
    one = {name: value[None] for name, value in _tensors(moment).items()}
    return Motion.from_tensors(one, fps=25.0)


def _tensors(moment: MotionFrame) -> dict[str, Tensor]:
    return {
        "head_quats": moment.head.quats,
        "head_positions": moment.head.positions,
        "torso_quats": moment.torso.quats,
        "torso_positions": moment.torso.positions,
        "units": moment.units,
        "gaze": moment.gaze,
    }


def optimise(
    head: Head,
    moment: MotionFrame,
    pictures: Sequence[Picture],
    *,
    steps: int,
    max_gaussians: int,
    seed: int = 0,
    listener: Listener = ignore,
) -> Head:
    """The head, as like all pictures as it gets; the first one leads: others may be exposed otherwise."""
    stage = Stage(name="views", iterations=steps, resolution=1.0, densify=True, refine_pose=False)
    config = TrainConfig(
        stages=(stage,), rates=RATES, weights=WEIGHTS, max_gaussians=max_gaussians, densify_every=200, seed=seed
    )
    state = new_state(head, 1, config.rates, None, max(len(pictures), 2))
    motion = still(moment)
    first = torch.zeros(1, dtype=torch.int64)
    filmings = [Filming(motion=motion, rows=first, camera=p.camera, background=p.plate) for p in pictures]
    nothing = torch.zeros(*pictures[0].alpha.shape, 2)
    frames = [
        TrainFrame(
            index=0, at=first, camera=i, rgb=p.rgb, alpha=p.alpha, parts=nothing, weight=torch.ones_like(p.alpha)
        )
        for i, p in enumerate(pictures)
    ]
    generator = torch.Generator().manual_seed(seed)
    for done in range(steps):
        if done % len(pictures) == 0:
            order = torch.randperm(len(pictures), generator=generator).tolist()
        for group in state.optimizer.param_groups:
            group["lr"] = group["base_lr"] * LAST ** (done / steps)
        step(state, [frames[order[done % len(pictures)]]], filmings, config, stage)
        state.step += 1
        with torch.no_grad():
            for name in ("face", "mouth", "torso"):
                state.params[f"{name}.log_scales"].clamp_(max=torch.tensor(config.max_scale).log().item())
        if state.step % config.densify_every == 0 and done < GROWING * steps:
            densify(state, config)
        if state.step % 20 == 0 or state.step == steps:
            listener(Progress(stage="views: optimising", done=state.step, total=steps))
    trained = state.head()
    branches = tuple(
        replace(b, **{k: v.detach().contiguous() for k, v in b.tensors().items()}) for b in trained.branches
    )
    return replace(head, branches=branches)
