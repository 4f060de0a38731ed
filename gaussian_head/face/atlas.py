"""The texture atlas of the parametric head: what part of the average head each of its texels lies on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from ..camera import Camera
from ..screen_mesh import ScreenMesh
from .model import REGIONS, FaceModel

SIZE = 1280
"""Width and height of the atlas, texels: 0.9 mm at the lips."""


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """P texels on the head, of SIZE². Built by ``atlas_of``."""

    places: np.ndarray
    """``[P, 3]`` f32 metres, on the average head, neutral."""
    regions: np.ndarray
    """``[P, R]`` f32 share of each of REGIONS; they sum to 1."""
    nearest: np.ndarray
    """``[SIZE, SIZE]`` int, the texel of the P that each texel of the picture copies."""

    def share(self, *names: str) -> np.ndarray:
        """``[P]`` how far each texel belongs to any of the regions called ``names``."""
        return self.regions[:, [REGIONS.index(name) for name in names]].sum(1)

    def picture(self, colours: np.ndarray) -> np.ndarray:
        """The texture ``[SIZE, SIZE, 3]`` f32 of colours ``[P, 3]``, v down; the gaps take the nearest colour."""
        return colours.astype(np.float32)[self.nearest]


@lru_cache(maxsize=1)
def atlas_of(model: FaceModel) -> Atlas:
    """The atlas of a face model, built once for the last one asked for."""
    uvs, triangles = texel_coordinates(model), model.uv_triangles.numpy()
    flat = np.concatenate([uvs, np.ones((len(uvs), 1))], 1)
    camera = Camera(viewmat=torch.eye(4), K=torch.eye(3), width=SIZE, height=SIZE)
    mesh, everywhere = ScreenMesh(flat, triangles, camera), np.ones((SIZE, SIZE), bool)
    face = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(SIZE, SIZE)
    rows, columns = np.nonzero(face >= 0)
    triangle, weights, _ = mesh.look_up(face[rows, columns], columns + 0.5, rows + 0.5)
    corners = model.triangles.numpy()[triangle]
    belongs = np.eye(len(REGIONS))[model.regions.numpy()]
    places, regions = (np.einsum("pc,pcd->pd", weights, v[corners]) for v in (model.mean.numpy(), belongs))
    number = np.full((SIZE, SIZE), -1)
    number[rows, columns] = np.arange(len(rows))
    row, column = np.asarray(distance_transform_edt(face < 0, return_distances=False, return_indices=True))
    return Atlas(places=places.astype(np.float32), regions=regions.astype(np.float32), nearest=number[row, column])


def texel_coordinates(model: FaceModel) -> np.ndarray:
    """``[T, 2]`` texture coordinates in texels of the atlas, v down."""
    return model.uvs.numpy().astype(np.float64) * [SIZE, -SIZE] + [0, SIZE]
