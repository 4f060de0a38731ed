"""Progress as bars in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..events import Event, Said, Warned


class ProgressBars:
    """Draws Progress as bars with the time left; prints warnings above them, and what is said."""

    def __init__(self) -> None:
        self._stage, self._bar = None, None

    def __call__(self, event: Event) -> None:
        from tqdm import tqdm

        if isinstance(event, Warned):
            tqdm.write(f"warning: {event.message}", file=sys.stderr)
            return
        if isinstance(event, Said):
            self.close()
            tqdm.write(event.message, file=sys.stdout)
            sys.stdout.flush()
            return
        if event.stage != self._stage:
            self.close()
            initial = event.done if event.done > 1 else 0
            self._stage = event.stage
            self._bar = tqdm(total=event.total, initial=initial, desc=event.stage, mininterval=0.5)
        assert self._bar is not None
        self._bar.set_postfix({k: f"{v:.4g}" for k, v in event.values.items()}, refresh=False)
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """Finish the bar being drawn."""
        if self._bar is not None:
            self._bar.close()
            self._stage, self._bar = None, None


@contextmanager
def drawing() -> Iterator[ProgressBars]:
    """Bars that are finished with the body."""
    bars = ProgressBars()
    try:
        yield bars
    finally:
        bars.close()
