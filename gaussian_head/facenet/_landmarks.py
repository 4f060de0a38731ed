"""The 478 landmarks of a face: a net that looks at one upright square around it (Grishchenko et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ._detector import FaceDetector, Faces
from ._net import Net
from .mesh import NUM_LANDMARKS, mirror

MARGIN = 1.5
"""Side of the square in sizes of the face's box."""
PRESENT = 0.5
"""The least confidence that the square shows a face."""
_EYES = (33, 263)
"""Outer corners of the subject's right and left eye; the line through them lies level in the square."""


@dataclass(frozen=True, kw_only=True)
class _Square:
    """A square of the picture, turned so that the eyes lie level."""

    middle: np.ndarray
    """``[2]`` pixels."""
    side: float
    """Pixels."""
    angle: float
    """Of the eyes' line in the picture, radians, clockwise."""

    def axes(self) -> np.ndarray:
        """``[2, 2]``, the square's x and y direction in the picture as columns."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.array([[c, -s], [s, c]])


def _square_of_face(found: Faces, i: int) -> _Square:
    box, (right, left) = found.boxes[i], found.keypoints[i, :2]
    angle = float(np.arctan2(*(left - right)[::-1]))
    return _Square(middle=(box[:2] + box[2:]) / 2, side=MARGIN * float((box[2:] - box[:2]).max()), angle=angle)


def _square_of_landmarks(points: np.ndarray) -> _Square:
    right, left = points[list(_EYES), :2]
    angle = float(np.arctan2(*(left - right)[::-1]))
    axes = _Square(middle=right, side=1.0, angle=angle).axes()
    turned = points[:, :2] @ axes
    low, high = turned.min(0), turned.max(0)
    return _Square(middle=axes @ ((low + high) / 2), side=MARGIN * float((high - low).max()), angle=angle)


class FaceLandmarks:
    """Landmarks of every face in single pictures."""

    def __init__(self, min_confidence: float = 0.5) -> None:
        """
        Args:
            min_confidence: The least confidence of a detection.
        """
        self._detector = FaceDetector(min_confidence)
        self._reader = _Reader()

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        """Landmarks ``[478, 3]`` f32 in pixels of each face in u8 RGB ``[H, W, 3]``, the largest first.

        z is in pixels too; smaller is nearer.
        """
        found = self._detector.find(image)
        coarse = [self._reader(image, _square_of_face(found, i)) for i in range(len(found))]
        fine = [self._reader(image, _square_of_landmarks(points)) for points in coarse if points is not None]
        return [points for points in fine if points is not None]


class _Reader:
    """Landmarks of the face in a square, seen as it is and in a mirror; the net's errors differ between the two."""

    def __init__(self) -> None:
        self._net = Net("face_landmarks.tflite")

    def __call__(self, image: np.ndarray, square: _Square) -> np.ndarray | None:
        """Landmarks ``[478, 3]`` f32 in pixels of u8 RGB ``[H, W, 3]``; None where the square shows no face."""
        import cv2

        size = self._net.shape[1]
        scale = square.side / size
        axes = square.axes() * scale
        # middles of pixels lie at half numbers in landmarks, at whole numbers in OpenCV
        corner = square.middle - axes @ np.full(2, size / 2)
        matrix = np.column_stack([axes, corner + axes @ np.full(2, 0.5) - 0.5])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        cut = cut / np.float32(255)
        seen, mirrored = self._look(cut), self._look(cut[:, ::-1])
        if mirrored is not None:
            mirrored = mirrored[mirror()]
            mirrored[:, 0] = size - mirrored[:, 0]
        kept = [points for points in (seen, mirrored) if points is not None]
        if not kept:
            return None
        points = np.mean(kept, axis=0)
        placed = points[:, :2] @ axes.T + corner
        return np.column_stack([placed, points[:, 2] * scale]).astype(np.float32)

    def _look(self, cut: np.ndarray) -> np.ndarray | None:
        points, presence, _ = self._net(cut)
        if expit(presence.reshape(-1)[0]) < PRESENT:
            return None
        return points.reshape(NUM_LANDMARKS, 3)


class LandmarkTracker:
    """The 478 landmarks of one face through a clip.

    Follows the face from picture to picture: the square to look at is where the face was last. A lost face is
    looked for again in the whole picture, then in a cut-out around its last place; the nearest to it is taken.
    """

    def __init__(self, start: np.ndarray) -> None:
        """
        Args:
            start: Box ``[4]`` of the wanted face in the first pictures, pixels.
        """
        self._reader = _Reader()
        self._detector = FaceDetector(0.3)
        self._box = np.asarray(start, dtype=np.float64)
        self._square: _Square | None = None

    def __call__(self, image: np.ndarray) -> np.ndarray | None:
        """Landmarks ``[478, 3]`` f32 of u8 RGB ``[H, W, 3]`` in pixels (z too; smaller is nearer), or None."""
        found = None
        if self._square is not None:
            found = self._near(self._reader(image, self._square), reach=1.0)
        if found is None:
            found = self._search(image, np.zeros(2))
        if found is None:
            half = 1.1 * max(self._box[2:] - self._box[:2])
            x0, y0 = np.maximum((self._box[:2] + self._box[2:]) / 2 - half, 0).astype(int)
            cut = image[y0 : int(y0 + 2 * half), x0 : int(x0 + 2 * half)]
            found = self._search(cut, np.array([x0, y0])) if min(cut.shape[:2]) >= 16 else None
        self._square = None
        if found is not None:
            self._square = _square_of_landmarks(found)
            self._box = np.concatenate([found[:, :2].min(0), found[:, :2].max(0)])
        return found

    def _search(self, image: np.ndarray, corner: np.ndarray) -> np.ndarray | None:
        """Landmarks of the face nearest to the last place, in pixels of the picture ``image`` is cut from."""
        faces = self._detector.find(image)
        middles = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 + corner
        for i in np.argsort(np.linalg.norm(middles - (self._box[:2] + self._box[2:]) / 2, axis=1)):
            points = self._reader(image, _square_of_face(faces, i))
            if points is not None:  # the first answer after a detection is coarse
                points = self._reader(image, _square_of_landmarks(points))
            if points is not None:
                points[:, :2] += corner
            if (points := self._near(points, reach=1.5)) is not None:
                return points
        return None

    def _near(self, points: np.ndarray | None, *, reach: float) -> np.ndarray | None:
        """The landmarks, if their middle lies within ``reach`` box sizes of that of the last box."""
        if points is None:
            return None
        away = (points[:, :2].min(0) + points[:, :2].max(0) - self._box[:2] - self._box[2:]) / 2
        return points if np.linalg.norm(away) <= reach * max(self._box[2:] - self._box[:2]) else None
