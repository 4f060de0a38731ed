"""One photograph made ready: the square around its face, who stands in it, and where the parts of that person are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter, label

from ..checks import InputError
from ..conventions import FACE, HAIR, MOUTH, NECK, TORSO
from ..facenet import NUM_MESH, Blendshapes, FaceDetector, FaceLandmarks, PersonSegmenter
from ..facenet.contours import OVAL
from ..media import Photograph, resize_image
from ..tracking.labels import label_parts, learn_colours, polygon
from ..tracking.matte import refine_matte

SMALLEST_FACE = 64
"""Pixels that a face must be wide: below that eyes and lips are a few pixels each."""
SQUARE = 2.9
"""Side of the square that is worked on, in widths of the face's own box, where the photograph has that much."""
ABOVE = 0.42
"""Share of the square that lies above the face's middle."""
DRAWN = 0.5
"""Least that the detectors must be sure of a face; drawings, statues and objects that look like one stay below."""
CLEAR = 1.6
"""How much nearer to the hair's colour than to the clothes' a pixel below the ears has to be to hang from the head."""


@dataclass(frozen=True, kw_only=True)
class PhotoView:
    """One photograph of one person, cropped to a square of S pixels."""

    image: np.ndarray
    """``[S, S, 3]`` u8 RGB."""
    alpha: np.ndarray
    """``[S, S]`` u8 matte of the person."""
    labels: np.ndarray
    """``[S, S]`` u8 part labels as in a capture; forehead and ears are FACE and HAIR as there."""
    hair: np.ndarray
    """``[S, S]`` bool, hair proper, beards left out."""
    landmarks: np.ndarray
    """``[478, 2]`` f64 pixels."""
    units: np.ndarray
    """``[52]`` f64, what the blendshape net reads off the landmarks, in the order of `face.UNITS`."""
    face_pixels: float
    """Width of the face in the photograph as it came, pixels."""
    focal_hint: float | None
    """Focal length in pixels of the square that the camera wrote into the file; None where it did not."""
    centre: tuple[float, float]
    """Pixel of the square where the photograph's middle lies, which its camera looked at."""


def prepare(photograph: Photograph, *, size: int, person: int = 1) -> PhotoView:
    """Find the person in a photograph and cut out the square that is worked on.

    Args:
        photograph: as read.
        size: S, pixels.
        person: whom to take, counted from the largest face.

    Raises:
        InputError: no face, a face too small, several and none chosen, or no person around the face.
    """
    landmarks = _chosen(photograph.rgb, person, photograph.name)
    box = np.concatenate([landmarks[:NUM_MESH].min(0), landmarks[:NUM_MESH].max(0)])
    wide = float(box[2] - box[0])
    if max(wide, box[3] - box[1]) < SMALLEST_FACE:
        raise InputError(
            f"the face in {photograph.name} is {wide:.0f} pixels wide; {SMALLEST_FACE} or more are wanted. Take the "
            "original photograph instead of a thumbnail."
        )
    left, top, side = _square(photograph.rgb.shape[:2], box)
    cut = slice(top, top + side), slice(left, left + side)
    image = resize_image(np.ascontiguousarray(photograph.rgb[cut]), size, size)
    scale = size / side
    points = (landmarks - [left, top]) * scale
    given = None if photograph.alpha is None else resize_image(np.ascontiguousarray(photograph.alpha[cut]), size, size)
    alpha = refine_matte(image, PersonSegmenter()(image)) if given is None else given
    if alpha[polygon(points[list(OVAL)], size, size)].mean() < 128:
        raise InputError(
            f"{photograph.name} shows something like a face, but no person around it; a photograph of a living person "
            "was wanted, not a drawing, a mask or an object."
        )
    labels = label_parts(image, alpha, points, learn_colours([(image, alpha, points)]))
    hair = _hair(image, alpha, labels, points)
    known = Blendshapes()(landmarks.astype(np.float32))
    middle = (photograph.rgb.shape[1] / 2 - left) * scale, (photograph.rgb.shape[0] / 2 - top) * scale
    return PhotoView(
        image=image,
        alpha=alpha,
        labels=labels,
        hair=hair,
        landmarks=points,
        units=np.append(known[1:], 0.0).astype(np.float64),
        face_pixels=wide,
        focal_hint=None if photograph.focal is None else photograph.focal * scale,
        centre=middle,
    )


def _chosen(rgb: np.ndarray, person: int, name: str) -> np.ndarray:
    """Landmarks ``[478, 2]`` of the person-th face, InputError where there is none."""
    faces = FaceLandmarks()(rgb)
    if not faces:
        raise InputError(
            f"no face was found in {name}; a photograph that shows both eyes, nose and mouth was wanted, turned no "
            "farther than a profile, upright, and neither a drawing nor an object."
        )
    if person > len(faces):
        raise InputError(f"--person {person} was wanted, but {name} shows {len(faces)}; number 1 is the largest face.")
    return faces[person - 1][:, :2].astype(np.float64)


def faces_in(photograph: Photograph) -> int:
    """How many faces of some size a photograph shows."""
    boxes = FaceDetector()(photograph.rgb)
    wide = boxes[:, 2] - boxes[:, 0]
    return int((wide > 0.5 * wide.max(initial=0.0)).sum())


def _square(shape: tuple[int, ...], box: np.ndarray) -> tuple[int, int, int]:
    """Left, top and side of the square around the face, inside the photograph."""
    height, width = shape
    reach = max(box[2] - box[0], 0.8 * (box[3] - box[1]))
    side = int(min(width, height, round(SQUARE * reach)))
    across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left = int(np.clip(round(across - side / 2), 0, width - side))
    top = int(np.clip(round(down - ABOVE * side), 0, height - side))
    return left, top, side


def _hair(image: np.ndarray, alpha: np.ndarray, labels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """``[S, S]`` bool hair: of the head's own colour above, and below what hangs down from there."""
    colour = np.asarray(gaussian_filter(image.astype(np.float32), (1.0, 1.0, 0)))
    person = alpha > 127
    rows = np.arange(len(image))[:, None]
    face = labels == FACE
    brow, chin = landmarks[[70, 300], 1].mean(), landmarks[152, 1]
    crown = (labels == HAIR) & (rows < np.nonzero(face)[0].min() - 0.06 * (chin - brow))
    skin = polygon(landmarks[[50, 101, 36, 203, 98, 327, 423, 266, 330, 280, 352, 411, 207, 123]], *face.shape)
    if crown.sum() < 0.002 * crown.size or not skin.any():
        return np.zeros(face.shape, bool)
    to_hair, to_skin = (_from(colour, part) for part in (crown & person, skin & person))
    above = person & np.isin(labels, (HAIR, FACE)) & (to_hair < to_skin) & (rows < brow)
    beside = person & (labels == HAIR) & (to_hair < to_skin)
    hair = above | beside
    away = np.abs(np.arange(len(image))[None] - landmarks[152, 0]) > 0.9 * np.ptp(landmarks[:, 0])
    clothes = (labels == TORSO) & (rows > len(image) - 4) & ~(away & (rows < chin))
    low = person & np.isin(labels, (TORSO, NECK)) & (CLEAR * to_hair < to_skin)
    if clothes.sum() > 20:
        low &= CLEAR * to_hair < _from(colour, clothes)
    hanging, _ = label(hair | low)
    kept = np.unique(hanging[binary_dilation(hair, iterations=2) & (hanging > 0)])
    grown = np.isin(hanging, kept[kept > 0])
    opened = distance_transform_edt(binary_dilation(~grown, iterations=0)) > 1.5
    return grown & binary_dilation(opened, iterations=3) & (labels != MOUTH)


def _from(colour: np.ndarray, part: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from those of a part, in that part's own spread."""
    values = colour[part]
    middle, spread = np.median(values, 0), np.maximum(np.abs(values - np.median(values, 0)).mean(0), 12.0)
    return np.sqrt((((colour - middle) / spread) ** 2).sum(-1))

