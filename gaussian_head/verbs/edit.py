"""`gaussian-head edit`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tyro.conf import Positional

from ..checks import InputError, require_count, require_number
from ..events import Listener, Said, Warned, ignore
from ._calling import function_of
from ._values import ActorLike, PathLike

if TYPE_CHECKING:
    from ..actor import Actor
    from ..editing import Canvas, Painted, Recolour

T = TypeVar("T")
WIDEST = 60.0
"""Degrees to either side from which a picture may be painted."""


EXAMPLES = (
    "gaussian-head edit runs/me/head --save paint.png",
    "gaussian-head edit runs/me/head --image paint.png --out runs/new/head",
    "gaussian-head edit runs/me/head --frame 0 --image frame0.png --out runs/new/head",
    "gaussian-head edit runs/me/head --recolour hair:#662211 --exposure 0.3 --out runs/red/head",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Change how somebody looks by painting on one picture of them: the head has it in every frame and view."""

    head: Positional[ActorLike] = field(kw_only=False)
    """Folder that `train` wrote."""
    out: PathLike | None = field(default=None, kw_only=False)
    """Folder of the changed head."""
    save: PathLike | None = None
    """Write the picture to paint on (.png) and change nothing."""
    image: tuple[PathLike, ...] = ()
    """That picture, painted over in any program; several show the same look, each with its --frame and --yaw."""
    frame: tuple[int, ...] = ()
    """Frame of the clip that each picture shows; by default one in which the head is turned as it mostly is, mouth shut
    and eyes open."""
    yaw: tuple[float, ...] = ()
    """Degrees by which the camera stands to the side in each picture; straight ahead where absent."""
    strength: float = 1.0
    """Share of the change, 0 to 1."""
    stiff: bool = False
    """What is painted does not bend with the face and rests on it: glasses, a hat, earrings."""
    mirror: bool = False
    """Do the same to the other side of the head wherever that was not painted itself."""
    tolerance: int = 8
    """Grey levels (of 255) by which untouched pixels may differ."""
    recolour: tuple[str, ...] = ()
    """hair, skin or clothes in another colour: hair:#662211, clothes:navy."""
    exposure: float = 0.0
    """Stops by which the person is brighter."""
    tint: str = ""
    """A colour (#rrggbb or a CSS name) that the person's colours are multiplied with."""
    overwrite: bool = False
    """Replace a head that `out` holds."""


def run(options: Options, listener: Listener = ignore) -> Actor:
    """The actor, with the changed head where one was asked for.

    Raises:
        InputError: nothing to change, or a picture that is not the saved one painted over (see ``read_painted``).
    """
    from ..actor import Actor
    from ..editing import frame_to_paint

    recolour = _recolour(options)
    if (options.save is None) == (options.out is None):
        raise InputError("give --save for the picture to paint on, or --out for the changed head, one of them.")
    actor = options.head if isinstance(options.head, Actor) else Actor.load(options.head)
    if options.save is not None:
        canvas = _canvases(actor, options, 1)[0]
        _save(canvas, options.save)
        frame = (options.frame or (frame_to_paint(actor.clip.motion, actor.clip.num_train),))[0]
        listener(Said(message=f"to paint on: {options.save}, frame {frame}"))
        return actor
    return _changed(actor, options, recolour, listener)


def _changed(actor: Actor, options: Options, recolour: Recolour | None, listener: Listener) -> Actor:
    """The actor with another head, written to ``out``."""
    from dataclasses import replace

    from ..capture import Capture
    from ..editing import EditConfig, edit_head, recoloured
    from ..training.pipeline import require_free

    assert options.out is not None
    if not options.image and recolour is None:
        raise InputError("nothing to change was named; give --image, --recolour, --exposure or --tint.")
    require_free(options.out, resume=False, overwrite=options.overwrite)
    config = EditConfig(strength=options.strength, stiff=options.stiff, mirror=options.mirror)
    head = actor.head
    if options.image:
        head = edit_head(head, _painted(actor, options, listener), config)
        listener(Said(message=f"{len(head)} Gaussians, {len(actor.head)} before"))
    if recolour is not None:
        capture = Capture.load(actor.clip.capture_path) if recolour.regions and actor.clip.capture_path else None
        head = recoloured(head, recolour, actor.clip.motion, capture)
    changed = replace(actor, head=head)
    changed.save(options.out)
    listener(Said(message=f"head: {options.out}"))
    return changed


def _canvases(actor: Actor, options: Options, count: int) -> list[Canvas]:
    """What each of ``count`` pictures is painted on."""
    from math import radians

    from ..editing import canvas_of, frame_to_paint
    from ..rendering import orbit_view

    motion = actor.clip.motion
    frames = _as_many(options.frame or (frame_to_paint(motion, actor.clip.num_train),), count, "frame")
    yaws = _as_many(options.yaw or (0.0,), count, "yaw")
    for t in frames:
        require_count(t, "frame", most=len(motion) - 1)
    for yaw in yaws:
        require_number(yaw, "yaw", least=-WIDEST, most=WIDEST)
    cameras = [orbit_view(actor.head, radians(yaw)) if yaw else actor.head.camera for yaw in yaws]
    return [canvas_of(actor.head, motion.at(t), camera) for t, camera in zip(frames, cameras, strict=True)]


def _as_many(values: tuple[T, ...], count: int, name: str) -> tuple[T, ...]:
    """``values``, or its only one ``count`` times."""
    values = values * count if len(values) == 1 else values
    if len(values) != count:
        raise InputError(f"{count} pictures and {len(values)} of --{name} were given; as many, or one for all.")
    return values


def _painted(actor: Actor, options: Options, listener: Listener) -> list[Painted]:
    """What the pictures change."""
    from ..editing import read_painted

    require_count(options.tolerance, "tolerance", most=100)
    found = []
    for canvas, path in zip(_canvases(actor, options, len(options.image)), options.image, strict=True):
        painted, left_out = read_painted(canvas, path, tolerance=options.tolerance)
        if left_out:
            listener(Warned(message=f"{path}: {left_out} changed pixels do not touch the person and are left out."))
        found.append(painted)
    return found


def _save(canvas: Canvas, path: PathLike) -> None:
    from ..media.image import write_image

    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{path} is to hold the picture to paint on, of which no pixel may differ; name a .png file.")
    write_image(path, canvas.picture)


def _recolour(options: Options) -> Recolour | None:
    """What is changed by name; None for nothing."""
    if not (options.recolour or options.exposure or options.tint):
        return None
    from ..editing import Recolour

    regions = {}
    for text in options.recolour:
        name, colon, colour = text.partition(":")
        if not colon:
            raise InputError(f"recolour {text!r} is no region and colour; for example hair:#662211 was wanted.")
        regions[name] = _colour(colour)
    return Recolour(
        regions=regions, exposure=options.exposure, tint=_colour(options.tint) if options.tint else (1.0, 1.0, 1.0)
    )


def _colour(text: str) -> tuple[float, float, float]:
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise InputError(f"colour {text!r} is unknown; #rrggbb or a CSS name was wanted.") from error
    return red / 255, green / 255, blue / 255


edit = function_of(Options, run)
