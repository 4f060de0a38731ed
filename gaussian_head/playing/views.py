"""Between the browser's orbit camera and the toolkit's Camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..camera import Camera
from ..checks import InputError
from ..head import PARTS, Head
from ..rendering import orbit_view
from ..rendering.ends import rest_moment
from ..transforms import pose_to_matrix, rigid_inverse, rotmat_to_quat

PRESETS = {
    "Front": (0.0, 0.0),
    "¾ left": (-35.0, 0.0),
    "¾ right": (35.0, 0.0),
    "Side left": (-60.0, 0.0),
    "Side right": (60.0, 0.0),
    "Above": (0.0, -25.0),
}
"""Yaw and pitch in degrees of the cameras offered as buttons."""
REACH_DEG = (60.0, 25.0)
"""Yaw and pitch either way at which a drag ends: further round a head is more guess than recording."""
NEAREST, FARTHEST = 0.35, 2.5
"""Multiples of the recording's distance between which a browser's camera may stand."""


HEAD_WIDTH = 1.3
"""Widths of the head that the narrowest picture shows at the start."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A browser's camera."""

    wxyz: tuple[float, float, float, float]
    """Rotation from camera to world; the camera looks along +z with +y down."""
    position: tuple[float, float, float]
    """Camera centre in the world, metres."""
    fov: float
    """Vertical field of view, radians."""
    aspect: float
    """Width of the canvas over its height."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where to put a browser's camera."""

    position: np.ndarray
    """``[3]`` camera centre, metres."""
    look_at: np.ndarray
    """``[3]`` the point that dragging turns about, metres."""
    fov: float
    """Vertical field of view, radians."""


def recorded_fov(head: Head) -> float:
    """Vertical field of view of the recording camera, radians."""
    return 2 * math.atan(head.camera.height / 2 / float(head.camera.K[1, 1]))


def fitted_fov(head: Head, aspect: float, width: float) -> float:
    """Vertical field of view at which a picture shows the recorded height, or more where the head would not fit.

    Args:
        head: the person.
        aspect: width of the picture over its height.
        width: that of the head, as ``head_width`` finds it.
    """
    half = math.tan(recorded_fov(head) / 2)
    needed = min(HEAD_WIDTH * width, head.camera.width / head.camera.height)
    return 2 * math.atan(half * max(1.0, needed / max(aspect, 0.1)))


def head_width(head: Head) -> float:
    """Width of the resting head in the recording over the picture's height."""
    gaussians, camera = head.gaussians_at(rest_moment(head)), head.camera
    face = gaussians.means[head.parts == PARTS.index("face")]
    local = face @ camera.viewmat[:3, :3].T + camera.viewmat[:3, 3]
    x = local[:, 0] / local[:, 2].clamp(min=1e-6) * camera.K[0, 0] / camera.height
    return float(x.quantile(0.98) - x.quantile(0.02)) if len(x) else 0.5


def placement(head: Head, yaw_deg: float = 0.0, pitch_deg: float = 0.0, distance: float = 1.0) -> Placement:
    """The recording camera turned about the head and moved to a multiple of its distance."""
    camera = orbit_view(head, math.radians(yaw_deg), math.radians(pitch_deg))
    forward = camera.viewmat[2, :3]
    position = head.centre + (camera.position - head.centre) * distance
    look_at = position + forward * ((head.centre - position) @ forward)
    return Placement(position=position.numpy(), look_at=look_at.numpy(), fov=recorded_fov(head))


def turned_view(
    head: Head, yaw_deg: float = 0.0, pitch_deg: float = 0.0, distance: float = 1.0, *, aspect: float
) -> View:
    """`placement`, within REACH_DEG and between NEAREST and FARTHEST, as the View of a browser of this aspect.

    Raises:
        InputError: a number that is not finite.
    """
    for name, value in (("yaw", yaw_deg), ("pitch", pitch_deg), ("distance", distance)):
        if not math.isfinite(value):
            raise InputError(f"{name} is {value}; a finite number was wanted.")
    yaw, pitch = (min(max(x, -reach), reach) for x, reach in zip((yaw_deg, pitch_deg), REACH_DEG, strict=True))
    put = placement(head, yaw, pitch, min(max(distance, NEAREST), FARTHEST))
    to_world = orbit_view(head, math.radians(yaw), math.radians(pitch)).viewmat[:3, :3].T
    w, x, y, z = rotmat_to_quat(to_world).tolist()
    px, py, pz = put.position.tolist()
    return View(wxyz=(w, x, y, z), position=(px, py, pz), fov=put.fov, aspect=aspect)


def view_of(camera: Camera) -> View:
    """Where a browser's camera has to stand to see what a recorded one saw."""
    to_world = rigid_inverse(camera.viewmat)
    return View(
        wxyz=tuple(rotmat_to_quat(to_world[:3, :3]).tolist()),
        position=tuple(to_world[:3, 3].tolist()),
        fov=2 * math.atan(camera.height / 2 / float(camera.K[1, 1])),
        aspect=camera.width / camera.height,
    )


def camera_of(view: View, head: Head, height: int, *, centred: bool = False) -> Camera:
    """The Camera of a browser's view at ``height`` pixels; its principal point is shifted as the recording's is.

    Sizes are even, as video wants them. ``centred`` leaves the principal point in the middle, as browsers have it.
    """
    height = max(height // 2 * 2, 16)
    aspect = min(max(view.aspect, 0.25), 4.0)
    width = max(round(height * aspect / 2) * 2, 16)
    focal = height / 2 / math.tan(min(max(view.fov, 0.02), 2.8) / 2)
    zoom = focal / float(head.camera.K[1, 1])
    cx = width / 2 + (float(head.camera.K[0, 2]) - head.camera.width / 2) * zoom
    cy = height / 2 + (float(head.camera.K[1, 2]) - head.camera.height / 2) * zoom
    if centred:
        cx, cy = width / 2, height / 2
    to_world = pose_to_matrix(torch.tensor(view.wxyz).float(), torch.tensor(view.position).float())
    return Camera.from_focal(focal, width, height, cx, cy).with_view(rigid_inverse(to_world))


def bearing(view: View, head: Head) -> tuple[float, float, float]:
    """Yaw and pitch in degrees that ``placement`` needs to stand where ``view`` does, and its relative distance."""
    centre, home = head.centre.double(), head.camera.position.double()
    away, away0 = torch.tensor(view.position).double() - centre, home - centre
    distance = float(away.norm() / away0.norm())
    x, y, z = (away / away.norm().clamp(min=1e-9)).tolist()
    x0, y0, z0 = (away0 / away0.norm()).tolist()
    across, phase = math.hypot(x0, z0), math.atan2(z0, x0)
    reach = math.acos(min(max(x / max(across, 1e-9), -1.0), 1.0))
    found = []
    for yaw in (reach - phase, -reach - phase):
        depth = math.sin(yaw) * x0 + math.cos(yaw) * z0
        pitch = math.atan2(depth, y0) - math.atan2(z, y)
        found.append((_wrapped(yaw), _wrapped(pitch)))
    yaw, pitch = min(found, key=lambda angles: abs(angles[1]))
    return math.degrees(yaw), math.degrees(pitch), distance


def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
