"""Work on CUDA that repeats: captured into a graph once, and launched again as one from then on."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from ..kernels import on

log = logging.getLogger(__name__)
WARM = 2
"""Runs before a capture: the first finds how much memory is wanted, the second has it."""


def can_capture(device: torch.device) -> bool:
    """Whether work on a device can be captured into a graph."""
    return device.type == "cuda"


class Recorder:
    """A CUDA stream of its own, on which work is done, captured into a graph and launched again.

    All of it comes after what the usual stream was given before, and before what that is given next.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, torch.cuda.Stream(device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._capture = 0

    def run(self, work: Callable[[], Tensor | None]) -> Tensor | None:
        """Do it now."""
        usual = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(usual)
        with torch.cuda.stream(self._stream):
            result = work()
        usual.wait_stream(self._stream)
        return result

    def record(self, work: Callable[[], Tensor | None]) -> Tensor | None:
        """Capture it; what it gives is filled by ``replay``.

        Raises:
            RuntimeError: it waits for the device, wants memory that the runs before did not, or fails otherwise.
        """
        graph = torch.cuda.CUDAGraph()
        # Frames are prepared in another thread meanwhile: what that does is none of the capture's business.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            self._capture = on(self._device).capture_of(self._stream.cuda_stream)
            result = work()
        self._graph = graph
        return result

    def replay(self) -> None:
        """Launch what was captured."""
        assert self._graph is not None
        self._graph.replay()

    def forget(self) -> None:
        """Drop the graph; its memory is free when nothing else holds it."""
        torch.cuda.synchronize(self._device)
        self._graph = None
        if self._capture:
            on(self._device).forget_graphs(self._capture)
        self._capture = 0


class Replayed:
    """Work without a Python number that changes: run as it is at first, then captured and launched again.

    Where it cannot be captured the log says why, and it is run as it is for ever.

    Args:
        work: what to do.
        device: a CUDA device.
        leave: gives back what a graph may hold; called before one is forgotten.
    """

    def __init__(
        self, work: Callable[[], Tensor | None], device: torch.device, leave: Callable[[], None] = lambda: None
    ) -> None:
        self._work, self._leave, self._recorder = work, leave, Recorder(device)
        self._runs, self._result = 0, None
        self._captured, self._possible = False, True
        self.replays = 0
        """Launches of a graph so far."""

    def __call__(self) -> Tensor | None:
        """Do the work; a tensor that it gives is the caller's own."""
        if self._possible and not self._captured and self._runs >= WARM:
            self._capture()
        if not self._captured:
            self._runs += 1
            return self._recorder.run(self._work)
        self._recorder.replay()
        self.replays += 1
        return None if self._result is None else self._result.clone()

    def _capture(self) -> None:
        try:
            self._result = self._recorder.record(self._work)
            self._captured = True
        except RuntimeError as error:
            where = log.isEnabledFor(logging.DEBUG)
            log.warning("training goes on without CUDA graphs: %s", error, exc_info=where)
            self._possible = False
            self.forget()

    def forget(self) -> None:
        """Begin anew, as where tensors were replaced."""
        self._leave()
        self._recorder.forget()
        self._runs, self._result, self._captured = 0, None, False
