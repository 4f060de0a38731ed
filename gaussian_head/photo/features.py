"""Eyes that turn, and what an open mouth shows: the parametric head's, in the colours of the photographed person."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion

from ..conventions import MOUTH
from ..face import REGIONS
from ..face.looks import CAVITY, TEETH, TONGUE, WHITE_OF_EYE
from ..face.painted import IRIS_RADIUS, PUPIL, PUPIL_RADIUS
from ..facenet.contours import LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS
from ..head.hull import Hull, vertex_normals
from ..head.surface import Patch, SurfacePoints
from ..head.volume import sample_hull
from ..tracking.labels import polygon
from ..tracking.unit_rows import EYEBALL
from ..transforms import quat_to_rotmat
from .fitting import FittedPhoto
from .rig import Rig, turning
from .samples import sight
from .shape import PhotoShape
from .view import PhotoView

EYE_SPACING, CAP = 0.0007, 1.25
"""Metres between points on an eyeball; radians from its axis up to which there are any."""
BETTER_EYE = 0.3
"""Cosine with the line of sight by which another photograph has to show an eye better to take its place."""
OPEN_EYE = 0.18
"""Height of an eye's opening over its width from which on a photograph tells its colours."""
RINGS = 0.0007
"""Metres of radius over which an iris is taken to have one colour, where a lid hides it."""
MOUTH_SPACING, CAVITY_SPACING = 0.0016, 0.0034
INSIDE_MOUTH, INSIDE_DARK = 0.030, 0.22
"""Metres behind the lips at which a mouth is as dark as it gets, and how dark that is."""
TEETH_SHADE = 0.82
"""Brightness of teeth over that of the skin around, seen in the same light; lips shade them."""
GLOW = 0.5
"""How much of the skin's tint teeth take on: lips and gums around light them."""
LIT = 0.62
"""Brightness of skin in the light that the usual colours are meant for."""
OPAQUE = 0.97


def eye_patch(
    shape: PhotoShape, rig: Rig, views: list[PhotoView], photos: tuple[FittedPhoto, ...]
) -> tuple[Patch, np.ndarray]:
    """Both eyeballs' caps looking straight ahead, and which of their points ``[P]`` bool a photograph shows."""
    names = rig.code_map.names
    points, normals, basis, colours, seen = [], [], [], [], []
    for name, contour, iris in (("eye_left", LEFT_EYE, LEFT_IRIS), ("eye_right", RIGHT_EYE, RIGHT_IRIS)):
        ball = shape.vertices[shape.model.of_region(name).numpy()]
        centre = ball.mean(0)
        radius = float(np.linalg.norm(ball - centre, axis=1).mean())
        paint, shown, turn = _painted_eye(_cap(radius), centre, radius, shape, views, photos, contour, iris)
        directions = _cap(radius) @ turn.T
        points.append(centre + radius * directions)
        normals.append(directions)
        moved = turning(points[-1], np.broadcast_to(centre, points[-1].shape), radius, names)
        moved += rig.basis[shape.model.of_region(name).numpy()[:1]] * np.array([n.startswith("blink") for n in names])
        basis.append(moved)
        colours.append(paint)
        seen.append(shown)
    P, K = sum(map(len, points)), len(names)
    surface = SurfacePoints(
        points=np.concatenate(points),
        basis=np.concatenate(basis),
        jacobian=np.zeros((P, 3, 3, K)),
        normals=np.concatenate(normals),
    )
    patch = Patch(
        surface=surface,
        colours=np.concatenate(colours),
        spacing=np.full((P, 2), EYE_SPACING * 1.15),
        opacities=np.full(P, OPAQUE),
    )
    return patch, np.concatenate(seen)


def _cap(radius: float) -> np.ndarray:
    """Directions ``[P, 3]`` evenly over the front of an eyeball, which looks along -z."""
    count = int(2 * np.pi * (1 - np.cos(CAP)) * (radius / EYE_SPACING) ** 2)
    z = 1 - (np.arange(count) + 0.5) / count * (1 - np.cos(CAP))
    angle = np.arange(count) * np.pi * (3 - 5**0.5)
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(angle), rim * np.sin(angle), -z], 1)


def _painted_eye(cap, centre, radius, shape, views, photos, contour, iris):
    """Colours ``[P, 3]`` of a cap's points, which ``[P]`` bool a photograph shows, and its turn ``[3, 3]`` at rest."""
    away = radius * np.sqrt((1 - cap[:, 2] ** 2).clip(0))
    best, colours, size, tone, rest = np.zeros(len(cap)), np.zeros((len(cap), 3)), IRIS_RADIUS, 0.6, []
    for view, photo in zip(views, photos, strict=True):
        marks = view.landmarks
        tone = float(view.image[polygon(marks[[205, 425, 4, 9]], *view.alpha.shape)].mean()) / 255
        if _opening(marks[list(contour)]) < OPEN_EYE:
            continue
        rotation = quat_to_rotmat(photo.pose.quats).double().numpy()
        position = photo.pose.positions.double().numpy()
        axis = _angles(rotation.T @ _looking_at(marks[iris[0]], rotation @ centre + position, radius, photo))
        rest.append(axis - photo.gaze.numpy() * EYEBALL / radius)
        looking = cap @ _turned(axis).T
        posed = (centre + radius * looking) @ rotation.T + position
        x, y = (posed[:, i] / posed[:, 2] * photo.focal + photo.centre[i].item() for i in (0, 1))
        facing = -((looking @ rotation.T) * posed).sum(1) / np.linalg.norm(posed, axis=1)
        weight = _inside(polygon(marks[list(contour)], *view.alpha.shape), x, y) * facing.clip(0)
        ring = np.linalg.norm(marks[list(iris[1:])] - marks[iris[0]], axis=1).mean()
        better, picture = weight > np.where(best > 0, best + BETTER_EYE, 0.0), view.clean
        if better.any():
            size = float(ring * posed[:, 2].mean() / photo.focal)
        row, column = (np.round(v - 0.5).astype(int).clip(0, len(picture) - 1) for v in (y, x))
        colours[better], best[better] = picture[row, column][better], weight[better]
    seen = best > 0.3
    turn = _turned(np.mean(rest, 0)) if rest else np.eye(3)
    return _completed(colours, seen, away, size, tone), seen, turn


def _completed(colours: np.ndarray, seen: np.ndarray, away: np.ndarray, size: float, tone: float) -> np.ndarray:
    """An eyeball's colours where lids hide it: rings of the iris, and the white as it is seen or usually is."""
    usual = np.where((away < size)[:, None], [0.25, 0.17, 0.12], np.array(WHITE_OF_EYE) * 0.8) * min(tone / LIT, 1.1)
    usual = np.where((away < PUPIL_RADIUS)[:, None], PUPIL, usual)
    if seen.sum() < 30:
        return usual
    painted, white = colours.copy(), seen & (away > size * 1.15)
    for ring in np.unique((away / RINGS).astype(int)):
        on = (away / RINGS).astype(int) == ring
        known = on & seen
        if away[on].mean() > size * 1.05:
            known = white
        level = np.median(colours[known], 0) if known.sum() >= 4 else usual[on].mean(0)
        painted[on & ~seen] = level
    return painted


def _opening(eye: np.ndarray) -> float:
    """Height over width of an eye's contour ``[P, 2]``."""
    return float(np.ptp(eye[:, 1]) / max(np.ptp(eye[:, 0]), 1e-6))


def _looking_at(mark: np.ndarray, place: np.ndarray, radius: float, photo: FittedPhoto) -> np.ndarray:
    """Unit direction in the camera from an eyeball's centre to where the line of sight of its iris meets it."""
    sight = np.append((mark - photo.centre.numpy()) / photo.focal, 1.0)
    sight /= np.linalg.norm(sight)
    along = sight @ place
    beside = np.linalg.norm(along * sight - place)
    on = sight * (along - np.sqrt(max(radius**2 - beside**2, 0.0)))
    return (on - place) / np.linalg.norm(on - place)


def _angles(axis: np.ndarray) -> np.ndarray:
    """Radians ``[2]`` that take straight ahead (-z) to an axis: to the picture's right, and down."""
    return np.array([np.arctan2(axis[0], -axis[2]), np.arcsin(np.clip(axis[1], -1, 1))])


def _turned(angles: np.ndarray) -> np.ndarray:
    """Rotation ``[3, 3]`` by such angles."""
    (c, p), (s, q) = np.cos(angles), np.sin(angles)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) @ np.array([[1, 0, 0], [0, p, -q], [0, q, p]])


def _inside(mask: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    row, column = (v.astype(int) for v in (y, x))
    good = (row >= 0) & (column >= 0) & (row < len(mask)) & (column < len(mask))
    return good & mask[row.clip(0, len(mask) - 1), column.clip(0, len(mask) - 1)]


def mouth_patch(
    shape: PhotoShape, rig: Rig, views: list[PhotoView], photos: tuple[FittedPhoto, ...], skin: np.ndarray
) -> tuple[Patch, np.ndarray]:
    """Teeth, tongue and the mouth's walls, in the light of the photograph and darker the deeper they lie.

    What an open mouth shows has the photograph's own colours; ``[P]`` bool says where.

    Args:
        shape, rig: of the person.
        views, photos: the photographs; where one shows teeth they all have their colour.
        skin: ``[3]`` usual colour of the person's skin.
    """
    model, triangles = shape.model, shape.model.triangles.numpy()
    regions = model.regions.numpy()
    inner = [REGIONS.index(n) for n in ("mouth_cavity", "upper_teeth", "lower_teeth", "tongue")]
    inside = triangles[np.isin(regions[triangles], inner).all(1)]
    hull = Hull(
        vertices=shape.vertices, triangles=inside, regions=regions, normals=vertex_normals(shape.vertices, inside)
    )
    cavity = (regions[inside] == REGIONS.index("mouth_cavity")).all(1)
    fine, coarse = sample_hull(hull, ~cavity, MOUTH_SPACING, 5), sample_hull(hull, cavity, CAVITY_SPACING, 6)
    both = fine + coarse
    light = float(np.mean(skin)) / LIT
    tint = (np.maximum(skin, 0.02) / max(float(np.mean(skin)), 0.02)) ** GLOW
    colours = np.empty((len(both), 3))
    for name, colour in _tones(views, light, tint).items():
        colours[both.regions == REGIONS.index(name)] = colour
    front = shape.vertices[model.of_region("lips").numpy(), 2].mean()
    depth = ((both.points[:, 2] - front) / INSIDE_MOUTH).clip(0, 1)
    colours *= (1 - (1 - INSIDE_DARK) * depth**0.8)[:, None]
    seen = np.zeros(len(both), bool)
    for view, photo in zip(views, photos, strict=True):
        found = sight(both, shape, view, photo, inside)
        shown = (found.cosine > 0) & (found.nearest(np.asarray(binary_erosion(view.labels == MOUTH), bool)))
        colours[shown & ~seen] = found.smooth(view.image.astype(np.float64) / 255)[shown & ~seen]
        seen |= shown
    patch = Patch(
        surface=rig.carried(both.points, both.normals, inside[both.triangles], both.weights),
        colours=colours.clip(0, 1),
        spacing=np.r_[np.full(len(fine), MOUTH_SPACING), np.full(len(coarse), CAVITY_SPACING)][:, None].repeat(2, 1),
        opacities=np.full(len(both), OPAQUE),
    )
    return patch, seen


def _tones(views: list[PhotoView], light: float, tint: np.ndarray) -> dict[str, np.ndarray]:
    """Colours of what a mouth holds, in the photograph's light and the ``tint [3]`` of what lies around."""
    teeth = np.array(TEETH) * TEETH_SHADE * min(light, 1.15) * tint
    for view in views:
        shown = view.image[view.labels == MOUTH].astype(np.float64) / 255
        if len(shown) > 120:
            bright = shown[shown.mean(1) >= np.quantile(shown.mean(1), 0.75)]
            tone = np.median(bright, 0)
            if tone.mean() > 0.35 and np.ptp(tone) < 0.3:
                teeth = tone
    wet = np.array(TONGUE) * 0.8 * min(light, 1.1)
    return {
        "upper_teeth": teeth, "lower_teeth": teeth * 0.9, "tongue": wet,
        "mouth_cavity": np.array(CAVITY) * 1.2 * min(light, 1.1),
    }  # fmt: skip
