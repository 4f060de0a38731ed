"""Frames and sound written by VideoWriter come back the same, at the same time, from any kind of file."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support_numbered import FPS, RATE, beeps, number_of, numbered

from gaussian_head.checks import InputError
from gaussian_head.media import VideoWriter, probe, read_audio, read_frames, write_audio


def write_numbered(
    path: Path, frames: int, audio: np.ndarray | None = None, rate: int = RATE, fps: float = FPS
) -> Path:
    with VideoWriter(path, width=256, height=128, fps=fps, audio=audio, sample_rate=rate) as writer:
        for k in range(frames):
            writer.write(numbered(k))
    return path


def write_timed(path: Path, times_ms: list[int], size: tuple[int, int] = (256, 128)) -> Path:
    """A video with the given time stamps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, time in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(numbered(k, *size), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def lag_in_samples(got: np.ndarray, wanted: np.ndarray) -> int:
    length = min(len(got), len(wanted))
    spectrum = np.fft.rfft(got[:length], 2 * length) * np.conj(np.fft.rfft(wanted[:length], 2 * length))
    lag = int(np.fft.irfft(spectrum).argmax())
    return lag if lag < length else lag - 2 * length


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_round_trip_keeps_frames_sound_and_length(tmp_path: Path, rate: int) -> None:
    path = write_numbered(tmp_path / "a.mp4", 60, beeps(60 / FPS, rate), rate)
    info = probe(path)
    assert (info.fps, info.width, info.height, info.num_frames) == (25.0, 256, 128, 60)
    assert info.has_audio
    assert not info.variable_frame_rate
    frames = list(read_frames(path))
    assert [number_of(f) for f in frames] == list(range(60))
    assert np.abs(frames[30][100, 100].astype(int) - (200, 60, 30)).max() <= 4
    sound = read_audio(path)
    assert len(sound) == 60 / FPS * RATE
    assert abs(lag_in_samples(sound, beeps(60 / FPS))) < RATE / FPS / 10
    with av.open(str(path)) as container:
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]
        lengths = [float(s.duration * s.time_base) for s in container.streams]
    assert max(lengths) - min(lengths) < 1 / FPS


@pytest.mark.parametrize("seconds", [0.7, 9.0])
def test_sound_is_cut_or_filled_to_the_pictures(tmp_path: Path, seconds: float) -> None:
    path = write_numbered(tmp_path / "a.mp4", 50, beeps(seconds))
    sound = read_audio(path)
    assert len(sound) == 2 * RATE
    assert (np.abs(sound[int(0.75 * RATE) :]).max() > 0.1) == (seconds > 2)


def test_frame_rates_are_converted_by_time(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 50)
    halved = [number_of(f) for f in read_frames(path, fps=12.5)]
    doubled = [number_of(f) for f in read_frames(path, fps=50)]
    assert halved == list(range(0, 50, 2))
    assert len(doubled) == 100
    assert all(abs(n - k / 2) <= 0.51 for k, n in enumerate(doubled))
    fractional = write_numbered(tmp_path / "b.mp4", 30, beeps(1.001), fps=30000 / 1001)
    assert probe(fractional).fps == pytest.approx(30000 / 1001)
    assert [number_of(f) for f in read_frames(fractional)] == list(range(30))


def test_start_and_duration_select_a_span(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "a.mp4", 150)
    assert [number_of(f) for f in read_frames(path, start=4.0, duration=0.4)] == list(range(100, 110))
    assert [number_of(f) for f in read_frames(path, start=5.8)] == list(range(145, 150))


def test_variable_frame_rate_is_evened_out_by_time_stamps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.choice([20, 33, 40, 90], 60)) + 500
    path = write_timed(tmp_path / "vfr.mp4", [int(t) for t in times])
    info = probe(path)
    assert info.variable_frame_rate
    frames = list(read_frames(path, fps=25))
    assert len(frames) == pytest.approx((times[-1] - times[0]) / 40, abs=3)
    for k, frame in enumerate(frames):
        error_ms = np.abs(times - times[0] - 40 * k)
        assert error_ms[number_of(frame)] <= error_ms.min() + 1


def with_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """The mp4, its display matrix set: players show a pixel of (x, y) at (a x + c y, b x + d y)."""
    data = path.read_bytes()
    at = data.index(b"tkhd") + 44
    assert struct.unpack(">9i", data[at : at + 36]) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    matrix = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:at] + matrix + data[at + 36 :])
    return path


MATRICES = {
    (1, 0, 0, 1): lambda x: x,
    (0, 1, -1, 0): lambda x: np.rot90(x, -1),
    (-1, 0, 0, -1): lambda x: np.rot90(x, 2),
    (0, -1, 1, 0): np.rot90,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (0, 1, 1, 0): lambda x: x.swapaxes(0, 1),
    (0, -1, -1, 0): lambda x: np.rot90(x, 2).swapaxes(0, 1),
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_turns_and_mirrors_are_honoured(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    path = with_matrix(write_timed(tmp_path / "turned.mp4", [0, 40, 80, 120]), *matrix)
    frame = list(read_frames(path))[2]
    expected = MATRICES[matrix](numbered(2))
    info = probe(path)
    assert frame.shape == expected.shape == (info.height, info.width, 3)
    assert np.abs(frame.astype(int) - expected).mean() < 6


def test_odd_sizes_are_padded_and_portrait_4k_is_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, width=31, height=17, fps=25) as writer:
        writer.write(np.full((17, 31, 3), 120, np.uint8))
    assert (probe(path).width, probe(path).height) == (32, 18)
    tall = write_timed(tmp_path / "tall.mp4", [0, 40], size=(2160, 3840))
    frames = list(read_frames(tall))
    assert frames[0].shape == (3840, 2160, 3)
    assert [number_of(f) for f in frames] == [0, 1]
    assert np.abs(frames[0][3000, 1000].astype(int) - (200, 60, 30)).max() <= 15  # unmarked HD is taken for BT.709


def test_sound_that_starts_late_is_placed_in_time(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    sound = beeps(1.0)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 256, 128, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for k in range(50):
            container.mux(video.encode(av.VideoFrame.from_ndarray(numbered(k), format="rgb24")))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, RATE // 2, Fraction(1, RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    got = read_audio(path)
    assert len(got) == pytest.approx(1.5 * RATE, abs=2)
    assert np.abs(got[: RATE // 2 - 20]).max() < 1e-3
    np.testing.assert_allclose(got[RATE // 2 :][:1000], sound[:1000], atol=2e-3)


def test_wav_round_trip_and_rate_change(tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    samples = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    write_audio(tmp_path / "a.wav", samples)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), samples, atol=1e-4)
    high = read_audio(tmp_path / "a.wav", sample_rate=48000)
    assert len(high) == 48000
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    assert np.abs(high - expected)[500:-500].max() < 0.01


def test_stereo_is_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        both = np.stack([np.full(RATE, 16000), np.full(RATE, 8000)], 1).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(both.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert read_audio(path)[100:-100] == pytest.approx(12000 / 32768, abs=1e-3)


@pytest.mark.parametrize("name", ["french", "german", "obama"])
def test_real_clips_are_read_whole(name: str) -> None:
    root = Path(os.environ.get("GAUSSIAN_HEAD_FOOTAGE", Path(__file__).parents[3] / "shared"))
    path = root / "clips" / f"{name}.mp4"
    if not path.exists():
        pytest.skip(f"no footage at {path}; set GAUSSIAN_HEAD_FOOTAGE")
    info = probe(path)
    frames = sum(1 for _ in read_frames(path))
    assert frames == info.num_frames
    assert len(read_audio(path)) / RATE == pytest.approx(frames / info.fps, abs=1 / info.fps)


@pytest.mark.parametrize("kwargs", [{"fps": 0}, {"fps": float("nan")}, {"start": -1}, {"start": 99}, {"duration": 0}])
def test_arguments_out_of_range(tmp_path: Path, kwargs: dict[str, float]) -> None:
    path = write_numbered(tmp_path / "a.mp4", 10)
    with pytest.raises(InputError, match=r"wanted|choose less"):
        read_frames(path, **kwargs)
