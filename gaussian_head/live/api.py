"""What a live server answers: one table, which the router, the description in OpenAPI and the tests read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import __version__
from ..conventions import SAMPLE_RATE
from ..media.arriving import PLAYED_RATE

RATES = (SAMPLE_RATE, 24_000, 44_100, PLAYED_RATE)
"""Hz of raw sound that is taken."""
Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One thing that can be asked."""

    method: str
    """GET or POST."""
    path: str
    """Where."""
    handler: str
    """Name of the method of `server.Server` that answers."""
    summary: str
    """What it does."""
    query: Mapping[str, Schema] = field(default_factory=dict)
    """By name, JSON schemas of parameters behind the question mark."""
    body: Mapping[str, Schema] | None = None
    """By name, JSON schemas of the fields of a JSON body; None for no JSON body."""
    needs: tuple[str, ...] = ()
    """Fields that a body must have."""
    sound: bool = False
    """Whether the body is a sound file or raw sound."""
    gives: str = "application/json"
    """Type of the answer."""
    open: bool = False
    """Whether it is answered without a token."""


def _number(least: float, most: float, what: str) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most, "description": what}


def _text(what: str, longest: int = 200) -> Schema:
    return {"type": "string", "maxLength": longest, "description": what}


_SESSION: Mapping[str, Schema] = {
    "session": _text("Which session; may be left out while there is only one. The page shows its own.")
}
_RATE: Mapping[str, Schema] = {
    "rate": {"type": "integer", "enum": list(RATES), "default": RATES[0], "description": "Hz of raw PCM16, mono."}
}
ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/offer",
        handler="offer",
        summary="A WebRTC offer of one video and one audio; the answer, and the name of the session.",
        body={
            "sdp": _text("The offer.", 65536),
            "head": _text("Which head; the first by default."),
            "session": _text("A session to come back to after the connection was lost."),
            "aspect": _number(0.4, 2.5, "Width over height of the picture; the recording's by default."),
        },
        needs=("sdp",),
    ),
    Endpoint(
        method="POST",
        path="/say",
        handler="say",
        summary="Say a sound: a file (wav, mp3, ...) as the body, or raw PCM16 mono as audio/L16 or audio/pcm.",
        query={
            **_SESSION,
            **_RATE,
            "mode": {"type": "string", "enum": ["queue", "interrupt"], "default": "queue"},
        },
        sound=True,
    ),
    Endpoint(
        method="GET",
        path="/stream",
        handler="stream",
        summary="A websocket for sound as it is made: binary messages of PCM16 mono; the text 'interrupt' stops.",
        query={**_SESSION, **_RATE},
    ),
    Endpoint(
        method="POST",
        path="/interrupt",
        handler="interrupt",
        summary="Fall silent and forget what waits.",
        query=_SESSION,
    ),
    Endpoint(
        method="POST",
        path="/pose",
        handler="pose",
        summary="Turn the head, in degrees on top of its own movement, or let it do what words say.",
        query=_SESSION,
        body={
            "turn": _number(-40, 40, "To the picture's right."),
            "nod": _number(-40, 40, "Up."),
            "tilt": _number(-40, 40, "Clockwise in the picture."),
            "words": _text("Such as 'nods twice, then looks slowly to the left'."),
        },
    ),
    Endpoint(
        method="POST",
        path="/emotion",
        handler="emotion",
        summary="Be in a mood.",
        query=_SESSION,
        body={"mood": _text("Such as 'happy:0.6 surprised:0.2'; '' for none.")},
        needs=("mood",),
    ),
    Endpoint(
        method="POST",
        path="/camera",
        handler="camera",
        summary="Look from elsewhere.",
        query=_SESSION,
        body={
            "yaw": _number(-60, 60, "Degrees."),
            "pitch": _number(-25, 25, "Degrees."),
            "distance": _number(0.35, 2.5, "Multiples of the recording's."),
        },
    ),
    Endpoint(method="GET", path="/ice", handler="ice", summary="The ICE servers that a page connects through."),
    Endpoint(method="GET", path="/health", handler="health", summary="Whether it runs and has room.", open=True),
    Endpoint(method="GET", path="/metrics", handler="metrics", summary="For Prometheus.", gives="text/plain"),
    Endpoint(method="GET", path="/openapi.json", handler="openapi", summary="This description.", open=True),
)
"""Everything but the page itself."""


def description() -> dict[str, Any]:
    """The table as an OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "gaussian-head live", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": schemes},
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    problem = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    answers: dict[str, Any] = {"200": {"description": "Done.", "content": {one.gives: {}}}}
    if one.handler == "stream":
        answers = {"101": {"description": "The websocket is open."}}
    answers["4XX"] = {"description": "Why not.", "content": {"application/json": {"schema": problem}}}
    operation: dict[str, Any] = {"operationId": one.handler, "summary": one.summary, "responses": answers}
    if one.query:
        operation["parameters"] = [{"name": name, "in": "query", "schema": given} for name, given in one.query.items()]
    if one.body is not None:
        schema = {"type": "object", "properties": dict(one.body), "required": list(one.needs)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if one.sound:
        binary = {"schema": {"type": "string", "format": "binary"}}
        types = ("audio/wav", "audio/mpeg", "audio/L16", "application/octet-stream")
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(types, binary)}
    if not one.open:
        operation["security"] = [{"token": []}]
    return operation
