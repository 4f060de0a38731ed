"""A head against a camera that training did not look through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..capture import Capture, CaptureView, capture_of, views_of
from ..checks import InputError, read_json
from ..conventions import HEAD_LABELS
from ..events import Listener, Warned, ignore
from ..head import Head
from ..metrics.evaluate import evaluate_frames
from ..metrics.lpips import Lpips
from ..metrics.report import Report
from ..metrics.written import require_report_folder, write_report
from ..motion import Motion
from ..rendering import render_frame

MOST, OF_EXPOSURE = 60, 8
"""Frames that are compared at most, and those between them that exposure is told by."""
ROWS = {
    "tracked": "the person as the leading camera exposes, before this camera's plate",
    "exposed": f"the same with one gain and offset a colour, told by {OF_EXPOSURE} other frames of this camera",
    "nearest": "the nearest other camera's picture as it is: what no head at all scores",
}


def evaluate_camera(
    actor: str | Path | Actor,
    out: str | Path,
    name: str,
    *,
    capture: str | Path | Capture | None = None,
    lpips: str | Path | None = None,
    listener: Listener = ignore,
) -> Report:
    """Render what one camera of a head's capture saw, and compare.

    Args:
        actor: an Actor or its folder.
        out: folder of the report.
        name: of the camera. Where training looked through it, Warned says so, and so does the report.
        capture: of the head; by default where it lay when the head was trained.
        lpips: folder with LPIPS-squeeze weights.
        listener: receives Progress and Warned.

    Raises:
        InputError: no such camera, or none of its frames can be used.
    """
    folder = None if isinstance(actor, Actor) else Path(actor)
    actor = actor if isinstance(actor, Actor) else Actor.load(actor)
    capture = capture_of(actor.clip.motion, capture or actor.clip.capture_path)
    views = views_of(capture)
    view = named(views, name)
    known = torch.cat([view.train_frames, view.test_frames])
    if len(known) < 2:
        raise InputError(f"camera {name!r} has {len(known)} frames that can be compared; 2 or more were wanted.")
    out, perceptual = require_report_folder(out), None if lpips is None else Lpips.from_folder(lpips)
    frames = known[torch.linspace(0, len(known) - 1, min(MOST, len(known))).round().long()]
    between = known[torch.linspace(0, len(known) - 1, OF_EXPOSURE + 2)[1:-1].round().long()]
    motion = view.moved(actor.clip.motion)
    seen = _seen(folder, name)
    if seen:
        listener(
            Warned(message=f"training looked through camera {name!r}; train with --hold-out {name} to measure it.")
        )
    gains = _exposure(actor.head, motion, view, between)
    report = evaluate_frames(
        _recorded(view, frames),
        {
            "tracked": _rendered(actor.head, motion, view, frames),
            "exposed": _rendered(actor.head, motion, view, frames, gains),
            "nearest": _nearest(view, views, frames),
        },
        (view.capture.frame(t).labels for t in frames.tolist()),
        num_frames=len(frames),
        fps=view.capture.fps,
        split=f"camera {name!r}, {'which training saw' if seen else 'held out of training'}: {len(frames)} of its "
        f"frames, evenly spread",
        frames=frames.tolist(),
        landmarks=view.capture.landmarks[frames].numpy(),
        lpips=perceptual,
        nulls=("nearest",),
        listener=listener,
    )
    report = replace(report, protocol={**report.protocol, **{f"driver {k}": words for k, words in ROWS.items()}})
    write_report(report, out)
    return report


def score_camera(actor: Actor, capture: Capture, name: str, count: int) -> dict[str, float]:
    """PSNR on ``count`` frames of a camera, exposure told by others: whole, of head pixels and of the person's."""
    view = named(views_of(capture), name)
    known, motion = torch.cat([view.train_frames, view.test_frames]), view.moved(actor.clip.motion)
    frames = known[torch.linspace(0, len(known) - 1, count).round().long()]
    gains = _exposure(actor.head, motion, view, known[torch.linspace(0, len(known) - 1, 6)[1:-1].long()])
    rows = []
    for t, picture in zip(frames.tolist(), _rendered(actor.head, motion, view, frames, gains), strict=True):
        frame = view.capture.frame(t)
        error = np.square(picture[..., :3] / 255.0 - frame.image / 255.0)
        regions = (error, error[np.isin(frame.labels, HEAD_LABELS)], error[frame.alpha > 127])
        rows.append([-10 * np.log10(part.mean()) for part in regions])
    full, head, person = np.mean(rows, 0)
    return {"psnr_full": full, "psnr_head": head, "psnr_person": person}


def named(views: tuple[CaptureView, ...], name: str) -> CaptureView:
    """The camera called ``name``; InputError where there is none."""
    for view in views:
        if view.name == name:
            return view
    raise InputError(f"this capture has no camera {name!r}; there are {', '.join(repr(view.name) for view in views)}.")


def _seen(folder: Path | None, name: str) -> bool:
    """Whether training looked through a camera, as far as the head's folder tells."""
    where = None if folder is None else folder / "config.json"
    config = read_json(where, "training configuration") if where is not None and where.is_file() else {}
    return name not in config.get("hold_out", [])


def _recorded(view: CaptureView, frames: Tensor) -> Iterator[np.ndarray]:
    for t in frames.tolist():
        frame = view.capture.frame(t)
        yield np.concatenate([frame.image, frame.alpha[..., None]], axis=2)


def _drawn(head: Head, motion: Motion, view: CaptureView, t: int, plate: Tensor) -> tuple[Tensor, Tensor]:
    frame = render_frame(head, motion, t, view.camera, background=plate)
    return frame.rgb, frame.alpha


def _rendered(
    head: Head, motion: Motion, view: CaptureView, frames: Tensor, gains: Tensor | None = None
) -> Iterator[np.ndarray]:
    plate = torch.as_tensor(view.capture.background)
    for t in frames.tolist():
        rgb, alpha = _drawn(head, motion, view, t, plate)
        if gains is not None:
            person = rgb - (1 - alpha)[..., None] * plate
            rgb = rgb + gains[0] * person + gains[1] * alpha[..., None]
        picture = torch.cat([rgb, alpha[..., None]], dim=2)
        yield (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()


def _exposure(head: Head, motion: Motion, view: CaptureView, frames: Tensor) -> Tensor:
    """Gain over 1 and offset ``[2, 3]`` of each colour that explain this camera's person best."""
    plate, ours, theirs = torch.as_tensor(view.capture.background), [], []
    for t in frames.tolist():
        rgb, alpha = _drawn(head, motion, view, t, plate)
        frame = view.capture.frame(t)
        inside = (alpha > 0.98) & (torch.as_tensor(frame.alpha) > 250)
        ours.append(rgb[inside])
        theirs.append(torch.as_tensor(frame.image).float()[inside] / 255)
    x, y = torch.cat(ours).double(), torch.cat(theirs).double()
    if len(x) < 100:
        return torch.zeros(2, 3)
    a, b = x - x.mean(0), y - y.mean(0)
    gain = (a * b).sum(0) / a.square().sum(0).clamp(min=1e-9)
    return torch.stack([gain - 1, y.mean(0) - gain * x.mean(0)]).float()


def _nearest(view: CaptureView, views: tuple[CaptureView, ...], frames: Tensor) -> Iterator[np.ndarray]:
    """The pictures of the camera that looks most alike, at the same moments and size."""
    from ..media import resize_image

    ahead = view.camera.viewmat[2, :3]
    other = max((v for v in views if v is not view), key=lambda v: float(v.camera.viewmat[2, :3] @ ahead))
    size = (view.camera.width, view.camera.height)
    for t in frames.tolist():
        picture = other.capture.frame(int((other.moments - view.moments[t]).abs().argmin()))
        image, alpha = resize_image(picture.image, *size), resize_image(picture.alpha[..., None], *size)
        yield np.concatenate([image, alpha.reshape(*image.shape[:2], 1)], axis=2)
