"""Where an exported head stands and which way is up: one rigid move of the world, the same in every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from ..head import rotate_sh1
from ..transforms import quat_multiply, rotmat_to_quat

if TYPE_CHECKING:
    from ..camera import Camera
    from ..gaussians import Gaussians
    from ..io.baked import Baked
    from ..motion import Pose
    from .material import Up

AXES: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "camera": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "y": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "z": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}
"""Rows of the rotation from our world (+x to the picture's right, +y down, +z away from the camera)."""


@dataclass(frozen=True, kw_only=True)
class Placing:
    """World points ``x`` go to ``rotation @ (x - origin)``."""

    rotation: Tensor
    """``[3, 3]``."""
    origin: Tensor
    """``[3]`` metres."""

    @property
    def moves(self) -> bool:
        """False where everything stays as it is."""
        return not (torch.equal(self.rotation, torch.eye(3)) and torch.equal(self.origin, torch.zeros(3)))

    def points(self, points: Tensor) -> Tensor:
        """Points ``[..., 3]`` moved."""
        return (points - self.origin) @ self.rotation.T if self.moves else points

    def gaussians(self, gaussians: Gaussians) -> Gaussians:
        """N Gaussians moved, SH colours of degree 0 or 1 with them."""
        if not self.moves:
            return gaussians
        sh = gaussians.colors
        return replace(
            gaussians,
            means=self.points(gaussians.means),
            quats=quat_multiply(rotmat_to_quat(self.rotation), gaussians.quats),
            colors=torch.cat([sh[:, :1], rotate_sh1(sh[:, 1:], self.rotation)], 1),
        )

    def pose(self, pose: Pose) -> Pose:
        """``T_world_something`` moved."""
        if not self.moves:
            return pose
        return replace(
            pose,
            quats=quat_multiply(rotmat_to_quat(self.rotation), pose.quats),
            positions=self.points(pose.positions),
        )

    def camera(self, camera: Camera) -> Camera:
        """The camera that sees the moved world as this one sees the world."""
        back = torch.eye(4)
        back[:3, :3], back[:3, 3] = self.rotation.T, self.origin
        return camera.with_view(camera.viewmat @ back) if self.moves else camera

    def baked(self, baked: Baked) -> Baked:
        """A baked sequence moved: poses, recording camera and centre."""
        from ..camera import Camera
        from ..motion import Pose

        if not self.moves:
            return baked
        poses = torch.from_numpy(baked.tensors["poses"])
        bones = [self.pose(Pose(quats=part[:, :4], positions=part[:, 4:])) for part in poses.split(7, 1)]
        camera = dict(baked.header["camera"])
        size = {"width": camera["width"], "height": camera["height"]}
        seen = Camera(viewmat=torch.tensor(camera["viewmat"]).view(4, 4), K=torch.eye(3), **size)
        camera["viewmat"] = self.camera(seen).viewmat.flatten().tolist()
        moved = torch.cat([numbers for bone in bones for numbers in (bone.quats, bone.positions)], 1)
        centre = self.points(torch.tensor(baked.header["centre"])).tolist()
        return replace(
            baked,
            header={**baked.header, "camera": camera, "centre": centre},
            tensors={**baked.tensors, "poses": moved.numpy()},
        )


def placing(own: Literal["down", "up"], up: Up, origin: Tensor | None) -> Placing:
    """How the world moves before a format writes it.

    Args:
        own: which way +y points in this format's files.
        up: what is to point up in the file.
        origin: ``[3]`` what becomes the origin; None for what was the origin, the recording camera.
    """
    by_itself = torch.tensor(AXES["y" if own == "up" else "camera"], dtype=torch.float32)
    wanted = by_itself if up == "format" else torch.tensor(AXES[up], dtype=torch.float32)
    return Placing(rotation=by_itself.T @ wanted, origin=torch.zeros(3) if origin is None else origin)
