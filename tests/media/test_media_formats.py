"""Every video format keeps transparency, sound and length, and joins without loss."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.media import VideoWriter, join_videos, probe, read_audio, read_frames, read_long_audio, write_audio

WIDTH, HEIGHT = 81, 60


def picture(k: int, alpha: bool) -> np.ndarray:
    """A colour wash and a growing disc, opaque in the disc and half transparent in a band below it."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    rgb = np.stack([x + k, 2 * y + 2 * k, x + y], -1).astype(np.uint8)
    inside = (x - 40) ** 2 + (y - 25) ** 2 < (8 + k / 3) ** 2
    opacity = np.where(inside, 255, np.where(y > 50, 128, 0)).astype(np.uint8)
    return np.concatenate([rgb, opacity[..., None]], -1) if alpha else rgb


def write(path: Path, frames: range, *, alpha: bool = False, fps: float = 25.0) -> Path:
    with VideoWriter(path, width=WIDTH, height=HEIGHT, fps=fps, alpha=alpha) as writer:
        for k in frames:
            writer.write(picture(k, alpha))
    return path


def opacities(path: Path) -> list[np.ndarray]:
    """The alpha plane of every frame, straight from the decoder, ``[H, W]`` in [0, 1]."""
    planes = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        vp9 = stream.codec_context.name == "vp9"  # FFmpeg's own decoder ignores transparency
        decoder = av.CodecContext.create("libvpx-vp9", "r") if vp9 else stream.codec_context
        for packet in container.demux(stream):
            for frame in decoder.decode(packet if packet.size else None):
                assert frame.format.name in ("yuva420p", "yuva444p10le", "yuva444p12le")
                kind, most = (np.uint8, 255) if vp9 else (np.uint16, 2 ** int(frame.format.name[8:10]) - 1)
                plane = np.frombuffer(frame.planes[3], kind).reshape(frame.height, -1)
                planes.append(plane[:HEIGHT, :WIDTH] / most)
    return planes


FILL = -6
"""glibc's M_PERTURB: fresh memory holds the complement of this byte, 0 for whatever was there."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can fill fresh memory")
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_what_is_written_does_not_depend_on_what_memory_held(tmp_path: Path, suffix: str) -> None:
    """x264 read past its rows where the processor has AVX-512: one picture sequence gave one of several files."""
    files = []
    for fill in (0, 85, 170):
        assert ctypes.CDLL(None).mallopt(FILL, fill)
        try:
            path = write(tmp_path / f"{fill}{suffix}", range(12))
        finally:
            ctypes.CDLL(None).mallopt(FILL, 0)
        with av.open(str(path)) as container:
            files.append([(packet.pts, packet.dts, bytes(packet)) for packet in container.demux(video=0)])
    assert len(files[0]) >= 12
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_transparency_is_in_the_file(tmp_path: Path, suffix: str) -> None:
    parts = [write(tmp_path / f"{i}{suffix}", range(10 * i, 10 * i + 10), alpha=True) for i in range(2)]
    out = tmp_path / f"whole{suffix}"
    assert join_videos(parts, out, fps=25.0, alpha=True) == 20
    for path, first in ((parts[1], 10), (out, 0)):
        for k, plane in enumerate(opacities(path), first):
            wanted = picture(k, True)[..., 3] / 255
            assert np.abs(plane - wanted).mean() < 0.01
            assert abs(float(plane[25, 40]) - 1) < 0.02
            assert float(plane[2, 2]) < 0.02
            assert abs(float(plane[56, 40]) - 0.5) < 0.04
    assert len(opacities(out)) == 20


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
@pytest.mark.parametrize("fps", [25.0, 30000 / 1001])
def test_joining_copies_frames_and_keeps_the_exact_length(tmp_path: Path, suffix: str, fps: float) -> None:
    parts = [write(tmp_path / f"{i}{suffix}", frames, fps=fps) for i, frames in enumerate((range(25), range(25, 43)))]
    sound = (0.4 * np.sin(np.arange(16000) * 0.3)).astype(np.float32)
    out = tmp_path / f"whole{suffix}"
    assert join_videos(parts, out, fps=fps, audio=sound) == 43
    got, wanted = list(read_frames(out)), [frame for part in parts for frame in read_frames(part)]
    assert len(got) == 43
    assert all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))
    info = probe(out)
    assert (info.num_frames, info.has_audio) == (43, True)
    assert info.duration == pytest.approx(43 / fps, abs=2e-3)
    heard = read_audio(out)
    assert abs(len(heard) / 16000 - 43 / fps) < 0.01
    assert np.corrcoef(heard[2000:14000], sound[2000:14000])[0, 1] > 0.95
    assert np.abs(heard[17000:]).max() < 0.05


def test_mov_says_that_it_is_prores_4444(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{i}.mov", range(4), alpha=True) for i in range(2)]
    join_videos(parts, tmp_path / "a.mov", fps=25.0, alpha=True)
    for path in (*parts, tmp_path / "a.mov"):
        with av.open(str(path)) as container:
            assert container.streams.video[0].codec_context.codec_tag == "ap4h"


def test_opus_takes_any_sample_rate(tmp_path: Path) -> None:
    sound = (0.4 * np.sin(np.arange(44100) * 0.1)).astype(np.float32)
    join_videos([write(tmp_path / "0.webm", range(25))], tmp_path / "a.webm", fps=25.0, audio=sound, sample_rate=44100)
    heard = read_audio(tmp_path / "a.webm", sample_rate=44100)
    assert abs(len(heard) - 44100) < 500
    assert np.corrcoef(heard[4000:40000], sound[4000:40000])[0, 1] > 0.95


def test_formats_that_cannot_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no transparency; write \.mov"):
        VideoWriter(tmp_path / "a.mp4", width=64, height=64, fps=25, alpha=True)
    with pytest.raises(InputError, match=r"'\.avi'; \.mp4, \.mov, \.webm"):
        VideoWriter(tmp_path / "a.avi", width=64, height=64, fps=25)
    with pytest.raises(InputError, match="at least one part"):
        join_videos([], tmp_path / "a.mp4", fps=25)
    with (
        pytest.raises(InputError, match=r"\(60, 81, 4\) was wanted"),
        VideoWriter(tmp_path / "a.mov", width=WIDTH, height=HEIGHT, fps=25, alpha=True) as writer,
    ):
        writer.write(picture(0, False))
    small = write(tmp_path / "small.mp4", range(3))
    with VideoWriter(tmp_path / "large.mp4", width=128, height=128, fps=25) as writer:
        writer.write(np.zeros((128, 128, 3), np.uint8))
    with pytest.raises(InputError, match="in another way"):
        join_videos([small, tmp_path / "large.mp4"], tmp_path / "a.mp4", fps=25)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.mp4", "small.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_long_sound_is_the_same_on_disk(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 44100).astype(np.float32)
    parts = [write(tmp_path / f"0{suffix}", range(40))]
    join_videos(parts, tmp_path / f"a{suffix}", fps=25.0, audio=sound, sample_rate=44100)
    (tmp_path / "spool").mkdir()
    for rate in (16000, 22050):
        mapped = read_long_audio(tmp_path / f"a{suffix}", folder=tmp_path / "spool", sample_rate=rate)
        assert isinstance(mapped, np.memmap)
        assert not mapped.flags.writeable
        np.testing.assert_array_equal(mapped, read_audio(tmp_path / f"a{suffix}", sample_rate=rate))
        assert list((tmp_path / "spool").iterdir()) == []
    with pytest.raises(InputError, match="no audio track"):
        read_long_audio(tmp_path / f"0{suffix}")


def test_wav_of_another_length(tmp_path: Path) -> None:
    sound = np.linspace(-0.5, 0.5, 1000, dtype=np.float32)
    for length in (400, 1000, 3_000_000):
        write_audio(tmp_path / "a.wav", sound, length=length)
        heard = read_audio(tmp_path / "a.wav")
        assert len(heard) == length
        np.testing.assert_allclose(heard[: min(length, 1000)], sound[:length], atol=1e-4)
        assert (heard[1000:] == 0).all()
