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
    "gaussian-head import nersemble/017 --sequence SEN-01-cramp_small_danger --out runs/017/capture",
    "gaussian-head import head.ply --rig --out runs/other/head",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a capture of a folder preprocessed for AD-NeRF, ER-NeRF or TalkingGaussian, or of a person recorded by \
many cameras as NeRSemble and multiface lay it out; or let a head of Gaussians that was made elsewhere speak."""

    folder: Positional[PathLike] = field(kw_only=False)
    """Their data folder, with transforms_train.json, ori_imgs, parsing, bc.jpg and aud.wav; a person's folder with \
camera_params.json (NeRSemble) or KRT (multiface); or a file of Gaussians: .ply (compressed too), .splat or .spz."""
    out: PathLike = field(kw_only=False)
    """Folder of the capture, or of the head."""
    rig: bool = False
    """Find the face in a file of Gaussians, in whatever place, size and orientation, and bind them to the parametric \
head: `render`, `view` and `export` then do as with any head."""
    sequence: str | None = None
    """Which of a person's sequences that many cameras recorded; may be left out where there is one."""
    cameras: tuple[str, ...] = ()
    """Of many cameras those to take, the leading one first; by default all, led by the one that sees the face best."""
    hold_out: tuple[str, ...] = ()
    """Of many cameras those that are kept for measuring; name them again when you train."""
    size: int = 512
    """Side of the square that many cameras' pictures are worked on, or of the picture of a head that is rigged, \
pixels."""
    fps: float | None = None
    """Frame rate that its pictures were extracted at; by default 25, or what the data set says."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture, or a head."""


def run(options: Options, listener: Listener = ignore) -> Capture | Actor:
    """The capture, loaded; of Gaussians the actor.

    Raises:
        InputError: no such data, no face in a file of Gaussians, or an output that would be lost.
    """
    from ..capture.ad_nerf import FPS
    from ..capture.stages import is_stage
    from ..io import SPLATS
    from ..tracking.importing import import_capture

    if options.rig or Path(options.folder).suffix.lower() in SPLATS:
        return _rigged(options, listener)

    if is_stage(options.folder):
        return _of_many_cameras(options, listener)
    if options.sequence is not None or options.cameras or options.hold_out:
        raise InputError(
            f"--sequence, --cameras and --hold-out are for a person that many cameras recorded; {options.folder} holds "
            "no camera_params.json (NeRSemble) and no KRT (multiface)."
        )
    capture = import_capture(
        options.folder, options.out, fps=options.fps or FPS, overwrite=options.overwrite, listener=listener
    )
    listener(Said(message=f"capture: {options.out}\n{capture.report['imported']['in_words']}"))
    return capture


def _of_many_cameras(options: Options, listener: Listener) -> Capture:
    from ..tracking.importing_stages import import_stage

    capture = import_stage(
        options.folder,
        options.out,
        sequence=options.sequence,
        cameras=options.cameras,
        fps=options.fps,
        size=options.size,
        hold_out=options.hold_out,
        overwrite=options.overwrite,
        listener=listener,
    )
    told = ", ".join(capture.report["cameras"])
    listener(Said(message=f"capture: {options.out} (cameras beside the leading one: {told})"))
    return capture


def _rigged(options: Options, listener: Listener) -> Actor:
    from ..adopting import adopt

    if not options.rig:
        raise InputError(f"{options.folder} is a file of Gaussians that do not move; give --rig to let them speak.")
    if Path(options.folder).is_dir():
        raise InputError(f"{options.folder} is a folder; --rig takes a file of Gaussians (.ply, .splat, .spz).")
    return adopt(options.folder, options.out, size=options.size, overwrite=options.overwrite, listener=listener)


import_capture = function_of(Options, run)
