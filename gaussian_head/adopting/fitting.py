"""The parametric head in Gaussians: landmarks of many pictures of them made points in space, and explained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..face import UNITS, FaceModel
from ..facenet import NUM_MESH, Blendshapes, FaceLandmarks
from ..facenet.contours import LEFT_BROW, LEFT_EYE, LIPS, OVAL, RIGHT_BROW, RIGHT_EYE
from ..gaussians import Gaussians
from ..media import Photograph
from ..motion import Pose
from ..photo.fitting import BELIEVED, FREE, NOISE, UNIT_SIGMA, FittedPhoto, PhotoFit
from ..photo.view import PhotoView, prepare
from ..similarity import Similarity, fit_similarity
from ..tracking.unit_rows import read_correction
from ..transforms import rotmat_to_quat
from .looking import FINE, FOCAL, Facing, camera_at, picture, turned

YAWS_DEG, PITCHES_DEG = (-35.0, -18.0, 0.0, 18.0, 35.0), (-14.0, 0.0, 14.0)
"""From where landmarks are read."""
SHAPE_YAWS_DEG = (0.0, -30.0, 30.0)
"""From where the surface is drawn and grown."""
DISTANCE = 1.1
"""Metres from a camera to a head."""
SIZE = 768
"""Pixels of pictures that a square is cut from."""
FEWEST = 4
"""Pictures with a face of which landmarks are made points."""
INDEPENDENT = 90.0 / NUM_MESH
"""Share of the landmarks that counts as independent."""
ROUNDS = 8
ROBUST = 0.02
"""Radians by which a landmark may miss in one picture before it is believed less."""
MISSES = 0.006
"""Metres by which landmarks may miss the parametric head, in the middle of them, for it to be a face."""


@dataclass(frozen=True, kw_only=True)
class FoundFace:
    """The parametric head as it lies in some Gaussians."""

    identity: Tensor
    """``[I]`` f64."""
    units: Tensor
    """``[52]`` f64, of the expression that the Gaussians have."""
    place: Similarity
    """From the parametric head, metres, to the Gaussians as they came; float32."""
    error: float
    """Median metres by which landmarks lie beside the model's."""


def find_face(gaussians: Gaussians, seen: Facing, model: FaceModel, name: str) -> FoundFace:
    """Explain a face that is seen about from the front, in pictures all around.

    Args:
        gaussians: as they came.
        seen: from where, and its landmarks.
        model: the parametric head.
        name: of the file.

    Raises:
        InputError: what looks like a face in one picture is none in others.
    """
    face = _first(seen, model)
    for _ in range(2):
        face = _explained(_points(gaussians, face, name), model)
    if face.error > MISSES:
        raise InputError(
            f"what looks like a face in {name} is {1000 * face.error:.0f} mm beside any; a whole head was wanted."
        )
    return face


def camera_of_face(
    face: FoundFace, yaw_deg: float, pitch_deg: float, size: int, centre: Tensor | None = None
) -> Camera:
    """A camera DISTANCE metres before the head, in the units of the Gaussians as they came."""
    scale = face.place.scale
    rotation = turned(float(np.radians(yaw_deg)), float(np.radians(pitch_deg))) @ face.place.rotation.T
    middle = face.place.apply(torch.zeros(3) if centre is None else centre)
    return camera_at(middle, DISTANCE * scale, rotation, size)


def photographed(gaussians: Gaussians, face: FoundFace, size: int, name: str) -> tuple[list[PhotoView], PhotoFit]:
    """The Gaussians as a few photographs of one person, whose cameras and poses are known."""
    views, photos = [], []
    for yaw in SHAPE_YAWS_DEG:
        camera = camera_of_face(face, yaw, 0.0, SIZE, torch.tensor([0.0, 0.02, 0.0]))
        rgb, alpha = picture(gaussians, camera)
        focal = FOCAL * SIZE
        view = prepare(Photograph(rgb=rgb, alpha=alpha, focal=focal, name=name, notes=()), size=size)
        rotation = camera.viewmat[:3, :3] @ face.place.rotation
        position = (camera.viewmat[:3, :3] @ face.place.translation + camera.viewmat[:3, 3]) / face.place.scale
        views.append(view)
        photos.append(
            FittedPhoto(
                pose=Pose(quats=rotmat_to_quat(rotation[None])[0], positions=position),
                units=face.units,
                gaze=torch.zeros(2, dtype=torch.float64),
                focal=focal * size / view.crop[2],
                centre=torch.tensor(view.centre, dtype=torch.float64),
                error=face.error,
            )
        )
    return views, PhotoFit(identity=face.identity, photos=tuple(photos))


def _first(seen: Facing, model: FaceModel) -> FoundFace:
    """Roughly, of one picture: a face of usual size at the distance of the middle of all."""
    mean, view, depth = model.landmarks(model.mean), seen.camera, seen.distance
    points = torch.from_numpy(seen.landmarks.astype(np.float32))
    metre = depth / float(view.K[0, 0])
    flat = torch.stack([points[:, 0] - view.K[0, 2], points[:, 1] - view.K[1, 2], points[:, 2]], 1) * metre
    flat[:, 2] += depth
    there = (flat - view.viewmat[:3, 3]) @ view.viewmat[:3, :3]
    place = fit_similarity(mean[:NUM_MESH], there[:NUM_MESH])
    zeros = torch.zeros(model.num_identity, dtype=torch.float64)
    return FoundFace(identity=zeros, units=torch.zeros(len(UNITS), dtype=torch.float64), place=place, error=0.0)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    points: Tensor
    """``[478, 3]`` f64 in the units of the Gaussians."""
    told: Tensor
    """``[52]`` what the blendshape net says of the face from the front."""


def _points(gaussians: Gaussians, face: FoundFace, name: str) -> _Seen:
    """Landmarks as points: where the lines of sight of many pictures meet."""
    reader, told = FaceLandmarks(), []
    origins, rays = [], []
    for pitch in PITCHES_DEG:
        for yaw in YAWS_DEG:
            camera = camera_of_face(face, yaw, pitch, FINE)
            found = reader(picture(gaussians, camera)[0])
            if not found:
                continue
            marks = torch.from_numpy(found[0].astype(np.float64))
            sight = torch.stack(
                [marks[:, 0] - FINE / 2, marks[:, 1] - FINE / 2, torch.full((len(marks),), FOCAL * FINE)], 1
            )
            sight = sight / sight.norm(dim=1, keepdim=True)
            rays.append(sight @ camera.viewmat[:3, :3].double())
            origins.append(camera.position.double())
            if abs(yaw) < 20 and abs(pitch) < 10:
                told.append(torch.from_numpy(np.append(Blendshapes()(found[0])[1:], 0.0)).double())
    if len(rays) < FEWEST or not told:
        raise InputError(
            f"a face is seen in {len(rays)} of {len(YAWS_DEG) * len(PITCHES_DEG)} pictures around the front of {name}; "
            "a head that looks like one from several sides was wanted."
        )
    return _Seen(points=_met(torch.stack(origins), torch.stack(rays)), told=torch.stack(told).mean(0))


def _met(origins: Tensor, rays: Tensor) -> Tensor:
    """Points ``[P, 3]`` nearest to lines from origins ``[C, 3]`` along unit rays ``[C, P, 3]``; strays count less."""
    across = torch.eye(3, dtype=rays.dtype) - rays[..., :, None] * rays[..., None, :]
    weight = torch.ones(rays.shape[:2], dtype=rays.dtype)
    points = origins.mean(0).expand(rays.shape[1], 3)
    for _ in range(5):
        matrix = (weight[..., None, None] * across).sum(0)
        right = (weight[..., None] * (across @ origins[:, None, :, None])[..., 0]).sum(0)
        points = torch.linalg.solve(matrix, right)
        away = points[None] - origins[:, None]
        miss = (across @ away[..., None])[..., 0].norm(dim=-1) / away.norm(dim=-1)
        weight = 1 / (1 + (miss / ROBUST) ** 2) ** 2
    return points


def _explained(seen: _Seen, model: FaceModel) -> FoundFace:
    """Identity, units and place of points: ridge and similarity in turn."""
    mean = model.landmarks(model.mean).double()[:NUM_MESH]
    modes = model.landmarks(model.modes).double()[:, :NUM_MESH]
    rows = (model.landmarks(model.units).double() + read_correction())[FREE][:, :NUM_MESH]
    believed = torch.tensor([BELIEVED.get(name, 1.0) for name in UNITS], dtype=torch.float64)
    told = (believed * seen.told)[FREE]
    weight = _noise()[:NUM_MESH, None] ** -2 * INDEPENDENT
    target = seen.points[:NUM_MESH]
    directions = torch.cat([modes, rows]).flatten(1)
    precision = torch.cat([torch.ones(len(modes)), torch.full((len(rows),), UNIT_SIGMA**-2)]).double()
    prior = torch.cat([torch.zeros(len(modes), dtype=torch.float64), told])
    numbers = prior.clone()
    place = fit_similarity(mean, target)
    spread = weight.expand(-1, 3).flatten()
    for _ in range(ROUNDS):
        shape = mean + (numbers @ directions).view(-1, 3)
        place = fit_similarity(shape, target)
        back = (target - place.translation) @ place.rotation / place.scale
        normal = (directions * spread) @ directions.T + torch.diag(precision)
        right = (directions * spread) @ (back - mean).flatten() + precision * prior
        numbers = torch.linalg.solve(normal, right)
        numbers[len(modes) :] = numbers[len(modes) :].clamp(0, 1)
    shape = mean + (numbers @ directions).view(-1, 3)
    back = (target - place.translation) @ place.rotation / place.scale
    units = torch.zeros(len(UNITS), dtype=torch.float64)
    units[FREE] = numbers[len(modes) :]
    return FoundFace(
        identity=numbers[: len(modes)],
        units=units,
        place=Similarity(scale=place.scale, rotation=place.rotation.float(), translation=place.translation.float()),
        error=float((back - shape).norm(dim=1).median()),
    )


def _noise() -> Tensor:
    noise = torch.full((NUM_MESH,), NOISE["mesh"], dtype=torch.float64)
    groups = {"oval": OVAL, "brows": (*LEFT_BROW, *RIGHT_BROW), "eyes": (*LEFT_EYE, *RIGHT_EYE), "lips": LIPS}
    for name, points in groups.items():
        noise[list(points)] = NOISE[name]
    return noise
