"""The pinhole camera that every renderer, viewer and exporter takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .described import described


@dataclass(frozen=True, kw_only=True, repr=False)
class Camera:
    """One OpenCV pinhole camera: +x right, +y down, +z forward."""

    viewmat: Tensor
    """``[4, 4]`` float32, world to camera."""
    K: Tensor
    """``[3, 3]`` float32 intrinsics in pixels; pixel centres at half integers."""
    width: int
    """Image width in pixels."""
    height: int
    """Image height in pixels."""

    def __repr__(self) -> str:
        return described(self)

    @staticmethod
    def from_focal(focal: float, width: int, height: int, cx: float | None = None, cy: float | None = None) -> Camera:
        """Camera at the world origin looking along +z, focal length in pixels, principal point by default central."""
        cx = width / 2 if cx is None else cx
        cy = height / 2 if cy is None else cy
        K = torch.tensor([[focal, 0, cx], [0, focal, cy], [0, 0, 1]], dtype=torch.float32)
        return Camera(viewmat=torch.eye(4), K=K, width=width, height=height)

    @property
    def position(self) -> Tensor:
        """Camera centre in the world, ``[3]``."""
        return -self.viewmat[:3, :3].T @ self.viewmat[:3, 3]

    def resized(self, width: int, height: int) -> Camera:
        """The same view at another resolution: intrinsics scaled per axis."""
        K = self.K.clone()
        K[0] *= width / self.width
        K[1] *= height / self.height
        return Camera(viewmat=self.viewmat, K=K, width=width, height=height)

    def turned(self, quarters: int) -> Camera:
        """The camera of its picture turned by so many quarters counter-clockwise, as ``np.rot90`` does."""
        camera = self
        for _ in range(quarters % 4):
            K, view = camera.K.clone(), camera.viewmat.clone()
            (fx, fy), (cx, cy) = camera.K[[0, 1], [0, 1]], camera.K[:2, 2]
            K[[0, 1], [0, 1]], K[:2, 2] = torch.stack([fy, fx]), torch.stack([cy, camera.width - cx])
            view[0], view[1] = camera.viewmat[1], -camera.viewmat[0]
            camera = Camera(viewmat=view, K=K, width=camera.height, height=camera.width)
        return camera

    def to(self, device: torch.device) -> Camera:
        """The same view with its matrices in a device's memory."""
        return Camera(viewmat=self.viewmat.to(device), K=self.K.to(device), width=self.width, height=self.height)

    def with_view(self, viewmat: Tensor) -> Camera:
        """The same intrinsics seen from another pose."""
        return Camera(viewmat=viewmat, K=self.K, width=self.width, height=self.height)

    def project(self, points: Tensor) -> Tensor:
        """Pixels ``[..., 2]`` of world points ``[..., 3]``; no clipping behind the camera."""
        cam = points @ self.viewmat[:3, :3].T + self.viewmat[:3, 3]
        uv = cam @ self.K.T
        return uv[..., :2] / uv[..., 2:]
