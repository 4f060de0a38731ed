"""Solves the units of all frames of a clip at once: between 0 and 1, few, smooth in time, poses almost held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..face import UNITS, FaceModel, mirrored, with_looks
from ..facenet import NUM_MESH
from ..facenet.contours import (
    LEFT_LID_FOLD,
    LEFT_LID_PAIRS,
    OVAL,
    RIGHT_LID_FOLD,
    RIGHT_LID_PAIRS,
)
from ..transforms import quat_to_rotmat, rotvec_to_quat
from .filmed import FilmedFace
from .residuals import left_jacobian, project, project_jacobian, robust_weight, skew
from .start import BLINK_HIDES_IRIS
from .unit_rows import EYEBALL, rows_of

if TYPE_CHECKING:
    from .photometric import PixelWitness

NOISE, ROBUST, INDEPENDENT = 0.4, 8.0, 40.0
"""Landmark noise in pixels on a face 200 pixels wide, where it stops being believed, how many count as independent."""
FOLD_TRUST, OUTLINE_TRUST, LIDS_TRUST = 0.02, 0.5, 4.0
"""Weights of landmarks: a blink drags the model's skin over the lids and not the net's, and the outline is no place on
the skin."""
SPARSE, FADE, SMOOTH, BLINK_SMOOTH = 0.05, 0.02, 2.0, 0.1
"""Costs of a unit, of its square, and of the square of its change of change per frame at 25 fps; a blink is quick."""
ALIKE = 10.0
"""Cost of the square of the difference between a unit and the same of the other half of the face, and between the
inner brows and the mean of the outer ones."""
POSE_SIGMA = (0.01, 0.01, 0.01, 0.003, 0.003, 0.006)
"""How far a frame's pose may leave the bundle adjustment's: radians and metres."""
GAZE_SIGMA = 0.05
"""How far the eyeLook units may leave what the irises say."""
HALF_EYE = 0.0145
"""Half the width of an eye's opening, metres."""
SWEEPS, STEPS = 3, 300
"""Linearisations, and projected gradient steps in each."""
OFFSET_SIGMA = 0.004
"""How far a person's neutral landmarks may leave the tracked ones, metres."""
BESIDE_PIXELS = 0.2
"""Share of the landmarks' weight where pixels are asked too: the net's errors on one face last for all frames, and 40
independent landmarks a frame do not know of that."""
EYES_SIGMA = 0.03
"""How far units of lids and eyes, which pixels of skin hardly tell, may leave what landmarks say there."""
CHUNK = 64
"""Frames whose Jacobians are held in memory at once."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Units of all frames, and what they leave."""

    neutral: Tensor
    """``[478, 3]`` the person's neutral landmarks, metres."""
    units: Tensor
    """``[T, 52]``."""
    pose: Tensor
    """``[T, 6]`` rotation vector and shift on top of the tracked poses."""
    residual: Tensor
    """``[T, 478, 2]`` projected minus detected, pixels."""


class UnitSolver:
    """Solves units for one clip; poses may move a little."""

    def __init__(self, filmed: FilmedFace, face: FaceModel, correction: Tensor) -> None:
        K = filmed.K.double()
        self.focal, self.centre, self.fps = float(K[0, 0]), K[:2, 2], filmed.fps
        self.tracked = filmed.neutral.double()
        self.rows = rows_of(face, self.tracked, correction)
        self.rotations, self.positions = quat_to_rotmat(filmed.head.quats.double()), filmed.head.positions.double()
        self.landmarks, self.num_train, self.used = filmed.landmarks.double(), filmed.num_train, filmed.used
        width = float((self.tracked[454] - self.tracked[234]).norm())
        depth = float(self.positions[: self.num_train, 2][self.used[: self.num_train]].median())
        self.pixel = width * self.focal / depth / 200  # as on a face 200 pixels wide
        self.sigma = NOISE * self.pixel
        weight = torch.ones(len(self.tracked), dtype=torch.float64)
        weight[[*RIGHT_LID_FOLD, *LEFT_LID_FOLD]], weight[list(OVAL)] = FOLD_TRUST, OUTLINE_TRUST
        weight[[n for pair in (*LEFT_LID_PAIRS, *RIGHT_LID_PAIRS) for n in pair]] = LIDS_TRUST
        self.weight = weight * torch.where(self.used, 1.0, 0.02).double()[:, None]
        self.weight[_shut(filmed.closed), NUM_MESH:] *= 0.02
        self.gaze = torch.asin((filmed.looked.double() * HALF_EYE / EYEBALL).clamp(-0.9, 0.9))
        self._looked = with_looks(torch.zeros(len(self.gaze), len(UNITS), dtype=torch.float64), self.gaze)
        self._smooth = torch.full((len(UNITS),), SMOOTH, dtype=torch.float64)
        self._smooth[[UNITS.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]] = BLINK_SMOOTH
        self._alike = ALIKE * _usually_alike()
        self._trust = _of_units("eyeLook") / GAZE_SIGMA**2

    def fitted(self) -> Fit:
        """Units of all frames, the person's neutral landmarks refitted twice on the way."""
        fit = self.solve(self.tracked)
        for _ in range(2):
            fit = self.solve(self.neutral(fit), start=fit.units)
        return fit

    def refined(self, fit: Fit, witness: PixelWitness, blur: float) -> Fit:
        """One step from a fit towards what pixels say too, at a blur in pixels; the eyes' units are held."""
        witness.learn(fit.units, fit.pose, blur)
        normal, right, back = self._reduced(fit.neutral, fit.units, fit.pose, witness)
        held = _of_units("eye") / EYES_SIGMA**2
        right = right + ((normal + torch.diag(held)) @ fit.units[..., None])[..., 0]
        units = self._bounded(normal + torch.diag(held), right, fit.units)
        done = self._told(fit.neutral, units, fit.pose + back(units - fit.units))
        return self._told(self.neutral(done), done.units, done.pose)

    def placed(self, neutral: Tensor, units: Tensor, pose: Tensor, frames: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Landmarks turned, and in the camera ``[t, 478, 3]``; rotations ``[t, 3, 3]``."""
        head = neutral + (units[frames] @ self.rows.rows.flatten(1)).unflatten(1, neutral.shape)
        rotation = quat_to_rotmat(rotvec_to_quat(pose[frames, :3])) @ self.rotations[frames]
        turned = head @ rotation.mT
        return turned, turned + (self.positions[frames] + pose[frames, 3:])[:, None], rotation

    def solve(self, neutral: Tensor, start: Tensor | None = None) -> Fit:
        """Units of all frames for neutral landmarks ``[478, 3]``."""
        T = len(self.landmarks)
        units = self._looked.clone() if start is None else start
        pose = torch.zeros(T, 6, dtype=torch.float64)
        for _ in range(SWEEPS if start is None else 1):
            normal, right, back = self._reduced(neutral, units, pose)
            new = self._bounded(normal, right + (normal @ units[..., None])[..., 0], units)
            pose = pose + back(new - units)
            units = new
        return self._told(neutral, units, pose)

    def _told(self, neutral: Tensor, units: Tensor, pose: Tensor) -> Fit:
        """A fit with what it leaves."""
        slices = _slices(len(units))
        points = [project(self.placed(neutral, units, pose, s)[1], self.focal, self.centre) for s in slices]
        return Fit(neutral=neutral, units=units, pose=pose, residual=torch.cat(points) - self.landmarks)

    def _reduced(self, neutral: Tensor, units: Tensor, pose: Tensor, witness: PixelWitness | None = None):
        """Normal matrices ``[T, 52, 52]`` and right sides of the units with poses eliminated; and the pose step."""
        trust = 1.0 if witness is None else BESIDE_PIXELS
        prior = 1 / torch.tensor(POSE_SIGMA, dtype=torch.float64) ** 2
        hessians, rights = [], []
        sigma = self.sigma
        for frames in _slices(len(units)):
            turned, cam, rotation = self.placed(neutral, units, pose, frames)
            residual = self.landmarks[frames] - project(cam, self.focal, self.centre)
            by_cam = project_jacobian(cam, self.focal)
            by_turn = -by_cam @ (skew(turned) @ left_jacobian(pose[frames, :3])[:, None])
            by_units = torch.einsum("tlij,tjm,klm->tlik", by_cam, rotation, self.rows.rows)
            jacobian = torch.cat([by_turn, by_cam, by_units], -1).flatten(1, 2)
            weight = trust * self.weight[frames] * robust_weight(residual, ROBUST * sigma)
            weight = (weight * INDEPENDENT / neutral.shape[0] / sigma**2)[..., None].expand_as(residual).flatten(1)
            weighted = jacobian * weight[..., None]
            hessians.append(weighted.mT @ jacobian)
            rights.append((weighted.mT @ residual.flatten(1)[..., None])[..., 0])
        hessian, right = torch.cat(hessians), torch.cat(rights)
        if witness is not None:
            of_pixels = witness.normals(units, pose)
            hessian, right = hessian + of_pixels[0], right + of_pixels[1]
        own = hessian[:, :6, :6] + torch.diag(prior)
        own_right, cross = right[:, :6] - prior * pose, hessian[:, :6, 6:]
        solved = torch.cholesky_solve(torch.cat([cross, own_right[..., None]], -1), torch.linalg.cholesky(own))
        normal = hessian[:, 6:, 6:] - cross.mT @ solved[..., :-1]
        reduced = right[:, 6:] - (cross.mT @ solved[..., -1:])[..., 0]

        def back(step: Tensor) -> Tensor:
            return solved[..., -1] - (solved[..., :-1] @ step[..., None])[..., 0]

        return normal, reduced, back

    def _bounded(self, normal: Tensor, right: Tensor, start: Tensor) -> Tensor:
        """Units in [0, 1] that fit, few and smooth in time: accelerated projected gradients (Beck & Teboulle 2009)."""
        smooth, normal = self._smooth * (self.fps / 25) ** 4, normal + self._alike
        steepest = torch.linalg.eigvalsh(normal)[:, -1].max() + 16 * smooth.max() + self._trust.max() + FADE
        units, ahead, momentum = start, start, 1.0
        for _ in range(STEPS):
            slope = (normal @ ahead[..., None])[..., 0] - right + SPARSE + FADE * ahead
            slope = slope + self._trust * (ahead - self._looked) + smooth * _bent(ahead)
            new = (ahead - slope / steepest).clamp(0, 1)
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            ahead = new + (momentum - 1) / following * (new - units)
            units, momentum = new, following
        return units

    def neutral(self, fit: Fit) -> Tensor:
        """The person's neutral landmarks ``[478, 3]``, moved by what the units leave in training frames."""
        system = torch.eye(3, dtype=torch.float64) / OFFSET_SIGMA**2
        system, right = system.repeat(len(fit.neutral), 1, 1), torch.zeros_like(fit.neutral)
        for frames in _slices(self.num_train):
            _, cam, rotation = self.placed(fit.neutral, fit.units, fit.pose, frames)
            jacobian = project_jacobian(cam, self.focal) @ rotation[:, None]
            believed = self.used[frames].double()[:, None, None, None] / self.sigma**2
            system += torch.einsum("tlij,tlik->ljk", jacobian * believed, jacobian)
            right -= torch.einsum("tlij,tli->lj", jacobian * believed, fit.residual[frames])
        return fit.neutral + torch.cholesky_solve(right[..., None], torch.linalg.cholesky(system))[..., 0]


def _shut(closed: Tensor) -> Tensor:
    """``[T]`` bool, blinks and the frames beside them: irises are not seen."""
    shut = closed.amax(1) > BLINK_HIDES_IRIS
    padded = torch.nn.functional.pad(shut, (1, 1))
    return padded[:-2] | shut | padded[2:]


def _of_units(start: str) -> Tensor:
    """``[52]`` 1 for units whose names start so, 0 for the others."""
    return torch.tensor([float(name.startswith(start)) for name in UNITS], dtype=torch.float64)


def _usually_alike() -> Tensor:
    """``[52, 52]`` the quadratic form of differences between units that usually go together."""
    differences = []
    for name in UNITS:
        other = mirrored(name)
        if name < other and not name.startswith(("eyeLook", "jaw")) and name != "mouthLeft":
            differences.append({name: 1.0, other: -1.0})
    differences.append({"browInnerUp": 1.0, "browOuterUpLeft": -0.5, "browOuterUpRight": -0.5})
    rows = torch.tensor([[d.get(name, 0.0) for name in UNITS] for d in differences], dtype=torch.float64)
    return rows.T @ rows


def _bent(values: Tensor) -> Tensor:
    """Gradient of half the summed square of second differences in time of ``[T, K]``."""
    bend = values[2:] - 2 * values[1:-1] + values[:-2]
    slope = torch.zeros_like(values)
    slope[2:] += bend
    slope[1:-1] -= 2 * bend
    slope[:-2] += bend
    return slope


def _slices(count: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
