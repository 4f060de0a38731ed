"""The cameras that filmed a clip, where its capture is still there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ..capture import CaptureView, capture_of, views_of
from ..checks import InputError
from ..head import Head
from ._clip import Clip


def recorded_views(clip: Clip) -> dict[str, CaptureView]:
    """Every camera of the clip's capture by its name, the leading one first; none where the capture is gone."""
    if not clip.capture_path or not Path(clip.capture_path).is_dir():
        return {}
    try:
        return {view.name: view for view in views_of(capture_of(clip.motion, clip.capture_path))}
    except InputError:
        return {}


def behind_of(head: Head, view: CaptureView) -> Head:
    """The head before what stands behind the person in another camera's pictures, seen by that camera."""
    plate = torch.as_tensor(view.capture.background)
    return replace(head, background=plate, camera=replace(head.camera, K=view.camera.K))
