"""Writing mp4: h264 pictures with aac sound in step, whole or not at all."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ..checks import InputError, replacing
from ._containers import reporting_writes
from .audio import checked_samples


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
        sample_rate: int = 16000,
        crf: int = 16,
    ) -> None:
        """Prepare a file; nothing is created before the ``with`` block begins.

        Args:
            path: the .mp4 to write.
            width: frame width in pixels; odd sizes are padded by one pixel (h264 4:2:0 needs even ones).
            height: frame height in pixels.
            fps: frames per second.
            audio: mono samples ``[S]`` f32; cut or filled with silence to the length of the picture.
            sample_rate: of ``audio``, Hz.
            crf: x264 quality, 0 (lossless) to 51; 16 looks lossless.

        Raises:
            InputError: sizes, rate or samples out of range.
        """
        if width < 2 or height < 2 or not 0 < fps <= 1000:
            raise InputError(
                f"a video of {width}x{height} at {fps} fps was asked; 2x2 or more and 0 < fps <= 1000 wanted."
            )
        self.path = Path(path)
        self.num_frames = 0
        self._size = (height, width)
        self._rate = Fraction(fps).limit_denominator(100_000)
        self._audio = None if audio is None else checked_samples(audio)
        self._sample_rate = sample_rate
        self._samples_sent = 0
        self._crf = crf
        self._stack = ExitStack()
        self._container: Any = None

    def __enter__(self) -> VideoWriter:
        import av

        if self.path.is_dir():
            raise InputError(f"output {self.path} is a folder; name a .mp4 file in it.")
        with reporting_writes(self.path), ExitStack() as stack:
            temporary = stack.enter_context(replacing(self.path))
            self._file = stack.enter_context(open(temporary, "w+b"))
            self._container = av.open(self._file, "w", format="mp4")
            stack.push(self._close)
            self._video = self._add_video()
            self._sound = None if self._audio is None else self._add_sound()
            self._stack = stack.pop_all()
        return self

    def write(self, rgb: np.ndarray) -> None:
        """Append one frame, ``[H, W, 3]`` u8 RGB."""
        import av

        if rgb.shape != (*self._size, 3) or rgb.dtype != np.uint8:
            raise InputError(f"frame has shape {rgb.shape}, type {rgb.dtype}; u8 {(*self._size, 3)} was wanted.")
        pad = [(0, size % 2) for size in self._size]
        rgb = np.pad(rgb, [*pad, (0, 0)], mode="edge") if any(p[1] for p in pad) else np.ascontiguousarray(rgb)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.pts, frame.time_base = self.num_frames, 1 / self._rate
        with reporting_writes(self.path):
            self._container.mux(self._video.encode(frame))
            self.num_frames += 1
            self._send_sound(last=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with reporting_writes(self.path):
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
            raise InputError(f"output {self.path} got no frames; write at least one.")
        self._send_sound(last=True)
        if self._sound is not None:
            self._container.mux(self._sound.encode(None))
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
        """The h264 track, marked BT.709 so that every player shows the same colours."""
        stream = self._container.add_stream(
            "libx264", rate=self._rate, options={"crf": str(self._crf), "preset": "fast"}
        )
        stream.height, stream.width = (size + size % 2 for size in self._size)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = 1 / self._rate
        for name, value in (("colorspace", 1), ("color_primaries", 1), ("color_trc", 1), ("color_range", 1)):
            setattr(stream.codec_context, name, value)
        return stream

    def _add_sound(self) -> Any:
        """The aac track."""
        stream = self._container.add_stream("aac", rate=self._sample_rate, layout="mono")
        stream.bit_rate = 128_000 if self._sample_rate > 24_000 else 96_000
        return stream

    def _send_sound(self, *, last: bool) -> None:
        """Encode sound up to the end of the pictures written so far, in whole aac blocks until the last."""
        import av

        if self._sound is None or self._audio is None:
            return
        block = 1024
        until = round(self.num_frames / self._rate * self._sample_rate)
        if not last:
            until -= until % block
        while self._samples_sent < until:
            stop = min(self._samples_sent + block, until)
            samples = self._audio[self._samples_sent : stop]
            samples = np.pad(samples, (0, stop - self._samples_sent - len(samples)))
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = self._sample_rate, self._samples_sent
            frame.time_base = Fraction(1, self._sample_rate)
            self._container.mux(self._sound.encode(frame))
            self._samples_sent = stop
