"""Made-up people with a beard, a scar, lipstick or glasses: the truth that edits of a head are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ..camera import Camera
from ..face import FaceModel
from ..face.atlas import Atlas, atlas_of
from ..face.looks import texture_of
from ..face.model import EYES
from ..face.painted import SAMPLES, Painter
from ..screen_mesh import ScreenMesh
from ..transforms import quat_to_rotmat
from .population import PersonTruth

SCAR = np.array([[0.032, -0.005, -0.085], [0.042, 0.012, -0.085], [0.040, 0.032, -0.08]])
"""Corners of the scar on the average head, metres."""
SCAR_WIDTH = 0.0016
BEARD_RGB, SCAR_RGB, LIPSTICK_RGB, FRAME_RGB = (0.16, 0.10, 0.07), (0.55, 0.16, 0.15), (0.72, 0.06, 0.16), (0.07,) * 3
RIM = (0.026, 0.019, 0.0014)
"""Half width, half height and half thickness of a rim, metres."""
STAND_OFF = 0.012
"""Metres from an eyeball's front to the rims."""
SIDES, AROUND = 32, 6
"""Pieces of a rim, and of a tube's cross section."""


@dataclass(frozen=True)
class EditedPerson:
    """Draws somebody plain or edited.

    Args:
        truth: who, and what they do.
        name: a key of TEXTURES, or ``"glasses"``.
    """

    truth: PersonTruth
    name: str

    def plain(self, t: int, camera: Camera) -> np.ndarray:
        """Frame ``t`` as recorded, ``[H, W, 3]`` u8."""
        return self._painter.paint(self._vertices(t), camera)

    def edited(self, t: int, camera: Camera) -> np.ndarray:
        """Frame ``t`` with the edit, ``[H, W, 3]`` u8."""
        if self.name != "glasses":
            return self._edited_painter.paint(self._vertices(t), camera)
        share = self._glasses_share(t, camera)[..., None]
        picture = self.plain(t, camera) * (1 - share) + 255 * np.array(FRAME_RGB) * share
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)

    def face_vertices(self, t: int) -> np.ndarray:
        """World places ``[n, 3]`` of the vertices of the face, metres."""
        return self._vertices(t)[self._model.of_region("face", "lips")].numpy()

    def landmarks(self, t: int) -> torch.Tensor:
        """World places ``[478, 3]`` of the tracker's landmarks, metres."""
        return self._model.landmarks(self._vertices(t))

    def _vertices(self, t: int) -> torch.Tensor:
        return self.truth.vertices([t], self._model)[0]

    def _glasses_share(self, t: int, camera: Camera) -> np.ndarray:
        """``[H, W]`` share of each pixel that the glasses cover."""
        points, triangles = self._glasses
        R, p = quat_to_rotmat(self.truth.head_quats[t]).double().numpy(), self.truth.head_positions[t].double().numpy()
        things = ScreenMesh(points @ R.T + p, triangles, camera)
        face = ScreenMesh(self._vertices(t).double().numpy(), self._model.triangles.numpy(), camera)
        everywhere = np.ones((camera.height, camera.width), bool)
        shares = [_depth(things, everywhere, *at) < _depth(face, everywhere, *at) for at in SAMPLES]
        return np.mean(shares, axis=0)

    @cached_property
    def _model(self) -> FaceModel:
        return FaceModel.load()

    @cached_property
    def _painter(self) -> Painter:
        return Painter(self._model, self.truth.person.look)

    @cached_property
    def _edited_painter(self) -> Painter:
        look, atlas = self.truth.person.look, atlas_of(self._model)
        texture = texture_of(self._model, look)
        share, colours = TEXTURES[self.name](atlas)
        share = atlas.picture(np.repeat(share[:, None], 3, 1))
        return Painter(self._model, look, texture + share * (atlas.picture(colours) - texture))

    @cached_property
    def _glasses(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices ``[n, 3]`` in the head frame and triangles ``[m, 3]`` of rims, bridge and temples."""
        neutral = self._model.neutral(self.truth.person.identity).double().numpy()
        rows = [self._model.of_region(name).numpy() for name in EYES]
        centres = [neutral[r].mean(0) for r in rows]
        front = min(neutral[r, 2].min() for r in rows) - STAND_OFF
        ears = neutral[self._model.of_region("ears").numpy()]
        lines = []
        for centre in centres:
            angle = np.linspace(0, 2 * np.pi, SIDES + 1)
            x, y = (np.sign(f) * np.abs(f) ** 0.5 for f in (np.cos(angle), np.sin(angle)))
            lines.append(np.stack([centre[0] + RIM[0] * x, centre[1] + RIM[1] * y, np.full_like(x, front)], 1))
            side = np.sign(centre[0])
            outer = [centre[0] + side * RIM[0], centre[1] - 0.006]
            lines.append(np.array([[*outer, front], [side * np.abs(ears[:, 0]).max(), outer[1], ears[:, 2].mean()]]))
        inner = [[c[0] - np.sign(c[0]) * RIM[0], c[1] - 0.004, front] for c in centres]
        lines.append(np.array(inner))
        return _tubes(lines)


def _beard(atlas: Atlas) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = atlas.places.T
    low = 1 / (1 + np.exp(-(y - 0.034 + 1.2 * np.maximum(np.abs(x) - 0.03, 0)) / 0.002))
    grain = 1 + 0.25 * np.cos(900 * x + 3 * np.cos(400 * y)) * np.cos(350 * y + 900 * z)
    share = 0.92 * low * (z < -0.02) * atlas.share("face", "neck") * (y < 0.105)
    return share, np.array(BEARD_RGB) * grain[:, None]


def _scar(atlas: Atlas) -> tuple[np.ndarray, np.ndarray]:
    share = np.zeros(len(atlas.places))
    for start, end in zip(SCAR[:-1, :2], SCAR[1:, :2], strict=True):
        along = ((atlas.places[:, :2] - start) @ (end - start) / ((end - start) ** 2).sum()).clip(0, 1)
        off = np.linalg.norm(atlas.places[:, :2] - start - along[:, None] * (end - start), axis=1)
        share = np.maximum(share, np.clip(1.5 - off / SCAR_WIDTH, 0, 1))
    return 0.85 * share * (atlas.places[:, 2] < -0.03) * atlas.share("face"), np.tile(SCAR_RGB, (len(share), 1))


def _lipstick(atlas: Atlas) -> tuple[np.ndarray, np.ndarray]:
    share = 0.85 * atlas.share("lips")
    return share, np.tile(LIPSTICK_RGB, (len(share), 1))


TEXTURES: dict[str, Callable[[Atlas], tuple[np.ndarray, np.ndarray]]] = {
    "scar": _scar,
    "beard": _beard,
    "lipstick": _lipstick,
}
"""Edits of the skin: share ``[P]`` of paint on every texel of the atlas, and its colour ``[P, 3]``."""
NAMES = (*TEXTURES, "glasses")


def _depth(mesh: ScreenMesh, wanted: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Depth ``[H, W]`` of the nearest surface at one place in each pixel, infinite where there is none."""
    face = mesh.nearest(dx, dy, mesh.touching(wanted), wanted)
    rows, columns = np.nonzero(wanted)
    hit = face >= 0
    depth = np.full(len(face), np.inf)
    if hit.any():
        depth[hit] = mesh.look_up(face[hit], columns[hit] + dx, rows[hit] + dy)[2]
    return depth.reshape(wanted.shape)


def _tubes(lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of round tubes along polylines."""
    points, triangles, start = [], [], 0
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    for line in lines:
        along = np.gradient(line, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        side = np.cross(along, [0.3, 0.5, 0.8])
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        other = np.cross(along, side)
        ring = np.cos(turn)[:, None] * side[:, None] + np.sin(turn)[:, None] * other[:, None]
        points.append((line[:, None] + RIM[2] * ring).reshape(-1, 3))
        piece, k = np.meshgrid(np.arange(len(line) - 1), np.arange(AROUND), indexing="ij")
        a, b = start + piece * AROUND + k, start + piece * AROUND + (k + 1) % AROUND
        triangles.append(np.stack([a, b, a + AROUND, b, b + AROUND, a + AROUND], -1).reshape(-1, 3))
        start += len(line) * AROUND
    return np.concatenate(points), np.concatenate(triangles)
