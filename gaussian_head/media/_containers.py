"""Opening, demuxing and decoding containers with errors that a user can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checks import InputError, require_file

if TYPE_CHECKING:
    from av.container import InputContainer

DEMUXERS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,mxf,gxf,nut,nsv,rm,wtv,dv,ivf,obu,gif,apng,"
    "yuv4mpegpipe,h261,h263,h264,hevc,vvc,m4v,vc1,dirac,mjpeg,cavsvideo,wav,w64,aiff,au,caf,voc,ircam,sox,iff,mp3,aac,"
    "loas,ac3,eac3,dts,truehd,mlp,flac,ape,tak,tta,wv,mpc,mpc8,shn,dsf,amr,oma,xwma,gsm,qcp,spdif,swf,film_cpk"
)
"""FFmpeg demuxers that may open a file: none that opens further files, draws text or presents a single picture."""


@contextmanager
def open_container(path: str | Path, what: str) -> Iterator[InputContainer]:
    """Open ``path`` for reading; InputError names ``what`` where it is no media file.

    Which kind of file it is, its content says, whatever its name; playlists and other files that name further files
    or addresses are refused.
    """
    import av
    from av.error import FFmpegError

    path = require_file(path, what)
    if path.stat().st_size == 0:
        raise InputError(f"{what} {path} is empty (0 bytes); copy or record it again.")
    try:
        # "file:" keeps a colon in the name from being read as a protocol
        container = av.open(
            f"file:{path}", container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": "file"}
        )
    except (FFmpegError, OSError, ValueError) as error:
        if getattr(error, "errno", None) == errno.EINVAL:
            raise InputError(
                f"{what} {path} is text, a playlist, a single picture or of an unknown kind; a file with a video track"
                " was wanted, or one with sound. Convert it to mp4 or wav."
            ) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{what} {path} cannot be opened as a media file ({reason}); it is not a video or sound file, or it was cut"
            " off before its index was written. Play it in a media player to check, or convert it to mp4."
        ) from error
    with container:
        yield container


def moving_streams(container: InputContainer) -> list[Any]:
    """Video streams that are no cover pictures of a sound file, those marked as default first."""
    from av.stream import Disposition

    cover, default = Disposition.attached_pic, Disposition.default
    moving = [s for s in container.streams.video if not s.disposition & cover and s.codec_context is not None]
    return sorted(moving, key=lambda stream: not stream.disposition & default)


def video_stream(container: InputContainer, path: str | Path) -> Any:
    """The first real video stream; InputError where there is only sound."""
    moving = moving_streams(container)
    if moving:
        return moving[0]
    seen = "only sound" if container.streams.audio else "no pictures that can be decoded"
    raise InputError(f"video {path} holds {seen}; a file with a video track was wanted.")


def packets(container: InputContainer, streams: Sequence[Any], failures: list[str]) -> Iterator[Any]:
    """Yield the packets of some streams as they lie in the file, up to a fault that is described in ``failures``."""
    from av.error import FFmpegError

    try:
        yield from container.demux(list(streams))
    except (FFmpegError, OSError) as error:
        failures.append(str(error))


def decoded(found: Iterable[Any], failures: list[str]) -> Iterator[Any]:
    """Yield the frames of packets in order; packets that cannot be decoded are described in ``failures``."""
    from av.error import FFmpegError

    for packet in found:
        try:
            yield from packet.decode()
        except FFmpegError as error:
            if not isinstance(error, EOFError):
                failures.append(str(error))


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
