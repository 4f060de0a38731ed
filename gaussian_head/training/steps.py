"""The steps of a stage, one after the other: on CUDA launches of one graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from . import graphs
from .config import Stage, TrainConfig
from .data import TrainFrame
from .state import TrainState
from .stepping import Filming, step

CHANGING = ("at", "rgb", "alpha", "parts", "weight", "entered", "background")
"""Tensors of a frame, which a captured step finds where they were; the last two may be none."""


class Steps:
    """Takes the steps of a stage, and holds the head to its prior between them.

    On CUDA, where one camera filmed, all but the first few are launches of a graph: rates and the frames' tensors are
    copied to where it finds them. After growth, or where a picture lacked room, it is captured anew.

    Args:
        state: what learns.
        filmings: the cameras.
        config: the run.
        stage: of the run.
        hold: what is due every few frames; it waits for nothing.
    """

    def __init__(
        self,
        state: TrainState,
        filmings: Sequence[Filming],
        config: TrainConfig,
        stage: Stage,
        hold: Callable[[], None],
    ) -> None:
        self._state, self._filmings, self._config, self._stage = state, filmings, config, stage
        self._frames: list[TrainFrame] = []
        self._graphs: tuple[graphs.Replayed, graphs.Replayed] | None = None
        self._hold = hold
        if graphs.can_capture(state.device) and len(filmings) == 1:
            step = graphs.Replayed(self._step, state.device, filmings[0].room.leave)
            self._graphs = step, graphs.Replayed(hold, state.device)

    @property
    def replays(self) -> int:
        """Steps so far that were launches of a graph."""
        return 0 if self._graphs is None else self._graphs[0].replays

    def take(self, frames: Sequence[TrainFrame]) -> Tensor:
        """``stepping.step`` on frames: their mean loss and PSNR ``[2]``."""
        if self._graphs is None:
            self._frames = list(frames)
            return self._step()
        lacked = self._filmings[0].room.lacked()
        if lacked or len(frames) != len(self._frames):
            self._graphs[0].forget()
            self._frames = [replace(frame, **{n: v.clone() for n, v in _changing(frame).items()}) for frame in frames]
        for own, frame in zip(self._frames, frames, strict=True):
            for name, value in _changing(frame).items():
                getattr(own, name).copy_(value)
        result = self._graphs[0]()
        assert result is not None
        return result

    def hold(self) -> None:
        """Do what is due every few frames."""
        self._hold() if self._graphs is None else self._graphs[1]()

    def resized(self) -> None:
        """Gaussians came or went: what was captured or measured no longer holds."""
        for filming in self._filmings:
            filming.room.measure()
        for graph in self._graphs or ():
            graph.forget()

    def close(self) -> None:
        """Give back the graphs and their memory."""
        self.resized()

    def _step(self) -> Tensor:
        return step(self._state, self._frames, self._filmings, self._config, self._stage)


def _changing(frame: TrainFrame) -> dict[str, Tensor]:
    return {name: value for name in CHANGING if (value := getattr(frame, name)) is not None}
