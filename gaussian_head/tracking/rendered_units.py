"""What the landmark net sees of each unit, learnt from pictures of made-up people whose units are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..events import Listener, ignore, tracked
from ..face import UNITS, FaceModel, with_looks
from ..face.looks import random_look
from ..face.painted import Painter, lids_over_eyes
from ..facenet import NUM_LANDMARKS, NUM_MESH, FaceLandmarks
from ..transforms import quat_to_rotmat, rotvec_to_quat
from .residuals import project, project_jacobian, robust_weight

IDENTITY_SPREAD = 0.8
"""Standard deviations of the identity modes."""
AT_ONCE, STRENGTH = 6, (0.2, 0.8)
"""Units that a picture shows at once, and how far they rise."""
BLINKING = 0.3
"""Share of the pictures in which the eyes are on their way to shut."""
TURNS, GLANCE = (0.2, 0.4, 0.1), (0.3, 0.2)
"""Largest pitch, yaw and roll of the head; largest glance sideways and down; radians."""
SIZE, FOCAL, DISTANCE = 320, 2.4, (0.62, 0.8)
"""Pixels of a picture, focal length over its width, metres to the head."""
PLACE_SIGMA = 0.004
"""How far one person's landmarks lie from where the map of landmarks puts them, metres."""
IRIS_HIDDEN = 0.3
"""Blink from which on irises say nothing."""
LIDS_MEET = 0.78
"""Blink at which the parametric head's lids touch."""


@dataclass(frozen=True, kw_only=True)
class RenderedEvidence:
    """Normal equations of the units' correction, persons' own places of landmarks eliminated."""

    normal: Tensor
    """``[478, 156, 156]`` of 52 units by three axes."""
    right: Tensor
    """``[478, 156]``."""

    @staticmethod
    def nothing() -> RenderedEvidence:
        """No evidence at all."""
        size = 3 * len(UNITS)
        return RenderedEvidence(
            normal=torch.zeros(NUM_LANDMARKS, size, size, dtype=torch.float64),
            right=torch.zeros(NUM_LANDMARKS, size, dtype=torch.float64),
        )


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """t pictures of one made-up person, as the net marked them."""

    identity: Tensor
    """``[I]``."""
    units: Tensor
    """``[t, 52]``."""
    rotations: Tensor
    """``[t, 3, 3]`` head to camera, f64."""
    positions: Tensor
    """``[t, 3]`` metres, f64."""
    marks: Tensor
    """``[t, 478, 2]`` pixels, f64."""


def pictures_of_people(
    *, people: int, pictures: int, seed: int = 0, face: FaceModel | None = None, listener: Listener = ignore
) -> list[Pictures]:
    """Draw people in random expressions and let the landmark net mark them; pictures without a face are left out.

    Args:
        people: how many.
        pictures: of each.
        seed: of everything random.
        face: the parametric head; by default the package's.
        listener: receives Progress, one step a person.
    """
    face = FaceModel.load() if face is None else face
    generator, net = np.random.default_rng(seed), FaceLandmarks()
    drawn = []
    for _ in tracked(range(people), "units: made-up people", people, listener):
        identity = torch.from_numpy(generator.normal(size=face.num_identity) * IDENTITY_SPREAD).float()
        painter = Painter(face, random_look(generator))
        units, gaze = random_expressions(pictures, generator)
        drawn.append(_marked(painter, net, identity, units, gaze, generator))
    return drawn


def random_expressions(count: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Units ``[count, 52]``, some of them risen, and the gaze ``[count, 2]`` in radians that goes with them."""
    gaze = torch.from_numpy(generator.uniform(-1, 1, (count, 2)) * GLANCE).float()
    units = with_looks(torch.zeros(count, len(UNITS)), gaze)
    free = [k for k, name in enumerate(UNITS) if not name.startswith("eyeLook")]
    for row in units:
        chosen = generator.permutation(free)[:AT_ONCE]
        row[chosen] = torch.from_numpy(generator.uniform(*STRENGTH, AT_ONCE)).float()
    blinks, jaw, close = [UNITS.index(f"eyeBlink{side}") for side in ("Left", "Right")], "jawOpen", "mouthClose"
    shut = torch.from_numpy(generator.uniform(0, LIDS_MEET, count) * (generator.random(count) < BLINKING)).float()
    units[:, blinks] = torch.maximum(units[:, blinks].clamp(max=LIDS_MEET), shut[:, None])
    units[:, UNITS.index(jaw)] = torch.maximum(units[:, UNITS.index(jaw)], units[:, UNITS.index(close)])
    return units, gaze


def _marked(
    painter: Painter, net: FaceLandmarks, identity: Tensor, units: Tensor, gaze: Tensor, generator: np.random.Generator
) -> Pictures:
    turns = torch.from_numpy(generator.uniform(-1, 1, (len(units), 3)) * TURNS).float()
    rotations = quat_to_rotmat(rotvec_to_quat(turns))
    face, camera = painter.model, Camera.from_focal(FOCAL * SIZE, SIZE, SIZE)
    points = face.vertices(identity, units, gaze[:, None].expand(-1, 2, -1))
    points = lids_over_eyes(face, points, units) @ rotations.mT
    middle = points[:, face.of_region("face")].mean(1)
    away = torch.from_numpy(generator.uniform(*DISTANCE, len(units))).float()
    positions = torch.stack([torch.zeros_like(away), torch.zeros_like(away), away], 1) - middle
    found = [net(painter.paint(p, camera)) for p in points + positions[:, None]]
    seen = torch.tensor([bool(faces) for faces in found])
    marks = [torch.from_numpy(faces[0][:, :2]).double() for faces in found if faces]
    return Pictures(
        identity=identity,
        units=units[seen],
        rotations=rotations[seen].double(),
        positions=positions[seen].double(),
        marks=torch.stack(marks) if marks else torch.zeros(0, NUM_LANDMARKS, 2, dtype=torch.float64),
    )


def unit_evidence(face: FaceModel, people: Sequence[Pictures]) -> RenderedEvidence:
    """What the marks say about the units' rows beyond the model's own."""
    evidence, rows = RenderedEvidence.nothing(), face.landmarks(face.units).double()
    for person in people:
        jacobian, left, pixel = _misfit(face, person, rows)
        units, jacobian, left = person.units.double(), jacobian / pixel[..., None], left / pixel
        weight = robust_weight(left, 6.0)
        shut = units[:, [UNITS.index("eyeBlinkLeft"), UNITS.index("eyeBlinkRight")]].amax(1) > IRIS_HIDDEN
        weight[shut, NUM_MESH:] = 0
        jacobian, left = jacobian * weight.sqrt()[..., None, None], left * weight.sqrt()[..., None]
        by_units = torch.einsum("tlij,tk->ltikj", jacobian, units).flatten(3).flatten(1, 2)
        by_place, left = jacobian.permute(1, 0, 2, 3).flatten(1, 2), left.permute(1, 0, 2).flatten(1)
        cross = by_units.mT @ by_place
        own = by_place.mT @ by_place + torch.eye(3, dtype=torch.float64) / PLACE_SIGMA**2
        right = torch.cat([cross.mT, (by_place.mT @ left[..., None])], -1)
        solved = torch.cholesky_solve(right, torch.linalg.cholesky(own))
        evidence.normal.add_(by_units.mT @ by_units - cross @ solved[..., :-1])
        evidence.right.add_((by_units.mT @ left[..., None] - cross @ solved[..., -1:])[..., 0])
    return evidence


def _misfit(face: FaceModel, person: Pictures, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Marks minus projections ``[t, 478, 2]``, their Jacobian ``[t, 478, 2, 3]`` by places in the head, both in
    pixels; and how many of these ``[t, 1, 1]`` are one on a face 200 pixels wide."""
    neutral = face.landmarks(face.neutral(person.identity)).double()
    head = neutral + torch.einsum("tk,klc->tlc", person.units.double(), rows)
    cam = head @ person.rotations.mT + person.positions[:, None]
    left = person.marks - project(cam, FOCAL * SIZE, torch.full((2,), SIZE / 2, dtype=torch.float64))
    width = float((neutral[454] - neutral[234]).norm())
    pixel = (width * FOCAL * SIZE / person.positions[:, 2] / 200)[:, None, None]
    return project_jacobian(cam, FOCAL * SIZE) @ person.rotations[:, None], left, pixel
