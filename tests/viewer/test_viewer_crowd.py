"""Many browsers at once: slow ones, silent ones, failing ones and ones that leave concern nobody else."""

import threading
import time

import numpy as np
import pytest
from fake_browser import FakeClient, settle
from gaussian_head.viewer.session import Session
from gaussian_head.viewer.worker import Worker
from support_head import make_actor

from gaussian_head.playing.shelf import Shelf


@pytest.fixture(scope="module")
def shelf():
    return Shelf([make_actor(num_gaussians=300, size=64)])


def enter(shelf, **options):
    client = FakeClient(**options)
    client.session = Session(client, shelf, start=None, size=64)
    client.worker = Worker(client.session)
    client.worker.start()
    return client


def leave(client):
    client.session.stop()
    client.worker.join(20)
    assert not client.worker.is_alive()


def test_a_browser_that_hangs_in_the_middle_of_receiving_holds_nobody_up(shelf):
    stuck, free = threading.Event(), enter(shelf)
    hanging = enter(shelf)
    settle(free)
    settle(hanging)

    def hang(image, **options):
        stuck.wait(30)

    hanging.scene.set_background_image = hang
    hanging.session._bridge.alive = False
    hanging.session.edit(turn_deg=30.0)
    before = settle(free)
    free.session.edit(turn_deg=20.0)
    assert np.abs(settle(free) - before).mean() > 0.1
    stuck.set()
    leave(hanging)
    leave(free)


def test_browsers_that_leave_at_any_moment_leave_no_thread_and_no_lock_behind(shelf):
    staying = enter(shelf)
    for i in range(6):
        other = enter(shelf, acknowledge=i % 2 == 0)
        if i % 3:
            other.report(t=0.0, playing=i % 3 == 1)
            other.wait_for(lambda o=other: o.images)
        other.session.edit(turn_deg=float(i))
        leave(other)
    before = settle(staying)
    staying.session.edit(nod_deg=15.0)
    assert np.abs(settle(staying) - before).mean() > 0.1
    leave(staying)


def test_pictures_of_one_browser_failing_leave_the_others_theirs(shelf):
    failing, fine = enter(shelf), enter(shelf)
    settle(failing)
    before = settle(fine)
    failing.error = RuntimeError("no paint left")
    failing.session.edit(turn_deg=10.0)
    failing.wait_for(lambda: failing.notices)
    fine.session.edit(turn_deg=25.0)
    assert np.abs(settle(fine) - before).mean() > 0.1
    assert not fine.notices
    failing.error = None
    failing.session.edit(turn_deg=12.0)
    settle(failing)
    leave(failing)
    leave(fine)


def test_ten_playing_browsers_all_get_pictures(shelf):
    crowd = [enter(shelf) for _ in range(10)]
    end = time.monotonic() + 60
    counts = [len(c.images) for c in crowd]
    while any(len(c.images) < n + 3 for c, n in zip(crowd, counts, strict=True)):
        assert time.monotonic() < end, [len(c.images) for c in crowd]
        for client in crowd:
            client.report(t=(time.monotonic() % 2), playing=True)
        time.sleep(0.05)
    for client in crowd:
        leave(client)
