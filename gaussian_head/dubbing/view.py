"""Where in a film's pictures a tracked head is: the film's own camera, and the box around a lower face."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..capture import CaptureInfo

MARGIN = 0.12
"""Face widths around the lower face that are looked at too: light and seam are told there."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of whole pixels."""

    x0: int
    """Left edge."""
    y0: int
    """Top edge."""
    x1: int
    """Right edge, exclusive."""
    y1: int
    """Bottom edge, exclusive."""

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def is_empty(self) -> bool:
        """True where it holds fewer pixels than can be worked on."""
        return self.x1 - self.x0 < 8 or self.y1 - self.y0 < 8


def film_camera(info: CaptureInfo) -> Camera:
    """The camera of a capture for the whole pictures of its video, upright and at their own size."""
    source = info.source
    x0, y0, size = source["crop"]
    scale = size / info.width
    (fx, _, cx), (_, fy, cy), _ = info.K
    K = torch.tensor([[fx * scale, 0, cx * scale + x0], [0, fy * scale, cy * scale + y0], [0, 0, 1]])
    return Camera(viewmat=torch.eye(4), K=K, width=source["width"], height=source["height"])


def within(camera: Camera, box: Box, scale: float = 1.0) -> Camera:
    """The same view of a box of its picture, ``scale`` times as large, rounded up to whole pixels."""
    width, height = box.x1 - box.x0, box.y1 - box.y0
    cut = replace(shifted(camera, box.x0, box.y0), width=width, height=height)
    return cut if scale == 1.0 else cut.resized(math.ceil(scale * width), math.ceil(scale * height))


def shifted(camera: Camera, left: int, up: int) -> Camera:
    """The same camera for pictures whose first column is ``left`` further right, and first row ``up`` further down."""
    K = camera.K.clone()
    K[0, 2] -= left
    K[1, 2] -= up
    return replace(camera, K=K)


def box_around(points: Tensor, camera: Camera, margin: float) -> Box:
    """The box around pixels ``[N, 2]`` and ``margin`` pixels more, cut at the picture's border."""
    low, high = points.min(0).values.numpy() - margin, points.max(0).values.numpy() + margin
    x0, y0 = (int(v) for v in np.floor(low).clip(0, [camera.width, camera.height]))
    x1, y1 = (int(v) for v in np.ceil(high).clip(0, [camera.width, camera.height]))
    return Box(x0=x0, y0=y0, x1=x1, y1=y1)
