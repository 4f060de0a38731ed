"""What a training run takes, memory and time, told before it begins.

Bytes of torch's tensors were counted in whole steps, as tests/cuda_emulation/test_planned_memory.py does again; of
the kernels' scratch they follow from its buffers, and what the driver and torch take for themselves is usual. Core
seconds, and what a run on the CPU takes beside its tensors, were measured by scripts/measure_plan.py
(tests/bench/full.json). No GPU's time is told: it is how fast the host launches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..capture import CACHE_BYTES, CaptureView
from ..events import Listener, Said, Warned
from .config import TrainConfig
from .data import KEPT_BYTES
from .state import TrainState

STATE, GRADIENTS, MEANS = 2300, 450, 650
"""Bytes a Gaussian: parameters, momenta and what growth follows; their gradients; and running means, where a stage ends
with them."""
DRAWN_GAUSSIAN, DRAWN_PIXEL = 190, 90
"""Bytes a Gaussian and a pixel of each frame of a step: deformed, drawn, compared, and the way back."""
READY_PIXEL, KEPT_PIXEL = 56, 5
"""Bytes a pixel of a frame that waits for its step, the making included; of one kept as bytes."""
SPLAT, PAIR = 180, 220
"""Bytes of the kernels a Gaussian and frame, and a pair (splat, tile), with the room to spare."""
PAIRS_GAUSSIAN, PAIRS_TILE = 4, 200
"""Pairs of a frame by its Gaussians, and by tiles of 16 x 16 pixels: large Gaussians reach over many."""
CONTEXT, PROCESS = 600 * 2**20, 900 * 2**20
"""Bytes of the driver, torch's libraries and the kernels' code; of a process that trains on the CPU."""
CORE_SECONDS = (0.02, 5e-7, 4.5e-8, 6e-8)
"""Of a core (AMD EPYC, AVX-512): every frame, Gaussian, recorded pixel and pixel at the stage's resolution."""


@dataclass(frozen=True, kw_only=True)
class PlannedMemory:
    """Bytes by what they are for, at the most Gaussians that a run may have."""

    state: int
    """What learns, with gradients."""
    step: int
    """A step's own tensors; on CUDA twice: steps before a capture leave theirs to torch."""
    kernels: int
    """The kernels' scratch."""
    frames: int
    """Recorded frames, kept and made ready."""
    context: int = CONTEXT
    """What is taken before anything is done."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.state + self.step + self.kernels + self.frames + self.context


def planned_memory(
    config: TrainConfig, width: int, height: int, num_frames: int, device: str | torch.device = "cuda"
) -> PlannedMemory:
    """What training takes of a CUDA device's memory, or on the CPU of the machine's.

    Args:
        config: the run.
        width: of the capture's frames, pixels.
        height: of the capture's frames, pixels.
        num_frames: that it has.
        device: where it runs.
    """
    N, B = config.max_gaussians, config.batch
    cuda = torch.device(device).type == "cuda"
    pixels = round(width * height * max(stage.resolution for stage in config.stages) ** 2)
    ready = max(4, B) + B  # prepared ahead, and where a captured step finds them
    kept = min(num_frames * width * height * KEPT_PIXEL, KEPT_BYTES if cuda else CACHE_BYTES)
    return PlannedMemory(
        state=N * (STATE + GRADIENTS + (MEANS if any(stage.averaged for stage in config.stages) else 0)),
        step=(2 if cuda else 1) * B * (N * DRAWN_GAUSSIAN + pixels * DRAWN_PIXEL),
        kernels=B * (N * SPLAT + PAIR * (N * PAIRS_GAUSSIAN + pixels // 256 * PAIRS_TILE)),
        frames=ready * pixels * READY_PIXEL + kept,
        context=CONTEXT if cuda else PROCESS,
    )


def planned_core_seconds(config: TrainConfig, width: int, height: int, gaussians: int, done: int = 0) -> float:
    """Seconds of one core that the frames of a run take on the CPU, of a machine like the one that was measured.

    Args:
        config: the run.
        width: of the capture's frames, pixels.
        height: of the capture's frames, pixels.
        gaussians: there now.
        done: frames trained on before.
    """
    frame, gaussian, recorded, pixel = CORE_SECONDS
    seconds, N = 0.0, float(gaussians)
    for stage in config.stages:
        left = max(stage.iterations - done, 0)
        done -= stage.iterations - left
        pixels = width * height * stage.resolution**2
        while left:
            count = min(left, config.densify_every) if stage.densify else left
            seconds += count * (frame + gaussian * N + recorded * width * height + pixel * pixels)
            left -= count
            if stage.densify:
                N = min(N * (1 + config.densify_share), max(config.max_gaussians, N))
    return seconds


def tell_plan(config: TrainConfig, cameras: Sequence[CaptureView], state: TrainState, listener: Listener) -> None:
    """Say what the rest of a run takes, and warn where a GPU has less memory.

    Args:
        config: the run.
        cameras: that it looks through, the leading one first.
        state: as it stands.
        listener: receives Said and perhaps Warned.
    """
    device, left = state.device, config.iterations - state.step
    width, height = cameras[0].camera.width, cameras[0].camera.height
    frames = sum(camera.capture.num_frames for camera in cameras)
    memory = planned_memory(config, width, height, frames, device).total
    what = f"training: {left} frames of {width} x {height}, up to {config.max_gaussians} Gaussians"
    if device.type != "cuda":
        core = planned_core_seconds(config, width, height, len(state.pull), state.step)
        listener(Said(message=f"{what}; about {in_words(core)} of an AMD EPYC core, at most {gib(memory)} of memory"))
        return
    listener(Said(message=f"{what}; about {gib(memory)} of {device}'s memory"))
    free, _ = torch.cuda.mem_get_info(device)
    if memory > free:
        words = (
            f"{device} has {gib(free)} free and this run may take {gib(memory)}; where it runs out of memory take "
            "less: --set batch=1, a smaller max_gaussians, or a capture of fewer pixels (track --size)."
        )
        listener(Warned(message=words))


def gib(count: int) -> str:
    """Bytes in words, rounded up."""
    return f"{math.ceil(count / 2**30 * 10) / 10:g} GiB"


def in_words(seconds: float) -> str:
    """Minutes below an hour and a half, else hours."""
    minutes = max(round(seconds / 60), 1)
    return f"{minutes} minutes" if minutes < 90 else f"{seconds / 3600:.1f} hours"
