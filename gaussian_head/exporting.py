"""Writing a head for other programs: the whole of `gaussian-head export`.

Every format is one row of `FORMATS`. A new one is a function ``write(head, out, options)`` and its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .checks import InputError
from .events import Listener, ignore, tracked

if TYPE_CHECKING:
    from .gaussians import Gaussians
    from .head import Head
    from .motion import Motion, MotionFrame


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What of a head to write; formats that have no use for a field ignore it."""

    frame: int | None = None
    """One frame of the driving motion (by default the captured clip's)."""
    frames: str | None = None
    """Frames ``start:stop:step`` of the driving motion, like a Python slice; ``:`` is all of them."""
    audio: str | Path | None = None
    """Sound or video file that drives the head."""
    motion: str | Path | None = None
    """Motion file (``.json`` of the motion-json format) that drives the head."""
    pose: Literal["captured", "still"] = "captured"
    """``still`` holds head and torso at rest, so that only the expression moves."""
    camera: str = "orbit"
    """Camera path of the formats that write one: ``front``, ``orbit`` or a JSON file of keyframes."""
    listener: Listener = ignore
    """Receives Progress."""


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One thing that a head can be written as."""

    endings: tuple[str, ...]
    """File endings with their dot, the usual one first."""
    description: str
    """One line for the help."""
    write: Callable[[Head, Path, ExportOptions], None]
    """Writes ``head`` to ``out``, whole or not at all."""


def export(
    head: str | Path | Head, out: str | Path, *, format: str = "ply", options: ExportOptions | None = None
) -> Path:
    """Write a head for other programs, in the world of the recording camera.

    Args:
        head: a Head or the folder of one.
        out: file to write (or folder, for one file per frame); it appears only when complete.
        format: a key of `FORMATS`.
        options: what of the head to write; by default the neutral face at rest.

    Returns:
        ``out``.

    Raises:
        InputError: unknown format, a frame outside the motion, a motion of another subject's channels, …
    """
    import torch

    from .head import Head

    if format not in FORMATS:
        raise InputError(f"format {format!r} is unknown; choose among {', '.join(FORMATS)}.")
    if not isinstance(head, Head):
        head = Head.load(head)
    with torch.no_grad():
        FORMATS[format].write(head, Path(out), options or ExportOptions())
    return Path(out)


def driving_motion(head: Head, options: ExportOptions) -> Motion:
    """The motion that ``options`` name: speech, a motion file or the captured clip; its chosen frames only.

    Raises:
        InputError: two drivers at once, channels that are not the head's, or no frame left.
    """
    from dataclasses import replace

    from .io.motion_file import read_motion
    from .media import read_audio
    from .rendering.speak import SAMPLE_RATE, speak

    if options.audio is not None and options.motion is not None:
        raise InputError("audio and motion were both given; one driver is wanted.")
    if options.audio is not None:
        motion = speak(head, read_audio(options.audio, sample_rate=SAMPLE_RATE), pose=options.pose)
    elif options.motion is not None:
        motion = read_motion(options.motion)
        if motion.channels != head.channels:
            raise InputError(
                f"{options.motion} has channels {', '.join(motion.channels)}; those of this head are wanted:"
                f" {', '.join(head.channels)}."
            )
    else:
        motion = head.capture_motion
    if options.pose == "still" and options.audio is None:
        rest = rest_moment(head)
        held = {
            "head_quats": rest.head_quat,
            "head_positions": rest.head_position,
            "torso_quats": rest.torso_quat,
            "torso_positions": rest.torso_position,
        }
        motion = replace(motion, **{name: value.repeat(len(motion), 1) for name, value in held.items()})
    return motion if options.frames is None else motion.select(chosen_frames(options.frames, len(motion)))


def chosen_frames(text: str, num_frames: int) -> slice:
    """``start:stop:step`` (each may be left out) as a slice of ``num_frames`` frames.

    Raises:
        InputError: not such a text, a step below 1, or no frame in it.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not 2 <= len(numbers) <= 3 or (numbers[2:] and numbers[2] is not None and numbers[2] < 1):
        raise InputError(f"frames {text!r} is no range; start:stop:step was wanted, for example 0:100:2.")
    chosen = slice(*numbers)
    if not len(range(*chosen.indices(num_frames))):
        raise InputError(f"frames {text!r} holds none of the {num_frames} frames; they are 0 to {num_frames - 1}.")
    return chosen


def moment(head: Head, options: ExportOptions) -> MotionFrame:
    """The one moment that ``options`` name: a frame of the driving motion, or the neutral face at rest."""
    if options.frame is None:
        return rest_moment(head)
    motion = driving_motion(head, options)
    if not 0 <= options.frame < len(motion):
        raise InputError(f"frame {options.frame} was asked; the motion has frames 0 to {len(motion) - 1}.")
    return motion.at(options.frame)


def rest_moment(head: Head) -> MotionFrame:
    """The neutral face, upright, in its usual place."""
    import torch

    from .motion import MotionFrame

    upright = torch.tensor([1.0, 0.0, 0.0, 0.0])
    return MotionFrame(
        head_quat=upright,
        head_position=head.centre,
        torso_quat=upright,
        torso_position=head.centre,
        expression=torch.zeros(len(head.channels)),
    )


def _is_sequence(options: ExportOptions) -> bool:
    driven = options.frames is not None or options.audio is not None or options.motion is not None
    return driven and options.frame is None


def _write_gaussians(
    head: Head, out: Path, options: ExportOptions, write: Callable[[Path, Gaussians], None], ending: str
) -> None:
    """One file, or a folder with one file per frame of the driving motion."""
    from .io.sequence import sequence_folder

    if not _is_sequence(options):
        write(out, head.gaussians_at(moment(head, options)))
        return
    motion = driving_motion(head, options)
    with sequence_folder(out, ending, num_frames=len(motion), fps=motion.fps) as name_of:
        for t in tracked(range(len(motion)), "export", len(motion), options.listener):
            write(name_of(t), head.gaussians(motion, t))


def _ply(head: Head, out: Path, options: ExportOptions) -> None:
    from .io.ply import write_ply

    _write_gaussians(head, out, options, write_ply, ".ply")


def _splat(head: Head, out: Path, options: ExportOptions) -> None:
    from .io.splat import write_splat

    _write_gaussians(head, out, options, write_splat, ".splat")


def _compressed_ply(head: Head, out: Path, options: ExportOptions) -> None:
    from .io.compressed_ply import write_compressed_ply

    _write_gaussians(head, out, options, write_compressed_ply, ".compressed.ply")


def _spz(head: Head, out: Path, options: ExportOptions) -> None:
    from .io.spz import write_spz

    _write_gaussians(head, out, options, write_spz, ".spz")


FORMATS: dict[str, ExportFormat] = {
    "ply": ExportFormat(endings=(".ply",), description="Gaussians as standard 3DGS PLY", write=_ply),
    "splat": ExportFormat(endings=(".splat",), description="Gaussians, 32 bytes each, web viewers", write=_splat),
    "compressed-ply": ExportFormat(
        endings=(".compressed.ply", ".ply"),
        description="Gaussians in chunks, PlayCanvas and SuperSplat",
        write=_compressed_ply,
    ),
    "spz": ExportFormat(endings=(".spz",), description="Gaussians, gzipped fixed point, SPZ 3", write=_spz),
}
"""Format name to how it is written."""
