"""The lower face as recorded and as it shall be: two renderings, and how every pixel moves from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Gaussians
from ..head import PARTS, Head
from ..motion import Motion, MotionFrame
from ..raster import rasterize_view
from ..smoothing import smoothstep
from .trust import RENDERED, steadied, trusted
from .view import MARGIN, Box, box_around, within

UPPER_EDGE = (0.030, 0.010)
"""Metres above the mouth between which the lower face begins: beneath the nose's tip it is whole."""
LOWER_EDGE = (0.058, 0.100)
"""Metres below the mouth between which it ends: the chin is whole, the neck fades."""
BACK_EDGE = (0.055, 0.085)
"""Metres behind the lips between which it ends: ears and hair at the side are none of it."""
MOVED = (0.0002, 0.0008)
"""Root mean square metres that speech moves a Gaussian, between which it begins to count as one that speech moves."""
FACE = 0.145
"""Metres that a face is wide."""
NEAR = 0.05
"""Share of the lower face from which on a Gaussian must be in the picture that is worked on."""
SAMPLES = 24
"""Moments of the clip that tell what speech moves."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One moment of a head as recorded (old) and as it shall be (new), in a box of the picture around the lower face.

    Arrays are f32 ``[H, W]``.
    """

    box: Box
    """Where it is in the whole picture."""
    face_width: float
    """Width of the face, pixels."""
    old: np.ndarray
    """``[H, W, 3]`` rendered as recorded, in [0, 1] and over black."""
    new: np.ndarray
    """``[H, W, 3]`` rendered as it shall be, over black."""
    old_alpha: np.ndarray
    """Opacity of the head as recorded."""
    new_alpha: np.ndarray
    """Opacity of the head as it shall be."""
    old_skin: np.ndarray
    """Share of what is seen, as recorded, that is no mouth interior."""
    new_skin: np.ndarray
    """The same as it shall be."""
    flow: np.ndarray
    """``[H, W, 2]`` pixels from where what is seen shall be to where it was."""
    seen: np.ndarray
    """How far, in [0, 1], what shall be seen there was to be seen as recorded."""
    mask: np.ndarray
    """How far, in [0, 1], a pixel belongs to the lower face, now or then."""


class LowerFace:
    """What of a head speech moves, and renderings of it."""

    def __init__(self, head: Head, clip: Motion) -> None:
        """Of ``head``, by the motion of its own ``clip``."""
        self._head = head
        parts = head.parts
        self._skin = (parts != PARTS.index("mouth")).float()
        self._share = lower_share(head, clip)
        self._near = self._share > NEAR

    @torch.no_grad()
    def pair(self, recorded: MotionFrame, wanted: MotionFrame, camera: Camera) -> Pair | None:
        """Both moments, which have one pose, as ``camera`` sees them; None where the lower face is outside."""
        old, new = (self._head.gaussians_at(moment) for moment in (recorded, wanted))
        was, depth = seen_at(old, camera)
        goes = seen_at(new, camera)[0]
        face_width = FACE * float(camera.K[0, 0] / depth[self._share > 0.5].median())
        box = box_around(torch.cat([was[self._near], goes[self._near]]), camera, MARGIN * face_width)
        if box.is_empty:
            return None
        return self._drawn(old, new, within(camera, box, min(1.0, RENDERED / face_width)), box, face_width)

    def _drawn(self, old: Gaussians, new: Gaussians, camera: Camera, box: Box, face_width: float) -> Pair:
        """The pair as ``camera`` sees it, enlarged to the size of ``box``."""
        skin, share = self._skin[:, None], self._share[:, None]
        was, depth = seen_at(old, camera)
        goes = seen_at(new, camera)[0]
        first = rasterize_view(old, camera, extra=torch.cat([skin, share], 1))
        second = rasterize_view(new, camera, extra=torch.cat([skin, share, was - goes, depth], 1))
        alphas = [out.alpha[0].numpy() for out in (first, second)]
        amounts = [np.maximum(alpha, 1e-3) for alpha in alphas]
        depths = [out.depth[0].numpy() / amount for out, amount in zip((first, second), amounts, strict=True)]
        before, after = first.extra[0].numpy(), second.extra[0].numpy()
        skins = [extra[..., 0] / amount for extra, amount in zip((before, after), amounts, strict=True)]
        flow = steadied(after[..., 2:4] / amounts[1][..., None])
        size = (box.x1 - box.x0, box.y1 - box.y0)
        maps = {
            "old_alpha": alphas[0],
            "new_alpha": alphas[1],
            "old_skin": skins[0],
            "new_skin": skins[1],
            "flow": flow * (size[0] / camera.width),
            "seen": trusted(depths, skins, flow, after[..., 4] / amounts[1]),
            "mask": np.maximum(before[..., 1], after[..., 1]),
        }
        pictures = {"old": first.rgb[0].numpy(), "new": second.rgb[0].numpy()}
        return Pair(
            box=box,
            face_width=face_width,
            **{name: enlarged(values, size) for name, values in maps.items()},
            **{name: enlarged(values, size, smooth=True) for name, values in pictures.items()},
        )


def enlarged(values: np.ndarray, size: tuple[int, int], *, smooth: bool = False) -> np.ndarray:
    """``values [h, w, ..]`` at ``size`` (width, height)."""
    import cv2

    values = np.ascontiguousarray(values, np.float32)
    if values.shape[1::-1] == size:
        return values
    return cv2.resize(values, size, interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR)


def seen_at(gaussians: Gaussians, camera: Camera) -> tuple[Tensor, Tensor]:
    """Pixels ``[N, 2]`` and depths ``[N, 1]`` (metres) of the centres."""
    return camera.project(gaussians.means), (gaussians.means @ camera.viewmat[2, :3] + camera.viewmat[2, 3])[:, None]


@torch.no_grad()
def lower_share(head: Head, clip: Motion) -> Tensor:
    """How far every Gaussian ``[N]`` belongs to the lower face that speech moves, in [0, 1]."""
    at = torch.cat([branch.means for branch in head.branches])
    mouth = head.branch("mouth").means.median(0).values
    _, y, z = (at - mouth).unbind(1)
    above = ramp(-y, UPPER_EDGE[0], UPPER_EDGE[1])
    below = ramp(y, LOWER_EDGE[1], LOWER_EDGE[0])
    front = ramp(z, BACK_EDGE[1], BACK_EDGE[0])
    return above * below * front * ramp(spoken_motion(head, clip), *MOVED)


def spoken_motion(head: Head, clip: Motion) -> Tensor:
    """Root mean square metres ``[N]`` that the mouth of ``clip`` moves every Gaussian, poses aside."""
    frames = torch.linspace(0, len(clip) - 1, min(SAMPLES, len(clip))).round().long().tolist()
    still = clip.at(frames[0])
    placed = []
    for t in frames:
        moment = clip.at(t)
        moment = MotionFrame(
            head=still.head,
            torso=still.torso,
            units=moment.units,
            gaze=still.gaze,
            residual=moment.residual,
            basis_id=moment.basis_id,
        )
        placed.append(head.gaussians_at(moment).means)
    return torch.stack(placed).var(0).sum(1).sqrt()


def ramp(values: Tensor, zero: float, one: float) -> Tensor:
    """From 0 at ``zero`` to 1 at ``one``, smooth; either may be the larger."""
    return smoothstep(((values - zero) / (one - zero)).clamp(0, 1))
