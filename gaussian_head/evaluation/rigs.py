"""How well cameras, clocks and faces were told of films whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..capture import Capture, CaptureView, views_of
from ..demo.population import PersonTruth
from ..demo.rig import Rig
from ..face import FaceModel
from ..facenet import NUM_MESH
from ..similarity import Similarity, fit_similarity
from ..transforms import quat_to_rotmat, quat_to_rotvec, rotmat_to_quat

FRAMES = 20
"""Moments of the leading clip that are compared."""


@dataclass(frozen=True, kw_only=True)
class CameraScores:
    """One camera as found against where it stood, one similarity of the whole world apart."""

    clock_ms: float
    """Largest error of the moments of its frames."""
    pixels: float
    """Mean distance of true points of the face as seen by the found and the true camera, pixels of its film."""
    turned_deg: float
    """Between them."""
    focal_ratio: float
    """Found over true."""


@dataclass(frozen=True, kw_only=True)
class RigScores:
    """All cameras, and the face that they told."""

    geometry_mm: float
    """Mean distance of the face's 468 landmarks in space over time, one similarity apart."""
    cameras: dict[str, CameraScores]
    """By name; the leading one too."""


def score_rig(capture: Capture, rig: Rig) -> RigScores:
    """Compare a capture of several cameras with what they filmed."""
    frames = torch.linspace(0, capture.num_frames - 1, FRAMES).round().long()
    true, ours = _true_points(rig.truth, frames), _points(capture, frames)
    place = fit_similarity(ours.flatten(0, 1), true.flatten(0, 1))
    seen = (true - place.translation) @ place.rotation / place.scale
    found = {view.name: view for view in views_of(capture)}
    known = {video.stem: camera for video, camera in zip(rig.videos, rig.truth.cameras, strict=True)}
    return RigScores(
        geometry_mm=1000 * float((place.apply(ours) - true).norm(dim=-1).mean()),
        cameras={
            name: _camera(view, known[name], seen, true, place, _late(view, name, rig)) for name, view in found.items()
        },
    )


def cut(picture: np.ndarray, capture: Capture) -> np.ndarray:
    """The square of a film's picture that its capture works on."""
    from ..media import resize_image

    left, top, side = capture.info.source["crop"]
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    return resize_image(square, capture.info.width, capture.info.height)


def _late(view: CaptureView, name: str, rig: Rig) -> float:
    """Largest error of a camera's moments, seconds."""
    said = next((camera for camera in rig.cameras if camera.name == name), None)
    if said is None:
        return 0.0
    at = torch.arange(view.capture.num_frames) / view.capture.fps
    true = said.offset + (1 + said.drift) * at
    return float((view.moments / view.leader.fps - true).abs().max())


def _true_points(truth: PersonTruth, frames: Tensor) -> Tensor:
    """Landmarks ``[t, 468, 3]`` f64 in the world."""
    model = FaceModel.load()
    points = [model.landmarks(vertices)[:NUM_MESH] for vertices in truth.vertices(frames, model)]
    return torch.stack(points).double()


def _points(capture: Capture, frames: Tensor) -> Tensor:
    shape = capture.shape
    posed = torch.einsum("tk,klc->tlc", capture.code[frames], shape.basis) + shape.vertices
    head = capture.motion.head[frames]
    world = posed @ quat_to_rotmat(head.quats).mT + head.positions[:, None]
    return world[:, :NUM_MESH].double()


def _camera(
    view: CaptureView, true: Camera, seen: Tensor, points: Tensor, place: Similarity, late: float
) -> CameraScores:
    left, top, side = view.capture.info.source["crop"]
    zoom = side / view.capture.info.width
    ours = view.camera.project(seen.float()) * zoom + torch.tensor([left, top])
    turn = view.camera.viewmat[:3, :3].double() @ place.rotation.T @ true.viewmat[:3, :3].double().T
    return CameraScores(
        clock_ms=1000 * late,
        pixels=float((ours - true.project(points.float())).norm(dim=-1).mean()),
        turned_deg=float(torch.rad2deg(quat_to_rotvec(rotmat_to_quat(turn[None]))[0].norm())),
        focal_ratio=float(view.camera.K[0, 0]) * zoom / float(true.K[0, 0]),
    )
