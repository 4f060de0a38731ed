"""The simplest edit, to compare others with: a flat piece of picture stuck to the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..editing import Painted
from ..motion import MotionFrame
from ..transforms import quat_to_rotmat


@dataclass(frozen=True, kw_only=True)
class Decal:
    """A painted patch on a plane before the face, which moves with the head and with nothing else."""

    picture: np.ndarray
    """``[H, W, 4]`` f32 the painted picture and where it was changed."""
    corners: Tensor
    """``[4, 3]`` metres in the head frame, where the picture's corners lie in the plane of the patch."""

    @staticmethod
    def of(painted: Painted) -> Decal:
        """The changed pixels of a picture, at the mean depth of the surface under them."""
        canvas, changed = painted.canvas, torch.from_numpy(painted.changed)
        height, width = painted.changed.shape
        on = changed & (canvas.frame.alpha > 0.9)
        depth = float(canvas.frame.depth[on].mean())
        uv = torch.tensor([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
        K, view = canvas.camera.K, canvas.camera.viewmat
        seen = torch.cat([(uv - K[:2, 2]) / K[[0, 1], [0, 1]], torch.ones(4, 1)], 1) * depth
        world = (seen - view[:3, 3]) @ view[:3, :3]
        head = canvas.moment.head
        layers = torch.cat([painted.target * 255, changed[..., None].float()], 2)
        return Decal(picture=layers.numpy(), corners=(world - head.positions) @ quat_to_rotmat(head.quats))

    def over(self, picture: np.ndarray, moment: MotionFrame, camera: Camera) -> np.ndarray:
        """``picture`` ``[H, W, 3]`` u8 of the head at a moment with the decal on it."""
        height, width = picture.shape[:2]
        world = self.corners @ quat_to_rotmat(moment.head.quats).T + moment.head.positions
        there = camera.project(world).numpy().astype(np.float32)
        here = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        shift = np.float32(0.5)  # OpenCV counts from the centre of a pixel
        warp = cv2.getPerspectiveTransform(here - shift, there - shift)
        moved = cv2.warpPerspective(self.picture, warp, (width, height))
        share = moved[..., 3:]
        return np.clip(picture * (1 - share) + moved[..., :3] * share + 0.5, 0, 255).astype(np.uint8)
