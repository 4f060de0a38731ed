"""Colours of the surface: what the photographs show, its mirror image, and skin, hair and clothes carried on beyond.

Everything is decided on the vertices of the parametric head first, where it can be carried on smoothly, then on the
points: a point takes the photograph's colour as far as it is seen squarely, and fades into what is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve
from scipy.spatial import KDTree

from ..face import REGIONS
from ..head.laid import mesh_edges
from ..head.outline import eroded, nearest_true
from ..head.volume import HullSamples
from .fitting import FittedPhoto
from .samples import sight
from .seeing import BOTH, CLOTHES, HAIR, SKIN, Shown, average_places, lit_alike, shown_by
from .shape import PhotoShape
from .view import PhotoView

HAIRLINE = 0.055
"""Metres below the ears' middle, on the average head, where the scalp's hair ends."""
ANATOMY = 0.4
"""Weight of what anatomy says of an unseen vertex's kind, next to one edge of the mesh."""
COVERED_TRUST = 4.0
"""The same of an ear that lies under hair."""
NECK_TRUST = 0.08
"""The same of a neck, which clothes and hair may cover."""
TONE_TRUST = (2e-4, 6e-3, 2e-4)
"""Weight of a kind's usual colour everywhere: hair is most itself away from its edge, where skin shines through."""
USUAL = (0.12, 0.04, 0.5)
"""Least spread of a kind's colours: beards, shadows and highlights are not carried on."""
UNDERSIDE, DARKEST = 0.45, 0.6
"""How much darker (natural logarithm) skin is that looks down, where nothing tells; how much at most."""
SMOOTH_HAIR = 9.0
"""Pixels over which hair is smoothed to tell its strands from its colour."""
HAIR_DEPTH = 7
"""Pixels inside hair from which on it is hair alone."""
GRAIN, GRAIN_REACH = 0.9, 0.06
"""Share of the seen hair's unevenness that guessed hair gets; sides of the square beyond seen hair over which it is
lost: farther away a few pixels would be drawn out to bands."""
MEETS, MOST_APART = 0.03, 0.9
"""Weight with which what is guessed goes its own way again, next to one edge of the mesh: within some centimetres of
what is seen; natural logarithm by which it is brought to that at most."""
SEEN, MIRRORED, GUESSED = range(3)
"""Where a colour comes from."""


@dataclass(frozen=True, kw_only=True)
class Dress:
    """Colours of S points."""

    colours: np.ndarray
    """``[S, 3]`` RGB in [0, 1]."""
    seen: np.ndarray
    """``[S, P]`` share of it that each photograph shows; all of them together 0 to 1."""
    origin: np.ndarray
    """``[S]`` SEEN, MIRRORED or GUESSED: where most of it comes from."""
    kinds: np.ndarray
    """``[S, 3]`` share of skin, hair and clothes."""
    tones: np.ndarray
    """``[3, 3]`` usual colour of each kind."""


def dress(
    samples: HullSamples, shape: PhotoShape, views: list[PhotoView], photos: tuple[FittedPhoto, ...], *,
    mirror: bool = True,
) -> Dress:  # fmt: skip
    """Colours of points on the surface.

    Args:
        samples: S points hung on the shape's triangles.
        shape: the surface.
        views: the photographs.
        photos: how each was fitted.
        mirror: take what is unseen from the other half of the head where that is seen.
    """
    shown = shown_by(samples, shape, views, photos)
    places = average_places(samples, shape)
    opposite, opposite_weight = _mirrored(shown, places) if mirror else (shown.colours, np.zeros(len(samples)))
    shade = _shading(samples, shown, opposite_weight)
    kinds, tones, fill = _carried_on(samples, shown, opposite, opposite_weight, shape, shade)
    rough = _grain(samples, fill, kinds, shape, views[0], photos[0])
    seen = shown.weight[:, None]
    other = ((1 - shown.weight) * opposite_weight)[:, None]
    beside = opposite_weight[:, None] * opposite + (1 - opposite_weight[:, None]) * rough
    colours = seen * shown.colours + (1 - seen) * _met(samples, shown, beside, kinds, shape)
    shares = np.concatenate([seen, other, 1 - seen - other], 1)
    return Dress(
        colours=colours.clip(0, 1),
        seen=shown.weight[:, None] * shown.shares,
        origin=shares.argmax(1),
        kinds=kinds,
        tones=tones,
    )


def _mirrored(shown: Shown, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours ``[S, 3]`` of the points opposite, in the light of this side, and how well those are seen ``[S]``."""
    known = np.flatnonzero(shown.weight > 0.2)
    if len(known) < 8:
        return shown.colours, np.zeros(len(places))
    distance, index = map(np.asarray, KDTree(places[known]).query(places * [-1, 1, 1], 4))
    closeness = shown.weight[known][index] / (distance + 1e-4)
    share = closeness / closeness.sum(1, keepdims=True)
    colours = (shown.colours[known][index] * share[..., None]).sum(1)
    weight = (shown.weight[known][index] * share).sum(1) * np.exp(-((distance[:, 0] / 0.006) ** 2))
    weight = weight * (shown.kinds[known][index[:, 0]] != CLOTHES)
    return lit_alike(colours, shown.colours, (shown.weight > BOTH) & (weight > BOTH), places), weight


def _met(samples: HullSamples, shown: Shown, beside: np.ndarray, kinds: np.ndarray, shape: PhotoShape) -> np.ndarray:
    """What is guessed, ``beside [S, 3]``, as bright and tinted as what is seen where the two meet, farther away less.

    A shadow, a beard or another light would end in a seam. Source: Perez, Gangnet and Blake, "Poisson image editing"
    (2003), of ratios in place of differences.
    """
    hang, edges = _hung(samples, shape), mesh_edges(shape.triangles, len(shape.vertices))
    apart = np.log(shown.colours.clip(0.02)) - np.log(beside.clip(0.02))
    apart, brought = apart.clip(-MOST_APART, MOST_APART), np.zeros_like(beside)
    for kind in (SKIN, HAIR, CLOTHES):
        trusted = np.where(shown.kinds == kind, shown.weight, 0.0) ** 2
        sums = hang.T @ trusted
        system = csr_matrix(edges + diags(sums + MEETS)).tocsc()
        brought += kinds[:, [kind]] * (hang @ np.asarray(spsolve(system, hang.T @ (trusted[:, None] * apart))))
    return beside * np.exp(brought)


def _hung(samples: HullSamples, shape: PhotoShape) -> csr_matrix:
    """``[S, V]`` how points hang on vertices."""
    row, corners = np.repeat(np.arange(len(samples)), 3), shape.triangles[samples.triangles]
    return csr_matrix((samples.weights.ravel(), (row, corners.ravel())), shape=(len(samples), len(shape.vertices)))


def _carried_on(samples, shown: Shown, opposite: np.ndarray, opposite_weight: np.ndarray, shape: PhotoShape, shade):
    """Kinds ``[S, 3]``, tones ``[3, 3]`` and fill ``[3, S, 3]``: each kind's colour carried on over the whole mesh."""
    hang, edges = _hung(samples, shape), mesh_edges(shape.triangles, len(shape.vertices))
    weight = np.maximum(shown.weight, 0.7 * opposite_weight)
    colours = np.where((shown.weight >= 0.7 * opposite_weight)[:, None], shown.colours, opposite)
    index = KDTree(average_places(samples, shape)[shown.weight > 0.2]) if (shown.weight > 0.2).any() else None
    own = shown.kinds.copy()
    if index is not None:
        other = shown.kinds[shown.weight > 0.2][index.query(average_places(samples, shape) * [-1, 1, 1])[1]]
        own = np.where(shown.weight >= 0.7 * opposite_weight, own, other)
    hairy = bool((own[weight > 0.5] == HAIR).sum() > 30)
    kinds = _kinds(hang, edges, weight, own, shape, hairy=hairy, covered=shown.covered)
    fill, tones = [], []
    for kind in (SKIN, HAIR, CLOTHES):
        light = shade if kind == SKIN else np.ones(len(samples))
        trusted = weight * (own == kind)
        trusted = trusted * _usual(colours / light[:, None], trusted, USUAL[kind], samples.points[:, 0])
        sums = hang.T @ trusted
        tone = np.median(colours[trusted > 0.5], 0) if (trusted > 0.5).sum() > 20 else None
        if tone is None:
            tone = np.array([0.5, 0.5, 0.5]) if not tones else tones[0] * (0.35 if kind == HAIR else 0.6)
        tones.append(tone)
        anchor, pull = np.minimum(sums, 3.0), TONE_TRUST[kind]
        system = csr_matrix(edges + diags(anchor + pull)).tocsc()
        wanted = hang.T @ (trusted[:, None] * colours / light[:, None]) / np.maximum(sums, 1e-9)[:, None]
        fill.append(hang @ np.asarray(spsolve(system, anchor[:, None] * wanted + pull * tone)) * light[:, None])
    return hang @ kinds, np.array(tones), np.array(fill)


def _usual(colours: np.ndarray, trusted: np.ndarray, least: float, across: np.ndarray) -> np.ndarray:
    """``[S]`` how near colours are to the middle of the trusted ones of their half of the head, 0 to 1.

    Light from one side makes two halves, each of which goes on as it is; ``least`` of spread is always allowed.

    Args:
        colours: ``[S, 3]``.
        trusted: ``[S]``.
        least: spread.
        across: ``[S]`` metres to the left of the head's middle.
    """
    near = np.ones(len(colours))
    for half in (across < 0, across >= 0):
        sure = half & (trusted > 0.5)
        sure = sure if sure.sum() > 200 else trusted > 0.5
        if sure.sum() >= 20:
            away = np.abs(colours[half] - np.median(colours[sure], 0)).mean(1)
            spread = float(np.median(np.abs(colours[sure] - np.median(colours[sure], 0)).mean(1)))
            near[half] = np.exp(-((away / max(2 * spread, least)) ** 2))
    return near


def _shading(samples, shown: Shown, opposite_weight: np.ndarray) -> np.ndarray:
    """Light ``[S]`` on skin that looks the way the points do, 1 where it faces the front: what is guessed gets it too.

    Source: Basri and Jacobs, "Lambertian reflectance and linear subspaces" (2003), the four lowest harmonics.
    """
    skin = (shown.weight > 0.5) & (shown.kinds == SKIN)
    if skin.sum() < 200:
        return np.ones(len(samples))
    design = np.column_stack([np.ones(len(samples)), samples.normals])
    light = np.log(shown.colours[skin].mean(1).clip(0.03))
    precision = np.diag([0.0, 1, 1, 1]) * 0.05 * skin.sum()
    prior = np.array([0.0, 0.0, -UNDERSIDE, -0.1])
    known = design[skin]
    solved = np.linalg.solve(known.T @ known + precision, known.T @ light + precision @ prior)
    level = design @ solved - np.array([1.0, 0, 0, -1]) @ solved
    return np.exp(level.clip(-DARKEST, 0.15))


def _kinds(
    hang, edges, weight: np.ndarray, own: np.ndarray, shape: PhotoShape, *, hairy: bool, covered: tuple[int, ...]
) -> np.ndarray:
    """Shares ``[V, 3]`` of skin, hair and clothes: as seen, elsewhere as anatomy has it and as its neighbours are.

    Ears of ``covered`` sides lie under hair.
    """
    regions, mean = shape.model.regions.numpy(), shape.model.mean.double().numpy()
    usual = np.zeros((len(regions), 3))
    usual[:, SKIN] = 1
    scalp = (regions == REGIONS.index("scalp")) & (mean[:, 1] < HAIRLINE)
    if hairy:
        usual[scalp] = [0, 1, 0]
    usual[regions == REGIONS.index("shoulders")] = [0, 0, 1]
    under = (regions == REGIONS.index("ears")) & np.isin(np.sign(mean[:, 0]), covered)
    usual[under] = [0, 1, 0]
    trust = np.where(regions == REGIONS.index("neck"), NECK_TRUST, ANATOMY)
    trust[under] = COVERED_TRUST
    sums = np.minimum(hang.T @ weight, 4.0)
    votes = hang.T @ (weight[:, None] * np.eye(3)[own])
    share = votes / np.maximum(votes.sum(1, keepdims=True), 1e-9)
    unseen = trust * np.exp(-3 * sums)
    system = csr_matrix(edges + diags(6 * sums + unseen + 1e-4)).tocsc()
    solved = np.asarray(spsolve(system, 6 * sums[:, None] * share + (unseen + 1e-4)[:, None] * usual)).clip(0)
    sharp = solved**8
    return sharp / np.maximum(sharp.sum(1, keepdims=True), 1e-12)


def _grain(
    samples: HullSamples, fill: np.ndarray, kinds: np.ndarray, shape: PhotoShape, view: PhotoView,
    photo: FittedPhoto,
) -> np.ndarray:  # fmt: skip
    """What is guessed ``[S, 3]``: the kinds' colours, on hair with the strands of the nearest hair in the photograph.

    What lies behind is looked up as if the head were seen through; where that is a face, the nearest hair is taken.
    """
    guess = np.einsum("sk,ksc->sc", kinds, fill)
    inside = eroded(view.hair & (view.alpha > 200), HAIR_DEPTH)
    if inside.sum() < 200:
        return guess
    picture = view.image.astype(np.float64) / 255
    share = np.asarray(gaussian_filter(inside.astype(float), SMOOTH_HAIR))
    smooth = (
        np.stack([np.asarray(gaussian_filter(np.where(inside, picture[..., i], 0), SMOOTH_HAIR)) for i in range(3)], -1)
        / np.maximum(share, 1e-6)[..., None]
    )
    detail = (picture - smooth) / np.maximum(smooth.mean(-1, keepdims=True), 0.05)
    row, column = _folded(inside)
    beyond = np.asarray(distance_transform_edt(~inside)) / (GRAIN_REACH * len(inside))
    detail = detail[row, column] * np.exp(-(beyond**2))[..., None]
    found = sight(samples, shape, view, photo)
    level = np.maximum(fill[HAIR].mean(1), 0.03)[:, None]
    return guess + GRAIN * kinds[:, [HAIR]] * found.nearest(detail).clip(-1, 1) * level


def _folded(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels ``[S, S]`` twice inside a mask for all: themselves, or as far within its edge as they lie beyond it."""
    row, column = nearest_true(inside)
    down, right = np.indices(inside.shape)
    there = (2 * row - down).clip(0, len(inside) - 1), (2 * column - right).clip(0, len(inside) - 1)
    return row[there], column[there]
