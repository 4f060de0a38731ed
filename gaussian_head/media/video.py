"""Reading videos: any container, orientation, colours, size and timing, as RGB arrays at a constant frame rate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..events import Listener, ignore
from ._containers import decoded, open_container, packets, video_stream
from ._damage import BadFrames as BadFrames
from ._damage import Damage, Shown, seconds
from ._hdr import HLG, PQ, needs_conversion
from ._pictures import STAMPS, Converter, deinterlaced, orientation_of
from ._timeline import Timeline, timeline

MAX_FPS = 1000.0
PATCHING = ("h264", "mpeg4", "mpeg2video", "mpeg1video", "h263", "vc1", "wmv1", "wmv2", "wmv3", "flv1", "msmpeg4v3")
"""Decoders that mark pictures which they had to patch, reliably only without threads."""
STEADY = 0.9
"""Share of equal steps between pictures from which on the others are pauses and losses in a steady rate."""
STILL_SECONDS = 0.25
"""A picture shown for longer than this, and for longer than usual, stands still."""
MOST_STILL_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video file says of itself, as it will be shown."""

    fps: float
    """Frames per second, pauses aside; a whole number where the rate varies."""
    width: int
    """Width in pixels, upright, pixels square."""
    height: int
    """Height in pixels, upright, pixels square."""
    duration: float
    """Seconds of picture."""
    num_frames: int
    """Frames ``read_frames`` will give at ``fps`` (an estimate for damaged files)."""
    has_audio: bool
    """True if there is a sound track."""
    variable_frame_rate: bool
    """True if the frame times are uneven; ``read_frames`` makes them even."""
    bits: int = 8
    """Of each colour of a pixel, as recorded."""
    standard_colours: bool = True
    """False for high dynamic range and wide gamuts."""
    notes: tuple[str, ...] = ()
    """What makes the pictures worse than they could be, or had to be mended, a sentence each: interlacing, high
    dynamic range, time stamps that restart, pauses. Damage shows only in reading: see ``BadFrames``."""


def probe(path: str | Path) -> VideoInfo:
    """Describe a video file; its time stamps are read, none of its frames but the first is decoded.

    Raises:
        InputError: missing, empty, damaged or not a video.
    """
    return _inspect(path).info


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
        listener: told with ``BadFrames``, after the last frame, which were damaged or fill a pause.

    Returns:
        An iterator of RGB frames, ``[H, W, 3]`` u8, upright, with square pixels, deinterlaced, in an ordinary
        screen's colours whatever the file's (``_hdr.to_standard``).

    Raises:
        InputError: not a video, nothing to decode, or arguments out of range.
    """
    source = _inspect(path)
    info = source.info
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
    return _even_frames(path, source, source.first + start, rate, limit, listener)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """What is known of a file before it is read."""

    info: VideoInfo
    line: Timeline
    first: float
    """Seconds of the first frame."""
    orientation: np.ndarray
    """See ``orientation_of``."""


def _inspect(path: str | Path) -> _Source:
    """Read a file's time stamps and its first frame."""
    line = timeline(path, "video")
    with open_container(path, "video") as container:
        stream = video_stream(container, path)
        opening = list(itertools.islice(_frames(container, stream, line, []), 2))
        if not opening:
            raise InputError(f"video {path} has a video track but no frame of it can be decoded; record it again.")
        frame = opening[0]
        first = frame.time or 0.0
        fps, times, variable = _timing(stream, line, first)
        gaps = _still(times, fps)
        if any(end - start > MOST_STILL_SECONDS for start, end in gaps):
            raise InputError(f"video {path} shows one picture for more than {MOST_STILL_SECONDS:g} s; cut that part.")
        duration = float(times[-1] - times[0]) + 1 / fps
        width, height = _square_size(frame, stream)
        orientation = orientation_of(frame)
        if orientation[0, 0] == 0:
            width, height = height, width
        info = VideoInfo(
            fps=fps,
            width=width,
            height=height,
            duration=duration,
            num_frames=max(1, round(duration * fps)),
            has_audio=len(container.streams.audio) > 0,
            variable_frame_rate=variable,
            bits=max(component.bits for component in frame.format.components),
            standard_colours=not needs_conversion(stream.codec_context.color_trc, stream.codec_context.color_primaries),
            notes=tuple(_notes(stream, any(f.interlaced_frame for f in opening), line, gaps, fps)),
        )
        return _Source(info=info, line=line, first=first, orientation=orientation)


def _timing(stream: Any, line: Timeline, first: float) -> tuple[float, np.ndarray, bool]:
    """Frames per second, the times of all pictures from ``first`` on ``[P]``, and whether they are uneven."""
    said = [float(r) for r in (stream.average_rate, stream.guessed_rate, stream.base_rate) if r and 0 < r <= MAX_FPS]
    times = line.times[line.times >= first - 1e-6]
    if len(times) < 2:
        fps = said[0] if said else 25.0
        return fps, first + np.arange(max(1 if len(line.times) else line.num_packets, 1)) / fps, False
    steps = np.diff(times)
    usual = np.abs(steps - np.median(steps)) <= 0.3 * float(np.median(steps))
    measured = 1 / float(steps[usual].mean())
    near = min(said, key=lambda rate: abs(rate - measured), default=measured)
    if usual.mean() < STEADY:
        return float(max(1, round(measured))), times, True
    return near if abs(near - measured) < 0.005 * measured else measured, times, not usual.all()


def _still(times: np.ndarray, fps: float) -> list[tuple[float, float]]:
    """Pauses, as seconds after the first picture at which they begin and end."""
    long = np.flatnonzero(np.diff(times) > max(STILL_SECONDS, 2.5 / fps))
    return [(float(times[k] - times[0]), float(times[k + 1] - times[0])) for k in long]


def _notes(stream: Any, interlaced: bool, line: Timeline, gaps: list[tuple[float, float]], fps: float) -> Iterator[str]:
    """What is to be said of a file."""
    transfer, primaries = stream.codec_context.color_trc, stream.codec_context.color_primaries
    if interlaced:
        yield (
            "The video is interlaced: each picture holds two moments. It was deinterlaced, which costs sharpness; "
            "record progressive pictures if you can."
        )
    if transfer in (PQ, HLG):
        yield (
            f"The video was recorded in high dynamic range ({'PQ' if transfer == PQ else 'HLG'}). Its colours were "
            "converted to ordinary ones (BT.2408), brighter than white is clipped; switch HDR off to record others."
        )
    elif needs_conversion(transfer, primaries):
        yield "The video was recorded in a wide gamut; its colours were converted to ordinary ones (BT.709)."
    if len(line.shifts) > 1:
        places = ", ".join(f"{begin - line.times[0]:.1f} s" for begin in line.begins[1:])
        yield f"The video's time stamps start again at {places}; the parts were put one after the other."
    for start, end in gaps[:5]:
        yield (
            f"The pictures stand still for {end - start:.1f} s (frames {round(start * fps) + 1} to "
            f"{round(end * fps) - 1}): a pause or loss, filled with copies."
        )
    if len(gaps) > 5:
        yield f"The pictures stand still {len(gaps) - 5} times more."


def _square_size(frame: Any, stream: Any) -> tuple[int, int]:
    """Width and height before orientation, wide pixels widened."""
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    return max(1, round(frame.width * aspect)), frame.height


def _even_frames(
    path: str | Path, source: _Source, begin: float, fps: float, limit: int | None, listener: Listener
) -> Iterator[np.ndarray]:
    """Up to ``limit`` frames nearest to ``begin + k / fps``; each source frame is converted at most once."""
    failures: list[str] = []
    info, damage = source.info, Damage()
    shown = Shown(fps, max(1.25 / info.fps, STILL_SECONDS / 2))
    most = math.inf if limit is None else limit
    given, held, at, step = 0, None, 0.0, 1 / info.fps
    with open_container(path, "video") as container:
        stream = video_stream(container, path)
        convert = _converter(stream, source)
        frames = _frames_from(container, stream, source, begin, failures, damage)
        for frame in itertools.chain(frames, [None]):
            moment = at + step if frame is None else frame.time - begin
            if held is not None:
                if moment <= at:
                    continue
                if frame is None:
                    until = max(round(moment * fps), given)
                else:
                    step = min(moment - at, 10 / info.fps) if info.variable_frame_rate else step
                    until = math.ceil((at + moment) / 2 * fps - 1e-6)
                until = int(min(until, most))
                yield from _copies(convert, held, until - given)
                shown.add(given, until, seconds(held), at)
                given = max(given, until)
            held, at = frame, moment
            if given >= most:
                break
    if given == 0:
        raise InputError(f"video {path} has no frame that can be decoded from there on; record or copy it again.")
    promised = math.floor((source.first + info.duration - begin) * fps)
    shown.report(path, damage, len(failures), int(min(promised, most)), listener)


def _frames_from(
    container: Any, stream: Any, source: _Source, begin: float, failures: list[str], damage: Damage
) -> Iterator[Any]:
    """Frames, all with a time, beginning at or before ``begin`` where the file does."""
    stream.thread_type = "NONE" if stream.codec_context.name in PATCHING else "AUTO"
    frames = _frames(container, stream, source.line, failures)
    start = float((stream.start_time or 0) * stream.time_base)
    if begin > start + 2.0 and source.line.seekable:
        container.seek(int(begin / stream.time_base), stream=stream, backward=True)
        head = next(frames, None)
        if head is None or head.time is None or head.time > begin:
            container.seek(stream.start_time or 0, stream=stream, backward=True)
            frames = _frames(container, stream, source.line, failures)
        else:
            frames = itertools.chain([head], frames)
    return deinterlaced(damage.watch(_timed(frames, 1 / source.info.fps), failures))


def _frames(container: Any, stream: Any, line: Timeline, failures: list[str]) -> Iterator[Any]:
    return decoded(line.follow(packets(container, [stream], failures)), failures)


def _timed(frames: Iterator[Any], step: float) -> Iterator[Any]:
    """Frames, those without a time stamp ``step`` seconds after the one before."""
    time: float = -step
    for frame in frames:
        stamp = frame.time
        if stamp is None:
            stamp = time + step
            frame.time_base, frame.pts = STAMPS, round(stamp / STAMPS)
        time = stamp
        yield frame


def _converter(stream: Any, source: _Source) -> Converter:
    context = stream.codec_context
    size = (source.info.width, source.info.height)
    return Converter(*size, source.orientation, context.color_trc, context.color_primaries)


def _copies(convert: Converter, frame: Any, count: int) -> Iterator[np.ndarray]:
    """``count`` separate RGB arrays of one decoded frame."""
    if count <= 0:
        return
    picture = convert(frame)
    yield picture
    for _ in range(count - 1):
        yield picture.copy()
