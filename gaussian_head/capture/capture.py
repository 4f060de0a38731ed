"""Reading a capture folder."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError, read_json, require_file, require_shapes
from ..conventions import SAMPLE_RATE
from ..media import read_audio, read_image
from ..motion import CONTROLS, CodeMap, Motion, MotionFrame, basis_identity
from ..transforms import quat_to_rotmat
from . import layout
from ._cache import ByteCache
from .layout import CaptureInfo
from .splits import SPLITS, Split, turned_rows

MOVES = ("head_quats", "head_positions", "torso_quats", "torso_positions", "units", "gaze", "residual")
"""Arrays of the motion, all finite."""
CACHE_BYTES = 512 * 2**20
"""Of frames that an open capture keeps in memory."""
_MAP = ("code_weights", "code_bias", "code_bounds")


@dataclass(frozen=True, kw_only=True)
class CaptureFrame:
    """One frame's pictures."""

    image: np.ndarray
    """``[H, W, 3]`` u8 RGB."""
    labels: np.ndarray
    """``[H, W]`` u8 part labels (see `layout`)."""
    alpha: np.ndarray
    """``[H, W]`` u8 person matte, 255 inside."""

    @property
    def nbytes(self) -> int:
        """Bytes of the three pictures."""
        return self.image.nbytes + self.labels.nbytes + self.alpha.nbytes


@dataclass(frozen=True, kw_only=True)
class FaceShape:
    """The tracked person's face: a neutral mesh and how the inner code moves it."""

    vertices: Tensor
    """``[L, 3]`` f32 neutral vertices in the head frame, metres."""
    basis: Tensor
    """``[K, L, 3]`` f32 metres per unit of the code."""
    triangles: Tensor
    """``[F, 3]`` int64 vertex indices, counter-clockwise seen from outside."""
    code_map: CodeMap
    """From units and gaze to the code."""

    def posed(self, code: Tensor) -> Tensor:
        """Head-frame vertices ``[..., L, 3]`` of codes ``[..., K]``."""
        return self.vertices + torch.einsum("...k,klc->...lc", code, self.basis)

    def in_world(self, frame: MotionFrame) -> Tensor:
        """World vertices ``[L, 3]`` at one moment, metres."""
        return self.posed(self.code_map.code(frame)) @ quat_to_rotmat(frame.head.quats).T + frame.head.positions


class Capture:
    """A capture folder: small arrays in memory, frames read when asked for.

    Make one with `Capture.load`. Frames are cached up to ``cache_bytes``; all methods may be
    called from several threads. Arrays of a CaptureFrame are shared: do not write into them.
    """

    def __init__(self, path: Path, info: CaptureInfo, tensors: dict[str, Tensor], cache_bytes: int) -> None:
        self.path = path
        self.info = info
        self.split: Split = "tail"
        self._tensors = tensors
        self._cache: ByteCache[CaptureFrame] = ByteCache(cache_bytes, lambda frame: frame.nbytes)

    @staticmethod
    def load(path: str | Path, *, cache_bytes: int = CACHE_BYTES) -> Capture:
        """Open a capture folder.

        Args:
            path: Folder that tracking wrote.
            cache_bytes: Most memory that cached frames may take, bytes.

        Raises:
            InputError: not a capture, another version, or files missing or damaged.
        """
        path = Path(path)
        if not path.is_dir():
            raise InputError(f"capture {path} is not a folder; give the folder that `gaussian-head track` wrote.")
        if not (path / "capture.json").exists():
            raise InputError(
                f"{path} holds no capture (no 'capture.json' inside); give the folder that `gaussian-head track` wrote."
            )
        info = CaptureInfo.read(path / "capture.json")
        tensors = read_tracking(path / "tracking.safetensors", info)
        _require_files(path, info)
        return Capture(path, info, tensors, cache_bytes)

    def __repr__(self) -> str:
        size = f"{self.info.width} x {self.info.height}"
        held = self.num_frames - self.num_train
        return f"Capture({self.path}: {self.num_frames} frames of {size} at {self.fps:g} fps, {held} held out)"

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.info.fps

    @property
    def num_frames(self) -> int:
        """Frames in all."""
        return self.info.num_frames

    @property
    def num_train(self) -> int:
        """The first frame of the last tenth, which tracking learnt nothing from."""
        return self.info.num_train

    @property
    def camera(self) -> Camera:
        """The recording camera: at the world's origin, looking along +z."""
        K = torch.tensor(self.info.K, dtype=torch.float32)
        return Camera(viewmat=torch.eye(4), K=K, width=self.info.width, height=self.info.height)

    @cached_property
    def code_map(self) -> CodeMap:
        """From units and gaze to the inner code of this face."""
        return CodeMap.from_tensors(
            self._tensors, names=self.info.code, basis_id=basis_identity(self._tensors["basis"])
        )

    @cached_property
    def motion(self) -> Motion:
        """The tracked motion of all N frames."""
        return Motion.from_tensors(self._tensors, fps=self.fps, basis_id=self.code_map.basis_id)

    @cached_property
    def code(self) -> Tensor:
        """``[N, K]`` inner code of all frames; names in ``code_map``."""
        return self.code_map.code(self.motion)

    def coded(self, name: str) -> Tensor:
        """``[N]`` one column of ``code``."""
        return self.code[:, self.code_map.index(name)]

    @property
    def shape(self) -> FaceShape:
        """The person's neutral face and how it moves."""
        return FaceShape(
            vertices=self._tensors["shape"],
            basis=self._tensors["basis"],
            triangles=self._tensors["triangles"].long(),
            code_map=self.code_map,
        )

    @property
    def landmarks(self) -> Tensor:
        """``[N, L, 2]`` detected landmarks, pixels."""
        return self._tensors["landmarks"]

    @property
    def reprojection(self) -> Tensor:
        """``[N]`` mean distance of detected and projected landmarks, pixels."""
        return self._tensors["reprojection"]

    @property
    def tracked(self) -> Tensor:
        """``[N]`` bool, True where a face was found."""
        return self._tensors["tracked"].bool()

    def held_out_by(self, split: Split) -> Capture:
        """The same capture with other frames held out (see ``splits.SPLITS``); pictures in memory are shared."""
        if split not in SPLITS:
            raise InputError(f"split {split!r} is unknown; choose one of {', '.join(SPLITS)}.")
        other = copy(self)
        other.split = split
        return other

    @property
    def train_frames(self) -> Tensor:
        """Indices of the frames to train on, bad ones left out, ``[..]`` int64."""
        if self.split == "tail":
            return self._good(0, self.num_train)
        good = self._good(0, self.num_frames)
        return good[~turned_rows(self.motion, good)]

    @property
    def test_frames(self) -> Tensor:
        """Indices of the held-out frames, bad ones left out, ``[..]`` int64."""
        if self.split == "tail":
            return self._good(self.num_train, self.num_frames)
        good = self._good(0, self.num_frames)
        return good[turned_rows(self.motion, good)]

    def _good(self, start: int, stop: int) -> Tensor:
        bad = set(self.info.bad_frames)
        return torch.tensor([t for t in range(start, stop) if t not in bad], dtype=torch.long)

    @property
    def background(self) -> np.ndarray:
        """``[H, W, 3]`` f32 in [0, 1], what stands behind the person."""
        return read_image(self.path / "background.png").astype(np.float32) / 255

    @property
    def report(self) -> dict[str, Any]:
        """The quality report; empty where the folder has none."""
        path = self.path / "report.json"
        report = read_json(path, "quality report") if path.exists() else {}
        return report if isinstance(report, dict) else {}

    def audio(self) -> np.ndarray:
        """Sound ``[S]`` f32 mono at 16 kHz in step with the pictures; InputError where the clip has none."""
        if not self.info.has_audio:
            raise InputError(f"capture {self.path} has no sound; its video has no audio track.")
        return read_audio(self.path / "audio.wav", sample_rate=SAMPLE_RATE)

    def frame(self, t: int) -> CaptureFrame:
        """Pictures of frame ``t`` (0 ≤ t < num_frames), from the cache or the disk."""
        if not 0 <= t < self.num_frames:
            raise IndexError(f"frame {t} was asked of a capture with frames 0 to {self.num_frames - 1}.")
        return self._cache.get(int(t), lambda: self._read_frame(int(t)))

    def _read_frame(self, t: int) -> CaptureFrame:
        frame = CaptureFrame(
            image=read_image(self.path / layout.image_name(t)),
            labels=read_image(self.path / layout.labels_name(t), mode="L"),
            alpha=read_image(self.path / layout.alpha_name(t), mode="L"),
        )
        wanted = (self.info.height, self.info.width)
        for name in ("image", "labels", "alpha"):
            got = getattr(frame, name).shape[:2]
            if got != wanted:
                raise InputError(
                    f"frame {t} of capture {self.path}: {name} is {got}, {wanted} was wanted; track again."
                )
        return frame


def read_tracking(path: Path, info: CaptureInfo) -> dict[str, Tensor]:
    """The arrays of a capture's ``tracking.safetensors``; InputError unless they are those of the clip ``info``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require_file(path, "capture tracking")
    try:
        tensors = {name: t.float() if t.is_floating_point() else t for name, t in load_file(str(path)).items()}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or cut off ({error}); track the video again.") from error
    N, K, U = info.num_frames, len(info.code), len(CONTROLS)
    L = tensors["shape"].shape[0] if "shape" in tensors and tensors["shape"].ndim else 0
    wanted: dict[str, tuple[int | None, ...]] = {"landmarks": (N, L, 2), "reprojection": (N,)}
    wanted |= {"head_quats": (N, 4), "head_positions": (N, 3), "torso_quats": (N, 4), "torso_positions": (N, 3)}
    wanted |= {"shape": (L, 3), "basis": (K, L, 3), "triangles": (None, 3), "tracked": (N,)}
    wanted |= {"units": (N, U - 2), "gaze": (N, 2), "residual": (N, K)}
    wanted |= {"code_weights": (U, K), "code_bias": (K,), "code_bounds": (2, K)}
    try:
        require_shapes(tensors, wanted, str(path))
    except InputError as error:
        raise InputError(f"{error} Track the video again.") from error
    bad = [name for name in wanted if tensors[name].is_floating_point() == (name in ("triangles", "tracked"))]
    bad += [name for name in (*MOVES, *_MAP) if not tensors[name].isfinite().all()]
    corners = tensors["triangles"]
    if not bad and corners.numel() and not (int(corners.min()) >= 0 and int(corners.max()) < L):
        bad = ["triangles"]
    if bad:
        raise InputError(f"{path}: {', '.join(bad)} hold no such numbers as tracking writes; track the video again.")
    return tensors


def _require_files(path: Path, info: CaptureInfo) -> None:
    names = ["background.png", *(["audio.wav"] if info.has_audio else [])]
    for name_of in (layout.image_name, layout.labels_name, layout.alpha_name):
        names += [name_of(t) for t in range(info.num_frames)]
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        shown = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        raise InputError(
            f"capture {path} lacks {len(missing)} files ({shown}); copy it again or track the video again."
        )
