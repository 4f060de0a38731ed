"""Video files put end to end without encoding their pictures again, with one sound over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ..events import Listener, Warned, ignore
from ._containers import open_container, reporting_writes, video_stream
from ._sound_track import SoundTrack, checked_sound
from .carrying import Beside, Carried, left_behind
from .formats import VideoFormat, video_format
from .writer import frame_rate


def join_videos(
    parts: Sequence[Path],
    out: str | Path,
    *,
    fps: float,
    audio: np.ndarray | None = None,
    sample_rate: int = SAMPLE_RATE,
    alpha: bool = False,
    comment: str = "",
    carried: Carried | None = None,
    listener: Listener = ignore,
) -> int:
    """Copy the pictures of silent videos one after the other into one file, and encode its sound.

    Args:
        parts: files that VideoWriter wrote with one size, rate, transparency and quality, in their order.
        out: the file to write; it appears only when complete. Its ending is that of the parts.
        fps: frames per second of the parts.
        audio: samples ``[S]`` or ``[S, C]`` floats with 1, 2, 6 or 8 channels, cut or filled with silence to the length
            of the picture.
        sample_rate: of ``audio``, Hz.
        alpha: the parts are transparent.
        comment: what the file says about itself in its metadata.
        carried: what goes along from another film.
        listener: is warned of what cannot.

    Returns:
        Number of frames in ``out``.

    Raises:
        InputError: no parts, parts of different kinds, or a disk that cannot take the file.
    """
    import av

    out, rate, frames = Path(out), frame_rate(fps), 0
    if not parts:
        raise InputError(f"output {out} would have no pictures; at least one part was wanted.")
    if out.is_dir():
        raise InputError(f"output {out} is a folder; name a file in it.")
    form, length = video_format(out, alpha=alpha), sum(_frames_in(part) for part in parts) if carried else 0
    samples = None if audio is None else checked_sound(audio)
    with (
        reporting_writes(out),
        replacing(out) as temporary,
        open(temporary, "w+b") as file,
        av.open(file, "w", format=form.container) as container,
    ):
        if comment:
            container.metadata["comment"] = comment
        stream = _like(container, parts[0], form, alpha)
        sound = None if samples is None else SoundTrack(container, form, samples, sample_rate)
        with ExitStack() as stack:
            beside = None
            if carried is not None:
                beside = stack.enter_context(Beside(carried, container, form.container, float(length / rate)))
                if beside.left:
                    listener(Warned(message=left_behind(beside.left, out)))
            for part in parts:
                frames += _copy(part, container, stream, [s for s in (sound, beside) if s is not None], rate, frames)
            if sound is not None:
                sound.send(frames / rate, last=True)
            if beside is not None:
                beside.send(frames / rate)
    return frames


def _like(container: Any, part: Path, form: VideoFormat, alpha: bool) -> Any:
    """A track for packets like those of ``part``."""
    with open_container(part, "part") as source:
        track = video_stream(source, part)
        stream = container.add_stream_from_template(track, opaque=True)
        if track.codec_context.codec_tag.isprintable():
            stream.codec_context.codec_tag = track.codec_context.codec_tag  # else ProRes 4444 is taken for 422
    stream.metadata.clear()
    if alpha:
        stream.metadata.update(form.metadata)
    return stream


def _frames_in(part: Path) -> int:
    with open_container(part, "part") as source:
        return sum(packet.pts is not None for packet in source.demux(video_stream(source, part)))


def _copy(
    part: Path, container: Any, stream: Any, others: Sequence[SoundTrack | Beside], rate: Fraction, first: int
) -> int:
    """Append the packets of ``part`` from frame ``first`` on; returns how many frames they are."""
    count = 0
    with open_container(part, "part") as source:
        track = video_stream(source, part)
        if bytes(track.codec_context.extradata or b"") != bytes(stream.codec_context.extradata or b""):
            raise InputError(f"part {part} was encoded in another way than the first; render again from the start.")
        for packet in source.demux(track):
            if packet.pts is None or packet.dts is None:
                continue
            step = packet.time_base * rate
            packet.pts, packet.dts = first + round(packet.pts * step), first + round(packet.dts * step)
            packet.duration, packet.time_base, packet.stream = 1, 1 / rate, stream
            container.mux(packet)
            count += 1
            for other in others:
                other.send(Fraction(first + count) / rate)
    return count
