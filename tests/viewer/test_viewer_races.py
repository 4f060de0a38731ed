"""What happens in the midst of something else: every order of two changes gives a state that either could have."""

import threading
from types import SimpleNamespace

import pytest
from fake_browser import FakeClient, wav_bytes
from gaussian_head.viewer import app
from gaussian_head.viewer.guests import Guests
from gaussian_head.viewer.live import LiveView
from gaussian_head.viewer.session import Session
from interleaving import Meanwhile
from live_browser import Gui, LiveBrowser
from support_head import make_actor
from support_reel import Reel
from test_viewer_live_run import step

from gaussian_head.checks import InputError
from gaussian_head.playing import player as player_module
from gaussian_head.playing import rivals
from gaussian_head.playing.compare import RECORDED
from gaussian_head.playing.footage import Footage
from gaussian_head.playing.shelf import Shelf


@pytest.fixture
def session():
    heads = [make_actor(num_gaussians=60, size=32), make_actor(num_gaussians=50, size=32, seed=1, num_frames=40)]
    session = Session(FakeClient(), Shelf(heads), start=None, size=32)
    yield session
    session.stop()


@pytest.fixture
def meanwhile(session):
    return Meanwhile(session)


def test_two_sliders_moved_at_once_both_count(session, meanwhile, monkeypatch):
    monkeypatch.setattr(
        player_module, "replace", meanwhile.before(player_module.replace, lambda: session.edit(nod_deg=5.0))
    )
    session.edit(turn_deg=10.0)
    meanwhile.join()
    assert (session.staging.edits.turn_deg, session.staging.edits.nod_deg) == (10.0, 5.0)


def test_two_channels_pushed_at_once_both_count(session, meanwhile, monkeypatch):
    other = meanwhile.before(player_module.replace, lambda: session.push({"mouthPucker": 0.5}))
    monkeypatch.setattr(player_module, "replace", other)
    session.push({"jawOpen": 1.0})
    meanwhile.join()
    assert session.staging.edits.push == {"jawOpen": 1.0, "mouthPucker": 0.5}


def test_two_looks_chosen_at_once_both_count(session, meanwhile, monkeypatch):
    other = meanwhile.before(player_module.replace, lambda: session.restyle(plate=False))
    monkeypatch.setattr(player_module, "replace", other)
    session.restyle(mode="depth")
    meanwhile.join()
    assert (session.staging.look.mode, session.staging.look.plate) == ("depth", False)


def test_another_head_never_plays_the_motion_of_the_one_before(session, meanwhile):
    session.choose_person("head 2")
    assert session.staging.person.name == "head 2"
    for scene, performances in meanwhile.seen:
        assert any(scene.performance is p for p in performances)
        assert scene.performance is scene.person.clip


def test_a_voice_given_while_another_head_comes_is_not_lost(session, meanwhile, monkeypatch):
    session.give_voice("one.wav", wav_bytes(0.3))
    speak = meanwhile.before(player_module.spoken, lambda: session.give_voice("two.wav", wav_bytes(0.4)))
    monkeypatch.setattr(player_module, "spoken", speak)
    session.choose_person("head 2")
    meanwhile.join()
    assert session.staging.person.name == "head 2"
    assert {p.name for p in session.performances} == {"Captured clip", "one.wav", "two.wav"}
    basis_id = session.staging.person.head.code_map.basis_id
    assert all(p.motion.basis_id == basis_id for p in session.performances)


def test_a_head_chosen_while_a_voice_is_worked_on_speaks_it(session, meanwhile, monkeypatch):
    actors = []
    original = player_module.spoken

    def spoken(actor, samples, name):
        actors.append(actor)
        return original(actor, samples, name)

    monkeypatch.setattr(player_module, "spoken", meanwhile.before(spoken, lambda: session.choose_person("head 2")))
    session.give_voice("one.wav", wav_bytes(0.3))
    meanwhile.join()
    assert session.staging.person.name == "head 2"
    assert [p.name for p in session.performances] == ["Captured clip", "one.wav"]
    assert actors[-1] is session.staging.person.actor
    assert session.staging.performance is session.performances[1]


def test_a_voice_called_off_in_its_last_moment_is_not_played(session, meanwhile, monkeypatch):
    monkeypatch.setattr(player_module, "spoken", meanwhile.before(player_module.spoken, session.voices.cancel))
    session.give_voice("one.wav", wav_bytes(0.3))
    meanwhile.join()
    assert len(session.performances) == 1


def test_what_is_compared_fits_what_is_played_by_then(session, meanwhile, monkeypatch):
    session.give_voice("one.wav", wav_bytes(0.3))
    clip = session.staging.person.clip
    compared = meanwhile.before(player_module.compared, lambda: session.perform(clip))
    monkeypatch.setattr(player_module, "compared", compared)
    session.compare("side", "head 2")
    meanwhile.join()
    assert session.staging.performance is clip
    assert len(session.staging.rival_performance.motion) == len(clip.motion)


def test_nothing_recorded_is_shown_for_a_voice_that_came_meanwhile(session, meanwhile, monkeypatch):
    person = session.staging.person
    object.__setattr__(person, "footage", Footage(capture=Reel(person.actor)))
    compared = meanwhile.before(player_module.compared, lambda: session.give_voice("one.wav", wav_bytes(0.3)))
    monkeypatch.setattr(player_module, "compared", compared)
    with pytest.raises(InputError, match="captured clip"):
        session.compare("wipe", RECORDED)
    meanwhile.join()
    assert session.staging.versus is None
    assert rivals.why_not_recorded(session.staging) is not None


def test_the_player_gets_what_is_on_stage_last(session, meanwhile):
    """However two sendings overlap, the browser ends with what the server renders."""
    session.give_voice("one.wav", wav_bytes(0.3))
    voice, clip = session.staging.performance, session.staging.person.clip
    call = session._bridge.call
    session._announcing = meanwhile_lock = threading.Lock()
    started = threading.Thread(target=lambda: session.perform(clip), daemon=True)

    def slow(method, *arguments):
        if method == "load" and arguments[0]["name"] == "one.wav" and not started.is_alive():
            started.start()
            while session.staging.performance is not clip:
                pass
            assert meanwhile_lock.locked()
        call(method, *arguments)

    session._bridge.call = slow
    session.perform(voice)
    started.join(30)
    loads = [script for script in session.client.scripts if "gaussianHead?.load" in script]
    assert f'"id": {session.number}, "name": "Captured clip"' in loads[-1]


def browser(number=1):
    client = FakeClient()
    client.client_id, client.gui = number, Gui(client.field)
    client.camera.on_update = lambda callback: callback
    return client


def test_a_browser_that_left_before_it_came_is_not_kept(monkeypatch):
    doors = {}
    server = SimpleNamespace(
        on_client_connect=lambda f: doors.update(enter=f),
        on_client_disconnect=lambda f: doors.update(leave=f),
        get_port=lambda: 1,
        stop=lambda: None,
        initial_camera=SimpleNamespace(),
    )
    monkeypatch.setattr(app, "open_server", lambda *a, **o: server)
    handle = app.serve([make_actor(num_gaussians=50, size=32)], size=64, block=False)
    before = threading.active_count()
    doors["leave"](browser(7))
    doors["enter"](browser(7))
    assert handle.sessions == ()
    assert threading.active_count() == before, "no worker renders for nobody"
    doors["enter"](browser(8))
    assert len(handle.sessions) == 1
    handle.stop()
    doors["enter"](browser(9))
    assert handle.sessions == (), "nobody comes in after the end"


@pytest.fixture
def live():
    view = LiveView(port=0, size=32)
    yield view
    view.stop()


def test_training_paused_by_a_browser_that_left_before_it_came_goes_on(live, monkeypatch):
    monkeypatch.setattr("gaussian_head.viewer.live.PAUSE_GRACE", 0.0)
    client = browser()
    live._leave(client)
    live._enter(client)
    assert live.sessions == ()
    assert not live.watched
    live.run.pause(True)
    thread = threading.Thread(target=live.observe, args=(step(1),), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "the pause ends with the last browser"


def test_a_browser_that_leaves_while_its_page_is_turned_over_is_not_kept(live):
    with LiveBrowser(live):
        (onlooker,) = live._guests.all
    live._shelf.person = Shelf([make_actor(num_gaussians=50, size=32)]).get("head")
    live._refresh_page(onlooker)
    assert onlooker.session is None
    assert live.sessions == ()


@pytest.mark.parametrize("orders", [("enter", "leave"), ("leave", "enter")])
def test_guests_come_and_go_in_either_order(orders):
    guests, made = Guests(), []
    acts = {"enter": lambda: guests.enter(1, lambda: made.append(1) or "guest"), "leave": lambda: guests.leave(1)}
    for order in orders:
        acts[order]()
    assert guests.all == ()
    assert len(made) == (orders[0] == "enter")
    guests.enter(2, lambda: "other")
    assert guests.all == ("other",)


def test_a_comparison_with_the_head_in_training_follows_it(live):
    shelf = Shelf([make_actor(num_gaussians=50, size=32)])
    live._hand_out(shelf.get("head"))
    with LiveBrowser(live) as page:
        page.session.compare("side", "Head in training")
        newer = Shelf([make_actor(num_gaussians=40, size=32)]).get("head")
        live._hand_out(newer)
        assert page.session.staging.rival is newer
