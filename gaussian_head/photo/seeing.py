"""What photographs show of points on a surface, and how far that is believed.

A patch that is seen by itself amid what is not, and colours at the rim that nothing beside them has, are mostly
another thing's: light between hairs, an earring, a wall.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from ..conventions import MOUTH, TORSO
from ..face import REGIONS
from ..head.volume import HullSamples
from .fitting import FittedPhoto
from .samples import Sighting, sight
from .shape import EYES, PhotoShape
from .view import PhotoView

SKIN, HAIR, CLOTHES = range(3)
"""Kinds of surface."""
FADE = (0.18, 0.5)
"""Cosine with the line of sight between which a photograph's colour takes over from a guess."""
RIM = 0.011
"""Sides of the square inside the outline from which on a colour is the person's alone."""
AROUND, ALONE = 0.008, (0.12, 0.3)
"""Metres around a point, and mean weights there between which it comes to be believed."""
SQUARE, RIM_NEIGHBOURS = 0.9, 12
"""Weight from which on skin is seen squarely; how many such points another one's colour is held against."""
UNLIKE, UNLIKE_PER_METRE, UNBELIEVED = 0.1, 5.0, 0.07
"""How far a colour may leave theirs, that much more for a metre between them; how much more ends belief."""
FIRST = 40.0
"""How much more the first photograph counts than one that shows a point as well: what it shows stays as it shows it."""
BOTH = 0.6
"""Weight from which on two colours of a point tell how the light on them differs."""
LIGHT_REACH = 0.035
"""Metres over which that is evened."""
MOST_LIGHT = 0.6
"""Largest natural logarithm of it."""
LIGHT_PLACES, LIGHT_NEIGHBOURS = 1500, 150
"""How many places it is asked at, and how many of them tell it of a point."""
COVERED_EAR = 0.6
"""Share of what a photograph would show of an ear that is hair, from which on the ear lies under it."""
WORSE_EAR, BETTER_EAR = 0.75, 0.15
"""Share of what is seen of one ear below which the other stands for it; least that has to be seen of that."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the photographs together show of S points."""

    weight: np.ndarray
    """``[S]`` how well, 0 to 1."""
    colours: np.ndarray
    """``[S, 3]``."""
    kinds: np.ndarray
    """``[S]``."""
    shares: np.ndarray
    """``[S, P]`` how much of a colour each photograph gave; they sum to 1 where there is any."""
    covered: tuple[int, ...] = ()
    """Sides, -1 and 1 along x, whose ear lies under hair."""


def shown_by(samples: HullSamples, shape: PhotoShape, views: list[PhotoView], photos: tuple[FittedPhoto, ...]) -> Shown:
    """Each point as the photograph that shows it best does: squarely, and at a fine resolution.

    The first photograph goes before; the others are shown in its light.
    """
    S, P = len(samples), len(views)
    weights, strengths, colours = np.zeros((S, P)), np.zeros((S, P)), np.zeros((S, P, 3))
    votes = np.zeros((S, 3))
    sightings = [sight(samples, shape, view, photo) for view, photo in zip(views, photos, strict=True)]
    for i, (view, found) in enumerate(zip(views, sightings, strict=True)):
        kinds, fits = _kinds_shown(samples, found, view)
        weights[:, i] = np.where(fits, _rise(found.cosine), 0.0)
        strengths[:, i] = weights[:, i] ** 3 / found.pixel**2 * (FIRST if i == 0 else 1.0)
        colours[:, i] = found.smooth(view.clean)
        if i > 0:
            both = (weights[:, 0] > BOTH) & (weights[:, i] > BOTH)
            colours[:, i] = lit_alike(colours[:, i], colours[:, 0], both, samples.points)
        votes[np.arange(S), kinds] += strengths[:, i]
    shares = strengths / np.maximum(strengths.sum(1, keepdims=True), 1e-12)
    shown = Shown(
        weight=weights.max(1),
        colours=(shares[..., None] * colours).sum(1),
        kinds=votes.argmax(1),
        shares=shares,
        covered=_covered_ears(samples, views, sightings),
    )
    return _one_ear(_believed(shown, samples.points), samples)


def _covered_ears(samples: HullSamples, views: list[PhotoView], sightings: list[Sighting]) -> tuple[int, ...]:
    """Sides, -1 and 1 along x, whose ear lies under hair in the photograph that it looks at most."""
    ears, covered = samples.regions == REGIONS.index("ears"), []
    for side in (-1, 1):
        ear = ears & (np.sign(samples.points[:, 0]) == side)
        if not ear.any():
            continue
        cosines = [found.cosine[ear] for found in sightings]
        best = int(np.argmax([cosine.sum() for cosine in cosines]))
        seen = cosines[best] > 0
        if seen.any() and sightings[best].nearest(views[best].hair)[ear][seen].mean() > COVERED_EAR:
            covered.append(side)
    return tuple(covered)


def lit_alike(colours: np.ndarray, wanted: np.ndarray, both: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Colours ``[S, 3]`` in the light of others, as the points that have both tell it around each.

    Args:
        colours: ``[S, 3]``.
        wanted: ``[S, 3]`` colours in the other light.
        both: ``[S]`` bool, which points tell.
        places: ``[S, 3]`` metres.
    """
    known = np.flatnonzero(both)
    if len(known) <= 50:
        return colours
    known = known[np.linspace(0, len(known) - 1, min(LIGHT_PLACES, len(known))).astype(int)]
    ratio = (np.log(wanted[known].clip(0.02)) - np.log(colours[known].clip(0.02))).clip(-MOST_LIGHT, MOST_LIGHT)
    distance, index = KDTree(places[known]).query(places, min(LIGHT_NEIGHBOURS, len(known)))
    weight = np.exp(-0.5 * ((distance - distance[:, :1]) / LIGHT_REACH) ** 2)
    light = (ratio[index] * (weight / weight.sum(1, keepdims=True))[..., None]).sum(1)
    return (colours * np.exp(light)).clip(0, 1)


def _one_ear(shown: Shown, samples: HullSamples) -> Shown:
    """The same without an ear of which much less is seen than of the other: shadow and hair leave patches of it."""
    ears, weight = samples.regions == REGIONS.index("ears"), shown.weight.copy()
    sides = [ears & (samples.points[:, 0] < 0), ears & (samples.points[:, 0] > 0)]
    if not all(side.any() for side in sides):
        return shown
    worse, better = sorted(sides, key=lambda side: float(weight[side].mean()))
    if weight[better].mean() > BETTER_EAR and weight[worse].mean() < WORSE_EAR * weight[better].mean():
        weight[worse] = 0.0
    return replace(shown, weight=weight)


def _believed(shown: Shown, points: np.ndarray) -> Shown:
    """The same without what stands alone, and without colours of skin at a rim that the skin beside it has not."""
    cell = np.unique((points / (AROUND / 2)).round().astype(np.int64), axis=0, return_inverse=True)
    count = np.bincount(cell[1].ravel())
    mean = np.bincount(cell[1].ravel(), shown.weight) / count
    centres = cell[0] * (AROUND / 2)
    near = KDTree(centres).query_ball_point(centres, AROUND)
    around = np.array([mean[index].mean() for index in near])[cell[1].ravel()]
    weight = shown.weight * ((around - ALONE[0]) / (ALONE[1] - ALONE[0])).clip(0, 1)
    skin = shown.kinds == SKIN
    sure, unsure = np.flatnonzero(skin & (weight > SQUARE)), np.flatnonzero(skin & (weight > 0) & (weight <= SQUARE))
    if len(sure) >= RIM_NEIGHBOURS and len(unsure):
        distance, index = map(np.asarray, KDTree(points[sure]).query(points[unsure], RIM_NEIGHBOURS))
        away = np.abs(shown.colours[unsure] - shown.colours[sure][index].mean(1)).mean(1)
        more = (away - UNLIKE - UNLIKE_PER_METRE * distance[:, 0]).clip(0)
        weight[unsure] *= np.exp(-((more / UNBELIEVED) ** 2))
    return replace(shown, weight=weight)


def _rise(cosine: np.ndarray) -> np.ndarray:
    x = ((cosine - FADE[0]) / (FADE[1] - FADE[0])).clip(0, 1)
    return x * x * (3 - 2 * x)


def _kinds_shown(samples: HullSamples, found: Sighting, view: PhotoView) -> tuple[np.ndarray, np.ndarray]:
    """Kind ``[S]`` of what a photograph shows at points, and where ``[S]`` bool that can be the surface itself.

    Hair below the eyes hangs before face, ears, neck and shoulders; teeth are no lips.
    """
    hair, labels = found.nearest(view.hair), found.nearest(view.labels)
    solid = found.nearest(view.alpha) > 200
    kinds = np.where(hair, HAIR, np.where(labels == TORSO, CLOTHES, SKIN))
    low = found.row > view.landmarks[list(EYES), 1].mean()
    hanging = hair & (low | np.isin(samples.regions, _regions("ears", "neck", "shoulders", "lids")))
    hanging &= samples.regions != REGIONS.index("scalp")
    of_head = np.isin(samples.regions, _regions("face", "lips", "lids", "ears", "scalp"))
    deep = found.nearest(np.asarray(distance_transform_edt(np.pad(view.alpha > 127, 1, mode="edge")))[1:-1, 1:-1])
    solid &= deep > RIM * len(view.alpha)
    fits = solid & ~hanging & (labels != MOUTH) & ~(of_head & (kinds == CLOTHES))
    return kinds, fits & (found.cosine > 0)


def _regions(*names: str) -> list[int]:
    return [REGIONS.index(name) for name in names]


def average_places(samples: HullSamples, shape: PhotoShape) -> np.ndarray:
    """Where the points lie on the average head, whose halves are alike, ``[S, 3]``."""
    corners = shape.triangles[samples.triangles]
    return np.einsum("pc,pcd->pd", samples.weights, shape.model.mean.double().numpy()[corners])
