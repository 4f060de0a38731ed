"""Where faces are in a picture: BlazeFace (Bazarevsky et al., 2019), for near faces and for far ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ._net import Net

KEYPOINTS = 6
"""The subject's right eye, left eye, nose, mouth, right ear, left ear."""
SAME_FACE = 0.3
"""Boxes that overlap by this share (intersection over union) show one face."""


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Faces found in one picture, the largest first."""

    boxes: np.ndarray
    """``[B, 4]`` x0, y0, x1, y1, pixels."""
    keypoints: np.ndarray
    """``[B, 6, 2]`` pixels: the subject's right eye, left eye, nose, mouth, right ear, left ear."""
    scores: np.ndarray
    """``[B]`` confidence in [0, 1]."""

    def __len__(self) -> int:
        return len(self.boxes)


class FaceDetector:
    """Finds the faces in a picture of any size."""

    def __init__(self, min_confidence: float = 0.5) -> None:
        far, near = Net("face_detection_full_range.tflite"), Net("face_detection_short_range.tflite")
        self._nets = ((far, _anchors(192, ((4, 1),))), (near, _anchors(128, ((8, 2), (16, 6)))))
        self._least = min_confidence

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Boxes ``[B, 4]`` (x0, y0, x1, y1 pixels) of faces in u8 RGB ``[H, W, 3]``, largest first."""
        return self.find(image).boxes

    def find(self, image: np.ndarray) -> Faces:
        """Faces in u8 RGB ``[H, W, 3]``: in the whole picture, else in overlapping parts of half its size."""
        return found if len(found := self._whole(image)) else self._in_tiles(image)

    def score(self, image: np.ndarray) -> float:
        """How sure the nets are, on average, of the clearest face in u8 RGB ``[H, W, 3]``: 0 (none) to 1."""
        return float(np.mean([self._detect(*net, image)[:, 0].max(initial=0.0) for net in self._nets]))

    def _whole(self, image: np.ndarray) -> Faces:
        far, near = self._nets
        rows = self._detect(*far, image)
        return _faces(rows if len(rows) else self._detect(*near, image))

    def _detect(self, net: Net, anchors: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Rows of score, box and key points ``[B, 17]`` in pixels of ``image``."""
        size = net.shape[1]
        picture, scale, left, top = _letterbox(image, size)
        places, logits = net(picture / np.float32(127.5) - 1)
        scores = expit(logits.reshape(-1))
        good = scores >= self._least
        places, scores, anchors = places.reshape(len(anchors), -1)[good], scores[good], anchors[good]
        points = places.reshape(-1, 2 + KEYPOINTS, 2)
        half = points[:, 1:2] / 2
        points = np.concatenate([points[:, :1] - half, points[:, :1] + half, points[:, 2:]], axis=1)
        points = (points + anchors[:, None] * size - [left, top]) / scale
        return _merged(np.concatenate([scores[:, None], points.reshape(-1, 4 + 2 * KEYPOINTS)], axis=1))

    def _in_tiles(self, image: np.ndarray) -> Faces:
        """Faces found in nine overlapping half-size tiles: small faces are large enough there."""
        height, width = image.shape[:2]
        rows: list[np.ndarray] = [np.zeros((0, 5 + 2 * KEYPOINTS))]
        if min(height, width) < 2:
            return _faces(rows[0])
        for y in (0, height // 4, height // 2):
            for x in (0, width // 4, width // 2):
                found = self._whole(image[y : y + height // 2, x : x + width // 2])
                points = np.concatenate([found.boxes.reshape(-1, 2, 2), found.keypoints], axis=1) + [x, y]
                rows.append(np.concatenate([found.scores[:, None], points.reshape(-1, 4 + 2 * KEYPOINTS)], axis=1))
        found = _faces(np.concatenate(rows))
        kept: list[int] = []
        for i, (x, y) in enumerate((found.boxes[:, :2] + found.boxes[:, 2:]) / 2):
            larger = found.boxes[kept]
            if not ((larger[:, :2] < [x, y]) & ([x, y] < larger[:, 2:])).all(1).any():
                kept.append(i)
        return Faces(boxes=found.boxes[kept], keypoints=found.keypoints[kept], scores=found.scores[kept])


def _faces(rows: np.ndarray) -> Faces:
    """Faces of rows ``[B, 17]``, the widest first."""
    rows = rows[np.argsort(rows[:, 1] - rows[:, 3], kind="stable")]
    return Faces(boxes=rows[:, 1:5], keypoints=rows[:, 5:].reshape(-1, KEYPOINTS, 2), scores=rows[:, 0])


def _letterbox(image: np.ndarray, size: int) -> tuple[np.ndarray, float, int, int]:
    """The picture in the middle of a black square of ``size`` pixels; its scale, left and top edge there."""
    import cv2

    height, width = image.shape[:2]
    scale = size / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (size - wide) // 2, (size - high) // 2
    square = np.zeros((size, size, 3), np.uint8)
    square[top : top + high, left : left + wide] = cv2.resize(image, (wide, high), interpolation=method)
    return square, scale, left, top


def _anchors(size: int, grids: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Middles ``[A, 2]`` of a net's anchors in [0, 1]; each grid has cells of so many pixels with so many anchors."""
    middles = []
    for pixels, each in grids:
        middle = (np.arange(size // pixels) + 0.5) * pixels / size
        x, y = np.meshgrid(middle, middle)
        middles.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(middles)


def _merged(rows: np.ndarray) -> np.ndarray:
    """Rows of one face replaced by their mean, weighted by score; the best score is kept."""
    rows = rows[np.argsort(-rows[:, 0], kind="stable")]
    faces = []
    while len(rows):
        same = _overlap(rows[0, 1:5], rows[:, 1:5]) > SAME_FACE
        same[0] = True
        weights = rows[same, :1] / rows[same, :1].sum()
        faces.append(np.concatenate([rows[0, :1], (weights * rows[same, 1:]).sum(0)]))
        rows = rows[~same]
    return np.array(faces).reshape(-1, 5 + 2 * KEYPOINTS)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with each of ``boxes [B, 4]``."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return shared / np.maximum(areas - shared, 1e-9)
