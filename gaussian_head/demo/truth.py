"""What is known exactly about a demo clip: the mesh, its motion and its camera, on disk as one npz."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from ..camera import Camera
from ..checks import InputError, require_file
from ..durable import replacing
from .subject import CHANNELS, Subject

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class DemoTruth:
    """A subject and T frames of its motion, T_world_head and T_world_torso as rotation and translation."""

    subject: Subject
    """The mesh."""
    fps: float
    """Frames per second."""
    K: np.ndarray
    """``[3, 3]`` intrinsics of the recording camera, which stands at the world's origin."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    plate: np.ndarray
    """``[height, width, 3]`` u8 background picture."""
    head_rotations: np.ndarray
    """``[T, 3, 3]``."""
    head_positions: np.ndarray
    """``[T, 3]`` metres."""
    torso_rotations: np.ndarray
    """``[T, 3, 3]``."""
    torso_positions: np.ndarray
    """``[T, 3]`` metres."""
    channels: np.ndarray
    """``[T, B]`` values of CHANNELS."""
    loudness: np.ndarray
    """``[T]`` amplitude the voice was given, 0 in silence."""

    def __len__(self) -> int:
        return len(self.head_rotations)

    @property
    def camera(self) -> Camera:
        """The recording camera."""
        return Camera(viewmat=torch.eye(4), K=torch.tensor(self.K), width=self.width, height=self.height)

    def channel(self, name: str) -> np.ndarray:
        """One motion channel ``[T]``."""
        return self.channels[:, CHANNELS.index(name)]

    def head_vertices(self, t: int) -> np.ndarray:
        """Vertices ``[V, 3]`` of frame ``t`` in the head frame, metres; the first 478 are landmarks."""
        return self.subject.rest + np.tensordot(self.channels[t], self.subject.basis, 1)

    def vertices(self, t: int) -> np.ndarray:
        """Vertices ``[V, 3]`` of frame ``t`` in the world, metres."""
        local = self.head_vertices(t)
        weight = self.subject.head_weight[:, None]
        head = local @ self.head_rotations[t].T + self.head_positions[t]
        torso = local @ self.torso_rotations[t].T + self.torso_positions[t]
        return (weight * head + (1 - weight) * torso).astype(np.float32)

    def landmarks(self, t: int) -> np.ndarray:
        """Landmarks ``[478, 2]`` of frame ``t`` in pixels of the recording camera."""
        points = self.vertices(t)[:478] @ self.K.T
        return points[:, :2] / points[:, 2:]

    def mouth_opening(self) -> np.ndarray:
        """Gap between the inner lips over the distance of the outer eye corners, ``[T]``."""
        points = np.stack([self.head_vertices(t)[[13, 14, 33, 263]] for t in range(len(self))])
        return np.linalg.norm(points[:, 1] - points[:, 0], axis=-1) / np.linalg.norm(
            points[:, 3] - points[:, 2], axis=-1
        )

    def save(self, path: str | Path) -> None:
        """Write everything to one compressed npz."""
        own = {k: v for k, v in self.__dict__.items() if k != "subject"}
        subject = {f"subject_{k}": v for k, v in asdict(self.subject).items()}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, version=VERSION, **own, **subject)

    @staticmethod
    def load(path: str | Path) -> DemoTruth:
        """Read a file written by ``save``; InputError where it is none."""
        path = require_file(path, "truth")
        try:
            with np.load(path) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise InputError(f"truth {path} is no npz written by make_demo_clip; make the clip again.") from error
        if arrays.pop("version", None) != VERSION:
            raise InputError(f"truth {path} is not of version {VERSION}; make the clip again.")
        subject = {name[8:]: arrays.pop(name) for name in list(arrays) if name.startswith("subject_")}
        for name, kind in (("fps", float), ("width", int), ("height", int)):
            arrays[name] = kind(arrays[name])
        return DemoTruth(subject=Subject(**subject), **arrays)
