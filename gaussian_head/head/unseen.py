"""Colours of what hardly any frame shows: the frames that show it best, and beyond them what lies next to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from ..capture import Capture, CaptureFrame
from ..conventions import FACE, HAIR, NECK, TORSO
from ..face import REGIONS
from ..transforms import quat_to_rotmat, quat_to_rotvec
from .hull import Hull
from .laid import mesh_edges, smoothed_once
from .outline import eroded
from .surface import canonical_rays
from .volume import HullSamples, shown

CLEAR = 3
"""Pixels inside a part from which on its colour is taken: its very edge is mixed with what lies beside."""
SQUARE = 0.2
"""Cosine with the line of sight from which on a pixel tells a colour."""
BESIDE = 0.07
"""Metres beside the middle from which on clothes are the same in front and behind: shirts and ties are not."""
NEIGHBOURS, REACH = 24, 0.02
"""Coloured samples that one without is painted from, and metres within which they count alike."""
ALIKE, IN_FRONT = (0.6, 2.0, 0.4), (2.0, 2.0, 0.2)
"""Weight of distances sideways, down and in depth: collars and hair lines go around at one height, but under a chin it
is as it is before it."""
FEWEST = 20
"""Samples of hair below which a scalp is taken for bald."""
HAIR_LINE = ((0.012, -0.01), (0.03, 0.0), (0.06, 0.012))
"""Metres behind the ears' middle, and below their lower end, through which hair ends over the neck."""
UNDER_HAIR, EAR_FRONT, ENOUGH = 0.67, 0.1, 5
"""Share of hair in what is seen of an ear from which on hair hangs over it, share of an ear that lies before where that
hair begins, and samples that have to be seen of it."""
LOWEST = 0.95
"""Share of the recorded hair above the height down to which it hangs."""
DOWNWARDS = 0.1
"""From which slope on what hangs over under a chin is the chin's own skin and not the collar's."""
HIGHEST = 0.01
"""Share of the recorded clothes above the height at which they begin."""
RISE, MOST_RISE = 0.6, 0.035
"""How much higher clothes begin the farther behind that, and at most, metres: collars stand up at the nape."""
GRAIN = 0.7
"""Share of the recorded hair's unevenness that painted hair gets."""
SMOOTHED, DARK, BRIGHTEST = 30, 0.008, 1.1
"""Steps in which the hull is smoothed that an ear's hollows lie below, metres of depth at which they are e times
darker, and how much brighter at most what stands out is."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What frames tell about S samples."""

    cosine: np.ndarray
    """``[S]`` how squarely the best frame shows it; 0 where none does."""
    colours: np.ndarray
    """``[S, 3]``."""
    hair: np.ndarray
    """``[S]`` bool, the pixel is hair."""
    clothes: np.ndarray
    """``[S]`` bool, the pixel is of the torso."""


def sample_colours(samples: HullSamples, hull: Hull, capture: Capture, rest: int, seed: int = 0) -> np.ndarray:
    """RGB ``[S, 3]`` in [0, 1] of samples on a hull.

    Each takes the colour of the frame that shows it most squarely, among the rest frame and those turned farthest to
    either side; else a mix of its neighbours' and of their mirror images', hair from hair alone. An ear that no frame
    shows is darker in its hollows, or it would not be seen before the cheek.
    """
    seen = _Seen(
        cosine=np.zeros(len(samples)),
        colours=np.zeros((len(samples), 3), np.float32),
        hair=np.zeros(len(samples), bool),
        clothes=np.zeros(len(samples), bool),
    )
    on_head = hull.of_head()[samples.triangles]
    _look(seen, samples, on_head, hull, capture, rest)
    for t in turned_frames(capture):
        _look(seen, samples, on_head, hull, capture, t, body=False)
    kinds = _kinds(samples, seen, on_head, hull, _collar(hull, capture, rest))
    colours = _painted(samples, seen, kinds, on_head, np.random.default_rng(seed))
    ears = (samples.regions == REGIONS.index("ears")) & (seen.cosine == 0) & ~kinds[0]
    shade = (samples.weights * _shades(hull)[hull.triangles[samples.triangles]]).sum(1)
    return (colours * np.where(ears, shade, 1)[:, None]).clip(0, 1)


def _shades(hull: Hull) -> np.ndarray:
    """``[V]`` factors of brightness, less in hollows.

    Source: Miller, "Efficient algorithms for local and global accessibility shading" (1994), told from how deep a
    vertex lies below the smoothed surface.
    """
    edges, smooth = mesh_edges(hull.triangles, len(hull.vertices)), hull.vertices
    for _ in range(SMOOTHED):
        smooth = smoothed_once(smooth, edges)
    return np.minimum(np.exp(((hull.vertices - smooth) * hull.normals).sum(1) / DARK), BRIGHTEST)


def turned_frames(capture: Capture) -> list[int]:
    """The training frames in which the head is turned farthest to either side."""
    frames = capture.train_frames
    yaw = quat_to_rotvec(capture.motion.head.quats[frames])[:, 1]
    return [int(frames[yaw.argmin()]), int(frames[yaw.argmax()])]


def hair_pixels(labels: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Pixels ``[H, W]`` bool of hair proper: the label holds ears too, which look like skin."""
    face, hair = labels == FACE, labels == HAIR
    if not face.any():
        return hair
    rows = np.nonzero(face)[0]
    crown = hair & (np.arange(len(labels))[:, None] < np.median(rows) - 0.25 * np.ptp(rows))
    if not crown.any():
        return hair
    colour = image.astype(np.float32)
    to_hair, to_skin = (np.abs(colour - np.median(colour[part], axis=0)).sum(-1) for part in (crown, face))
    return hair & (to_hair < to_skin)


def _look(
    seen: _Seen, samples: HullSamples, on_head: np.ndarray, hull: Hull, capture: Capture, t: int, body: bool = True
) -> None:
    """Take over what frame ``t`` shows better, of the head alone where the body stands otherwise than it."""
    frame, motion = capture.frame(t), capture.motion
    rotation = quat_to_rotmat(motion.head.quats[t]).double().numpy()
    position = motion.head.positions[t].double().numpy()
    depth = hull.depth(np.ones(len(hull.triangles), bool), capture.camera, rotation, position)
    cosine, row, column = shown(samples, depth, capture.camera.K.double().numpy(), rotation, position)
    head, neck, torso, hair = (part[row, column] for part in _clear_parts(frame))
    better = np.where(on_head, head, body & (neck | torso | hair)) & (cosine > np.maximum(SQUARE, seen.cosine))
    seen.cosine[better], seen.hair[better], seen.clothes[better] = cosine[better], hair[better], torso[better]
    seen.colours[better] = frame.image[row, column][better].astype(np.float32) / 255


def _clear_parts(frame: CaptureFrame) -> list[np.ndarray]:
    """Pixels ``[H, W]`` bool well inside the head, the neck, the torso and the hair."""
    person, labels = frame.alpha > 250, frame.labels
    parts = (labels >= HAIR, labels == NECK, labels == TORSO, hair_pixels(labels, frame.image))
    return [eroded(part & person, CLEAR) for part in parts]


def _collar(hull: Hull, capture: Capture, rest: int) -> tuple[float, float]:
    """Height and depth in the head frame, metres, at which clothes begin: where the rest frame shows the highest."""
    frame, pose = capture.frame(rest), capture.motion.at(rest).head
    rotation, position = quat_to_rotmat(pose.quats).double().numpy(), pose.positions.double().numpy()
    K = capture.camera.K.double().numpy()
    torso = eroded((frame.labels == TORSO) & (frame.alpha > 250), CLEAR)
    if not torso.any():
        return np.inf, 0.0
    row, column = np.nonzero(torso)
    depth = hull.depth(~hull.of_head(), capture.camera, rotation, position)[row, column]
    uv = np.stack([column, row], 1) + 0.5
    origin, rays = canonical_rays(uv, K, rotation, position)
    points = origin + rays * depth[:, None]
    height = float(np.quantile(points[:, 1], HIGHEST))
    return height, float(points[points[:, 1] <= height, 2].mean())


def clothes_from(collar: tuple[float, float], depth: np.ndarray) -> np.ndarray:
    """Height at which clothes begin at depths ``[S]``, metres (down is positive): as seen, and higher behind that."""
    height, seen = collar
    return height - (RISE * (depth - seen)).clip(0, MOST_RISE)


def _kinds(
    samples: HullSamples, seen: _Seen, on_head: np.ndarray, hull: Hull, collar: tuple[float, float]
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """``[S]`` bool, where a sample that no frame shows is hair, skin, under the chin, or clothes.

    Hair grows on the scalp down to a line from ear to ear, as far down as it is seen, and over ears that frames show
    under it; clothes begin on neck and shoulders at height and depth ``collar``, and higher behind that; under the chin
    it is what is seen around.
    """
    ears = hull.vertices[hull.regions == REGIONS.index("ears")]
    height, back = samples.points[:, 1], samples.points[:, 2] - ears[:, 2].mean()
    behind, below = np.array(HAIR_LINE).T
    line = np.interp(back, behind, ears[:, 1].max() + below, left=-np.inf)
    if (hanging := seen.hair & ~on_head).sum() >= FEWEST:
        line = np.maximum(line, np.quantile(height[hanging], LOWEST))
    scalp, neck = (samples.regions == REGIONS.index(name) for name in ("scalp", "neck"))
    hair = (scalp & (height < ears[:, 1].mean())) | ((scalp | neck) & (height < line))
    hair |= _over_ears(samples, seen)
    down, forward = samples.normals[:, 1] > DOWNWARDS, samples.normals[:, 2] < 0
    covered = ~on_head & ~hair & ~(neck & down) & (height > clothes_from(collar, samples.points[:, 2]))
    throat, clothes = covered & forward, covered & ~forward
    return hair, ~hair & ~throat & ~clothes, throat, clothes


def _over_ears(samples: HullSamples, seen: _Seen) -> np.ndarray:
    """``[S]`` bool, beside and behind ears that hair hangs over, as far down as hair is seen there."""
    hangs, ears = np.zeros(len(samples), bool), samples.regions == REGIONS.index("ears")
    for side in (-1, 1):
        beside = side * samples.points[:, 0] > 0
        shown = beside & ears & (seen.cosine > 0)
        if shown.sum() >= ENOUGH and seen.hair[shown].mean() > UNDER_HAIR:
            hangs |= beside & (samples.points[:, 2] > np.quantile(samples.points[beside & ears, 2], EAR_FRONT))
    height, lowest = samples.points[:, 1], samples.points[hangs & seen.hair, 1]
    return hangs & (height < np.quantile(lowest, LOWEST)) if len(lowest) else hangs


def _painted(
    samples: HullSamples,
    seen: _Seen,
    kinds: tuple[np.ndarray, ...],
    on_head: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """The colours, those of samples that no frame shows painted from others of their kind."""
    known, result = seen.cosine > 0, seen.colours.copy()
    if not known.any():
        return np.full_like(result, 0.5)
    hair = known & seen.hair
    skin = known & ~hair & ~seen.clothes
    beside = seen.clothes & (np.abs(samples.points[:, 0]) > BESIDE)
    bald = hair.sum() < FEWEST
    body = known & ~on_head
    sources = (skin if bald else hair, skin, body, beside if beside.any() else seen.clothes)
    for members, source, alike in zip(kinds, sources, (ALIKE, ALIKE, IN_FRONT, ALIKE), strict=True):
        missing, source = np.flatnonzero(members & ~known), source if source.any() else known
        result[missing] = _mixed(samples.points[missing], samples.points[source], seen.colours[source], alike)
    if not bald:
        uneven = seen.colours[hair] - _mixed(samples.points[hair], samples.points[hair], seen.colours[hair])
        size = np.abs(uneven).sum(1)
        uneven = uneven[size <= np.quantile(size, 0.8)]
        missing = np.flatnonzero(kinds[0] & ~known)
        result[missing] += GRAIN * uneven[generator.integers(len(uneven), size=len(missing))]
    return result.clip(0, 1)


def _mixed(points: np.ndarray, known: np.ndarray, colours: np.ndarray, alike: tuple[float, ...] = ALIKE) -> np.ndarray:
    """Colours ``[P, 3]`` of the neighbours and of their mirror images, distances weighed by ``alike``."""
    if not len(points):
        return np.zeros((0, 3))
    both = np.concatenate([known, known * [-1, 1, 1]]) * alike
    distance, index = KDTree(both).query(points * alike, min(NEIGHBOURS, len(both)))
    weight = 1 / (distance**2 + REACH**2)
    return (colours[index % len(known)] * (weight / weight.sum(1, keepdims=True))[..., None]).sum(1)
