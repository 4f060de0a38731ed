"""Who is in one to five photographs, what each face does, how it is turned, and how long the lens was.

One identity for all photographs, a free expression in each. What a single picture cannot tell apart (a wide mouth and a
smile, a near camera and a long nose) is held by priors: identity modes in standard deviations, units near those that
the blendshape net reads off the landmarks, and the distance at which people are photographed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jacfwd

from ..face import UNITS, FaceModel, with_looks
from ..facenet import NUM_MESH
from ..facenet.contours import LEFT_BROW, LEFT_EYE, LEFT_IRIS, LIPS, OVAL, RIGHT_BROW, RIGHT_EYE, RIGHT_IRIS
from ..motion import Pose
from ..tracking.residuals import project, robust_weight
from ..tracking.unit_rows import EYEBALL, read_correction
from ..transforms import quat_to_rotmat, rotvec_to_quat
from .view import PhotoView

NOISE = {"mesh": 0.0030, "lips": 0.0014, "eyes": 0.0012, "brows": 0.0022, "oval": 0.0060, "irises": 0.0010}
"""Metres by which the model's landmarks lie beside the net's, by group."""
INDEPENDENT = 90.0
"""How many of the 478 landmarks count as independent."""
UNIT_SIGMA, GAZE_SIGMA = 0.15, 0.35
"""How far a unit may leave what the blendshape net says, and gaze straight ahead (radians)."""
DISTANCE, DISTANCE_SIGMA, HINTED_SIGMA = 0.9, 0.45, 0.08
"""Usual metres from lens to face; its spread (natural logarithm), and that of a focal length which the file tells."""
PITCH_SIGMA = 0.07
"""Radians by which a photographed head is tilted up or down, which landmarks mistake for a long chin: heads of seven
filmed people were tilted by .03."""
ROBUST = 4.0
"""Standard deviations from which on a landmark is believed less."""
ROUNDS = 14
FREE = torch.tensor([not name.startswith("eyeLook") for name in UNITS])
SPREAD = torch.eye(len(UNITS), dtype=torch.float64)[FREE]
BELIEVED = {"mouthPucker": 0.2, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5}
"""Units that the blendshape net reads off faces at rest, and the share of that which is taken for an expression."""


@dataclass(frozen=True, kw_only=True)
class FittedPhoto:
    """One photograph explained."""

    pose: Pose
    """T_world_head of one moment; the world is this photograph's camera."""
    units: Tensor
    """``[52]`` f64."""
    gaze: Tensor
    """``[2]`` f64 radians."""
    focal: float
    """Pixels of the square."""
    centre: Tensor
    """``[2]`` f64 principal point, pixels."""
    error: float
    """Median distance of detected and fitted landmarks, share of the face's width."""


@dataclass(frozen=True, kw_only=True)
class PhotoFit:
    """One person in P photographs."""

    identity: Tensor
    """``[I]`` f64 standard deviations."""
    photos: tuple[FittedPhoto, ...]
    """In the order of the photographs."""


def fit_photos(views: list[PhotoView], *, model: FaceModel) -> PhotoFit:
    """Identity, units, poses and lenses of photographs of one person: Levenberg-Marquardt on all of them at once."""
    problem = _Problem(views, model)
    identity, owns = torch.zeros(model.num_identity, dtype=torch.float64), [problem.start(v) for v in views]
    damping = 1e-3
    cost = problem.cost(identity, owns)
    for _ in range(ROUNDS):
        normal, right = problem.normal(identity, owns)
        while damping < 1e6:
            held = torch.linalg.cholesky(normal + damping * torch.diag(normal.diagonal()))
            step = torch.cholesky_solve(right[:, None], held)[:, 0]
            new_identity, new_owns = problem.moved(identity, owns, step)
            new_cost = problem.cost(new_identity, new_owns)
            if new_cost < cost:
                break
            damping *= 10
        else:
            break
        done = cost - new_cost < 1e-4 * cost
        identity, owns, cost, damping = new_identity, new_owns, new_cost, max(damping / 10, 1e-7)
        if done:
            break
    return PhotoFit(identity=identity, photos=tuple(problem.explained(identity, own, i) for i, own in enumerate(owns)))


class _Problem:
    """Residuals, in standard deviations, of identity and of each photograph's own numbers.

    A photograph's own: rotation vector, direction (x / z, y / z), log distance, log focal length, gaze, 44 units.
    """

    def __init__(self, views: list[PhotoView], model: FaceModel) -> None:
        self.views, self.model = views, model
        self.mean = model.landmarks(model.mean).double()
        self.modes = model.landmarks(model.modes).double()
        self.rows = model.landmarks(model.units).double() + read_correction()
        irises = [*LEFT_IRIS, *RIGHT_IRIS]
        self.rows[:, irises] = 0
        self.irises = irises
        noise = torch.full((len(self.mean),), NOISE["mesh"], dtype=torch.float64)
        groups = {"oval": OVAL, "brows": (*LEFT_BROW, *RIGHT_BROW), "eyes": (*LEFT_EYE, *RIGHT_EYE), "lips": LIPS}
        for name, points in (groups | {"irises": irises}).items():
            noise[list(points)] = NOISE[name]
        self.noise = noise
        self.marks = [torch.from_numpy(view.landmarks) for view in views]
        self.centres = [torch.tensor(view.centre, dtype=torch.float64) for view in views]
        self.hints = [None if view.focal_hint is None else math.log(view.focal_hint) for view in views]
        believed = torch.tensor([BELIEVED.get(name, 1.0) for name in UNITS], dtype=torch.float64)
        self.told = [believed * torch.from_numpy(view.units) for view in views]

    def start(self, view: PhotoView) -> Tensor:
        """A photograph's own numbers, roughly: upright, straight ahead, as far away as usual."""
        marks = torch.from_numpy(view.landmarks)
        wide = float((marks[:NUM_MESH].amax(0) - marks[:NUM_MESH].amin(0)).max())
        true = float((self.mean[:NUM_MESH].amax(0) - self.mean[:NUM_MESH].amin(0))[:2].max())
        focal = wide / true * DISTANCE if view.focal_hint is None else view.focal_hint
        sight = (marks.mean(0) - torch.tensor(view.centre)) / focal
        left, right, top, chin = marks[454], marks[234], marks[10], marks[152]
        nose = marks[4]
        roll = math.atan2(float(left[1] - right[1]), float(left[0] - right[0]))
        yaw = -1.2 * float((nose - (left + right) / 2)[0]) / wide * 2
        pitch = 1.0 * float((nose - (top + chin) / 2)[1]) / wide - 0.08
        own = torch.zeros(9 + int(FREE.sum()), dtype=torch.float64)
        own[:3] = torch.tensor([pitch, yaw, roll])
        own[3:5] = sight
        own[5], own[6] = math.log(focal * true / wide), math.log(focal)
        own[9:] = torch.from_numpy(view.units)[FREE].clamp(0, 1)
        return own

    def points(self, identity: Tensor, own: Tensor) -> Tensor:
        """Landmarks in the camera ``[478, 3]``."""
        units, gaze = self.split(own)
        head = self.mean + torch.einsum("i,ilc->lc", identity, self.modes) + torch.einsum("u,ulc->lc", units, self.rows)
        ball = EYEBALL * torch.stack([gaze[0].sin(), gaze[1].sin(), 1 - (gaze[0].cos() * gaze[1].cos())])
        head = head + torch.zeros_like(head).index_add(0, torch.tensor(self.irises), ball.expand(len(self.irises), 3))
        turned = head @ quat_to_rotmat(rotvec_to_quat(own[:3])).mT
        return turned + torch.cat([own[3:5], torch.ones(1, dtype=own.dtype)]) * own[5].exp()

    def split(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Units ``[52]`` with the looks of gaze, and gaze ``[2]``."""
        return with_looks(own[9:] @ SPREAD, own[7:9]), own[7:9]

    def residual(self, identity: Tensor, own: Tensor, i: int) -> Tensor:
        """Landmarks ``[478, 2]`` beside the net's, in standard deviations."""
        points = self.points(identity, own)
        pixel = own[6].exp() / own[5].exp() * self.noise[:, None]
        return (project(points, own[6].exp(), self.centres[i]) - self.marks[i]) / pixel

    def priors(self, own: Tensor, i: int) -> tuple[Tensor, Tensor]:
        """Precision and target of a photograph's own numbers."""
        precision, target = torch.zeros_like(own), torch.zeros_like(own)
        precision[0] = PITCH_SIGMA**-2
        precision[5], target[5] = DISTANCE_SIGMA**-2, math.log(DISTANCE)
        hint = self.hints[i]
        if hint is not None:
            precision[6], target[6] = HINTED_SIGMA**-2, hint
        precision[7:9] = GAZE_SIGMA**-2
        precision[9:], target[9:] = UNIT_SIGMA**-2, self.told[i][FREE]
        return precision, target

    def weights(self, residual: Tensor) -> Tensor:
        return robust_weight(residual, ROBUST) * INDEPENDENT / len(residual)

    def cost(self, identity: Tensor, owns: list[Tensor]) -> float:
        total = float(identity.square().sum())
        for i, own in enumerate(owns):
            squared = self.residual(identity, own, i).square().sum(-1) / ROBUST**2
            precision, target = self.priors(own, i)
            total += INDEPENDENT / len(squared) * ROBUST**2 * float((squared / (1 + squared)).sum())
            total += float((precision * (own - target) ** 2).sum())
        return total

    def normal(self, identity: Tensor, owns: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Normal matrix and right side of identity followed by every photograph's own numbers."""
        I, Q = len(identity), len(owns[0])
        size = I + Q * len(owns)
        normal, right = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
        normal[:I, :I] += torch.eye(I, dtype=torch.float64)
        right[:I] -= identity
        for i, own in enumerate(owns):
            residual = self.residual(identity, own, i)
            both = jacfwd(lambda a, b, i=i: self.residual(a, b, i), argnums=(0, 1))(identity, own)
            jacobian = torch.cat(both, -1).flatten(0, 1)
            weight = self.weights(residual)[:, None].expand(-1, 2).flatten()
            rows = torch.cat([torch.arange(I), I + i * Q + torch.arange(Q)])
            normal[rows[:, None], rows] += (jacobian * weight[:, None]).T @ jacobian
            right[rows] -= (jacobian * weight[:, None]).T @ residual.flatten()
            precision, target = self.priors(own, i)
            normal.diagonal()[rows[I:]] += precision + 1e-9
            right[rows[I:]] -= precision * (own - target)
        return normal, right

    def moved(self, identity: Tensor, owns: list[Tensor], step: Tensor) -> tuple[Tensor, list[Tensor]]:
        """All numbers after a step; units stay between 0 and 1."""
        I, Q = len(identity), len(owns[0])
        moved = [own + step[I + i * Q : I + (i + 1) * Q] for i, own in enumerate(owns)]
        return identity + step[:I], [torch.cat([own[:9], own[9:].clamp(0, 1)]) for own in moved]

    def explained(self, identity: Tensor, own: Tensor, i: int) -> FittedPhoto:
        units, gaze = self.split(own)
        distance = own[5].exp()
        left = (project(self.points(identity, own), own[6].exp(), self.centres[i]) - self.marks[i]).norm(dim=-1)
        wide = (self.marks[i][454] - self.marks[i][234]).norm()
        return FittedPhoto(
            pose=Pose(
                quats=rotvec_to_quat(own[:3]).float(),
                positions=(torch.cat([own[3:5], torch.ones(1, dtype=own.dtype)]) * distance).float(),
            ),
            units=units,
            gaze=gaze,
            focal=float(own[6].exp()),
            centre=self.centres[i],
            error=float(left.median() / wide),
        )
