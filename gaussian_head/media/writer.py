"""Writing video files: pictures, perhaps transparent, with sound in step, whole or not at all."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ._containers import reporting_writes
from ._pictures import Encodable
from ._sound_track import SoundTrack, checked_sound
from .formats import video_format

HIGHEST_RATE_PARTS = 100_000
"""Frame rates are written as fractions with a denominator up to this."""


class VideoWriter:
    """Context manager that encodes frames as they come; the file appears only if all went well."""

    def __init__(
        self,
        path: str | Path,
        *,
        width: int,
        height: int,
        fps: float,
        audio: np.ndarray | None = None,
        sample_rate: int = SAMPLE_RATE,
        alpha: bool = False,
        crf: int | None = None,
        shown: str | Path | None = None,
    ) -> None:
        """Prepare a file; nothing is created before the ``with`` block begins.

        Args:
            path: the file to write: .mp4 (h264, aac), .mov (ProRes 4444, PCM) or .webm (VP9, opus).
            width: frame width in pixels; odd sizes are padded by one pixel where the format needs even ones.
            height: frame height in pixels.
            fps: frames per second.
            audio: samples ``[S]`` or ``[S, C]`` floats with 1, 2, 6 or 8 channels; cut or filled with silence to the
                length of the picture.
            sample_rate: of ``audio``, Hz.
            alpha: frames are ``[H, W, 4]`` with straight transparency; not in .mp4.
            crf: quality of h264 and VP9, 0 (lossless) to 51; by default such that it looks lossless.
            shown: what error messages call the output, by default ``path``.

        Raises:
            InputError: ending, sizes, rate or samples out of range.
        """
        if width < 2 or height < 2 or not 0 < fps <= 1000:
            raise InputError(
                f"a video of {width}x{height} at {fps} fps was asked; 2x2 or more and 0 < fps <= 1000 wanted."
            )
        self.path = Path(path)
        self.num_frames = 0
        self._shown = Path(shown or path)
        if self.path.is_dir():
            raise InputError(f"output {self._shown} is a folder; name a file in it.")
        self._form = video_format(self.path, alpha=alpha)
        self._alpha = alpha
        self._pixels = (self._form.clear if alpha else None) or self._form.opaque
        self._frames = Encodable(self._pixels)
        self._size = (height, width)
        self._rate = frame_rate(fps)
        self._audio = None if audio is None else checked_sound(audio)
        self._sample_rate = sample_rate
        self._crf = crf
        self._stack = ExitStack()
        self._container: Any = None

    def __enter__(self) -> VideoWriter:
        import av

        with reporting_writes(self._shown), ExitStack() as stack:
            temporary = stack.enter_context(replacing(self.path))
            self._file = stack.enter_context(open(temporary, "w+b"))
            self._container = av.open(self._file, "w", format=self._form.container)
            stack.push(self._close)
            self._video = self._add_video()
            self._sound = None
            if self._audio is not None:
                self._sound = SoundTrack(self._container, self._form, self._audio, self._sample_rate)
            self._stack = stack.pop_all()
        return self

    def write(self, picture: np.ndarray) -> None:
        """Append one frame, ``[H, W, 3]`` u8 RGB, or ``[H, W, 4]`` where the writer was made with ``alpha``."""
        wanted = (*self._size, 4 if self._alpha else 3)
        if picture.shape != wanted or picture.dtype != np.uint8:
            raise InputError(f"frame has shape {picture.shape}, type {picture.dtype}; u8 {wanted} was wanted.")
        pad = [(0, size % 2 if self._form.even else 0) for size in self._size]
        padded = any(p[1] for p in pad)
        picture = np.pad(picture, [*pad, (0, 0)], mode="edge") if padded else np.ascontiguousarray(picture)
        frame = self._frames(picture)
        frame.pts, frame.time_base = self.num_frames, 1 / self._rate
        with reporting_writes(self._shown):
            self._container.mux(self._video.encode(frame))
            self.num_frames += 1
            if self._sound is not None:
                self._sound.send(self.num_frames / self._rate)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with reporting_writes(self._shown):
            try:
                if kind is None:
                    self._finish()
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
            self._stack.__exit__(kind, error, trace)

    def _finish(self) -> None:
        """Encode what is held back; after this the file only lacks its index."""
        if self.num_frames == 0:
            raise InputError(f"output {self._shown} got no frames; write at least one.")
        if self._sound is not None:
            self._sound.send(self.num_frames / self._rate, last=True)
        self._container.mux(self._video.encode(None))

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Write the index; while another error is on its way, only let go of the file."""
        quiet = contextlib.suppress(Exception) if kind is not None else contextlib.nullcontext()
        with quiet:
            self._container.close()
        return False

    def _add_video(self) -> Any:
        """The pictures' track, marked BT.709 so that every player shows the same colours."""
        form = self._form
        options = form.options | (form.clear_options if self._alpha else {})
        if self._crf is not None and "crf" in options:
            options["crf"] = str(self._crf)
        stream = self._container.add_stream(form.codec, rate=self._rate, options=options)
        stream.height, stream.width = (size + (size % 2 if form.even else 0) for size in self._size)
        stream.pix_fmt = self._pixels
        stream.codec_context.time_base = 1 / self._rate
        for name, value in (("colorspace", 1), ("color_primaries", 1), ("color_trc", 1), ("color_range", 1)):
            setattr(stream.codec_context, name, value)
        if self._alpha:
            stream.metadata.update(form.metadata)
        return stream


def frame_rate(fps: float) -> Fraction:
    """Frames per second as the fraction that a file states."""
    return Fraction(fps).limit_denominator(HIGHEST_RATE_PARTS)
