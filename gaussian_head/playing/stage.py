"""From a Staging to what a browser shows: one picture, or two held against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..camera import Camera
from .compare import RECORDED, Versus, across, canvas_size, combined, fitted, psnr
from .keyframes import followed
from .pictures import PICTURED, PLAIN, Look, backdrop, shown
from .shading import Legend
from .shelf import ShelvedHead
from .staging import Staging
from .views import View, camera_of


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What a browser shows."""

    image: np.ndarray
    """``[H, W, 3]`` uint8."""
    legend: Legend | None = None
    """How to read its colours."""
    labels: tuple[str, str] | None = None
    """Names of its left and right half."""
    split: float | None = None
    """Where the line between them can be dragged, in [0, 1] of the width."""
    likeness: float | None = None
    """PSNR of rendered and recorded frame, decibels."""


class Backdrops:
    """The last few backdrops, which are costlier to warp than to keep."""

    def __init__(self, keep: int = 4) -> None:
        self._keep = keep
        self._made: dict[object, Tensor] = {}

    def get(self, person: ShelvedHead, camera: Camera, look: Look) -> Tensor | None:
        """``backdrop`` for this camera, made once; None for a look without one."""
        if look.mode not in PICTURED:
            return None
        key = (person.name, look.plate, look.color, camera.width, camera.height, float(camera.K[0, 0]))
        if key not in self._made:
            while len(self._made) >= self._keep:
                self._made.pop(next(iter(self._made)))
            self._made[key] = backdrop(person.head, camera, look)
        return self._made[key]


def staged(
    staging: Staging, view: View, t: int, scale: float = 1.0, pulse: float = 0.0, backdrops: Backdrops | None = None
) -> Staged:
    """Frame ``t`` as the browser with this view sees it.

    Args:
        staging: who, what and how.
        view: the browser's camera.
        t: frame of the performance; beyond its end the last is shown.
        scale: size as a fraction of the full one.
        pulse: how far a blink of the moment is under way, in [0, 1].
        backdrops: kept from picture to picture.
    """
    backdrops = Backdrops() if backdrops is None else backdrops
    height = max(round(staging.size * scale), 16)
    if staging.versus is not None and staging.versus.other == RECORDED:
        return _against_footage(staging, staging.versus, view, t, height, pulse, backdrops)
    view = followed(staging.path, t, view)
    if staging.versus is not None and staging.rival is not None:
        return _against_head(staging, staging.versus, view, t, height, pulse, backdrops)
    camera = camera_of(view, staging.person.head, height)
    background = backdrops.get(staging.person, camera, staging.look)
    drawn = shown(
        staging.person.head, staging.moment(t, pulse), 0, camera, staging.look, background, staging.person.draw
    )
    return Staged(image=drawn.image, legend=drawn.legend)


def _against_footage(
    staging: Staging, versus: Versus, view: View, t: int, height: int, pulse: float, backdrops: Backdrops
) -> Staged:
    """Through the recording camera, whatever the browser's: nothing else was recorded."""
    person = staging.person
    t = min(t, len(staging.performance.motion) - 1)
    recorded = person.head.camera
    width = max(round(height * recorded.width / recorded.height), 16)
    most = view.aspect * height / _widths(versus)
    camera = recorded.resized(width, height)
    background = backdrops.get(person, camera, staging.look)
    rendered = shown(person.head, staging.moment(t, pulse), 0, camera, staging.look, background, person.draw)
    truth = person.footage.frame(t, width, height)
    # Two beside each other are shown smaller than one, and measured alike.
    left, right = _narrowed(truth, most), _narrowed(rendered.image, most)
    wide, _ = canvas_size(left.shape[1], left.shape[0], view.aspect)
    image = combined(left, right, versus.mode, across(versus.split, left.shape[1], wide))
    return Staged(
        image=fitted(image, view.aspect, PLAIN),
        legend=rendered.legend,
        labels=_labels(versus, "recorded", "rendered"),
        split=versus.split if versus.mode == "wipe" else None,
        likeness=psnr(truth, rendered.image) if staging.look.mode == "rgb" else None,
    )


def _against_head(
    staging: Staging, versus: Versus, view: View, t: int, height: int, pulse: float, backdrops: Backdrops
) -> Staged:
    """Both heads through the browser's camera, each standing where its own clip was recorded."""
    assert staging.rival is not None
    half = View(wxyz=view.wxyz, position=view.position, fov=view.fov, aspect=view.aspect / _widths(versus))
    moments = ((staging.person, staging.moment(t, pulse)), (staging.rival, staging.rival_moment(t, pulse)))
    drawn = []
    for person, moment in moments:
        camera = _at_home(camera_of(half, staging.person.head, height), staging.person, person)
        background = backdrops.get(person, camera, staging.look)
        drawn.append(shown(person.head, moment, 0, camera, staging.look, background, person.draw))
    image = combined(drawn[0].image, drawn[1].image, versus.mode, versus.split)
    split = versus.split if versus.mode == "wipe" else None
    labels = _labels(versus, staging.person.name, staging.rival.name)
    return Staged(image=image, legend=drawn[0].legend, labels=labels, split=split)


def _at_home(camera: Camera, guest: ShelvedHead, host: ShelvedHead) -> Camera:
    """The camera moved as one head's resting place lies from the other's."""
    if guest is host:
        return camera
    viewmat = camera.viewmat.clone()
    viewmat[:3, 3] -= viewmat[:3, :3] @ (host.head.centre - guest.head.centre)
    return camera.with_view(viewmat)


def _labels(versus: Versus, left: str, right: str) -> tuple[str, str]:
    return (f"{left} - {right}, x4", "") if versus.mode == "difference" else (left, right)


def _widths(versus: Versus) -> int:
    return 2 if versus.mode == "side" else 1


def _narrowed(image: np.ndarray, most: float) -> np.ndarray:
    """A picture ``[H, W, 3]`` uint8, smaller where it is wider than ``most`` pixels."""
    import cv2

    height, width = image.shape[:2]
    if width <= most:
        return image
    size = (max(round(most), 16), max(round(height * most / width), 16))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
