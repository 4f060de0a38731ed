"""How each format of `FORMATS` is written: functions ``(material, out, listener)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..checks import InputError
from ..events import Listener, tracked
from .material import Material

if TYPE_CHECKING:
    from ..gaussians import Gaussians


def _write_gaussians(
    material: Material, out: Path, listener: Listener, write: Callable[[Path, Gaussians], None], ending: str
) -> None:
    """One file, or a folder with one file per frame of the performance."""
    from ..io.sequence import sequence_folder

    motion = material.performance.motion
    if not material.sequence:
        write(out, material.gaussians_at(material.moment))
        return
    with sequence_folder(out, ending, num_frames=len(motion), fps=motion.fps) as name_of:
        for t in tracked(range(len(motion)), "export", len(motion), listener):
            write(name_of(t), material.gaussians_at(motion.at(t)))


def ply(material: Material, out: Path, listener: Listener) -> None:
    from ..io.ply import write_ply

    _write_gaussians(material, out, listener, write_ply, ".ply")


def splat(material: Material, out: Path, listener: Listener) -> None:
    from ..io.splat import write_splat

    _write_gaussians(material, out, listener, write_splat, ".splat")


def compressed_ply(material: Material, out: Path, listener: Listener) -> None:
    from ..io.compressed_ply import write_compressed_ply

    _write_gaussians(material, out, listener, write_compressed_ply, ".compressed.ply")


def spz(material: Material, out: Path, listener: Listener) -> None:
    from ..io.spz import write_spz

    _write_gaussians(material, out, listener, write_spz, ".spz")


def glb(material: Material, out: Path, listener: Listener) -> None:
    from ..io.gltf import write_animated_glb

    motion, face = material.moments.motion, material.face()
    placed = replace(motion, head=material.placing.pose(motion.head))
    write_animated_glb(out, face, placed, texture=material.face_texture(face))


def obj(material: Material, out: Path, listener: Listener) -> None:
    from ..io.mesh import write_mesh, write_texture_of_obj, write_textured_obj
    from ..io.sequence import sequence_folder

    face, motion, placed = material.face(), material.performance.motion, material.placing.points
    texture = material.face_texture(face)
    if not material.sequence:
        write_mesh(out, placed(face.in_world(material.moment)), face.triangles, texture=texture)
        return
    with sequence_folder(out, ".obj", num_frames=len(motion), fps=motion.fps) as name_of:
        write_texture_of_obj(name_of(0).with_name("face.obj"), texture)
        for t in tracked(range(len(motion)), "export", len(motion), listener):
            write_textured_obj(name_of(t), placed(face.in_world(motion.at(t))), texture, material="face.mtl")


def mesh(material: Material, out: Path, listener: Listener) -> None:
    from ..io.mesh import write_mesh
    from ..rendering import for_every_side
    from ..rendering.surface import fuse_surface, surface_cameras
    from ..rendering.texture import BUST_VIEWS_DEG, textured

    if material.sequence:
        raise InputError("format mesh writes one moment; name it with --frame.")
    head = material.head
    gaussians = for_every_side(head.gaussians_at(material.moment), head)
    surface = fuse_surface(gaussians, surface_cameras(head), closed=True, listener=listener)
    texture = textured(gaussians, surface.vertices, surface.triangles, head, BUST_VIEWS_DEG)
    placed = material.placing.points(surface.vertices)
    write_mesh(out, placed, surface.triangles, colors=surface.colors, texture=texture)


def motion(material: Material, out: Path, listener: Listener) -> None:
    from ..io.motion_file import write_motion

    write_motion(out, material.performance.motion)


def take(material: Material, out: Path, listener: Listener) -> None:
    from ..motion import write_take

    write_take(out, material.performance.motion)


def cameras(material: Material, out: Path, listener: Listener) -> None:
    from ..rendering import save_path

    save_path(out, material.cameras().map(material.placing.camera), fps=material.performance.fps)


def transforms(material: Material, out: Path, listener: Listener) -> None:
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
    write_transforms(out, cameras.map(material.placing.camera), fps=motion.fps, pattern=f"{folder.name}/%06d.png")


def baked(material: Material, out: Path, listener: Listener) -> None:
    from ..io.baked import write_baked
    from ..io.baked_make import bake

    _require_sequence(material)
    write_baked(out, material.placing.baked(bake(material.head, material.performance, precision=material.precision)))


def html(material: Material, out: Path, listener: Listener) -> None:
    from ..io.baked_make import bake
    from ..io.page import write_page
    from ..rendering import with_soft_ends

    _require_sequence(material)
    write_page(out, bake(with_soft_ends(material.head), material.performance))


def _require_sequence(material: Material) -> None:
    if material.frame is not None:
        raise InputError(f"frame {material.frame} is one moment; a sequence was wanted: use frames, for example 0:100.")
