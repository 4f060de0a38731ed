"""Different Gaussians in every image: a clip's frames as one batch, in one launch where the device allows it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from . import native
from .api import choose_backend, draw_scene
from .arguments import check_floats, check_probe, check_scene
from .constants import EPS2D
from .output import RasterOutput
from .room import Room
from .scene import Scene


def rasterize_frames(
    means: Tensor,
    quats: Tensor | None,
    scales: Tensor | None,
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
    probe: Tensor | None = None,
    covars: Tensor | None = None,
    room: Room | None = None,
) -> RasterOutput:
    """Render F sets of N Gaussians, each as its own camera sees it. Differentiable, like ``rasterize``.

    By the CUDA kernels all frames are one batch; elsewhere they are rendered one after the other. For the gradient to
    screen positions give a ``probe``: ``means2d.grad`` is filled where the frames are one batch only.

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
        probe: ``[F, N, 2]`` of any values; its ``.grad`` receives the gradient to the screen positions, in px. In two
            more columns it receives the sum of the pixels' own, each without its sign (see ``rasterize``).
        covars: ``[F, N, 3, 3]`` covariances in metres², in place of quats and scales.
        room: on CUDA the memory of this and later renderings, of which only the first makes the host wait.

    Raises:
        InputError: an argument has a wrong type, shape, dtype, device or value.
    """
    check_floats(means)
    gaussians = {"means": means, "quats": quats, "scales": scales, "covars": covars, "opacities": opacities}
    settings = (width, height, near_plane, far_plane, eps2d)
    scene = check_scene(gaussians, colors, extra, viewmats, Ks, backgrounds, settings, per_image=True)
    if probe is not None:
        lead = (means.shape[0], means.shape[1])
        scene = replace(scene, probe=check_probe(probe, lead, means, absgrad=False))
    batched = type(means) is Tensor and choose_backend(means.device, means.dtype) == "cuda"
    return native.rasterize(scene, room) if batched else _one_by_one(scene)


def _one_by_one(scene: Scene) -> RasterOutput:
    backend, frames = choose_backend(scene.means.device, scene.means.dtype), []
    for f in range(scene.means.shape[0]):
        background = None if scene.backgrounds is None else scene.backgrounds[f : f + 1]
        tensors = [*(t[f] for t in scene.tensors[:6]), *(t[f : f + 1] for t in scene.tensors[6:])]
        probe = None if scene.probe is None else scene.probe[f : f + 1]
        frame = replace(Scene.of(tensors, background, scene.settings), probe=probe)
        frames.append(draw_scene(frame, backend))
    names = ("rgb", "alpha", "depth", "extra", "means2d", "radii")
    return RasterOutput(**{name: torch.cat([getattr(frame, name) for frame in frames]) for name in names})
