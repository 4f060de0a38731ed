"""How good heads made of photographs are: made-up people seen from all sides, and real clips of one frame of which
a head was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..capture import Capture
from ..demo.population import PersonTruth, draw_person
from ..face import FaceModel
from ..facenet import NUM_MESH, triangles
from ..gaussians import Gaussians
from ..media import Photograph
from ..metrics.image import psnr
from ..metrics.lpips import Lpips
from ..motion import MotionFrame, Pose
from ..photo.building import BuiltHead
from ..photo.fitting import PhotoFit
from ..photo.refining import moment_of
from ..photo.shape import PhotoShape, carried_round, head_share, outer_triangles
from ..photo.view import PhotoView
from ..rendering.frames import render_gaussians
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotmat, rotvec_to_quat

TURNS_DEG = (0, 15, 30, 45, 90, 180)
"""Turns of the cameras that made-up people are seen from, to the side that the head's left eye is on."""
MOUTH_MARGIN = 0.6
"""Room around the lips in the picture that LPIPS looks at, next to their width."""
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 0, 13, 14, 37, 39, 40, 185, 267, 269, 270, 409, 78, 308)


def camera_around(truth: PersonTruth, t: int, turn_deg: float, size: int) -> Camera:
    """The recording camera carried round a made-up person's head."""
    camera, centre = truth.cameras[0].resized(size, size), truth.head_positions[t]
    turn = quat_to_rotmat(rotvec_to_quat(torch.tensor([0.0, float(np.radians(turn_deg)), 0.0])))
    view = torch.eye(4)
    view[:3, :3], view[:3, 3] = turn, centre - turn @ centre
    return camera.with_view(view)


def photograph_of(truth: PersonTruth, t: int, turn_deg: float, size: int) -> Photograph:
    """A made-up person photographed from one side."""
    rgb = draw_person(truth, t, camera_around(truth, t, turn_deg, size))
    return Photograph(rgb=rgb, alpha=None, focal=None, name=f"{turn_deg:g} degrees", notes=())


def seen_around(truth: PersonTruth, t: int, size: int, turns: Sequence[float] = TURNS_DEG) -> dict[float, Tensor]:
    """What a made-up person looks like, ``[size, size, 3]`` f32, by turn."""
    cameras = {turn: camera_around(truth, t, turn, size) for turn in turns}
    return {turn: torch.from_numpy(draw_person(truth, t, camera)).float() / 255 for turn, camera in cameras.items()}


def score_around(
    built: BuiltHead, truth: PersonTruth, photo_deg: float, targets: dict[float, Tensor]
) -> dict[str, float]:
    """PSNR (dB) of whole pictures over the true wall, by turn, against what was ``seen_around``.

    Our camera starts as the fitted one of the first photograph, which was taken at ``photo_deg``, and is carried round
    our own head as the true one is round the true head; nothing of the truth places it.
    """
    photo, view = built.fit.photos[0], built.views[0]
    gaussians = built.actor.head.gaussians_at(moment_of(photo))
    wall = torch.tensor(truth.person.look.background)
    scores = {}
    for turn, target in targets.items():
        whole = Camera.from_focal(photo.focal * view.crop[2] / len(view.image), len(target), len(target))
        seen = render_gaussians(gaussians, carried_round(photo, whole, turn - photo_deg), background=wall)
        scores[f"{turn:g}"] = float(psnr(seen.rgb.clamp(0, 1), target))
    return scores


def score_card(
    view: PhotoView, truth: PersonTruth, t: int, photo_deg: float, targets: dict[float, Tensor]
) -> dict[str, float]:
    """The same of the photograph itself, its person cut out and standing in the air like a card."""
    import cv2

    size = len(next(iter(targets.values())))
    camera = camera_around(truth, t, photo_deg, size)
    left, top, side = view.crop
    scale = len(view.image) / side
    K = camera.K.double().numpy().copy()
    K[:2] *= scale
    K[:2, 2] -= np.array([left, top]) * scale
    place = camera.viewmat.double().numpy()
    middle = place[:3, :3] @ truth.head_positions[t].double().numpy() + place[:3, 3]
    wall = np.array(truth.person.look.background)
    scores = {}
    for turn, true in targets.items():
        there = camera_around(truth, t, turn, size)
        between = there.viewmat.double().numpy() @ np.linalg.inv(place)
        plane = between[:3, :3] + np.outer(between[:3, 3], [0, 0, 1]) / middle[2]
        warp = there.K.double().numpy() @ plane @ np.linalg.inv(K)
        shown = np.repeat(wall[None, None], size, 0).repeat(size, 1)
        if abs(np.linalg.det(plane)) > 0.05:
            flat = np.dstack([view.clean * (view.alpha[..., None] / 255), view.alpha / 255])
            warped = cv2.warpPerspective(flat, warp, (size, size))
            shown = warped[..., :3] + (1 - warped[..., 3:]) * wall
        scores[f"{turn:g}"] = float(psnr(torch.from_numpy(shown), true.double()))
    return scores


def average_shape(fit: PhotoFit, model: FaceModel) -> PhotoShape:
    """The average head, bare, in place of the photographed person's surface."""
    vertices = model.mean.double().numpy()
    return PhotoShape(
        model=model,
        vertices=vertices,
        thickness=np.zeros(len(vertices)),
        triangles=outer_triangles(model),
        head_weights=head_share(model, vertices[:, 1], vertices),
    )


def following(built: BuiltHead, capture: Capture, start: int, t: int) -> MotionFrame:
    """What a photographed head does where its clip goes from the photographed frame ``start`` to frame ``t``."""
    photo, motion = built.fit.photos[0], capture.motion
    focal, ours = float(capture.camera.K[0, 0]), photo.pose
    turned = quat_multiply(motion.head.quats[t], quat_conjugate(motion.head.quats[start]))
    before, now = motion.head.positions[start], motion.head.positions[t]
    z = ours.positions[2] * now[2] / before[2]
    pixels = focal * (now[:2] / now[2] - before[:2] / before[2])
    xy = (ours.positions[:2] / ours.positions[2] + pixels / photo.focal) * z
    head = Pose(quats=quat_multiply(turned, ours.quats), positions=torch.cat([xy, z[None]]))
    units = (photo.units.float() + motion.units[t] - motion.units[start]).clamp(0, 1)
    gaze = photo.gaze.float() + motion.gaze[t] - motion.gaze[start]
    return replace(MotionFrame.neutral(head, head), units=units, gaze=gaze)


def drawn_like(gaussians: Gaussians, built: BuiltHead, whole: np.ndarray) -> np.ndarray:
    """``[H, W, 3]`` u8 by the photograph's camera over its own background.

    Args:
        gaussians: of one moment.
        built: the head.
        whole: ``[H, W, 3]`` u8 photograph, which stands around the square that was cut out.
    """
    import cv2

    photo, (left, top, side) = built.fit.photos[0], built.views[0].crop
    scale, (x, y) = side / len(built.views[0].image), (photo.centre * side / len(built.views[0].image)).tolist()
    camera = Camera.from_focal(photo.focal * scale, whole.shape[1], whole.shape[0], x + left, y + top)
    plate = whole.astype(np.float32) / 255
    plate[top : top + side, left : left + side] = cv2.resize(built.actor.head.background.numpy(), (side, side))
    rgb = render_gaussians(gaussians, camera, background=torch.from_numpy(plate)).rgb
    return (rgb.clamp(0, 1) * 255 + 0.5).byte().numpy()


def carried_marks(built: BuiltHead, marks: np.ndarray, moment: MotionFrame) -> np.ndarray:
    """Landmarks ``[478, 2]`` of a photograph, moved as the parametric head of the fit is moved at a moment.

    What a still warped by them shows is what the motion says that a head is given, and no more.
    """
    model, photo = built.shape.model, built.fit.photos[0]
    side = built.views[0].crop[2] / len(built.views[0].image)
    triangles = model.triangles.numpy()[model.landmark_triangles.numpy()]
    weights = model.landmark_weights.double().numpy()[..., None]

    def seen(units: Tensor, gaze: Tensor, pose: Pose) -> np.ndarray:
        points = (built.shape.expressed(units.double(), gaze.double())[triangles] * weights).sum(1)
        placed = points @ quat_to_rotmat(pose.quats).double().numpy().T + pose.positions.double().numpy()
        return placed[:, :2] / placed[:, 2:] * photo.focal * side

    moved = seen(moment.units, moment.gaze, moment.head) - seen(photo.units, photo.gaze, photo.pose)
    return marks + moved


def warped_still(still: np.ndarray, marks: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """A picture ``[H, W, 3]`` whose face is pulled, triangle by triangle, from landmarks to others, ``[478, 2]``."""
    import cv2

    drawn = still.copy()
    for corners in triangles():
        corners = corners[corners < NUM_MESH]
        source, target = marks[corners].astype(np.float32), wanted[corners].astype(np.float32)
        low = np.floor(target.min(0)).astype(int).clip(0)
        high = (np.ceil(target.max(0)).astype(int) + 1).clip(max=[still.shape[1], still.shape[0]])
        if len(corners) < 3 or (high - low < 1).any():
            continue
        affine = cv2.getAffineTransform(source, target - low.astype(np.float32))
        size = tuple(int(v) for v in high - low)
        piece = cv2.warpAffine(still, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros(size[::-1], np.uint8)
        cv2.fillConvexPoly(mask, np.round(target - low).astype(np.int32), (1,))
        drawn[low[1] : high[1], low[0] : high[0]][mask > 0] = piece[mask > 0]
    return drawn


def mouth_distance(net: Lpips, recorded: np.ndarray, shown: np.ndarray, marks: np.ndarray) -> float:
    """LPIPS of the square around the recorded mouth."""
    lips = marks[list(LIPS)]
    middle, half = lips.mean(0), (0.5 + MOUTH_MARGIN) * np.ptp(lips[:, 0])
    low = np.maximum(np.round(middle - half).astype(int), 0)
    high = np.round(middle + half).astype(int)

    def cut(picture: np.ndarray) -> Tensor:
        return torch.from_numpy(picture[low[1] : high[1], low[0] : high[0]]).float() / 255

    return float(net(cut(recorded), cut(shown)))
