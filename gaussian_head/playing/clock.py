"""What time it is in the performance: the browser's player is the master, the server extrapolates."""

from __future__ import annotations

import math

STALE_AFTER = 0.4
"""Seconds that the position is carried on without news from the browser's player."""


class Playback:
    """Position, speed and loop of one browser's player; all times are seconds, ``now`` is a monotonic clock.

    While a browser's player reports, its reports are the truth. Without one (``bridged`` false) the same
    state runs on the server's own clock, so that playing works, silently, in any browser.
    """

    def __init__(self, num_frames: int, fps: float) -> None:
        self.num_frames, self.fps = num_frames, fps
        self.rate, self.loop, self.bridged = 1.0, True, False
        self._position, self._anchor, self._playing = 0.0, 0.0, False

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps

    def load(self, num_frames: int, fps: float) -> None:
        """Start another performance: at its first frame, paused."""
        self.num_frames, self.fps = num_frames, fps
        self._position, self._playing = 0.0, False

    def report(self, position: float, playing: bool, rate: float, loop: bool, now: float) -> None:
        """Take over what the browser's player says; nonsense (NaN, beyond the end) is brought into range."""
        self.bridged = True
        position = position if math.isfinite(position) else 0.0
        self._position, self._anchor, self._playing = min(max(position, 0.0), self.duration), now, playing
        self.rate = min(max(rate, 0.05), 8.0) if math.isfinite(rate) else 1.0
        self.loop = loop

    def playing(self, now: float) -> bool:
        """True while the performance runs."""
        ended = not self.bridged and not self.loop and self._elapsed(now) + self._position >= self.duration
        return self._playing and not ended

    def time(self, now: float, lead: float = 0.0) -> float:
        """Position at ``now`` in ``[0, duration)``; while playing, the position ``lead`` seconds of wall time ahead."""
        if not self._playing:
            return min(self._position, self._last_frame_time)
        position = self._position + self._elapsed(now) + lead * self.rate
        if self.loop:
            return position % self.duration
        return min(position, self._last_frame_time)

    def frame(self, now: float, lead: float = 0.0) -> int:
        """Frame index at ``now``."""
        # A seek to the exact start of a frame must not fall into the one before by rounding.
        return min(int(self.time(now, lead) * self.fps + 1e-6), self.num_frames - 1)

    def play(self, now: float) -> None:
        """Run from here, or from the start where the end was reached."""
        at_end = not self.loop and self.time(now) >= self._last_frame_time - 1e-6
        self._position, self._anchor, self._playing = 0.0 if at_end else self.time(now), now, True

    def pause(self, now: float) -> None:
        """Stay at this moment."""
        self._position, self._playing = self.time(now), False

    def toggle(self, now: float) -> None:
        """Play where paused, pause where playing."""
        if self.playing(now):
            self.pause(now)
        else:
            self.play(now)

    def seek(self, position: float, now: float) -> None:
        """Go to ``position``, playing on if it was playing."""
        self._position, self._anchor = min(max(position, 0.0), self._last_frame_time), now

    def step(self, frames: int, now: float) -> None:
        """Pause and move by whole frames, round the ends."""
        frame = (self.frame(now) + frames) % self.num_frames
        self._position, self._playing = frame / self.fps, False

    @property
    def _last_frame_time(self) -> float:
        return max(self.num_frames - 1, 0) / self.fps

    def _elapsed(self, now: float) -> float:
        wall = max(now - self._anchor, 0.0)
        return self.rate * (min(wall, STALE_AFTER) if self.bridged else wall)
