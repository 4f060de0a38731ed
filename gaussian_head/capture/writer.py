"""Writing a capture folder frame by frame; it appears only when complete."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor

from ..checkpoint import save_tensors
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ..media import read_image, write_audio, write_image
from . import layout
from .layout import UNITS_FILE, CaptureInfo

OWN = {
    *("images", "labels", "alpha", "tracking.safetensors", "background.png"),
    *("audio.wav", "capture.json", "report.json", "report.png", UNITS_FILE),
    *("views", "view.json"),
}
"""What lies in a capture's folder."""


class CaptureWriter:
    """Context manager that fills a hidden sibling of ``path`` and renames it at `finish`.

    Leaving the ``with`` block without `finish`, by an error or not, leaves nothing behind and an
    older capture at ``path`` untouched. Frames may be written in any order and from several threads.
    InputError where ``path`` holds anything that would be lost: an older capture may be, with ``overwrite``.
    """

    def __init__(self, path: str | Path, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._overwrite = overwrite
        self._stack = ExitStack()
        self._finished = False

    def __enter__(self) -> CaptureWriter:
        require_place(self.path, overwrite=self._overwrite)
        self.folder = self._stack.enter_context(replacing(self.path, folder=True))
        for name in ("images", "labels", "alpha"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._finished:
            kind, error = _Unfinished, _Unfinished()
        self._stack.__exit__(kind, error, trace)

    def write_image(self, t: int, image: np.ndarray) -> None:
        """Frame ``t``'s picture, u8 ``[H, W, 3]`` RGB."""
        write_image(self.folder / layout.image_name(t), image)

    def write_alpha(self, t: int, alpha: np.ndarray) -> None:
        """Frame ``t``'s matte, u8 ``[H, W]``."""
        write_image(self.folder / layout.alpha_name(t), alpha)

    def write_labels(self, t: int, labels: np.ndarray) -> None:
        """Frame ``t``'s part labels, u8 ``[H, W]``."""
        write_image(self.folder / layout.labels_name(t), labels)

    def read_image(self, t: int) -> np.ndarray:
        """A picture written before, u8 ``[H, W, 3]``."""
        return read_image(self.folder / layout.image_name(t))

    def read_alpha(self, t: int) -> np.ndarray:
        """A matte written before, u8 ``[H, W]``."""
        return read_image(self.folder / layout.alpha_name(t), mode="L")

    def read_labels(self, t: int) -> np.ndarray:
        """Part labels written before, u8 ``[H, W]``."""
        return read_image(self.folder / layout.labels_name(t), mode="L")

    def finish(
        self,
        info: CaptureInfo,
        tensors: dict[str, Tensor],
        *,
        background: np.ndarray,
        audio: np.ndarray | None = None,
        report: dict[str, Any] | None = None,
    ) -> None:
        """Write what belongs to the whole clip; the folder is renamed when the ``with`` block ends.

        Args:
            info: The description that goes into capture.json.
            tensors: The arrays named in `layout.TENSORS`.
            background: u8 ``[H, W, 3]``.
            audio: f32 ``[S]`` mono at 16 kHz in step with the pictures, where there is sound.
            report: The quality report's numbers.
        """
        if info.has_audio != (audio is not None):
            raise ValueError(f"CaptureInfo.has_audio is {info.has_audio} but audio is {type(audio).__name__}.")
        if set(tensors) != set(layout.TENSORS):
            raise ValueError(f"tensors {sorted(tensors)} came; {sorted(layout.TENSORS)} were wanted.")
        save_tensors(self.folder / "tracking.safetensors", tensors)
        write_image(self.folder / "background.png", background)
        if audio is not None:
            write_audio(self.folder / "audio.wav", audio, SAMPLE_RATE)
        if report is not None:
            (self.folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        (self.folder / "capture.json").write_text(info.to_json(), encoding="utf-8")
        self._finished = True


def require_place(path: str | Path, *, overwrite: bool) -> None:
    """InputError where a capture written to ``path`` would lose anything: an older one may be, with ``overwrite``."""
    path = Path(path)
    if path.exists() and not _may_replace(path):
        raise InputError(
            f"output {path} exists and is no capture, or holds other files too; they would be lost. Choose "
            "another folder with --out."
        )
    if not overwrite and (path / "capture.json").exists():
        raise InputError(
            f"{path} holds a capture, which would be replaced; give --overwrite if that is wanted, or another --out."
        )


class _Unfinished(Exception):
    """Thrown into `replacing` so that it drops an unfinished folder."""


def _may_replace(path: Path) -> bool:
    """True for an empty folder or an older capture with nothing of anybody else in it."""
    if not path.is_dir():
        return False
    names = {entry.name for entry in path.iterdir() if not entry.name.startswith(".")}
    return not names or ("capture.json" in names and names <= OWN)
