"""Servers that help a browser and this machine to reach each other through routers: STUN says from where one is seen,
TURN passes everything on. None is asked unless it is named: whoever runs one learns both addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..checks import InputError

_NAMED = re.compile(
    r"(?P<kind>stun|turns?):(?:(?P<user>[^:@]+):(?P<secret>.+)@)?"
    r"(?P<host>\[[0-9a-fA-F:]+\]|[\w.-]+)(?P<rest>(:\d{1,5})?(\?transport=(udp|tcp))?)"
)


@dataclass(frozen=True, kw_only=True)
class Helper:
    """One STUN or TURN server."""

    url: str
    """As RFC 7064 and RFC 7065 write it: stun:HOST:PORT, turn:HOST:PORT?transport=udp."""
    user: str = ""
    """Of a TURN server."""
    secret: str = field(default="", repr=False)
    """The same."""

    @classmethod
    def of(cls, words: str) -> Helper:
        """The server that ``words`` name: stun:HOST:PORT or turn:USER:SECRET@HOST:PORT.

        Raises:
            InputError: they name none, or a TURN server without user and secret.
        """
        found = _NAMED.fullmatch(words)
        if not found or (found["kind"] == "stun") != (found["user"] is None):
            shown = re.sub(r":.*@", ":…@", words)[:80]
            raise InputError(
                f"{shown!r} names no server to be reached through; stun:HOST:PORT or turn:USER:SECRET@HOST:PORT was "
                "wanted."
            )
        return cls(
            url=f"{found['kind']}:{found['host']}{found['rest']}",
            user=found["user"] or "",
            secret=found["secret"] or "",
        )

    @property
    def told(self) -> Mapping[str, str]:
        """What a browser's RTCPeerConnection takes as an ICE server."""
        access = {"username": self.user, "credential": self.secret} if self.user else {}
        return {"urls": self.url, **access}


def helpers_of(words: Sequence[str]) -> tuple[Helper, ...]:
    """Every server that is named; see `Helper.of`."""
    return tuple(map(Helper.of, words))
