"""Every unusable input or disk is refused in words, and nothing half-written stays behind."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head import media
from gaussian_head.checks import InputError
from gaussian_head.events import Event, Warned
from gaussian_head.media import VideoWriter, probe, read_audio, read_frames, read_image, write_audio, write_image


def noise_video(path: Path, frames: int = 50, sound: bool = True) -> Path:
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 0.1, frames * 640).astype(np.float32) if sound else None
    with VideoWriter(path, width=128, height=64, fps=25, audio=audio) as writer:
        for _ in range(frames):
            writer.write(rng.integers(0, 255, (64, 128, 3), dtype=np.uint8))
    return path


@pytest.mark.parametrize("read", [probe, lambda p: next(iter(read_frames(p))), read_audio, read_image])
def test_what_is_no_media_file_is_refused(tmp_path: Path, read) -> None:
    (tmp_path / "text.mp4").write_text("hello\n" * 1000)
    (tmp_path / "notes.txt").write_text("hello\n" * 1000)
    (tmp_path / "empty.mp4").touch()
    for name in ("text.mp4", "notes.txt", "empty.mp4", "missing.mp4", "."):
        with pytest.raises(InputError) as caught:
            read(tmp_path / name)
        assert str(tmp_path) in str(caught.value)


def test_a_picture_or_sound_is_not_a_video(tmp_path: Path) -> None:
    write_image(tmp_path / "face.png", np.zeros((64, 64, 3), np.uint8))
    write_audio(tmp_path / "voice.wav", np.zeros(1600, np.float32))
    for name in ("face.png", "voice.wav"):
        with pytest.raises(InputError, match="video track was wanted"):
            probe(tmp_path / name)


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    path = noise_video(tmp_path / "silent.mp4", sound=False)
    assert not probe(path).has_audio
    with pytest.raises(InputError, match="no audio track"):
        read_audio(path)


def test_a_file_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    path = noise_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for read in (probe, read_frames, read_audio):
        with pytest.raises(InputError, match="cut off"):
            read(path)


def test_a_file_cut_off_after_its_index_gives_what_is_there(tmp_path: Path) -> None:
    whole = noise_video(tmp_path / "a.mp4")
    path = tmp_path / "cut.mkv"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        copies = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = list(read_frames(path))
    assert 10 < len(frames) < 45
    assert len(frames) == pytest.approx(probe(path).num_frames, abs=2)
    assert len(read_audio(path)) > 8000


def test_damaged_packets_are_skipped_and_reported(tmp_path: Path) -> None:
    path = noise_video(tmp_path / "a.mp4", sound=False)
    with av.open(str(path)) as container:
        spans = [(p.pos, p.size) for p in container.demux(video=0) if p.pos is not None and p.size]
    data = bytearray(path.read_bytes())
    for position, size in spans[20:24]:
        data[position : position + size] = bytes([255]) * size
    path.write_bytes(bytes(data))
    events: list[Event] = []
    frames = list(read_frames(path, listener=events.append))
    assert len(frames) == 50
    assert any(isinstance(e, Warned) and "damaged" in e.message for e in events)


def test_pictures_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    for bad in (image.astype(np.float32), image[..., :2]):
        with pytest.raises(InputError, match="wanted"):
            write_image(tmp_path / "a.png", bad)
    with pytest.raises(InputError, match=r"\.png"):
        write_image(tmp_path / "a.tiff", image)
    write_image(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "a.png")


def test_picture_round_trips(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for channels in ((), (3,), (4,)):
        image = rng.integers(0, 255, (16, 24, *channels), dtype=np.uint8)
        write_image(tmp_path / "a.png", image)
        mode = {(): "L", (3,): "RGB", (4,): "RGBA"}[channels]
        np.testing.assert_array_equal(read_image(tmp_path / "a.png", mode=mode), image)
    smooth = np.tile(np.arange(24, dtype=np.uint8)[None, :, None] * 10, (16, 1, 3))
    write_image(tmp_path / "a.jpg", smooth)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - smooth).max() <= 3
    assert media.resize_image(smooth, 12, 8).shape == (8, 12, 3)
    labels = rng.integers(0, 5, (16, 24), dtype=np.uint8)
    assert set(np.unique(media.resize_image(labels, 48, 40, nearest=True))) <= set(range(5))


def test_an_error_in_the_loop_leaves_the_old_file(tmp_path: Path) -> None:
    path = noise_video(tmp_path / "a.mp4", 5)
    before = path.read_bytes()

    def broken() -> None:
        with VideoWriter(path, width=64, height=64, fps=25) as writer:
            writer.write(np.zeros((64, 64, 3), np.uint8))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="no frames"), VideoWriter(path, width=64, height=64, fps=25):
        pass
    with pytest.raises(InputError, match="was wanted"), VideoWriter(path, width=64, height=64, fps=25) as writer:
        writer.write(np.zeros((64, 32, 3), np.uint8))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_full_disk_is_reported_from_any_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"

    class Full:
        def encode(self, frame: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    def write_to_full_disk() -> None:
        with VideoWriter(path, width=64, height=64, fps=25) as writer:
            monkeypatch.setattr(writer, "_video", Full())
            writer.write(np.zeros((64, 64, 3), np.uint8))

    with pytest.raises(InputError, match="disk is full"):
        write_to_full_disk()
    assert os.listdir(tmp_path) == []


LIMITED = """
import resource, sys
import numpy as np
from gaussian_head.checks import InputError
from gaussian_head.media import VideoWriter
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], width=128, height=64, fps=25, audio=rng.normal(0, .1, 32000).astype("f4")) as writer:
        for _ in range(50):
            writer.write(rng.integers(0, 255, (64, 128, 3), dtype=np.uint8))
except InputError as error:
    sys.exit(0 if "disk is full" in str(error) else f"wrong message: {error}")
sys.exit("no error")
"""


@pytest.mark.parametrize("missing_bytes", [200_000, 50])
def test_a_real_write_limit_leaves_nothing(tmp_path: Path, missing_bytes: int) -> None:
    """The limit strikes in the middle of the pictures, or only when the index is written at the end."""
    size = noise_video(tmp_path / "whole.mp4").stat().st_size
    folder = tmp_path / "out"
    folder.mkdir()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    command = [sys.executable, "-c", LIMITED, str(folder / "a.mp4"), str(size - missing_bytes)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert os.listdir(folder) == []


def test_outputs_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file" / "a.mp4"):
        with (
            pytest.raises(InputError, match=r"cannot be written|is a folder"),
            VideoWriter(path, width=64, height=64, fps=25) as writer,
        ):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="cannot be written"):
        write_audio(tmp_path / "file" / "a.wav", np.zeros(10, np.float32))
    assert sorted(os.listdir(tmp_path)) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written"):
        write_audio(folder / "a.wav", np.zeros(10, np.float32))


def test_samples_must_be_finite_mono_floats(tmp_path: Path) -> None:
    for bad in (np.zeros((2, 10), np.float32), np.zeros(10, np.int16), np.array([0.0, np.nan])):
        with pytest.raises(InputError, match="samples"):
            write_audio(tmp_path / "a.wav", bad)
