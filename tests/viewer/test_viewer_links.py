"""Addresses that lead back to a view, and words that lead nowhere on this machine."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from fake_browser import FakeClient
from gaussian_head.viewer.links import Link, link_query, parse_link
from gaussian_head.viewer.session import Session
from gaussian_head.viewer.words import without_paths
from support_head import make_actor

from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.views import View, bearing, placement, recorded_fov


@pytest.fixture(scope="module")
def shelf():
    return Shelf([make_actor(num_gaussians=100, size=32), make_actor(num_gaussians=120, size=32, seed=1)])


@pytest.mark.parametrize("yaw", [-170.0, -60.0, 0.0, 35.0, 120.0])
@pytest.mark.parametrize("pitch", [-50.0, 0.0, 30.0])
def test_bearings_undo_placements(shelf, yaw, pitch):
    head = shelf.get("head").head
    position = tuple(placement(head, yaw, pitch).position.tolist())
    view = View(wxyz=(1.0, 0, 0, 0), position=position, fov=0.4, aspect=1.0)
    assert bearing(view, head) == pytest.approx((yaw, pitch, 1.0), abs=0.05)


def test_a_link_leads_back_to_where_it_was_made(shelf):
    head = shelf.get("head").head
    position = tuple(placement(head, 25.0, -10.0).position.tolist())
    view = View(wxyz=(1.0, 0, 0, 0), position=position, fov=recorded_fov(head), aspect=1.0)
    query = link_query("head 2", "Captured clip", view, head)
    assert parse_link("?" + query + "&t=1.25") == Link(
        head="head 2", performance="Captured clip", t=1.25, yaw=25.0, pitch=-10.0
    )


@pytest.mark.parametrize("query", ["", "?", "yaw=", "t=nan&yaw=inf", "&&&=&%ff", "pitch=abc&distance=-"])
def test_rubbish_in_an_address_asks_for_nothing(query):
    assert parse_link(query) == Link()


def test_numbers_in_an_address_are_held_in_range():
    assert parse_link("yaw=999&pitch=-999&distance=1e9&fov=1&t=-4") == Link(
        yaw=180.0, pitch=-89.0, distance=20.0, fov=5.0, t=0.0
    )


def test_a_browser_that_comes_by_a_link_finds_head_view_and_moment(shelf):
    client = FakeClient()
    session = Session(client, shelf, start=None, size=32)
    client.report("hello", text="?head=head%202&yaw=40&distance=2&fov=30&t=1")
    client.wait_for(lambda: any("seek(1.0)" in script for script in client.scripts))
    assert session.staging.person.name == "head 2"
    head = session.staging.person.head
    assert bearing(session.view(), head) == pytest.approx((40.0, 0.0, 2.0), abs=0.05)
    assert np.degrees(session.view().fov) == pytest.approx(30.0)


class HastyClient(FakeClient):
    """Answers in the moment the page's first script is on its way."""

    def __init__(self):
        super().__init__()
        self._websock_connection = SimpleNamespace(queue_message=self._run)

    def _run(self, message):
        self.scripts.append(message.source)
        if len(self.scripts) == 1:
            self.report("hello", text="?t=1")
            time.sleep(0.2)
        with self.arrived:
            self.arrived.notify_all()


def test_a_links_moment_outlives_the_first_performances_loading(shelf):
    client = HastyClient()
    session = Session(client, shelf, start=None, size=32)
    client.wait_for(lambda: any("seek(1.0)" in script for script in client.scripts))
    calls = [script.split("?.")[1].split("(")[0] for script in client.scripts[1:]]
    assert calls.index("load") < calls.index("seek")
    session.stop()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (Link(head="../../etc/passwd", performance="nothing"), "there is no head"),
        (Link(performance="hello.wav"), "give its sound once more"),
    ],
)
def test_what_a_link_asks_for_in_vain_changes_nothing_and_is_told(link, words, shelf):
    client = FakeClient()
    session = Session(client, shelf, start=None, size=32)
    session.follow_link(link)
    assert session.staging.person.name == "head"
    assert words in client.notices[-1].body


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no head at /home/ada/runs/me/head", "no head at head"),
        ("[Errno 2] No such file: '/srv/x/y.safetensors'", "[Errno 2] No such file: 'y.safetensors'"),
        (r"cannot read C:\Users\ada\clip.mp4", "cannot read clip.mp4"),
        ("3/4 of the frames, 25 fps and/or more", "3/4 of the frames, 25 fps and/or more"),
        ("see https://example.org/help/page", "see https://example.org/help/page"),
    ],
)
def test_folders_of_the_server_stay_on_the_server(text, shown):
    assert without_paths(text) == shown


def test_notifications_name_no_folder(shelf):
    client = FakeClient()
    Session(client, shelf, start=None, size=32).complain("Oh", "lost /var/lib/heads/me/config.json")
    assert client.notices[-1].body == "lost config.json"
