"""`gaussian-head import`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..checks import InputError
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import PathLike

if TYPE_CHECKING:
    from ..actor import Actor
    from ..capture import Capture


EXAMPLES = (
    "gaussian-head import ernerf/data/obama --out runs/obama/capture",
    "gaussian-head import head.ply --rig --out runs/other/head",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a capture of a folder preprocessed for AD-NeRF, ER-NeRF or TalkingGaussian; or let a head of Gaussians \
that was made elsewhere speak."""

    folder: Positional[PathLike] = field(kw_only=False)
    """Their data folder, with transforms_train.json, ori_imgs, parsing, bc.jpg and aud.wav; or a file of Gaussians: \
.ply (compressed too), .splat or .spz."""
    out: PathLike = field(kw_only=False)
    """Folder of the capture, or of the head."""
    rig: bool = False
    """Find the face in a file of Gaussians, in whatever place, size and orientation, and bind them to the parametric \
head: `render`, `view` and `export` then do as with any head."""
    size: int = 512
    """Side of the picture of a head that is rigged, pixels."""
    fps: float = 25.0
    """Frame rate that its pictures were extracted at."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture, or a head."""


def run(options: Options, listener: Listener = ignore) -> Capture | Actor:
    """The capture, loaded; of Gaussians the actor.

    Raises:
        InputError: no such data, no face in a file of Gaussians, or an output that would be lost.
    """
    from ..io import SPLATS
    from ..tracking.importing import import_capture

    if options.rig or Path(options.folder).suffix.lower() in SPLATS:
        return _rigged(options, listener)

    capture = import_capture(
        options.folder, options.out, fps=options.fps, overwrite=options.overwrite, listener=listener
    )
    listener(Said(message=f"capture: {options.out}\n{capture.report['imported']['in_words']}"))
    return capture


def _rigged(options: Options, listener: Listener) -> Actor:
    from ..adopting import adopt

    if not options.rig:
        raise InputError(f"{options.folder} is a file of Gaussians that do not move; give --rig to let them speak.")
    if Path(options.folder).is_dir():
        raise InputError(f"{options.folder} is a folder; --rig takes a file of Gaussians (.ply, .splat, .spz).")
    return adopt(options.folder, options.out, size=options.size, overwrite=options.overwrite, listener=listener)


import_capture = function_of(Options, run)
