"""`gaussian-head reconstruct` for photographs: read, build, save, and say what is guessed."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ..actor import Actor
from ..checks import InputError, fingerprint, require_count, require_writable_folder
from ..durable import locked, replacing
from ..events import Listener, Said, Warned, ignore
from ..head.storage import MODEL
from ..media import Photograph, read_photograph, write_image
from .building import BuiltHead, build, shares
from .report import picture_of
from .view import PhotoView, faces_in, prepare

MOST_PHOTOS = 5
SIZES = (256, 1024)
"""Sides of the square that may be worked on, pixels."""
REPORT, NUMBERS = "report.png", "photo.json"
TURNED = 0.5
"""Radians to the side from which on half a face is hardly seen."""
FAINT = 110
"""Width of a face in pixels below which it stays blurred."""


def reconstruct_photos(
    paths: list[str | Path],
    out: str | Path,
    *,
    size: int = 512,
    person: int | None = None,
    seed: int = 0,
    mirror: bool = True,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Actor:
    """Make a head of one to five photographs of one person, and write ``out/head``, a picture and its numbers.

    Args:
        paths: photographs; the first one's camera and background are kept.
        out: folder; gets ``head``, ``report.png`` and ``photo.json``.
        size: side of the square that is worked on, pixels.
        person: whom to take where there are several, counted from the largest face; None where there is one.
        seed: of everything random.
        mirror: take the unseen half of a head from the seen one.
        overwrite: replace a head that is there.
        listener: receives Progress, Warned and Said.

    Raises:
        InputError: no usable photograph, several people and none chosen, or an output that would be lost.
    """
    require_count(size, "size", least=SIZES[0], most=SIZES[1])
    if not 1 <= len(paths) <= MOST_PHOTOS:
        raise InputError(f"{len(paths)} photographs came; one to {MOST_PHOTOS} of one person were wanted.")
    out = require_writable_folder(out, "output folder")
    if (out / "head" / MODEL).exists() and not overwrite:
        raise InputError(
            f"{out / 'head'} holds a finished head, which would be replaced; give --overwrite if that is wanted, or "
            "another --out."
        )
    views = [_view(read_photograph(path), size, person, listener) for path in paths]
    with locked(out, f"a head of photographs in {out}"):
        built = build(views, mirror=mirror, seed=seed, listener=listener)
        for finding in _findings(built):
            listener(Warned(message=finding))
        built.actor.save(out / "head")
        write_image(out / REPORT, picture_of(built))
        with replacing(out / NUMBERS) as temporary:
            temporary.write_text(json.dumps(_numbers(built, paths), indent=1) + "\n", encoding="utf-8")
    told = ", ".join(f"{100 * share:.0f} % {name}" for name, share in shares(built.origin).items())
    listener(Said(message=f"head: {out / 'head'} ({told}; see {out / REPORT})"))
    return built.actor


def _view(photograph: Photograph, size: int, person: int | None, listener: Listener) -> PhotoView:
    """A photograph made ready; what was done to it is told."""
    for note in photograph.notes:
        listener(Warned(message=note))
    count = faces_in(photograph)
    if person is None and count > 1:
        raise InputError(
            f"{photograph.name} shows {count} people; say whom with --person 1 (the largest face) to --person {count}, "
            "or crop it."
        )
    return prepare(photograph, size=size, person=1 if person is None else person)


def _findings(built: BuiltHead) -> list[str]:
    """What the photographs lack, in words."""
    found = []
    for i, (view, photo) in enumerate(zip(built.views, built.fit.photos, strict=True), start=1):
        which = "the photograph" if len(built.views) == 1 else f"photograph {i}"
        if view.face_pixels < FAINT:
            found.append(f"{which} shows the face {view.face_pixels:.0f} pixels wide; {2 * FAINT} or more look sharp.")
        if abs(float(photo.pose.quats[2])) * 2 > TURNED:
            found.append(f"{which} shows the face from the side: the far half is the mirror image of the near one.")
        if (view.alpha[0] > 127).mean() > 0.15:
            found.append(f"{which} cuts the head's top off; hair above the edge is guessed.")
    return found


def _numbers(built: BuiltHead, paths: list[str | Path]) -> dict:
    """What `photo.json` holds."""
    photos = [
        {
            "file": Path(path).name,
            "sha256": fingerprint(path),
            "face_pixels": round(view.face_pixels, 1),
            "fit_error": round(photo.error, 5),
            "focal_over_side": round(photo.focal / len(view.image), 3),
            "distance_m": round(float(photo.pose.positions[2]), 3),
            "units": {n: round(v, 3) for n, v in _named(photo.units).items() if v > 0.05},
        }
        for path, view, photo in zip(paths, built.views, built.fit.photos, strict=True)
    ]
    return {
        "format": "gaussian-head-photo",
        "version": 1,
        "photos": photos,
        "identity": [round(v, 4) for v in built.fit.identity.tolist()],
        "gaussians": len(built.actor.head),
        "shares": {name: round(share, 4) for name, share in shares(built.origin).items()},
    }


def _named(units: torch.Tensor) -> dict[str, float]:
    from ..face import UNITS

    return dict(zip(UNITS, units.tolist(), strict=True))
