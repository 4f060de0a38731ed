"""What a training run does, as data: stages, learning rates, loss weights and the three presets."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import torch

from ..capture import Split
from ..checks import InputError, require_fields
from ..head import InitConfig
from ..kernels import device_named


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of iterations with the same resolution and the same things learned."""

    name: str
    """Shown beside the progress bar."""
    iterations: int
    """Frames trained on, drawn anew each time: steps, where a step takes one frame."""
    resolution: float
    """Picture size as a share of the capture's, in (0, 1]."""
    densify: bool
    """Grow Gaussians where the picture asks for more, and drop the transparent ones."""
    refine_pose: bool
    """Also learn a small correction of every training frame's head and torso pose."""
    lr_start: float = 1.0
    """Factor on all learning rates at the stage's first step."""
    lr_end: float = 1.0
    """Factor on all learning rates at its last step; geometric in between."""
    averaged: float = 0.0
    """Share of the mean of all parameters that is kept from frame to frame, in [0, 1): the stage ends with that mean
    (Polyak and Juditsky, 1992), in which the noise of single frames has cancelled out. 0 ends with the last step."""

    def __post_init__(self) -> None:
        factor = (1e-9, 1e3)
        bounds = {"iterations": (1, 10**9), "resolution": (0.01, 1.0), "averaged": (0.0, 0.99999)}
        require_fields(self, bounds | {"lr_start": factor, "lr_end": factor})
        if self.averaged and self.densify:
            raise InputError(
                f"stage {self.name!r} grows Gaussians and averages them; set averaged to 0, or densify to False."
            )


@dataclass(frozen=True, kw_only=True)
class LearningRates:
    """Adam step sizes."""

    means: float = 6e-5
    """Metres."""
    quats: float = 2e-3
    """Quaternion units."""
    log_scales: float = 6e-3
    """Natural-log units."""
    logit_opacities: float = 3e-2
    """Logit units."""
    sh0: float = 4e-3
    """Colour of degree 0."""
    shN: float = 4e-4
    """Colour of the higher degrees."""
    basis: float = 3e-5
    """Metres per unit coefficient."""
    opacity_basis: float = 6e-3
    """Logit units per unit coefficient."""
    coefficients: float = 1e-3
    """Weights of the learned coefficients."""
    pose: float = 1.5e-4
    """Radians and metres of a frame's pose correction, in a step on that frame."""

    def __post_init__(self) -> None:
        require_fields(self, {rate.name: (0.0, 1e3) for rate in fields(self)})


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weight of every loss term."""

    ssim: float = 0.2
    """Share of 1 - SSIM; the rest is L1."""
    alpha: float = 0.2
    """L1 between the rendered alpha and the person matte."""
    parts: float = 0.05
    """L1 between the rendered and the labelled share of mouth and torso."""
    lips: float = 3.0
    """Extra pixel weight in the box around the lips."""
    eyes: float = 1.0
    """Extra pixel weight in the boxes around the eyes."""
    mouth: float = 3.0
    """Extra pixel weight inside the open mouth."""
    pose: float = 0.02
    """Penalty on pose corrections, per 0.01 radian and centimetre."""

    def __post_init__(self) -> None:
        require_fields(self, {weight.name: (0.0, 1e6) for weight in fields(self)} | {"ssim": (0.0, 1.0)})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run."""

    stages: tuple[Stage, ...]
    """Run one after the other."""
    init: InitConfig = field(default_factory=InitConfig)
    """The Gaussians it starts with."""
    rates: LearningRates = field(default_factory=LearningRates)
    """Learning rates."""
    weights: LossWeights = field(default_factory=LossWeights)
    """Loss weights."""
    batch: int = 1
    """Frames that one step of the optimizer takes together, at rates and momenta that suit as many. ``iterations`` and
    ``densify_every`` count frames whatever it is."""
    max_gaussians: int = 40_000
    """Densification stops here, and the initial head is laid out wider where it would have more."""
    densify_every: int = 300
    """Frames between densifications."""
    densify_share: float = 0.04
    """Share of the Gaussians that one densification may add."""
    motion_decay: float = 2e-4
    """Share by which the offset bases decay towards the tracked shape's with every frame."""
    depth_motion_decay: float = 2e-3
    """The same for motion along the line of sight."""
    motion_together: float = 0.05
    """Share by which what training adds to the motion of face and mouth goes over to the neighbours' mean in every
    step: a Gaussian that moves for itself fits the frames trained on and no others."""
    depth_together: float = 0.02
    """Share by which a Gaussian's depth before or behind its first surface goes over to the neighbours' mean in every
    step, where no turn of the clip tells depth; next to nothing where the clip turns. Profiles of a head that hardly
    turned stay smooth by this and the next four, for a quarter of a decibel in front; 0 lets go."""
    depth_back: float = 0.001
    """The same back onto that surface."""
    tilt_back: float = 0.003
    """The same for the way a flat Gaussian lies."""
    thicker: float = 1.5
    """How many times as thick as it began a Gaussian may get where nothing tells; 0 for any."""
    slender: float = 5.0
    """How many times as long as it is wide a Gaussian may get where nothing tells: needles stand out from other sides;
    0 for any."""
    own_view: bool = True
    """When training is done, what edges learnt is kept to the one view that shows them, and what no view tells of their
    depth is taken back: recorded edges would be blots and spikes from the side. In front it costs nothing."""
    past_hands: bool = True
    """Hands and other things that enter the picture from its border for a while teach the torso nothing."""
    own_backgrounds: bool = True
    """Where camera or scene move, a frame is compared before its own background, in place of the plate's."""
    face_turns: bool = True
    """Face and hair may move with the turn of the head against the torso too, and with the side and the distance that
    they are filmed from: hair hangs, and a surface guessed wrong shows."""
    max_scale: float = 0.01
    """No Gaussian's standard deviation grows beyond it, in metres: long ones turn into spikes from other sides."""
    absgrad: bool = False
    """Grow where pixels pull hardest without regard to the direction, each for itself: pulls that cancel out count too
    (AbsGS)."""
    min_opacity: float = 0.02
    """Gaussians below it are dropped at a densification."""
    busy_frames: float = 0.3
    """Share of the draws that favour frames with an open mouth or closing eyes."""
    checkpoint_minutes: float = 3.0
    """Minutes between checkpoints."""
    split: Split = "tail"
    """Frames to hold out: the last tenth, or the most turned ones, to measure what an unseen turn costs."""
    seed: int = 0
    """Seed of every random choice."""
    hold_out: tuple[str, ...] = ()
    """Names of cameras of the capture that training does not look through."""

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("TrainConfig.stages is empty; one stage or more was wanted.")
        share = (0.0, 1.0)
        require_fields(
            self,
            {
                "batch": (1, 1024),
                "max_gaussians": (0, 10**8),
                "densify_every": (1, 10**9),
                "densify_share": share,
                "motion_decay": (0.0, 0.1),
                "motion_together": (0.0, 0.1),
                "depth_motion_decay": (0.0, 0.1),
                "depth_together": (0.0, 0.1),
                "depth_back": (0.0, 0.1),
                "tilt_back": (0.0, 0.1),
                "thicker": (0.0, 1e6),
                "slender": (0.0, 1e6),
                "max_scale": (1e-6, 10.0),
                "min_opacity": share,
                "busy_frames": share,
                "checkpoint_minutes": (0.0, 1e6),
                "seed": (0, 2**31),
            },
        )

    @property
    def iterations(self) -> int:
        """Frames of all stages together, each as often as it is drawn."""
        return sum(stage.iterations for stage in self.stages)


CUDA_BATCH = 4
"""Frames that a preset's step takes on CUDA: within about .1 dB of one at as many frames seen."""

SETTLE = Stage(
    name="settle",
    iterations=1000,
    resolution=1.0,
    densify=False,
    refine_pose=True,
    lr_start=0.3,
    lr_end=0.1,
    averaged=0.998,
)

PRESETS: dict[str, TrainConfig] = {
    "preview": TrainConfig(
        init=InitConfig(face_stride=3.0, torso_stride=4.0, mouth_frames=2),
        stages=(
            Stage(name="coarse", iterations=4000, resolution=0.5, densify=True, refine_pose=False),
            Stage(
                name="fine",
                iterations=1000,
                resolution=1.0,
                densify=False,
                refine_pose=False,
                lr_end=0.3,
                averaged=0.995,
            ),
        ),
        max_gaussians=30_000,
    ),
    "standard": TrainConfig(
        stages=(
            Stage(name="coarse", iterations=2500, resolution=0.5, densify=True, refine_pose=False),
            Stage(name="fine", iterations=5000, resolution=1.0, densify=True, refine_pose=True, lr_end=0.3),
            replace(SETTLE, iterations=3000),
        ),
    ),
    "full": TrainConfig(
        init=InitConfig(face_stride=1.5, torso_stride=2.0, mouth_frames=4),
        stages=(
            Stage(name="coarse", iterations=6000, resolution=0.5, densify=True, refine_pose=False),
            Stage(name="fine", iterations=24000, resolution=1.0, densify=True, refine_pose=True, lr_end=0.3),
            replace(SETTLE, iterations=10000),
        ),
        max_gaussians=100_000,
    ),
}


def preset_on(name: str, device: str | torch.device) -> TrainConfig:
    """A preset as every verb that trains runs it on a device: on CUDA a step takes ``CUDA_BATCH`` frames.

    Raises:
        InputError: there is no such device, or nothing can run on it.
    """
    batch = CUDA_BATCH if device_named(device).type == "cuda" else 1
    return replace(PRESETS[name], batch=batch)
