"""`gaussian-head train`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tyro.conf import OmitArgPrefixes, Positional

from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import CaptureLike, ConfigLike, PathLike, Preset, Split
from ._watching import Onlookers, Watching, watching

if TYPE_CHECKING:
    from ..actor import Actor
    from ..training import TrainConfig


EXAMPLES = (
    "gaussian-head train runs/me/capture --out runs/me/head",
    "gaussian-head train runs/me/capture --out runs/me/head --resume",
    "gaussian-head train runs/me/capture --out runs/big/head --set max_gaussians=80000 stages.0.iterations=4000",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a head of Gaussians on a capture."""

    capture: Positional[CaptureLike] = field(kw_only=False)
    """Folder that `track` wrote."""
    out: PathLike = field(kw_only=False)
    """Folder of the head."""
    preset: Preset = "standard"
    """How long to train: preview (minutes), standard, full (hours on a CPU). On CUDA a preset takes four frames a \
step (--set batch=1 for one)."""
    config: ConfigLike | None = None
    """A config.json of an earlier run, perhaps edited, in place of the preset."""
    set: tuple[str, ...] = ()
    """Single values of the run, `max_gaussians=80000 rates.means=1e-4 stages.0.iterations=500`, named as in the \
config.json that lies beside every head."""
    seed: int | None = None
    """Seed of every random choice; where absent that of --config, else 0."""
    split: Split | None = None
    """Frames to keep for `evaluate`: the last tenth (tail) or the 15 % most turned; where absent as in --config, else
    tail."""
    device: str = "auto"
    """Where it is trained: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that \
can run."""
    hold_out: tuple[str, ...] = ()
    """Names of cameras of the capture that training does not see, for `evaluate --hold-out`."""
    resume: bool = False
    """Go on from the last checkpoint in `out`, exactly as if never stopped."""
    overwrite: bool = False
    """Begin anew where `out` holds a head or an unfinished run."""
    live: OmitArgPrefixes[Watching] = field(default_factory=Watching)
    """Looking on."""


def run(options: Options, listener: Listener = ignore) -> Actor:
    """Head, clip and voice, trained."""
    config = chosen_config(options)
    with watching(options.live, listener) as onlookers:
        return train_watched(options, onlookers, listener, config)


def train_watched(options: Options, onlookers: Onlookers, listener: Listener, config: TrainConfig) -> Actor:
    """Train, show it on a page where there is one, and let the page stand until it is closed."""
    from ..training import train

    actor = train(
        options.capture,
        options.out,
        config,
        resume=options.resume,
        overwrite=options.overwrite,
        device=options.device,
        listener=onlookers.told(listener),
        observer=onlookers.observe,
    )
    listener(Said(message=f"head: {options.out}"))
    page = onlookers.page
    if page is not None:
        page.finish(actor)
        with suppress(KeyboardInterrupt):  # the usual way to close it
            listener(Said(message=f"the head is in the viewer at {page.links} (Ctrl+C ends it)"))
            page.wait()
    return actor


def chosen_config(options: Options) -> TrainConfig:
    """The run that the options name; InputError where it is none."""
    from ..training import TrainConfig, load_config, overridden, preset_on

    given = preset_on(options.preset, options.device) if options.config is None else options.config
    config = given if isinstance(given, TrainConfig) else load_config(given)
    given = {"seed": options.seed, "split": options.split, "hold_out": options.hold_out or None}
    config = replace(config, **{name: value for name, value in given.items() if value is not None})
    return overridden(config, options.set)


train = function_of(Options, run)
