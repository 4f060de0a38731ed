"""Where the head is among cameras: given ones, azimuths in names, or none, and then the faces tell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..capture import camera_name, read_cameras
from ..checks import InputError
from ..motion import Pose
from ..photo.fitting import FittedPhoto
from ..transforms import mean_rotation, pose_to_matrix, quat_to_rotmat, rigid_inverse, rotmat_to_quat

AZIMUTH = re.compile(r"(?:^|[^A-Za-z0-9])(?:az(?:imuth)?|yaw)?[ _]?([+-]?\d{1,3})(?:deg|°)?$", re.IGNORECASE)
"""Ends of file names that say degrees about the head: me_-45, az030, yaw_90deg."""
HEAD_METRES = 0.52
"""Side of the square that is worked on, at the head's distance."""
FEWEST_FACES = 2
DEPTH_TRUST, NEAR_MIDDLE = 0.1, 0.03
"""Trust in how far away a face is, and in the head being in the circle's middle, next to where it lies across."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """All pictures' cameras about one head. The world is the leading picture's camera."""

    cameras: dict[str, Camera]
    """By picture, in pixels of the pictures as they came."""
    head: Pose
    """One moment."""


def given_cameras(folder: Path, names: Sequence[str]) -> dict[str, Camera] | None:
    """Cameras that lie beside the pictures; None where there are none.

    Raises:
        InputError: they are damaged, or lack a picture.
    """
    if not any((folder / name).is_file() for name in ("transforms.json", "images.txt")):
        return None
    cameras = read_cameras(folder)
    missing = [name for name in names if name not in cameras]
    if missing:
        raise InputError(
            f"the cameras in {folder} name {', '.join(sorted(cameras)[:4])} …, but not the pictures "
            f"{', '.join(missing[:4])}; give a camera for each, or take these pictures out."
        )
    return {name: cameras[name] for name in names}


def azimuths(names: Sequence[str]) -> dict[str, float] | None:
    """Radians about the head that all names end in, 0 the front, growing as the camera goes to the subject's left."""
    found = {name: AZIMUTH.search(name) for name in names}
    degrees = {name: float(match[1]) for name, match in found.items() if match}
    if len(degrees) < len(names) or len({value % 360 for value in degrees.values()}) < 3:
        return None
    return {name: math.radians(value) for name, value in degrees.items()}


def place_given(cameras: dict[str, Camera], faces: dict[str, FittedPhoto], leading: str) -> Placed:
    """Given cameras in metres, and the head among them, by the pictures that show a face.

    Raises:
        InputError: fewer than two do, or they contradict the cameras.
    """
    if len(faces) < FEWEST_FACES:
        raise InputError(f"{len(faces)} of the pictures show the face well; {FEWEST_FACES} at least were wanted.")
    turns = [_turn(cameras[n]).T @ quat_to_rotmat(f.pose.quats).double() for n, f in faces.items()]
    turn = mean_rotation(torch.stack(turns))
    off = [math.degrees(math.acos(max(-1.0, min(1.0, (float((t @ turn.T).trace()) - 1) / 2)))) for t in turns]
    if np.median(off) > 25:
        raise InputError(
            f"the cameras contradict the faces: heads turn {np.median(off):.0f} degrees otherwise than they say. "
            "transform_matrix is camera to world with +y up and -z ahead."
        )
    rows = torch.cat([torch.cat([_turn(cameras[n]), _shift(cameras[n])[:, None]], 1) for n in faces])
    seen = torch.cat([f.pose.positions.double() for f in faces.values()])
    solved = torch.linalg.lstsq(rows, seen[:, None]).solution[:, 0]
    centre, metres = solved[:3], solved[3]
    if not metres > 0:
        raise InputError("the cameras contradict the faces: they look away from the head; check their axes.")
    placed = {}
    for name, camera in cameras.items():
        view = camera.viewmat.double().clone()
        view[:3, 3] *= metres
        placed[name] = camera.with_view(view)
    home = rigid_inverse(placed[leading].viewmat)
    lead = placed[leading].viewmat
    head = Pose(
        quats=rotmat_to_quat(lead[:3, :3] @ turn).float(), positions=(lead[:3, :3] @ centre + lead[:3, 3]).float()
    )
    return Placed(cameras={n: c.with_view((c.viewmat @ home).float()) for n, c in placed.items()}, head=head)


def place_about(
    angles: dict[str, float],
    sizes: dict[str, tuple[int, int]],
    faces: dict[str, FittedPhoto],
    leading: str,
    scales: dict[str, float],
) -> Placed:
    """Cameras on a level circle, all as far away and with the same lens; the faces tell the circle's middle.

    What a face tells surely is where it lies across the picture, in metres, and its size; how near the camera was is
    hardly told by one. So the lens is the mean of all, and distances follow from it.

    Args:
        angles: radians about the head by picture.
        sizes: width and height of the pictures, pixels.
        faces: those that were fitted, the leading one among them.
        leading: picture whose camera is the world.
        scales: pixels of the fitted squares over the pictures' own.
    """
    focal = math.exp(float(np.mean([math.log(face.focal / scales[name]) for name, face in faces.items()])))
    turns = {name: _about(angle - angles[leading]) for name, angle in angles.items()}
    rows, told = (
        [torch.cat([torch.eye(3).double(), -torch.eye(3).double()], 1) * NEAR_MIDDLE],
        [torch.zeros(3).double()],
    )
    for name, face in faces.items():
        seen = face.pose.positions.double().clone()
        seen[2] *= focal * scales[name] / face.focal
        weight = torch.tensor([1.0, 1.0, DEPTH_TRUST]).double()
        both = torch.cat([turns[name], torch.eye(3).double() - turns[name]], 1)
        rows.append(weight[:, None] * both)
        told.append(weight * seen)
    solved = torch.linalg.lstsq(torch.cat(rows), torch.cat(told)[:, None]).solution[:, 0]
    centre, cameras = solved[3:], {}
    for name, turn in turns.items():
        view = torch.eye(4).double()
        view[:3, :3], view[:3, 3] = turn, centre - turn @ centre
        cameras[name] = Camera.from_focal(focal, *sizes[name]).with_view(view.float())
    turned = mean_rotation(
        torch.stack([turns[n].T @ quat_to_rotmat(face.pose.quats).double() for n, face in faces.items()])
    )
    return Placed(cameras=cameras, head=Pose(quats=rotmat_to_quat(turned).float(), positions=solved[:3].float()))


def _about(angle: float) -> Tensor:
    """Rotation ``[3, 3]`` f64 of a camera that goes round by radians."""
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]).double()


def place_by_faces(
    faces: dict[str, FittedPhoto], sizes: dict[str, tuple[int, int]], scales: dict[str, float], leading: str
) -> Placed:
    """Cameras from the pose of the head in each picture alone."""
    lead = faces[leading].pose
    at = pose_to_matrix(lead.quats.double(), lead.positions.double())
    cameras = {}
    for name, face in faces.items():
        seen = pose_to_matrix(face.pose.quats.double(), face.pose.positions.double())
        camera = Camera.from_focal(face.focal / scales[name], *sizes[name])
        cameras[name] = camera.with_view((seen @ rigid_inverse(at)).float())
    return Placed(cameras=cameras, head=lead)


def squared(camera: Camera, head: Pose) -> tuple[int, int, int]:
    """Left, top and side of the square around the head in a camera's picture, inside it where that is wide enough."""
    x, y = camera.project(head.positions).tolist()
    depth = float(camera.viewmat[2, :3] @ head.positions + camera.viewmat[2, 3])
    side = int(min(camera.width, camera.height, max(HEAD_METRES * float(camera.K[0, 0]) / depth, 32)))
    left = int(np.clip(round(x - side / 2), 0, camera.width - side))
    top = int(np.clip(round(y - 0.45 * side), 0, camera.height - side))
    return left, top, side


def cropped(camera: Camera, square: tuple[int, int, int], size: int) -> Camera:
    """The camera of a square scaled to ``size`` pixels."""
    left, top, side = square
    K = camera.K.clone()
    K[0, 2] -= left
    K[1, 2] -= top
    K[:2] *= size / side
    return Camera(viewmat=camera.viewmat, K=K, width=size, height=size)


def name_of(path: Path) -> str:
    """What a picture is called."""
    return camera_name(path.name)


def _turn(camera: Camera) -> Tensor:
    return camera.viewmat[:3, :3].double()


def _shift(camera: Camera) -> Tensor:
    return camera.viewmat[:3, 3].double()
