"""Reading videos: any container, rotation, size and timing, as RGB arrays at a constant frame rate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..events import Listener, Warned, ignore
from ._containers import decoded, open_container, packet_times, video_stream

SCANNED_PACKETS = 3000
"""Packets whose timestamps decide whether the frame rate varies."""
MAX_FPS = 1000.0


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video file says of itself, as it will be shown."""

    fps: float
    """Mean frames per second; a whole number where the rate varies."""
    width: int
    """Width in pixels after rotation, pixels square."""
    height: int
    """Height in pixels after rotation, pixels square."""
    rotation: int
    """Quarter turn the file asks for, counter-clockwise degrees: 0, 90, 180 or 270."""
    duration: float
    """Seconds of picture."""
    num_frames: int
    """Frames ``read_frames`` will give at ``fps`` (an estimate for damaged files)."""
    has_audio: bool
    """True if there is a sound track."""
    variable_frame_rate: bool
    """True if the frame times are uneven; ``read_frames`` makes them even."""


def probe(path: str | Path) -> VideoInfo:
    """Describe a video file without decoding more than its first frame.

    Raises:
        InputError: missing, empty, damaged or not a video.
    """
    return _inspect(path)[0]


def read_frames(
    path: str | Path,
    *,
    fps: float | None = None,
    start: float = 0.0,
    duration: float | None = None,
    listener: Listener = ignore,
) -> Iterator[np.ndarray]:
    """Decode a video lazily at a constant frame rate.

    Output frame k is the source frame nearest in time to ``start + k / fps`` seconds after the
    file's first frame, so a variable rate is evened out and sound stays in step.

    Args:
        path: any file FFmpeg can decode.
        fps: frames per second to give; default the file's own.
        start: seconds after the first frame at which to begin.
        duration: seconds to give; default to the end.
        listener: told of damaged stretches that were skipped.

    Returns:
        An iterator of RGB frames, ``[H, W, 3]`` u8, upright and with square pixels.

    Raises:
        InputError: not a video, nothing to decode, or arguments out of range.
    """
    info, first = _inspect(path)
    rate = info.fps if fps is None else fps
    if not (math.isfinite(rate) and 0 < rate <= MAX_FPS):
        raise InputError(f"fps is {fps}; a number above 0 and up to {MAX_FPS:g} was wanted.")
    if not (math.isfinite(start) and start >= 0):
        raise InputError(f"start is {start} s; a number of seconds from 0 up was wanted.")
    if duration is not None and not duration > 0:
        raise InputError(f"duration is {duration} s; a number above 0 was wanted.")
    if start >= info.duration:
        raise InputError(f"start is {start:g} s but video {path} lasts only {info.duration:.2f} s; choose less.")
    limit = None if duration is None else max(1, round(duration * rate))
    return itertools.islice(_even_frames(path, info, first + start, rate, listener), limit)


def _inspect(path: str | Path) -> tuple[VideoInfo, float]:
    """The file's VideoInfo and the time stamp of its first frame in seconds."""
    with open_container(path, "video") as container:
        times = packet_times(container, video_stream(container, path), SCANNED_PACKETS)
    with open_container(path, "video") as container:
        stream = video_stream(container, path)
        frame = next(decoded(container, stream, []), None)
        if frame is None:
            raise InputError(f"video {path} has a video track but no frame of it can be decoded; record it again.")
        first = frame.time or 0.0
        times = times[times >= first - 1e-6]
        steps = np.diff(times)
        variable = len(steps) > 1 and float(np.abs(steps - np.median(steps)).max()) > 0.3 * float(np.median(steps))
        fps = _mean_rate(stream, times, variable)
        duration = float(times[-1] - times[0]) + 1 / fps if len(times) else 1 / fps
        if len(times) >= SCANNED_PACKETS - 1 and stream.duration:
            duration = float(stream.duration * stream.time_base)
        rotation = round(frame.rotation / 90) * 90 % 360
        width, height = _square_size(frame, stream)
        if rotation in (90, 270):
            width, height = height, width
        info = VideoInfo(
            fps=fps,
            width=width,
            height=height,
            rotation=rotation,
            duration=duration,
            num_frames=max(1, round(duration * fps)),
            has_audio=len(container.streams.audio) > 0,
            variable_frame_rate=variable,
        )
        return info, first


def _mean_rate(stream: Any, times: np.ndarray, variable: bool) -> float:
    """Frames per second over the packets seen; the file's own statement where it agrees with them."""
    stated = float(stream.average_rate or stream.guessed_rate or 0)
    if len(times) < 2:
        return stated if 0 < stated <= MAX_FPS else 25.0
    measured = (len(times) - 1) / float(times[-1] - times[0])
    if variable:
        return float(max(1, round(measured)))
    return stated if abs(stated - measured) < 0.01 * measured else measured


def _square_size(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height before rotation, wide pixels widened."""
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    return max(1, round(frame.width * aspect)), frame.height


def _even_frames(
    path: str | Path, info: VideoInfo, origin: float, fps: float, listener: Listener
) -> Iterator[np.ndarray]:
    """Frames nearest to ``origin + k / fps``; each source frame is converted at most once."""
    failures: list[str] = []
    given, held, held_time, step = 0, None, 0.0, 1 / info.fps
    with open_container(path, "video") as container:
        stream = video_stream(container, path)
        for frame, time in _frames_from(container, stream, origin, failures):
            if held is not None and time <= held_time:
                continue
            if held is not None:
                step = min(time - held_time, 10 / info.fps)
                until = math.ceil((held_time + time) / 2 * fps - 1e-6)
                yield from _copies(held, stream, info, until - given)
                given = max(given, until)
            held, held_time = frame, time
        if held is not None:
            total = max(round((held_time + (step if info.variable_frame_rate else 1 / info.fps)) * fps), given)
            yield from _copies(held, stream, info, total - given)
            given = total
    if failures:
        listener(Warned(message=f"video {path}: {len(failures)} damaged parts were skipped ({failures[0]})."))
    if given == 0:
        raise InputError(f"video {path} has no frame that can be decoded from there on; record or copy it again.")


def _frames_from(container: Any, stream: Any, origin: float, failures: list[str]) -> Iterator[tuple[Any, float]]:
    """Frames with their times relative to ``origin``, beginning at or before it where the file does."""
    stream.thread_type = "AUTO"
    frames = decoded(container, stream, failures)
    start = float((stream.start_time or 0) * stream.time_base)
    if origin > start + 2.0:
        container.seek(int(origin / stream.time_base), stream=stream, backward=True)
        head = next(frames, None)
        if head is None or head.time is None or head.time > origin:
            container.seek(stream.start_time or 0, stream=stream, backward=True)
            frames = decoded(container, stream, failures)
        else:
            frames = itertools.chain([head], frames)
    previous = -origin
    for frame in frames:
        previous = previous if frame.time is None else frame.time - origin
        yield frame, previous


def _copies(frame: Any, stream: Any, info: VideoInfo, count: int) -> Iterator[np.ndarray]:
    """``count`` separate RGB arrays of one decoded frame, upright."""
    if count <= 0:
        return
    turned = info.rotation in (90, 270)
    width, height = (info.height, info.width) if turned else (info.width, info.height)
    unmarked_hd = frame.colorspace == 2 and frame.height >= 720
    rgb = frame.reformat(width=width, height=height, format="rgb24", src_colorspace="ITU709" if unmarked_hd else None)
    picture = np.ascontiguousarray(np.rot90(rgb.to_ndarray(), info.rotation // 90))
    yield picture
    for _ in range(count - 1):
        yield picture.copy()
