"""`gaussian-head reconstruct`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import OmitArgPrefixes, Positional

from ..events import Listener, both, ignore
from . import track, train
from ._calling import function_of
from ._values import PathLike, Preset
from ._watching import Watching, watching

if TYPE_CHECKING:
    from ..actor import Actor


@dataclass(frozen=True, kw_only=True)
class Options:
    """From a video of somebody talking to a head: track, then train."""

    video: Positional[PathLike] = field(kw_only=False)
    """Video file with one person talking."""
    out: PathLike = field(kw_only=False)
    """Folder; gets `capture` and `head`."""
    preset: Preset = "standard"
    """How long to train: preview (minutes), standard, full (hours on a CPU)."""
    size: int = 512
    """Width and height of the square picture to work at, in pixels."""
    seed: int = 0
    """Seed of every random choice."""
    resume: bool = False
    """Keep a finished capture and go on from the last checkpoint."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture, a head or an unfinished run."""
    live: OmitArgPrefixes[Watching] = field(default_factory=Watching)
    """A page on the run."""


def run(options: Options, listener: Listener = ignore) -> Actor:
    """Head, clip and voice, trained."""
    from ..capture import require_source
    from ..training import require_free

    require_free(Path(options.out) / "head", resume=options.resume, overwrite=options.overwrite)
    capture = Path(options.out) / "capture"
    training = train.Options(
        capture,
        out=Path(options.out) / "head",
        preset=options.preset,
        seed=options.seed,
        resume=options.resume,
        overwrite=options.overwrite,
        live=options.live,
    )
    config = train.chosen_config(training)
    kept = options.resume and (capture / "capture.json").exists()
    if kept:
        require_source(capture, options.video, options.size)
    with watching(options.live, listener) as live:
        if not kept:
            heard = listener if live is None else both(listener, live.listen)
            tracking = track.Options(options.video, out=capture, size=options.size, overwrite=options.overwrite)
            track.run(tracking, heard)
        return train.train_watched(training, live, listener, config)


reconstruct = function_of(Options, run)
