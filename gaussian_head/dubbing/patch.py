"""Putting a lower face back: what the recording has beyond its rendering moves along with the skin.

The recording differs from its own rendering by everything that a head of Gaussians lacks: pores, beard, grain, the
light of the moment. This difference is carried to where the skin shall be and added to the new rendering, so that light
and sharpness come from the recording itself. Between the lips, where the recording shows nothing of the kind, the
rendering is brought to the light of the skin around and gets the recording's grain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..smoothing import smoothstep
from .seam import blended, grain_like, grain_of
from .surface import Pair
from .trust import length, rising, warped

INSIDE = 0.02
"""Mask from which on a pixel may change."""
LIGHT = 0.05
"""Standard deviation over the picture's face width of what counts as light rather than detail."""
MOST_SPREAD = 0.06
"""Difference at the seam, in [0, 1], that is evened out over the whole patch."""
GROWN = 0.02
"""Face widths by which the lower face is taken wider than its Gaussians: shadows at its outline move with it."""
COVERED = (0.16, 0.28)
"""Difference of recording and rendering, smoothed, between which something else begins to be before the face."""
FAINT = 0.08
"""Such difference beside something that is before the face belongs to it."""
COVERS = 0.15
"""Face widths: smaller things before the face are taken for errors of the rendering."""
MOST_GAIN = 1.6
"""Farthest that the rendering's light is brought up or down."""
BEHIND = 0.06
"""Face widths over which what is behind a face is told by what is beside it."""
STILL = (0.0004, 0.002)
"""Face widths of way between which a pixel begins to move."""
BARED = (0.3, 0.8)
"""Change of opacity between which what is behind begins to be bared."""
OTHERWISE = (0.01, 0.04)
"""Change of the rendering between which a pixel begins to look otherwise."""
COARSE = 3
"""Pixels by which a mask is grown on its grid."""
SKIN = 0.98
"""Share of skin from which on a pixel counts as such."""
LANCZOS = 4
"""Pixels beside a place that are read with it."""
DARK = 0.02
"""Light added on both sides, so that black tells nothing."""


@dataclass(frozen=True, kw_only=True)
class Patched:
    """One picture with its lower face put back."""

    image: np.ndarray
    """``[H, W, 3]`` u8; where ``mask`` is 0 it is the recording to the bit."""
    mask: np.ndarray
    """``[H, W]`` f32 in [0, 1], how far a pixel is new."""
    covered: float
    """Share of the lower face that something else was before."""
    skin: np.ndarray | None = None
    """``[H, W]`` bool, skin as recorded and as put back: where sharpness can be compared whatever is said."""


def put_back(recorded: np.ndarray, pair: Pair, *, seed: int = 0) -> Patched:
    """The recording with the lower face of ``pair.new`` in place of that of ``pair.old``.

    Args:
        recorded: ``[H, W, 3]`` u8, the box of the pair.
        pair: both renderings of that box.
        seed: of the grain.
    """
    import cv2

    face_width = pair.face_width
    picture = recorded.astype(np.float32) / 255
    behind = uncovered_by(picture, pair, face_width)
    pair = replace(pair, old=over(pair.old, pair.old_alpha, picture), new=over(pair.new, pair.new_alpha, behind))
    clear = clear_of_hands(picture, pair, face_width)
    mask = rising((grown(pair.mask, GROWN * face_width) * clear * changing(pair)).clip(0, 1), (INSIDE, 0.5))
    inside = mask > 0
    image = recorded.copy()
    part = needed(inside, pair.flow)
    if part is not None:
        patch = carried_over(picture, pair, face_width, seed, part)
        seamless = blended(picture[part], patch, inside[part], most=MOST_SPREAD)
        mixed = picture[part] + weighed(seamless - picture[part], mask[part])
        image[part] = cv2.convertScaleAbs(mixed.clip(0), alpha=255)
    lower = pair.mask > 0.5
    covered = float(1 - clear[lower].mean()) if lower.any() else 0.0
    skin = np.minimum(pair.old_skin, pair.new_skin) > SKIN
    return Patched(image=image, mask=mask, covered=covered, skin=skin)


def grown(mask: np.ndarray, pixels: float) -> np.ndarray:
    """``mask [H, W]`` wider by so many pixels; by many, on a coarser grid, for masks are smooth."""
    import cv2

    height, width = mask.shape
    shrink = max(int(pixels / COARSE), 1)
    if shrink > 1:
        mask = cv2.resize(mask, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    reach = 2 * round(pixels / shrink) + 1
    out = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return out if shrink == 1 else cv2.resize(out, (width, height))


def needed(inside: np.ndarray, flow: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns of all pixels ``inside [H, W]`` and of what ``flow [H, W, 2]`` brings there; None for none."""
    if not inside.any():
        return None
    reach = int(np.abs(flow[inside]).max()) + LANCZOS
    spans = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    rows, columns = (slice(max(int(span[0]) - reach, 0), int(span[-1]) + reach + 1) for span in spans)
    return rows, columns


def weighed(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``values [H, W, 3]`` times ``weight [H, W]``, f32."""
    import cv2

    return cv2.multiply(values, cv2.merge([np.ascontiguousarray(weight, np.float32)] * 3))


def evened(values: np.ndarray) -> np.ndarray:
    """Mean ``[H, W]`` over the channels of ``values [H, W, 3]``, f32."""
    import cv2

    return cv2.transform(values, np.full((1, 3), 1 / 3, np.float32))


def over(rendered: np.ndarray, alpha: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """A rendering over black, put over ``behind [H, W, 3]``."""
    return rendered + weighed(behind, 1 - alpha)


def changing(pair: Pair) -> np.ndarray:
    """``[H, W]`` f32 in [0, 1], 0 where nothing moves, bares or looks otherwise: such pixels stay as recorded."""
    import cv2

    way = length(pair.flow) / pair.face_width
    bared = np.abs(pair.new_alpha - pair.old_alpha)
    otherwise = evened(np.abs(pair.new - pair.old))
    moves = np.maximum(rising(way, STILL), np.maximum(rising(bared, BARED), rising(otherwise, OTHERWISE)))
    return cv2.GaussianBlur(grown(moves, GROWN * pair.face_width), (0, 0), max(GROWN * pair.face_width / 2, 0.5))


def uncovered_by(picture: np.ndarray, pair: Pair, face_width: float) -> np.ndarray:
    """``picture`` with what is around the lower face in its place: where it moves away and nothing is drawn behind."""
    bared = rising(pair.old_alpha - pair.new_alpha, BARED)
    if not bared.any():
        return picture
    around = (1 - grown(pair.mask, GROWN * face_width)).clip(0, 1)
    share = grown(bared, GROWN * face_width) * (1 - around)
    return picture + weighed(spread(picture, around, BEHIND * face_width) - picture, share)


def carried_over(
    picture: np.ndarray, pair: Pair, face_width: float, seed: int, part: tuple[slice, slice]
) -> np.ndarray:
    """A ``part`` of the new rendering with the recording's light, detail and grain."""
    import cv2

    skin = firm(pair.old_skin)
    gain, moved_gain = (x[part] for x in light_gains(picture, pair, skin, max(LIGHT * face_width, 1.0)))
    picture, skin, old_alpha, seen = (x[part] for x in (picture, skin, pair.old_alpha, pair.seen))
    beyond = picture - pair.old[part] * of_the_head(gain, old_alpha)
    lit = pair.new[part] * of_the_head(moved_gain, pair.new_alpha[part])
    moved = weighed(warped(beyond, pair.flow[part], sharp=True), seen)
    sure = skin > 0.9
    noise = grain_like(skin.shape, grain_of(picture, sure & (old_alpha > 0.9)), seed)
    shade = np.sqrt(evened(lit).clip(0, 1) / max(float(evened(picture)[sure].mean()), DARK)) if sure.any() else 1.0
    return lit + moved + cv2.merge([(1 - seen) * shade * noise] * 3)


def around_seeds(picture: np.ndarray, pair: Pair, seeds: np.ndarray, small: float) -> np.ndarray:
    """The rest ``[H, W]`` of what covers: less unlike the face, over the mouth too, but in one piece with ``seeds``."""
    import cv2

    head = pair.old_alpha * (pair.mask > 0.2)
    apart = evened(np.abs(spread(picture - pair.old, head, small / 2))) * (head > 0.5)
    _, pieces = cv2.connectedComponents(((apart > FAINT) | seeds).astype(np.uint8))
    return np.isin(pieces, np.unique(pieces[seeds])).astype(np.float32)


def of_the_head(gain: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """``gain [H, W, 3]`` of a head's light where the head is, 1 beside it: what is behind is as recorded already."""
    return 1 + weighed(gain - 1, alpha)


def firm(share: np.ndarray) -> np.ndarray:
    """A share of skin, taken for none where interior shines through by half."""
    return smoothstep(((share - 0.5) / 0.45).clip(0, 1)).astype(np.float32)


def spread(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """``values [H, W, C]`` averaged around every pixel by ``weight [H, W]`` and a Gaussian of ``sigma`` pixels."""
    import cv2

    height, width = weight.shape
    return cv2.resize(spread_coarsely(values, weight, sigma), (width, height)).reshape(values.shape)


def spread_coarsely(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """``spread`` on a grid of half a ``sigma``: ``[h, w, C]`` f32."""
    import cv2

    height, width = weight.shape
    shrink = max(int(sigma / 2), 1)
    size = (-(-width // shrink), -(-height // shrink))
    heavy = weighed(values, weight) if values.shape[2] == 3 else values * weight[..., None]
    total, mass = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (heavy, weight))
    total, mass = (cv2.GaussianBlur(x, (0, 0), sigma / shrink) for x in (total, mass))
    mean = total.reshape(*mass.shape, -1) / np.maximum(mass, 1e-3)[..., None]
    return mean.astype(np.float32)


def light_gains(picture: np.ndarray, pair: Pair, skin: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Factors ``[H, W, 3]`` by which the recording is brighter than its rendering, told by the skin around.

    The first where the skin was, the second where it shall be.
    """
    import cv2

    ours, theirs = (spread_coarsely(x, skin, sigma) + DARK for x in (picture, pair.old))
    gain = (ours / theirs).clip(1 / MOST_GAIN, MOST_GAIN)
    height, width = skin.shape
    size = gain.shape[1::-1]
    flow = cv2.resize(pair.flow, size, interpolation=cv2.INTER_AREA) * np.float32(size[0] / width)
    return cv2.resize(gain, (width, height)), cv2.resize(warped(gain, flow), (width, height))


def clear_of_hands(picture: np.ndarray, pair: Pair, face_width: float) -> np.ndarray:
    """``[H, W]`` f32 in [0, 1], 0 where a hand, a microphone or hair is before the face as recorded."""
    import cv2

    small = max(COVERS * face_width / 4, 1.0)
    known = firm(pair.old_skin) * (pair.mask > 0.2)
    near = spread(known[..., None], np.ones_like(known), small)[..., 0] > 0.3
    apart = evened(np.abs(spread(picture - pair.old, known, small))) * near
    cover = smoothstep(((apart - COVERED[0]) / (COVERED[1] - COVERED[0])).clip(0, 1)).astype(np.float32)
    if not (cover > 0.5).any():
        return np.ones_like(cover)
    cover = np.maximum(cover, around_seeds(picture, pair, cover > 0.5, small))
    reach = 2 * int(small) + 1
    return 1 - cv2.GaussianBlur(cv2.dilate(cover, np.ones((reach, reach), np.uint8)), (0, 0), small / 2)
