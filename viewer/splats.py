"""The Gaussians as viser's own splats, drawn by the browser: smooth to turn where it has a graphics processor.

viser knows one colour a Gaussian, so that spherical harmonics are evaluated here, for the camera of the moment. It
keeps covariances in 16 bits, in which millimetres squared vanish: everything is handed over in a unit of the head's
size, and the node is scaled back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gaussian_head.gaussians import Gaussians
from gaussian_head.playing.keyframes import followed
from gaussian_head.playing.pictures import backdrop, styled_gaussians, to_bytes
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import View, camera_of
from gaussian_head.sh import sh_to_rgb
from gaussian_head.transforms import quat_to_rotmat

if TYPE_CHECKING:
    from viser import ClientHandle, GaussianSplatHandle


UNIT = 0.12
"""Metres that count as one in what the browser is given: half a head."""
BACKDROP_HEIGHT = 512
"""Pixels of the backdrop behind them."""
NAME = "/head"


@dataclass(frozen=True, kw_only=True)
class Splats:
    """What viser's splat node takes."""

    centers: np.ndarray
    """``[N, 3]`` in units, from the origin of the node."""
    covariances: np.ndarray
    """``[N, 3, 3]`` in squared units."""
    rgbs: np.ndarray
    """``[N, 3]`` uint8."""
    opacities: np.ndarray
    """``[N, 1]`` in [0, 1]."""


def splats_of(gaussians: Gaussians, camera_position: Tensor, origin: Tensor) -> Splats:
    """Gaussians in the world as splats around ``origin``, coloured as seen from ``camera_position``."""
    axes = quat_to_rotmat(torch.nn.functional.normalize(gaussians.quats, dim=1)) * (gaussians.scales / UNIT)[:, None]
    colors = gaussians.colors
    if colors.ndim == 3:
        colors = sh_to_rgb(colors, gaussians.means - camera_position, round(colors.shape[1] ** 0.5) - 1)
    return Splats(
        centers=((gaussians.means - origin) / UNIT).numpy(),
        covariances=(axes @ axes.transpose(1, 2)).numpy(),
        rgbs=to_bytes(colors),
        opacities=gaussians.opacities.clamp(0, 1)[:, None].numpy(),
    )


class SplatNode:
    """The splats in one browser's scene; made when first shown, taken away when hidden."""

    def __init__(self, client: ClientHandle) -> None:
        self._client = client
        self._node: GaussianSplatHandle | None = None
        self._hung: object = None

    def show(self, staging: Staging, view: View, t: int, pulse: float = 0.0) -> None:
        """Put frame ``t`` on stage in place of what was there."""
        head = staging.person.head
        view = followed(staging.path, t, view)
        gaussians = styled_gaussians(head, staging.moment(t, pulse), 0, staging.look)
        self._place(splats_of(gaussians, torch.tensor(view.position).float(), head.centre), head.centre)
        self._hang(staging, view)

    def _hang(self, staging: Staging, view: View) -> None:
        """The backdrop, sent anew only where it differs."""
        camera = camera_of(view, staging.person.head, BACKDROP_HEIGHT, centred=True)
        key = (staging.person.name, staging.look.plate, staging.look.color, camera.width, float(camera.K[0, 0]))
        if key == self._hung:
            return
        self._hung = key
        plate = backdrop(staging.person.head, camera, staging.look).expand(camera.height, camera.width, 3)
        self._client.scene.set_background_image(to_bytes(plate), format="jpeg", jpeg_quality=90)

    def _place(self, splats: Splats, origin: Tensor) -> None:
        if self._node is None:
            self._node = self._client.scene.add_gaussian_splats(
                NAME,
                splats.centers,
                splats.covariances,
                splats.rgbs,
                splats.opacities,
                scale=UNIT,
                position=tuple(origin.tolist()),
            )
            return
        self._node.position = tuple(origin.tolist())
        self._node.set_gaussians(splats.centers, splats.covariances, splats.rgbs, splats.opacities)

    def hide(self) -> None:
        """Take them away."""
        if self._node is not None:
            self._node.remove()
            self._node, self._hung = None, None
