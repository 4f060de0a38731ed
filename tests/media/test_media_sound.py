"""Any number of tracks and channels is heard as a listener would, bounded; damaged sound is refused in words."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.events import Event
from gaussian_head.media import (
    VideoWriter,
    _sound_source,
    read_audio,
    read_frames,
    read_long_audio,
    read_recorded_audio,
    read_spoken_audio,
    write_audio,
)

RATE = 16000


def speech(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Noise in syllables, ``[S]``."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * np.random.default_rng(seed).normal(size=len(time)) * (np.sin(2 * np.pi * 3 * time) > 0)).clip(-1, 1)


def write_channels(path: Path, channels: np.ndarray, layout: str, codec: str = "pcm_f32le") -> Path:
    """A sound file of ``channels [C, S]``."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        add_sound(container, stream, channels, layout)
    return path


def add_sound(container, stream, channels: np.ndarray, layout: str) -> None:
    form = {"pcm_f32le": "flt", "pcm_s16le": "s16"}.get(stream.codec_context.name, "fltp")
    for start in range(0, channels.shape[1], 1024):
        block = channels[:, start : start + 1024].astype(np.float32)
        block = (block * 32767).astype(np.int16) if form == "s16" else block
        block = block if form == "fltp" else np.ascontiguousarray(block.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format=form, layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def both_readers(path: Path, events: list[Event] | None = None, **kwargs) -> np.ndarray:
    """What both readers give, after proof that it is the same."""
    heard = read_audio(path, listener=(events if events is not None else []).append, **kwargs)
    np.testing.assert_array_equal(read_long_audio(path, **kwargs), heard)
    return heard


@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_s16le"])
def test_channels_out_of_phase_do_not_cancel(tmp_path: Path, codec: str) -> None:
    voice, events = speech(), []
    path = write_channels(tmp_path / "a.wav", np.stack([voice, -0.98 * voice]), "stereo", codec)
    np.testing.assert_allclose(both_readers(path, events), voice, atol=1e-4)
    assert "out of phase" in events[0].message


def test_ordinary_stereo_is_averaged_without_a_word(tmp_path: Path) -> None:
    left, right, events = speech(seed=1), speech(seed=2), []
    path = write_channels(tmp_path / "a.wav", np.stack([left, right]), "stereo")
    np.testing.assert_allclose(both_readers(path, events), (left + right) / 2, atol=1e-4)
    one = write_channels(tmp_path / "b.wav", np.stack([left, 0 * left]), "stereo")
    np.testing.assert_allclose(both_readers(one, events), left / 2, atol=1e-4)
    assert events == []


@pytest.mark.parametrize(
    ("layout", "centre", "count"), [("5.1", 2, 6), ("5.1(side)", 2, 6), ("7.1", 2, 8), ("3.0", 2, 3)]
)
def test_speech_in_the_centre_keeps_its_level(tmp_path: Path, layout: str, centre: int, count: int) -> None:
    voice = speech()
    channels = np.zeros((count, len(voice)))
    channels[centre] = voice
    if count >= 6:
        channels[3] = 0.9 * np.sin(2 * np.pi * 40 * np.arange(len(voice)) / RATE)  # bass alone
    channels[0] += 0.01 * speech(seed=3)
    heard = both_readers(write_channels(tmp_path / "a.wav", channels, layout))
    level = 20 * np.log10(np.sqrt(np.mean(heard**2) / np.mean(voice**2)))
    assert abs(level) < 0.5
    assert np.corrcoef(heard, voice)[0, 1] > 0.99


def test_loud_surround_does_not_clip(tmp_path: Path) -> None:
    channels = np.tile(0.9 * speech() / np.abs(speech()).max(), (6, 1))
    heard = both_readers(write_channels(tmp_path / "a.wav", channels, "5.1"))
    assert np.abs(heard).max() == pytest.approx(1, abs=1e-3)
    assert np.corrcoef(heard, channels[0])[0, 1] > 0.9999


def write_tracks(path: Path, tracks: list[np.ndarray], default: int | None) -> Path:
    """A matroska file of several sound tracks."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("flac", rate=RATE, layout="mono") for _ in tracks]
        for k, stream in enumerate(streams):
            stream.disposition = av.stream.Disposition.default.value if k == default else 0
        for stream, samples in zip(streams, tracks, strict=True):
            form = stream.codec_context.format.name
            assert form in ("s16", "s32")
            block = (samples * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            for piece in av.AudioResampler(format=form, frame_size=1024).resample(frame):
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("tracks", "default", "taken"),
    [("silence voice", 1, 1), ("silence voice", None, 1), ("voice other", None, 0), ("voice other", 1, 1)]
    + [("voice silence", 1, 0), ("silence silence", 1, 1)],
)
def test_the_track_that_is_meant_and_heard_is_taken(
    tmp_path: Path, tracks: str, default: int | None, taken: int
) -> None:
    sounds = {"silence": np.zeros(2 * RATE), "voice": speech(), "other": speech(seed=5)}
    chosen = [sounds[name] for name in tracks.split()]
    events: list[Event] = []
    heard = both_readers(write_tracks(tmp_path / "a.mkv", chosen, default), events)
    np.testing.assert_allclose(heard, chosen[taken][: len(heard)], atol=1e-3)
    assert len(heard) > 1.9 * RATE
    assert f"track {taken + 1} of 2" in events[0].message


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_sound_that_is_no_number_is_refused_in_words(tmp_path: Path, wrong: float) -> None:
    voice = speech()
    voice[RATE + 100] = wrong
    for layout, channels in (("mono", voice[None]), ("stereo", np.stack([speech(), voice]))):
        path = write_channels(tmp_path / "a.wav", channels, layout)
        for read in (read_audio, read_long_audio):
            with pytest.raises(InputError, match=r"a\.wav is damaged: (0\.9|1\.0)\d s .* 16-bit wav") as caught:
                read(path)
            assert "numpy" not in str(caught.value)


def test_no_number_in_the_sound_of_a_video(tmp_path: Path) -> None:
    voice = speech()
    voice[RATE] = np.nan
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("pcm_f32le", rate=RATE, layout="mono")
        for _ in range(50):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(video.encode(None))
        add_sound(container, sound, voice[None], "mono")
    assert sum(1 for _ in read_frames(tmp_path / "a.mkv")) == 50
    with pytest.raises(InputError, match="no numbers"):
        read_audio(tmp_path / "a.mkv")


def test_what_is_written_must_be_numbers(tmp_path: Path) -> None:
    voice = speech().astype(np.float32)
    voice[5] = np.nan
    with pytest.raises(InputError, match="finite"):
        write_audio(tmp_path / "a.wav", voice)
    with pytest.raises(InputError, match="finite"):
        VideoWriter(tmp_path / "a.mp4", width=64, height=64, fps=25, audio=voice)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_a_small_file_cannot_unpack_to_hours(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "a.flac"
    channels = 1 + (layout == "stereo")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=8000, layout=layout)
        for k in range(1800):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000 * channels), np.int16), format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = 8000, 16000 * k, Fraction(1, 8000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert path.stat().st_size < 1_000_000  # an hour
    for read in (read_audio, read_long_audio):
        tracemalloc.start()
        with pytest.raises(InputError, match=r"a\.flac is longer than 30 s"):
            read(path, max_seconds=30)
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()
    assert len(read_audio(path, sample_rate=100, max_seconds=3600)) == 360_000


def test_a_leap_in_the_stamps_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for at in (0, 50):
            frame = av.AudioFrame.from_ndarray(np.full((1, RATE), 1000, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at * RATE, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert len(read_audio(path)) == 51 * RATE
    with pytest.raises(InputError, match="longer than 30 s"):
        read_audio(path, max_seconds=30)


@pytest.mark.parametrize(("suffix", "loss"), [(".mp4", 0.5), (".webm", 0.5), (".mov", 0.02)])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_goes_out_has_the_channels_and_the_highs_of_what_came_in(
    tmp_path: Path, suffix: str, loss: float, channels: int
) -> None:
    rate, time = 48000, np.arange(48000) / 48000
    tones = 0.2 * np.sin(2 * np.pi * (600 + 1900 * np.arange(channels)) * time[:, None]).astype(np.float32)
    write_audio(tmp_path / "in.wav", tones, rate)
    samples, found = read_recorded_audio(tmp_path / "in.wav", folder=tmp_path)
    assert (samples.shape, found) == (tones.shape, rate)
    np.testing.assert_allclose(samples, tones, atol=1e-4)
    with VideoWriter(tmp_path / f"a{suffix}", width=16, height=16, fps=25, audio=samples, sample_rate=rate) as writer:
        for _ in range(25):
            writer.write(np.zeros((16, 16, 3), np.uint8))
    heard, found = read_recorded_audio(tmp_path / f"a{suffix}")
    assert (heard.shape[1], found) == (channels, rate)
    for k in range(channels):
        if channels == 6 and k == 3 and suffix != ".mov":
            continue  # codecs cut the channel of low frequencies, on purpose
        spectrum = np.abs(np.fft.rfft(heard[8000:40000, k]))
        assert spectrum.argmax() * rate / 32000 == pytest.approx(600 + 1900 * k, abs=3)
        assert np.sqrt(np.mean(heard[8000:40000, k] ** 2)) == pytest.approx(0.2 / 2**0.5, rel=loss)


def test_odd_layouts_and_rates_become_what_players_know(tmp_path: Path) -> None:
    path = write_channels(tmp_path / "a.wav", np.stack([speech()] * 4), "quad")
    samples, rate = read_recorded_audio(path)
    assert (samples.shape, rate) == ((len(speech()), 2), RATE)
    with pytest.raises(InputError, match=r"\[S, channels\] with 1, 2, 6, 8 channels"):
        write_audio(tmp_path / "b.wav", np.zeros((10, 3), np.float32))
    write_audio(tmp_path / "high.wav", np.zeros((9600, 2), np.float32), 96000)
    samples, rate = read_recorded_audio(tmp_path / "high.wav")
    assert (samples.shape, rate) == ((4800, 2), 48000)


@pytest.mark.parametrize(("layout", "channels", "rate"), [("mono", 1, 22050), ("stereo", 2, 44100), ("5.1", 6, 48000)])
def test_what_is_spoken_and_heard_is_decoded_once_and_is_what_either_reader_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, channels: int, rate: int
) -> None:
    tones = 0.2 * np.sin(np.arange(rate)[:, None] * (0.01 + 0.003 * np.arange(channels))).astype(np.float32)
    write_audio(tmp_path / "a.wav", tones, rate)
    decoded, planar = [], _sound_source.planar
    monkeypatch.setattr(_sound_source, "planar", lambda frame: decoded.append(frame.samples) or planar(frame))
    spoken, recorded, found = read_spoken_audio(tmp_path / "a.wav", folder=tmp_path)
    assert sum(decoded) == rate * (1 if layout == "mono" else 2), "once, after listening to how channels go together"
    np.testing.assert_array_equal(spoken, read_audio(tmp_path / "a.wav"))
    wanted, its_rate = read_recorded_audio(tmp_path / "a.wav")
    np.testing.assert_array_equal(recorded, wanted)
    assert (found, spoken.shape, recorded.shape) == (its_rate, (RATE,), (rate, channels))
    assert not any(samples.flags.writeable for samples in (spoken, recorded))
