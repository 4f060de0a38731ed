"""Shaded pictures of the parametric head from any camera: for the nets that look at faces, and for made-up people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.sparse import csr_matrix
from torch import Tensor

from ..camera import Camera
from ..screen_mesh import ScreenMesh
from .atlas import texel_coordinates
from .looks import Look, texture_of
from .model import EYES, REGIONS, FaceModel
from .units import UNITS

PUPIL = (0.03, 0.03, 0.03)
IRIS_RADIUS, PUPIL_RADIUS, LIMBUS = 0.00585, 0.0021, 0.0007
"""Metres; the iris as wide as everybody's, 11.7 mm, and darker in a ring at its edge."""
INSIDE_MOUTH, INSIDE_DARK = 0.030, 0.25
"""Metres behind the lips at which the mouth is as dark as it gets, and how dark that is."""
LID_RECESS = 0.004
"""Metres by which eyeballs draw back under shut lids, which they would pierce."""
SAMPLES = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
"""Places within a pixel at an edge that are looked at."""


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


@dataclass(frozen=True)
class Painter:
    """Draws one head with one look; what does not change from picture to picture is prepared once.

    Args:
        model: whose triangles and regions to draw.
        look: its colours and light.
        texture: ``[SIZE, SIZE, 3]`` f32 on the model's atlas, in place of the look's own.
    """

    model: FaceModel
    look: Look
    texture: np.ndarray | None = None

    def paint(self, vertices: Tensor, camera: Camera) -> np.ndarray:
        """Draw the head.

        Args:
            vertices: ``[V, 3]`` metres, in the camera's world.
            camera: any camera.

        Returns:
            ``[H, W, 3]`` u8; one sample a pixel, four where an edge is.
        """
        points = vertices.numpy().astype(np.float64)
        mesh = ScreenMesh(points, self._triangles, camera)
        values = np.concatenate([self._texels, self._shade(points, camera)[self._triangles][..., None]], 2)
        everywhere = np.ones((camera.height, camera.width), bool)
        colour, region = self._drawn(mesh, points, values, everywhere, 0.5, 0.5)
        region = region.reshape(everywhere.shape)
        edge = maximum_filter(region, 3) != minimum_filter(region, 3)
        fine = [self._drawn(mesh, points, values, edge, dx, dy)[0] for dx, dy in SAMPLES]
        colour[edge.ravel()] = np.mean(fine, axis=0)
        return np.clip(colour * 255 + 0.5, 0, 255).astype(np.uint8).reshape(camera.height, camera.width, 3)

    def _drawn(
        self, mesh: ScreenMesh, points: np.ndarray, values: np.ndarray, wanted: np.ndarray, dx: float, dy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours ``[P, 3]`` f32 and regions ``[P]``, -1 where there is nobody, at one place in each wanted pixel."""
        face = mesh.nearest(dx, dy, mesh.touching(wanted), wanted)
        hit, (rows, columns) = face >= 0, np.nonzero(wanted)
        face, x, y = face[hit], columns[hit] + dx, rows[hit] + dy
        u, v, shade = mesh.interpolated(face, x, y, values).T.astype(np.float32)
        found = _looked_up(self._texture, u, v)[: len(face)]
        regions = self._face_regions[mesh.look_up(face, x, y)[0]] if len(face) else np.zeros(0, int)
        self._paint_irises(found, mesh, points, regions, face, x, y)
        colour, region = np.tile(np.array(self.look.background, np.float32), (len(hit), 1)), np.full(len(hit), -1)
        colour[hit], region[hit] = found * shade[:, None], regions
        return colour, region

    def _shade(self, points: np.ndarray, camera: Camera) -> np.ndarray:
        """Light ``[V]`` on the vertices; the mouth grows dark behind the lips."""
        lamp = np.array(self.look.light) @ camera.viewmat[:3, :3].numpy()
        lamp = lamp / np.linalg.norm(lamp)
        corners = points[self._triangles]
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = self._corner_sums @ flat
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        light = self.look.ambient + (1 - self.look.ambient) * np.clip(normals @ lamp, 0, 1)
        return light * self._open_to_light

    def _paint_irises(
        self, colour: np.ndarray, mesh: ScreenMesh, points: np.ndarray, region: np.ndarray, face: np.ndarray,
        x: np.ndarray, y: np.ndarray,
    ) -> None:  # fmt: skip
        """Write iris and pupil into the colours ``[P, 3]`` of samples on the eyeballs."""
        for name in EYES:
            on = np.flatnonzero(region == REGIONS.index(name))
            place = mesh.interpolated(face[on], x[on], y[on], points[self._triangles])
            centre, axis = eye_axis(points, self.model, name)
            along = (place - centre) @ axis
            radius = np.linalg.norm(place - centre - along[:, None] * axis, axis=1)
            iris, ahead = np.array(self.look.iris), along > 0
            for size, painted in ((IRIS_RADIUS, 0.45 * iris), (IRIS_RADIUS - LIMBUS, iris), (PUPIL_RADIUS, PUPIL)):
                colour[on[ahead & (radius < size)]] = painted

    @cached_property
    def _texture(self) -> np.ndarray:
        return texture_of(self.model, self.look) if self.texture is None else self.texture

    @cached_property
    def _triangles(self) -> np.ndarray:
        return self.model.triangles.numpy()

    @cached_property
    def _texels(self) -> np.ndarray:
        """``[F, 3, 2]`` texture coordinates of the triangles' corners."""
        return texel_coordinates(self.model)[self.model.uv_triangles.numpy()]

    @cached_property
    def _face_regions(self) -> np.ndarray:
        return self.model.regions.numpy()[self._triangles[:, 0]]

    @cached_property
    def _corner_sums(self) -> csr_matrix:
        """``[V, F]`` which triangles meet at a vertex."""
        count = len(self._triangles)
        return csr_matrix(
            (np.ones(3 * count), (self._triangles.ravel(), np.repeat(np.arange(count), 3))),
            shape=(len(self.model.mean), count),
        )

    @cached_property
    def _open_to_light(self) -> np.ndarray:
        """``[V]`` share of the light that reaches a vertex."""
        mean, share = self.model.mean.numpy(), np.ones(len(self.model.mean))
        inside = self.model.of_region("mouth_cavity", "tongue", "upper_teeth", "lower_teeth").numpy()
        front = mean[self.model.of_region("lips").numpy(), 2].mean()
        depth = ((mean[inside, 2] - front) / INSIDE_MOUTH).clip(0, 1)
        share[inside] = 1 - (1 - INSIDE_DARK) * depth
        return share


def lids_over_eyes(model: FaceModel, vertices: Tensor, units: Tensor) -> Tensor:
    """Vertices ``[..., V, 3]`` in the head frame whose eyeballs draw back as far as the units ``[..., 52]`` blink."""
    vertices = vertices.clone()
    for name, side in (("eye_left", "Left"), ("eye_right", "Right")):
        vertices[..., model.of_region(name), 2] += LID_RECESS * units[..., UNITS.index(f"eyeBlink{side}"), None]
    return vertices


def _looked_up(texture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Bilinear colours ``[P, 3]`` of a texture at texels u, v ``[P]`` f32."""
    import cv2

    width = 512  # OpenCV takes no row of more than 32,767 samples
    u, v = (np.pad(at - 0.5, (0, -len(at) % width)).reshape(-1, width) for at in (u, v))
    return cv2.remap(texture, u, v, cv2.INTER_LINEAR).reshape(-1, 3)


def eye_axis(points: np.ndarray, model: FaceModel, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Centre ``[3]`` of an eyeball among vertices ``[V, 3]``, and the unit direction it looks in."""
    rows = model.of_region(name).numpy()
    mean, ball = model.mean.numpy()[rows].astype(np.float64), points[rows]
    ahead = np.linalg.pinv((mean - mean.mean(0)).T) @ [0.0, 0.0, -1.0]  # of all its vertices: it turns as they turn
    axis = ahead @ (ball - ball.mean(0))
    return ball.mean(0), axis / np.linalg.norm(axis)
