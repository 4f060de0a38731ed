"""Opening, demuxing and decoding containers with errors that a user can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import InputError, require_file

if TYPE_CHECKING:
    from av.container import InputContainer

NOT_VIDEO_FORMATS = ("tty", "image2", "_pipe", "srt", "webvtt", "ass")
"""FFmpeg demuxers that present text or a single picture as if it were a video."""


@contextmanager
def open_container(path: str | Path, what: str) -> Iterator[InputContainer]:
    """Open ``path`` for reading; InputError names ``what`` where it is no media file."""
    import av
    from av.error import FFmpegError

    path = require_file(path, what)
    if path.stat().st_size == 0:
        raise InputError(f"{what} {path} is empty (0 bytes); copy or record it again.")
    try:
        container = av.open(str(path))
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{what} {path} cannot be opened as a media file ({reason}); it is not a video or sound file, or it was cut"
            " off before its index was written. Play it in a media player to check, or convert it to mp4."
        ) from error
    with container:
        yield container


def moving_streams(container: InputContainer) -> list[Any]:
    """Video streams that are no cover pictures of a sound file."""
    return [s for s in container.streams.video if "attached_pic" not in (s.disposition.name or "").lower()]


def video_stream(container: InputContainer, path: str | Path) -> Any:
    """The first real video stream; InputError where there is only sound, text or a picture."""
    name = container.format.name
    is_video = not any(part in name for part in NOT_VIDEO_FORMATS)
    moving = moving_streams(container)
    if is_video and moving and moving[0].codec_context is not None:
        return moving[0]
    seen = "a single picture or text" if not is_video else "only sound" if container.streams.audio else "no pictures"
    raise InputError(f"video {path} holds {seen} (format {name}); a file with a video track was wanted.")


def decoded(container: InputContainer, stream: Any, failures: list[str]) -> Iterator[Any]:
    """Yield the stream's frames in order; damaged packets are skipped and described in ``failures``."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (FFmpegError, OSError) as error:
            failures.append(str(error))
            return
        try:
            yield from packet.decode()
        except FFmpegError as error:
            if not isinstance(error, EOFError):
                failures.append(str(error))


def packet_times(container: InputContainer, stream: Any, limit: int) -> np.ndarray:
    """Sorted presentation times in seconds of the stream's first ``limit`` packets, ``[P]``."""
    from av.error import FFmpegError

    times: list[float] = []
    try:
        for packet in container.demux(stream):
            if packet.pts is not None:
                times.append(float(packet.pts * stream.time_base))
            if len(times) >= limit:
                break
    except (FFmpegError, OSError):
        pass  # the decoder reports damage; what was read so far is enough here
    return np.unique(times)


def write_failure(path: Path, error: OSError) -> InputError:
    """The InputError that says why ``path`` could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    hint = "free some space or choose another disk" if full else "check the folder and its permissions"
    reason = "the disk is full" if full else error.strerror or str(error)
    return InputError(f"output {path} cannot be written ({reason}); {hint}. Nothing was left behind.")


@contextmanager
def reporting_writes(path: Path) -> Iterator[None]:
    """Turn the OSErrors of a write to ``path`` into InputErrors."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise write_failure(path, error) from error
