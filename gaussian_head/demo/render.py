"""Ray-cast pictures of a demo subject from any camera: the truth that renderings are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.ndimage import maximum_filter, minimum_filter

from ..camera import Camera
from ..checks import InputError
from .truth import DemoTruth

SUBRAYS = (
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
"""Positions inside a pixel of the rays that smooth an edge."""
EDGE_DEPTH = 0.006
"""Metres of depth step inside a 3x3 neighbourhood that make a pixel an edge."""


@dataclass(frozen=True, kw_only=True)
class TruthFrame:
    """One ray-cast picture."""

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
    """Ray-cast frame ``t``.

    Args:
        truth: the clip's truth.
        t: frame index.
        camera: any camera; default the recording camera.
        background: ``[H, W, 3]`` u8; default the clip's plate, resized where the camera's size differs.

    Returns:
        Anti-aliased colour and alpha, depth and parts.

    Raises:
        InputError: open3d cannot be imported.
    """
    o3d = import_open3d()
    camera = truth.camera if camera is None else camera
    if background is None:
        from ..media import resize_image

        background = resize_image(truth.plate, camera.width, camera.height)
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(np.ascontiguousarray(truth.vertices(t))),
        o3d.core.Tensor(truth.subject.triangles.astype(np.uint32)),
    )
    shader = _Shader(truth, scene, o3d, camera)
    rows, cols = np.mgrid[: camera.height, : camera.width].reshape(2, -1)
    colour, hit, depth, patch, part = shader.cast(cols + 0.5, rows + 0.5)
    shape = (camera.height, camera.width)
    depth, patch, part = depth.reshape(shape), patch.reshape(shape), part.reshape(shape)
    alpha = hit.astype(np.float32)
    edge = np.flatnonzero(_edges(depth, patch))
    fine = [shader.cast(cols[edge] + x, rows[edge] + y)[:2] for x, y in SUBRAYS]
    alpha[edge] = np.mean([f[1] for f in fine], axis=0)
    colour[edge] = np.mean([f[0] * f[1][:, None] for f in fine], axis=0) / np.maximum(alpha[edge], 1e-6)[:, None]
    mixed = background.reshape(-1, 3) + alpha[:, None] * (colour - background.reshape(-1, 3))
    rgb = np.clip(np.round(mixed), 0, 255).astype(np.uint8).reshape(*shape, 3)
    return TruthFrame(rgb=rgb, alpha=alpha.reshape(shape), depth=depth, parts=part)


def import_open3d() -> Any:
    """Import open3d, or say what a bare machine lacks."""
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise InputError(
            f"open3d, which draws the demo subject, cannot be imported ({error}); `pip install open3d`, on Debian or"
            " Ubuntu `apt-get install libusb-1.0-0 libgl1 libgomp1`, on Fedora `dnf install libusb1 mesa-libGL`."
        ) from error
    return open3d


class _Shader:
    """Casts rays of one camera into one frame's scene and looks up their colours."""

    def __init__(self, truth: DemoTruth, scene: Any, o3d: Any, camera: Camera) -> None:
        self._subject = truth.subject
        self._scene, self._o3d = scene, o3d
        self._inverse_K = np.linalg.inv(camera.K.numpy().astype(np.float64))
        view = camera.viewmat.numpy().astype(np.float64)
        self._to_world = view[:3, :3].T
        self._origin = -self._to_world @ view[:3, 3]
        self._texture = torch.from_numpy(truth.subject.atlas).permute(2, 0, 1)[None].float()

    def cast(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """Colour [P, 3] f32, hit [P] bool, depth [P] f32, patch, part [P] u8 at pixel positions ``x``, ``y`` [P]."""
        ahead = np.stack([x, y, np.ones(len(x))], -1) @ self._inverse_K.T
        rays = np.empty((len(x), 6), np.float32)
        rays[:, :3], rays[:, 3:] = self._origin, ahead @ self._to_world.T
        answer = self._scene.cast_rays(self._o3d.core.Tensor(rays))
        distance = answer["t_hit"].numpy()
        hit = np.isfinite(distance)
        colour = np.zeros((len(x), 3), np.float32)
        patch, part = np.full(len(x), 255, np.uint8), np.zeros(len(x), np.uint8)
        triangle = answer["primitive_ids"].numpy()[hit]
        weights = answer["primitive_uvs"].numpy()[hit]
        corners = self._subject.uv[self._subject.triangles[triangle]]
        at = (
            corners[:, 0]
            + weights[:, :1] * (corners[:, 1] - corners[:, 0])
            + weights[:, 1:] * (corners[:, 2] - corners[:, 0])
        )
        colour[hit], part[hit] = self._look_up(at), self._subject.parts[triangle]
        patch[hit] = self._subject.patches[triangle]
        return colour, hit, np.where(hit, distance, 0).astype(np.float32), patch, part

    def _look_up(self, at: np.ndarray) -> np.ndarray:
        """Bilinear atlas colours ``[P, 3]`` at atlas pixels ``[P, 2]``."""
        height, width = self._subject.atlas.shape[:2]
        place = torch.from_numpy(at / np.array([width / 2, height / 2], np.float32) - 1)
        found = torch.nn.functional.grid_sample(
            self._texture, place[None, None], align_corners=False, padding_mode="border"
        )
        return found[0, :, 0].T.numpy()


def _edges(depth: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Pixels where another surface or a step in depth is near, ``[H, W]`` bool."""
    mixed = maximum_filter(patch, 3) != minimum_filter(patch, 3)
    return mixed | (maximum_filter(depth, 3) - minimum_filter(depth, 3) > EDGE_DEPTH)
