"""What a training run takes of a CUDA device's memory, told before it begins.

Bytes of torch's tensors were counted in whole steps, as tests/cuda_emulation/test_planned_memory.py does again; of
the kernels' scratch they follow from its buffers, and what the driver and torch take for themselves is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

from .config import TrainConfig
from .data import KEPT_BYTES

STATE, GRADIENTS = 2200, 420
"""Bytes a Gaussian: parameters, momenta and what growth follows; their gradients."""
DRAWN_GAUSSIAN, DRAWN_PIXEL = 160, 90
"""Bytes a Gaussian and a pixel of each frame of a step: deformed, drawn, compared, and the way back."""
READY_PIXEL, KEPT_PIXEL = 56, 5
"""Bytes a pixel of a frame that waits for its step, the making included; of one kept as bytes."""
SPLAT, PAIR = 180, 220
"""Bytes of the kernels a Gaussian and frame, and a pair (splat, tile), with the room to spare."""
PAIRS_GAUSSIAN, PAIRS_TILE = 4, 200
"""Pairs of a frame by its Gaussians, and by tiles of 16 x 16 pixels: large Gaussians reach over many."""
CONTEXT = 600 * 2**20
"""Bytes of the driver, torch's libraries and the kernels' code."""


@dataclass(frozen=True, kw_only=True)
class PlannedMemory:
    """Bytes by what they are for, at the most Gaussians that a run may have."""

    state: int
    """What learns, with gradients."""
    step: int
    """A step's own tensors, twice: steps before a capture leave theirs to torch."""
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


def planned_memory(config: TrainConfig, width: int, height: int, num_frames: int) -> PlannedMemory:
    """What training takes of a device.

    Args:
        config: the run.
        width: of the capture's frames, pixels.
        height: of the capture's frames, pixels.
        num_frames: that it has.
    """
    N, B = config.max_gaussians, config.batch
    pixels = round(width * height * max(stage.resolution for stage in config.stages) ** 2)
    ready = max(4, B) + B  # prepared ahead, and where a captured step finds them
    return PlannedMemory(
        state=N * (STATE + GRADIENTS),
        step=2 * B * (N * DRAWN_GAUSSIAN + pixels * DRAWN_PIXEL),
        kernels=B * (N * SPLAT + PAIR * (N * PAIRS_GAUSSIAN + pixels // 256 * PAIRS_TILE)),
        frames=ready * pixels * READY_PIXEL + min(num_frames * width * height * KEPT_PIXEL, KEPT_BYTES),
    )
