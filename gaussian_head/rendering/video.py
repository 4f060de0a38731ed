"""A moving head to an mp4 with sound, frame by frame in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..events import Listener, ignore, tracked
from ..gaussians import Frame
from ..head import Head
from ..media import VideoWriter
from ..motion import Motion
from .frames import render_frame


def to_uint8(frame: Frame) -> np.ndarray:
    """Rendered colour as ``[H, W, 3]`` uint8."""
    return (frame.rgb.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()


def fit_background(background: Tensor, camera: Camera) -> Tensor:
    """A plate ``[H, W, 3]`` resized to the camera's picture; a colour ``[3]`` passes through."""
    if background.ndim == 1 or background.shape[:2] == (camera.height, camera.width):
        return background
    size = (camera.height, camera.width)
    resized = torch.nn.functional.interpolate(background.permute(2, 0, 1)[None], size=size, mode="bilinear")
    return resized[0].permute(1, 2, 0).contiguous()


def render_video(
    head: Head,
    motion: Motion,
    cameras: Sequence[Camera],
    out: str | Path,
    *,
    audio: np.ndarray | None = None,
    sample_rate: int = 16000,
    background: Tensor | None = None,
    listener: Listener = ignore,
) -> Path:
    """Render every frame of ``motion`` and write it as h264 with aac sound.

    Args:
        head: the person.
        motion: T frames.
        cameras: T cameras of one size.
        out: mp4 path; it appears only when complete.
        audio: ``[S]`` mono sound, cut or padded to the video's length.
        sample_rate: of ``audio``, in Hz.
        background: ``[3]`` colour or plate ``[H, W, 3]``; None for the head's own plate.
        listener: receives Progress.

    Returns:
        ``out``.

    Raises:
        ValueError: the number of cameras is not the number of frames.
    """
    if len(cameras) != len(motion):
        raise ValueError(f"{len(cameras)} cameras came for {len(motion)} frames; one per frame is wanted.")
    first = cameras[0]
    plate = fit_background(head.background if background is None else background, first)
    out = Path(out)
    writer = VideoWriter(
        out, width=first.width, height=first.height, fps=motion.fps, audio=audio, sample_rate=sample_rate
    )
    with writer:
        for t in tracked(range(len(motion)), "rendering", len(motion), listener):
            writer.write(to_uint8(render_frame(head, motion, t, cameras[t], background=plate)))
    return out
