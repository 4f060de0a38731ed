"""One square cut-out for the whole clip, with head and shoulders inside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import InputError
from ..events import Listener, Progress, Warned, ignore
from ..facenet import FaceDetector
from ..media import VideoInfo, read_frames

SURVEY_FPS = 4.0
MOST_SAMPLES = 240
RIVAL = 0.4
"""A second face counts when it is at least this share of the largest one's size."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Where faces are in a few frames of the clip."""

    boxes: np.ndarray
    """``[S, 4]`` largest face, source pixels; NaN where none was found."""
    rivals: float
    """Share of the samples with a second face of similar size."""


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A square of the source picture."""

    x0: int
    """Left edge, source pixels."""
    y0: int
    """Top edge, source pixels."""
    size: int
    """Side, source pixels."""

    def cut(self, image: np.ndarray, size: int) -> np.ndarray:
        """The square of u8 ``[H, W, 3]`` scaled to ``size`` × ``size``, anti-aliased when shrinking."""
        import cv2

        part = image[self.y0 : self.y0 + self.size, self.x0 : self.x0 + self.size]
        if part.shape[:2] == (size, size):
            return np.ascontiguousarray(part)
        method = cv2.INTER_AREA if self.size > size else cv2.INTER_CUBIC
        return cv2.resize(part, (size, size), interpolation=method)

    def to_crop(self, boxes: np.ndarray, size: int) -> np.ndarray:
        """Boxes ``[.., 4]`` of source pixels in pixels of the scaled crop."""
        return (boxes - [self.x0, self.y0, self.x0, self.y0]) * (size / self.size)


def survey(video: Path, info: VideoInfo, listener: Listener = ignore) -> Survey:
    """Look for faces a few times a second over the whole clip.

    Raises:
        InputError: no face anywhere.
    """
    rate = min(info.fps, SURVEY_FPS, max(MOST_SAMPLES / max(info.duration, 1e-3), 0.1))
    total = max(1, round(info.duration * rate))
    detector, boxes, rivals = FaceDetector(), [], 0
    for done, image in enumerate(read_frames(video, fps=rate), start=1):
        found = detector(image)
        boxes.append(found[0] if len(found) else np.full(4, np.nan))
        widths = found[:, 2] - found[:, 0]
        rivals += int(len(widths) > 1 and widths[1] > RIVAL * widths[0])
        listener(Progress(stage="tracking: looking for the face", done=done, total=max(total, done)))
    if not boxes or np.isnan(boxes).all():
        raise InputError(
            f"video {video} shows no face in any of {len(boxes)} pictures looked at; a clip of one person who faces"
            " the camera was wanted. Check that it is upright and well lit."
        )
    result = Survey(boxes=_one_person(np.array(boxes)), rivals=rivals / len(boxes))
    if result.rivals > 0.1:
        listener(
            Warned(message=f"{result.rivals:.0%} of the pictures show more than one face; the largest is tracked.")
        )
    return result


def _one_person(boxes: np.ndarray) -> np.ndarray:
    """Boxes with those far from the median place dropped: another face was the largest there for a moment."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = np.nanmedian(boxes[:, 2] - boxes[:, 0])
    far = np.linalg.norm(middle - np.nanmedian(middle, axis=0), axis=1) > 2.5 * size
    return np.where(far[:, None], np.nan, boxes)


def choose_crop(found: Survey, info: VideoInfo) -> Crop:
    """The whole picture where it is square, else the square that holds head and shoulders in all samples."""
    if info.width == info.height:
        return Crop(x0=0, y0=0, size=info.width)
    boxes = found.boxes[~np.isnan(found.boxes[:, 0])]
    low = np.quantile(boxes[:, :2], 0.02, axis=0)
    high = np.quantile(boxes[:, 2:], 0.98, axis=0)
    face = float(np.median(boxes[:, 2] - boxes[:, 0]))
    left, right = low[0] - 0.75 * face, high[0] + 0.75 * face
    top, bottom = low[1] - 0.75 * face, high[1] + 0.95 * face
    size = int(min(max(right - left, bottom - top), info.width, info.height))
    x0 = int(np.clip((left + right - size) / 2, 0, info.width - size))
    y0 = int(np.clip((top + bottom - size) / 2, 0, info.height - size))
    return Crop(x0=x0, y0=y0, size=size)
