"""Browsers behind routers: the servers that help, read, told to the page, and asked."""

import socket
import threading

import pytest

pytest.importorskip("aiortc", reason="aiortc is not installed: pip install 'gaussian-head[live]'")

from support_head import make_actor
from support_live_page import LivePage
from support_peer import Peer, asked, until

from gaussian_head.checks import InputError
from gaussian_head.live.app import serve
from gaussian_head.live.reach import Helper


@pytest.mark.parametrize(
    ("words", "url", "user", "secret"),
    [
        ("stun:stun.example.org:3478", "stun:stun.example.org:3478", "", ""),
        ("stun:[::1]:3478", "stun:[::1]:3478", "", ""),
        (
            "turn:me:a:b@c@turn.example.org:3478?transport=tcp",
            "turn:turn.example.org:3478?transport=tcp",
            "me",
            "a:b@c",
        ),
        ("turns:me:s3cret@10.0.0.2", "turns:10.0.0.2", "me", "s3cret"),
    ],
)
def test_servers_are_read(words, url, user, secret):
    helper = Helper.of(words)
    assert (helper.url, helper.user, helper.secret) == (url, user, secret)
    assert not secret or secret not in repr(helper)
    assert helper.told == {"urls": url} | ({"username": user, "credential": secret} if user else {})


@pytest.mark.parametrize("words", ["", "http://x", "stun:", "turn:x:3478", "stun:a:b@x:1", "stun:x y", "turn:me@x"])
def test_what_names_no_server_is_said_without_its_secret(words):
    with pytest.raises(InputError, match="stun:HOST:PORT or turn:USER:SECRET@HOST:PORT"):
        Helper.of(words)
    for wrong in ("turn:me:s3cret@no host", "turn:me:s3:cr@et@no host"):
        with pytest.raises(InputError) as told:
            Helper.of(wrong)
        assert "s3" not in str(told.value)
        assert "cr" not in str(told.value)


@pytest.fixture
def stun():
    """A socket that answers as a STUN server does (RFC 5389), and from where it was asked."""
    listening, seen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), []
    listening.bind(("127.0.0.1", 0))

    def answer():
        while True:
            try:
                message, (host, port) = listening.recvfrom(2048)
            except OSError:
                return
            cookie = message[4:8]
            mapped = (port ^ int.from_bytes(cookie[:2], "big")).to_bytes(2, "big")
            mapped += bytes(a ^ b for a, b in zip(socket.inet_aton(host), cookie, strict=True))
            attribute = b"\x00\x20\x00\x08\x00\x01" + mapped
            seen.append(port)
            listening.sendto(b"\x01\x01" + len(attribute).to_bytes(2, "big") + message[4:20] + attribute, (host, port))

    threading.Thread(target=answer, daemon=True).start()
    yield f"stun:127.0.0.1:{listening.getsockname()[1]}", seen
    listening.close()


@pytest.fixture
def reached(stun):
    handle = serve([make_actor(num_gaussians=300, size=64)], port=0, size=64, through=[stun[0]])
    yield handle
    handle.stop()


def test_the_server_asks_who_it_is_told_to_ask(stun, reached):
    assert stun[1] == []
    peer = Peer(reached.url)
    until(lambda: len(peer.pictures) > 2, "pictures")
    assert stun[1]
    peer.send(kind="bye")
    until(lambda: not reached.sessions, "the session to end")
    peer.close()


def test_who_helps_is_told_to_those_who_may_know():
    words = "turn:me:s3cret@127.0.0.1:1"
    handle = serve([make_actor(num_gaussians=300, size=64)], port=0, token="a long token", through=[words])
    try:
        assert asked(handle.url, "/ice")[0] == 401
        status, answer = asked(handle.url, "/ice", headers={"Authorization": "Bearer a long token"})
        assert status == 200
        assert b'"credential": "s3cret"' in answer
    finally:
        handle.stop()


@pytest.mark.browser
def test_the_page_asks_them_too(chromium, stun, reached):
    page = LivePage(chromium, reached.url)
    page.begin()
    urls = page.tab.evaluate("gaussianHeadLive.peer.getConfiguration().iceServers.map((one) => one.urls).flat()")
    assert urls == [stun[0]]
    page.tab.close()
    until(lambda: not reached.sessions, "the session to end")
    assert page.errors == []
