"""From a file of Gaussians to an actor: found, fitted, bound, given a mouth."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..actor import Actor, Clip
from ..checks import InputError, require_count
from ..durable import replacing
from ..events import Listener, Progress, Said, Warned, ignore
from ..face import UNITS, FaceModel
from ..gaussians import Gaussians
from ..head import Branch, Head
from ..head.coefficients import init_coefficients
from ..head.storage import MODEL
from ..head.surface import Patch
from ..head.surfels import flat_branch
from ..io import read_gaussians
from ..media import write_image
from ..photo.building import FPS, SECONDS, resting_clip
from ..photo.fitting import PhotoFit
from ..photo.pipeline import SIZES
from ..photo.rig import rig_of
from ..photo.shape import PhotoShape, camera_of, shape_of
from ..photo.view import PhotoView
from .adding import lids_of, mouth_of
from .binding import BODY, Bound, at_rest, bind, branch_of, eyes_of, inside_mouth
from .fitting import FoundFace, find_face, photographed
from .laying import hidden, laid
from .looking import GROUND, chosen, cleaned, facing, moved
from .report import picture_of

REPORT, NUMBERS = "report.png", "adopted.json"
STAGES = 4
OPEN = 0.2
"""Jaw from which on the mouth is open as it comes, and what is in it stays."""


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """A head made elsewhere that speaks now, and what is known about how."""

    actor: Actor
    """Head and clip."""
    face: FoundFace
    """The parametric head in the Gaussians as they came."""
    shape: PhotoShape
    """Its surface, in the head frame."""
    fit: PhotoFit
    """The pictures that it was drawn by, explained."""
    views: list[PhotoView]
    """These pictures."""
    numbers: dict[str, int]
    """Gaussians that came, and what became of them."""


def adopt(
    path: str | Path,
    out: str | Path,
    *,
    size: int = 512,
    seed: int = 0,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Actor:
    """Make a head that speaks of a file of Gaussians that never moved, and write it.

    Args:
        path: PLY, compressed PLY, SPLAT or SPZ, in any size, place and orientation.
        out: folder of the head; gets a picture and numbers too.
        size: side of the camera's picture, pixels.
        seed: of how it holds itself when it is not told.
        overwrite: replace a head that is there.
        listener: receives Progress, Warned and Said.

    Raises:
        InputError: no file of Gaussians, too few, no face among them, or an output that would be lost.
    """
    require_count(size, "size", least=SIZES[0], most=SIZES[1])
    out = Path(out)
    if (out / MODEL).exists() and not overwrite:
        raise InputError(f"{out} holds a head, which would be replaced; give --overwrite, or another --out.")
    made = adopted(read_gaussians(path), Path(path).name, size=size, seed=seed, listener=listener)
    made.actor.save(out)
    write_image(out / REPORT, picture_of(made))
    with replacing(out / NUMBERS) as temporary:
        temporary.write_text(json.dumps(_told(made, Path(path)), indent=1) + "\n", encoding="utf-8")
    listener(Said(message=f"head: {out} ({made.numbers['bound']} Gaussians; see {out / REPORT})"))
    return made.actor


def adopted(gaussians: Gaussians, name: str, *, size: int = 512, seed: int = 0, listener: Listener = ignore) -> Adopted:
    """A head that speaks of Gaussians; arguments and errors as of ``adopt``."""
    came = len(gaussians)
    if gaussians.colors.ndim == 3 and gaussians.colors.shape[1] > 4:
        gaussians = replace(gaussians, colors=gaussians.colors[:, :4])
        listener(Warned(message="colours that depend on the view keep their first degree."))
    gaussians = cleaned(gaussians, name)
    seen = facing(gaussians, name, listener=listener)
    model = FaceModel.load()
    _at(listener, 1)
    face = find_face(gaussians, seen, model, name)
    _at(listener, 2)
    views, fit = photographed(gaussians, face, size, name)
    shape = shape_of(views, fit, model)
    _at(listener, 3)
    back = face.place.rotation.T
    in_head = moved(gaussians, back, -back @ face.place.translation / face.place.scale, 1 / face.place.scale)
    near = chosen(in_head, in_head.means.norm(dim=1) < BODY)
    shape = laid(shape, near, fit)
    head, numbers = _head(near, shape, fit, views, size)
    _at(listener, 4)
    numbers = {"came": came, "faint": came - len(gaussians), "far": len(in_head) - len(near)} | numbers
    clip = Clip(motion=resting_clip(fit, seed), num_train=round(FPS * SECONDS))
    return Adopted(actor=Actor(head=head, clip=clip), face=face, shape=shape, fit=fit, views=views, numbers=numbers)


def _at(listener: Listener, stage: int) -> None:
    listener(Progress(stage="binding", done=stage, total=STAGES))


def _head(
    gaussians: Gaussians, shape: PhotoShape, fit: PhotoFit, views: list[PhotoView], size: int
) -> tuple[Head, dict[str, int]]:
    """Branches of what came and of a mouth, and how many each took."""
    rig, photo = rig_of(shape), fit.photos[0]
    surface = shape.expressed(photo.units, photo.gaze)
    points = gaussians.means.double().numpy()
    bound = bind(points, shape, surface, eyes_of(points, views[0], photo))
    dropped = inside_mouth(points, bound, hidden(gaussians, fit), shape, surface)
    if photo.units[UNITS.index("jawOpen")] > OPEN:
        dropped[:] = False
    follows = np.einsum("pc,pc->p", bound.weights, shape.head_weights[bound.corners])
    kept = {"face": ~dropped & (follows > 0.999), "torso": ~dropped & (follows <= 0.999)}
    branches = {
        name: branch_of(
            name, chosen(gaussians, torch.from_numpy(rows)), _rows(bound, rows), rig, shape, at_rest(photo.units)
        )
        for name, rows in kept.items()
    }
    K, degree = len(rig.code_map.names), 1 if branches["face"].shN.shape[1] else 0

    def added(name: str, patch: Patch) -> Branch:
        follow = np.ones(len(patch.colours))
        return flat_branch(name, torch.arange(K), patch, follow, code_size=K, sh_degree=degree)

    mouth, lids = added("mouth", mouth_of(shape, rig, views, fit)), added("face", lids_of(shape, rig, views, fit))
    head = Head(
        branches=(_both(branches["face"], lids), mouth, branches["torso"]),
        coefficient_params=init_coefficients(torch.ones(K), photo.pose.positions, 0, torch.Generator().manual_seed(0)),
        camera=camera_of(photo, size),
        background=torch.tensor(GROUND).expand(size, size, 3).contiguous(),
        code_map=rig.code_map,
    )
    numbers = {"in the mouth": int(dropped.sum()), "bound": int((~dropped).sum())}
    return head, numbers | {"mouth added": len(mouth), "lids added": len(lids)}


def _both(one: Branch, other: Branch) -> Branch:
    """The Gaussians of two branches in one."""
    more = other.tensors()
    return replace(one, **{name: torch.cat([value, more[name]]) for name, value in one.tensors().items()})


def _rows(bound: Bound, rows: np.ndarray) -> Bound:
    return Bound(**{name: value[rows] for name, value in vars(bound).items()})


def _told(made: Adopted, path: Path) -> dict:
    """What ``adopted.json`` holds."""
    place = made.face.place
    return {
        "format": "gaussian-head-adopted",
        "version": 1,
        "file": path.name,
        "gaussians": made.numbers,
        "scale": place.scale,
        "rotation": place.rotation.tolist(),
        "translation": place.translation.tolist(),
        "landmarks_off_mm": round(1000 * made.face.error, 2),
        "units": {n: round(v, 3) for n, v in zip(UNITS, made.face.units.tolist(), strict=True) if v > 0.05},
    }
