"""GLB: a textured mesh; the tracked face with its motion, ARKit's units as morph targets, a moving node for the head.

Written by hand after the glTF 2.0 specification, because mesh libraries export no morph targets.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..capture import FaceShape
from ..checks import InputError
from ..durable import replacing
from ..face import UNITS
from ..face.gaze import gaze_of_looks
from ..motion import CodeMap, Motion
from .mesh import require_triangles, to_y_up
from .texture import Texture

_FLOAT, _UINT = 5126, 5125
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_UNLIT = "KHR_materials_unlit"
"""Light and shade are in the picture already; programs that do not know this light it once more."""


def write_still_glb(path: str | Path, vertices: Tensor | np.ndarray, texture: Texture) -> None:
    """Write a textured mesh of vertices ``[L, 3]`` (metres, +y down) that does not move."""
    pack = _Pack()
    with replacing(path) as temporary:
        temporary.write_bytes(pack.glb(_document(pack, _textured(pack, to_y_up(vertices), texture))))


def write_animated_glb(
    path: str | Path, face: FaceShape, motion: Motion, *, texture: Texture | None = None, world: bool = True
) -> None:
    """Write the tracked face and all frames of ``motion``; Blender, engines and web viewers play it.

    Its first 52 morph targets have the names of the ARKit units and do alone what a unit does. What units cannot say of
    this face follows in targets of their own: with them the animation is the tracked one exactly.

    Args:
        path: The .glb to write, at once or not at all.
        face: the tracked face.
        motion: T frames.
        texture: of the neutral face.
        world: Also move the head; False keeps it at the origin.

    Raises:
        InputError: An empty motion.
    """
    if not len(motion):
        raise InputError("the motion has no frame; at least one was wanted.")
    vertices, names = face.posed(face.code_map.bias), (*UNITS, *face.code_map.names)
    per_unit = unit_codes(face.code_map)
    beyond = face.code_map.code(motion) - face.code_map.bias - motion.units @ per_unit
    faces = require_triangles(vertices, face.triangles)
    pack = _Pack()
    offsets = to_y_up(torch.cat([torch.einsum("uk,klc->ulc", per_unit, face.basis), face.basis]).detach())
    if texture is None:
        attributes = {"POSITION": pack.add(to_y_up(vertices), bounds=True)}
        primitive: dict[str, Any] = {"attributes": attributes, "indices": pack.add(faces.reshape(-1))}
    else:
        primitive, offsets = _textured(pack, to_y_up(vertices), texture), offsets[:, texture.source]
    primitive["targets"] = [{"POSITION": pack.add(offset, bounds=True)} for offset in offsets]
    times = pack.add(np.arange(len(motion), dtype=np.float32) / np.float32(motion.fps), bounds=True)
    weights = torch.cat([motion.units, beyond], 1)
    curves = {"weights": weights.detach().numpy().astype(np.float32).reshape(-1)}
    if world:
        curves["translation"] = to_y_up(motion.head.positions.detach())
        w, x, y, z = motion.head.quats.detach().numpy().astype(np.float32).T
        curves["rotation"] = np.stack([x, -y, -z, w], 1)
    document = _document(pack, primitive)
    document["meshes"][0] |= {"weights": [0.0] * len(names), "extras": {"targetNames": list(names)}}
    document["animations"] = [
        {
            "name": "motion",
            "samplers": [{"input": times, "output": pack.add(curve)} for curve in curves.values()],
            "channels": [{"sampler": i, "target": {"node": 0, "path": kind}} for i, kind in enumerate(curves)],
        }
    ]
    with replacing(path) as temporary:
        temporary.write_bytes(pack.glb(document))


def _textured(pack: _Pack, points: np.ndarray, texture: Texture) -> dict[str, Any]:
    """The primitive of a textured mesh, of vertices ``[L, 3]`` with +y up."""
    down = np.stack([texture.uvs[:, 0], 1 - texture.uvs[:, 1]], 1)
    pack.picture(texture.jpeg())
    return {
        "attributes": {"POSITION": pack.add(points[texture.source], bounds=True), "TEXCOORD_0": pack.add(down)},
        "indices": pack.add(texture.triangles.reshape(-1).astype(np.uint32)),
        "material": 0,
    }


def _document(pack: _Pack, primitive: dict[str, Any]) -> dict[str, Any]:
    """One mesh of one primitive, with what it needs of material."""
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "gaussian-head"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "head", "mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
    }
    if "material" in primitive:
        skin = {"baseColorTexture": {"index": 0}, "metallicFactor": 0.0, "roughnessFactor": 1.0}
        document |= {
            "extensionsUsed": [_UNLIT],
            "materials": [{"name": "skin", "pbrMetallicRoughness": skin, "extensions": {_UNLIT: {}}}],
            "textures": [{"source": 0, "sampler": 0}],
            "samplers": [{"magFilter": 9729, "minFilter": 9729, "wrapS": 33071, "wrapT": 33071}],
            "images": pack.images,
        }
    return document


def unit_codes(code_map: CodeMap) -> Tensor:
    """``[52, K]`` inner code that a whole unit asks for; the eyeLook units through the gaze that they tell."""
    of_units, of_gaze = code_map.weights.split([len(UNITS), 2])
    return of_units + gaze_of_looks(torch.eye(len(UNITS))) @ of_gaze


class _Pack:
    """Collects arrays into one binary chunk with an accessor each."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._views: list[dict[str, int]] = []
        self._accessors: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        """Of the document."""

    def picture(self, jpeg: bytes) -> None:
        """Append a picture, a JPEG file."""
        self.images.append({"bufferView": self._view(jpeg), "mimeType": "image/jpeg"})

    def _view(self, data: bytes) -> int:
        """Append bytes; returns their view's index. Whatever follows begins at a multiple of four."""
        self._views.append({"buffer": 0, "byteOffset": len(self._data), "byteLength": len(data)})
        self._data += data + bytes(-len(data) % 4)
        return len(self._views) - 1

    def add(self, values: np.ndarray, *, bounds: bool = False) -> int:
        """Append ``[n]`` or ``[n, 2 | 3 | 4]`` float32 or uint32; returns the accessor's index."""
        values = np.ascontiguousarray(values)
        view = self._view(values.astype(values.dtype.newbyteorder("<")).tobytes())
        rows = values.reshape(len(values), -1)
        accessor: dict[str, Any] = {
            "bufferView": view,
            "componentType": _UINT if values.dtype == np.uint32 else _FLOAT,
            "count": len(rows),
            "type": _KINDS[rows.shape[1]],
        }
        if bounds:
            accessor |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def glb(self, document: dict[str, Any]) -> bytes:
        """The finished file."""
        buffers = {"buffers": [{"byteLength": len(self._data)}]}
        full = document | buffers | {"bufferViews": self._views, "accessors": self._accessors}
        text = json.dumps(full, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(self._data), b"BIN\0") + self._data
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
