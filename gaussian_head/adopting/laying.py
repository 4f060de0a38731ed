"""The fitted surface laid on the Gaussians themselves, as deep as they are seen to lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from scipy.sparse import coo_matrix, csr_matrix, identity
from scipy.sparse.linalg import spsolve

from ..camera import Camera
from ..face import REGIONS
from ..gaussians import Gaussians
from ..head.hull import vertex_normals
from ..head.laid import mesh_edges
from ..photo.fitting import FittedPhoto, PhotoFit
from ..photo.shape import PhotoShape, camera_of, carried
from ..raster.view import rasterize_view
from ..rendering import render_gaussians
from ..transforms import quat_to_rotmat

SQUARE_ON, SOLID = 0.45, 0.9
"""Cosine with the line of sight, and opacity, from which on a depth is believed."""
FARTHEST = 0.02
"""Metres beyond which it is another thing's."""
TRUST, FADE = 0.6, 0.002
"""Weight of a depth, and of staying put, next to one edge of the mesh."""
PARTS = ("face", "lips", "lids", "ears", "neck")
"""Regions that are laid; hair has no surface."""
SHOWN = 0.6
"""Pixels of a picture that a Gaussian has to make up for being seen in it."""


def laid(shape: PhotoShape, gaussians: Gaussians, fit: PhotoFit) -> PhotoShape:
    """``shape`` moved along the lines of sight of some pictures to where the Gaussians are.

    Args:
        shape: fitted, neutral.
        gaussians: in the head frame, with the expression of the fit.
        fit: of the pictures.
    """
    V = len(shape.vertices)
    total, wanted = np.zeros(V), np.zeros((V, 3))
    for photo in fit.photos:
        weight, move = _missing(shape, gaussians, photo)
        total += weight
        wanted += weight[:, None] * move
    edges = mesh_edges(shape.triangles, V)
    every = csr_matrix(coo_matrix((TRUST * total, (range(V), range(V))), shape=(V, V)))
    system = csr_matrix(edges + FADE * identity(V) + every).tocsc()
    moved = np.asarray(spsolve(system, TRUST * wanted))
    return replace(shape, vertices=shape.vertices + carried(moved, shape, edges))


def _missing(shape: PhotoShape, gaussians: Gaussians, photo: FittedPhoto) -> tuple[np.ndarray, np.ndarray]:
    """How far each vertex is believed to be told of, ``[V]``, and its way ``[V, 3]`` in the head frame."""
    rotation = quat_to_rotmat(photo.pose.quats)
    frame = render_gaussians(gaussians, _camera(photo))
    posed = shape.posed(photo)
    normals = vertex_normals(posed, shape.triangles)
    sight = posed / np.linalg.norm(posed, axis=1, keepdims=True)
    facing = -(normals * sight).sum(1)
    pixel = posed[:, :2] / posed[:, 2:] * photo.focal + photo.centre.numpy() - 0.5
    depth, alpha = (map_coordinates(m.double().numpy(), pixel.T[::-1], order=1) for m in (frame.depth, frame.alpha))
    gap = depth - posed[:, 2]
    told = np.isin(shape.model.regions.numpy(), [REGIONS.index(name) for name in PARTS])
    told &= (facing > SQUARE_ON) & (alpha > SOLID) & (np.abs(gap) < FARTHEST)
    move = (posed / posed[:, 2:]) * gap[:, None]
    return np.where(told, facing, 0.0), np.where(told[:, None], move, 0.0) @ rotation.double().numpy()


def hidden(gaussians: Gaussians, fit: PhotoFit) -> np.ndarray:
    """``[N]`` bool, Gaussians of the head frame that no picture of the face shows, by their share in its pixels."""
    most = torch.zeros(len(gaussians))
    for photo in fit.photos:
        ones = torch.ones(len(gaussians), 1, requires_grad=True)
        rasterize_view(gaussians, _camera(photo), extra=ones).extra.sum().backward()
        assert ones.grad is not None
        most = torch.maximum(most, ones.grad[:, 0])
    return (most < SHOWN).numpy()


def _camera(photo: FittedPhoto) -> Camera:
    """The camera of a picture, as the head sees it."""
    view = torch.eye(4)
    view[:3, :3], view[:3, 3] = quat_to_rotmat(photo.pose.quats), photo.pose.positions
    return camera_of(photo, round(2 * float(photo.centre.max()))).with_view(view)
