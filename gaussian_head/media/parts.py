"""An output that is written in parts beside its final place, so that an interrupted one can go on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..checks import InputError
from ..durable import locked, replacing
from ..events import Listener, ignore
from ._containers import reporting_writes
from .audio import write_audio
from .carrying import Carried
from .formats import FORMATS
from .image import write_image
from .joining import join_videos
from .writer import VideoWriter

PICTURE = "frame_{:06d}.png"
SOUND = "audio.wav"
NOTE = "request.txt"


class Parts(Protocol):
    """Frames on their way to an output."""

    def done(self) -> int:
        """How many leading frames are on disk for good."""
        ...

    def missing(self, frames: range) -> Iterator[int]:
        """Those of ``frames`` that are not on disk, in order; ``frames`` begin and end with parts."""
        ...

    def write(self, t: int, picture: np.ndarray) -> None:
        """Take frame ``t``; frames come in order, those of a part all or none."""
        ...

    def abandon(self) -> None:
        """Let go of what is not finished."""
        ...

    def finish(self, audio: np.ndarray | None, sample_rate: int) -> None:
        """Make the output of all parts and the sound."""
        ...


class VideoParts:
    """Silent videos of a fixed number of frames each, joined without encoding them again."""

    def __init__(
        self,
        folder: Path,
        out: Path,
        *,
        width: int,
        height: int,
        fps: float,
        num_frames: int,
        alpha: bool,
        length: int,
        comment: str = "",
        carried: Carried | None = None,
        listener: Listener = ignore,
    ) -> None:
        """``num_frames`` frames on their way to ``out``, ``length`` in each part, joined by ``join_videos``."""
        self._comment, self._carried, self._listener = comment, carried, listener
        self._folder, self._out, self._fps, self._alpha = folder, out, fps, alpha
        self._num_frames, self._length = num_frames, length
        self._width, self._height = width, height
        self._writer: VideoWriter | None = None

    def done(self) -> int:
        """Frames in leading finished parts."""
        count = 0
        while count < self._num_frames and self._part(count).is_file():
            count += self._length
        return min(count, self._num_frames)

    def missing(self, frames: range) -> Iterator[int]:
        """Frames of parts that are not finished."""
        for first in range(frames.start, frames.stop, self._length):
            if not self._part(first).is_file():
                yield from range(first, min(first + self._length, frames.stop))

    def write(self, t: int, picture: np.ndarray) -> None:
        """Encode a frame into its part."""
        if self._writer is None:
            self._writer = self._open(t)
        self._writer.write(picture)
        if (t + 1) % self._length == 0 or t + 1 == self._num_frames:
            writer, self._writer = self._writer, None
            writer.__exit__(None, None, None)

    def _open(self, t: int) -> VideoWriter:
        writer = VideoWriter(
            self._part(t),
            width=self._width,
            height=self._height,
            fps=self._fps,
            alpha=self._alpha,
            shown=self._out,
        )
        return writer.__enter__()

    def abandon(self) -> None:
        """Drop the part being written."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.__exit__(InputError, InputError("the part was abandoned"), None)

    def finish(self, audio: np.ndarray | None, sample_rate: int) -> None:
        """Join the parts and add the sound."""
        parts = [self._part(t) for t in range(0, self._num_frames, self._length)]
        join_videos(
            parts,
            self._out,
            fps=self._fps,
            audio=audio,
            sample_rate=sample_rate,
            alpha=self._alpha,
            comment=self._comment,
            carried=self._carried,
            listener=self._listener,
        )

    def _part(self, t: int) -> Path:
        return self._folder / f"part_{t - t % self._length:08d}{self._out.suffix}"


class PictureParts:
    """A folder of PNG files, ``frame_000000.png`` and on, with ``audio.wav`` beside them."""

    def __init__(self, folder: Path, out: Path, *, fps: float, num_frames: int) -> None:
        """Pictures in ``folder``, in the end in ``out``."""
        self._folder, self._out, self._fps, self._num_frames = folder / "pictures", out, fps, num_frames

    def done(self) -> int:
        """Leading pictures present."""
        count = 0
        while count < self._num_frames and self._picture(count).is_file():
            count += 1
        return count

    def missing(self, frames: range) -> Iterator[int]:
        """Pictures that are absent."""
        return (t for t in frames if not self._picture(t).is_file())

    def write(self, t: int, picture: np.ndarray) -> None:
        """Write one picture, RGB or RGBA with straight transparency."""
        with reporting_writes(self._out):
            self._folder.mkdir(exist_ok=True)
            write_image(self._picture(t), picture)

    def abandon(self) -> None:
        """Every picture is whole: nothing to drop."""

    def finish(self, audio: np.ndarray | None, sample_rate: int) -> None:
        """Add the sound and put the folder in its place, in place of an earlier one."""
        if audio is not None:
            length = round(self._num_frames / self._fps * sample_rate)
            write_audio(self._folder / SOUND, audio, sample_rate, length=length)
        with reporting_writes(self._out), replacing(self._out, folder=True) as temporary:
            os.replace(self._folder, temporary)

    def _picture(self, t: int) -> Path:
        return self._folder / PICTURE.format(t)


def is_picture_folder(out: str | Path) -> bool:
    """True where an output of this name is a folder of PNG files: a name without ending, or a folder that exists."""
    out = Path(out)
    return out.suffix.lower() not in FORMATS and (out.suffix == "" or out.is_dir())


def require_own_folder(out: Path) -> None:
    """InputError where the folder ``out`` holds anything but an earlier sequence, which may be replaced."""
    if not out.is_dir():
        return
    foreign = [n.name for n in out.iterdir() if not (n.name == SOUND or n.match("frame_*.png"))]
    if foreign:
        raise InputError(
            f"output folder {out} holds other files ({foreign[0]}); name a new folder, or a file ending in "
            f"{', '.join(FORMATS)} in it."
        )


def parts_folder(out: str | Path) -> Path:
    """Where the parts of ``out`` wait."""
    place = Path(os.path.realpath(out))
    return place.with_name(f".{place.name}.parts")


class PartsFolder:
    """The hidden folder beside an output in which its parts wait; context manager.

    A run that is killed or interrupted from the keyboard leaves it there, any other failure removes it unless
    ``resume`` was asked for, and success always does, but where it ``stays`` for others.
    """

    def __init__(self, out: Path, request: str, *, resume: bool, stays: bool = False, shared: bool = False) -> None:
        """Folder of ``out`` for frames that ``request`` (a fingerprint) describes fully.

        Args:
            out: the output.
            request: fingerprint.
            resume: keep what is there of the same request.
            stays: leave it there on success too.
            shared: with others at the same time, none of whom may begin or end it; it stays.
        """
        self.path = parts_folder(out)
        self.resumed = False
        self._lock = ExitStack()
        self._out, self._request, self._resume = out, request, resume
        self._stays, self._shared = stays or shared, shared

    def __enter__(self) -> PartsFolder:
        with reporting_writes(self._out):
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.enter_context(locked(self.path, f"a render of {self._out}", shared=self._shared))
            note = self.path / NOTE
            kept = self._resume or self._shared
            self.resumed = kept and note.is_file() and note.read_text(encoding="utf-8") == self._request
            if self._shared and not self.resumed:
                self._lock.close()
                raise InputError(f"no render of {self._out} was begun with these options; begin it anew.")
            if not self.resumed:
                self.start_over()
        return self

    def start_over(self) -> None:
        """Forget what was kept."""
        self.resumed = False
        with reporting_writes(self._out):
            self._empty()
            (self.path / NOTE).write_text(self._request, encoding="utf-8")

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        with self._lock:
            if not self._stays and (kind is None or (not self._resume and issubclass(kind, Exception))):
                shutil.rmtree(self.path, ignore_errors=True)

    def _empty(self) -> None:
        """Delete all parts; the folder itself stays, for its lock is this render's."""
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
