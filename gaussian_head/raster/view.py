"""The rasterizer in the house's own nouns: Gaussians seen by a Camera."""

from __future__ import annotations

from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..sh import degree_of
from .api import rasterize
from .output import RasterOutput


def rasterize_view(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: Tensor | None = None,
    extra: Tensor | None = None,
    backend: str | None = None,
) -> RasterOutput:
    """Rasterize N Gaussians, RGB or SH, as one camera sees them.

    Args:
        gaussians: the scene.
        camera: the view; C is 1 in what returns.
        background: ``[3]`` colour or ``[H, W, 3]`` picture at the camera's size; None for black.
        extra: ``[N, E]`` channels blended like colour.
        backend: rasterizer backend, None for the best one present.
    """
    colors = gaussians.colors
    return rasterize(
        gaussians.means,
        gaussians.quats,
        gaussians.scales,
        gaussians.opacities,
        colors,
        camera.viewmat[None],
        camera.K[None],
        camera.width,
        camera.height,
        sh_degree=degree_of(colors.shape[1]) if colors.ndim == 3 else None,
        backgrounds=None if background is None else background[None],
        extra=extra,
        backend=backend,
    )
