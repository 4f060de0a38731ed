"""Units told by pixels beside landmarks: `track --refine photometric`.

A landmark net errs alike in all frames of a face that it does not know well. Pixels do not: each place on the skin of
the fitted head has one colour in all frames, under one light of low-order spherical harmonics that turns against the
head. What frames show beside that, and how it would change if a unit did, are Gauss-Newton terms that join those of
the landmarks in `unit_solver`, under the same bounds, sparsity and smoothness. The idea is that of Thies et al.,
"Face2Face: real-time face capture and reenactment of RGB videos" (2016); colours are each clip's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import sh
from ..camera import Camera
from ..conventions import FACE, MOUTH
from ..events import Listener, ignore, tracked
from ..face import FaceModel
from ..mesh_fragments import has_pytorch3d, rasterize_mesh
from ..transforms import quat_to_rotmat, rotvec_to_quat
from .filmed import FilmedFace
from .residuals import left_jacobian, project, project_jacobian, skew
from .unit_rows import UnitRows

Pictures = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""Gives picture ``[H, W, 3]`` u8 and part labels ``[H, W]`` u8 of a frame."""
SIZE = 256
"""Pixels across the pictures that are looked at."""
SAMPLES, LIPS_MORE = 2500, 3.0
"""Places on the skin; how much denser they lie on the lips."""
BLURS = (2.0, 1.2, 0.7, 0.5)
"""Blur of the pictures, pixels, one round each."""
NOISE, ROBUST = 0.005, 0.03
"""Spread of a colour about the model's, and where it stops being believed."""
INDEPENDENT = 2000.0
"""Places count as this many independent ones."""
SQUARELY = (0.2, 0.5)
"""Cosines with the line of sight from which a place counts a little, and wholly."""
HIDDEN = 0.004
"""Metres behind the nearest surface from which on a place is not seen."""
DARKEST, SMOOTH_LIGHT = 0.15, 0.005
"""Least light over the mean; how much of the strength of what is seen holds light to be even."""
LEARN_FROM, OFTEN = 64, 0.3
"""Most frames that colours are learnt from; share of them that has to show a place."""
CHUNK = 8
"""Frames that are looked at together."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """How some frames show the S places, in the camera; t frames."""

    turned: Tensor
    """``[t, S, 3]`` metres from the head's origin."""
    camera: Tensor
    """``[t, S, 3]`` metres."""
    rotations: Tensor
    """``[t, 3, 3]``."""
    pixels: Tensor
    """``[t, S, 2]``."""
    light: Tensor
    """``[t, S, 9]`` spherical harmonics of the normals."""
    weights: Tensor
    """``[t, S]`` 0 where hidden or seen edge on."""


class PixelWitness:
    """What a clip's pictures say of its units and of small moves of the head.

    Args:
        filmed: the clip.
        rows: where the parametric head stands on the tracked face.
        face: the parametric head.
        pictures: of all frames.
        listener: receives Progress.
    """

    def __init__(
        self, filmed: FilmedFace, rows: UnitRows, face: FaceModel, pictures: Pictures, listener: Listener = ignore
    ) -> None:
        import cv2

        self._device = torch.device("cuda" if torch.cuda.is_available() and has_pytorch3d() else "cpu")
        self.frames = len(filmed.landmarks)
        shown = [pictures(t) for t in tracked(range(self.frames), "tracking: pixels", self.frames, listener)]
        small = [cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for image, _ in shown]
        skin = [np.isin(labels, (FACE, MOUTH)).astype(np.uint8) for _, labels in shown]
        self._images = np.stack(small)
        self._skin = torch.from_numpy(
            np.stack([cv2.resize(255 * mask, (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 230 for mask in skin])
        )
        scale = SIZE / shown[0][0].shape[1]
        self._focal, self._centre = float(filmed.K[0, 0]) * scale, filmed.K[:2, 2].float() * scale
        self._camera = Camera.from_focal(self._focal, SIZE, SIZE, float(self._centre[0]), float(self._centre[1]))
        self._heads = quat_to_rotmat(filmed.head.quats.double()), filmed.head.positions.double()
        turn = rows.place.rotation.float() * rows.place.scale
        self._face = face
        self._rest = face.neutral(rows.identity.float()) @ turn.T + rows.place.translation.float()
        self._units = face.units @ turn.T
        self._hiding = face.triangles[torch.isin(face.triangles, face.of_region("face", "lips", "lids")).all(1)]
        self._triangles, self._weights = _places(face)
        self._base, self._rows = self._hung(self._rest), self._hung(self._units)
        good = filmed.used[: filmed.num_train].nonzero()[:, 0]
        self._learn_from = good[torch.linspace(0, len(good) - 1, min(LEARN_FROM, len(good))).round().long()]
        self._blur = BLURS[0]

    def learn(self, units: Tensor, pose: Tensor, blur: float) -> float:
        """Learn colours and light from units ``[T, 52]`` and moves of the head ``[T, 6]``, at a blur in pixels; gives
        the root mean square by which frames differ from them, of 1."""
        self._blur = blur
        parts = [self._looked(frames, units, pose) for frames in self._learn_from.split(CHUNK)]
        seen = [part for part, _ in parts]
        shown = torch.cat([picture[..., :3] for _, picture in parts])
        weights, basis = torch.cat([s.weights for s in seen]), torch.cat([s.light for s in seen])
        self._often = (weights > 0).float().mean(0) > OFTEN
        believed, self._light = weights, F.one_hot(torch.tensor(0), basis.shape[-1]).float()
        left = torch.zeros_like(shown)
        for _ in range(5):
            light = self._lit(basis)
            colours = _mean(shown * light[..., None], believed) / (_mean(light.square(), believed) + 1e-6)[:, None]
            left = shown - light[..., None] * colours
            believed = weights * _belief(left)
            strength = torch.einsum("ts,tsa,tsb->ab", believed * colours.square().sum(-1), basis, basis)
            wanted = torch.einsum("ts,tsa->a", believed * (colours * shown).sum(-1), basis)
            held = SMOOTH_LIGHT * strength.diagonal().mean() * (1 - F.one_hot(torch.tensor(0), len(wanted)).float())
            solved = torch.linalg.solve(strength + torch.diag(held), wanted)
            self._colours, self._light = colours, solved / solved[0]
        self._spread = _mean(left.square().mean(-1), believed)
        return float((believed * left.square().mean(-1)).sum().div(believed.sum().clamp(min=1e-6)).sqrt())

    def normals(self, units: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Gauss-Newton matrices ``[T, 58, 58]`` and right sides ``[T, 58]`` of turn, shift and units of every frame."""
        hessians, rights = [], []
        steady = self._often * NOISE**2 / (NOISE**2 + self._spread) * INDEPENDENT / SAMPLES / NOISE**2
        for frames in torch.arange(self.frames).split(CHUNK):
            seen, picture = self._looked(frames, units, pose)
            left = picture[..., :3] - self._lit(seen.light)[..., None] * self._colours
            weight = (seen.weights * _belief(left) * steady)[..., None, None]
            by_camera = project_jacobian(seen.camera, self._focal)
            by_turn = -by_camera @ (skew(seen.turned) @ left_jacobian(pose[frames, :3]).float()[:, None])
            by_units = torch.einsum("tsij,ksj->tsik", by_camera @ seen.rotations[:, None], self._rows)
            slopes = picture[..., 3:].unflatten(-1, (2, 3)).mT  # [t, S, colour, (x, y)]
            jacobian = slopes @ torch.cat([by_turn, by_camera, by_units], -1)
            weighted = (jacobian * weight).flatten(1, 2)
            hessians.append((weighted.mT @ jacobian.flatten(1, 2)).double().cpu())
            rights.append(-(weighted.mT @ left.flatten(1)[..., None])[..., 0].double().cpu())
        return torch.cat(hessians), torch.cat(rights)

    def _looked(self, frames: Tensor, units: Tensor, pose: Tensor) -> tuple[_Seen, Tensor]:
        """How frames show the places, and the pictures there ``[t, S, 9]``: colours, their slopes along x, along y."""
        seen = self._seen(frames, units, pose)
        grid = (seen.pixels / SIZE * 2 - 1)[:, None]
        found = F.grid_sample(self._with_slopes(frames), grid, padding_mode="border", align_corners=False)
        return seen, found[:, :, 0].mT

    def _seen(self, frames: Tensor, units: Tensor, pose: Tensor) -> _Seen:
        rotations = (quat_to_rotmat(rotvec_to_quat(pose[frames, :3])) @ self._heads[0][frames]).float()
        positions = (self._heads[1][frames] + pose[frames, 3:]).float()[:, None]
        moved = units[frames].float()
        mesh = (self._rest + (moved @ self._units.flatten(1)).unflatten(1, self._rest.shape)) @ rotations.mT + positions
        fragments = rasterize_mesh(mesh.to(self._device), self._hiding, self._camera)
        normals = F.normalize(self._hung(_normals(mesh, self._hiding)), dim=-1)
        turned = (self._base + (moved @ self._rows.flatten(1)).unflatten(1, self._base.shape)) @ rotations.mT
        camera = turned + positions
        pixels = project(camera, self._focal, self._centre)
        column, row = pixels.long().clamp(0, SIZE - 1).unbind(-1)
        frame = torch.arange(len(frames))[:, None]
        depth = fragments.depth.cpu()[frame, row, column]
        there = ((pixels > 1) & (pixels < SIZE - 1)).all(-1) & self._skin[frames][frame, row, column]
        nearest = (depth > 0) & (camera[..., 2] < depth + HIDDEN)
        cosine = -(normals * F.normalize(camera, dim=-1)).sum(-1)
        squarely = ((cosine - SQUARELY[0]) / (SQUARELY[1] - SQUARELY[0])).clamp(0, 1)
        light = sh.basis(normals, 2)
        return _Seen(
            turned=turned,
            camera=camera,
            rotations=rotations,
            pixels=pixels,
            light=light / light[..., :1],
            weights=squarely * (there & nearest),
        )

    def _with_slopes(self, frames: Tensor) -> Tensor:
        """Blurred pictures and their slopes ``[t, 9, SIZE, SIZE]``, of 1."""
        import cv2

        blurred = np.stack(
            [cv2.GaussianBlur(self._images[t].astype(np.float32) / 255, (0, 0), self._blur) for t in frames.tolist()]
        )
        down, right = np.gradient(blurred, axis=(1, 2))
        return torch.from_numpy(np.concatenate([blurred, right, down], -1)).permute(0, 3, 1, 2)

    def _lit(self, basis: Tensor) -> Tensor:
        return (basis @ self._light).clamp(min=DARKEST)

    def _hung(self, values: Tensor) -> Tensor:
        """Values ``[..., S, D]`` at the places, of values ``[..., V, D]`` at the vertices."""
        corners = values[..., self._face.triangles[self._triangles], :]
        return (corners * self._weights[..., None]).sum(-2)


def _places(face: FaceModel) -> tuple[Tensor, Tensor]:
    """Triangles ``[S]`` and weights ``[S, 3]`` of places all over the skin of the face; lids, which slide over eyes and
    fold, are left to the landmarks."""
    generator = torch.Generator().manual_seed(0)
    corners = face.mean[face.triangles]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=-1)
    skin = torch.isin(face.triangles, face.of_region("face", "lips")).all(1)
    lips = torch.isin(face.triangles, face.of_region("lips")).any(1)
    density = area * skin * torch.where(lips, LIPS_MORE, 1.0)
    triangles = torch.multinomial(density, SAMPLES, replacement=True, generator=generator)
    two = torch.rand(SAMPLES, 2, generator=generator).sort(1).values
    return triangles, torch.stack([two[:, 0], two[:, 1] - two[:, 0], 1 - two[:, 1]], 1)


def _normals(mesh: Tensor, triangles: Tensor) -> Tensor:
    """Normals ``[t, V, 3]``, as long as the triangles around are large."""
    corners = mesh[:, triangles]
    flat = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    normals = torch.zeros_like(mesh)
    for k in range(3):
        normals.index_add_(1, triangles[:, k], flat)
    return normals


def _belief(left: Tensor) -> Tensor:
    """How far colours that are so far off ``[..., 3]`` are believed."""
    return (1 + left.square().sum(-1) / ROBUST**2) ** -2


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over frames of ``[t, S]`` or ``[t, S, 3]``."""
    weights = weights if values.ndim == 2 else weights[..., None]
    return (values * weights).sum(0) / weights.sum(0).clamp(min=1e-6)
