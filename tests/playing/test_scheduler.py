"""Which picture is sent when: a slow link stays filled, the last change always arrives, errors are not repeated."""

from itertools import pairwise

import pytest

from gaussian_head.playing.clock import Playback
from gaussian_head.playing.pacing import ACK_TIMEOUT, TIMER_INTERVAL, Pacer
from gaussian_head.playing.scheduler import STILL_AFTER, Scheduler


@pytest.fixture
def scheduler():
    return Scheduler(Playback(num_frames=50, fps=25.0))


def send(scheduler, now, cost=0.01):
    job = scheduler.next(now)
    assert job is not None
    scheduler.done(job, now, now + cost)
    return job


def acknowledged(scheduler, now=0.0):
    """A scheduler whose browser has shown a first picture."""
    send(scheduler, now)
    scheduler.shown(now + 0.02, 0.0, playing=False)
    return scheduler


def test_a_browser_that_acknowledges_has_one_picture_in_flight(scheduler):
    acknowledged(scheduler)
    scheduler.touch(1.0)
    send(scheduler, 1.0)
    scheduler.touch(1.1)
    assert scheduler.next(1.1) is None
    scheduler.shown(1.2, 0.0, playing=False)
    assert scheduler.next(1.2) is not None


def test_a_lost_acknowledgement_stops_nothing_for_longer_than_the_timeout(scheduler):
    acknowledged(scheduler)
    scheduler.touch(1.0)
    send(scheduler, 1.0)
    scheduler.touch(1.1)
    assert scheduler.next(1.0 + ACK_TIMEOUT - 0.1) is None
    assert scheduler.next(1.02 + ACK_TIMEOUT) is not None


def test_a_browser_that_never_acknowledges_is_served_by_the_timer(scheduler):
    scheduler.playback.play(0.0)
    sent, now = 0, 0.0
    while now < 4.0:
        if scheduler.next(now):
            send(scheduler, now)
            sent += 1
        now += 0.01
    assert 0.8 * 4 / TIMER_INTERVAL < sent <= 4 / TIMER_INTERVAL + 1


def test_nothing_is_sent_while_nothing_changes_and_the_last_change_is_always_sent(scheduler):
    acknowledged(scheduler)
    assert scheduler.next(5.0) is None
    for i in range(20):
        scheduler.touch(6.0 + 0.01 * i)
    job = send(scheduler, 6.2)
    assert job.version == scheduler.version


def test_a_slow_machine_draws_small_while_moving_and_full_once_still(scheduler):
    send(scheduler, 0.0, cost=0.2)
    scheduler.shown(0.3, 0.0, playing=False)
    scheduler.touch(1.0)
    assert send(scheduler, 1.0).scale == 0.5
    scheduler.shown(1.1, 0.0, playing=False)
    assert scheduler.next(1.1) is None
    assert scheduler.wait(1.1) == pytest.approx(STILL_AFTER - 0.1, abs=0.01)
    assert send(scheduler, 1.0 + STILL_AFTER + 0.01).scale == 1.0
    assert scheduler.playback.frame(2.0) == 0


def test_a_fast_machine_plays_at_full_size(scheduler):
    acknowledged(scheduler)
    scheduler.playback.report(0.0, playing=True, rate=1.0, loop=True, now=1.0)
    assert send(scheduler, 1.0).scale == 1.0


def test_full_size_is_tried_again_when_the_machine_is_free(scheduler):
    send(scheduler, 0.0, cost=0.2)
    scheduler.shown(0.3, 0.0, playing=False)
    for i in range(60):
        now = 1.0 + 0.05 * i
        scheduler.playback.report(0.05 * i % 2, playing=True, rate=1.0, loop=True, now=now)
        if scheduler.next(now):
            job = send(scheduler, now, cost=0.002)
            scheduler.shown(now + 0.01, 0.0, playing=True)
    assert job.scale == 1.0


def playing(scheduler, cost, seconds, left=0.0):
    """Scales of the pictures of so long, and when each was begun; ``cost`` of one tells seconds by scale and time."""
    sent, now = [], 0.0
    while now < seconds:
        scheduler.playback.report(now % 2, playing=True, rate=1.0, loop=True, now=now)
        if scheduler.next(now):
            took = cost(scheduler.next(now).scale, now)
            sent.append((send(scheduler, now, took).scale, now))
            now += took + left
            scheduler.shown(now, now % 2, playing=True)
        now += 0.002
    return sent


def test_after_a_slow_start_pictures_are_full_though_a_half_one_costs_nearly_as_much(scheduler):
    sent = playing(scheduler, lambda scale, now: 0.3 if now < 0.5 else 0.012 if scale == 1.0 else 0.009, 30.0)
    assert any(scale == 0.5 for scale, _ in sent[:10])
    assert all(scale == 1.0 for scale, at in sent if at > 4.0)


def test_where_full_size_is_too_slow_it_is_tried_ever_less_often(scheduler):
    sent = playing(scheduler, lambda scale, now: 0.05 if scale == 1.0 else 0.012, 200.0)
    full = [at for scale, at in sent if scale == 1.0]
    assert len(full) < 20
    trials = [b for a, b in pairwise(full) if b - a > 1.0]
    assert len(trials) >= 4, "it is tried all the same"
    assert max(b - a for a, b in pairwise(trials)) > 40.0


def test_where_half_size_is_too_slow_full_size_is_not_tried(scheduler):
    sent = playing(scheduler, lambda scale, now: 0.1 if scale == 1.0 else 0.03, 60.0)
    assert [scale for scale, _ in sent].count(1.0) == 1


def test_one_slow_picture_does_not_make_them_small(scheduler):
    sent = playing(scheduler, lambda scale, now: 0.3 if 5.0 < now < 5.05 else 0.01, 10.0)
    assert {scale for scale, _ in sent} == {1.0}


@pytest.mark.parametrize(("left", "scale"), [(0.005, 1.0), (0.04, 0.5)])
def test_what_an_encoder_takes_counts_where_it_is_part_of_the_work(left, scale):
    scheduler = Scheduler(Playback(num_frames=50, fps=25.0), room=0.8, whole=True)
    sent = playing(scheduler, lambda scale, now: 0.015, 2.0, left)
    assert sent[-1][0] == scale


def test_after_a_failure_nothing_is_tried_for_a_while_unless_something_changes(scheduler):
    scheduler.playback.play(0.0)
    job = scheduler.next(0.0)
    scheduler.failed(job, 0.0)
    assert not scheduler.playback.playing(0.0)
    assert scheduler.next(0.1) is None
    scheduler.touch(0.2)
    assert scheduler.next(0.2) is not None


def test_playing_through_a_simulated_browser_stays_in_step_with_its_sound(scheduler):
    """Rendering takes 15 ms, sending and decoding 60 ms; the shown frame is the heard one to a frame or so."""
    acknowledged(scheduler)
    start, now, arriving = 10.0, 10.0, None
    while now < 16.0:
        position = (now - start) % 2.0
        if arriving is not None and now >= arriving:
            scheduler.shown(now, position, playing=True)
            arriving = None
        if round(now * 1000) % 50 == 0:
            scheduler.playback.report(position, playing=True, rate=1.0, loop=True, now=now)
        if scheduler.next(now):
            send(scheduler, now, cost=0.015)
            arriving = now + 0.075
        now = round(now + 0.001, 3)
    errors = sorted(list(scheduler.pacer.sync_errors)[20:])
    assert abs(errors[len(errors) // 2]) < 0.03
    assert max(abs(errors[0]), abs(errors[-1])) < 0.08
    assert scheduler.pacer.fps(16.0) == pytest.approx(13, abs=2)


def over_a_link(scheduler, delay, decode, seconds=8.0, render=0.012):
    """Play over a link of ``delay`` seconds there and back; one picture is decoded at a time. The times of display."""
    acknowledged(scheduler)
    start, now, arriving, acks, shown, free = 10.0, 10.0, [], [], [], 0.0
    busy_until = 0.0
    while now < start + seconds:
        position = (now - start) % 2.0
        if acks and now >= acks[0][0]:
            scheduler.shown(now, position, playing=True, busy=acks.pop(0)[1])
        if round(now * 1000) % 50 == 0:
            scheduler.playback.report(position, playing=True, rate=1.0, loop=True, now=now)
        if now >= busy_until and scheduler.next(now):
            send(scheduler, now, cost=render)
            busy_until = now + render
            arrival = now + render + delay / 2
            free = max(free, arrival) + decode
            shown.append(free)
            acks.append((free + delay / 2, free - arrival))
            arriving.append(arrival)
        now = round(now + 0.001, 3)
    return [t for t in shown if start + 3 < t < start + seconds]


@pytest.mark.parametrize(("delay", "least"), [(0.0, 24.0), (0.1, 20.0), (0.2, 11.0)])
def test_a_slow_link_stays_filled(scheduler, delay, least):
    shown = over_a_link(scheduler, delay, decode=0.015)
    assert len(shown) / 5 >= least
    gaps = [b - a for a, b in pairwise(shown)]
    assert max(gaps) < 3 * sorted(gaps)[len(gaps) // 2] + 0.005, "evenly, not in bursts"


def test_a_browser_that_decodes_slowly_is_not_pushed(scheduler):
    shown = over_a_link(scheduler, 0.01, decode=0.12)
    assert scheduler.pacer.depth == 1
    assert 6 < len(shown) / 5 < 8.5


def test_acknowledgements_belong_to_the_picture_sent_first():
    pacer = Pacer()
    pacer.sent(0.0, 0.01, frame=4)
    assert pacer.shown(0.3, busy=0.02) == 4
    for i in range(12):
        pacer.sent(1.0 + i, 1.01 + i, frame=i)
        pacer.shown(1.25 + i, busy=0.02)
    assert pacer.depth == 3
    for frame in (20, 21, 22):
        pacer.sent(20.0, 20.01, frame=frame)
    assert [pacer.shown(20.2 + 0.1 * i) for i in range(4)] == [20, 21, 22, None]


@pytest.mark.parametrize(("moving", "scale"), [("sharp", 1.0), ("fluid", 0.5)])
def test_who_wants_it_sharp_or_fluid_has_it_so(scheduler, moving, scale):
    send(scheduler, 0.0, cost=0.2 if moving == "sharp" else 0.001)
    scheduler.shown(0.3, 0.0, playing=False)
    scheduler.moving = moving
    scheduler.touch(1.0)
    assert send(scheduler, 1.0).scale == scale
    scheduler.shown(1.1, 0.0, playing=False)
    scheduler.touch(1.1)
    assert send(scheduler, 1.1 + STILL_AFTER + 0.01).scale == 1.0


def test_rate_and_lead_of_a_pacer():
    pacer = Pacer()
    for i in range(100):
        pacer.sent(i * 0.05, i * 0.05 + 0.01)
        pacer.shown(i * 0.05 + 0.04)
    assert pacer.fps(5.0) == pytest.approx(20, abs=0.5)
    assert pacer.lead == pytest.approx(0.04 + 0.5 * 0.05, abs=0.005), "early as much as late"
    assert pacer.fps(60.0) == 0.0
