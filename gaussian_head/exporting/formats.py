"""Every format that a head can be written in.

Each is one row of `FORMATS`. A new one is a function ``write(material, out, listener)`` and its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..checks import InputError
from ..events import Listener, ignore, tracked
from .material import Material

if TYPE_CHECKING:
    from ..gaussians import Gaussians


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """One thing that a head can be written as."""

    endings: tuple[str, ...]
    """File endings with their dot, the usual one first."""
    description: str
    """One line for the help."""
    write: Callable[[Material, Path, Listener], None]
    """Writes the material to a path, whole or not at all."""
    per_frame: bool = False
    """Several frames become a folder with one file each."""
    sounds: bool = False
    """It holds the performance's sound."""
    holds: tuple[Literal["moment", "clip"], ...] = ("moment", "clip")
    """What it can be written of, one moment or a motion; the usual one first."""
    by_ending: bool = True
    """A file of its usual ending is of this format where none is named."""


def format_called(name: str) -> ExportFormat:
    """The row of ``FORMATS``; InputError that names them all where there is none."""
    if name not in FORMATS:
        raise InputError(f"format {name!r} is unknown; choose among {', '.join(FORMATS)}.")
    return FORMATS[name]


def format_of(out: Path) -> str:
    """The key of ``FORMATS`` that a name stands for by its ending; ``ply`` where it has none, as folders do.

    Raises:
        InputError: an ending of no format.
    """
    name = out.name.lower()
    found = {
        key: len(row.endings[0]) for key, row in FORMATS.items() if row.by_ending and name.endswith(row.endings[0])
    }
    if found:
        return max(found, key=found.__getitem__)
    if out.suffix:
        known = ", ".join(sorted({ending for row in FORMATS.values() for ending in row.endings}))
        raise InputError(f"{out} ends in {out.suffix!r}, which is no format; {known} was wanted.")
    return "ply"


def require_ending(out: Path, format: str, *, sequence: bool) -> None:
    """Refuse a file whose ending promises something else than ``format``; folders may have any name."""
    row = format_called(format)
    is_folder = row.per_frame and sequence
    if out.suffix and not is_folder and not out.name.lower().endswith(row.endings):
        raise InputError(
            f"{out} cannot hold format {format}; a name that ends in {' or '.join(row.endings)} is wanted."
        )


def write_material(material: Material, out: Path, format: str, *, listener: Listener = ignore) -> None:
    """Write what there is of a head for other programs, in the world of the recording camera.

    Files of Gaussians keep our axes (+y down, +z forward), as 3DGS files do, except SPZ, which has its own; meshes
    have +y up and +z towards the viewer, as their formats do.

    Args:
        material: what to write.
        out: file to write (or folder, for one file per frame); it appears only when complete.
        format: a key of `FORMATS`.
        listener: receives Progress.

    Raises:
        InputError: unknown format, another ending, a frame outside the performance, …
    """
    import torch

    require_ending(out, format, sequence=material.sequence)
    with torch.no_grad():
        FORMATS[format].write(material, out, listener)


def _write_gaussians(
    material: Material, out: Path, listener: Listener, write: Callable[[Path, Gaussians], None], ending: str
) -> None:
    """One file, or a folder with one file per frame of the performance."""
    from ..io.sequence import sequence_folder

    head, motion = material.head, material.performance.motion
    if not material.sequence:
        write(out, head.gaussians_at(material.moment))
        return
    with sequence_folder(out, ending, num_frames=len(motion), fps=motion.fps) as name_of:
        for t in tracked(range(len(motion)), "export", len(motion), listener):
            write(name_of(t), head.gaussians(motion, t))


def _ply(material: Material, out: Path, listener: Listener) -> None:
    from ..io.ply import write_ply

    _write_gaussians(material, out, listener, write_ply, ".ply")


def _splat(material: Material, out: Path, listener: Listener) -> None:
    from ..io.splat import write_splat

    _write_gaussians(material, out, listener, write_splat, ".splat")


def _compressed_ply(material: Material, out: Path, listener: Listener) -> None:
    from ..io.compressed_ply import write_compressed_ply

    _write_gaussians(material, out, listener, write_compressed_ply, ".compressed.ply")


def _spz(material: Material, out: Path, listener: Listener) -> None:
    from ..io.spz import write_spz

    _write_gaussians(material, out, listener, write_spz, ".spz")


def _glb(material: Material, out: Path, listener: Listener) -> None:
    from ..io.gltf import write_animated_glb

    write_animated_glb(out, material.face(), material.moments.motion)


def _obj(material: Material, out: Path, listener: Listener) -> None:
    from ..io.mesh import write_mesh
    from ..io.sequence import sequence_folder

    face, motion = material.face(), material.performance.motion
    if not material.sequence:
        write_mesh(out, face.in_world(material.moment), face.triangles)
        return
    with sequence_folder(out, ".obj", num_frames=len(motion), fps=motion.fps) as name_of:
        for t in tracked(range(len(motion)), "export", len(motion), listener):
            write_mesh(name_of(t), face.in_world(motion.at(t)), face.triangles)


def _mesh(material: Material, out: Path, listener: Listener) -> None:
    from ..io.mesh import write_mesh
    from ..rendering.surface import fuse_surface, surface_cameras

    if material.sequence:
        raise InputError("format mesh writes one moment; name it with --frame.")
    gaussians = material.head.gaussians_at(material.moment)
    surface = fuse_surface(gaussians, surface_cameras(material.head), listener=listener)
    write_mesh(out, surface.vertices, surface.triangles, colors=surface.colors)


def _motion(material: Material, out: Path, listener: Listener) -> None:
    from ..io.motion_file import write_motion

    write_motion(out, material.performance.motion)


def _take(material: Material, out: Path, listener: Listener) -> None:
    from ..motion import write_take

    write_take(out, material.performance.motion)


def _cameras(material: Material, out: Path, listener: Listener) -> None:
    from ..rendering import save_path

    save_path(out, material.cameras(), fps=material.performance.fps)


def _transforms(material: Material, out: Path, listener: Listener) -> None:
    from ..io.sequence import sequence_folder
    from ..io.transforms_json import write_transforms
    from ..media import write_image
    from ..rendering.frames import render_moment
    from ..rendering.pixels import to_rgba8

    cameras, motion, head = material.cameras(), material.performance.motion, material.head
    folder = out.with_name(f"{out.stem}_images")
    with sequence_folder(folder, ".png", num_frames=len(cameras), fps=motion.fps) as name_of:
        for t in tracked(range(len(cameras)), "export: pictures", len(cameras), listener):
            moment = motion.at(t) if material.sequence else material.moment
            write_image(name_of(t), to_rgba8(render_moment(head, moment, cameras[t])))
    write_transforms(out, cameras, fps=motion.fps, pattern=f"{folder.name}/%06d.png")


def _baked(material: Material, out: Path, listener: Listener) -> None:
    from ..io.baked import write_baked
    from ..io.baked_make import bake

    _require_sequence(material)
    write_baked(out, bake(material.head, material.performance, precision=material.precision))


def _html(material: Material, out: Path, listener: Listener) -> None:
    from ..io.baked_make import bake
    from ..io.page import write_page
    from ..rendering import with_soft_ends

    _require_sequence(material)
    write_page(out, bake(with_soft_ends(material.head), material.performance))


def _require_sequence(material: Material) -> None:
    if material.frame is not None:
        raise InputError(f"frame {material.frame} is one moment; a sequence was wanted: use frames, for example 0:100.")


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
        endings=(".glb",),
        description="tracked face, 52 ARKit units as morph targets, head pose, animated",
        write=_glb,
        holds=("clip", "moment"),
    ),
    "obj": ExportFormat(
        endings=(".obj",), description="tracked face of one moment or of every frame", write=_obj, per_frame=True
    ),
    "mesh": ExportFormat(
        endings=(".ply", ".obj", ".glb"),
        description="coloured surface fused from rendered depth",
        write=_mesh,
        holds=("moment",),
        by_ending=False,
    ),
    "motion-json": ExportFormat(
        endings=(".json",), description="poses, ARKit units and gaze, reads back", write=_motion, holds=("clip",)
    ),
    "motion-csv": ExportFormat(
        endings=(".csv",), description="the same, one row a frame", write=_motion, holds=("clip",)
    ),
    "arkit-csv": ExportFormat(
        endings=(".csv",),
        description="a take of Live Link Face: 52 ARKit units, head turns and gaze",
        write=_take,
        by_ending=False,
        holds=("clip",),
    ),
    "cameras-json": ExportFormat(
        endings=(".json",),
        description="camera path that render reads",
        write=_cameras,
        holds=("clip",),
        by_ending=False,
    ),
    "transforms-json": ExportFormat(
        endings=(".json",),
        description="nerfstudio's transforms.json, with a transparent picture from each camera",
        write=_transforms,
        holds=("clip",),
        by_ending=False,
    ),
    "baked": ExportFormat(
        endings=(".ghb",),
        description="moving Gaussians with sound in one file, for web and game engines",
        write=_baked,
        sounds=True,
        holds=("clip",),
    ),
    "html": ExportFormat(
        endings=(".html",),
        description="page that plays with sound, offline, and turns",
        write=_html,
        sounds=True,
        holds=("clip",),
    ),
}
"""Format name to how it is written."""
