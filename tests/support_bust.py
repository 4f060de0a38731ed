"""A capture of the parametric head itself, painted, with hair on: what stands behind its outline is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from support_head import CODE, make_code_map
from torch import Tensor

from gaussian_head.camera import Camera
from gaussian_head.capture import Capture, CaptureInfo, CaptureWriter
from gaussian_head.conventions import BACKGROUND, FACE, HAIR, NECK, TORSO
from gaussian_head.face import REGIONS, UNITS, FaceModel
from gaussian_head.face.fitting import read_offsets
from gaussian_head.facenet import NUM_MESH
from gaussian_head.motion import Motion, Pose
from gaussian_head.screen_mesh import ScreenMesh
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat

PART = {"scalp": HAIR, "ears": HAIR, "neck": NECK, "shoulders": TORSO}
"""Labels of regions; all others are the face's."""
SKIN = (0.78, 0.64, 0.56)
COLOURS = {"scalp": (0.20, 0.15, 0.12), "shoulders": (0.30, 0.35, 0.50), "lips": (0.72, 0.36, 0.36)}
"""RGB of regions that are not of the skin's colour."""


@dataclass(frozen=True, kw_only=True)
class Bust:
    """What was filmed."""

    capture: Capture
    vertices: Tensor
    """``[V, 3]`` metres, head frame: with hair on."""
    face: FaceModel


def make_bust(
    folder: Path,
    *,
    hair: float = 0.02,
    num_frames: int = 7,
    size: int = 128,
    yaw: float = 0.2,
    hair_over_ears: bool = False,
    freckles: float = 0.0,
    astray: float = 1.0,
) -> Bust:
    """Film an unusual head whose hair is ``hair`` metres thick, turning by ``yaw`` radians to either side.

    Its skin is by up to ``freckles`` brighter or darker from vertex to vertex; landmarks stand as far before it
    as ``astray`` of what a net does with made-up people's.
    """
    face = FaceModel.load()
    identity = 0.8 * torch.randn(20, generator=torch.Generator().manual_seed(3))
    bald = face.neutral(identity)
    scalp = face.of_region("scalp")
    centre = bald[scalp].mean(0)
    vertices = bald.clone()
    outwards = torch.nn.functional.normalize(bald[scalp] - centre, dim=1)
    high = ((bald[face.of_region("ears"), 1].mean() - bald[scalp, 1]) / 0.05).clamp(0, 1)
    vertices[scalp] += hair * high[:, None] * outwards
    camera = Camera.from_focal(3.4 * size, size, size)
    quats = rotvec_to_quat(torch.tensor([0.0, 1.0, 0.0]) * torch.linspace(-yaw, yaw, num_frames)[:, None])
    positions = torch.tensor([0.0, 0.0, 1.0]).repeat(num_frames, 1)
    part = np.array([PART.get(name, FACE) for name in REGIONS], np.uint8)
    painted = COLOURS | ({"ears": COLOURS["scalp"]} if hair_over_ears else {})
    colours = np.array([painted.get(name, SKIN) for name in REGIONS])
    spotted, skin = np.zeros(len(vertices)), face.of_region("face", "lips", "lids").numpy()
    spotted[skin] = freckles * (2 * np.random.default_rng(4).random(len(skin)) - 1)
    with CaptureWriter(folder) as writer:
        for t in range(num_frames):
            placed = vertices @ quat_to_rotmat(quats[t]).T + positions[t]
            region, there, spots = _seen(placed, face, camera, spotted)
            labels = np.where(there, part[region], BACKGROUND).astype(np.uint8)
            picture = np.where(there[..., None], colours[region] * (1 + spots[..., None]), 0.6).clip(0, 1)
            writer.write_image(t, (255 * picture).astype(np.uint8))
            writer.write_alpha(t, (255 * (labels != BACKGROUND)).astype(np.uint8))
            writer.write_labels(t, labels)
        info = CaptureInfo(
            fps=25.0,
            num_frames=num_frames,
            width=size,
            height=size,
            K=camera.K.tolist(),
            num_train=num_frames,
            source={"name": "bust", "fps": 25.0, "width": size, "height": size, "crop": [0, 0, size]},
            has_audio=False,
            audio_offset=0.0,
            code=list(CODE),
        )
        landmarks = face.landmarks(bald)
        landmarks[:NUM_MESH, 2] += astray * read_offsets()[:, 2].float()
        pose = Pose(quats=quats, positions=positions)
        motion = Motion(
            fps=25.0,
            head=pose,
            torso=pose,
            units=torch.zeros(num_frames, len(UNITS)),
            gaze=torch.zeros(num_frames, 2),
            residual=torch.zeros(num_frames, len(CODE)),
        )
        tensors = {
            "landmarks": torch.zeros(num_frames, 478, 2),
            **motion.tensors(),
            **make_code_map().tensors(),
            "shape": landmarks,
            "basis": 1e-4 * torch.ones(len(CODE), 478, 3),
            "triangles": torch.zeros(1, 3, dtype=torch.int32),
            "reprojection": torch.zeros(num_frames),
            "tracked": torch.ones(num_frames, dtype=torch.uint8),
        }
        writer.finish(info, tensors, background=np.full((size, size, 3), 153, np.uint8), audio=None)
    return Bust(capture=Capture.load(folder), vertices=vertices, face=face)


def _seen(
    placed: Tensor, face: FaceModel, camera: Camera, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The region ``[H, W]`` that each pixel shows of a placed head, where there is one, and the vertices' values."""
    mesh = ScreenMesh(placed.double().numpy(), face.triangles.numpy(), camera)
    everywhere = np.ones((camera.height, camera.width), bool)
    nearest = mesh.nearest(0.5, 0.5, mesh.touching(everywhere), everywhere).reshape(everywhere.shape)
    row, column = np.nonzero(nearest >= 0)
    triangle, weights, _ = mesh.look_up(nearest[row, column], column + 0.5, row + 0.5)
    corners = face.triangles.numpy()[triangle]
    region, shown = np.zeros(everywhere.shape, int), np.zeros(everywhere.shape)
    region[row, column] = face.regions.numpy()[np.take_along_axis(corners, weights.argmax(1)[:, None], 1)[:, 0]]
    shown[row, column] = (values[corners] * weights).sum(1)
    return region, nearest >= 0, shown
