"""What a run shows of itself between two steps, and how whoever looks on may hold it or end it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..actor import Actor
from ..events import Progress
from ..head import Head
from ..kernels import CPU
from .state import TrainState


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """One training step is over and the next has not begun."""

    stage: str
    """Name of the stage it belonged to."""
    step: int
    """Frames trained on in all stages, each as often as it was drawn."""
    total: int
    """Frames of all stages together."""
    loss: float
    """What the step minimised, a frame."""
    psnr: float
    """Mean over the step's frames, whole picture, dB."""
    gaussians: int
    """Gaussians of the head now."""
    snapshot: Callable[[], Actor]
    """Copies the person as it is now, voiceless, to keep; may be called until the observer returns."""


class StepsDone(Progress):
    """Progress of the training steps, each of which an observer is told of by itself."""


class StopTraining(Exception):
    """Raised by an observer to end training here: the head is finished and saved as it is."""


Observer = Callable[[StepDone], None]
"""Called after every step in the thread that trains, on a device after every 20 frames; until it returns, that waits.

It sees copies only, so that a run is the same to the last bit with and without one.
"""


def unobserved(done: StepDone) -> None:
    """The default observer: looks away."""


def snapshot(state: TrainState) -> Head:
    """The head as it is now, on the CPU, without gradients, sharing nothing that training will change."""
    head = state.head()
    return replace(
        head,
        branches=tuple(replace(b, **{k: v.detach().clone() for k, v in b.tensors().items()}) for b in head.branches),
        coefficient_params={k: v.detach().clone() for k, v in head.coefficient_params.items()},
    ).to(CPU)
