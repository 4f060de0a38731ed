"""`gaussian-head reconstruct --views`: pictures of one moment and their cameras to an Actor on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..actor import Actor
from ..camera import Camera
from ..checks import InputError, require_count, require_writable_folder
from ..durable import locked, replacing
from ..events import Listener, Progress, Said, Warned, ignore
from ..face import FaceModel
from ..facenet import PersonSegmenter
from ..head.storage import MODEL
from ..media import Photograph, is_photograph, read_photograph, resize_image, write_image
from ..motion import MotionFrame
from ..photo.building import BuiltHead, build
from ..photo.fitting import FittedPhoto, fit_photos
from ..photo.plate import filled
from ..photo.view import PhotoView, prepare
from ..rendering.frames import render_moment
from ..tracking.matte import refine_matte
from .optimising import Picture, optimise
from .placing import (
    Placed,
    azimuths,
    cropped,
    given_cameras,
    name_of,
    place_about,
    place_by_faces,
    place_given,
    squared,
)

FEWEST, MOST = 6, 32
"""Pictures that are taken."""
DRESSED = 5
"""Most frontal pictures that the first head is made from."""
TURNED = 0.32
"""How far a nose may lie beside the middle of the face, over its width, in those."""
STEPS, GAUSSIANS = 2000, 60_000
NUMBERS, SHEET = "views.json", "report.png"


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A picture as read, and its face where one is found."""

    photograph: Photograph
    face: PhotoView | None


def reconstruct_views(
    folder: str | Path,
    out: str | Path,
    *,
    size: int = 512,
    hold_out: Sequence[str] = (),
    steps: int = STEPS,
    seed: int = 0,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Actor:
    """Make a head of pictures of one moment, and write ``out/head``, ``out/views.json`` and ``out/report.png``.

    Args:
        folder: six to thirty-two pictures of one person at one moment; cameras from a ``transforms.json`` or a COLMAP
            text model beside them, else from azimuths in degrees at the end of their names, else told by the faces.
        out: folder.
        size: side of the square that is worked on, pixels.
        hold_out: names of pictures that are not learnt from; ``views.json`` says how like the head is to them.
        steps: of the optimisation.
        seed: of everything random.
        overwrite: replace a head that is there.
        listener: receives Progress, Warned and Said.

    Raises:
        InputError: too few or too many pictures, unusable cameras, too few faces, or an output that would be lost.
    """
    require_count(size, "size", least=128, most=1024)
    paths = _pictures(Path(folder), hold_out)
    out = require_writable_folder(out, "output folder")
    if (out / "head" / MODEL).exists() and not overwrite:
        raise InputError(f"{out / 'head'} holds a finished head; give --overwrite to replace it, or another --out.")
    with locked(out, f"a head of pictures in {out}"):
        shown = _read(paths, size, listener)
        placed, fits, built = _placed(Path(folder), shown, hold_out, size, listener)
        pictures = {name: _cut(shown[name].photograph, camera, placed, size) for name, camera in placed.cameras.items()}
        moment = _moment(placed, fits, built)
        learnt = [picture for name, picture in pictures.items() if name not in hold_out]
        head = replace(built.actor.head, camera=learnt[0].camera, background=learnt[0].plate)
        head = optimise(
            head, moment, learnt, steps=steps, max_gaussians=max(GAUSSIANS, len(head)), seed=seed, listener=listener
        )
        scores = {name: _psnr(head, moment, picture) for name, picture in pictures.items()}
        actor = replace(built.actor, head=head)
        actor.save(out / "head")
        write_image(out / SHEET, _sheet(head, moment, list(pictures.values())))
        said = {"format": "gaussian-head-views", "version": 1, "held_out": list(hold_out), "psnr": scores}
        with replacing(out / NUMBERS) as temporary:
            temporary.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    held = [scores[name] for name in hold_out if name in scores]
    told = f", {np.mean(held):.1f} dB on {len(held)} pictures left out" if held else ""
    listener(Said(message=f"head: {out / 'head'} ({len(learnt)} pictures{told}; see {out / SHEET})"))
    return actor


def _pictures(folder: Path, hold_out: Sequence[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; one with {FEWEST} to {MOST} pictures of one moment was wanted.")
    inside = folder / "images" if (folder / "images").is_dir() else folder
    paths = {name_of(path): path for path in sorted(inside.iterdir()) if is_photograph(path)}
    unknown = [name for name in hold_out if name not in paths]
    if unknown:
        raise InputError(f"there is no picture {unknown[0]!r} to hold out in {inside}; there are {', '.join(paths)}.")
    if not FEWEST <= len(paths) - len(hold_out) <= MOST:
        raise InputError(
            f"{inside} holds {len(paths) - len(hold_out)} pictures to learn from; {FEWEST} to {MOST} of one moment "
            "were wanted. One to five photographs are given by name, without --views; of a film take the film."
        )
    return paths


def _read(paths: dict[str, Path], size: int, listener: Listener) -> dict[str, _Shown]:
    shown = {}
    for i, (name, path) in enumerate(paths.items(), start=1):
        photograph = read_photograph(path)
        try:
            face = prepare(photograph, size=size)
        except InputError:
            face = None  # the back of a head has none
        shown[name] = _Shown(photograph=photograph, face=face)
        listener(Progress(stage="views: faces", done=i, total=len(paths)))
    return shown


def _frontal(shown: dict[str, _Shown]) -> list[str]:
    """Pictures with a face, the most frontal first."""

    def turned(view: PhotoView) -> float:
        marks = view.landmarks
        return abs(float(marks[4, 0] - (marks[454, 0] + marks[234, 0]) / 2)) / np.ptp(marks[:, 0])

    faces = {name: turned(s.face) for name, s in shown.items() if s.face is not None}
    return sorted(faces, key=lambda name: faces[name])


def _placed(
    folder: Path, shown: dict[str, _Shown], hold_out: Sequence[str], size: int, listener: Listener
) -> tuple[Placed, dict[str, FittedPhoto], BuiltHead]:
    """The cameras about the head, the fitted faces, and the first head."""
    cameras = given_cameras(folder, list(shown))
    angles = None if cameras else azimuths(list(shown))
    found = [name for name in _frontal(shown) if name not in hold_out]
    if not found:
        raise InputError(f"none of the pictures in {folder} shows a face; a frontal one at least was wanted.")
    used = found[:DRESSED]
    views = {name: _hinted(shown[name], cameras[name] if cameras else None) for name in used}
    built = build(list(views.values()), steps=100, seed=0, listener=listener)
    fits = dict(zip(used, built.fit.photos, strict=True))
    if cameras:
        return place_given(_in_pixels(cameras, shown), fits, used[0]), fits, built
    sizes = {name: s.photograph.rgb.shape[1::-1] for name, s in shown.items()}
    scales = {name: size / s.face.crop[2] for name, s in shown.items() if s.face is not None}
    if angles:
        return place_about(angles, sizes, fits, used[0], scales), fits, built
    faces = [name for name in shown if shown[name].face is not None]
    left = [name for name in shown if name not in faces]
    if left:
        listener(Warned(message=f"no face and no camera is known in {', '.join(left)}; they are left out."))
    every = fit_photos([face for s in shown.values() if (face := s.face) is not None], model=FaceModel.load())
    all_fits = dict(zip(faces, every.photos, strict=True))
    return place_by_faces(all_fits, sizes, scales, used[0]), fits, built


def _hinted(shown: _Shown, camera: Camera | None) -> PhotoView:
    """A face whose lens is told where the camera is known."""
    assert shown.face is not None
    if camera is None:
        return shown.face
    scale = len(shown.face.image) / shown.face.crop[2] * shown.photograph.rgb.shape[1] / camera.width
    return replace(shown.face, focal_hint=float(camera.K[0, 0]) * scale)


def _in_pixels(cameras: dict[str, Camera], shown: dict[str, _Shown]) -> dict[str, Camera]:
    """Cameras in pixels of the pictures that came, which may be smaller than those that were calibrated."""
    return {n: camera.resized(*shown[n].photograph.rgb.shape[1::-1]) for n, camera in cameras.items()}


def _cut(photograph: Photograph, camera: Camera, placed: Placed, size: int) -> Picture:
    """The square around the head in one picture."""
    left, top, side = square = squared(camera, placed.head)
    cut = slice(top, top + side), slice(left, left + side)
    image = resize_image(np.ascontiguousarray(photograph.rgb[cut]), size, size)
    if photograph.alpha is None:
        alpha = refine_matte(image, PersonSegmenter()(image))
    else:
        alpha = resize_image(np.ascontiguousarray(photograph.alpha[cut]), size, size)
    return Picture(
        name=photograph.name,
        rgb=torch.from_numpy(image).float() / 255,
        alpha=torch.from_numpy(alpha).float() / 255,
        plate=torch.from_numpy(filled(image, alpha)),
        camera=cropped(camera, square, size),
    )


def _moment(placed: Placed, fits: dict[str, FittedPhoto], built: BuiltHead) -> MotionFrame:
    """What the face did: the mean of what the frontal pictures say, in the head's place."""
    neutral = MotionFrame.neutral(placed.head, placed.head)
    units = torch.stack([fit.units for fit in fits.values()]).mean(0)
    gaze = torch.stack([fit.gaze for fit in fits.values()]).mean(0)
    return replace(neutral, units=units.float(), gaze=gaze.float())


def _picture(head, moment: MotionFrame, picture: Picture) -> torch.Tensor:
    return render_moment(head, moment, picture.camera, background=picture.plate).rgb.clamp(0, 1)


@torch.no_grad()
def _psnr(head, moment: MotionFrame, picture: Picture) -> float:
    error = (_picture(head, moment, picture) - picture.rgb).square().mean()
    return round(float(-10 * torch.log10(error)), 3)


@torch.no_grad()
def _sheet(head, moment: MotionFrame, pictures: Sequence[Picture]) -> np.ndarray:
    """Eight of the pictures above what the head shows there."""
    chosen = [pictures[i] for i in np.unique(np.linspace(0, len(pictures) - 1, 8).round().astype(int))]
    rows = [torch.cat([p.rgb for p in chosen], 1), torch.cat([_picture(head, moment, p) for p in chosen], 1)]
    return (torch.cat(rows, 0) * 255).byte().numpy()
