"""`gaussian-head track`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import PathLike

if TYPE_CHECKING:
    from ..capture import Capture


EXAMPLES = ("gaussian-head track me.mp4 --out runs/me/capture",)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Find the face, its shape, pose and expression in every frame; write a capture and a quality report."""

    video: Positional[PathLike] = field(kw_only=False)
    """Video file with one person talking."""
    out: PathLike = field(kw_only=False)
    """Folder of the capture."""
    size: int = 512
    """Width and height of the square picture to work at, in pixels."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture."""


def run(options: Options, listener: Listener = ignore) -> Capture:
    """The capture, loaded."""
    from ..tracking import track

    out = Path(options.out)
    capture = track(options.video, out, size=options.size, overwrite=options.overwrite, listener=listener)
    listener(Said(message=f"capture: {out}\nquality report: {out / 'report.png'}"))
    return capture


track = function_of(Options, run)
