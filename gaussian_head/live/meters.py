"""What a live server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)


class Meters:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.sessions = Gauge("gaussian_head_sessions", "Browsers that a head is running for", registry=registry)
        self.began = Counter("gaussian_head_sessions_begun", "Browsers let in so far", registry=registry)
        self.refused = Counter("gaussian_head_refused", "Requests turned away", ["status"], registry=registry)
        self.pictures = Counter("gaussian_head_pictures", "Pictures painted", registry=registry)
        self.skipped = Counter("gaussian_head_pictures_skipped", "Frames that were not painted", registry=registry)
        self.painting = Histogram(
            "gaussian_head_painting_seconds", "Time to paint a picture", registry=registry, buckets=SECONDS
        )
        self.heard = Counter("gaussian_head_heard_seconds", "Sound that was to be said", registry=registry)
        self.stalled = Counter(
            "gaussian_head_stalled_seconds", "Silence sent because sound was not told in time", registry=registry
        )
        self.delay = Gauge("gaussian_head_delay_seconds", "Longest delay from hearing to sending", registry=registry)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
