"""Pictures of Gaussians in a frame of their own, and which way the head among them looks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..events import Listener, Progress, ignore
from ..facenet import FaceDetector, FaceLandmarks
from ..gaussians import Frame, Gaussians
from ..rendering import render_gaussians

FAINT, SOLID = 0.02, 0.3
"""Opacities up to which a Gaussian is nothing, and from which on it counts for where the head is."""
FEWEST = 2000
"""Gaussians that make a head."""
WIDE = 0.25
"""Standard deviation, in radii of everything, from which on a Gaussian is haze and no part of a head."""
GROUND = (0.62, 0.64, 0.64)
"""What is behind."""
COARSE, FINE = 224, 512
"""Pixels of pictures in which a face is looked for, and in which landmarks are read."""
AWAY, FOCAL = 4.0, 1.75
"""Radii from which everything is looked at, and focal length in sides of the picture."""
SURE, ENOUGH = 0.8, 0.55
"""What the detectors must say to end the search early, and at the end of it."""
ROLLS = 8
"""Ways up that are tried, in a turn."""


@dataclass(frozen=True, kw_only=True)
class Ball:
    """Where most of some Gaussians are."""

    centre: Tensor
    """``[3]``."""
    radius: float
    """Half their extent."""

    @staticmethod
    def of(gaussians: Gaussians) -> Ball:
        """By medians, so that a few far away do not count."""
        solid = gaussians.means[gaussians.opacities > SOLID]
        solid = solid if len(solid) > FEWEST / 2 else gaussians.means
        centre = solid.median(0).values
        return Ball(centre=centre, radius=float((solid - centre).norm(dim=1).quantile(0.85).clamp(min=1e-9)))


def cleaned(gaussians: Gaussians, name: str) -> Gaussians:
    """Gaussians that can be seen; InputError where they are too few for a head."""
    columns = [gaussians.means, gaussians.quats, gaussians.scales, gaussians.opacities[:, None]]
    flat = torch.cat([*columns, gaussians.colors.flatten(1)], 1)
    good = flat.isfinite().all(1) & (gaussians.opacities > FAINT) & (gaussians.quats.norm(dim=1) > 1e-6)
    kept = chosen(gaussians, good)
    if len(kept) < FEWEST:
        raise InputError(f"{name} holds {len(kept)} Gaussians that can be seen; a head takes {FEWEST} or more.")
    return chosen(kept, kept.scales.amax(1) < WIDE * 2 * Ball.of(kept).radius)


def chosen(gaussians: Gaussians, rows: Tensor) -> Gaussians:
    """Some of them, by number or bool."""
    return Gaussians(**{name: value[rows] for name, value in vars(gaussians).items()})


def camera_at(centre: Tensor, distance: float, rotation: Tensor, size: int, focal: float = FOCAL) -> Camera:
    """A camera whose axes are the rows of ``rotation [3, 3]``, ``distance`` before ``centre``, its picture's middle."""
    view = torch.eye(4)
    view[:3, :3] = rotation
    view[:3, 3] = -rotation @ centre + torch.tensor([0.0, 0.0, distance])
    return Camera.from_focal(focal * size, size, size).with_view(view)


def picture(gaussians: Gaussians, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """``[H, W, 3]`` u8 over the ground, and opacity ``[H, W]`` u8."""
    frame: Frame = render_gaussians(gaussians, camera, background=torch.tensor(GROUND))
    return as_bytes(frame.rgb), as_bytes(frame.alpha)


def as_bytes(values: Tensor) -> np.ndarray:
    """Values in [0, 1] as u8."""
    return (values.clamp(0, 1) * 255 + 0.5).byte().numpy()


def turned(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Tensor:
    """Rotation ``[3, 3]`` from a camera to one that stands ``yaw`` and ``pitch`` radians aside, rolled."""
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (yaw, pitch, roll))
    aside = torch.tensor([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    above = torch.tensor([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    about = torch.tensor([[cr, -sr, 0.0], [sr, cr, 0.0], [0.0, 0.0, 1.0]])
    return about @ above @ aside


@dataclass(frozen=True, kw_only=True)
class Facing:
    """A face seen about from the front, about upright."""

    camera: Camera
    """From where, FINE pixels."""
    distance: float
    """From there to the middle of everything."""
    landmarks: np.ndarray
    """``[478, 3]`` in its picture."""


def facing(gaussians: Gaussians, name: str, *, listener: Listener = ignore) -> Facing:
    """Where the face is seen best.

    Ways in which files usually lie come first, then all.

    Raises:
        InputError: no face is seen from anywhere.
    """
    ball, detector = Ball.of(gaussians), FaceDetector(0.4)
    best: list[tuple[float, float, Tensor]] = []
    tried = list(_ways())
    for k, rotation in enumerate(tried):
        for reach in (1.0, 1.8):
            view = camera_at(ball.centre, AWAY * ball.radius * reach, rotation, COARSE)
            best.append((detector.score(picture(gaussians, view)[0]), reach, rotation))
        if k % 12 == 0 or k + 1 == len(tried):
            listener(Progress(stage="looking for the face", done=k + 1, total=len(tried)))
        if k == 23 and max(row[0] for row in best) > SURE:
            break
    best.sort(key=lambda row: -row[0])
    for score, reach, rotation in best[:6]:
        if score < ENOUGH:
            break
        distance = AWAY * ball.radius * reach
        view = camera_at(ball.centre, distance, rotation, FINE)
        found = FaceLandmarks()(picture(gaussians, view)[0])
        if found:
            return Facing(camera=view, distance=distance, landmarks=found[0])
    raise InputError(
        f"no face was found in {name}, from whichever side it was looked at (best {best[0][0]:.2f} of 1); a head with "
        "eyes, nose and mouth was wanted, the largest thing in the file. Cut away what stands around it."
    )


def _ways() -> list[Tensor]:
    """Rotations of a camera: 24 along the axes, then evenly over the sphere, each in so many rolls."""
    axes = [torch.eye(3)[k] * sign for k, sign in product(range(3), (1.0, -1.0))]
    straight = [(forward, down) for forward in axes for down in axes if abs(float(forward @ down)) < 0.5]
    ways = [torch.stack([torch.linalg.cross(down, forward), down, forward]) for forward, down in straight]
    golden = math.pi * (3 - 5**0.5)
    for k in range(40):
        z = 1 - (k + 0.5) / 20
        forward = torch.tensor(
            [math.cos(golden * k) * (1 - z * z) ** 0.5, math.sin(golden * k) * (1 - z * z) ** 0.5, z]
        )
        side = torch.linalg.cross(forward, axes[0] if abs(float(forward[0])) < 0.8 else axes[2])
        right = side / side.norm()
        frame = torch.stack([right, torch.linalg.cross(forward, right), forward])
        ways += [turned(0.0, roll=2 * math.pi * r / ROLLS) @ frame for r in range(ROLLS)]
    return ways


def moved(gaussians: Gaussians, rotation: Tensor, position: Tensor, scale: float) -> Gaussians:
    """Gaussians at ``scale * rotation @ x + position``, colours of SH degree 0 or 1 turned along."""
    from ..head.branch import rotate_sh1
    from ..transforms import quat_multiply, quat_normalize, rotmat_to_quat

    turn = rotmat_to_quat(rotation[None])
    colors = gaussians.colors
    if colors.ndim == 3:
        colors = colors[:, : 4 if colors.shape[1] >= 4 else 1]
        colors = torch.cat([colors[:, :1], rotate_sh1(colors[:, 1:], rotation)], 1)
    return replace(
        gaussians,
        means=scale * gaussians.means @ rotation.T + position,
        quats=quat_multiply(turn.expand(len(gaussians), 4), quat_normalize(gaussians.quats)),
        scales=scale * gaussians.scales,
        colors=colors,
    )
