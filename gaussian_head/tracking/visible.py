"""What can be seen of the face in each frame: whether it is lit, inside the picture, and not covered."""

from __future__ import annotations

import numpy as np

from ..facenet import NUM_MESH, mirror
from ..facenet.contours import OVAL
from .channels import eyes_never_open
from .findings import Findings, runs
from .steadiness import sharpness

LOOK_SIDE = 160
"""Side of the picture that colours are taken from, pixels."""
INNER = np.setdiff1d(np.arange(NUM_MESH), OVAL)
"""Landmarks whose colour is the face's: the outline sees hair and background."""

OUTSIDE = 0.08
"""Share of the face's landmarks beyond the picture's border from which on a frame is left out; good clips have 0.02."""
MOST_OUTSIDE = 0.5
"""Share of such frames from which on the clip is refused."""

BLACK, DIM = 40.0, 80.0
"""Brightness of the face's brightest twentieth, of 255: lost in noise, and doubtful (the darkest good clip has 123)."""
DARKENED = 0.4
"""Share of its usual brightness below which a frame is left out."""

UNLIKE_SPREAD, UNLIKE_BRIGHTNESS = 3.0, 0.18
"""A landmark is covered where its colour is off its usual one by so many of its usual deviations, and so much of the
face's brightness on top."""
NEIGHBOURS = 40
"""Landmarks of a patch, about the mouth's size."""
COVERED, STILL_COVERED = 0.65, 0.35
"""Share of a patch's landmarks with a foreign colour where something covers it, and while it still does; the largest
in good clips is 0.63, where somebody frowns and turns away from the light, the usual below 0.3; under a hand 0.8."""
PARTS = (((13, 14), 0.5), ((145, 159), 0.5), ((374, 386), 0.5))
"""Landmarks around whose middle mouth and eyes lie, and the likeness to its usual self below which each is covered; the
least in good clips is 0.60 for mouths and 0.79 for eyes, shut ones too, under a hand 0.4 and less."""
PART_SIZE = 0.45
"""Radius of such a part over the distance of the eyes' outer corners."""
FLAT = 12.0
"""Contrast of a part, of 255, below which it has no pattern that could be missed: light from one side makes as much on
dark skin as the head turns. Eyes of real people have 12.3 and more, mouths 9."""
STILL_UNLIKE = 0.1
"""By so much more likeness a part may still be covered just before and after."""
LASTING = 0.4
"""Seconds from which on what is unlike itself is covered: a mouth wide open is so too, but shuts again."""
MOST_COVERED = 0.5
"""Share of covered frames from which on nothing is concluded: no usual look is known."""

EYE_SIZE = 0.35
"""Radius of what is looked at around an eye, over the distance of the eyes' outer corners."""
EYES_ALIKE = 0.3
"""Correlation of the usual look of one eye with the other's mirror image below which one is not seen."""
SHINES, SHINES_MORE = 0.045, 2.2
"""By how much of the face's brightness what is around an eye usually changes, and how many times as much as elsewhere
on the face, from which on reflections wander over it."""


class FaceLooks:
    """Colours of the face at its landmarks, gathered frame by frame."""

    def __init__(self) -> None:
        self._colours: list[np.ndarray] = []
        self._bright: list[float] = []
        self._sharp: list[float] = []

    def add(self, image: np.ndarray, points: np.ndarray | None) -> None:
        """Look at u8 RGB ``image [S, S, 3]``; ``points [478, 3]`` are its landmarks in pixels, None where lost."""
        import cv2

        if points is None:
            self._colours.append(np.zeros((NUM_MESH, 3), np.uint8))
            self._bright.append(np.nan)
            self._sharp.append(np.nan)
            return
        small = cv2.resize(image, (LOOK_SIDE, LOOK_SIDE), interpolation=cv2.INTER_AREA)
        at = (points[:NUM_MESH, :2] * (LOOK_SIDE / len(image)) - 0.5).astype(np.float32)
        blurred = cv2.blur(small, (5, 5))
        seen = cv2.remap(blurred, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
        self._colours.append(seen)
        self._bright.append(float(np.quantile(seen[INNER] @ [0.299, 0.587, 0.114], 0.95)))
        self._sharp.append(sharpness(image, points[:NUM_MESH]))

    @property
    def colours(self) -> np.ndarray:
        """``[N, 468, 3]`` u8, zero where the face was lost."""
        return np.stack(self._colours)

    @property
    def brightness(self) -> np.ndarray:
        """``[N]`` of the face's brightest twentieth, 0 to 255; NaN where it was lost."""
        return np.array(self._bright)

    @property
    def sharp(self) -> np.ndarray:
        """``[N]`` sharpness of the face; NaN where it was lost."""
        return np.array(self._sharp)


def judge_lost(lost: np.ndarray, num_frames: int, findings: Findings) -> None:
    """Doubts about frames ``lost [F]`` of ``num_frames`` without a face."""
    if len(lost) > findings.most_lost * num_frames:
        findings.add(
            "lost",
            f"the face was lost in {len(lost)} of {num_frames} frames; at most {findings.most_lost:.0%} may be lost."
            " Cut the parts where it is turned away, covered, dark or out of the picture. It was lost in",
            severity="refused",
            frames=lost,
        )
    if len(lost):
        findings.add("lost", f"The face was lost in {len(lost)} frames; left out are", severity="left out", frames=lost)


def judge_light(brightness: np.ndarray, findings: Findings) -> None:
    """Doubts about the light, from ``brightness [N]`` as FaceLooks gives it."""
    usual = float(np.nanmedian(brightness))
    if usual < BLACK:
        findings.add(
            "dark",
            f"the face is nearly black: its brightest parts reach {usual:.0f} of 255. Film again with more light.",
            severity="refused",
        )
    if usual < DIM:
        findings.add(
            "dark",
            f"The face is dark: its brightest parts reach {usual:.0f} of 255. More light on it makes a better head.",
        )
    dark = np.flatnonzero(brightness < max(BLACK, DARKENED * usual))
    if len(dark):
        findings.add("dark", "The light goes out; left out are", severity="left out", frames=dark)


def judge_border(points: np.ndarray, tracked: np.ndarray, width: int, height: int, findings: Findings) -> None:
    """Doubts about a face that leaves the picture, from landmarks ``[N, 478, 2]`` in pixels of the whole picture."""
    mesh = points[:, :NUM_MESH]
    outside = ((mesh < 0) | (mesh > [width, height])).any(-1).mean(1) > OUTSIDE
    cut = np.flatnonzero(outside & tracked)
    if len(cut) > MOST_OUTSIDE * tracked.sum():
        findings.add(
            "outside",
            "the border of the picture cuts the face; a clip with the whole head inside was wanted. It is cut in",
            severity="refused",
            frames=cut,
        )
    if len(cut):
        findings.add("outside", "The border cuts the face; left out are", severity="left out", frames=cut)


def judge_cover(colours: np.ndarray, points: np.ndarray, tracked: np.ndarray, findings: Findings) -> None:
    """Doubts about things before the face, from its colours ``[N, 468, 3]`` and landmarks ``[N, 478, 2]``."""
    rows = np.flatnonzero(tracked)
    if not len(rows):
        return
    seen, places = colours[rows], points[rows]
    unlike = _held(foreign_patch(seen, places), COVERED, STILL_COVERED)
    for centre, least in PARTS:
        unlike |= _held(1 - likeness(seen, places, centre), 1 - least, 1 - least - STILL_UNLIKE)
    held = np.zeros(len(rows), bool)
    for first, last in runs(np.flatnonzero(unlike)):
        held[first : last + 1] = last + 1 - first >= LASTING * findings.fps
    covered = rows[held]
    if len(covered) > MOST_COVERED * len(rows):
        findings.add(
            "changing look", "The face looks different in most frames: light that changes, or things before it."
        )
    elif len(covered):
        findings.add("covered", "Something covers the face; left out are", severity="left out", frames=covered)


def foreign_patch(colours: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Largest share ``[N]`` of unusually coloured landmarks in any patch of the face.

    Brightness of the whole face is divided out of each frame; what is usual is each landmark's median over all frames.
    """
    seen = colours[:, INNER].astype(np.float32)
    usual = np.median(seen, axis=0)
    gain = np.median(seen.sum(-1) / np.maximum(usual.sum(-1), 1), axis=1).clip(0.5, 2)
    off = np.linalg.norm(seen / gain[:, None, None] - usual, axis=-1)
    foreign = off > UNLIKE_SPREAD * np.median(off, axis=0) + UNLIKE_BRIGHTNESS * usual.mean()
    place = np.median(points[:, INNER, :2], axis=0)
    away = np.linalg.norm(place[:, None] - place, axis=-1)
    patches = np.zeros((len(INNER), len(INNER)), np.float32)
    np.put_along_axis(patches, np.argsort(away, axis=1)[:, :NEIGHBOURS], 1 / NEIGHBOURS, axis=1)
    return (foreign @ patches.T).max(1)


def likeness(colours: np.ndarray, points: np.ndarray, centre: tuple[int, ...]) -> np.ndarray:
    """How far the pattern of colours around landmarks ``centre`` is the usual one ``[N]``: 1 the same, 0 no likeness.

    A hand has the colour of skin, but neither lips nor eyes. The best of three frames counts: a pattern that is lost
    for a moment is an expression.
    """
    place = np.median(points[:, :NUM_MESH, :2], axis=0)
    reach = PART_SIZE * np.linalg.norm(place[263] - place[33])
    near = np.linalg.norm(place[INNER] - place[list(centre)].mean(0), axis=1) < reach
    pattern = colours[:, INNER[near]].astype(np.float32)
    pattern = (pattern - pattern.mean(1, keepdims=True)).reshape(len(pattern), -1)
    usual = np.median(pattern, axis=0)
    if np.sqrt((usual**2).mean()) < FLAT:
        return np.ones(len(pattern))
    alike = pattern @ usual / np.maximum(np.linalg.norm(pattern, axis=1) * np.linalg.norm(usual), 1e-3)
    around = np.pad(alike, 1, mode="edge")
    return np.max([around[:-2], alike, around[2:]], axis=0)


def _held(signal: np.ndarray, start: float, on: float) -> np.ndarray:
    """Stretches ``[N]`` bool of a signal above ``on`` that rise above ``start``, and a frame on either side."""
    held = np.zeros(len(signal), bool)
    for first, last in runs(np.flatnonzero(signal > on)):
        if signal[first : last + 1].max() > start:
            held[max(first - 1, 0) : last + 2] = True
    return held


def judge_eyes(points: np.ndarray, tracked: np.ndarray, findings: Findings) -> None:
    """Doubts about eyes that never open, from landmarks ``[N, 478, 2]``."""
    if tracked.any() and eyes_never_open(points[tracked]):
        findings.add("eyes shut", "The eyes are shut throughout: a head made from this clip cannot open them.")


def judge_eye_looks(colours: np.ndarray, points: np.ndarray, tracked: np.ndarray, findings: Findings) -> None:
    """Doubts about an eye that is never seen or shines, from colours ``[N, 468, 3]`` and landmarks ``[N, 478, 2]``."""
    if not tracked.any():
        return
    bright, places = colours[tracked].mean(-1), points[tracked, :NUM_MESH]
    place = np.median(places, axis=0)
    reach = EYE_SIZE * np.linalg.norm(place[263] - place[33])
    eyes = [INNER[np.linalg.norm(place[INNER] - place[list(c)].mean(0), axis=1) < reach] for c, _ in PARTS[1:]]
    usual = np.median(bright, axis=0)
    right, left = (usual[rows] - usual[rows].mean() for rows in (eyes[0], mirror()[eyes[0]]))
    alike = float(right @ left / max(np.linalg.norm(right) * np.linalg.norm(left), 1e-3))
    if alike < EYES_ALIKE:
        findings.add(
            "eye unseen",
            "The two eyes do not look alike: hair, a patch or a shadow lies over one of them all the time. The head"
            " gets that in place of an eye; film again with both eyes free.",
        )
    even = bright * (np.median(bright[:, INNER].sum(1)) / np.maximum(bright[:, INNER].sum(1), 1))[:, None]
    changes = np.median(np.abs(even - np.median(even, axis=0)), axis=0) / max(usual[INNER].mean(), 1)
    rest = np.quantile(changes[np.setdiff1d(INNER, np.concatenate(eyes))], 0.7)
    shine = max(float(np.quantile(changes[rows], 0.7)) for rows in eyes)
    if shine > SHINES and shine > SHINES_MORE * rest:
        findings.add(
            "reflections",
            "Reflections wander over the eyes, as on glasses: the head gets a veil of their mean there. Turn the light"
            " or the screen aside until the eyes are clear.",
        )
