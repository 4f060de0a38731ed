"""Pictures of a demo subject from any camera: the truth that renderings are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from torch import Tensor

from ..camera import Camera
from ..screen_mesh import ScreenMesh
from .subject import Subject
from .truth import DemoTruth

SUBSAMPLES = (
    (0.125, 0.375),
    (0.375, 0.875),
    (0.625, 0.125),
    (0.875, 0.625),
    (0.2, 0.8),
    (0.8, 0.2),
    (0.5, 0.5),
    (0.35, 0.1),
    (0.65, 0.9),
)
"""Positions inside a pixel of the samples that smooth an edge."""
EDGE_DEPTH = 0.006
"""Metres of depth step inside a 3x3 neighbourhood that make a pixel an edge."""


@dataclass(frozen=True, kw_only=True)
class TruthFrame:
    """One picture."""

    rgb: np.ndarray
    """``[H, W, 3]`` u8, over the background."""
    alpha: np.ndarray
    """``[H, W]`` f32 share of the pixel that the person covers."""
    depth: np.ndarray
    """``[H, W]`` f32 metres along the camera's z axis at the pixel's centre, 0 where there is nobody."""
    parts: np.ndarray
    """``[H, W]`` u8 part at the pixel's centre: 0 background 1 torso 2 neck 3 hair 4 face 5 mouth interior."""


def render_truth(
    truth: DemoTruth, t: int, camera: Camera | None = None, *, background: np.ndarray | None = None
) -> TruthFrame:
    """Draw frame ``t``.

    Args:
        truth: the clip's truth.
        t: frame index.
        camera: any camera; default the recording camera.
        background: ``[H, W, 3]`` u8; default the clip's plate, resized where the camera's size differs.

    Returns:
        Anti-aliased colour and alpha, depth and parts.
    """
    camera = truth.camera if camera is None else camera
    if background is None:
        from ..media import resize_image

        background = resize_image(truth.plate, camera.width, camera.height)
    shader = _Shader(truth.subject, ScreenMesh(truth.vertices(t), truth.subject.triangles, camera))
    everywhere = np.ones((camera.height, camera.width), bool)
    ((colour, hit, depth, patch, part),) = shader.draw(everywhere, ((0.5, 0.5),))
    shape = (camera.height, camera.width)
    depth, patch, part = depth.reshape(shape), patch.reshape(shape), part.reshape(shape)
    alpha = hit.astype(np.float32)
    edge = _edges(depth, patch)
    fine = [sample[:2] for sample in shader.draw(edge, SUBSAMPLES)]
    edge = edge.ravel()
    alpha[edge] = np.mean([f[1] for f in fine], axis=0)
    colour[edge] = np.mean([f[0] * f[1][:, None] for f in fine], axis=0) / np.maximum(alpha[edge], 1e-6)[:, None]
    mixed = background.reshape(-1, 3) + alpha[:, None] * (colour - background.reshape(-1, 3))
    rgb = np.clip(np.round(mixed), 0, 255).astype(np.uint8).reshape(*shape, 3)
    return TruthFrame(rgb=rgb, alpha=alpha.reshape(shape), depth=depth, parts=part)


class _Shader:
    """Looks up the colours of a frame's surface at samples of the picture."""

    def __init__(self, subject: Subject, mesh: ScreenMesh) -> None:
        self._subject, self._mesh = subject, mesh

    def draw(self, wanted: np.ndarray, places: Sequence[tuple[float, float]]) -> list[tuple[np.ndarray, ...]]:
        """For each place in a pixel, over the P wanted: colour [P, 3] f32, hit, depth [P] f32, patch, part [P] u8."""
        faces = self._mesh.touching(wanted)
        pixels = np.nonzero(wanted)
        return [self._shade(self._mesh.nearest(dx, dy, faces, wanted), pixels, dx, dy) for dx, dy in places]

    def _shade(self, face: np.ndarray, pixels: tuple[np.ndarray, ...], dx: float, dy: float) -> tuple[np.ndarray, ...]:
        hit = face >= 0
        colour, depth = np.zeros((len(face), 3), np.float32), np.zeros(len(face), np.float32)
        patch, part = np.full(len(face), 255, np.uint8), np.zeros(len(face), np.uint8)
        row, column = (axis[hit] for axis in pixels)
        triangle, weights, depth[hit] = self._mesh.look_up(face[hit], column + dx, row + dy)
        corners = self._subject.uv[self._subject.triangles[triangle]]
        colour[hit] = _texture(self._subject.texture, np.einsum("pc,pcd->pd", weights.astype(np.float32), corners))
        patch[hit], part[hit] = self._subject.patches[triangle], self._subject.parts[triangle]
        return colour, hit, depth, patch, part


def _texture(atlas: Tensor, at: np.ndarray) -> np.ndarray:
    """Bilinear colours ``[P, 3]`` of the atlas ``[1, 3, H, W]`` at atlas pixels ``[P, 2]``."""
    height, width = atlas.shape[2:]
    place = torch.from_numpy(at / np.array([width / 2, height / 2], np.float32) - 1)
    found = torch.nn.functional.grid_sample(atlas, place[None, None], align_corners=False, padding_mode="border")
    return found[0, :, 0].T.numpy()


def _edges(depth: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Pixels where another surface or a step in depth is near, ``[H, W]`` bool."""
    mixed = maximum_filter(patch, 3) != minimum_filter(patch, 3)
    return mixed | (maximum_filter(depth, 3) - minimum_filter(depth, 3) > EDGE_DEPTH)
