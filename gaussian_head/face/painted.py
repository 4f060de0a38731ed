"""Plain shaded pictures of the parametric head, for the nets that look at faces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..screen_mesh import ScreenMesh
from .model import EYES, REGIONS, FaceModel

SKIN = (0.78, 0.64, 0.56)
COLOURS = {
    "lips": (0.72, 0.36, 0.36),
    "mouth_cavity": (0.30, 0.08, 0.08),
    "tongue": (0.70, 0.30, 0.35),
    "upper_teeth": (0.93, 0.92, 0.86),
    "lower_teeth": (0.93, 0.92, 0.86),
    "lashes": (0.10, 0.08, 0.07),
    "scalp": (0.20, 0.15, 0.12),
    "eye_left": (0.95, 0.95, 0.95),
    "eye_right": (0.95, 0.95, 0.95),
    "shoulders": (0.30, 0.35, 0.50),
}
"""RGB of regions that are not of the skin's colour."""
IRIS, PUPIL = (0.25, 0.30, 0.35), (0.03, 0.03, 0.03)
IRIS_RADIUS, PUPIL_RADIUS = 0.00585, 0.0025
"""Metres; the iris as wide as everybody's, 11.7 mm."""
BROW_HEIGHT, BROW_FALL, BROW_HALF_WIDTH = 0.027, 18.0, 0.0045
"""Metres over the eye's centre, metres lost per square metre sideways, half the width of the stroke."""
BROW_REACH = (-0.012, 0.026)
"""From how far inside the eye's centre a brow goes to how far outside it, metres."""
BACKGROUND = (0.55, 0.60, 0.60)
LIGHT = (0.3, -0.5, -1.0)
SAMPLES = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))


def front_camera(
    vertices: Tensor, model: FaceModel, *, yaw: float = 0.0, pitch: float = 0.0, size: int = 400
) -> Camera:
    """A camera 0.85 m in front of the face's middle, head turned by ``yaw`` and nodded by ``pitch``, radians."""
    turn = _turned(yaw, pitch)
    middle = vertices[model.of_region("face")].mean(0)
    view = torch.eye(4)
    view[:3, :3] = turn
    view[:3, 3] = torch.tensor([0.0, 0.0, 0.85]) - turn @ middle
    return Camera.from_focal(3.0 * size, size, size).with_view(view)


def _turned(yaw: float, pitch: float) -> Tensor:
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    sideways = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    downwards = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return torch.from_numpy(downwards @ sideways).float()


def painted_colours(model: FaceModel) -> np.ndarray:
    """RGB ``[V, 3]`` in [0, 1]: lips, teeth, lashes, cropped hair, and brows on the average head."""
    colours = np.tile(np.array(SKIN), (len(model.mean), 1))
    for name, colour in COLOURS.items():
        colours[model.of_region(name)] = colour
    colours[_brows(model)] *= 0.2
    return colours


def _brows(model: FaceModel) -> np.ndarray:
    """``[V]`` bool."""
    mean, found = model.mean.numpy(), np.zeros(len(model.mean), bool)
    skin = np.zeros(len(mean), bool)
    skin[model.of_region("face", "lids")] = True
    for name in EYES:
        centre = mean[model.of_region(name)].mean(0)
        sideways, down, back = (mean - centre).T
        outwards = sideways * np.sign(centre[0])
        stroke = np.abs(-down - BROW_HEIGHT + BROW_FALL * outwards**2) < BROW_HALF_WIDTH
        found |= stroke & (BROW_REACH[0] < outwards) & (outwards < BROW_REACH[1]) & (back < 0.01) & skin
    return found


def paint(model: FaceModel, vertices: Tensor, camera: Camera, colours: np.ndarray) -> np.ndarray:
    """Draw a head.

    Args:
        model: whose triangles and regions to draw.
        vertices: ``[V, 3]`` metres, in the camera's world.
        camera: any camera.
        colours: ``[V, 3]`` RGB in [0, 1] of the vertices; irises are painted onto the eyeballs.

    Returns:
        ``[H, W, 3]`` u8, four samples a pixel.
    """
    points, triangles = vertices.numpy().astype(np.float64), model.triangles.numpy()
    normals, light = _normals(points, triangles), np.array(LIGHT) / np.linalg.norm(LIGHT)
    mesh = ScreenMesh(points, triangles, camera)
    everywhere = np.ones((camera.height, camera.width), bool)
    faces, (rows, columns) = mesh.touching(everywhere), np.nonzero(everywhere)
    total = np.zeros((len(rows), 3))
    for dx, dy in SAMPLES:
        face = mesh.nearest(dx, dy, faces, everywhere)
        hit = face >= 0
        triangle, weights, _ = mesh.look_up(face[hit], columns[hit] + dx, rows[hit] + dy)
        corners = triangles[triangle]
        colour, normal, place = (
            np.einsum("pc,pcd->pd", weights, values[corners]) for values in (colours, normals, points)
        )
        _paint_irises(colour, place, model.regions.numpy()[corners[:, 0]], points, model)
        sample = np.tile(np.array(BACKGROUND), (len(rows), 1))
        sample[hit] = colour * (0.45 + 0.55 * np.clip(normal @ light, 0, 1))[:, None]
        total += sample
    return np.clip(total / len(SAMPLES) * 255 + 0.5, 0, 255).astype(np.uint8).reshape(camera.height, camera.width, 3)


def _normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals ``[V, 3]``, outwards."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    normals = np.zeros_like(points)
    for i in range(3):
        np.add.at(normals, triangles[:, i], np.cross(b - a, c - a))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _paint_irises(
    colour: np.ndarray, place: np.ndarray, region: np.ndarray, points: np.ndarray, model: FaceModel
) -> None:
    """Write iris and pupil into the colours ``[P, 3]`` of samples at ``place [P, 3]`` on an eyeball."""
    for name in EYES:
        on = np.flatnonzero(region == REGIONS.index(name))
        centre, axis = eye_axis(points, model, name)
        offset = place[on] - centre
        along = offset @ axis
        radius = np.linalg.norm(offset - along[:, None] * axis, axis=1)
        for size, painted in ((IRIS_RADIUS, IRIS), (PUPIL_RADIUS, PUPIL)):
            colour[on[(along > 0) & (radius < size)]] = painted


def eye_axis(points: np.ndarray, model: FaceModel, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Centre ``[3]`` of an eyeball among vertices ``[V, 3]``, and the unit direction it looks in."""
    rows = model.of_region(name).numpy()
    centre = points[rows].mean(0)
    front = points[rows[model.mean.numpy()[rows, 2].argmin()]]
    return centre, (front - centre) / np.linalg.norm(front - centre)
