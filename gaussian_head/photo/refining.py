"""A short optimisation of a dressed head against its photographs; what they do not show stays as it is."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..events import Listener, Progress, ignore
from ..head import Head
from ..metrics.image import ssim_map
from ..motion import MotionFrame
from ..raster import rasterize_view
from .fitting import FittedPhoto, PhotoFit
from .shape import camera_of
from .view import PhotoView

RATES = {"sh0": 0.02, "logit_opacities": 0.04, "log_scales": 0.006}
"""Adam's rates; places and turns are held."""
SIMILARITY = 0.2
"""Share of structural similarity in the loss."""
HELD = {"sh0": 0.004, "logit_opacities": 0.0006, "log_scales": 0.02}
"""Weight of the squared distance from the start."""


def refine(
    head: Head, views: list[PhotoView], fit: PhotoFit, seen: Tensor, *, steps: int, listener: Listener = ignore
) -> Head:
    """Colours, opacities and sizes of seen Gaussians, fitted to the photographs through the rasterizer.

    Args:
        head: as dressed.
        views: the photographs.
        fit: how they were explained.
        seen: ``[N]`` share of each Gaussian that a photograph shows; those of none are held.
        steps: of Adam.
        listener: receives Progress.
    """
    if steps <= 0:
        return head
    leaves = {name: torch.cat([getattr(b, name) for b in head.branches]).clone() for name in RATES}
    start = {name: value.clone() for name, value in leaves.items()}
    for value in leaves.values():
        value.requires_grad_(True)
    optimizer = torch.optim.Adam([{"params": [leaves[n]], "lr": rate} for n, rate in RATES.items()])
    scenes = [_scene(head, view, photo) for view, photo in zip(views, fit.photos, strict=True)]
    share = seen.clamp(0, 1)
    for step in range(steps):
        target, mask, moment, camera, plate = scenes[step % len(scenes)]
        gaussians = _with(head, leaves).gaussians_at(moment)
        out = rasterize_view(gaussians, camera, background=plate)
        rgb = out.rgb[0]
        error = (rgb - target).abs().mean(-1) * mask
        alike = (1 - ssim_map(rgb, target).mean(-1)) * mask
        loss = (1 - SIMILARITY) * error.mean() + SIMILARITY * alike.mean()
        for name, weight in HELD.items():
            loss = loss + weight * (leaves[name] - start[name]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        for name, value in leaves.items():
            if value.grad is not None:
                value.grad *= share.view(-1, *[1] * (value.ndim - 1))
        for group in optimizer.param_groups:
            group["lr"] *= 0.01 ** (1 / steps)
        optimizer.step()
        if step % 10 == 9 or step == steps - 1:
            listener(Progress(stage="photo: optimising", done=step + 1, total=steps))
    kept = share > 0
    done = {
        name: torch.where(kept.view(-1, *[1] * (value.ndim - 1)), value.detach(), start[name])
        for name, value in leaves.items()
    }
    return _with(head, done)


def _with(head: Head, leaves: dict[str, Tensor]) -> Head:
    """The head with other values, cut into its branches."""
    sizes = [len(branch) for branch in head.branches]
    cut = {name: value.split(sizes) for name, value in leaves.items()}
    return head.with_branches(
        tuple(replace(b, **{name: cut[name][i] for name in leaves}) for i, b in enumerate(head.branches))
    )


def moment_of(photo: FittedPhoto) -> MotionFrame:
    """What a photograph's face does, as a moment of motion."""
    return replace(
        MotionFrame.neutral(photo.pose, photo.pose), units=photo.units.float(), gaze=photo.gaze.float()
    )


def _scene(head: Head, view: PhotoView, photo: FittedPhoto):
    """Target ``[S, S, 3]``, the pixels that count ``[S, S]``, the moment, the camera and what stands behind."""
    target = torch.from_numpy(view.image).float() / 255
    same = view.image.shape[:2] == tuple(head.background.shape[:2])
    plate = head.background if same else torch.full((3,), 0.5)
    mask = torch.ones(target.shape[:2])
    return target, mask, moment_of(photo), camera_of(photo, len(view.image)), plate
