"""What the camera does of its own accord while it films: zooming, setting its exposure anew, losing the focus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .background import clear_of
from .findings import Findings, runs

SIDE = 256
"""Pixels along the pictures that are looked at."""
FEWEST = 12
"""Points of the background that must agree on how its size changes from one sample to the next."""
ZOOMED = 1.15
"""Largest over smallest size of the background from which on the camera zooms; a camera in the hand has 1.10."""
BRIGHTENED = 1.15
"""Brightest over darkest picture from which on the exposure changes, of the background and of the person; the most in
good clips is 1.08, the usual 1.02."""
SOFT = 0.6
"""Share of its usual sharpness below which a face is out of focus; good clips have .72 and more in all frames."""
LASTING = 0.12
"""Seconds from which on it is; less is a quick turn of the head."""
MOST_SOFT = 0.4
"""Share of all frames, the softest, that are left out at most."""


def sharpness(image: np.ndarray, points: np.ndarray) -> float:
    """How much of what is seen of a face is fine: detail of a pixel or two over detail of a few, of SIDE.

    Args:
        image: u8 ``[S, S, 3]``.
        points: ``[478, 2 or 3]`` landmarks, pixels.
    """
    import cv2

    grey, share = _grey(image)
    at = points[:, :2] * share
    x0, y0, x1, y1 = np.concatenate([at.min(0), at.max(0)]).clip(0, len(grey)).astype(int).tolist()
    face = grey[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].astype(np.float32)
    if min(face.shape) < 2:
        return np.nan
    smooth = cv2.GaussianBlur(face, (0, 0), 1.0)
    return float((face - smooth).std() / max((smooth - cv2.GaussianBlur(face, (0, 0), 4.0)).std(), 1e-3))


def judge_focus(sharp: np.ndarray, tracked: np.ndarray, findings: Findings) -> None:
    """Doubts about the focus, from ``sharpness`` of all frames ``[N]``."""
    rows = np.flatnonzero(tracked & np.isfinite(sharp))
    if not len(rows):
        return
    soft = np.zeros(len(sharp), bool)
    soft[rows] = sharp[rows] < min(SOFT * np.quantile(sharp[rows], 0.9), np.quantile(sharp[rows], MOST_SOFT))
    frames = [t for a, b in runs(np.flatnonzero(soft)) if b + 1 - a >= LASTING * findings.fps for t in range(a, b + 1)]
    if frames:
        findings.add(
            "out of focus",
            "The camera loses the focus (lock it on the eyes before filming); left out are",
            severity="left out",
            frames=frames,
        )


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """How much the camera's picture changes while nothing in front of it does."""

    zoom: float
    """Largest size of the background over the smallest; 1 where it has nothing to go by."""
    brightness: float
    """Brightest over darkest picture, the less of background and person; 1 where the person fills the picture."""
    evened: bool = False
    """Whether all pictures were brought to one exposure."""

    @staticmethod
    def of(samples: Iterable[tuple[np.ndarray, np.ndarray]]) -> Steadiness:
        """From pictures u8 ``[H, W, 3]`` and mattes u8 ``[H, W]`` in the order of time, a few each second."""
        sizes, behind, person = [0.0], [], []
        before: tuple[np.ndarray, np.ndarray] | None = None
        for image, matte in samples:
            grey, share = _grey(image)
            alpha = _resized(matte, share)
            clear = clear_of(alpha)
            behind.append(_level(grey[clear]))
            person.append(_level(grey[alpha > 250]))
            if before is not None:
                sizes.append(sizes[-1] + _growth(*before, grey))
            before = grey, clear
        return Steadiness(
            zoom=float(np.exp(np.ptp(sizes))), brightness=float(np.exp(min(_spread(behind), _spread(person))))
        )


def judge_steadiness(found: Steadiness, findings: Findings) -> None:
    """Doubts about a camera that does things of its own accord."""
    if found.zoom > ZOOMED:
        findings.add(
            "zoom",
            f"The camera zooms, or comes nearer: what is behind the person grows {found.zoom:.2f} times as large. The"
            " head is learnt as if it had moved; cut the video before or after, and film without zooming.",
        )
    if found.brightness > BRIGHTENED:
        so = (
            "Every frame was brought to one exposure by what stands still behind the person; blown-out parts stay flat."
            if found.evened
            else "The head gets the mean of it: film again before a background that stands still."
        )
        findings.add(
            "exposure",
            f"The whole picture becomes {found.brightness:.2f} times as bright and dark again: the camera sets its"
            f" exposure anew, or the light changes. {so} Lock the exposure, and keep the light.",
        )


def _grey(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Grey picture of at most SIDE pixels, and by how much it is smaller."""
    import cv2

    share = min(SIDE / max(image.shape[:2]), 1.0)
    return cv2.cvtColor(_resized(image, share), cv2.COLOR_RGB2GRAY), share


def _resized(picture: np.ndarray, share: float) -> np.ndarray:
    import cv2

    return picture if share == 1 else cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def _level(values: np.ndarray) -> float:
    """Logarithm of how bright ``values [P]`` of 255 are; NaN where there are few."""
    return float(np.log(values.mean() + 1.0)) if len(values) > SIDE else np.nan


def _spread(levels: list[float]) -> float:
    """Range of ``levels``, single ones aside."""
    known = np.array(levels)[np.isfinite(levels)]
    return float(np.ptp(np.quantile(known, [0.03, 0.97]))) if len(known) else 0.0


def _growth(before: np.ndarray, clear: np.ndarray, after: np.ndarray) -> float:
    """Logarithm of how much larger ``after`` is than ``before`` where that is ``clear``; 0 where nothing tells it."""
    import cv2

    points = cv2.goodFeaturesToTrack(before, 200, 0.01, 5, mask=clear.astype(np.uint8))
    if points is None or len(points) < FEWEST:
        return 0.0
    moved, seen, _ = cv2.calcOpticalFlowPyrLK(before, after, points, np.empty_like(points), winSize=(15, 15))
    kept = seen[:, 0] > 0
    if kept.sum() < FEWEST:
        return 0.0
    matrix, agreeing = cv2.estimateAffinePartial2D(points[kept], moved[kept], ransacReprojThreshold=1.0)
    if matrix is None or agreeing.sum() < max(FEWEST, 0.5 * kept.sum()):
        return 0.0
    return float(np.log(np.hypot(matrix[0, 0], matrix[1, 0])))
