"""The live server: WebRTC for browsers, and an interface for programs that speak."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..media.arriving import PLAYED_RATE, ArrivingSound, arrived
from ..playing.door import refusal
from ..playing.given import uploaded_samples
from ..playing.performances import MAX_SECONDS
from .api import ENDPOINTS, RATES, Endpoint, description
from .meters import Meters
from .session import Session
from .sessions import FullError, Sessions, UnknownSessionError

MOST_SAID = 64 * 2**20
"""Bytes of a sound to be said."""
UPLOAD_SECONDS = 60.0
"""How long it may take to come: two at once are taken."""
MOST_JSON = 2**17
MOST_PIECE = 2**20
"""Bytes of one message of a stream."""
FULL_SECONDS = 30.0
"""Sound that may wait before a stream is read no further."""
PAGE = {
    "/": ("index.html", "text/html"),
    "/live.js": ("live.js", "text/javascript"),
    "/live.css": ("live.css", "text/css"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FAILED = "An unexpected error happened; the server's log has the details."
RAW = ("audio/l16", "audio/pcm", "audio/raw")

log = logging.getLogger(__name__)


class Server:
    """The handlers of one server."""

    def __init__(self, sessions: Sessions, meters: Meters, *, host: str, token: str) -> None:
        """Answer for these sessions.

        Args:
            sessions: the browsers.
            meters: what counts.
            host: what was listened on, which requests may call it.
            token: what whoever asks must know; "" for nothing.
        """
        self.sessions, self._meters, self._host, self._token = sessions, meters, host, token
        self._reading = asyncio.Semaphore(2)
        folder = files(__package__ or "") / "page"
        self._page = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in PAGE.items()}

    def application(self) -> web.Application:
        """What aiohttp runs."""
        app = web.Application(middlewares=[self._guarded], client_max_size=MOST_SAID)
        for path in self._page:
            app.router.add_get(path, self._static)
        for one in ENDPOINTS:
            app.router.add_route(one.method, one.path, getattr(self, one.handler), name=one.handler)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Let in whom the door lets in, and answer every mistake in one line of JSON that shows nothing of here."""
        try:
            reason = self._turned_away(request)
            response = _problem(403, reason) if reason else await self._known(request, handler)
        except UnknownSessionError as error:
            response = _problem(409, str(error))
        except FullError as error:
            response = _problem(503, str(error))
        except InputError as error:
            response = _problem(400, str(error))
        except web.HTTPException as error:
            response = _problem(error.status, error.reason)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("a request failed")
            response = _problem(500, FAILED)
        if response.status >= 400:
            self._meters.refused.labels(str(response.status)).inc()
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _turned_away(self, request: web.Request) -> str | None:
        headers = request.headers
        if any(len(headers.getall(name, [])) > 1 for name in ("Host", "Origin", "Authorization")):
            return "A request has one Host, one Origin and one Authorization at most."
        return refusal(headers, self._host, connects="Origin" in headers)

    async def _known(self, request: web.Request, handler: Any) -> web.StreamResponse:
        open_paths = {one.path for one in ENDPOINTS if one.open} | set(self._page)
        if self._token and request.path not in open_paths:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("token", "")
            if not hmac.compare_digest(given.encode(errors="replace"), self._token.encode()):
                return _problem(401, "This needs the token that the server printed: Authorization: Bearer TOKEN.")
        return await handler(request)

    async def _static(self, request: web.Request) -> web.Response:
        content, kind = self._page[request.path]
        return web.Response(body=content, content_type=kind, charset="utf-8")

    async def offer(self, request: web.Request) -> web.Response:
        """POST /offer."""
        asked = await _fields(request)
        session, answer = await self.sessions.answer(
            asked["sdp"],
            self.apply,
            head=asked.get("head", ""),
            aspect=asked.get("aspect"),
            back_to=asked.get("session", ""),
        )
        told = {"type": "answer", "sdp": answer, "session": session.name, "head": session.head}
        return web.json_response(told | {"heads": self.sessions.shelf.names, "fps": session.talker.fps})

    async def say(self, request: web.Request) -> web.Response:
        """POST /say."""
        session, rate = self._session(request), _rate(request)
        mode = request.query.get("mode", "queue")
        if mode not in ("queue", "interrupt"):
            raise InputError(f"mode is {mode[:40]!r}; queue or interrupt was wanted.")
        async with self._reading:
            try:
                content = await asyncio.wait_for(request.read(), UPLOAD_SECONDS)
            except asyncio.TimeoutError:
                raise InputError(f"the sound was not here after {UPLOAD_SECONDS:.0f} s; send it in pieces.") from None
            raw = request.content_type.lower() in RAW
            loop = asyncio.get_running_loop()
            sound = await loop.run_in_executor(None, _raw_sound if raw else _filed_sound, content, rate)
        if mode == "interrupt":
            session.talker.interrupt()
        self._hear(session, sound)
        return web.json_response(
            {"seconds": round(len(sound) / SAMPLE_RATE, 3), "waiting": round(session.talker.waiting, 3)}
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /stream."""
        session, rate = self._session(request), _rate(request)
        socket = web.WebSocketResponse(heartbeat=20.0, max_msg_size=MOST_PIECE)
        await socket.prepare(request)
        arriving = ArrivingSound()
        async for message in socket:
            try:
                if message.type == WSMsgType.BINARY:
                    self._hear(session, arriving.hear_pcm(_pcm(message.data), rate))
                elif message.type == WSMsgType.TEXT and message.data.strip() == "interrupt":
                    session.talker.interrupt()
                elif message.type == WSMsgType.TEXT:
                    raise InputError("binary messages of PCM16, or the text 'interrupt', were wanted.")
            except InputError as error:
                await socket.send_json({"error": str(error)})
            while session.talker.waiting > FULL_SECONDS and not session.stopped:
                await asyncio.sleep(0.2)  # what is not read waits at its sender
            if session.stopped:
                await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the session has ended")
        return socket

    async def interrupt(self, request: web.Request) -> web.Response:
        """POST /interrupt."""
        self._session(request).talker.interrupt()
        return web.json_response({})

    async def pose(self, request: web.Request) -> web.Response:
        """POST /pose."""
        return await self._applied(request, "pose")

    async def emotion(self, request: web.Request) -> web.Response:
        """POST /emotion."""
        return await self._applied(request, "emotion")

    async def camera(self, request: web.Request) -> web.Response:
        """POST /camera."""
        return await self._applied(request, "camera")

    async def ice(self, request: web.Request) -> web.Response:
        """GET /ice."""
        return web.json_response({"iceServers": [helper.told for helper in self.sessions.helpers]})

    async def health(self, request: web.Request) -> web.Response:
        """GET /health."""
        count = len(self.sessions.all)
        return web.json_response({"status": "ok", "sessions": count, "room": self.sessions.most - count})

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        return web.Response(body=self._meters.text(), content_type="text/plain", charset="utf-8")

    async def openapi(self, request: web.Request) -> web.Response:
        """GET /openapi.json."""
        return web.json_response(description())

    def apply(self, session: Session, kind: str, asked: Mapping[str, Any]) -> None:
        """What a page or a program asks of a head.

        Raises:
            InputError: there is no such thing to ask, or not with these values.
        """
        endpoint = next((one for one in ENDPOINTS if one.handler == kind and kind in _APPLIED), None)
        if endpoint is None:
            raise InputError(f"{kind[:40]!r} is nothing that can be asked here.")
        _APPLIED[kind](session, _checked(asked, endpoint))

    async def _applied(self, request: web.Request, kind: str) -> web.Response:
        session = self._session(request)
        self.apply(session, kind, await _fields(request, checked=False))
        return web.json_response({})

    def _session(self, request: web.Request) -> Session:
        return self.sessions.named(request.query.get("session"))

    def _hear(self, session: Session, sound: np.ndarray) -> None:
        session.talker.hear(sound)
        self._meters.heard.inc(len(sound) / SAMPLE_RATE)


def _pose(session: Session, asked: dict[str, Any]) -> None:
    if words := asked.pop("words", ""):
        session.talker.act(words)
    session.talker.pose(**asked)


_APPLIED = {
    "pose": _pose,
    "emotion": lambda session, asked: session.talker.feel(asked["mood"]),
    "camera": lambda session, asked: session.talker.look_from(**asked),
    "interrupt": lambda session, asked: session.talker.interrupt(),
}


async def _fields(request: web.Request, *, checked: bool = True) -> dict[str, Any]:
    """The fields of a JSON body, by the table."""
    if (request.content_length or 0) > MOST_JSON:
        raise web.HTTPRequestEntityTooLarge(max_size=MOST_JSON, actual_size=request.content_length or 0)
    content = await request.content.read(MOST_JSON + 1)
    while len(content) <= MOST_JSON and not request.content.at_eof():
        content += await request.content.read(MOST_JSON + 1 - len(content))
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError("the body is no JSON.") from None
    if not isinstance(found, dict):
        raise InputError("the body is no JSON object.")
    endpoint = next(one for one in ENDPOINTS if one.path == request.path)
    return _checked(found, endpoint) if checked else found


def _checked(found: Mapping[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """``found`` where it is what the endpoint takes."""
    wanted = endpoint.body or {}
    for name, value in found.items():
        schema = wanted.get(name)
        if schema is None:
            raise InputError(f"{name[:40]!r} is unknown here; {', '.join(wanted) or 'nothing'} may be given.")
        if schema["type"] == "number":
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise InputError(f"{name} is no number.")
            if not schema["minimum"] <= value <= schema["maximum"]:
                raise InputError(f"{name} is {value}; from {schema['minimum']} to {schema['maximum']} was wanted.")
        elif not isinstance(value, str) or len(value) > schema["maxLength"]:
            raise InputError(f"{name} is no text of at most {schema['maxLength']} letters.")
    if missing := [name for name in endpoint.needs if name not in found]:
        raise InputError(f"{', '.join(missing)} is missing.")
    return dict(found)


def _rate(request: web.Request) -> int:
    given = request.query.get("rate", str(RATES[0]))
    if given not in map(str, RATES):
        raise InputError(f"rate is {given[:40]!r}; one of {', '.join(map(str, RATES))} was wanted.")
    return int(given)


def _pcm(content: bytes) -> np.ndarray:
    if len(content) % 2 or len(content) > 2 * MAX_SECONDS * RATES[-1]:
        raise InputError(f"{len(content)} bytes are no PCM16, or more than {MAX_SECONDS} s of it.")
    return np.frombuffer(content, "<i2")


def _raw_sound(content: bytes, rate: int) -> np.ndarray:
    return arrived(_pcm(content), rate)


def _filed_sound(content: bytes, rate: int) -> np.ndarray:
    """Of a file, which says itself what its rate is."""
    return arrived(uploaded_samples("the sound", content, PLAYED_RATE), PLAYED_RATE)


def _problem(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
