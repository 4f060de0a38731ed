"""A browser at the other end: it is sent one session's picture and sound, and brings its microphone."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from ..checks import InputError
from ..media.arriving import PLAYED_RATE, VIDEO_CLOCK, ArrivingSound, picture_frame, sound_frame
from .reach import Helper
from .session import Session

PACKET = PLAYED_RATE // 50
"""Samples of a packet of sound, 20 ms."""
LATE = 0.25
"""Seconds behind its time after which the sound is not caught up with."""
MOST_WAITING = 0.3
"""Seconds of a microphone's sound that may wait to be said; what comes beyond is dropped, so that it never lags."""
LONGEST_MESSAGE = 4096

log = logging.getLogger(__name__)


class SoundTrack(MediaStreamTrack):
    """The sound of a session, in real time; it is what the session's clock follows."""

    kind = "audio"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._sent, self._began = session, 0, 0.0

    async def recv(self) -> Any:
        """The next packet, when it is due."""
        if self.readyState != "live" or self._session.stopped:
            raise MediaStreamError
        now = time.monotonic()
        due = self._began + self._sent / PLAYED_RATE
        if not self._sent or now - due > LATE:
            self._began = now - self._sent / PLAYED_RATE
        else:
            await asyncio.sleep(max(due - now, 0))
        frame = sound_frame(self._session.pull(PACKET), PLAYED_RATE, self._sent)
        self._sent += PACKET
        return frame


class PictureTrack(MediaStreamTrack):
    """The pictures of a session: the newest one, as soon as the one before has left."""

    kind = "video"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._running = session, asyncio.get_running_loop()
        self._newest: tuple[np.ndarray, float] | None = None
        self._came = asyncio.Event()
        self._sending, self._tick = False, -1
        session.on_picture = self._put

    def _put(self, image: np.ndarray, at: float) -> None:
        """Take a picture, from any thread."""

        def take() -> None:
            if self._newest is not None:
                self._session.shown()  # overtaken
            self._newest = (image, at)
            self._came.set()

        if not self._running.is_closed():
            self._running.call_soon_threadsafe(take)

    async def recv(self) -> Any:
        """The next picture."""
        if self._sending:
            self._sending = False
            self._session.shown()
        while self._newest is None:
            if self.readyState != "live" or self._session.stopped:
                raise MediaStreamError
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), 1.0)
            except asyncio.TimeoutError:
                continue
        (image, at), self._newest = self._newest, None
        self._sending = True
        self._tick = max(self._tick + 1, round(at * VIDEO_CLOCK))
        return picture_frame(image, self._tick)


class Peer:
    """One connection of one browser to its session."""

    def __init__(
        self, session: Session, apply: Callable[[Session, str, dict], None], helpers: tuple[Helper, ...] = ()
    ) -> None:
        """Not connected yet.

        Args:
            session: what is shown.
            apply: does what a message of the page asks: a kind and its values; InputError where that is nothing.
            helpers: who is asked how this machine is reached.
        """
        self.session, self._apply = session, apply
        # Without helpers no server of somebody else's is asked: aiortc asks one of its own choice where none is given.
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[RTCIceServer(**helper.told) for helper in helpers])
        )
        self._tasks: set[asyncio.Task] = set()
        self.reports = False
        """Whether the page says now and then that it is there."""
        self._connection.on("track", self._listen)
        self._connection.on("datachannel", self._converse)
        self._connection.on("connectionstatechange", self._changed)

    @property
    def gone(self) -> bool:
        """Whether the connection has ended for good."""
        return self._connection.connectionState in ("failed", "closed")

    @property
    def connected(self) -> bool:
        """Whether pictures can flow."""
        return self._connection.connectionState == "connected"

    async def answer(self, sdp: str) -> str:
        """The answer to a browser's offer.

        Raises:
            InputError: it is no offer, or of nothing that can be sent.
        """
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
            kinds = {transceiver.kind for transceiver in self._connection.getTransceivers()}
            if kinds != {"audio", "video"}:
                raise ValueError("it asks for something else than one picture and one sound")
            self._connection.addTrack(SoundTrack(self.session))
            self._connection.addTrack(PictureTrack(self.session))
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except InputError:
            raise
        except Exception as error:  # aiortc fails in as many ways as there are offers
            log.info("an offer was refused: %s", error)
            await self.close()
            raise InputError(
                "this is no WebRTC offer that can be answered; a recvonly or sendrecv description of one video (H.264 "
                "or VP8) and one audio (Opus) was wanted."
            ) from error
        # Of one stream, which browsers keep in step; aiortc calls each track one of its own.
        return re.sub(r"(?m)^(a=msid:)\S+", r"\1head", self._connection.localDescription.sdp)

    async def close(self) -> None:
        """End the connection."""
        for task in self._tasks:
            task.cancel()
        await self._connection.close()

    def _changed(self) -> None:
        if self.connected:
            self.session.alive_at = time.monotonic()
            self.session.start()

    def _listen(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            task = asyncio.ensure_future(self._hear(track))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hear(self, track: MediaStreamTrack) -> None:
        """Say what comes from the microphone."""
        arriving, talker = ArrivingSound(), self.session.talker
        while True:
            try:
                samples = arriving.hear(await track.recv())  # type: ignore[arg-type]
                if talker.waiting < MOST_WAITING:
                    talker.hear(samples)
            except (MediaStreamError, asyncio.CancelledError):
                return
            except InputError as error:
                log.info("a piece of a microphone's sound was left out: %s", error)

    def _converse(self, channel: Any) -> None:
        def receive(text: str | bytes) -> None:
            self.session.alive_at = time.monotonic()
            try:
                if not isinstance(text, str) or len(text) > LONGEST_MESSAGE:
                    raise InputError("a JSON object of at most 4096 letters was wanted.")
                message = json.loads(text)
                if not isinstance(message, dict):
                    raise InputError("a JSON object was wanted.")
                kind = str(message.pop("kind", ""))
                self.reports = self.reports or kind == "ping"
                if kind == "bye":
                    self.session.stop()
                elif kind != "ping":
                    self._apply(self.session, kind, message)
                if kind != "ping":
                    return
                state = {"kind": "pong", "at": message.get("at"), "delay": round(self.session.delay, 3)}
                state |= {"waiting": round(self.session.talker.waiting, 2), "fps": round(self.session.fps, 1)}
                channel.send(json.dumps(state))
            except InputError as error:
                channel.send(json.dumps({"kind": "error", "error": str(error)}))
            except (ValueError, RecursionError):
                channel.send(json.dumps({"kind": "error", "error": "this is no JSON."}))

        channel.on("message", receive)
