"""Training with onlookers: the same to the last bit, held and ended when they say so, never by their leaving."""

import hashlib
import threading
import time
from dataclasses import replace

import pytest
import torch
from gaussian_head.viewer import live as live_module
from gaussian_head.viewer.live import LiveView
from live_browser import LiveBrowser
from support_capture import make_capture

from gaussian_head.events import Progress, Said
from gaussian_head.head import Head, InitConfig, initial_head
from gaussian_head.training import Stage, StopTraining, TrainConfig, loop, save_config, train
from gaussian_head.training.pipeline import CHECKPOINT
from gaussian_head.training.state import new_state, pack
from gaussian_head.verbs import train as verb
from gaussian_head.verbs._watching import Watching

INIT = InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2)
CONFIG = TrainConfig(
    init=INIT,
    stages=(
        Stage(name="coarse", iterations=20, resolution=0.5, densify=True, refine_pose=False),
        Stage(name="fine", iterations=20, resolution=1.0, densify=True, refine_pose=True, lr_end=0.3),
    ),
    densify_every=8,
    max_gaussians=3000,
)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("clip") / "capture", sound=False)[0]


@pytest.fixture
def live():
    view = LiveView(port=0, size=64)
    yield view
    view.stop()


def digest(state):
    total = hashlib.sha256()
    for key, value in sorted(pack(state).items()):
        total.update(key.encode())
        total.update(value.contiguous().numpy().tobytes())
    return total.hexdigest()


def run(capture, observer=None):
    state = new_state(initial_head(capture, INIT), capture.num_frames, CONFIG.rates)
    more = {} if observer is None else {"observer": observer}
    loop.run(state, capture, CONFIG, save=lambda s: None, **more)
    return state


def test_a_browser_that_looks_on_changes_no_bit_of_the_checkpoint(capture, live, monkeypatch):
    monkeypatch.setattr(live_module, "INTERVAL", 0.0)
    live._interval = 0.0
    alone = digest(run(capture))
    copies = []

    def observe(done):
        live._interval = 0.0
        live.observe(done)
        copies.append(live._shelf.person.head if live._shelf.person else None)

    with LiveBrowser(live) as browser:
        watched = digest(run(capture, observe))
        browser.wait_for(lambda: browser.images)
    assert watched == alone
    assert copies[0] is not None
    assert len({id(c) for c in copies}) == len(copies), "a new copy after every step"
    first, last = copies[0].branch("face"), copies[-1].branch("face")
    assert not torch.equal(first.sh0[:100], last.sh0[:100]), "a copy stays as it was when taken"
    assert not any(t.requires_grad for t in last.tensors().values())


def test_without_a_browser_nothing_is_copied(capture, live):
    def observe(done):
        def refuse():
            raise AssertionError("a copy was made for nobody")

        live.observe(replace(done, snapshot=refuse))

    run(capture, observe)
    assert live._shelf.person is None
    assert live.run.status.done == CONFIG.iterations


def test_a_page_that_cannot_be_shown_stops_nothing(capture, live):
    def observe(done):
        def fail():
            raise RuntimeError("no memory for a copy")

        live.observe(replace(done, snapshot=fail))

    with LiveBrowser(live):
        run(capture, observe)
    assert live.run.status.done == CONFIG.iterations


def start(capture, live):
    state = new_state(initial_head(capture, INIT), capture.num_frames, CONFIG.rates)
    reached = threading.Condition()

    def observe(done):
        with reached:
            reached.step = done.step
            reached.notify_all()
        live.observe(done)

    reached.step = 0
    work = {"observer": observe, "save": lambda s: None}
    thread = threading.Thread(target=loop.run, args=(state, capture, CONFIG), kwargs=work, daemon=True)
    thread.start()
    return state, thread, reached


def test_a_pause_holds_training_and_the_picture_still_turns(capture, live):
    live.run.pause(True)
    with LiveBrowser(live) as browser:
        state, thread, reached = start(capture, live)
        browser.wait_for(lambda: browser.images)
        session = browser.session
        count = len(browser.images)
        session.edit(turn_deg=30.0)
        browser.wait_for(lambda: len(browser.images) > count)
        assert (reached.step, state.step) == (1, 1)
        live.run.pause(False)
        thread.join(60)
    assert state.step == CONFIG.iterations


def test_a_pause_ends_when_the_last_browser_has_left(capture, live, monkeypatch):
    monkeypatch.setattr(live_module, "PAUSE_GRACE", 0.2)
    live.run.pause(True)
    with LiveBrowser(live) as browser:
        state, thread, _ = start(capture, live)
        browser.wait_for(lambda: browser.images)
    thread.join(60)
    assert state.step == CONFIG.iterations
    assert not live.run.status.paused


def test_stop_and_save_leaves_a_head_and_the_way_back(capture, live, tmp_path):
    def observe(done):
        if done.step == 9:
            live.run.stop()
        live.observe(done)

    actor = train(capture, tmp_path / "head", CONFIG, listener=live.listen, observer=observe)
    live.finish(actor)
    assert live.run.status.done < CONFIG.iterations or not live.run.status.trains
    assert len(Head.load(tmp_path / "head")) == len(actor.head)
    assert (tmp_path / "head" / CHECKPOINT).exists()
    steps = []
    train(capture, tmp_path / "head", CONFIG, resume=True, observer=lambda done: steps.append(done.step))
    assert steps == list(range(10, CONFIG.iterations + 1)), "goes on where it was stopped"
    assert not (tmp_path / "head" / CHECKPOINT).exists()


def test_any_observer_may_end_a_run(capture):
    def observe(done):
        if done.step == 3:
            raise StopTraining

    assert run(capture, observe).step == 3


def test_the_page_goes_on_with_the_trained_head(capture, live, tmp_path):
    with LiveBrowser(live) as browser:
        live.listen(Progress(stage="tracking: landmarks", done=1, total=2))
        assert browser.session is None, "nothing to see yet"
        seen = []

        def observe(done):
            live.observe(done)
            if done.step == 1:
                browser.wait_for(lambda: browser.images)
                browser.session.give_voice("hello.wav", b"RIFF")
                seen.append(browser.session.staging.person.actor)

        actor = train(capture, tmp_path / "head", CONFIG, listener=live.listen, observer=observe)
        live.finish(actor)
        session = browser.session
        assert any("learns to speak when training ends" in n.body for n in browser.client.notices)
        assert seen[0].voice is None
        assert session.staging.person.actor is actor
        assert session.staging.performance.motion is actor.clip.motion
        session.give_voice("hello.wav", b"RIFF")
        assert any("This cannot be spoken" in n.title for n in browser.client.notices), "now the file itself is judged"
        count = len(browser.images)
        session.touch()
        browser.wait_for(lambda: len(browser.images) > count)
        browser.refresh()
        assert "Finished and saved" in browser.text()


def test_the_command_opens_the_page_and_keeps_it_open_until_it_is_ended(capture, tmp_path, monkeypatch):
    opened = []

    class Recorded(LiveView):
        def __init__(self, **options):
            super().__init__(**options)
            opened.append(self)

    monkeypatch.setattr("gaussian_head.viewer.LiveView", Recorded)
    save_config(CONFIG, tmp_path / "config.json")
    said = []
    options = verb.Options(
        capture.path, tmp_path / "head", config=tmp_path / "config.json", live=Watching(view=True, port=0)
    )
    thread = threading.Thread(target=verb.run, args=(options, said.append), daemon=True)
    thread.start()
    deadline = time.monotonic() + 120
    while not (opened and opened[0].run.status.finished):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    thread.join(0.3)
    assert thread.is_alive(), "the page stays open with the trained head"
    opened[0].stop()
    thread.join(20)
    assert not thread.is_alive()
    said = [event.message for event in said if isinstance(event, Said)]
    assert f"viewer: {opened[0].url}" in said
    assert f"head: {tmp_path / 'head'}" in said
    assert opened[0].url.startswith("http://127.0.0.1:")


def test_without_view_no_page_is_opened(capture, tmp_path, monkeypatch):
    def refuse(**options):
        raise AssertionError("a page was opened unasked")

    monkeypatch.setattr("gaussian_head.viewer.LiveView", refuse)
    save_config(CONFIG, tmp_path / "config.json")
    verb.run(verb.Options(capture.path, tmp_path / "head", config=tmp_path / "config.json"))
    assert len(Head.load(tmp_path / "head")) > 0
