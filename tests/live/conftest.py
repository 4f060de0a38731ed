"""A live server of a synthetic person, shared by the tests of this room."""

import pytest
from support_head import make_actor
from support_peer import until


@pytest.fixture(scope="session")
def server():
    pytest.importorskip("aiortc", reason="aiortc is not installed: pip install 'gaussian-head[live]'")
    from gaussian_head.live.app import serve

    handle = serve([make_actor(num_gaussians=1500, size=128)], port=0, size=128, sessions=3)
    yield handle
    handle.stop()


@pytest.fixture
def peer(server):
    from support_peer import Peer

    peer = Peer(server.url)
    yield peer
    peer.send(kind="bye")
    until(lambda: not server.sessions, "the session to end")
    peer.close()
