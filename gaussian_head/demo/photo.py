"""The photograph behind the demo subject, taken apart into layers a mesh can wear.

The picture is the astronaut portrait that scikit-image's wheel carries (NASA, public domain).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, gaussian_filter, median_filter

from ..checks import InputError
from ..facenet import FaceLandmarks, PersonSegmenter
from ..facenet.contours import INNER_LIPS, OUTER_LIPS, OVAL
from .parts import collar_mask

CROP = (84, 0, 280)
"""Left, top and side in photo pixels of the square around the head that the landmark finder sees."""
ENLARGE = 4
EAR_LOBES = 124
"""Photo row below which the head is no wider than the face."""


@dataclass(frozen=True, kw_only=True)
class PhotoLayers:
    """The photo split so that each layer is filled with its own colours beyond its outline."""

    landmarks: np.ndarray
    """``[478, 3]`` photo pixels; z in the same unit, smaller is nearer."""
    head: np.ndarray
    """``[H, W, 3]`` f32 0..255: face and hair, mouth opening filled with lip colour."""
    neck: np.ndarray
    """``[H, W, 3]`` f32: neck and turtleneck."""
    collar: np.ndarray
    """``[H, W, 3]`` f32: the suit's neck ring, head and neck filled in."""
    torso: np.ndarray
    """``[H, W, 3]`` f32: the suit, neck ring filled in."""
    background: np.ndarray
    """``[H, W, 3]`` f32: the studio without the person."""
    head_mask: np.ndarray
    """``[H, W]`` bool: head and hair."""
    torso_rows: np.ndarray
    """``[H, 2]`` left and right edge of the torso per photo row."""


def load_photo() -> np.ndarray:
    """The portrait, ``[512, 512, 3]`` u8."""
    try:
        from skimage import data
    except ImportError as error:
        raise InputError("the demo needs scikit-image's portrait; `pip install scikit-image`.") from error
    return np.ascontiguousarray(data.astronaut())


def find_landmarks(photo: np.ndarray) -> np.ndarray:
    """Landmarks with irises, ``[478, 3]`` in photo pixels."""
    import cv2

    left, top, side = CROP
    crop = photo[top : top + side, left : left + side]
    big = cv2.resize(crop, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_CUBIC)
    found = FaceLandmarks()(big)
    if not found:
        raise InputError("no face was found in scikit-image's portrait; reinstall gaussian-head and scikit-image.")
    return found[0].astype(np.float64) / ENLARGE + [left, top, 0]


def split_photo(photo: np.ndarray, landmarks: np.ndarray) -> PhotoLayers:
    """Segment the portrait and fill each layer beyond its outline."""
    person = _person_mask(photo)
    rows, cols = np.mgrid[: photo.shape[0], : photo.shape[1]]
    face = polygon_mask(landmarks[list(OVAL), :2], photo.shape)
    head = (person & (cols > 140) & (cols < 310)) | face
    head &= (rows < EAR_LOBES) | _grow(face, 2)
    chin = landmarks[152]
    neck = person & (np.abs(cols - chin[0] + 2) < 31) & (rows > chin[1] - 30) & (rows < chin[1] + 26)
    neck &= ~_grow(face, 3)
    column = (np.abs(cols - chin[0] - 1) < 44) & (rows < chin[1] + 12)
    torso = person & (rows > 152) & ~column & ~_grow(head, 3)
    image = photo.astype(np.float32)
    halo = _grow(person, 5)
    upper = _shrink(head, 2) | _shrink(face, 2)
    skin = np.where(rows < EAR_LOBES, upper, _shrink(face, 4))
    return PhotoLayers(
        landmarks=landmarks,
        head=spread(_without_teeth(image, landmarks), skin),
        neck=spread(image, _shrink(neck, 2)),
        collar=spread(image, _shrink(torso, 2)),
        torso=spread(image, _shrink(torso & ~collar_mask(photo.shape), 2)),
        background=_mottled(spread(image, ~halo), halo),
        head_mask=head,
        torso_rows=_row_edges(person),
    )


def spread(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill ``image`` [H, W, 3] outside ``known`` [H, W] from the nearest known pixels, softer further out."""
    import cv2

    distance, (rows, cols) = cast(
        tuple[np.ndarray, np.ndarray], distance_transform_edt(~known, return_distances=True, return_indices=True)
    )
    filled = image[rows, cols].astype(np.float32)
    for sigma in (1.5, 4.0, 10.0, 24.0):
        soft = cv2.GaussianBlur(filled, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        weight = np.clip(distance / (2 * sigma) - 0.5, 0, 1)[..., None]
        filled = (filled + weight * (soft - filled)).astype(np.float32)
    return filled


def _grow(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    """``mask`` wider by ``pixels`` steps."""
    return np.asarray(binary_dilation(mask, iterations=pixels), bool)


def _shrink(mask: np.ndarray, pixels: int) -> np.ndarray:
    """``mask`` narrower by ``pixels`` steps."""
    return np.asarray(binary_erosion(mask, iterations=pixels), bool)


def polygon_mask(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Pixels inside a polygon ``[P, 2]`` of (x, y), ``[H, W]`` bool."""
    import cv2

    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], (1,), shift=4)
    return mask.astype(bool)


def _person_mask(photo: np.ndarray) -> np.ndarray:
    """Person against studio, ``[H, W]`` bool: a segmentation network's guess refined on colour."""
    import cv2

    soft = PersonSegmenter()(photo)
    sure_in, sure_out = _shrink(soft > 0.9, 7), ~_grow(soft > 0.1, 7)
    state = np.where(soft > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[sure_in], state[sure_out] = cv2.GC_FGD, cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(
        photo[..., ::-1].copy(), state, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK
    )
    mask = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    return median_filter(mask.astype(np.uint8), 5).astype(bool)


def _without_teeth(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The photo with the gap between the lips painted in the lips' own colours."""
    gap = _grow(polygon_mask(landmarks[list(INNER_LIPS), :2], image.shape))
    lips = polygon_mask(landmarks[list(OUTER_LIPS), :2], image.shape) & ~gap
    return np.where(gap[..., None], spread(image, lips), image)


def _mottled(background: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """The plate with studio-like mottling where the person stood, so that it does not look wiped."""
    rng = np.random.default_rng(7)
    noise = sum(gaussian_filter(rng.normal(size=filled.shape), s) * s * a for s, a in ((3, 2.0), (9, 6.0), (24, 10.0)))
    soft = gaussian_filter(filled.astype(np.float64), 6)
    return (background + (soft * noise)[..., None] * np.array([1.0, 0.92, 0.95])).astype(np.float32)


def _row_edges(person: np.ndarray) -> np.ndarray:
    """Smooth left and right edges of the torso per row, ``[H, 2]``; the helmet at the lower right is left out."""
    height = person.shape[0]
    edges = np.zeros((height, 2))
    for row in range(height):
        columns = np.flatnonzero(person[row, :368])
        edges[row] = (columns[0], columns[-1]) if len(columns) else (224, 224)
    edges[335:] = edges[334]
    return gaussian_filter(edges, (1.5, 0))
