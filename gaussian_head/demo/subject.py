"""The demo subject: one textured mesh with linear motion channels, built from the portrait."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..facenet import NUM_MESH, triangles
from ..facenet.contours import (
    INNER_LIPS,
    LEFT_EYELIDS,
    LEFT_IRIS,
    LOWER_INNER,
    LOWER_OUTER,
    OVAL,
    RIGHT_EYELIDS,
    RIGHT_IRIS,
    UPPER_INNER,
    UPPER_OUTER,
)
from ..smoothing import smoothstep
from . import parts, textures
from .face import face_basis, jaw_rotation, neutral_face
from .parts import PX, Patch
from .photo import PhotoLayers, find_landmarks, load_photo, split_photo
from .textures import Tile
from .topology import subdivide

CHANNELS = ("jaw", "pucker", "spread", "press", "blink_l", "blink_r", "brow_up", "gaze_x", "gaze_y")
"""Motion channels; gaze in radians (+x to the picture's right, +y down), the others 0..1."""
PART_NAMES = ("background", "torso", "neck", "hair", "face", "mouth")
"""Meaning of the part numbers 0..5."""
RINGS = 20
EYE_RADIUS = 8.6
"""Photo pixels: 12 mm."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A person as data; the first 478 vertices are the face landmarks."""

    rest: np.ndarray
    """``[V, 3]`` f32 metres, head frame, all channels zero."""
    basis: np.ndarray
    """``[B, V, 3]`` f32 metres per unit of each channel in CHANNELS."""
    triangles: np.ndarray
    """``[F, 3]`` i32."""
    uv: np.ndarray
    """``[V, 2]`` f32 atlas pixels."""
    atlas: np.ndarray
    """``[H, W, 3]`` u8."""
    head_weight: np.ndarray
    """``[V]`` f32, 1 moves with the head, 0 with the torso."""
    parts: np.ndarray
    """``[F]`` u8 index into PART_NAMES."""
    patches: np.ndarray
    """``[F]`` u8 number of the piece of surface a triangle belongs to; between pieces are visible edges."""
    background: np.ndarray
    """``[H, W, 3]`` u8 the photo without the person."""

    @cached_property
    def texture(self) -> Tensor:
        """The atlas as ``[1, 3, H, W]`` f32, 0 to 255."""
        return torch.from_numpy(self.atlas).permute(2, 0, 1)[None].float()


@dataclass
class _Builder:
    """Collects patches into one mesh; vertices in photo pixels."""

    count: int = 0
    vertices: list[np.ndarray] = field(default_factory=list)
    moves: list[np.ndarray] = field(default_factory=list)
    triangles: list[np.ndarray] = field(default_factory=list)
    uv: list[np.ndarray] = field(default_factory=list)
    tile_of: list[np.ndarray] = field(default_factory=list)
    weight: list[np.ndarray] = field(default_factory=list)
    parts: list[np.ndarray] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)

    def add(
        self, patch: Patch, tile: Tile, part: str, *, moves: np.ndarray | None = None, weight: np.ndarray | float = 1.0
    ):
        """Append a patch; ``moves`` [B, V, 3], ``weight`` [V] or one number."""
        number = next((n for n, t in enumerate(self.tiles) if t is tile), len(self.tiles))
        if number == len(self.tiles):
            self.tiles.append(tile)
        size = len(patch.vertices)
        self.vertices.append(patch.vertices)
        self.moves.append(np.zeros((len(CHANNELS), size, 3)) if moves is None else moves)
        self.triangles.append(patch.triangles + self.count)
        self.uv.append(patch.uv)
        self.tile_of.append(np.full(size, number))
        self.weight.append(np.broadcast_to(np.asarray(weight, float), (size,)))
        self.parts.append(np.full(len(patch.triangles), PART_NAMES.index(part), np.uint8))
        self.count += size


def build_subject() -> Subject:
    """Build the subject from the portrait; takes some seconds, always the same."""
    photo = load_photo()
    layers = split_photo(photo, find_landmarks(photo))
    builder = _Builder()
    skin = triangles().astype(np.int64)
    neutral = neutral_face(layers.landmarks, skin)
    basis = face_basis(neutral, skin)
    moves = np.stack([basis.get(name, np.zeros_like(neutral)) for name in CHANNELS])
    _add_face(builder, layers, neutral, moves, skin)
    _add_eyes(builder, neutral, layers.landmarks)
    _add_mouth(builder, neutral)
    _add_neck_and_torso(builder, layers)
    return _finished(builder, layers, neutral)


def _add_face(builder: _Builder, layers: PhotoLayers, neutral: np.ndarray, moves: np.ndarray, skin: np.ndarray) -> None:
    """Landmarks (irises last), twice subdivided skin, and the shell of hair that starts at its rim."""
    tile = textures.photo_tile(layers.head, (140, 4, 312, 200), 5)
    first, finer = subdivide(skin, NUM_MESH)
    second, finest = subdivide(finer, len(first.indptr) - 1)
    matrix = second @ first
    points = matrix @ neutral
    uv = matrix @ _lip_safe_uv(layers.landmarks)
    face_moves = np.stack([matrix @ m for m in moves])
    irises, iris_moves = _iris_points(neutral, layers.landmarks)
    vertices = np.concatenate([points[:NUM_MESH], irises, points[NUM_MESH:]])
    all_moves = np.concatenate([face_moves[:, :NUM_MESH], iris_moves, face_moves[:, NUM_MESH:]], 1)
    all_uv = np.concatenate([uv[:NUM_MESH], np.repeat(uv[:1], len(irises), 0), uv[NUM_MESH:]])
    finest = finest + len(irises) * (finest >= NUM_MESH)
    builder.add(Patch(vertices=vertices, triangles=finest, uv=all_uv), tile, "face", moves=all_moves)
    from_the_chin = OVAL[18::-1] + OVAL[:18:-1]
    loop = _refined_loop(from_the_chin, finest)
    _add_shell(builder, layers, vertices[loop], all_moves[:, loop])


def _add_shell(builder: _Builder, layers: PhotoLayers, rim: np.ndarray, rim_moves: np.ndarray) -> None:
    """Hair, back of the head and underside of the chin; it follows the rim and comes to rest further back."""
    rim, rim_moves = np.concatenate([rim, rim[:1]]), np.concatenate([rim_moves, rim_moves[:, :1]], 1)
    centre = np.array([rim[:, 0].mean(), 0.5 * (rim[:, 1].min() + rim[:, 1].max()) - 6])
    lattice, upright = parts.head_shell(rim, layers.head_mask, centre, RINGS)
    tile = textures.shell_tile(layers.head, lattice, upright, RINGS)
    down, across = parts.unit_lattice(*lattice.shape[:2])
    fade = np.clip(1 - down * 2.2, 0, 1) ** 1.5
    moves = (rim_moves[:, None] * fade[None, ..., None]).reshape(len(CHANNELS), -1, 3)
    builder.add(parts.grid(lattice, np.stack([across, down], -1)), tile, "hair", moves=moves)


def _refined_loop(loop: tuple[int, ...], triangles: np.ndarray) -> np.ndarray:
    """The border of the subdivided mesh in the order of the coarse ``loop``, from its first vertex."""
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    around: dict[int, list[int]] = {}
    for a, b in unique[counts == 1]:
        around.setdefault(int(a), []).append(int(b))
        around.setdefault(int(b), []).append(int(a))
    for second in around[loop[0]]:
        path = [loop[0], second]
        while path[-1] != loop[0]:
            path.append(next(v for v in around[path[-1]] if v != path[-2]))
        if loop[1] in path[:6]:
            return np.array(path[:-1])
    raise AssertionError("the rim of the face is no loop")


def _lip_safe_uv(landmarks: np.ndarray) -> np.ndarray:
    """Photo positions of the skin landmarks, inner lips drawn outwards so that no tooth bleeds in."""
    uv = landmarks[:NUM_MESH, :2].copy()
    for inner, outer in ((UPPER_INNER[1:-1], UPPER_OUTER[1:-1]), (LOWER_INNER[1:-1], LOWER_OUTER[1:-1])):
        uv[list(inner)] += 0.22 * (uv[list(outer)] - uv[list(inner)])
    return uv


def _eye_centre(neutral: np.ndarray, eye: tuple, iris: np.ndarray) -> np.ndarray:
    """Middle of the eyeball: as far forward as it may come without touching the lids' edges."""
    lids = neutral[[*eye[0][1:-1], *eye[1][1:-1]]]
    aside = ((lids[:, :2] - iris[:2]) ** 2).sum(1)
    near = aside < (0.8 * EYE_RADIUS) ** 2
    depth = (lids[near, 2] + np.sqrt(EYE_RADIUS**2 - aside[near])).max() + 0.3
    return np.array([iris[0], iris[1], depth])


def _iris_points(neutral: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ten iris landmarks on the eyeballs and their motion, ``[10, 3]``, ``[B, 10, 3]``."""
    points, moves = [], []
    for eye, iris in ((RIGHT_EYELIDS, RIGHT_IRIS), (LEFT_EYELIDS, LEFT_IRIS)):
        middle = landmarks[iris[0]]
        centre = _eye_centre(neutral, eye, middle)
        offset = landmarks[list(iris), :2] - middle[:2]
        length = np.hypot(*offset.T)[:, None]
        offset = np.where(length > 0.5, offset / np.maximum(length, 1e-6) * 4.18, 0.0)
        depth = -np.sqrt(EYE_RADIUS**2 - (offset**2).sum(1))
        on_ball = np.concatenate([offset, depth[:, None]], 1)
        points.append(on_ball + centre)
        moves.append(_gaze_moves(on_ball))
    return np.concatenate(points), np.concatenate(moves, 1)


def _gaze_moves(arm: np.ndarray) -> np.ndarray:
    """Motion ``[B, V, 3]`` per radian of points ``arm`` [V, 3] from the eyeball's centre."""
    moves = np.zeros((len(CHANNELS), *arm.shape))
    zero = np.zeros(len(arm))
    moves[CHANNELS.index("gaze_x")] = np.stack([-arm[:, 2], zero, arm[:, 0]], -1)
    moves[CHANNELS.index("gaze_y")] = np.stack([zero, -arm[:, 2], arm[:, 1]], -1)
    return moves


def _add_eyes(builder: _Builder, neutral: np.ndarray, landmarks: np.ndarray) -> None:
    """Eyeballs that look around, and a sheet of shaded skin behind each lid opening."""
    tile = textures.eye_tile()
    socket = textures.ramp_tile(((0.0, (150, 96, 82)), (1.0, (96, 58, 50))))
    for eye, iris in ((RIGHT_EYELIDS, RIGHT_IRIS), (LEFT_EYELIDS, LEFT_IRIS)):
        centre = _eye_centre(neutral, eye, landmarks[iris[0]])
        ball = parts.eyeball(np.zeros(3), EYE_RADIUS)
        arm = ball.vertices
        uv = 0.5 + arm[:, :2] / 24
        patch = Patch(vertices=arm + centre, triangles=ball.triangles, uv=uv)
        builder.add(patch, tile, "face", moves=_gaze_moves(arm))
        loop = neutral[[*eye[0], *eye[1][-2:0:-1]]]
        loop = np.concatenate([loop, loop[:1]])
        rows = np.stack(
            [
                loop + np.array([0, 0, 0.1]),
                loop + np.array([0, 0, 5.0]),
                np.broadcast_to(loop.mean(0) + np.array([0, 0, 9.0]), loop.shape),
            ]
        )
        down, across = parts.unit_lattice(*rows.shape[:2])
        builder.add(parts.grid(rows, np.stack([across, down], -1)), socket, "face")


def _add_mouth(builder: _Builder, neutral: np.ndarray) -> None:
    """Pouch, two rows of teeth and a tongue; the lower ones go with the jaw."""
    loop = _refined_loop(INNER_LIPS, builder.triangles[0])
    pouch, follows = parts.mouth_cavity(builder.vertices[0][loop])
    flesh = textures.ramp_tile(
        ((0.0, (176, 104, 98)), (0.2, (138, 66, 64)), (0.4, (74, 26, 27)), (0.6, (38, 11, 13)), (1.0, (14, 4, 5)))
    )
    builder.add(pouch, flesh, "mouth", moves=builder.moves[0][:, loop][:, follows])
    middle = neutral[[13, 14]].mean(0)
    jaw = CHANNELS.index("jaw")
    upper = parts.tooth_row(middle + np.array([0, 1.3, 4.4]), 13.5, 19.0, -9.0)
    builder.add(upper, textures.teeth_tile((8.5, 6.6, 7.6, 7.0, 7.0, 9.0)), "mouth")
    lower = parts.tooth_row(middle + np.array([0, -1.6, 6.8]), 12.5, 17.0, 9.0)
    lower_moves = np.zeros((len(CHANNELS), len(lower.vertices), 3))
    lower_moves[jaw] = jaw_rotation(lower.vertices, neutral)
    builder.add(lower, textures.teeth_tile((5.4, 5.8, 6.9, 7.0, 7.1, 10.0)), "mouth", moves=lower_moves)
    tongue = parts.tongue_body(middle + np.array([0, 2.5, 9.5]))
    tongue_moves = np.zeros((len(CHANNELS), len(tongue.vertices), 3))
    tongue_moves[jaw] = 0.9 * jaw_rotation(tongue.vertices, neutral)
    pink = textures.ramp_tile(((0.0, (172, 88, 86)), (0.35, (150, 70, 70)), (0.7, (70, 26, 28)), (1.0, (24, 8, 9))))
    builder.add(tongue, pink, "mouth", moves=tongue_moves)


def _add_neck_and_torso(builder: _Builder, layers: PhotoLayers) -> None:
    """Neck that leads from head to torso, the suit's neck ring, and the suit."""
    neck = parts.neck_tube(layers.landmarks[152])
    down = np.repeat(np.linspace(0, 1, 16), len(neck.vertices) // 16)
    share = np.clip((down - 0.15) / 0.45, 0, 1)
    tile = textures.photo_tile(layers.neck, (180, 152, 262, 218), 4)
    builder.add(neck, tile, "neck", weight=1 - smoothstep(share))
    ring = textures.photo_tile(layers.collar, (108, 142, 320, 304), 4)
    builder.add(parts.collar(), ring, "torso", weight=0.0)
    torso = parts.torso_body(layers.torso_rows)
    builder.add(torso, textures.photo_tile(layers.torso, (8, 146, 376, 340), 3), "torso", weight=0.0)


def _finished(builder: _Builder, layers: PhotoLayers, neutral: np.ndarray) -> Subject:
    """Pixels to metres, head turned to face the camera squarely, tiles packed."""
    atlas, corners = textures.pack(builder.tiles)
    uv = np.concatenate(
        [
            builder.tiles[which[0]].pixels(coordinates) + corners[which[0]]
            for coordinates, which in zip(builder.uv, builder.tile_of, strict=True)
        ]
    )
    weight = np.concatenate(builder.weight)
    centre = neutral[[234, 454]].mean(0) + np.array([0, 0, 10])
    turn = _upright_turn(neutral)
    centred = np.concatenate(builder.vertices) - centre
    rest = weight[:, None] * (centred @ turn.T) + (1 - weight[:, None]) * centred
    basis = np.concatenate(builder.moves, 1) @ turn.T
    return Subject(
        rest=(rest * PX).astype(np.float32),
        basis=(basis * PX).astype(np.float32),
        triangles=np.concatenate(builder.triangles).astype(np.int32),
        uv=uv.astype(np.float32),
        atlas=atlas,
        head_weight=weight.astype(np.float32),
        parts=np.concatenate(builder.parts),
        patches=np.repeat(np.arange(len(builder.parts)), [len(p) for p in builder.parts]).astype(np.uint8),
        background=np.clip(layers.background, 0, 255).astype(np.uint8),
    )


def _upright_turn(neutral: np.ndarray) -> np.ndarray:
    """Rotation ``[3, 3]`` from the photo's head pose to eyes level and chin a little under the brow."""
    across = neutral[454] - neutral[234]
    across /= np.linalg.norm(across)
    down = neutral[152] - neutral[10]
    down[2] *= 0.5
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    return np.stack([across, down, np.cross(across, down)])
