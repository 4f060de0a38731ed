"""Time stamps that restart, are missing, leap or pause: frames stay in step with the sound, and it is said."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support_numbered import BEEP_EVERY, FPS, RATE, beeps, number_of, numbered

from gaussian_head.checks import InputError
from gaussian_head.events import Event
from gaussian_head.media import BadFrames, probe, read_audio, read_frames, read_long_audio


def write_stream(
    path: Path,
    times_ms: list[int],
    *,
    first: int = 0,
    sound: np.ndarray | None = None,
    container: str | None = None,
    codec: str = "libx264",
    size: tuple[int, int] = (256, 128),
    options: dict[str, str] | None = None,
) -> Path:
    """Numbered frames at the given times, ``sound`` beginning with the first of them."""
    with av.open(str(path), "w", format=container, options=options or {}) as target:
        stream = target.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        track = None if sound is None else target.add_stream("aac", rate=RATE, layout="mono")
        sent = 0
        for k, time in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(numbered((first + k) % 256, *size), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            target.mux(stream.encode(frame))
            while track is not None and sent < min((time - times_ms[0] + 40) * RATE // 1000, len(sound)):
                block = av.AudioFrame.from_ndarray(sound[None, sent : sent + 1024], format="fltp", layout="mono")
                block.sample_rate, block.time_base = RATE, Fraction(1, RATE)
                block.pts = sent + times_ms[0] * RATE // 1000
                target.mux(track.encode(block))
                sent += 1024
        target.mux(stream.encode(None))
        if track is not None:
            target.mux(track.encode(None))
    return path


def steady(count: int, begin: int = 0, step: int = 40) -> list[int]:
    return [begin + step * k for k in range(count)]


@pytest.mark.parametrize("second_begin", [0, 30_000, 3_000_000, -1])
def test_recordings_put_end_to_end_stay_in_step(tmp_path: Path, second_begin: int) -> None:
    """The second half's stamps begin anew: at the same place, inside the first half, far ahead, or before it."""
    begins = (5_000_000, 1_000) if second_begin < 0 else (0, second_begin)
    halves = [
        write_stream(tmp_path / f"{k}.ts", steady(100, begin), first=100 * k, sound=beeps(4.0))
        for k, begin in enumerate(begins)
    ]
    if second_begin == 30_000:  # longer than a leap that is taken for a pause
        halves.append(write_stream(tmp_path / "2.ts", steady(50, 8_000), first=200, sound=beeps(2.0)))
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(half.read_bytes() for half in halves))
    if second_begin == 30_000:
        assert probe(path).num_frames > 800  # a pause of 26 s, filled, then 2 s more
        return
    info = probe(path)
    assert (info.num_frames, info.fps) == (200, 25)
    assert any("start again at 4.0 s" in note for note in info.notes)
    assert [number_of(frame) for frame in read_frames(path)] == list(range(200))
    assert [number_of(frame) for frame in read_frames(path, start=6.0, duration=0.4)] == list(range(150, 160))
    sound = read_audio(path)
    np.testing.assert_array_equal(read_long_audio(path), sound)
    assert len(sound) / RATE == pytest.approx(8.0, abs=0.1)
    loud = np.abs(sound[: 8 * RATE - 320]).reshape(-1, 160).max(1) > 0.3
    onsets = np.flatnonzero(loud & ~np.roll(loud, 1)) / 100
    wanted = np.arange(0, 8.0, BEEP_EVERY / FPS)
    heard = [np.abs(onsets - time).min() < 0.035 for time in wanted]
    assert np.mean(heard) > 0.9


def test_a_bare_stream_has_all_its_pictures(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "camera.h264", steady(80), container="h264")
    info = probe(path)
    assert (info.num_frames, info.fps, info.duration) == (80, 25, pytest.approx(3.2))
    assert [number_of(frame) for frame in read_frames(path)] == list(range(80))
    assert [number_of(frame) for frame in read_frames(path, start=2.4, duration=0.4)] == list(range(60, 70))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi", ".ts"])
def test_long_files_keep_their_length(tmp_path: Path, suffix: str) -> None:
    path = write_stream(tmp_path / f"long{suffix}", steady(3600), codec="mpeg4", size=(64, 32))
    info = probe(path)
    assert (info.num_frames, info.fps, info.duration) == (3600, 25, pytest.approx(144.0, abs=0.02))


@pytest.mark.parametrize("step", [40, 33])
def test_a_pause_changes_no_rate_and_is_named(tmp_path: Path, step: int) -> None:
    times = steady(50, 0, step) + steady(50, 49 * step + 2000, step)
    path = write_stream(tmp_path / "pause.mp4", times)
    info = probe(path)
    assert info.fps == pytest.approx(1000 / step, rel=2e-3)
    assert info.variable_frame_rate
    assert any("stand still for 2.0 s" in note for note in info.notes)
    events: list[Event] = []
    frames = list(read_frames(path, listener=events.append))
    assert len(frames) == pytest.approx(99 + 2000 / step, abs=1)
    (bad,) = events
    assert isinstance(bad, BadFrames)
    numbers = np.array([number_of(frame) for frame in frames])
    true = np.setdiff1d(np.arange(len(frames)), bad.frames)
    error = np.array(times)[numbers[true]] / 1000 - true / info.fps
    assert np.abs(error).max() <= 0.13
    assert len(true) == pytest.approx(100, abs=8)


def test_a_picture_that_stands_for_hours_is_refused(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "still.mkv", [*steady(50), 5_000_000], codec="mpeg4")
    slide = write_stream(tmp_path / "slide.mkv", [*steady(50), 5_000_000], codec="mpeg4", sound=beeps(60.0))
    assert probe(path).num_frames < 100  # nothing else in the file goes on meanwhile: begun anew
    with pytest.raises(InputError, match="one picture for more than"):
        probe(slide)


def test_two_halves_of_real_footage_stay_in_step(footage: Path) -> None:
    clip = footage / "faults" / "joined_ts" / "clip.ts"
    if not clip.exists():
        pytest.skip(f"no clip at {clip}")
    assert sum(1 for _ in read_frames(clip)) == 250
    assert len(read_audio(clip)) / RATE == pytest.approx(10.0, abs=0.1)
