"""The pass over all frames: landmarks, mattes, and what can be seen of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..capture import CaptureWriter
from ..events import Listener, tracked
from ..facenet import LandmarkTracker
from .crop import MIN_SECONDS, Crop, Survey
from .findings import Findings
from .initial import fill_gaps
from .matte import MatteThread
from .steadiness import judge_focus
from .visible import FaceLooks, judge_border, judge_cover, judge_eye_looks, judge_eyes, judge_light, judge_lost

MOST_LEFT_OUT = 0.5
"""Largest share of frames that may be left out for any reason."""
FEWEST_FRAMES = 30
"""Frames with a usable face that training needs at least."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the pass over the video leaves in memory."""

    landmarks: np.ndarray
    """``[N, 478, 3]`` pixels of the crop, gaps filled."""
    tracked: np.ndarray
    """``[N]`` bool, True where the face was found and nothing speaks against the frame."""


def watch(found: Survey, crop: Crop, size: int, writer: CaptureWriter, findings: Findings, listener: Listener) -> Seen:
    """One pass over the footage: landmarks here, mattes and files in a second thread; few frames in memory.

    Raises:
        InputError: the face is lost, dark, cut or covered in too many frames.
    """
    footage = found.footage
    boxes = crop.to_crop(found.boxes[~np.isnan(found.boxes[:, 0])], size)
    landmarks: list[np.ndarray | None] = []
    looks = FaceLooks()
    frames = (crop.cut(image, size) for image in footage.frames())
    finder = LandmarkTracker(boxes[0])
    with MatteThread(writer) as matting:
        for image in tracked(frames, "tracking: landmarks and masks", footage.count, listener):
            matting.put(image)
            landmarks.append(finder(image))
            looks.add(image, landmarks[-1])
    seen = np.array([points is not None for points in landmarks])
    judge_lost(np.flatnonzero(~seen), len(seen), findings)
    empty = np.zeros((478, 3), np.float32)
    filled = fill_gaps(np.stack([empty if points is None else points for points in landmarks]), seen)
    judge_light(looks.brightness, findings)
    judge_border(crop.to_source(filled[..., :2], size), seen, footage.width, footage.height, findings)
    usable = _without(seen, findings)
    judge_cover(looks.colours, filled[..., :2], usable, findings)
    judge_eyes(filled[..., :2], usable, findings)
    judge_eye_looks(looks.colours, filled[..., :2], usable, findings)
    judge_focus(looks.sharp, usable, findings)
    out = findings.left_out(len(seen))
    if len(out) > MOST_LEFT_OUT * len(seen):
        findings.add(
            "too little left",
            f"{len(out)} of {len(seen)} frames cannot be used; at most half may be left out. Unusable are",
            severity="refused",
            frames=out,
        )
    return Seen(landmarks=filled, tracked=_without(seen, findings))


def _without(seen: np.ndarray, findings: Findings) -> np.ndarray:
    """``seen [N]`` less the frames that are left out."""
    usable = seen.copy()
    usable[findings.left_out(len(seen))] = False
    return usable


def require_frames(seconds: float, num_frames: float, num_train: float, fps: float, findings: Findings) -> None:
    """Refuse a clip that is too short, or has too few pictures to learn from.

    Raises:
        InputError: it is.
    """
    if seconds < MIN_SECONDS:
        findings.add(
            "short",
            f"it lasts {seconds:.1f} s; at least {MIN_SECONDS:.0f} s of a talking face are needed, and 20 s to"
            " 3 minutes are best.",
            severity="refused",
        )
    if num_train < FEWEST_FRAMES:
        findings.add(
            "few frames",
            f"only {num_train:.0f} of its {num_frames:.0f} pictures, {fps:g} a second, can serve training; at least"
            f" {FEWEST_FRAMES} were wanted. Film at 25 or more pictures a second, or for longer.",
            severity="refused",
        )
