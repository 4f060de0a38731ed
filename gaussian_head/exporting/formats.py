"""Every format that a head can be written in.

Each is one row of `FORMATS`. A new one is a function ``write(material, out, listener)`` and its row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..checks import InputError
from ..events import Listener, ignore
from . import writers
from .material import Material


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
    axes: Literal["down", "up", ""] = ""
    """Which way +y points in its files by itself; "" where they have no place in a world."""


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
    """Write what there is of a head for other programs, in the world of the recording camera unless it says otherwise.

    By themselves files of Gaussians keep our axes (+y down, +z forward), as 3DGS files do, except SPZ, which has its
    own; meshes have +y up and +z towards the viewer, as their formats do.

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
    row = FORMATS[format]
    _require_place(material, row, out)
    with torch.no_grad():
        row.write(replace(material, axes=row.axes), out, listener)


def _require_place(material: Material, row: ExportFormat, out: Path) -> None:
    """InputError where axes or origin are wanted that the format cannot have."""
    if not row.axes and (material.up != "format" or material.centre):
        raise InputError(f"{out} has no axes or origin to choose; leave up and centre out.")
    if out.suffix.lower() == ".glb" and material.up not in ("format", "y"):
        raise InputError(f"a .glb has +y up by its specification, not {material.up}; programs turn it by themselves.")


FORMATS: dict[str, ExportFormat] = {
    "ply": ExportFormat(
        endings=(".ply",), description="Gaussians as standard 3DGS PLY", write=writers.ply, per_frame=True, axes="down"
    ),
    "splat": ExportFormat(
        endings=(".splat",),
        description="Gaussians, 32 bytes each, web viewers",
        write=writers.splat,
        per_frame=True,
        axes="down",
    ),
    "compressed-ply": ExportFormat(
        endings=(".compressed.ply", ".ply"),
        description="Gaussians in chunks, PlayCanvas and SuperSplat",
        write=writers.compressed_ply,
        per_frame=True,
        axes="down",
    ),
    "spz": ExportFormat(
        endings=(".spz",),
        description="Gaussians, gzipped fixed point, SPZ 3",
        write=writers.spz,
        per_frame=True,
        axes="up",
    ),
    "glb": ExportFormat(
        endings=(".glb",),
        description="tracked face, 52 ARKit units as morph targets, head pose, animated",
        write=writers.glb,
        holds=("clip", "moment"),
        axes="up",
    ),
    "obj": ExportFormat(
        endings=(".obj",),
        description="tracked face of one moment or of every frame",
        write=writers.obj,
        per_frame=True,
        axes="up",
    ),
    "mesh": ExportFormat(
        endings=(".ply", ".obj", ".glb"),
        description="closed, coloured surface fused from rendered depth",
        write=writers.mesh,
        holds=("moment",),
        axes="up",
        by_ending=False,
    ),
    "motion-json": ExportFormat(
        endings=(".json",), description="poses, ARKit units and gaze, reads back", write=writers.motion, holds=("clip",)
    ),
    "motion-csv": ExportFormat(
        endings=(".csv",), description="the same, one row a frame", write=writers.motion, holds=("clip",)
    ),
    "arkit-csv": ExportFormat(
        endings=(".csv",),
        description="a take of Live Link Face: 52 ARKit units, head turns and gaze",
        write=writers.take,
        by_ending=False,
        holds=("clip",),
    ),
    "cameras-json": ExportFormat(
        endings=(".json",),
        description="camera path that render reads",
        write=writers.cameras,
        holds=("clip",),
        axes="down",
        by_ending=False,
    ),
    "transforms-json": ExportFormat(
        endings=(".json",),
        description="nerfstudio's transforms.json, with a transparent picture from each camera",
        write=writers.transforms,
        holds=("clip",),
        axes="down",
        by_ending=False,
    ),
    "baked": ExportFormat(
        endings=(".ghb",),
        description="moving Gaussians with sound in one file, for web and game engines",
        write=writers.baked,
        sounds=True,
        holds=("clip",),
        axes="down",
    ),
    "html": ExportFormat(
        endings=(".html",),
        description="page that plays with sound, offline, and turns",
        write=writers.html,
        sounds=True,
        holds=("clip",),
    ),
}
"""Format name to how it is written."""
