"""`gaussian-head direct`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from ..checks import InputError, require_count
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import ActorLike, Named, PathLike

MOST_TAKES = 100


EXAMPLES = (
    "gaussian-head direct runs/me/head --audio speech.wav --out performance.json --takes 4",
    'gaussian-head direct runs/me/head --audio speech.wav --out nod.json --pose "nods twice, then looks left"',
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a whole performance of a sound as a motion file, to edit and to play with `render --motion`."""

    head: Positional[ActorLike] = field(kw_only=False)
    """Folder that `train` wrote."""
    out: PathLike = field(kw_only=False)
    """The motion file to write (.json, .csv); of several takes each gets its number: take_1.json, take_2.json."""
    audio: PathLike | None = None
    """Sound or video file to speak, any length and sample rate."""
    listen: PathLike | None = None
    """Sound or video file of somebody whom the head listens to, as `render` takes it."""
    pose: Named = "learned"
    """Head pose, as `render` takes it."""
    pose_range: Literal["subject", "free"] = "subject"
    """Bring a leader's turns into what this head shows well, or leave them `free`."""
    emotion: Named = ""
    """Moods, as `render` takes them."""
    blink: bool = True
    """Blink now and then."""
    lips: Literal["mean", "sampled"] = "mean"
    """Lips as this voice usually says it, or `sampled`: one of the ways in which people do, another with each seed."""
    style: Named = ""
    """Folder of another person's capture whose way of speaking is lent: how far and how the lips move."""
    takes: int = 1
    """How many takes to write, each of the next seed."""
    seed: int = 0
    """Seed of the first take."""


def run(options: Options, listener: Listener = ignore) -> list[Path]:
    """Where the takes are.

    Raises:
        InputError: no sound in ``audio``, another ending of ``out``, or an option that names nothing.
    """
    from ..actor import Actor, Direction, attend, perform
    from ..durable import require_replaceable
    from ..io.motion_file import write_motion
    from ..media import read_long_audio

    out = Path(options.out)
    if out.suffix not in (".json", ".csv"):
        raise InputError(f"output {out} ends in {out.suffix!r}; a motion file, .json or .csv, was wanted.")
    if options.audio is None and options.listen is None:
        raise InputError("no sound was given; name one to speak with --audio, or one to listen to with --listen.")
    takes = require_count(options.takes, "takes", least=1, most=MOST_TAKES)
    seed = require_count(options.seed, "seed")
    files = [out if takes == 1 else out.with_stem(f"{out.stem}_{take}") for take in range(1, takes + 1)]
    for file in files:
        require_replaceable(file, folder=False)
    actor = options.head if isinstance(options.head, Actor) else Actor.load(options.head)
    heard, other = (
        None if sound is None else read_long_audio(sound, folder=out.parent, listener=listener)
        for sound in (options.audio, options.listen)
    )
    direction = Direction(
        pose=options.pose,
        bounds=options.pose_range,
        emotion=options.emotion,
        blink=options.blink,
        lips=options.lips,
        style=options.style,
        seed=seed,
        beside=out.parent,
    )
    for take, file in enumerate(files):
        told = replace(direction, seed=seed + take)
        if heard is not None:
            write_motion(file, perform(actor, heard, told, other=other, listener=listener))
        elif other is not None:
            write_motion(file, attend(actor, other, told, listener=listener))
    listener(Said(message=f"performance: {', '.join(str(file) for file in files)}"))
    return files


direct = function_of(Options, run)
