"""The picture to paint on, and what somebody changed in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..gaussians import Frame
from ..head import Head
from ..media import read_image
from ..motion import MotionFrame
from ..rendering.frames import render_moment

TOLERANCE = 8
"""Grey levels (0 to 255) by which an untouched pixel may differ."""
NOISE_FACTOR = 6.0
"""Times the median difference that counts as noise too: pictures saved as jpg, or redrawn by a model."""
NOISIEST = 24.0
"""Grey levels beyond which a difference is no noise."""
SPECK = 6
"""Connected changed pixels fewer than this are noise."""
GAP = 2
"""Pixels of unchanged colour inside a change that still belong to it."""
SAME, BROAD, FEWEST_CUT = 3, 3, 60
"""Grey levels by which painted-away pixels differ from the plate, half their least breadth, and their least number."""
SHIFTED, BETTER = 0.7, 0.7
"""A picture is misplaced if moving it back by more pixels than this leaves less than this share of the difference."""
MOST_CHANGED, ALIKE = 0.5, 0.35
"""Where more of the person changed, and its edges correlate less than this, it is another picture."""
SOLID = 0.5
"""Opacity from which on a pixel shows the person."""
SOFT, EDGE = 8, 12
"""Pixels from a change's edge at which soft brushes have their full colour, and from there where that is asked."""
TOUCHING = 3
"""Pixels between the person and what is added to it, at most."""


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """One view of a head, to paint on."""

    moment: MotionFrame
    """When."""
    camera: Camera
    """From where."""
    frame: Frame
    """How it looks, over the plate."""
    plate: Tensor
    """``[H, W, 3]`` what stands behind."""

    @property
    def picture(self) -> np.ndarray:
        """``[H, W, 3]`` u8, what is saved to paint on."""
        return (self.frame.rgb * 255 + 0.5).clamp(0, 255).byte().numpy()


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A canvas that was painted on."""

    canvas: Canvas
    """What it was before."""
    target: Tensor
    """``[H, W, 3]`` in [0, 1] how it should look."""
    changed: np.ndarray
    """``[H, W]`` bool."""
    removed: np.ndarray
    """``[H, W]`` bool, those that showed the person and now show what is behind it."""
    added: np.ndarray
    """``[H, W]`` bool, those that showed what is behind and now show something of the person."""
    strength: float = 1.0
    """Share of the change that is wanted."""

    def blended(self, strength: float) -> Painted:
        """The same with a share of the change, in the colours of what stays where it was."""
        stays = torch.from_numpy(~self.added & ~self.removed)[..., None]
        target = torch.where(stays, self.canvas.frame.rgb.lerp(self.target, strength), self.target)
        return replace(self, target=target, strength=strength)


def canvas_of(head: Head, moment: MotionFrame, camera: Camera | None = None) -> Canvas:
    """The head at a moment before its plate, by default as the recording camera sees it."""
    camera = camera or head.camera
    frame = render_moment(head, moment, camera, background=head.background)
    return Canvas(moment=moment, camera=camera, frame=frame, plate=head.background)


def read_painted(canvas: Canvas, path: str | Path, *, tolerance: int = TOLERANCE) -> tuple[Painted, int]:
    """What ``path`` changes of a canvas, and how many changed pixels were left out as no part of the person.

    Args:
        canvas: the picture that was painted on.
        path: the changed picture, of the same size.
        tolerance: grey levels (0 to 255) by which an untouched pixel may differ.

    Raises:
        InputError: it cannot be read, is of another size, misplaced, of somebody else, or unchanged.
    """
    return changes(canvas, read_image(path), path, tolerance=tolerance)


def changes(
    canvas: Canvas, after: np.ndarray, path: str | Path = "", *, tolerance: int = TOLERANCE
) -> tuple[Painted, int]:
    """``read_painted`` of a picture ``[H, W, 3]`` u8 in memory; ``path`` is what messages call it."""
    before = canvas.picture
    if after.shape != before.shape:
        (H, W), (h, w) = before.shape[:2], after.shape[:2]
        raise InputError(
            f"picture {path} has {w}x{h} pixels and the frame {W}x{H}; paint on the picture that --save writes and"
            " keep its size."
        )
    apart = np.abs(after.astype(np.int16) - before).max(2)
    noise = max(tolerance, min(NOISE_FACTOR * float(np.median(apart)), NOISIEST))
    changed = _without_specks(apart > noise)
    person = canvas.frame.alpha.numpy() > SOLID
    if not changed.any():
        raise InputError(
            f"picture {path} shows nothing that differs by more than {noise:.0f} of 255 from the frame; paint on what"
            " --save writes, or lower --tolerance."
        )
    _require_in_place(before, after, path)
    _require_same(before, after, changed, person, path)
    changed = ndimage.binary_closing(np.pad(changed, GAP), iterations=GAP)[GAP:-GAP, GAP:-GAP] | changed
    belongs = _touching(changed, person)
    left_out = int((changed & ~belongs).sum())
    if not belongs.any():
        raise InputError(f"picture {path} differs in the background alone; what is painted must touch the person.")
    plate = (canvas.plate.numpy() * 255 + 0.5).astype(np.int16)
    from_plate = np.abs(after.astype(np.int16) - plate).max(2)
    return Painted(
        canvas=canvas,
        target=torch.from_numpy(after).float() / 255,
        changed=belongs,
        removed=_cut_away(belongs & person & (from_plate <= max(SAME, noise - tolerance)), person),
        added=_without_rims(_of_paint(belongs & ~person & (from_plate > noise), belongs, after, plate)),
    ), left_out


def grouped(pixels: np.ndarray) -> np.ndarray:
    """``[H, W]`` int, 1, 2, … in connected groups of ``pixels [H, W]`` bool, 0 elsewhere."""
    return np.asarray(cv2.connectedComponents(pixels.astype(np.uint8), connectivity=8)[1])


def _without_specks(changed: np.ndarray) -> np.ndarray:
    """``changed`` without groups of fewer than SPECK pixels."""
    groups = grouped(changed)
    sizes = np.bincount(groups.ravel())
    sizes[0] = 0
    return sizes[groups] >= SPECK


def _cut_away(like_plate: np.ndarray, person: np.ndarray) -> np.ndarray:
    """Of pixels of the person that look like the plate, the broad groups that begin at the outline.

    Dark paint before a dark wall looks like it here and there.
    """
    broad = np.pad(like_plate | ~person, BROAD, constant_values=True)
    opened = np.asarray(ndimage.binary_opening(broad, iterations=BROAD), bool)
    broad = like_plate & opened[BROAD:-BROAD, BROAD:-BROAD]
    groups = grouped(broad)
    outline = np.asarray(ndimage.binary_dilation(~person, iterations=TOUCHING), bool)
    near = np.unique(groups[broad & outline])
    sizes = np.bincount(groups.ravel(), minlength=1)
    return np.isin(groups, near[(near > 0) & (sizes[near] >= FEWEST_CUT)])


def _of_paint(added: np.ndarray, changed: np.ndarray, after: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """``added`` without the soft edges of a brush: pixels that show more of the plate than of the paint further in.

    Args:
        added: ``[H, W]`` bool.
        changed: ``[H, W]`` bool, all paint.
        after, plate: ``[H, W, 3]`` u8 or wider, the picture and what is behind.
    """
    inner = np.asarray(ndimage.binary_erosion(changed, iterations=SOFT), bool)
    if not inner.any():
        return added
    distance, nearest = np.empty(inner.shape), np.empty((2, *inner.shape), np.int32)
    ndimage.distance_transform_edt(~inner, distances=distance, indices=nearest, return_indices=True)
    paint = cv2.blur(after.astype(np.float64), (3, 3))[nearest[0], nearest[1]]
    away = paint - plate
    share = ((after - plate) * away).sum(2) / np.maximum(np.square(away).sum(2), 1.0)
    return added & ((share > SOLID) | (distance > EDGE))


def _without_rims(added: np.ndarray) -> np.ndarray:
    """``added`` without strips of a few pixels along the outline, which belong to what they border on."""
    return added & ndimage.binary_dilation(ndimage.binary_erosion(added, iterations=2), iterations=4)


def _touching(changed: np.ndarray, person: np.ndarray) -> np.ndarray:
    """The groups of changed pixels that lie on the person or touch it."""
    groups = grouped(changed)
    near = np.unique(groups[changed & ndimage.binary_dilation(person, iterations=TOUCHING)])
    return np.isin(groups, near[near > 0])


def _require_in_place(before: np.ndarray, after: np.ndarray, path: str | Path) -> None:
    """InputError where the picture is the frame moved by some pixels."""
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (before, after)]
    height, width = grey[0].shape
    still = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
    try:
        _, found = cv2.findTransformECC(grey[0], grey[1], still, cv2.MOTION_TRANSLATION, stop)
    except cv2.error:  # no likeness to go by; another check speaks of that
        return
    dx, dy = float(found[0, 2]), float(found[1, 2])
    if max(abs(dx), abs(dy)) < SHIFTED:
        return
    back = cv2.warpAffine(grey[1], np.array([[1, 0, -dx], [0, 1, -dy]], np.float32), (width, height))
    margin = int(max(abs(dx), abs(dy))) + 2
    inner = (slice(margin, height - margin), slice(margin, width - margin))
    apart = [float(np.abs(picture - grey[0])[inner].mean()) for picture in (grey[1], back)]
    if margin < min(height, width) // 4 and apart[1] < BETTER * apart[0]:
        raise InputError(
            f"picture {path} is moved by {dx:.1f}, {dy:.1f} pixels against the frame; export it without cropping,"
            " scaling or moving it."
        )


def _require_same(
    before: np.ndarray, after: np.ndarray, changed: np.ndarray, person: np.ndarray, path: str | Path
) -> None:
    """InputError where hardly anything of the person is left."""
    share = float((changed & person).sum() / max(person.sum(), 1))
    one, other = (ndimage.gaussian_laplace(picture.mean(2), 2.0)[person] for picture in (before, after))
    alike = float(np.corrcoef(one, other)[0, 1]) if min(one.std(), other.std()) > 0 else 0.0
    if share > MOST_CHANGED and alike < ALIKE:
        raise InputError(
            f"picture {path} differs in {share:.0%} of the person and its edges lie elsewhere: it shows another person"
            " or another frame. Paint on what --save writes for this --frame."
        )
