"""Writing a head for other programs: the whole of `gaussian-head export`.

Every format is one row of `FORMATS`. A new one is a function ``write(head, out, options)`` and its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..checks import InputError
from ..events import Listener, ignore, tracked
from .driving import chosen_frames, driving_motion, moment

if TYPE_CHECKING:
    from ..capture import FaceShape
    from ..gaussians import Gaussians
    from ..head import Head
    from ..io.baked import Baked
    from ..rendering import CameraPath


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
    """Camera path of the formats that write one, as `rendering.camera_path` takes it."""
    capture: str | Path | None = None
    """Capture with the tracked face, for the formats that write it; by default the one the head remembers."""
    precision: Literal["int8", "float16", "float32"] = "int8"
    """Numbers of the baked format: int8 is small and looks the same, float32 keeps every bit."""
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
    per_frame: bool = False
    """Several frames become a folder with one file each."""


def export(
    head: str | Path | Head, out: str | Path, *, format: str = "ply", options: ExportOptions | None = None
) -> Path:
    """Write a head for other programs, in the world of the recording camera.

    Files of Gaussians keep our axes (+y down, +z forward), as 3DGS files do, except SPZ, which has its own; meshes
    have +y up and +z towards the viewer, as their formats do.

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

    from ..head import Head

    out, options = Path(out), options or ExportOptions()
    if format not in FORMATS:
        raise InputError(f"format {format!r} is unknown; choose among {', '.join(FORMATS)}.")
    row = FORMATS[format]
    _check_name(out, format, row, options)
    if not isinstance(head, Head):
        head = Head.load(head)
    with torch.no_grad():
        row.write(head, out, options)
    return out


def _check_name(out: Path, format: str, row: ExportFormat, options: ExportOptions) -> None:
    """Refuse a file whose ending promises something else than ``format``; folders may have any name."""
    is_folder = row.per_frame and _is_sequence(options)
    if out.suffix and not is_folder and not out.name.lower().endswith(row.endings):
        raise InputError(
            f"{out} cannot hold format {format}; a name that ends in {' or '.join(row.endings)} is wanted."
        )


def _is_sequence(options: ExportOptions) -> bool:
    driven = options.frames is not None or options.audio is not None or options.motion is not None
    return driven and options.frame is None


def _write_gaussians(
    head: Head, out: Path, options: ExportOptions, write: Callable[[Path, Gaussians], None], ending: str
) -> None:
    """One file, or a folder with one file per frame of the driving motion."""
    from ..io.sequence import sequence_folder

    if not _is_sequence(options):
        write(out, head.gaussians_at(moment(head, options)))
        return
    motion = driving_motion(head, options)
    with sequence_folder(out, ending, num_frames=len(motion), fps=motion.fps) as name_of:
        for t in tracked(range(len(motion)), "export", len(motion), options.listener):
            write(name_of(t), head.gaussians(motion, t))


def _ply(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.ply import write_ply

    _write_gaussians(head, out, options, write_ply, ".ply")


def _splat(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.splat import write_splat

    _write_gaussians(head, out, options, write_splat, ".splat")


def _compressed_ply(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.compressed_ply import write_compressed_ply

    _write_gaussians(head, out, options, write_compressed_ply, ".compressed.ply")


def _spz(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.spz import write_spz

    _write_gaussians(head, out, options, write_spz, ".spz")


def _face_of(head: Head, options: ExportOptions) -> FaceShape:
    """The tracked face, from the capture that ``options`` name or the head remembers."""
    from ..capture import Capture

    path = Path(options.capture or head.capture_path)
    if not (path / "capture.json").is_file():
        raise InputError(f"the tracked face lies in a capture, and {path} is none; name its folder with --capture.")
    shape = Capture.load(path).shape
    if shape.channels != head.channels:
        raise InputError(f"capture {path} has other expression channels than this head; name its own with --capture.")
    return shape


def _glb(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.gltf import write_animated_glb

    face, motion = _face_of(head, options), driving_motion(head, options)
    if options.frame is not None:
        motion = motion.select(chosen_frames(f"{options.frame}:{options.frame + 1}", len(motion)))
    write_animated_glb(out, face.vertices, face.basis, face.triangles, motion)


def _obj(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.mesh import write_mesh
    from ..io.sequence import sequence_folder

    face = _face_of(head, options)
    if not _is_sequence(options):
        write_mesh(out, face.in_world(moment(head, options)), face.triangles)
        return
    motion = driving_motion(head, options)
    with sequence_folder(out, ".obj", num_frames=len(motion), fps=motion.fps) as name_of:
        for t in tracked(range(len(motion)), "export", len(motion), options.listener):
            write_mesh(name_of(t), face.in_world(motion.at(t)), face.triangles)


def _mesh(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.mesh import write_mesh
    from ..rendering.surface import fuse_surface, surface_cameras

    if _is_sequence(options):
        raise InputError("format mesh writes one moment; name it with --frame.")
    gaussians = head.gaussians_at(moment(head, options))
    surface = fuse_surface(gaussians, surface_cameras(head), listener=options.listener)
    write_mesh(out, surface.vertices, surface.triangles, colors=surface.colors)


def _motion(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.motion_file import write_motion

    write_motion(out, driving_motion(head, options))


def _cameras(head: Head, out: Path, options: ExportOptions) -> None:
    from ..rendering import save_path

    save_path(out, _camera_path(head, options), fps=head.fps)


def _transforms(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.transforms_json import write_transforms

    write_transforms(out, _camera_path(head, options), fps=head.fps)


def _camera_path(head: Head, options: ExportOptions) -> CameraPath:
    from ..rendering import camera_path

    return camera_path(head, options.camera, len(driving_motion(head, options)), fps=head.fps)


def _baked(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.baked import write_baked

    write_baked(out, _performance(head, options, options.precision))


def _html(head: Head, out: Path, options: ExportOptions) -> None:
    from ..io.page import write_page

    write_page(out, _performance(head, options, "int8"))


def _performance(head: Head, options: ExportOptions, precision: Literal["int8", "float16", "float32"]) -> Baked:
    """The driving motion with its sound, ready to play."""
    from dataclasses import replace

    from ..io.baked_make import bake, driving_sound

    if options.frame is not None:
        raise InputError(f"frame {options.frame} is one moment; a sequence was wanted: use frames, for example 0:100.")
    motion = driving_motion(head, replace(options, frames=None))
    chosen = chosen_frames(options.frames or ":", len(motion))
    start, _, step = chosen.indices(len(motion))
    silent = options.motion is not None or step != 1
    sound = None if silent else driving_sound(head, options.audio, start=start)
    return bake(head, motion.select(chosen), sound=sound, precision=precision)


FORMATS: dict[str, ExportFormat] = {
    "ply": ExportFormat(endings=(".ply",), description="Gaussians as standard 3DGS PLY", write=_ply, per_frame=True),
    "splat": ExportFormat(
        endings=(".splat",), description="Gaussians, 32 bytes each, web viewers", write=_splat, per_frame=True
    ),
    "compressed-ply": ExportFormat(
        endings=(".compressed.ply", ".ply"),
        description="Gaussians in chunks, PlayCanvas and SuperSplat",
        write=_compressed_ply,
        per_frame=True,
    ),
    "spz": ExportFormat(
        endings=(".spz",), description="Gaussians, gzipped fixed point, SPZ 3", write=_spz, per_frame=True
    ),
    "glb": ExportFormat(
        endings=(".glb",), description="tracked face, morph targets and head pose, animated", write=_glb
    ),
    "obj": ExportFormat(
        endings=(".obj",), description="tracked face of one moment or of every frame", write=_obj, per_frame=True
    ),
    "mesh": ExportFormat(
        endings=(".ply", ".obj", ".glb"), description="coloured surface fused from rendered depth", write=_mesh
    ),
    "motion-json": ExportFormat(endings=(".json",), description="poses and channels, reads back", write=_motion),
    "motion-csv": ExportFormat(endings=(".csv",), description="poses and channels, one row a frame", write=_motion),
    "cameras-json": ExportFormat(endings=(".json",), description="camera path that render reads", write=_cameras),
    "transforms-json": ExportFormat(
        endings=(".json",), description="camera path as nerfstudio's transforms.json", write=_transforms
    ),
    "baked": ExportFormat(
        endings=(".ghb",), description="moving Gaussians with sound in one file, for web and game engines", write=_baked
    ),
    "html": ExportFormat(endings=(".html",), description="page that plays with sound, offline, and turns", write=_html),
}
"""Format name to how it is written."""
