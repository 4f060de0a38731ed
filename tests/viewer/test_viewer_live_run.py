"""What a page knows of a training run: curves that stay short, time left without pauses, words."""

import numpy as np
import pytest
from gaussian_head.viewer.live_run import Curve, Run, Status, describe, duration

from gaussian_head.events import Progress, Warned
from gaussian_head.training import StepDone, StepsDone


def step(number, total=100, *, loss=0.1, psnr=30.0, stage="coarse"):
    def snapshot():
        raise AssertionError("nobody asked for a copy")

    return StepDone(
        stage=stage, step=number, total=total, loss=loss, psnr=psnr, gaussians=500 + number, snapshot=snapshot
    )


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("count", [1, 7, 8, 9, 100, 1000])
def test_a_curve_keeps_the_mean_of_every_step_in_few_points(count):
    curve = Curve(limit=8)
    for i in range(1, count + 1):
        curve.add(i, float(i))
    steps, means = curve.points()
    assert len(steps) == len(means) < 8
    assert np.all(np.diff(steps) > 0)
    stride = steps[0] if len(steps) else 1
    # The mean of the steps (s - stride, s] of a straight line.
    assert np.allclose(means, steps - (stride - 1) / 2)
    assert count - (steps[-1] if len(steps) else 0) < 2 * stride


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_a_curve_of_an_odd_limit_is_refused(limit):
    with pytest.raises(ValueError, match="even"):
        Curve(limit=limit)


def test_time_left_is_steps_times_pace_and_a_pause_does_not_count():
    clock = Clock()
    run = Run(clock)
    for i in range(1, 51):
        clock.now += 0.5
        run.record(step(i))
        if i == 20:
            clock.now += 600.0
        run.resume_clock()
    assert run.status.seconds_left == pytest.approx(25.0)
    assert run.status.share == 0.5
    assert run.status.gaussians == 550
    assert run.status.trains


def test_phases_around_training_are_followed_and_its_own_events_are_left_to_the_steps():
    clock = Clock()
    run = Run(clock)
    run.listen(Progress(stage="tracking: landmarks", done=0, total=40))
    clock.now = 10.0
    run.listen(Progress(stage="tracking: landmarks", done=10, total=40))
    assert run.status.phase == "tracking: landmarks"
    assert run.status.seconds_left == pytest.approx(30.0)
    run.record(step(1))
    run.listen(StepsDone(stage="training: coarse", done=77, total=100))
    run.listen(Warned(message="the clip is short."))
    assert run.status.done == 1
    run.listen(Progress(stage="speech features", done=0, total=1))
    assert not run.status.trains
    assert run.status.phase == "speech features"


def test_a_phase_is_known_by_what_it_is_and_not_by_its_name():
    run = Run()
    run.record(step(1))
    run.listen(StepsDone(stage="eine andere Sprache", done=77, total=100))
    assert run.status.done == 1
    run.listen(Progress(stage="training: the voice", done=3, total=9))
    assert (run.status.phase, run.status.done) == ("training: the voice", 3)


def test_to_stop_ends_a_pause():
    run = Run()
    run.pause(True)
    assert run.status.paused
    run.stop()
    assert run.status.stopping
    assert not run.status.paused


def test_words_say_what_matters():
    running = Status(
        phase="training: fine", done=1500, total=3000, seconds_left=185, gaussians=12345, psnr=31.26, trains=True
    )
    assert (
        describe(running) == "**training: fine** · step 1,500 of 3,000 · 3 min 05 s left · 31.3 dB on 12,345 Gaussians"
    )
    assert "paused" in describe(Status(phase="x", done=1, total=2, paused=True, trains=True))
    assert "Stopping" in describe(Status(stopping=True, trains=True))
    assert describe(Status(finished=True)).startswith("**Finished and saved.**")
    assert describe(Status(finished=True, stopping=True)).startswith("**Stopped and saved.**")
    assert [duration(s) for s in (0.2, 59.4, 61, 7805)] == ["0 s", "59 s", "1 min 01 s", "2 h 10 min"]
