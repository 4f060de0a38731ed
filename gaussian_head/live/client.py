"""What a program that speaks asks of a live server; needs nothing but what the viewer needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE


class LiveClient:
    """A live server, from elsewhere."""

    def __init__(self, url: str = "http://127.0.0.1:8090", *, token: str = "", session: str = "") -> None:
        """Speak to one session.

        Args:
            url: of the server.
            token: that it printed, where it did.
            session: which one; may be left out while there is only one.
        """
        self._url, self._token, self._session = url.rstrip("/"), token, session

    def say(self, sound: str | Path | bytes | np.ndarray, *, interrupt: bool = False, rate: int = SAMPLE_RATE) -> float:
        """Let the head say a sound.

        Args:
            sound: a file's path, its content, or int16 mono samples ``[S]`` at ``rate``.
            interrupt: in place of what it is saying, not after it.
            rate: of samples, 16000, 24000, 44100 or 48000.

        Returns:
            Seconds until all is said.

        Raises:
            InputError: the server refuses, in its words.
        """
        kind = "application/octet-stream"
        if isinstance(sound, np.ndarray):
            kind, sound = "audio/L16", sound.astype("<i2").tobytes()
        content = sound if isinstance(sound, bytes) else Path(sound).read_bytes()
        query = {"mode": "interrupt" if interrupt else "queue", "rate": rate}
        return float(self._ask("POST", "/say", content, kind, query)["waiting"])

    @contextmanager
    def stream(self, rate: int = SAMPLE_RATE) -> Iterator[Stream]:
        """A Stream for sound as it is made, int16 mono at ``rate``; what it is given after its end is refused."""
        from websockets.sync.client import connect

        query = urlencode({"rate": rate} | ({"session": self._session} if self._session else {}))
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        with connect(f"ws{self._url.removeprefix('http')}/stream?{query}", additional_headers=headers) as socket:
            yield Stream(socket)

    def interrupt(self) -> None:
        """Fall silent."""
        self._ask("POST", "/interrupt", b"", "application/json")

    def pose(self, words: str = "", **degrees: float) -> None:
        """``turn``, ``nod`` and ``tilt`` in degrees, or words such as "nods twice"."""
        self._told("/pose", degrees | ({"words": words} if words else {}))

    def feel(self, mood: str) -> None:
        """Be in a mood, "happy:0.6"; "" for none."""
        self._told("/emotion", {"mood": mood})

    def look_from(self, *, yaw: float = 0.0, pitch: float = 0.0, distance: float = 1.0) -> None:
        """Move the camera, degrees and multiples of the recording's distance."""
        self._told("/camera", {"yaw": yaw, "pitch": pitch, "distance": distance})

    def health(self) -> dict[str, Any]:
        """Whether it runs, and how many sessions."""
        return self._ask("GET", "/health")

    def _told(self, path: str, fields: dict[str, Any]) -> None:
        self._ask("POST", path, json.dumps(fields).encode(), "application/json")

    def _ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "", query: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        query = (query or {}) | ({"session": self._session} if self._session else {})
        request = Request(f"{self._url}{path}?{urlencode(query)}", data=body, method=method)
        if kind:
            request.add_header("Content-Type", kind)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            try:
                why = json.loads(error.read())["error"]
            except (ValueError, KeyError, TypeError):
                why = str(error)
            raise InputError(f"the live server refuses: {why}") from None


class Stream:
    """Sound on its way to a head."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def send(self, samples: np.ndarray) -> None:
        """Say int16 mono samples ``[S]`` after those before."""
        self._socket.send(np.asarray(samples, "<i2").tobytes())

    def interrupt(self) -> None:
        """Fall silent."""
        self._socket.send("interrupt")
