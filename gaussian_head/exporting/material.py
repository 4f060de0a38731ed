"""What a format writes: an actor, what it performs, and which moments of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..checks import InputError

Up = Literal["format", "camera", "y", "z"]
"""What points up in a file: what is usual for its format; the picture's up, which is -y; +y; +z."""

if TYPE_CHECKING:
    from ..actor import Actor
    from ..capture import FaceShape
    from ..gaussians import Gaussians
    from ..head import Head
    from ..io.texture import Texture
    from ..motion import MotionFrame, Performance
    from ..rendering import CameraPath
    from .placing import Placing


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that formats choose from; each takes what it can hold."""

    actor: Actor
    """The person."""
    performance: Performance
    """What moves it, the chosen frames only."""
    frame: int | None = None
    """The one frame of ``performance`` to write; None for none."""
    sequence: bool = False
    """Write all frames, where the format can; otherwise one moment, ``frame`` or the face at rest."""
    camera: str | Path = "orbit"
    """Camera path of the formats that write one, as `rendering.camera_path` takes it."""
    capture: str | Path | None = None
    """Capture with the tracked face; by default the one the head remembers."""
    precision: Literal["int8", "float16", "float32"] = "int8"
    """Numbers of the baked format."""
    up: Up = "format"
    """What points up in the file."""
    centre: bool = False
    """The resting head, between its ears, becomes the origin, in place of the recording camera."""
    axes: Literal["down", "up", ""] = ""
    """Which way +y points in files of the format that is written, as `write_material` says; "" where they have none."""

    @property
    def head(self) -> Head:
        """The Gaussians of the person."""
        return self.actor.head

    @property
    def moment(self) -> MotionFrame:
        """``frame``, or the neutral face at rest.

        Raises:
            InputError: the performance has no such frame.
        """
        from ..rendering.ends import rest_moment

        return rest_moment(self.head) if self.frame is None else self.moments.motion.at(0)

    @property
    def moments(self) -> Performance:
        """The whole performance, or ``frame`` alone as one of a single frame; InputError where it has none such."""
        if self.frame is None:
            return self.performance
        if not 0 <= self.frame < len(self.performance):
            last = len(self.performance) - 1
            raise InputError(f"frame {self.frame} was asked; the motion has frames 0 to {last}.")
        return self.performance.select(slice(self.frame, self.frame + 1))

    @property
    def placing(self) -> Placing:
        """How the world moves before it is written.

        Raises:
            InputError: the format has no axes or origin to choose.
        """
        from .placing import placing

        if not self.axes:
            raise InputError("this format has no axes or origin to choose; leave up and centre out.")
        return placing(self.axes, self.up, self.head.centre if self.centre else None)

    def gaussians_at(self, moment: MotionFrame) -> Gaussians:
        """All Gaussians at one moment as a file holds them: placed, with colours that can be shown from every side."""
        from ..rendering import for_every_side

        return self.placing.gaussians(for_every_side(self.head.gaussians_at(moment), self.head))

    def face(self) -> FaceShape:
        """The tracked face, its eyes closed by triangles whose middle moves with the iris.

        Raises:
            InputError: no capture, or one of another clip.
        """
        import torch

        from ..capture import capture_of
        from ..facenet import eye_triangles

        clip = self.actor.clip
        shape = capture_of(clip.motion, self.capture or clip.capture_path).shape
        eyes = torch.from_numpy(eye_triangles()).to(shape.triangles)
        return replace(shape, triangles=torch.cat([shape.triangles, eyes]))

    def face_texture(self, face: FaceShape) -> Texture:
        """What the resting head looks like, as a texture of the tracked face."""
        from ..rendering import for_every_side
        from ..rendering.ends import rest_moment
        from ..rendering.texture import FACE_VIEWS_DEG, textured

        rest = rest_moment(self.head)
        gaussians = for_every_side(self.head.gaussians_at(rest), self.head)
        return textured(gaussians, face.in_world(rest), face.triangles, self.head, FACE_VIEWS_DEG)

    def cameras(self) -> CameraPath:
        """One camera a frame of the performance."""
        from ..rendering import camera_path

        return camera_path(self.head, self.camera, len(self.performance), fps=self.performance.fps)
