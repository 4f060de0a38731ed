"""A server of ours that runs: where it is reached, and waiting for its end."""

from __future__ import annotations

import threading

from .door import link_from_elsewhere, link_to


class Handle:
    """What the viewer and the live server share; each starts and stops in its own way."""

    def __init__(self, host: str, port: int, key: str = "") -> None:
        """Stand for a server.

        Args:
            host: address that it listens on.
            port: that it listens on.
            key: what a browser's address must end in; "" for nothing.
        """
        self._ended = threading.Event()
        self._key = key
        self.url = link_to(host, port)
        """Where it is reached from this machine."""
        self.url_elsewhere = link_from_elsewhere(host, port)
        """Where it is reached from other machines; None where ``url`` says it or they cannot."""

    @property
    def links(self) -> str:
        """Every address of its page, in words."""
        here, elsewhere = f"{self.url}{self._key}", self.url_elsewhere
        return here if elsewhere is None else f"{here} (from other machines {elsewhere}{self._key})"

    def wait(self) -> None:
        """Block until ``stop`` is called from elsewhere or the user presses Ctrl-C."""
        try:
            self._ended.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """End everything and free the port; calling it twice is fine."""
        self._ended.set()
