"""`gaussian-head import`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import PathLike

if TYPE_CHECKING:
    from ..capture import Capture


EXAMPLES = ("gaussian-head import ernerf/data/obama --out runs/obama/capture",)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a capture of a folder preprocessed for AD-NeRF, ER-NeRF or TalkingGaussian."""

    folder: Positional[PathLike] = field(kw_only=False)
    """Their data folder, with transforms_train.json, ori_imgs, parsing, bc.jpg and aud.wav."""
    out: PathLike = field(kw_only=False)
    """Folder of the capture."""
    fps: float = 25.0
    """Frame rate that its pictures were extracted at."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture."""


def run(options: Options, listener: Listener = ignore) -> Capture:
    """The capture, loaded."""
    from ..tracking.importing import import_capture

    capture = import_capture(
        options.folder, options.out, fps=options.fps, overwrite=options.overwrite, listener=listener
    )
    listener(Said(message=f"capture: {options.out}\n{capture.report['imported']['in_words']}"))
    return capture


import_capture = function_of(Options, run)
