"""Writing a head for other programs: the whole of `gaussian-head export`."""

from __future__ import annotations

from pathlib import Path

import torch

from .checks import InputError
from .head import Head
from .motion import MotionFrame


def export(head: str | Path | Head, out: str | Path, *, format: str = "ply", frame: int | None = None) -> Path:
    """Write Gaussians of one moment, in the world of the recording camera.

    Args:
        head: a Head or the folder of one.
        out: file to write; it appears only when complete.
        format: ``"ply"`` (standard 3DGS) or ``"splat"`` (32 bytes a Gaussian).
        frame: frame of the captured clip; None for the neutral face at rest.

    Raises:
        InputError: unknown format, or a frame outside the clip.
    """
    from .io.ply import write_ply
    from .io.splat import write_splat

    writers = {"ply": write_ply, "splat": write_splat}
    if format not in writers:
        raise InputError(f"format {format!r} is unknown; choose among {', '.join(writers)}.")
    if not isinstance(head, Head):
        head = Head.load(head)
    with torch.no_grad():
        writers[format](Path(out), head.gaussians_at(moment(head, frame)))
    return Path(out)


def moment(head: Head, frame: int | None) -> MotionFrame:
    """Frame ``frame`` of the captured clip, or the neutral face at rest."""
    motion = head.capture_motion
    if frame is None:
        upright = torch.tensor([1.0, 0.0, 0.0, 0.0])
        return MotionFrame(
            head_quat=upright,
            head_position=head.centre,
            torso_quat=upright,
            torso_position=head.centre,
            expression=torch.zeros(len(motion.channels)),
        )
    if not 0 <= frame < len(motion):
        raise InputError(f"frame {frame} was asked; the captured clip has frames 0 to {len(motion) - 1}.")
    return motion.at(frame)
