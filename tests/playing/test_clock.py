"""The player's clock: whoever reports is the master, the ends hold, nothing runs away."""

import pytest

from gaussian_head.playing.clock import STALE_AFTER, Playback


@pytest.fixture
def playback():
    return Playback(num_frames=50, fps=25.0)


def test_without_a_browser_player_the_server_clock_runs_and_loops(playback):
    playback.play(now=100.0)
    assert playback.frame(100.0) == 0
    assert playback.frame(100.5) == 12
    assert playback.time(102.5) == pytest.approx(0.5)
    playback.rate = 2.0
    assert playback.time(100.5) == pytest.approx(1.0)


def test_without_loop_it_stops_at_the_last_frame_and_play_starts_again(playback):
    playback.loop = False
    playback.play(now=0.0)
    assert playback.playing(1.9)
    assert not playback.playing(2.1)
    assert playback.frame(5.0) == 49
    playback.play(now=5.0)
    assert playback.frame(5.0) == 0
    assert playback.playing(5.1)


def test_reports_are_the_truth_and_are_carried_on_only_briefly(playback):
    playback.report(0.5, playing=True, rate=1.0, loop=True, now=10.0)
    assert playback.time(10.1) == pytest.approx(0.6)
    assert playback.time(60.0) == pytest.approx(0.5 + STALE_AFTER)
    playback.report(1.0, playing=False, rate=1.0, loop=True, now=60.0)
    assert playback.frame(61.0) == 25
    assert not playback.playing(61.0)


def test_lead_looks_ahead_only_while_playing_and_wraps(playback):
    playback.report(1.95, playing=True, rate=1.0, loop=True, now=0.0)
    assert playback.frame(0.0, lead=0.1) == 1
    playback.report(1.0, playing=False, rate=1.0, loop=True, now=0.0)
    assert playback.frame(0.0, lead=0.1) == 25


def test_half_speed_halves_what_passes_and_what_is_looked_ahead(playback):
    playback.report(0.0, playing=True, rate=0.5, loop=True, now=0.0)
    assert playback.time(0.2, lead=0.2) == pytest.approx(0.2)


@pytest.mark.parametrize("position", [float("nan"), float("inf"), -3.0, 1e9])
def test_nonsense_from_a_browser_stays_in_range(playback, position):
    playback.report(position, playing=True, rate=float("nan"), loop=False, now=0.0)
    assert 0 <= playback.frame(0.3, lead=0.2) < 50


def test_every_frame_is_reached_by_seeking_to_its_start(playback):
    for t in range(50):
        playback.seek(t / 25.0, now=0.0)
        assert playback.frame(0.0) == t


def test_stepping_pauses_and_goes_round_the_ends(playback):
    playback.play(now=0.0)
    playback.step(-1, now=0.0)
    assert playback.frame(9.0) == 49
    assert not playback.playing(9.0)
    playback.step(1, now=9.0)
    assert playback.frame(9.0) == 0


def test_loading_a_shorter_performance_never_leaves_its_end(playback):
    playback.report(1.9, playing=True, rate=1.0, loop=True, now=0.0)
    playback.load(num_frames=3, fps=25.0)
    assert playback.frame(0.0) == 0
    assert not playback.playing(0.0)
    playback.report(1.9, playing=True, rate=1.0, loop=False, now=0.0)
    assert playback.frame(0.1) == 2
