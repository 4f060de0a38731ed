"""From several films of one moment to one Capture with several cameras."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..capture import UNITS_FILE, Capture, CaptureInfo, ViewInfo, camera_name, read_tracking, require_place
from ..capture.views import VIEWS
from ..checkpoint import save_tensors
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ..events import Event, Listener, Progress, Warned, ignore
from ..media import probe, read_audio
from ..motion import write_take
from ..transforms import quat_conjugate, quat_multiply, rigid_inverse
from .bundle import continuous_quats
from .calibrating import Calibration, calibrate, steady_poses
from .clocks import Clock, clock_of
from .code_map import said_in_units
from .pipeline import track
from .placing import Filming, place

DOUBTFUL = 0.012
"""Widths of the face by which landmarks are missed where a camera is not well placed; well placed ones miss by .003 to
.006."""
BESIDE_LOST = 0.5
"""Largest share of frames in which a camera beside the leading one may lose the face, since that one sees it."""
ONE_CLOCK = Clock(offset=0.0, rate=1.0, spread=0.0, stretches=0)
"""Of cameras that a studio triggers together."""


def track_several(
    videos: Sequence[str | Path],
    out: str | Path,
    *,
    size: int = 512,
    cameras: Mapping[str, Camera] | None = None,
    hold_out: Sequence[str] = (),
    one_clock: bool = False,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Capture:
    """Track one person in several films of the same moment and write one capture.

    Args:
        videos: The leading camera's first. Each is tracked by itself, put in step by its sound and placed by the head.
            One that cannot be used is left out, and Warned says why.
        out: Folder of the capture.
        size: Width and height of the square pictures, pixels.
        cameras: Lenses and places by ``camera_name`` where they are known, in pixels of the films.
        hold_out: Names of cameras that are placed, but tell nothing about the head.
        one_clock: All began at one moment and ran by one clock; no sound is asked.
        overwrite: Replace an older capture in ``out``.
        listener: Gets Progress and Warned events.

    Returns:
        The capture, loaded; ``capture.views_of`` gives its cameras.

    Raises:
        InputError: The leading film cannot be used, or none of the others.
    """
    names = camera_names(videos)
    unknown = [name for name in hold_out if name not in names[1:]]
    if unknown:
        raise InputError(f"there is no camera {unknown[0]!r} to hold out beside {names[0]!r}; there are {names[1:]}.")
    given = _named(cameras or {}, names)
    require_place(out, overwrite=overwrite)
    with replacing(out, folder=True) as folder:
        leader = track(videos[0], folder, size=size, listener=_said_of(names[0], listener))
        heard = None if one_clock else _sound(Path(videos[0]), names[0])
        lens = _in_crop(given[names[0]], leader) if given else None
        found, lost = [], []
        for name, video in zip(names[1:], videos[1:], strict=True):
            try:
                filming = _tracked(leader, heard, Path(video), folder, name, size, name in hold_out, listener)
                if lens is not None:
                    home = rigid_inverse(lens.viewmat)
                    camera = _in_crop(given[name], filming.capture)
                    filming = replace(filming, given=camera.with_view(camera.viewmat @ home))
                place(leader, filming)
                found.append(filming)
            except InputError as error:
                shutil.rmtree(folder / VIEWS / name, ignore_errors=True)
                lost.append(f"camera {name!r} is left out: {error}")
                listener(Warned(message=lost[-1]))
        if not found:
            raise InputError(f"none of the cameras beside {names[0]!r} can be used. {' '.join(lost)}")
        listener(Progress(stage="tracking: cameras", done=0, total=1))
        calibration = join(leader, found, lens=lens, lost=lost)
        for message in _doubts(found, calibration):
            listener(Warned(message=message))
        listener(Progress(stage="tracking: cameras", done=1, total=1))
    return Capture.load(out)


def join(
    leader: Capture, found: Sequence[Filming], *, lens: Camera | None = None, lost: Sequence[str] = ()
) -> Calibration:
    """Calibrate cameras whose captures lie in the leading one's ``views``, and write there what all told together."""
    calibration = calibrate(leader, found, lens=lens)
    _write(leader.path, leader, found, calibration)
    _describe(leader.path, found, calibration, lost)
    return calibration


def camera_names(videos: Sequence[str | Path]) -> list[str]:
    """What the cameras of films are called, each once."""
    names: list[str] = []
    for video in videos:
        name = base = camera_name(str(video))
        while name in names:
            name = f"{base}-{names.count(base) + sum(n.startswith(base + '-') for n in names) + 1}"
        names.append(name)
    return names


def _doubts(found: Sequence[Filming], calibration: Calibration) -> list[str]:
    """A sentence for each camera that may make the head worse."""
    return [
        f"camera {filming.name!r} fits the face loosely (it misses landmarks by {100 * left:.1f} % of the face; "
        "well placed ones by half of one) and may make the head worse: leave it out, give --cameras, or film with "
        "more cameras."
        for filming, left in zip(found, calibration.residual, strict=True)
        if not left < DOUBTFUL
    ]


def _named(cameras: Mapping[str, Camera], names: Sequence[str]) -> Mapping[str, Camera]:
    """The cameras given; InputError where there are some, but not of all films."""
    missing = [name for name in names if name not in cameras]
    if cameras and missing:
        raise InputError(
            f"the cameras given are called {', '.join(sorted(cameras))}; {', '.join(missing)} is not among them: name "
            "the films as the cameras, or leave them out to have the cameras found."
        )
    return cameras


def _said_of(name: str, listener: Listener) -> Listener:
    def tell(event: Event) -> None:
        if isinstance(event, Progress):
            event = replace(event, stage=f"{name}: {event.stage}")
        listener(event)

    return tell


def _sound(video: Path, name: str) -> np.ndarray:
    if not probe(video).has_audio:
        raise InputError(f"camera {name!r} recorded no sound, by which films are put in step; switch it on.")
    return read_audio(video, sample_rate=SAMPLE_RATE)


def _tracked(
    leader: Capture,
    heard: np.ndarray | None,
    video: Path,
    folder: Path,
    name: str,
    size: int,
    held_out: bool,
    listener: Listener,
) -> Filming:
    """One camera's film, tracked and in step."""
    clock = ONE_CLOCK if heard is None else clock_of(heard, _sound(video, name), name)
    own = track(video, folder / VIEWS / name, size=size, most_lost=BESIDE_LOST, listener=_said_of(name, listener))
    ours, theirs = (capture.info.source.get("first_frame", 0) / capture.fps for capture in (leader, own))
    clock = replace(clock, offset=clock.offset + clock.rate * theirs - ours)
    return Filming(name=name, capture=own, clock=clock, held_out=held_out)


def _in_crop(camera: Camera, capture: Capture) -> Camera:
    """A camera of a film as that of the square that was cut out of its pictures once they stood upright."""
    left, top, side = capture.info.source["crop"]
    camera = camera.turned(capture.info.source.get("turned_deg", 0) // 90)
    K = camera.K.clone()
    K[0, 2] -= left
    K[1, 2] -= top
    K[:2] *= capture.info.width / side
    return Camera(viewmat=camera.viewmat, K=K, width=capture.info.width, height=capture.info.height)


def _write(folder: Path, leader: Capture, found: Sequence[Filming], calibration: Calibration) -> None:
    """The leading capture as all cameras told it, and what was found of each beside it."""
    model, states = calibration.model, calibration.states
    tensors = read_tracking(folder / "tracking.safetensors", leader.info)
    quats, positions = steady_poses(leader, calibration)
    info = replace(leader.info, K=_lens(model.focal, model.centre))
    tensors |= _torso(tensors, quats, positions, leader, model.focal)
    values = {"shape": model.shape, "basis": model.basis, "head_quats": quats, "head_positions": positions}
    tensors |= {name: value.float().contiguous() for name, value in values.items()}
    tensors |= said_in_units(tensors, states.codes.float(), info)
    _keep(folder, info, tensors)
    for filming, camera in zip(found, calibration.cameras, strict=True):
        viewmat = torch.eye(4).double()
        viewmat[:3, :3], viewmat[:3, 3] = camera.rotation, camera.translation
        ViewInfo(
            viewmat=viewmat.tolist(),
            K=_lens(camera.focal, camera.centre),
            offset=filming.clock.offset,
            rate=filming.clock.rate,
        ).save(folder / VIEWS / filming.name)


def _keep(folder: Path, info: CaptureInfo, tensors: Mapping[str, Tensor]) -> None:
    save_tensors(folder / "tracking.safetensors", {name: value.contiguous() for name, value in tensors.items()})
    (folder / "capture.json").write_text(info.to_json(), encoding="utf-8")
    write_take(folder / UNITS_FILE, Capture.load(folder).motion)


def _lens(focal: float, centre: Tensor) -> list[list[float]]:
    x, y = centre.tolist()
    return [[focal, 0.0, x], [0.0, focal, y], [0.0, 0.0, 1.0]]


def _torso(
    tensors: Mapping[str, Tensor], quats: Tensor, positions: Tensor, leader: Capture, focal: float
) -> dict[str, Tensor]:
    """The torso's poses where the head at rest is and the lens is as now known: what the picture shows stays."""
    apart = (tensors["torso_positions"] - tensors["head_positions"]).norm(dim=1)
    rest = int(apart.argmin())
    before, now = tensors["head_positions"][rest].double(), positions[rest]
    deeper = float(now[2] / before[2])
    wider = deeper * float(leader.camera.K[0, 0]) / focal
    scale = torch.tensor([wider, wider, deeper], dtype=torch.float64)
    turn = quat_multiply(quats[rest], quat_conjugate(tensors["head_quats"][rest].double()))
    turned = quat_multiply(tensors["torso_quats"].double(), quat_conjugate(tensors["torso_quats"][rest].double())[None])
    turned = quat_multiply(turned, quat_multiply(turn, tensors["torso_quats"][rest].double()).expand_as(turned))
    moved = now + scale * (tensors["torso_positions"].double() - tensors["torso_positions"][rest].double())
    return {"torso_quats": continuous_quats(turned).float(), "torso_positions": moved.float()}


def _describe(folder: Path, found: Sequence[Filming], calibration: Calibration, lost: Sequence[str]) -> None:
    """What was found of the cameras, as numbers in the quality report."""
    path = folder / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["cameras"] = {
        filming.name: {
            "offset_s": round(filming.clock.offset, 5),
            "rate": round(filming.clock.rate, 7),
            "sync_spread_ms": round(1000 * filming.clock.spread, 3),
            "turned_apart_deg": round(apart, 2),
            "residual_of_face": round(left, 4),
        }
        for filming, apart, left in zip(found, calibration.turned_apart_deg, calibration.residual, strict=True)
    }
    report["cameras_left_out"] = list(lost)
    path.write_text(json.dumps(report, indent=1), encoding="utf-8")
