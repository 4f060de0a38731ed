"""Different Gaussians in every image: a clip's frames as one batch, in one launch where the device allows it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import InputError
from ..kernels import compiled
from . import native
from .arguments import check_floats, check_scene
from .constants import EPS2D
from .output import RasterOutput
from .scene import Scene


def rasterize_frames(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    *,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    eps2d: float = EPS2D,
    backgrounds: Tensor | None = None,
    extra: Tensor | None = None,
) -> RasterOutput:
    """Render F sets of N Gaussians, each as its own camera sees it. Differentiable, like ``rasterize``.

    On CUDA all frames are one batch; on the CPU they are rendered one after the other, each on all threads.

    Args:
        means: ``[F, N, 3]`` centres in the world, metres.
        quats: ``[F, N, 4]`` rotations, wxyz, normalised here.
        scales: ``[F, N, 3]`` standard deviations, metres.
        opacities: ``[F, N]`` in [0, 1].
        colors: ``[F, N, D]``.
        viewmats: ``[F, 4, 4]`` world to camera, OpenCV axes.
        Ks: ``[F, 3, 3]`` intrinsics in pixels.
        width: pixels.
        height: pixels.
        near_plane: Gaussians nearer than this many metres are not drawn.
        far_plane: nor are those farther than this.
        eps2d: variance in px² added to every splat.
        backgrounds: ``[F, D]``, or pictures ``[F, H, W, D]``; None for black.
        extra: ``[F, N, E]`` channels blended like colour, but without background.

    Raises:
        InputError: an argument has a wrong type, shape, dtype, device or value, or the compiled kernels are not
            installed.
    """
    if compiled() is None:
        raise InputError("the compiled kernels are not installed; build them, or render frame by frame.")
    if check_floats(means).dtype != torch.float32:
        raise InputError(f"means is {means.dtype}; a float32 tensor was wanted.")
    gaussians = {"means": means, "quats": quats, "scales": scales, "opacities": opacities}
    settings = (width, height, near_plane, far_plane, eps2d)
    scene = check_scene(gaussians, colors, extra, viewmats, Ks, backgrounds, settings, per_image=True)
    return native.rasterize(scene) if means.is_cuda else _one_by_one(scene)


def _one_by_one(scene: Scene) -> RasterOutput:
    frames = []
    for f in range(scene.means.shape[0]):
        background = None if scene.backgrounds is None else scene.backgrounds[f : f + 1]
        tensors = [*(t[f] for t in scene.tensors[:6]), *(t[f : f + 1] for t in scene.tensors[6:])]
        frames.append(native.rasterize(Scene.of(tensors, background, scene.settings)))
    names = ("rgb", "alpha", "depth", "extra", "means2d", "radii")
    return RasterOutput(**{name: torch.cat([getattr(frame, name) for frame in frames]) for name in names})
