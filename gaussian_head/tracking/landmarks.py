"""MediaPipe's face detector and face mesh behind two small classes; nothing else in the project imports them."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from .topology import mirror

DETECT_SIZE = 1280
"""Longest side of a picture given to the detector, pixels."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep MediaPipe's start-up chatter, which C++ writes straight to file descriptor 2, off the terminal."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    with open(os.devnull, "w") as sink, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


class FaceDetector:
    """Boxes of the faces in a picture of any size, largest first."""

    def __init__(self, min_confidence: float = 0.5) -> None:
        with quiet():
            from mediapipe.python.solutions.face_detection import FaceDetection

            self._models = [FaceDetection(min_confidence, model_selection=model) for model in (1, 0)]
            for model in self._models:
                model.process(np.zeros((64, 64, 3), np.uint8))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Boxes ``[B, 4]`` (x0, y0, x1, y1 pixels) of faces in u8 RGB ``[H, W, 3]``: whole picture, then tiles."""
        import cv2

        height, width = image.shape[:2]
        scale = min(1.0, DETECT_SIZE / max(height, width))
        small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes = self._detect(small)
        if not len(boxes):
            boxes = self._in_tiles(small)
        return boxes / scale

    def score(self, image: np.ndarray) -> float:
        """How sure the models are, on average, of the clearest face in u8 RGB ``[H, W, 3]``: 0 (none) to 1."""
        answers: list[Any] = [model.process(np.ascontiguousarray(image)) for model in self._models]
        return float(np.mean([max((d.score[0] for d in a.detections or []), default=0.0) for a in answers]))

    def _detect(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        for model in self._models:
            answer: Any = model.process(np.ascontiguousarray(image))
            found = answer.detections or []
            relative = [d.location_data.relative_bounding_box for d in found]
            boxes = np.array([[b.xmin, b.ymin, b.xmin + b.width, b.ymin + b.height] for b in relative]).reshape(-1, 4)
            if len(boxes):
                boxes = boxes * [width, height, width, height]
                return boxes[np.argsort(-(boxes[:, 2] - boxes[:, 0]))]
        return np.zeros((0, 4))

    def _in_tiles(self, image: np.ndarray) -> np.ndarray:
        """Faces found in nine overlapping half-size tiles: small faces are large enough there."""
        height, width = image.shape[:2]
        found = []
        for y in (0, height // 4, height // 2):
            for x in (0, width // 4, width // 2):
                boxes = self._detect(image[y : y + height // 2, x : x + width // 2])
                found.append(boxes + np.array([x, y, x, y]))
        boxes = np.concatenate(found)
        return _without_overlaps(boxes[np.argsort(-(boxes[:, 2] - boxes[:, 0]))])

    def close(self) -> None:
        """Free the models."""
        for model in self._models:
            model.close()


def _without_overlaps(boxes: np.ndarray) -> np.ndarray:
    """Boxes whose centre lies in no larger box; sorted largest first."""
    kept: list[np.ndarray] = []
    for box in boxes:
        x, y = (box[:2] + box[2:]) / 2
        if not any(b[0] < x < b[2] and b[1] < y < b[3] for b in kept):
            kept.append(box)
    return np.array(kept).reshape(-1, 4)


class LandmarkTracker:
    """The 478 landmarks of one face through a clip.

    Follows the face nearest to where it was last. Each picture is also seen in a mirror and both
    answers are averaged: the network's errors differ between the two, so less noise and no lean to
    one side are left. A lost face is looked for again in the still picture, then in an enlarged
    cut-out around its last place.
    """

    def __init__(self, start: np.ndarray, *, num_faces: int = 1) -> None:
        """
        Args:
            start: Box ``[4]`` of the wanted face in the first pictures, pixels.
            num_faces: Faces to tell apart.
        """
        with quiet():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._make = lambda still: FaceMesh(
                static_image_mode=still,
                max_num_faces=num_faces,
                refine_landmarks=True,
                min_detection_confidence=0.3 if still else 0.5,
                min_tracking_confidence=0.5,
            )
            self._video, self._mirrored = self._make(False), self._make(False)
            for model in (self._video, self._mirrored):
                model.process(np.zeros((64, 64, 3), np.uint8))
        self._still = None
        self._started = False
        self._box = np.asarray(start, dtype=np.float64)

    def __call__(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks ``[478, 3]`` f32 of u8 RGB ``[H, W, 3]`` in pixels (z too; smaller is nearer), or None."""
        if not self._started:  # the first answer after a detection is coarse: give both models a second look
            self._started = True
            self._in_video(image)
        found = self._in_video(image)
        if found is None:
            found = self._nearest(_landmarks(self._still_model(), image), reach=1.5)
        if found is None:
            found = self._nearest(self._enlarged(image), reach=1.5)
        if found is not None:
            self._box = np.concatenate([found[:, :2].min(0), found[:, :2].max(0)])
        return found

    def _in_video(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks from both moving models, averaged; from one of them where the other fails."""
        width = image.shape[1]
        seen = [self._nearest(_landmarks(self._video, image), reach=1.0)]
        flipped = [_unmirrored(face, width) for face in _landmarks(self._mirrored, image[:, ::-1])]
        seen.append(self._nearest(flipped, reach=1.0))
        kept = [face for face in seen if face is not None]
        return np.mean(kept, axis=0, dtype=np.float32) if kept else None

    def _still_model(self):
        if self._still is None:
            with quiet():
                self._still = self._make(True)
                self._still.process(np.zeros((64, 64, 3), np.uint8))
        return self._still

    def _nearest(self, faces: list[np.ndarray], reach: float) -> np.ndarray | None:
        """The face whose centre is nearest to the last box, within ``reach`` box sizes."""
        middle = (self._box[:2] + self._box[2:]) / 2
        away = [np.linalg.norm((f[:, :2].min(0) + f[:, :2].max(0)) / 2 - middle) for f in faces]
        if not away or min(away) > reach * max(self._box[2:] - self._box[:2]):
            return None
        return faces[int(np.argmin(away))]

    def _enlarged(self, image: np.ndarray) -> list[np.ndarray]:
        import cv2

        half = 1.1 * max(self._box[2:] - self._box[:2])
        x0, y0 = np.maximum((self._box[:2] + self._box[2:]) / 2 - half, 0).astype(int)
        cut = image[y0 : int(y0 + 2 * half), x0 : int(x0 + 2 * half)]
        if min(cut.shape[:2]) < 16:
            return []
        scale = max(1.0, 384 / max(cut.shape[:2]))
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return [(face / scale + [x0, y0, 0]).astype(np.float32) for face in _landmarks(self._still_model(), cut)]

    def close(self) -> None:
        """Free the models."""
        self._video.close()
        self._mirrored.close()
        if self._still is not None:
            self._still.close()


def _unmirrored(face: np.ndarray, width: int) -> np.ndarray:
    """Landmarks ``[478, 3]`` of a mirrored picture as those of the picture itself."""
    face = face[mirror()].copy()
    face[:, 0] = width - face[:, 0]
    return face


def _landmarks(model: Any, image: np.ndarray) -> list[np.ndarray]:
    height, width = image.shape[:2]
    faces = model.process(np.ascontiguousarray(image)).multi_face_landmarks or []
    scale = np.array([width, height, width], np.float32)
    return [np.array([[p.x, p.y, p.z] for p in face.landmark], np.float32) * scale for face in faces]
