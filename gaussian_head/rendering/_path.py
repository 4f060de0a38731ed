"""A camera for every frame, made when asked for, so that a path may be of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from ..camera import Camera


@dataclass(frozen=True)
class CameraPath(Sequence[Camera]):
    """T cameras that are made when asked for."""

    num_frames: int
    """T."""
    view: Callable[[int], Camera]
    """Camera of frame ``t``, 0 <= t < T."""

    def __len__(self) -> int:
        return self.num_frames

    @overload
    def __getitem__(self, t: int) -> Camera: ...
    @overload
    def __getitem__(self, t: slice) -> CameraPath: ...
    def __getitem__(self, t: int | slice) -> Camera | CameraPath:
        frames = range(self.num_frames)[t]
        if isinstance(frames, range):
            return CameraPath(len(frames), lambda k: self.view(frames[k]))
        return self.view(frames)

    def map(self, change: Callable[[Camera], Camera]) -> CameraPath:
        """The same path with every camera changed."""
        return CameraPath(self.num_frames, lambda t: change(self.view(t)))
