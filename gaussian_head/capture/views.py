"""Other cameras that filmed the same moment: each a capture of its own inside the leading one, and where it stood.

::

    views/NAME/            a capture as any other (see `layout`): that camera's own pictures, masks, plate, frame rate
    views/NAME/view.json   "K" and "viewmat" of that camera, the latter from the leading camera's world to it; a picture
                           taken t seconds into that clip was taken offset + rate * t seconds into the leading one

The person moves as the leading capture says. What tracking found in the other clip alone stays with it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError, read_json, require_number
from ..durable import replacing
from ..motion import Motion
from ..motion.edit import sampled
from ..strict_json import config_from_json
from .capture import Capture

VIEWS, VIEW_FILE = "views", "view.json"
FORMAT, VERSION = "gaussian-head-view", 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")
"""Names that a camera may have: they are folders too."""
MOST_DRIFT = 0.01
"""How far the clocks of two cameras may differ, seconds a second."""


@dataclass(frozen=True, kw_only=True)
class ViewInfo:
    """The contents of view.json."""

    viewmat: list[list[float]]
    """4x4, the leading camera's world to this camera."""
    K: list[list[float]]
    """3x3 pinhole matrix in pixels of this camera's pictures."""
    offset: float
    """Seconds into the leading clip at which this one begins."""
    rate: float = 1.0
    """Seconds of the leading clip in a second of this one."""

    def save(self, folder: str | Path) -> None:
        """Write ``view.json`` into this camera's capture."""
        with replacing(Path(folder) / VIEW_FILE) as temporary:
            said = {"format": FORMAT, "version": VERSION, **asdict(self)}
            temporary.write_text(json.dumps(said, indent=1), encoding="utf-8")

    @staticmethod
    def read(where: Path) -> ViewInfo:
        """Read view.json; InputError on anything but a camera and a clock."""
        values = read_json(where, "description of a camera")
        if not isinstance(values, dict) or (values.pop("format", None), values.pop("version", None)) != (
            FORMAT,
            VERSION,
        ):
            raise InputError(f"{where} is no {FORMAT!r} of version {VERSION}; track the videos again.")
        try:
            info = config_from_json(ViewInfo, values, where="it")
            _require_matrix(info.viewmat, "viewmat", 4)
            _require_matrix(info.K, "K", 3)
            require_number(info.offset, "offset", least=-1e6, most=1e6)
            require_number(info.rate, "rate", least=1 - MOST_DRIFT, most=1 + MOST_DRIFT)
        except InputError as error:
            raise InputError(f"{where}: {error} Track the videos again.") from error
        return info


@dataclass(frozen=True, kw_only=True)
class CaptureView:
    """One camera of a capture."""

    name: str
    """What users call it."""
    capture: Capture
    """Its pictures; frames are numbered as this camera took them."""
    camera: Camera
    """Where it stood in the capture's world, and its lens."""
    moments: Tensor
    """``[N]`` f64, when each of its N frames was taken, in frames of the leading camera."""
    leader: Capture
    """The capture that it belongs to; the same as ``capture`` where this camera leads."""

    @property
    def nearest(self) -> Tensor:
        """``[N]`` int64, the leading camera's frame nearest to each frame."""
        return self.moments.round().long().clamp(0, self.leader.num_frames - 1)

    @cached_property
    def motion(self) -> Motion:
        """What the person did in each of its N frames, in the leading camera's world."""
        return self.moved(self.leader.motion)

    def moved(self, motion: Motion) -> Motion:
        """A motion in step with the leading camera, at each of this one's frames."""
        return motion if self.capture is self.leader else sampled(motion, self.moments)

    @property
    def train_frames(self) -> Tensor:
        """Its frames ``[n]`` to train on: good ones, taken while the leading camera's training frames were."""
        return self._good(self.leader.train_frames, self.leader.num_train)

    @property
    def test_frames(self) -> Tensor:
        """Its good frames ``[n]`` taken while the leading camera's held-out ones were."""
        return self._good(self.leader.test_frames, self.leader.num_frames)

    def _good(self, leading: Tensor, end: int) -> Tensor:
        known = torch.zeros(self.leader.num_frames, dtype=torch.bool)
        known[leading] = True
        inside = (self.moments >= 0) & (self.moments <= end - 1)
        good = inside & known[self.nearest]
        good[[t for t in self.capture.info.bad_frames if t < len(good)]] = False
        return good.nonzero()[:, 0]


def views_of(capture: Capture) -> tuple[CaptureView, ...]:
    """All cameras of a capture, the leading one first; one where only one filmed.

    Raises:
        InputError: a camera's folder is damaged.
    """
    leading = CaptureView(
        name=camera_name(capture.info.source.get("name", "")),
        capture=capture,
        camera=capture.camera,
        moments=torch.arange(capture.num_frames, dtype=torch.float64),
        leader=capture,
    )
    folder = capture.path / VIEWS
    if not folder.is_dir():
        return (leading,)
    return (leading, *(_read(path, capture) for path in sorted(folder.iterdir()) if path.is_dir()))


def camera_name(file: str) -> str:
    """What the camera of a video file is called: the file's name without its ending, plain letters alone."""
    stem = re.sub(r"[^A-Za-z0-9 _.-]", "_", Path(file).stem).lstrip(" _.-")[:64]
    return stem or "camera"


def _read(path: Path, leader: Capture) -> CaptureView:
    info, own = ViewInfo.read(path / VIEW_FILE), Capture.load(path)
    seconds = info.offset + info.rate * torch.arange(own.num_frames, dtype=torch.float64) / own.fps
    return CaptureView(
        name=path.name,
        capture=own,
        camera=Camera(
            viewmat=torch.tensor(info.viewmat, dtype=torch.float32),
            K=torch.tensor(info.K, dtype=torch.float32),
            width=own.info.width,
            height=own.info.height,
        ),
        moments=seconds * leader.fps,
        leader=leader,
    )


def _require_matrix(rows: list[list[float]], name: str, size: int) -> None:
    if [len(row) for row in rows] != [size] * size:
        raise InputError(f"{name} has rows of {[len(row) for row in rows]} numbers; {size} rows of {size} were wanted.")
    for row in rows:
        for number in row:
            require_number(number, f"a number in {name}", least=-1e7, most=1e7)
