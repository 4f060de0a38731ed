"""What draws the frames of a film: the CPU kernels one by one, or a CUDA device that keeps the head in its memory."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ..camera import Camera
from ..gaussians import Frame
from ..head import Head
from ..head.cuda_render import HeadRenderer
from ..kernels import drawing_device
from ..motion import MotionFrame
from .frames import known_share, normalised_depth, render_moment


class Draw(Protocol):
    """Draws one head again and again."""

    def __call__(self, moment: MotionFrame, camera: Camera, background: Tensor | None) -> Frame:
        """The head at a moment, over a colour ``[3]``, a plate ``[H, W, 3]`` or black; a Frame on the CPU."""
        ...


def drawing(head: Head) -> Draw:
    """What draws ``head`` where ``kernels.drawing_device`` says: a CUDA device, which keeps the head, or the CPU."""
    device = drawing_device()
    if device.type == "cuda":
        return on_device(head, device)
    return lambda moment, camera, background: render_moment(head, moment, camera, background=background)


def on_device(head: Head, device: torch.device) -> Draw:
    """What draws ``head`` in one launch a frame from its coefficients, with the Gaussians kept on ``device``.

    Raises:
        InputError: branches of different SH degrees, or not float32.
    """
    renderer = HeadRenderer(branches=tuple(branch.to(device) for branch in head.branches))
    anchors = None if head.anchors is None else head.anchors.to(device)

    @torch.no_grad()
    def draw(moment: MotionFrame, camera: Camera, background: Tensor | None) -> Frame:
        if known_share(head, camera) < 1:
            return render_moment(head, moment, camera, background=background)
        poses = torch.cat([moment.head.quats, moment.head.positions, moment.torso.quats, moment.torso.positions])
        now = renderer
        if anchors is not None and bool(anchors.beyond(moment.units.to(device)).any()):
            now = HeadRenderer(branches=anchors.moved(renderer.branches, moment.units.to(device)))
        frames = now.render(
            _batch(head.coefficients_at(moment), device),
            _batch(poses, device),
            _batch(camera.viewmat, device),
            _batch(camera.K, device),
            camera.width,
            camera.height,
            backgrounds=None if background is None else _batch(background, device),
        )
        rgb, alpha, depth = (image[0].cpu() for image in (frames.rgb, frames.alpha, frames.depth))
        return Frame(rgb=rgb, alpha=alpha, depth=normalised_depth(depth, alpha), extra=rgb[..., :0])

    return draw


def _batch(tensor: Tensor, device: torch.device) -> Tensor:
    """A batch of one."""
    return tensor[None].to(device).contiguous()
