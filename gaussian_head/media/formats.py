"""Video formats by the ending of their file: which codecs, whether they carry transparency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checks import InputError


@dataclass(frozen=True, kw_only=True)
class VideoFormat:
    """How one kind of video file is encoded."""

    container: str
    """FFmpeg's name of the container."""
    codec: str
    """Encoder of the pictures."""
    opaque: str
    """Pixel format of pictures without transparency."""
    clear: str | None
    """Pixel format with straight (not premultiplied) transparency; None where the format has none."""
    options: dict[str, str]
    """Options of the encoder."""
    clear_options: dict[str, str]
    """Options added for pictures with transparency."""
    even: bool
    """True where chroma is halved, so that width and height must be even."""
    sound: str
    """Encoder of the sound."""
    sample_rates: tuple[int, ...] = ()
    """Sample rates the sound can have; empty for any. Others are resampled to the first."""
    metadata: dict[str, str]
    """Track metadata that tells players about transparency."""


FORMATS = {
    ".mp4": VideoFormat(
        container="mp4",
        codec="libx264",
        opaque="yuv420p",
        clear=None,
        # Without cpu-independent, x264 with AVX-512 takes 8 macroblocks at once when it plans quality, past the end of
        # rows that are no multiple of 128 pixels, so that what memory held before decides the bytes.
        options={"crf": "16", "preset": "fast", "x264-params": "cpu-independent=1"},
        clear_options={},
        even=True,
        sound="aac",
        sample_rates=(48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
        metadata={},
    ),
    ".mov": VideoFormat(
        container="mov",
        codec="prores_ks",
        opaque="yuv444p10le",
        clear="yuva444p10le",
        options={"profile": "4444", "vendor": "apl0"},
        clear_options={"alpha_bits": "8"},
        even=False,
        sound="pcm_s16le",
        metadata={},
    ),
    ".webm": VideoFormat(
        container="webm",
        codec="libvpx-vp9",
        opaque="yuv420p",
        clear="yuva420p",
        options={"crf": "22", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
        clear_options={"auto-alt-ref": "0"},
        even=True,
        sound="libopus",
        sample_rates=(48000, 24000, 16000, 12000, 8000),
        metadata={"alpha_mode": "1"},
    ),
}
"""Every video file that can be written."""

CLEAR_FORMATS = ".mov (ProRes 4444), .webm (VP9) or a folder of PNG files (a name without ending)"
"""Outputs that can be transparent, in words."""


def video_format(path: str | Path, *, alpha: bool = False) -> VideoFormat:
    """The format that a file's ending names.

    Args:
        path: the file to write.
        alpha: transparency is wanted.

    Raises:
        InputError: unknown ending, or a format without transparency where it is wanted.
    """
    path = Path(path)
    chosen = FORMATS.get(path.suffix.lower())
    if chosen is None:
        raise InputError(f"output {path} ends in {path.suffix!r}; {', '.join(FORMATS)} was wanted.")
    if alpha and chosen.clear is None:
        raise InputError(f"output {path}: {path.suffix} has no transparency; write {CLEAR_FORMATS}.")
    return chosen
