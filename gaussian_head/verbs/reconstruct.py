"""`gaussian-head reconstruct`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import OmitArgPrefixes, Positional

from ..checks import InputError
from ..events import Listener, ignore
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
    "gaussian-head reconstruct front.mp4 left.mp4 right.mp4 --out runs/me",
    "gaussian-head reconstruct --views pictures --out runs/me",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """From a video of somebody talking to a head (track, then train), from videos of one moment by several cameras, or
    from one to five photographs."""

    source: Positional[SourceLike] = field(kw_only=False)
    """Video file with one person talking, or several of the same moment, the frontal one first; or one to five
    photographs of one person."""
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
    device: str = "auto"
    """Where it is trained: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that \
can run."""
    resume: bool = False
    """Keep a finished capture and go on from the last checkpoint."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture, a head or an unfinished run."""
    refine: Literal["none", "photometric"] = "none"
    """Of one video: as `track` takes it."""
    views: bool = False
    """The source is a folder of 6 to 32 pictures of one moment: cameras by a transforms.json or COLMAP text model in \
it, by azimuths in degrees at the end of names, or told by the faces."""
    hold_out: tuple[str, ...] = ()
    """Of several videos or pictures those (named as the files, without ending) that are kept for measuring."""
    cameras: PathLike | None = None
    """Of several videos lenses and places where they are known: a transforms.json or a COLMAP text model."""
    person: int | None = None
    """Whom to take from photographs of several people, counted from the largest face."""
    live: OmitArgPrefixes[Watching] = field(default_factory=Watching)
    """Looking on."""


def run(options: Options, listener: Listener = ignore) -> Actor:
    """Head, clip and voice, trained; of photographs head and clip."""
    from ..media import is_photograph

    sources = _sources(options)
    pictures = [] if options.views else [is_photograph(path) for path in sources]
    if options.refine != "none" and (options.views or len(sources) > 1 or any(pictures)):
        raise InputError(f"--refine {options.refine} is for one video; leave it out for several, and for pictures.")
    if options.views:
        return _from_views(options, sources, listener)
    for path in sources:
        if path.is_dir():
            raise InputError(f"{path} is a folder; of pictures of one moment give it with --views.")
    if all(pictures):
        return _from_photographs(options, sources, listener)
    if any(pictures):
        strange = [path.name for path, picture in zip(sources, pictures, strict=True) if not picture]
        raise InputError(
            f"{len(sources)} files came, among them {', '.join(strange)}, no picture by its name; videos of one "
            "moment, or one to five photographs of one person, were wanted."
        )
    if options.person is not None:
        raise InputError("--person chooses among people in photographs; of a video the largest face is taken.")
    if len(sources) == 1 and (options.hold_out or options.cameras is not None):
        raise InputError("--hold-out and --cameras are for several videos of one moment; one came.")
    return _from_videos(options, sources, listener)


def again(options: Options) -> Options:
    """``options`` that go on with an interrupted run of the same: photographs begin anew."""
    from ..media import is_photograph

    if options.views or all(is_photograph(path) for path in _sources(options)):
        return replace(options, overwrite=True)
    return replace(options, resume=True)


def _sources(options: Options) -> list[Path]:
    given = options.source
    paths = [Path(path) for path in given] if isinstance(given, (tuple, list)) else [Path(given)]
    if not paths:
        raise InputError("no file came; one video, or one to five photographs of one person, were wanted.")
    return paths


def _from_views(options: Options, folders: list[Path], listener: Listener) -> Actor:
    from ..scanning import reconstruct_views

    if len(folders) != 1:
        raise InputError(f"--views takes one folder of pictures; {len(folders)} paths came.")
    if options.resume or options.set:
        raise InputError("--resume and --set are for videos; pictures of one moment take minutes: leave them out.")
    if options.device not in ("auto", "cpu"):
        raise InputError(
            f"--device {options.device} trains a video's head; pictures of one moment take minutes on the CPU."
        )
    return reconstruct_views(
        folders[0],
        options.out,
        size=options.size,
        hold_out=options.hold_out,
        seed=options.seed,
        overwrite=options.overwrite,
        listener=listener,
    )


def _from_photographs(options: Options, paths: list[Path], listener: Listener) -> Actor:
    from ..photo import reconstruct_photos

    if options.set:
        raise InputError("--set changes a video's training; photographs have none: leave it out.")
    if options.device not in ("auto", "cpu"):
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


def _from_videos(options: Options, videos: list[Path], listener: Listener) -> Actor:
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
        hold_out=options.hold_out,
        resume=options.resume,
        overwrite=options.overwrite,
        live=options.live,
    )
    config = train.chosen_config(training)
    kept = options.resume and (capture / "capture.json").exists()
    if kept:
        _require_sources(capture, videos, options.size)
    with watching(options.live, listener) as onlookers:
        if not kept:
            _track(options, videos, capture, onlookers.told(listener))
        return train.train_watched(training, onlookers, listener, config)


def _track(options: Options, videos: list[Path], capture: Path, listener: Listener) -> None:
    if len(videos) == 1:
        given = {"size": options.size, "refine": options.refine, "overwrite": options.overwrite}
        track.run(track.Options(videos[0], out=capture, **given), listener)
        return
    from ..capture import read_cameras
    from ..tracking import track_several

    cameras = None if options.cameras is None else read_cameras(options.cameras)
    given = {"cameras": cameras, "hold_out": options.hold_out, "overwrite": options.overwrite}
    track_several(videos, capture, size=options.size, listener=listener, **given)


def _require_sources(capture: Path, videos: list[Path], size: int) -> None:
    """InputError where a kept capture is of other videos; a camera that was left out is none of them."""
    from ..capture import require_source
    from ..tracking import camera_names

    require_source(capture, videos[0], size)
    others = dict(zip(camera_names(videos)[1:], videos[1:], strict=True))
    there = {path.name for path in (capture / "views").iterdir()} if (capture / "views").is_dir() else set()
    for name in there:
        if name not in others:
            raise InputError(f"capture {capture} has a camera {name!r} and no video of that name came; give it too.")
        require_source(capture / "views" / name, others[name], size)
    if others and not there:
        raise InputError(
            f"capture {capture} has one camera and {len(videos)} videos came; begin anew with --overwrite."
        )


reconstruct = function_of(Options, run)
