"""One onlooker's state, without any browser: another way of showing it needs nothing of the viewer."""

import subprocess
import sys
import time

import numpy as np
import pytest
from support_head import make_actor

from gaussian_head.checks import InputError
from gaussian_head.playing import Player, Shelf, View, staged
from gaussian_head.playing.views import recorded_fov

SOUND = (0.3 * np.sin(np.arange(8000) * 0.2)).astype(np.float32)


@pytest.fixture
def player():
    heads = [make_actor(num_gaussians=60, size=32), make_actor(num_gaussians=50, size=32, seed=1, num_frames=40)]
    return Player(Shelf(heads), start=None, size=32)


def test_playing_knows_nothing_of_a_browser():
    unwanted = ("viser", "websockets", "gaussian_head.viewer")
    seen = f"import sys, gaussian_head.playing; print([m for m in {unwanted} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_pictures_and_time_come_of_a_player_alone(player):
    head = player.staging.person.head
    view = View(wxyz=(1.0, 0, 0, 0), position=(0.0, 0, 0), fov=recorded_fov(head), aspect=1.0)
    job = player.scheduler.next(time.monotonic())
    assert job is not None
    before = staged(player.staging, view, job.frame).image
    assert before.shape == (32, 32, 3)
    player.edit(turn_deg=30.0)
    assert np.abs(staged(player.staging, view, job.frame).image.astype(int) - before).mean() > 0.1


def test_whoever_shows_it_is_told_what_plays_by_number_and_name(player):
    told = []
    player.on_performance = lambda performance, number: told.append((number, performance.name))
    take = player.speak(SOUND, "hello.wav")
    assert take()
    player.choose_performance("Captured clip")
    player.choose_performance("nothing of this name")
    player.choose_person("head 2")
    assert [number for number, _ in told] == [2, 3, 4]
    assert {p.name for p in player.performances} == {"Captured clip", "hello.wav"}


def test_a_voice_worked_out_for_a_head_that_left_the_stage_is_not_taken(player):
    take = player.speak(SOUND, "hello.wav")
    player.choose_person("head 2")
    assert not take()
    assert [p.name for p in player.performances] == ["Captured clip"]
    with pytest.raises(InputError, match="0 s long"):
        player.speak(np.zeros(0, np.float32), "empty.wav")
