"""Where the viewer listens and whom it lets in: its own page under its own name, no page of another website."""

import asyncio
import socket
import threading

import pytest
from gaussian_head.viewer import LiveView, door, serve
from support_async import finished
from support_head import make_actor
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus

from gaussian_head.checks import InputError
from gaussian_head.playing.door import bound_socket, link_from_elsewhere, link_to, refusal


@pytest.fixture(scope="module")
def viewer():
    handle = serve([make_actor(num_gaussians=50, size=32)], port=0, size=64, block=False)
    yield handle
    handle.stop()


def knock(url, *, origin):
    """What a connection from a page of ``origin`` gets: "in", or the status and words of the refusal."""
    import viser

    async def call():
        protocols = [f"viser-v{viser.__version__}"]
        try:
            async with connect(url.replace("http", "ws"), origin=origin, subprotocols=protocols) as connection:
                await asyncio.wait_for(connection.recv(), 10)
                return "in"
        except InvalidStatus as error:
            return error.response.status_code, error.response.body.decode()

    return finished(call())


def port_of(viewer):
    return int(viewer.url.rsplit(":", 1)[1])


def test_the_viewers_own_page_connects(viewer):
    assert knock(viewer.url, origin=viewer.url) == "in"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null", None])
def test_a_page_of_another_website_cannot_connect(viewer, origin):
    status, words = knock(viewer.url, origin=origin)
    assert status == 403
    assert "own page" in words


def _headers(host, origin):
    return Headers({name: value for name, value in (("Host", host), ("Origin", origin)) if value is not None})


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example:8080", "http://evil.example:8080"),  # DNS rebinding: their name, our address
        ("127.0.0.1.evil.example:8080", "http://127.0.0.1.evil.example:8080"),
        ("localhost:8080", "http://localhost:3000"),
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("127.0.0.1:8080", "file://127.0.0.1:8080"),
        ("[::1", "http://[::1"),
        ("", ""),
        (None, None),
    ],
)
def test_what_is_refused(host, origin):
    assert refusal(_headers(host, origin), "127.0.0.1", connects=True) is not None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("LOCALHOST:9999", "http://localhost:9999"),  # through a tunnel, under another port
        ("192.168.1.7:8080", "http://192.168.1.7:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("studio.lan:8080", "https://studio.lan:8080"),
        (f"{socket.gethostname()}:8080", f"http://{socket.gethostname()}:8080"),
    ],
)
def test_who_comes_in(host, origin):
    assert refusal(_headers(host, origin), "studio.lan", connects=True) is None
    assert refusal(_headers(host, None), "studio.lan", connects=False) is None


def test_two_hosts_are_one_too_many():
    headers = Headers([("Host", "127.0.0.1"), ("Host", "evil.example")])
    assert refusal(headers, "127.0.0.1", connects=False) is not None


def test_the_page_itself_says_under_which_name_it_is_not_known(viewer):
    port = port_of(viewer)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 403")
    assert "does not go by the name 'evil.example'" in answer


def test_the_link_for_other_machines_is_let_in():
    handle = serve([make_actor(num_gaussians=50, size=32)], host="0.0.0.0", port=0, size=64, block=False)
    try:
        port = port_of(handle)
        assert handle.url == f"http://127.0.0.1:{port}"
        if handle.url_elsewhere is None:
            pytest.skip("this machine is on no network")
        assert handle.url_elsewhere.endswith(f":{port}")
        assert handle.url_elsewhere in handle.links
        assert knock(handle.url_elsewhere, origin=handle.url_elsewhere) == "in"
    finally:
        handle.stop()


def test_links_have_brackets_where_the_address_has_colons():
    assert link_to("::1", 80) == link_to("::", 80) == "http://[::1]:80"
    assert link_to("0.0.0.0", 80) == link_to("localhost", 80) == "http://127.0.0.1:80"
    assert link_to("192.168.1.7", 80) == "http://192.168.1.7:80"
    assert link_from_elsewhere("127.0.0.1", 80) is None


def finishes(action, seconds=30):
    """What ``action`` raises or returns, within some seconds."""
    result = []

    def work():
        try:
            result.append(action())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert result, "it hangs"
    return result[0]


@pytest.mark.parametrize("opened", [lambda **o: serve(["a head that nobody has read yet"], block=False, **o), LiveView])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"host": "203.0.113.1", "port": 0}, "no address of this machine"),
        ({"host": "no-such-host.invalid", "port": 0}, "cannot be found"),
        ({"host": "", "port": 0}, "cannot be found"),
        ({"host": "a" * 70 + ".invalid", "port": 0}, "cannot be found"),
        ({"port": 65536}, "from 0"),
        ({"port": -1}, "from 0"),
    ],
)
def test_a_place_where_nobody_can_listen_is_refused_at_once(opened, place, words):
    error = finishes(lambda: opened(**place))
    assert isinstance(error, InputError)
    assert words in str(error)


def test_the_last_port_taken_is_told_at_once():
    with bound_socket("127.0.0.1", 65535):
        error = finishes(lambda: LiveView(port=65535))
        assert isinstance(error, InputError)
        assert "ports 65535 to 65535 of 127.0.0.1 are all taken" in str(error)


def test_the_next_free_port_is_taken():
    with bound_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with bound_socket("127.0.0.1", port) as other:
            assert port < other.getsockname()[1] < port + 100


def test_a_port_for_administrators_is_named(monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(door.socket, "create_server", refuse)
    with pytest.raises(InputError, match="port 80 may not be opened by this user"):
        bound_socket("127.0.0.1", 80)
