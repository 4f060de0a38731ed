"""How much a picture shows the same person: distance of two face embeddings.

The net is dlib's face recognition ResNet (Davis King; trained on 3 million faces; CC0), which the extra ``identity``
installs. Distances of ArcFace and the like do not compare with these.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..checks import InputError

CORNERS = (263, 362, 33, 133, 2)
"""Landmarks of dlib's five points: outer and inner corner of each eye, base of the nose."""
EVERY_SECONDS = 0.2
"""Between two frames that are embedded."""
PROTOCOL = (
    "Euclidean distance of dlib's 128-d face embeddings of prediction and truth, mean over frames 0.2 s apart: about "
    ".2 of one person in two pictures, .8 of two people."
)
MISSING = "not measured: `pip install 'gaussian-head[identity]'` brings the net."


def is_installed() -> bool:
    """Whether the net is there."""
    return find_spec("dlib") is not None and find_spec("face_recognition_models") is not None


class FaceIdentity:
    """Embeds faces."""

    def __init__(self) -> None:
        """InputError where the net is not installed."""
        if not is_installed():
            raise InputError(f"identity was {MISSING}")
        self._dlib: Any = import_module("dlib")
        where = import_module("face_recognition_models").face_recognition_model_location()
        self._net: Any = self._dlib.face_recognition_model_v1(where)

    def __call__(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
        """Embedding ``[128]`` of the face at ``landmarks [478, 2]`` pixels in u8 ``[H, W, 3]``; None without a face."""
        if not np.isfinite(landmarks).all():
            return None
        dlib = self._dlib
        low, high = landmarks.min(0).round().astype(int).tolist(), landmarks.max(0).round().astype(int).tolist()
        points = [dlib.point(round(float(x)), round(float(y))) for x, y in landmarks[list(CORNERS)]]
        shape = dlib.full_object_detection(dlib.rectangle(*low, *high), points)
        return np.array(self._net.compute_face_descriptor(np.ascontiguousarray(picture), shape))


def distance(a: np.ndarray | None, b: np.ndarray | None) -> float:
    """Euclidean distance of two embeddings; NaN where one is missing."""
    return float("nan") if a is None or b is None else float(np.linalg.norm(a - b))
