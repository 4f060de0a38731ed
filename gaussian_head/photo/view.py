"""One photograph made ready: the square around its face, who stands in it, and where the parts of that person are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    binary_fill_holes,
    distance_transform_edt,
    gaussian_filter,
)

from ..checks import InputError
from ..conventions import FACE, HAIR, MOUTH, NECK, TORSO
from ..facenet import NUM_MESH, Blendshapes, FaceDetector, FaceLandmarks, PersonSegmenter
from ..facenet.contours import LEFT_EYE, OUTER_LIPS, OVAL, RIGHT_EYE
from ..head.outline import nearest_true
from ..media import Photograph, resize_image
from ..tracking.labels import face_grid, label_parts, learn_colours, polygon
from ..tracking.matte import refine_matte
from .wisps import without_wisps

SMALLEST_FACE = 64
"""Pixels that a face must be wide: below that eyes and lips are a few pixels each."""
SQUARE = 2.9
"""Side of the square that is worked on, in widths of the face's own box, where the photograph has that much."""
ABOVE = 0.42
"""Share of the square that lies above the face's middle."""
DRAWN = 0.5
"""Least that the detectors must be sure of a face; drawings, statues and objects that look like one stay below."""
REACH, TOLD, SHARE = 0.035, 0.16, (0.12, 0.5)
"""How deep, in sides of the square, a background may shine through hair; how far apart their colours have to be for it
to be told; shares of hair from which on a pixel is a little, and wholly, hair."""
SOLID, EDGE = 250, 0.011
"""Matte from which on a pixel is the person alone, and sides of the square inwards from there that are not trusted."""
CROWN, HIGH, THIN, APART = 0.06, 0.5, 0.006, 16.0
"""Heights of a face above it where hair begins as a rule, and where nothing else is; half the width of the thinnest
lock, sides of the square; how far apart two tones are that are not the same."""
HAIRY, TONES = (0.9, 0.6), 5
"""How much nearer to the hair's tones than to the skin's a pixel of hair is, around a face and before it, where a
shaded forehead is near to both; how many tones each has."""
CENTRAL, BESIDE, ABOVE_EYES = 0.38, 0.56, -0.12
"""Widths of a face from its middle up to which it is told what skin is like, and from which on, that much of a height
above the eyes, everything is hair: locks before a temple are no skin, and lit ones may have its colour."""
BEARD = (0.2, 0.55)
"""Widths of a face from its middle, and below its chin, where hair is a beard's; from its middle up to which what hangs
together with that is."""
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
    clean: np.ndarray
    """``[S, S, 3]`` f64 in [0, 1], the person's colours alone, at its edge freed of what shines through."""
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
    crop: tuple[int, int, int]
    """Left, top and side of the square in the photograph, pixels."""


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
    alpha, labels = without_wisps(image, alpha, labels, hair, points[2, 1], points[152, 1])
    clean, alpha = _parted(image, alpha, hair)
    known = Blendshapes()(landmarks.astype(np.float32))
    middle = (photograph.rgb.shape[1] / 2 - left) * scale, (photograph.rgb.shape[0] / 2 - top) * scale
    return PhotoView(
        image=image,
        alpha=alpha,
        clean=clean,
        labels=labels,
        hair=hair,
        landmarks=points,
        units=np.append(known[1:], 0.0).astype(np.float64),
        face_pixels=wide,
        focal_hint=None if photograph.focal is None else photograph.focal * scale,
        centre=middle,
        crop=(left, top, side),
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
    import cv2

    person, face = alpha > 127, labels == FACE
    rows = np.arange(len(image))[:, None]
    brow, chin = landmarks[[70, 300], 1].mean(), landmarks[152, 1]
    crown = (labels == HAIR) & person & (rows < np.nonzero(face)[0].min() - CROWN * (chin - brow))
    grid = face_grid(landmarks, *face.shape)
    skin = face & (rows > brow + 0.1 * (chin - brow)) & (rows < landmarks[2, 1]) & (np.abs(grid.across) < CENTRAL)
    for contour in (LEFT_EYE, RIGHT_EYE, OUTER_LIPS):
        skin &= ~np.asarray(binary_dilation(polygon(landmarks[list(contour)], *face.shape), iterations=4), bool)
    if crown.sum() < 0.002 * crown.size or skin.sum() < 100:
        return np.zeros(face.shape, bool)
    colour = _tinted(image)
    of_skin = _tones(colour, skin)
    of_hair = _unlike(_tones(colour, crown), of_skin)
    to_hair, to_skin = _from(colour, of_hair), _from(colour, of_skin)
    like = to_hair < np.where(face, HAIRY[1], HAIRY[0]) * to_skin
    like |= person & (rows < np.nonzero(face)[0].min() - HIGH * (chin - brow))
    like |= (labels == HAIR) & (np.abs(grid.across) > BESIDE) & (grid.down < ABOVE_EYES)
    hair = person & np.isin(labels, (HAIR, FACE)) & like & ((rows < brow) | (labels == HAIR))
    away = np.abs(np.arange(len(image))[None] - landmarks[152, 0]) > 0.9 * np.ptp(landmarks[:, 0])
    clothes = (labels == TORSO) & (rows > len(image) - 4) & ~(away & (rows < chin))
    low = person & np.isin(labels, (TORSO, NECK)) & like
    low &= ~_bearded(low, landmarks)
    if clothes.sum() > 20:
        low &= CLEAR * to_hair < _from(colour, _unlike(_tones(colour, clothes), of_hair))
    hanging = cv2.connectedComponents((hair | low).astype(np.uint8), connectivity=4)[1]
    kept = np.unique(hanging[np.asarray(binary_dilation(hair, iterations=2), bool) & (hanging > 0)])
    grown = np.isin(hanging, kept[kept > 0])
    opened = np.asarray(distance_transform_edt(grown)) > THIN * len(image)
    whole = grown & np.asarray(binary_dilation(opened, iterations=1 + round(THIN * len(image))), bool)
    return np.asarray(binary_fill_holes(whole), bool) & person & (labels != MOUTH) & ~skin


def _bearded(low: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Pixels ``[S, S]`` bool below a face that look like hair and hang from its chin: a beard goes with the face."""
    import cv2

    wide, chin = np.ptp(landmarks[:, 0]), landmarks[152]
    rows, columns = np.indices(low.shape)
    aside = np.abs(columns - chin[0]) / wide
    under = (aside < BEARD[0]) & (rows < chin[1] + BEARD[0] * wide)
    pieces = np.asarray(cv2.connectedComponents(low.astype(np.uint8), connectivity=4)[1], np.int64)
    touching = np.unique(pieces[under & low])
    return np.isin(pieces, touching[touching > 0]) & (aside < BEARD[1])


def _tinted(image: np.ndarray) -> np.ndarray:
    """``[S, S, 3]`` f32 brightness and the two colour differences, in which a shadow is a smaller step than a tint."""
    import cv2

    ycc = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.2), cv2.COLOR_RGB2YCrCb).astype(np.float32)
    return (ycc - [0, 128, 128]).astype(np.float32) * np.array([0.6, 1.5, 1.5], np.float32)


def _tones(colour: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Usual colours ``[n, 3]`` of a part, which has lit and shaded places."""
    import cv2

    values = np.ascontiguousarray(colour[part])
    values = values[:: max(1, len(values) // 4000)]
    cv2.setRNGSeed(1)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, _, middles = cv2.kmeans(values, min(TONES, len(values)), np.zeros(0), criteria, 2, cv2.KMEANS_PP_CENTERS)
    return middles


def _unlike(tones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Those of ``tones [n, 3]`` that are none of the others, the one farthest from them at least."""
    apart = np.sqrt(((tones[:, None] - others) ** 2).sum(-1)).min(1)
    return tones[(apart > APART) | (apart == apart.max())]


def _from(colour: np.ndarray, tones: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from the nearest of some tones."""
    return np.sqrt(((colour[..., None, :] - tones) ** 2).sum(-1)).min(-1)


def _parted(image: np.ndarray, alpha: np.ndarray, hair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The person's colours ``[S, S, 3]`` and matte ``[S, S]`` u8, what shines through between hairs taken out of both.

    A pixel at the edge is a mix of the nearest background and the nearest hair; its share of hair is told by where it
    lies between them, and its own colour is what is left of it. Elsewhere the edge is coloured like the nearest inside.
    """
    size = len(image)
    reach = max(2, round(REACH * size))
    colour = image.astype(np.float64) / 255
    inside = np.asarray(binary_erosion(alpha > SOLID, iterations=max(1, round(EDGE * size)), border_value=1), bool)
    clean = colour[nearest_true(inside)] if inside.any() else colour
    person, depth = alpha > 127, np.asarray(distance_transform_edt(alpha > 127))
    outside = ~np.asarray(binary_dilation(person, iterations=max(1, reach // 5)), bool)
    deep = hair & (depth > 1.5 * reach)
    band = np.asarray(binary_dilation(hair, iterations=max(1, reach // 4)), bool) & (depth < reach)
    if deep.sum() < 50 or not outside.any() or not band.any():
        return clean, alpha
    wall, strand = (_spread(colour, known, reach / 2) for known in (outside, deep))
    apart = strand - wall
    soft = np.asarray(gaussian_filter(colour, (0.7, 0.7, 0)))
    share = ((soft - wall) * apart).sum(-1) / np.maximum((apart**2).sum(-1), 1e-6)
    share = ((share - SHARE[0]) / (SHARE[1] - SHARE[0])).clip(0, 1)
    told = (np.linalg.norm(apart, axis=-1) > TOLD) & band
    own = (wall + (colour - wall) / np.maximum(share, 0.3)[..., None]).clip(0, 1)
    own = share[..., None] * own + (1 - share[..., None]) * strand
    clean = np.where(told[..., None], own, clean)
    return clean, np.where(told, np.minimum(alpha, (255 * share).astype(np.uint8)), alpha)


def _spread(colour: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Colours ``[S, S, 3]`` of the known pixels around, smoothly."""
    row, column = np.asarray(distance_transform_edt(~known, return_distances=False, return_indices=True))
    nearest = colour[row, column]
    return np.asarray(gaussian_filter(nearest, (sigma, sigma, 0)))
