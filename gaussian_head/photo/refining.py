"""A short optimisation of a dressed head against its photographs; what they do not show stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ..camera import Camera
from ..events import Listener, Progress, ignore
from ..gaussians import Gaussians
from ..head import Head
from ..metrics.image import ssim_map
from ..motion import MotionFrame
from ..raster import rasterize_view
from .fitting import FittedPhoto, PhotoFit
from .plate import plate_of
from .shape import camera_of
from .view import PhotoView

RATES = {"sh0": 0.02, "logit_opacities": 0.04, "log_scales": 0.006}
"""Adam's rates; places and turns are held."""
SIMILARITY = 0.2
"""Share of structural similarity in the loss."""
HELD = {"sh0": 0.015, "logit_opacities": 0.0006, "log_scales": 0.02}
"""Weight of the squared distance from the start."""
BORDER, UNSURE = 0.012, 0.0
"""Sides of the square from an outline up to which nothing is learnt, as of the background."""
LEAST_SEEN = 0.3
"""Share of a Gaussian that a photograph has to show for it to be changed."""
LAST = 0.05
"""Rates at the end over those at the start."""


def refine(
    head: Head, views: list[PhotoView], fit: PhotoFit, seen: Tensor, *, steps: int, listener: Listener = ignore
) -> Head:
    """Colours, opacities and sizes of seen Gaussians, fitted to the photographs through the rasterizer.

    Args:
        head: as dressed.
        views: the photographs.
        fit: how they were explained.
        seen: ``[N, P]`` share of each Gaussian that each photograph shows; a photograph changes what it shows.
        steps: of Adam for the first photograph; the others share as many.
        listener: receives Progress.
    """
    if steps <= 0:
        return head
    steps *= min(len(views), 2)
    start = {name: torch.cat([getattr(b, name) for b in head.branches]) for name in RATES}
    changes = {name: torch.zeros_like(value, requires_grad=True) for name, value in start.items()}
    optimizer = torch.optim.Adam([{"params": [changes[n]], "lr": rate} for n, rate in RATES.items()])
    scenes = [_Scene.of(head, view, photo) for view, photo in zip(views, fit.photos, strict=True)]
    total = seen.sum(1)
    share = ((total - LEAST_SEEN) / (1 - LEAST_SEEN)).clamp(0, 1)
    own = seen / total.clamp_min(1e-9)[:, None]

    def changed(by: int | None = None) -> dict[str, Tensor]:
        moved = {n: changes[n] if by is None else _of_share(changes[n], own[:, by]) for n in RATES}
        return {n: start[n] + _beside(share, start[n]) * moved[n] for n in RATES}

    for step in range(steps):
        by = _turn(step, len(scenes))
        loss = scenes[by].loss(changed(by), start)
        loss = loss + sum(weight * changes[name].square().mean() for name, weight in HELD.items())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= LAST ** (1 / steps)
        if step % 20 == 19 or step == steps - 1:
            listener(Progress(stage="photo: optimising", done=step + 1, total=steps))
    return _with(head, {name: value.detach() for name, value in changed().items()})


def _turn(step: int, photos: int) -> int:
    """Which photograph a step looks at: the first every other time."""
    return 0 if photos == 1 or step % 2 == 0 else 1 + step // 2 % (photos - 1)


def _beside(share: Tensor, values: Tensor) -> Tensor:
    """Shares ``[N]`` in as many dimensions as values ``[N, ...]``."""
    return share.view(-1, *[1] * (values.ndim - 1))


def _of_share(values: Tensor, share: Tensor) -> Tensor:
    """The same values ``[N, ...]``, whose gradients count by shares ``[N]``."""
    return values.detach() + _beside(share, values) * (values - values.detach())


def _with(head: Head, leaves: dict[str, Tensor]) -> Head:
    """The head with other values, cut into its branches."""
    sizes = [len(branch) for branch in head.branches]
    cut = {name: value.split(sizes) for name, value in leaves.items()}
    return head.with_branches(
        tuple(replace(b, **{name: cut[name][i] for name in leaves}) for i, b in enumerate(head.branches))
    )


def moment_of(photo: FittedPhoto) -> MotionFrame:
    """What a photograph's face does, as a moment of motion."""
    return replace(MotionFrame.neutral(photo.pose, photo.pose), units=photo.units.float(), gaze=photo.gaze.float())


def _counted(view: PhotoView) -> Tensor:
    """Weights ``[S, S]``: the person, its border and the background less; a matte is a few pixels wrong."""
    person = view.alpha > 127
    away = np.asarray(distance_transform_edt(person)) + np.asarray(distance_transform_edt(~person))
    return torch.from_numpy(np.where(person & (away > BORDER * len(person)), 1.0, UNSURE)).float()


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """One photograph to be like; where its Gaussians lie does not change."""

    target: Tensor
    """``[S, S, 3]``."""
    placed: Gaussians
    """As dressed, in the photograph's expression and pose."""
    camera: Camera
    """The photograph's."""
    plate: Tensor
    """``[S, S, 3]`` or ``[3]`` what stands behind."""
    mask: Tensor
    """``[S, S]`` weights of the pixels."""

    @staticmethod
    @torch.no_grad()
    def of(head: Head, view: PhotoView, photo: FittedPhoto) -> _Scene:
        own = view.image.shape[:2] == tuple(head.background.shape[:2])
        return _Scene(
            target=torch.from_numpy(view.image).float() / 255,
            placed=head.gaussians_at(moment_of(photo)),
            camera=camera_of(photo, len(view.image)),
            plate=torch.from_numpy(plate_of(view)) if own else torch.full((3,), 0.5),
            mask=_counted(view),
        )

    def loss(self, leaves: dict[str, Tensor], start: dict[str, Tensor]) -> Tensor:
        """How unlike the photograph it is."""
        gaussians = replace(
            self.placed,
            colors=leaves["sh0"],
            opacities=leaves["logit_opacities"].sigmoid(),
            scales=self.placed.scales * (leaves["log_scales"] - start["log_scales"]).exp(),
        )
        rgb = rasterize_view(gaussians, self.camera, background=self.plate).rgb[0]
        error = ((rgb - self.target).abs().mean(-1) * self.mask).mean()
        alike = ((1 - ssim_map(rgb, self.target).mean(-1)) * self.mask).mean()
        return (1 - SIMILARITY) * error + SIMILARITY * alike
