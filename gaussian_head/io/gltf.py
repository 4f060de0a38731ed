"""The tracked face with its motion as one animated GLB: ARKit's units as morph targets, a moving node for the head.

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

_FLOAT, _UINT = 5126, 5125
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}


def write_animated_glb(path: str | Path, face: FaceShape, motion: Motion, *, world: bool = True) -> None:
    """Write the tracked face and all frames of ``motion``; Blender, engines and web viewers play it.

    Its first 52 morph targets have the names of the ARKit units and do alone what a unit does. What units cannot say of
    this face follows in targets of their own: with them the animation is the tracked one exactly.

    Args:
        path: The .glb to write, at once or not at all.
        face: the tracked face.
        motion: T frames.
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
    attributes = {"POSITION": pack.add(to_y_up(vertices), bounds=True)}
    offsets = torch.cat([torch.einsum("uk,klc->ulc", per_unit, face.basis), face.basis])
    targets = [{"POSITION": pack.add(to_y_up(offset), bounds=True)} for offset in offsets.detach()]
    primitive = {"attributes": attributes, "indices": pack.add(faces.reshape(-1)), "targets": targets}
    times = pack.add(np.arange(len(motion), dtype=np.float32) / np.float32(motion.fps), bounds=True)
    weights = torch.cat([motion.units, beyond], 1)
    curves = {"weights": weights.detach().numpy().astype(np.float32).reshape(-1)}
    if world:
        curves["translation"] = to_y_up(motion.head.positions.detach())
        w, x, y, z = motion.head.quats.detach().numpy().astype(np.float32).T
        curves["rotation"] = np.stack([x, -y, -z, w], 1)
    document = {
        "asset": {"version": "2.0", "generator": "gaussian-head"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "head", "mesh": 0}],
        "meshes": [
            {
                "primitives": [primitive],
                "weights": [0.0] * len(names),
                "extras": {"targetNames": list(names)},
            }
        ],
        "animations": [
            {
                "name": "motion",
                "samplers": [{"input": times, "output": pack.add(curve)} for curve in curves.values()],
                "channels": [{"sampler": i, "target": {"node": 0, "path": kind}} for i, kind in enumerate(curves)],
            }
        ],
    }
    with replacing(path) as temporary:
        temporary.write_bytes(pack.glb(document))


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

    def add(self, values: np.ndarray, *, bounds: bool = False) -> int:
        """Append ``[n]`` or ``[n, 3 | 4]`` float32 or uint32; returns the accessor's index."""
        values = np.ascontiguousarray(values)
        data = values.astype(values.dtype.newbyteorder("<")).tobytes()
        self._views.append({"buffer": 0, "byteOffset": len(self._data), "byteLength": len(data)})
        self._data += data
        rows = values.reshape(len(values), -1)
        accessor: dict[str, Any] = {
            "bufferView": len(self._views) - 1,
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
