"""Mouths without any drawing: recorded ones, re-ordered to what is said, laid on the recorded face and blended in.

The baseline that a drawn mouth must beat, and what is left where a head cannot be trained. Source: Bregler et al.,
"Video Rewrite" (1997).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..camera import Camera
from ..capture import FaceShape
from ..motion import Motion, MotionFrame
from ..smoothing import smoothstep
from ..transforms import pose_apply
from ..voice.mouth import COLUMNS, lip_measures
from .coherent import best_path, pose_features, ways
from .patch import MOST_SPREAD, Patched
from .seam import blended
from .stretches import Stretch
from .view import Box, box_around

UPPER = 2
"""Landmark beneath the nose: mouth and jaw lie below it."""
CHIN = 152
FEATHER = 0.05
"""Face widths over which a mouth fades into the recording."""
MARGIN = 0.16
"""Face widths kept around a lower face: a moved jaw covers and uncovers as much."""
TURNED = 0.06
"""Weight of pose features beside lips that are off by a standard deviation."""
FACE = (234, 454)
"""Landmarks at the sides of a face."""


@dataclass(frozen=True, kw_only=True)
class Donor:
    """The lower face of one recorded frame."""

    pixels: np.ndarray
    """``[h, w, 3]`` u8."""
    corner: np.ndarray
    """``[2]`` its left and top edge in the film."""


class RecordedMouths:
    """The recorded mouths of a stretch, and which is shown when."""

    def __init__(
        self,
        shape: FaceShape,
        stretch: Stretch,
        seen: Stretch,
        wanted: Motion,
        donors: list[Donor],
        kept: np.ndarray,
    ) -> None:
        """
        Args:
            shape: the person's face.
            stretch: where the mouths were recorded.
            seen: the same as it is shown, T frames.
            wanted: T frames of what the mouth shall do.
            donors: the lower face of each frame that ``kept [n]`` names.
            kept: frames of the stretch, increasing.
        """
        self._shape, self._stretch, self._donors, self._kept = shape, stretch, donors, kept
        self._chosen = chosen(stretch.recorded.select(torch.from_numpy(kept)), seen.recorded, wanted)

    @property
    def chosen(self) -> np.ndarray:
        """``[T]`` row of ``kept`` that is shown in each frame."""
        return self._chosen

    def put(
        self, picture: np.ndarray, recorded: Motion, wanted: Motion, k: int, camera: Camera, seed: int
    ) -> tuple[Box, Patched] | None:
        """See `compose.Mouth`."""
        row = int(self._chosen[k])
        donor, other = self._donors[row], self._stretch.recorded.at(int(self._kept[row]))
        here = recorded.at(k)
        old, new = (lower_points(self._shape, moment, camera) for moment in (here, other))
        ahead = across(placed(self._shape, other, camera), placed(self._shape, here, camera))
        new = new @ ahead[:, :2].T + ahead[:, 2]
        width = face_width(self._shape, here, camera)
        box = box_around(torch.from_numpy(np.concatenate([old, new])), camera, MARGIN * width)
        if box.is_empty:
            return None
        corner = np.array([box.x0, box.y0])
        patch, there = laid(donor, ahead, box)
        mask = soft_hull(np.concatenate([old, new]) - corner, there, FEATHER * width)
        return box, mixed(picture[box.slices], patch, mask)


def chosen(donors: Motion, seen: Motion, wanted: Motion) -> np.ndarray:
    """Row of ``donors`` whose mouth and pose fit each frame best, with few jumps, ``[T]``.

    Args:
        donors: what each donor did when it was recorded.
        seen: T frames as recorded; their poses count.
        wanted: T frames as they shall be; their mouths count.
    """
    lips, goal = mouth_features(donors), mouth_features(wanted)
    scale = np.maximum(lips.std(0), 1e-4)
    lips, goal = lips / scale, goal / scale
    poses, there = (TURNED * pose_features(motion)[:, :6] for motion in (donors, seen))

    def unary(t: int) -> np.ndarray:
        return np.abs(lips - goal[t]).sum(1) + np.abs(poses - there[t]).sum(1)

    return best_path(unary, len(wanted), ways(np.concatenate([lips, poses], 1), hold=0.5, jump=0.5))


def mouth_features(motion: Motion) -> np.ndarray:
    """What lips do together, ``[T, 4]``."""
    return (motion.units[:, COLUMNS].float() @ lip_measures()).numpy().astype(np.float64)


def donors_of(
    frames: Iterable[tuple[int, np.ndarray]], shape: FaceShape, stretch: Stretch, kept: np.ndarray, folder: Path
) -> list[Donor]:
    """The lower faces of the ``kept`` frames of a stretch, kept in a nameless file on the disk.

    Args:
        frames: the film's, ``(number, u8 [H, W, 3])``.
        shape: the person's face.
        stretch: theirs.
        kept: its frames that may serve, increasing.
        folder: where the file lies.
    """
    import tempfile

    wanted = {stretch.first + int(k): int(k) for k in kept}
    found: list[tuple[Box, int]] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for t, image in frames:
            if t not in wanted:
                continue
            moment = stretch.recorded.at(wanted[t])
            points = torch.from_numpy(lower_points(shape, moment, stretch.camera))
            width = face_width(shape, moment, stretch.camera)
            box = box_around(points, stretch.camera, 2 * MARGIN * width)
            found.append((box, file.tell()))
            file.write(np.ascontiguousarray(image[box.slices]).tobytes())
        file.flush()
        size = file.tell()
        every = np.memmap(file, np.uint8, "r", shape=(size,)) if size else np.zeros(0, np.uint8)
    donors = []
    for box, at in found:
        height, width = box.y1 - box.y0, box.x1 - box.x0
        pixels = every[at : at + 3 * height * width].reshape(height, width, 3)
        donors.append(Donor(pixels=pixels, corner=np.array([box.x0, box.y0])))
    return donors


def lower_points(shape: FaceShape, moment: MotionFrame, camera: Camera) -> np.ndarray:
    """Pixels ``[n, 2]`` of the landmarks of mouth and jaw, as they are."""
    lower = shape.vertices[:, 1] > shape.vertices[UPPER, 1]
    return camera.project(shape.in_world(moment))[lower].numpy().astype(np.float64)


def placed(shape: FaceShape, moment: MotionFrame, camera: Camera) -> np.ndarray:
    """Pixels ``[n, 2]`` of the same landmarks of the neutral face."""
    lower = shape.vertices[:, 1] > shape.vertices[UPPER, 1]
    at = pose_apply(moment.head.quats, moment.head.positions, shape.vertices[lower])
    return camera.project(at).numpy().astype(np.float64)


def face_width(shape: FaceShape, moment: MotionFrame, camera: Camera) -> float:
    """Pixels from side to side."""
    sides = camera.project(shape.in_world(moment)[list(FACE)])
    return float((sides[1] - sides[0]).norm())


def across(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The affine map ``[2, 3]`` that takes points ``before [n, 2]`` nearest to ``after``."""
    ones = np.concatenate([before, np.ones((len(before), 1))], 1)
    return np.linalg.lstsq(ones, after, rcond=None)[0].T


def laid(donor: Donor, ahead: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """A donor's pixels ``[H, W, 3]`` f32 moved by ``ahead [2, 3]`` into a box, and where it has any ``[H, W]``."""
    import cv2

    moved = ahead.copy()
    moved[:, 2] += ahead[:, :2] @ donor.corner - [box.x0, box.y0]
    # middles of pixels lie at half numbers here, at whole numbers in OpenCV
    moved[:, 2] += ahead[:, :2] @ [0.5, 0.5] - 0.5
    size = (box.x1 - box.x0, box.y1 - box.y0)
    pixels = np.ascontiguousarray(donor.pixels).astype(np.float32) / 255
    patch = cv2.warpAffine(pixels, moved, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return patch, cv2.warpAffine(np.ones(pixels.shape[:2], np.float32), moved, size)


def soft_hull(points: np.ndarray, within: np.ndarray, feather: float) -> np.ndarray:
    """``[H, W]``: 1 in the hull of ``points [n, 2]``, fading to 0 over ``feather`` pixels, 0 outside ``within``."""
    import cv2

    hull = cv2.convexHull(points.astype(np.float32)).round().astype(np.int32)
    mask = cv2.fillConvexPoly(np.zeros(within.shape, np.float32), hull, 1.0)
    reach = 2 * max(round(feather), 1) + 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    mask = cv2.GaussianBlur(mask, (0, 0), max(feather / 2, 0.5)) * (within > 0.99)
    return smoothstep(((mask - 0.02) / 0.96).clip(0, 1)).astype(np.float32)


def mixed(recorded: np.ndarray, patch: np.ndarray, mask: np.ndarray) -> Patched:
    """``recorded`` u8 with ``patch`` f32 blended in by its gradients."""
    picture = recorded.astype(np.float32) / 255
    inside = mask > 0
    new = picture + mask[..., None] * (blended(picture, patch, inside, most=MOST_SPREAD) - picture)
    image = np.where(inside[..., None], (new.clip(0, 1) * 255 + 0.5).astype(np.uint8), recorded)
    return Patched(image=image, mask=mask, covered=0.0)
