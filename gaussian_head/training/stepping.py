"""One step of training: a few frames drawn together, compared with what was recorded, and the optimizer moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..camera import Camera
from ..capture import Capture, CaptureView, views_of
from ..head import PARTS, Head
from ..kernels import CPU
from ..motion import Motion, MotionFrame
from ..raster import RasterOutput
from ..raster.frames import rasterize_frames
from ..raster.room import Room
from ..sh import seen_colors
from . import losses
from .cameras import EXPOSURE, exposed, exposure_deviation
from .config import Stage, TrainConfig
from .data import TrainFrame, frame_size
from .state import CORRECTIONS, TrainState


def corrected(frame: MotionFrame, correction: Tensor) -> MotionFrame:
    """A moment whose head and torso pose are turned and moved by ``[12]``: two rotation vectors and translations."""
    return replace(
        frame,
        head=frame.head.moved(correction[0:6]),
        torso=frame.torso.moved(correction[6:12]),
    )


@dataclass(frozen=True, kw_only=True)
class Filming:
    """What all steps of a stage that look through one camera share."""

    motion: Motion
    """What the person did as tracked, in each of this camera's frames."""
    rows: Tensor
    """``[N]`` int64, the leading camera's frame nearest to each, whose pose correction it shares."""
    camera: Camera
    """The camera at the stage's resolution."""
    background: Tensor
    """``[H, W, 3]`` its background plate at that resolution."""
    room: Room = field(default_factory=Room)
    """Memory of its pictures on a device."""

    @staticmethod
    def of(capture: Capture | CaptureView, resolution: float, device: torch.device = CPU) -> Filming:
        """A camera of a capture (of a Capture the leading one) at a share of its resolution, on a device."""
        view = views_of(capture)[0] if isinstance(capture, Capture) else capture
        width, height = frame_size(view.capture, resolution)
        plate = torch.as_tensor(view.capture.background).permute(2, 0, 1)[None]
        plate = torch.nn.functional.interpolate(plate, size=(height, width), mode="area")
        return Filming(
            motion=view.motion.to(device),
            rows=view.nearest.to(device),
            camera=view.camera.resized(width, height).to(device),
            background=plate[0].permute(1, 2, 0).contiguous().to(device),
        )


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Frames of one camera as the head shows them now."""

    frames: Sequence[TrainFrame]
    """What they are compared with."""
    filming: Filming
    """Their camera's."""
    out: RasterOutput
    """Their pictures."""
    probe: Tensor
    """``[F, N, 2]`` receives the gradient to screen positions, in two more columns that without the pixels' signs."""


def step(
    state: TrainState, frames: Sequence[TrainFrame], filmings: Sequence[Filming], config: TrainConfig, stage: Stage
) -> Tensor:
    """One gradient step on B frames together; gives their mean loss and mean full-frame PSNR in dB, ``[2]``.

    The loss is summed over the frames, not averaged: Adam divides by the gradient's size anyway, and every frame pulls
    at its pose correction as if it were alone.
    """
    head = state.head()
    seen_by = [(filmings[c], [f for f in frames if f.camera == c]) for c in sorted({f.camera for f in frames})]
    drawn = [_drawn(state, head, filming, own, config, stage) for filming, own in seen_by]
    compared = [_compared(state, one, i, config, stage) for one in drawn for i in range(len(one.frames))]
    loss = sum((loss for loss, _ in compared[1:]), start=compared[0][0])
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.hold()
    state.advance(torch.cat([filmings[frame.camera].rows[frame.at] for frame in frames]))
    for one in drawn:
        visible = one.out.radii > 0
        assert one.probe.grad is not None
        state.pull += (one.probe.grad[..., -2:].norm(dim=2) * one.filming.camera.width * visible).sum(0)
        state.seen += visible.sum(0)
    with torch.no_grad():
        psnr = -10 * torch.log10(torch.stack([error for _, error in compared]))
        return torch.stack([loss / len(frames), psnr.mean()])


def _drawn(
    state: TrainState, head: Head, filming: Filming, frames: Sequence[TrainFrame], config: TrainConfig, stage: Stage
) -> Drawn:
    at, camera, F = torch.cat([frame.at for frame in frames]), filming.camera, len(frames)
    motion = filming.motion.select(at)
    moments = [motion.at(f) for f in range(F)]
    if stage.refine_pose:
        rows = state.params[CORRECTIONS][filming.rows[at]]
        moments = [corrected(moment, row) for moment, row in zip(moments, rows, strict=True)]
    gaussians = head.gaussians_at_each(moments)
    labels = head.parts
    extra = torch.stack([labels == PARTS.index("mouth"), labels == PARTS.index("torso")], dim=1).float()
    probe = gaussians.means.new_zeros(*gaussians.means.shape[:2], 4 if config.absgrad else 2).requires_grad_()
    out = rasterize_frames(
        gaussians.means,
        gaussians.quats,
        gaussians.scales,
        gaussians.opacities,
        seen_colors(gaussians.colors, gaussians.means, camera.position),
        camera.viewmat.expand(F, 4, 4),
        camera.K.expand(F, 3, 3),
        camera.width,
        camera.height,
        backgrounds=_backgrounds(frames, filming),
        extra=extra.expand(F, *extra.shape),
        probe=probe,
        room=filming.room,
    )
    return Drawn(frames=frames, filming=filming, out=out, probe=probe)


def _compared(state: TrainState, drawn: Drawn, i: int, config: TrainConfig, stage: Stage) -> tuple[Tensor, Tensor]:
    """Loss and mean square error of one of the frames drawn."""
    frame, rgb, alpha = drawn.frames[i], drawn.out.rgb[i], drawn.out.alpha[i]
    if frame.camera:
        rgb = exposed(rgb, alpha, behind(frame, drawn.filming), state.params[EXPOSURE][frame.camera - 1])
    loss = picture_loss(rgb, alpha, drawn.out.extra[i], frame, config)
    if stage.refine_pose:
        row = drawn.filming.rows[frame.at]
        loss = loss + config.weights.pose * losses.pose_deviation(state.params[CORRECTIONS][row])
    if frame.camera:
        loss = loss + exposure_deviation(state.params[EXPOSURE][frame.camera - 1])
    return loss, ((rgb.detach() - frame.rgb) ** 2).mean()


def _backgrounds(frames: Sequence[TrainFrame], filming: Filming) -> Tensor:
    """``[F, H, W, 3]``; the plate is not copied where no frame has a background of its own."""
    if all(frame.background is None for frame in frames):
        return filming.background.expand(len(frames), *filming.background.shape)
    return torch.stack([behind(frame, filming) for frame in frames])


def behind(frame: TrainFrame, filming: Filming) -> Tensor:
    """``[H, W, 3]`` what a frame is drawn before."""
    return filming.background if frame.background is None else frame.background


def picture_loss(rgb: Tensor, alpha: Tensor, parts: Tensor, frame: TrainFrame, config: TrainConfig) -> Tensor:
    """How far a picture, its matte and its parts are from a recorded frame's."""
    weights = config.weights
    if frame.entered is not None:  # compared with itself there is nothing to learn
        kept = ((rgb, frame.rgb), (alpha, frame.alpha), (parts, frame.parts))
        entered = frame.entered
        shown = [torch.where(entered if a.ndim == 2 else entered[..., None], a.detach(), b) for a, b in kept]
        frame = replace(frame, rgb=shown[0], alpha=shown[1], parts=shown[2])
    loss = losses.photometric(rgb, frame.rgb, frame.weight, weights.ssim)
    loss = loss + weights.alpha * losses.mean_abs(alpha, frame.alpha)
    return loss + weights.parts * losses.mean_abs(parts, frame.parts)
