"""How fast pictures may be sent: one in flight until the browser says that it is on screen.

A browser drops a decoded picture when a newer one has arrived meanwhile, so that pushing faster than it
decodes freezes the picture. Where no acknowledgement ever comes, a slow timer takes over.
"""

from __future__ import annotations

from collections import deque

ACK_TIMEOUT = 2.0
"""Seconds after which a picture in flight is given up."""
TIMER_INTERVAL = 0.2
"""Seconds between pictures for a browser that never acknowledges."""
MAX_LEAD = 0.4
"""Seconds that pictures are rendered ahead of the sound at most."""
WINDOW = 2.0
"""Seconds over which the shown rate is counted."""


class Pacer:
    """Flow control and statistics of one browser; ``now`` is a monotonic clock in seconds."""

    def __init__(self) -> None:
        self.acknowledges = False
        self._in_flight: float | None = None
        self._started = 0.0
        self._latency = 0.08
        self._hold = 0.04
        self._shown: deque[float] = deque()
        self.sync_errors: deque[float] = deque(maxlen=500)

    def ready(self, now: float) -> bool:
        """True when a picture may be sent."""
        return self.wait(now) <= 0

    def wait(self, now: float) -> float:
        """Seconds until the next picture may be sent at the latest; 0 for at once."""
        if self._in_flight is None:
            return 0.0
        limit = ACK_TIMEOUT if self.acknowledges else TIMER_INTERVAL
        return max(self._in_flight + limit - now, 0.0)

    def sent(self, started: float, now: float) -> None:
        """A picture whose rendering began at ``started`` has left."""
        self._started, self._in_flight = started, now
        if not self.acknowledges:
            self._count(now)

    def shown(self, now: float) -> None:
        """The browser has put the picture on screen."""
        if not self.acknowledges:
            self.acknowledges = True
            self._shown.clear()
        if self._in_flight is not None:
            latency = min(now - self._started, ACK_TIMEOUT)
            self._latency += 0.2 * (latency - self._latency)
        self._in_flight = None
        if self._shown:
            # Longer than that is not a slow picture but a pause.
            self._hold += 0.2 * (min(now - self._shown[-1], MAX_LEAD) - self._hold)
        self._count(now)

    def synced(self, error: float) -> None:
        """Note that the sound was ``error`` seconds ahead of the picture when it appeared.

        ``sync_errors`` keeps the mean over the time that the picture stays on screen.
        """
        self.sync_errors.append(error + 0.5 * self._hold)

    @property
    def lead(self) -> float:
        """How far ahead to render, seconds.

        As long as it takes from the start of rendering to the picture on screen, and half as long as a picture then
        stays there: so it is early as much as it is late.
        """
        return min(self._latency + 0.5 * self._hold, MAX_LEAD)

    def fps(self, now: float) -> float:
        """Pictures shown per second, over the last two seconds."""
        while self._shown and self._shown[0] < now - WINDOW:
            self._shown.popleft()
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(self._shown[-1] - self._shown[0], 1e-3)

    def _count(self, now: float) -> None:
        self._shown.append(now)
        while self._shown[0] < now - WINDOW:
            self._shown.popleft()
