"""`gaussian-head reconstruct`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import OmitArgPrefixes, Positional

from ..checks import InputError
from ..events import Listener, both, ignore
from . import track, train
from ._calling import function_of
from ._values import PathLike, Preset, SourceLike
from ._watching import Watching, watching

if TYPE_CHECKING:
    from ..actor import Actor


EXAMPLES = (
    "gaussian-head reconstruct me.mp4 --out runs/me",
    "gaussian-head reconstruct me.mp4 --out runs/me --preset preview --view",
    "gaussian-head reconstruct me.jpg --out runs/photo",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """From a video of somebody talking to a head (track, then train), or from one to five photographs of them."""

    source: Positional[SourceLike] = field(kw_only=False)
    """Video file with one person talking, or one to five photographs of one person."""
    out: PathLike = field(kw_only=False)
    """Folder; gets `capture` and `head`; from photographs `head`, `report.png` and `photo.json`."""
    preset: Preset = "standard"
    """How long to train: preview (minutes), standard, full (hours on a CPU)."""
    set: tuple[str, ...] = ()
    """Single values of the run, `max_gaussians=80000 rates.means=1e-4 stages.0.iterations=500`, named as in the \
config.json that lies beside every head."""
    size: int = 512
    """Width and height of the square picture to work at, in pixels."""
    seed: int = 0
    """Seed of every random choice."""
    device: str = "cpu"
    """Where it is trained: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that \
can run. No GPU has trained a head yet."""
    resume: bool = False
    """Keep a finished capture and go on from the last checkpoint."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture, a head or an unfinished run."""
    person: int | None = None
    """Whom to take from photographs of several people, counted from the largest face."""
    live: OmitArgPrefixes[Watching] = field(default_factory=Watching)
    """A page on the run."""


def run(options: Options, listener: Listener = ignore) -> Actor:
    """Head, clip and voice, trained; of photographs head and clip."""
    from ..media import is_photograph

    sources = _sources(options)
    pictures = [is_photograph(path) for path in sources]
    if all(pictures):
        return _from_photographs(options, sources, listener)
    if len(sources) > 1:
        strange = [path.name for path, picture in zip(sources, pictures, strict=True) if not picture]
        raise InputError(
            f"{len(sources)} files came, among them {', '.join(strange)}, no picture by its name; one video, or one to "
            "five photographs of one person, were wanted."
        )
    if options.person is not None:
        raise InputError("--person chooses among people in photographs; of a video the largest face is taken.")
    return _from_video(options, sources[0], listener)


def again(options: Options) -> Options:
    """``options`` that go on with an interrupted run of the same: photographs begin anew."""
    from ..media import is_photograph

    if all(is_photograph(path) for path in _sources(options)):
        return replace(options, overwrite=True)
    return replace(options, resume=True)


def _sources(options: Options) -> list[Path]:
    given = options.source
    paths = [Path(path) for path in given] if isinstance(given, (tuple, list)) else [Path(given)]
    if not paths:
        raise InputError("no file came; one video, or one to five photographs of one person, were wanted.")
    return paths


def _from_photographs(options: Options, paths: list[Path], listener: Listener) -> Actor:
    from ..photo import reconstruct_photos

    if options.set:
        raise InputError("--set changes a video's training; photographs have none: leave it out.")
    if options.device != "cpu":
        raise InputError(f"--device {options.device} trains a video's head; photographs take a minute on the CPU.")
    if options.resume:
        raise InputError(
            "--resume goes on with a video's capture and training; photographs take a minute: leave it out."
        )
    return reconstruct_photos(
        [*paths],
        options.out,
        size=options.size,
        person=options.person,
        seed=options.seed,
        overwrite=options.overwrite,
        listener=listener,
    )


def _from_video(options: Options, video: Path, listener: Listener) -> Actor:
    from ..capture import require_source
    from ..kernels import device_named
    from ..training import require_free

    require_free(Path(options.out) / "head", resume=options.resume, overwrite=options.overwrite)
    device_named(options.device)  # known before the clip is tracked
    capture = Path(options.out) / "capture"
    training = train.Options(
        capture,
        out=Path(options.out) / "head",
        preset=options.preset,
        seed=options.seed,
        set=options.set,
        device=options.device,
        resume=options.resume,
        overwrite=options.overwrite,
        live=options.live,
    )
    config = train.chosen_config(training)
    kept = options.resume and (capture / "capture.json").exists()
    if kept:
        require_source(capture, video, options.size)
    with watching(options.live, listener) as live:
        if not kept:
            heard = listener if live is None else both(listener, live.listen)
            tracking = track.Options(video, out=capture, size=options.size, overwrite=options.overwrite)
            track.run(tracking, heard)
        return train.train_watched(training, live, listener, config)


reconstruct = function_of(Options, run)
