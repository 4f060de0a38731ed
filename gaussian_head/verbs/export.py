"""`gaussian-head export`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ..checks import InputError
from ..durable import require_replaceable
from ..events import Listener, Said, ignore
from ..exporting import (
    FORMATS,
    Material,
    Up,
    driving_performance,
    format_called,
    format_of,
    require_ending,
    write_material,
)
from ._calling import function_of
from ._values import ActorLike, Named, PathLike

_NAMED = "; ".join(f"{name} ({row.description})" for name, row in FORMATS.items())


EXAMPLES = (
    "gaussian-head export runs/me/head --out me.ply",
    "gaussian-head export runs/me/head --audio speech.wav --out talk.html",
    "gaussian-head export runs/me/head --format arkit-csv --out take.csv",
    "gaussian-head export runs/me/head --format mesh --up z --centre --out bust.obj",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a head for other programs: one moment of it, or one file per frame of a motion."""

    head: Positional[ActorLike] = field(kw_only=False)
    """Folder that `train` wrote."""
    out: PathLike = field(kw_only=False)
    """File to write; for several frames of Gaussians a folder."""
    format: Annotated[str, arg(help=f"What to write, by default what the name's ending says: {_NAMED}.")] = ""
    """A key of ``exporting.FORMATS``; "" for what the ending of ``out`` says."""
    frame: int | None = None
    """One frame of the motion; without any of these options the neutral head at rest."""
    frames: str | None = None
    """Frames of the motion as start:stop:step, for example 0:100:2, or : for all."""
    audio: PathLike | None = None
    """Sound or video file whose speech moves the head, in place of the captured clip."""
    motion: PathLike | None = None
    """Motion file (as motion-json writes) that moves the head, in place of the captured clip."""
    pose: Literal["captured", "still"] = "captured"
    """Head pose: `captured` as in the motion, `still` holds it."""
    camera: Named = "orbit"
    """Camera path of cameras-json and transforms-json, named as for `render`."""
    capture: PathLike | None = None
    """Capture with the tracked face (glb, obj); by default the one the head remembers."""
    up: Up = "format"
    """What points up in the file: as usual for its `format`, the `camera`'s own axes (+y down), `y` or `z`."""
    centre: bool = False
    """Let the resting head, between its ears, be the origin, not the recording camera."""
    precision: Literal["int8", "float16", "float32"] = "int8"
    """Numbers of the baked format: int8 is small and looks the same, float32 keeps every bit."""

    @property
    def sequence(self) -> bool:
        """Many frames are wanted, not one moment."""
        driven = self.frames is not None or self.audio is not None or self.motion is not None
        return driven and self.frame is None


def run(options: Options, listener: Listener = ignore) -> Path:
    """Where it was written.

    Raises:
        InputError: unknown format, a frame outside the motion, one and several frames at once, a motion of
            another subject's channels, …
    """
    from ..actor import Actor

    out = Path(options.out)
    format = options.format or format_of(out)
    row = format_called(format)
    if options.frame is not None and options.frames is not None:
        raise InputError("frame and frames were both given; one moment or several are wanted.")
    require_ending(out, format, sequence=options.sequence)
    actor = options.head if isinstance(options.head, Actor) else Actor.load(options.head)
    require_replaceable(out, folder=row.per_frame and options.sequence)
    performance = driving_performance(
        actor,
        audio=options.audio,
        motion=options.motion,
        pose=options.pose,
        frames=options.frames,
        with_sound=row.sounds and options.frame is None,
        listener=listener,
    )
    material = Material(
        actor=actor,
        performance=performance,
        frame=options.frame,
        sequence=options.sequence,
        camera=options.camera,
        capture=options.capture,
        precision=options.precision,
        up=options.up,
        centre=options.centre,
    )
    write_material(material, out, format, listener=listener)
    listener(Said(message=f"{format}: {out}"))
    return out


export = function_of(Options, run)
