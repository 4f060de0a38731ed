"""How fast pictures may be sent: so many in flight that a slow link stays filled, and no more.

One picture in flight would show one a round trip. Pushing faster than a browser decodes would only make it late: what
it needs for a picture itself is told from the time on the way, and only the latter is filled. Where no acknowledgement
ever comes, a slow timer takes over.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

ACK_TIMEOUT = 2.0
"""Seconds after which a picture in flight is given up."""
TIMER_INTERVAL = 0.2
"""Seconds between pictures for a browser that never acknowledges."""
MAX_LEAD = 0.4
"""Seconds that pictures are rendered ahead of the sound at most."""
MOST_IN_FLIGHT = 3
"""Pictures on their way at once at most: they are what a change of view waits for on a narrow link."""
AIM = 0.04
"""Seconds between pictures that a slow link is filled for."""
WINDOW = 2.0
"""Seconds over which the shown rate is counted."""


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """A picture on its way."""

    started: float
    at: float
    frame: int


class Pacer:
    """Flow control and statistics of one browser; ``now`` is a monotonic clock in seconds."""

    def __init__(self) -> None:
        self.acknowledges = False
        self._in_flight: deque[_Sent] = deque()
        self._sent_at = float("-inf")
        self._latency = 0.08
        self._on_the_way = 0.0
        self._hold = 0.04
        self._shown: deque[float] = deque()
        self.took = 0.0
        """Seconds from the start of rendering to the screen of the picture that was shown last."""
        self.sync_errors: deque[float] = deque(maxlen=500)

    def ready(self, now: float) -> bool:
        """True when a picture may be sent."""
        return self.wait(now) <= 0

    @property
    def depth(self) -> int:
        """Pictures that may be in flight at once."""
        return min(1 + int(self._on_the_way / AIM), MOST_IN_FLIGHT) if self.acknowledges else 1

    def wait(self, now: float) -> float:
        """Seconds until the next picture may be sent at the latest; 0 for at once."""
        if len(self._in_flight) >= self.depth:
            limit = ACK_TIMEOUT if self.acknowledges else TIMER_INTERVAL
            return max(self._in_flight[0].at + limit - now, 0.0)
        # Evenly, not several at once and then none for a round trip.
        spacing = 0.8 * self._latency / self.depth if self._in_flight else 0.0
        return max(self._sent_at + spacing - now, 0.0)

    def sent(self, started: float, now: float, frame: int = 0) -> None:
        """A picture of ``frame`` whose rendering began at ``started`` has left."""
        while len(self._in_flight) >= self.depth:
            self._in_flight.popleft()  # given up
        self._in_flight.append(_Sent(started=started, at=now, frame=frame))
        self._sent_at = now
        if not self.acknowledges:
            self._count(now)

    def shown(self, now: float, busy: float = 0.0) -> int | None:
        """The browser has put a picture on screen, ``busy`` seconds after it came; whose frame, where that is known."""
        if not self.acknowledges:
            self.acknowledges = True
            self._shown.clear()
        picture = self._in_flight.popleft() if self._in_flight else None
        if picture is not None:
            self.took = min(now - picture.started, ACK_TIMEOUT)
            self._latency += 0.2 * (self.took - self._latency)
            on_the_way = min(max(now - picture.at - busy, 0.0), ACK_TIMEOUT)
            self._on_the_way += 0.2 * (on_the_way - self._on_the_way)
        if self._shown:
            # Longer than that is not a slow picture but a pause.
            self._hold += 0.2 * (min(now - self._shown[-1], MAX_LEAD) - self._hold)
        self._count(now)
        return None if picture is None else picture.frame

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
