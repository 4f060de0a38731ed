"""The rasterizer in the house's own nouns: Gaussians seen by a Camera."""

from __future__ import annotations

from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from .api import rasterize
from .output import RasterOutput


def rasterize_view(
    gaussians: Gaussians, camera: Camera, *, extra: Tensor | None = None, backend: str | None = None
) -> RasterOutput:
    """Rasterize N Gaussians, RGB or SH, as one camera sees them, without a background.

    Args:
        gaussians: the scene.
        camera: the view; C is 1 in what returns.
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
        sh_degree=round(colors.shape[1] ** 0.5) - 1 if colors.ndim == 3 else None,
        extra=extra,
        backend=backend,
    )
