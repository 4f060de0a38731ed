"""The tracked face as a mesh for other programs; axes are turned to theirs: +x right, +y up, +z towards the viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ..checks import InputError
from ..durable import replacing
from .texture import Texture

MESH_SUFFIXES = (".obj", ".glb", ".ply", ".stl")
_TO_Y_UP = np.array([1.0, -1.0, -1.0])


def to_y_up(points: Tensor | np.ndarray) -> np.ndarray:
    """Points ``[..., 3]`` turned half round x: from +y down, +z forward to +y up, +z towards the viewer."""
    return (np.asarray(points, dtype=np.float64) * _TO_Y_UP).astype(np.float32)


def write_mesh(
    path: str | Path,
    vertices: Tensor | np.ndarray,
    triangles: Tensor | np.ndarray,
    *,
    colors: Tensor | np.ndarray | None = None,
    texture: Texture | None = None,
) -> None:
    """Write one mesh; the suffix says the format: .obj, .glb, .ply or .stl.

    A textured .obj has a .mtl and a .jpg of its name beside it.

    Args:
        path: File to write, at once or not at all.
        vertices: ``[L, 3]`` metres, head frame or world (+y down).
        triangles: ``[F, 3]`` vertex indices, counter-clockwise seen from outside.
        colors: ``[L, 3]`` RGB in [0, 1] of the vertices; .stl has no place for them.
        texture: for .obj and .glb, where it stands in place of ``colors``; the others have no place for it.

    Raises:
        InputError: An unknown suffix, or indices beyond the vertices.
    """
    import trimesh

    path = Path(path)
    if path.suffix.lower() not in MESH_SUFFIXES:
        raise InputError(f"{path} has suffix {path.suffix!r}; one of {', '.join(MESH_SUFFIXES)} was wanted.")
    faces = require_triangles(vertices, triangles)
    if texture is not None and path.suffix.lower() == ".glb":
        from .gltf import write_still_glb

        write_still_glb(path, vertices, texture)
        return
    if texture is not None and path.suffix.lower() == ".obj":
        write_texture_of_obj(path, texture)
        write_textured_obj(path, vertices, texture)
        return
    painted = None if colors is None else np.round(np.clip(np.asarray(colors), 0, 1) * 255).astype(np.uint8)
    mesh = trimesh.Trimesh(to_y_up(vertices), faces, vertex_colors=painted, process=False)
    with replacing(path) as temporary:
        mesh.export(temporary, file_type=path.suffix[1:].lower())


def write_texture_of_obj(path: Path, texture: Texture) -> None:
    """The .jpg of a textured .obj, and the .mtl that names it."""
    with replacing(path.with_suffix(".jpg")) as temporary:
        temporary.write_bytes(texture.jpeg())
    with replacing(path.with_suffix(".mtl")) as temporary:
        text = f"newmtl skin\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {path.with_suffix('.jpg').name}\n"
        temporary.write_text(text, encoding="utf-8")


def write_textured_obj(path: Path, vertices: Tensor | np.ndarray, texture: Texture, *, material: str = "") -> None:
    """An .obj with texture coordinates.

    Args:
        path: File to write, at once or not at all.
        vertices: ``[L, 3]`` metres, +y down.
        texture: Of these vertices.
        material: Name of the .mtl beside it; by default its own.
    """
    lines = [f"mtllib {material or path.with_suffix('.mtl').name}", "usemtl skin"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in to_y_up(vertices)]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in texture.uvs]
    corners = np.stack([texture.source[texture.triangles], texture.triangles], 2) + 1
    lines += ["f " + " ".join(f"{at}/{uv}" for at, uv in face) for face in corners]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def require_triangles(vertices: Tensor | np.ndarray, triangles: Tensor | np.ndarray) -> np.ndarray:
    """``triangles`` as u32 ``[F, 3]``; InputError if an index lies beyond the vertices."""
    faces = np.asarray(triangles)
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.size == 0 or faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(f"triangles {faces.shape} do not index the {len(vertices)} vertices.")
    return faces.astype(np.uint32)
