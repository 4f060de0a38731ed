"""How deep a person's skin lies behind tracked landmarks, told by the frames of their clip.

A landmark net takes every face for a usual one. Made-up people taught where it errs on them (``read_offsets``), but
nobody made up the noses of people who are filmed. How much of those depths is taken off, about the nose, about the eyes
and elsewhere, is therefore asked of the recording: pixels of the rest frame, lifted onto the mesh, have to find their
colours again where turned frames show them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor

from ..capture import Capture
from ..conventions import FACE
from ..face import FaceModel
from ..face.fitting import fit_identity, read_offsets
from ..facenet import NUM_MESH, triangles
from ..facenet.contours import LEFT_EYE, LEFT_LID_FOLD, RIGHT_EYE, RIGHT_LID_FOLD
from ..screen_mesh import ScreenMesh
from ..transforms import quat_to_rotmat
from .frames import rest_frame, varied_frames
from .laid import LaidHead, laid_on, mesh_edges, on_skin, smoothed_once

TRIED = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Shares of the depths that made-up people taught."""
USUAL, TRUST = 0.5, 0.03
"""Share where frames tell nothing, and the weight of a step of one away from it, RGB levels of 255."""
FRAMES, STEP = 40, 3
"""Frames that are looked at, as unlike each other as may be; pixels between the points that are carried into them."""
BLUR, WRONG = 1 / 512, 30.0
"""Blur of the pictures over their width, and RGB levels from which on a colour is another thing's."""
FACING = 0.35
"""Cosine with the line of sight from which on a frame shows a place."""
NOSE = (168, 2, 98, 327)
"""Landmarks around the nose: between the eyes, under its tip, and beside its wings."""
EYES = (*LEFT_EYE, *LEFT_LID_FOLD, *RIGHT_EYE, *RIGHT_LID_FOLD)
BLENDED = 4
"""Steps in which shares are averaged over the mesh's edges: regions pass into each other."""


def laid_of(capture: Capture) -> LaidHead:
    """The parametric head laid on a capture's tracked face, as deep as its frames say."""
    face = FaceModel.load()
    return laid_on(face, capture.shape.vertices, offsets_of(capture))


def offsets_of(capture: Capture) -> Tensor:
    """Where a person's landmarks lie beside their skin, ``[468, 3]`` metres in the parametric head's frame."""
    face, offsets = FaceModel.load(), read_offsets()
    regions = _regions(face)
    shares = _shares(capture, face, regions)[regions][:, None]
    edges = mesh_edges(_mesh(), NUM_MESH)
    for _ in range(BLENDED):
        shares = smoothed_once(shares, edges)
    return offsets * torch.from_numpy(np.concatenate([np.ones((NUM_MESH, 2)), shares], 1))


def _regions(face: FaceModel) -> np.ndarray:
    """``[468]`` 0 about the nose, 1 about the eyes, 2 elsewhere."""
    points = face.landmarks(face.mean)[:NUM_MESH].numpy()
    around = points[list(NOSE)]
    inside = (points[:, :2] > around[:, :2].min(0) - 1e-6) & (points[:, :2] < around[:, :2].max(0) + 1e-6)
    regions = np.full(NUM_MESH, 2)
    regions[list(EYES)] = 1
    regions[inside.all(1)] = 0
    return regions


def _mesh() -> np.ndarray:
    return triangles()[(triangles() < NUM_MESH).all(1)]


@dataclass(frozen=True, kw_only=True)
class _Places:
    """P pixels of the rest frame as places on the mesh."""

    corners: np.ndarray
    """``[P, 3]`` landmarks."""
    weights: np.ndarray
    """``[P, 3]`` theirs."""

    def at(self, values: np.ndarray) -> np.ndarray:
        """Values ``[P, D]``, of landmarks' values ``[L, D]``."""
        return np.asarray((values[self.corners] * self.weights[..., None]).sum(1))

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Unit normals ``[P, 3]`` of the triangles, outwards."""
        a, b, c = np.moveaxis(vertices[self.corners], 1, 0)
        across = np.cross(b - a, c - a)
        return np.asarray(across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12))


class _Witness:
    """How alike some frames show what the rest frame shows, were the mesh as deep as is said."""

    def __init__(self, capture: Capture) -> None:
        self._capture, self._rest = capture, rest_frame(capture)
        self._frames = [t for t in varied_frames(capture, self._rest, FRAMES) if t != self._rest]
        shown = capture.frame(self._rest)
        self._wanted = np.zeros(shown.labels.shape, bool)
        self._wanted[STEP // 2 :: STEP, STEP // 2 :: STEP] = True
        self._wanted &= shown.labels == FACE
        self._told = _blurred(shown.image)[self._wanted]
        self._basis = capture.shape.basis.double().permute(1, 2, 0).numpy()
        self._pictures = [(_blurred(f.image), f.labels == FACE) for f in map(capture.frame, self._frames)]

    def errors(self, neutral: np.ndarray) -> np.ndarray:
        """RGB levels ``[t, P]`` by which t frames differ at P pixels of the rest frame, NaN where they show none.

        Args:
            neutral: ``[478, 3]`` metres.
        """
        found = np.full((len(self._frames), len(self._told)), np.nan)
        places, rows = self._lifted(neutral)
        for errors, t, (picture, face) in zip(found, self._frames, self._pictures, strict=True):
            vertices, camera = self._posed(neutral, t), self._capture.camera
            points, normals = places.at(vertices), places.normals(vertices)
            pixels = camera.project(torch.from_numpy(points).float()).numpy() - 0.5
            rays = points - camera.position.numpy()
            facing = -(normals * rays).sum(1) / np.linalg.norm(rays, axis=1) > FACING
            size = np.array([camera.width, camera.height])
            inside = ((pixels >= 0) & (pixels <= size - 1)).all(1)
            column, row = pixels.round().astype(int).clip(0, size - 1).T
            seen = facing & inside & face[row, column]
            if seen.any():
                at = pixels[seen].T[::-1]
                colours = np.stack([map_coordinates(picture[..., i], at, order=1) for i in range(3)], 1)
                apart = colours - self._told[rows[seen]]
                apart = np.abs(apart - np.median(apart, 0)).mean(1)  # the light of the whole face may change
                errors[rows[seen]] = np.minimum(apart, WRONG)
        return found

    def regions(self, neutral: np.ndarray, regions: np.ndarray) -> np.ndarray:
        """Regions ``[P]`` of the pixels, of the landmarks' ``[468]``; -1 beside the mesh."""
        places, rows = self._lifted(neutral)
        found = np.full(len(self._told), -1)
        found[rows] = regions[np.take_along_axis(places.corners, places.weights.argmax(1)[:, None], 1)[:, 0]]
        return found

    def _posed(self, neutral: np.ndarray, t: int) -> np.ndarray:
        """Landmarks ``[468, 3]`` of a frame in the world."""
        pose = self._capture.motion.at(t).head
        rotation, position = quat_to_rotmat(pose.quats).double().numpy(), pose.positions.double().numpy()
        moved = neutral + self._basis @ self._capture.code[t].double().numpy()
        return np.asarray(moved[:NUM_MESH] @ rotation.T + position)

    def _lifted(self, neutral: np.ndarray) -> tuple[_Places, np.ndarray]:
        """The wanted pixels that lie on the mesh, and which they are."""
        mesh = ScreenMesh(self._posed(neutral, self._rest), _mesh(), self._capture.camera)
        face = mesh.nearest(0.5, 0.5, mesh.touching(self._wanted), self._wanted)
        rows = np.flatnonzero(face >= 0)
        y, x = (axis[rows] + 0.5 for axis in np.nonzero(self._wanted))
        numbers, weights, _ = mesh.look_up(face[rows], x, y)
        return _Places(corners=_mesh()[numbers], weights=weights), rows


def _shares(capture: Capture, face: FaceModel, regions: np.ndarray) -> np.ndarray:
    """``[3]`` share of the depths that is taken off in each region."""
    neutral, offsets = capture.shape.vertices, read_offsets()
    place = fit_identity(face, neutral, offsets)[1]
    tried = [on_skin(neutral, place, share * offsets).double().numpy() for share in TRIED]
    witness = _Witness(capture)
    errors = np.stack([witness.errors(skin) for skin in tried])
    of_pixel = witness.regions(tried[TRIED.index(USUAL)], regions)
    everywhere = np.isfinite(errors).all(0)
    shares = np.full(3, USUAL)
    for region in range(3):
        counted = everywhere & (of_pixel == region)
        if counted.any():
            shares[region] = _best(errors[:, counted].mean(1))
    return shares


def _best(errors: np.ndarray) -> float:
    """The share of least error, told those ``[S]`` of TRIED; near the usual one where they hardly differ."""
    tried = np.array(TRIED)
    cost = errors + TRUST * (tried - USUAL) ** 2
    at = int(np.clip(cost.argmin(), 1, len(cost) - 2))
    curve, slope, _ = np.polyfit(tried[at - 1 : at + 2], cost[at - 1 : at + 2], 2)
    best = -slope / (2 * curve) if curve > 0 else tried[cost.argmin()]
    return float(np.clip(best, tried[0], tried[-1]))


def _blurred(image: np.ndarray) -> np.ndarray:
    """Picture ``[H, W, 3]`` f32, blurred."""
    sigma = BLUR * image.shape[1]
    return np.asarray(gaussian_filter(image.astype(np.float32), (sigma, sigma, 0)))
