"""Memory of a device that renderings alike use one after the other: the host waits for it at the first only."""

from __future__ import annotations

import logging
from typing import Any

import torch

from ..checks import InputError
from ..kernels import call, made

log = logging.getLogger(__name__)
SPARE = 2
"""Room for so many times the pairs (splat, tile) that the first rendering had."""


class Room:
    """Room for one rendering at a time: its backward pass comes before the next is drawn.

    The number of pairs (splat, tile) is known on the device only. Whoever asks waits, and a graph cannot: so the first
    rendering is asked, and those after it get ``SPARE`` times as much. One that needed more lacks Gaussians; the next
    one notices and makes more room.
    """

    def __init__(self) -> None:
        self.turn = 0
        """Counts the renderings."""
        self._plan: Any = None
        self._pairs = 0

    def measure(self) -> None:
        """Ask the next rendering anew, as where Gaussians came or went."""
        self._pairs = 0

    def lacked(self) -> bool:
        """Whether a rendering that is over needed more room than it had, so far as is known without waiting."""
        return self._plan is not None and self._plan.lacking() > 0

    def leave(self) -> None:
        """Give the memory back; the next rendering gets its own."""
        self._plan = None
        self._pairs = 0

    def draw(self, device: torch.device, *arguments: Any) -> Any:
        """Run ``forward_into`` on its arguments but for plan and capacity; gives the plan, for the backward pass."""
        if self._plan is None:
            self._plan = made("Plan", device)
        self.turn += 1
        if not self._pairs:
            call("forward_into", device, self._plan, *arguments, 0)
            self._pairs = SPARE * max(self._plan.needed_pairs(), 1)
            return self._plan
        try:
            call("forward_into", device, self._plan, *arguments, self._pairs)
        except InputError:
            needed = self._plan.needed_pairs()
            if needed <= self._pairs:
                raise
            log.info("a rendering needed %d pairs and had room for %d: it lacked Gaussians", needed, self._pairs)
            self._pairs = SPARE * needed
            call("forward_into", device, self._plan, *arguments, self._pairs)
        return self._plan
