"""Where a server of ours listens, and whom it lets in.

A web page may open a connection to any address that its reader's browser reaches, this machine's own included; only
the headers that the browser adds tell who asks. So every request must name the server as its user does: by a number,
as localhost, as the host that it was told to listen on or as this machine. A name that somebody else's server
resolves to us (DNS rebinding) is none of these. And a connection must come from the server's own page.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Protocol
from urllib.parse import urlsplit

from ..checks import InputError

TRIED = 1000
"""Ports tried from the wanted one on."""
LAST_PORT = 65535
LOCAL = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine reaches."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that mean all of this machine's, and how it calls itself there."""


class Headers(Protocol):
    """Those of a request, whoever parsed it."""

    def get(self, name: str, /) -> str | None:
        """The one of this name; LookupError where there are several."""
        ...


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host``; on the next free port where ``port`` is taken, on any for 0.

    Raises:
        InputError: no such host, an address of another machine, a port that cannot be, is not allowed, or has no
            free one after it.
    """
    if not 0 <= port <= LAST_PORT:
        raise InputError(f"port is {port}; a number from 0 (any free one) to {LAST_PORT} was wanted.")
    family, address = _resolved(host)
    last = min(port + TRIED - 1, LAST_PORT) if port else 0
    for number in range(port, last + 1):
        try:
            return socket.create_server((address[0], number, *address[2:]), family=family, backlog=100)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise InputError(_why_not(error, host, number)) from None
    raise InputError(f"ports {port} to {last} of {host} are all taken; choose another, or 0 for any free one.")


def link_to(host: str, port: int) -> str:
    """The address that this machine's browser opens for a server on ``host``."""
    shown = EVERYWHERE.get(host, "127.0.0.1" if host == "localhost" else host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def link_from_elsewhere(host: str, port: int) -> str | None:
    """The address that other machines open, for a server that listens on all of this machine's; else None."""
    if host not in EVERYWHERE:
        return None
    family, outside = (socket.AF_INET6, "2001:db8::1") if ":" in host else (socket.AF_INET, "192.0.2.1")
    try:
        # Nothing is sent: the system only says from which of its addresses it would be.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((outside, 9))
            return link_to(probe.getsockname()[0], port)
    except OSError:
        return None


def refusal(headers: Headers, host: str, *, connects: bool) -> str | None:
    """Why a request is turned away, for whoever reads it in a browser; None for one that may come in.

    Args:
        headers: of the request.
        host: what the server was told to listen on.
        connects: true for a connection that can steer it, false for the page itself.
    """
    try:
        named, origin = headers.get("Host") or "", headers.get("Origin") or ""
    except LookupError:
        return "A request has one Host and one Origin at most."
    if not _is_ours(named, host):
        return (
            f"This server does not go by the name {named!r}. Open it by the link that it printed, "
            "by an address in numbers, or start it with --host and this name."
        )
    source = urlsplit(origin)
    if connects and (source.scheme not in ("http", "https") or source.netloc.lower() != named.lower()):
        return f"Only its own page may connect, not {origin or 'an unnamed one'}."
    return None


def _is_ours(named: str, host: str) -> bool:
    """True where ``named``, a Host header, is a number or one of our names."""
    try:
        name = urlsplit(f"//{named}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        machine = socket.gethostname().lower()
        short = machine.partition(".")[0]
        return name in {"localhost", host.lower(), machine, short, f"{short}.local"} - {""}
    return True


def _resolved(host: str) -> tuple[socket.AddressFamily, tuple]:
    """Family and socket address of a host; of several the first of the older protocol, which every browser tries."""
    try:
        if not host:
            raise OSError("it is empty")
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"host {host!r} cannot be found ({error}); use 127.0.0.1 for this machine only, "
            "0.0.0.0 for every network it is on, or one of its addresses."
        ) from None
    family, _, _, _, address = min(found, key=lambda row: row[0] != socket.AF_INET)
    return family, address


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return f"host {host} is no address of this machine; use 127.0.0.1, 0.0.0.0 for all of its own, or one of them."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be opened by this user; choose one above 1023."
    return f"port {port} of {host} cannot be opened: {error.strerror}."
