"""The whole way from a video to a Capture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ..capture import UNITS_FILE, Capture, CaptureInfo, CaptureWriter
from ..checks import InputError, fingerprint
from ..events import Listener, Progress, ignore, tracked
from ..facenet import triangles
from ..lips import LipJudge
from ..lips.crops import mouths
from ..media import probe
from ..motion import write_take
from . import report as quality
from .background import background_plate
from .bundle import BundleConfig
from .channels import mouth_opening
from .code_map import said_in_units
from .crop import MIN_SECONDS, Crop, choose_crop, survey
from .exposure import look_at_camera
from .features import follow_head
from .filmed import FilmedFace
from .findings import MOST_LOST, Findings
from .footage import Footage
from .held_poses import steadied
from .labels import PartColours, label_parts, learn_colours
from .nodding import NOD
from .photometric import Pictures
from .reading import Lips, read_lips
from .report_page import draw_page
from .solve import CODE, Solution, solve_clip
from .sync import Sound, read_sound, sound_in_step
from .torso import TorsoMotion, follow_torso, rest_frame, torso_poses
from .units import units_of
from .watch import Seen, require_frames, watch

Refine = Literal["none", "photometric"]
HELD_OUT = 0.1
"""Share of frames, the last ones, that nothing is fitted on."""
COLOUR_FRAMES, PLATE_FRAMES = 40, 60
NOTHING_TO_READ = "lips are read by what they say, and there is no sound in step with them; leave --lips read out."


def track(
    video: str | Path,
    out: str | Path,
    *,
    size: int = 512,
    train_seconds: float | None = None,
    lips: Lips = "seen",
    refine: Refine = "none",
    most_lost: float = MOST_LOST,
    overwrite: bool = False,
    listener: Listener = ignore,
    config: BundleConfig | None = None,
) -> Capture:
    """Track the person in a video and write a capture.

    Args:
        video: Video of one talking person, any resolution and frame rate, at least 3 s.
        out: Folder of the capture.
        size: Width and height of the square pictures, pixels.
        train_seconds: Learn from the first seconds only, to measure what a short clip gives: the same last tenth is
            held out, and what lies between serves nothing. By default all but the last tenth.
        lips: ``seen`` as landmarks show them; ``read`` refined by the sound that they say (see ``reading``).
        refine: ``none`` takes units from landmarks alone; ``photometric`` asks pixels too (see ``photometric``), which
            costs about a tenth of a second a frame.
        most_lost: Largest share of frames in which the face may be lost; they are left out.
        overwrite: Replace an older capture in ``out``.
        listener: Gets Progress and Warned events.
        config: Noise and smoothness of the bundle adjustment.

    Returns:
        The capture, loaded.

    Raises:
        InputError: no video, no face, face lost in too many of the frames, too short, lips to be read
            without sound in step or without the judge's speech encoder, or ``out`` cannot be written or holds
            something that would be lost. Nothing is left behind.
    """
    if not 128 <= size <= 2048:
        raise InputError(f"size is {size}; a number of pixels from 128 to 2048 was wanted.")
    if lips not in get_args(Lips):
        raise InputError(f"lips is {lips!r}; {' or '.join(get_args(Lips))} was wanted.")
    if refine not in get_args(Refine):
        raise InputError(f"refine is {refine!r}; {' or '.join(get_args(Refine))} was wanted.")
    if lips == "read":
        LipJudge.load().require_ears()
    video, out = Path(video), Path(out)
    info = probe(video)
    findings = Findings(video, info.fps, listener, most_lost=most_lost)
    for note in info.notes:
        findings.add("recording", note)
    require_frames(info.duration, info.num_frames, (1 - HELD_OUT) * info.num_frames, info.fps, findings)
    with CaptureWriter(out, overwrite=overwrite) as writer:
        heard = read_sound(video, info, findings, listener)
        found = survey(Footage(video=video, info=info), findings, listener)
        crop = choose_crop(found)
        seen = watch(found, crop, size, writer, findings, listener)
        steady = look_at_camera(writer, seen.tracked, info.fps)
        first_held_out = len(seen.tracked) - round(HELD_OUT * len(seen.tracked))
        num_train = _num_train(first_held_out, info.fps, train_seconds)
        seconds, usable = len(seen.tracked) / info.fps, int(seen.tracked[:num_train].sum())
        require_frames(seconds, len(seen.tracked), usable, info.fps, findings)
        camera = {"width": size, "height": size, "fps": info.fps}
        solution = solve_clip(
            seen.landmarks,
            seen.tracked,
            **camera,
            num_train=num_train,
            nod=NOD,
            config=config,
            listener=listener,
        )
        bad = _bad_frames(seen.tracked, solution.residual.numpy(), num_train, findings)
        colours = _write_labels(writer, seen.landmarks, num_train, bad, listener)
        solution = _steadied(writer, seen.landmarks, solution, num_train, info.fps, bad, colours, config, listener)
        rest = rest_frame(solution.quats, solution.states.positions, np.setdiff1d(np.arange(num_train), bad))
        torso = _follow_torso(writer, seen.landmarks, colours, rest, info.fps)
        opening = np.where(seen.tracked, mouth_opening(seen.landmarks), np.nan)
        sound = (
            None
            if heard is None
            else sound_in_step(heard, opening, info.fps, num_train, findings, start=found.footage.first / info.fps)
        )
        if lips == "read" and sound is None:
            findings.add("lips not read", NOTHING_TO_READ, severity="refused")
        unused = np.union1d(bad, np.arange(num_train, first_held_out))
        capture_info = _describe(found.footage, crop, size, solution, num_train, unused, sound)
        plate = background_plate(
            (writer.read_image(t), writer.read_alpha(t)) for t in _spread(num_train, bad, PLATE_FRAMES)
        )
        figures = quality.measure(
            capture_info, solution, seen.landmarks, torso, sound, plate, writer, survey=found, camera=steady
        )
        quality.advise(figures, findings)
        figures["findings"] = findings.as_json()
        figures["advice"] = [finding.words for finding in findings.all]
        listener(Progress(stage="tracking: units", done=0, total=1))
        tensors = _tensors(solution, seen, torso, rest)
        code, units = solution.states.codes.float(), None
        if refine == "photometric":
            filmed = FilmedFace.told(tensors, code, capture_info)
            units = units_of(filmed, pictures=_pictures(writer), listener=listener)
            figures["refined"] = dict(units.figures)
        tensors |= said_in_units(tensors, code, capture_info, units)
        listener(Progress(stage="tracking: units", done=1, total=1))
        samples = None if sound is None else sound.samples
        if lips == "read" and samples is not None:
            cut = mouths((writer.read_image(t) for t in range(len(seen.landmarks))), seen.landmarks[..., :2])
            read = read_lips(tensors["units"], info.fps, samples, cut)
            tensors["units"], figures["lips_read"] = read.units, dict(read.figures)
        writer.finish(capture_info, tensors, background=plate, audio=samples, report=figures)
        draw_page(figures, solution, seen.landmarks, torso, writer, capture_info)
        write_take(writer.folder / UNITS_FILE, Capture.load(writer.folder).motion)
    return Capture.load(out)


def _num_train(first_held_out: int, fps: float, seconds: float | None) -> int:
    """Frames to learn from."""
    if seconds is None:
        return first_held_out
    if not MIN_SECONDS <= seconds <= first_held_out / fps:
        raise InputError(
            f"train_seconds is {seconds}; {MIN_SECONDS:g} to {first_held_out / fps:.1f} s, all but the last tenth of "
            "the clip, were wanted."
        )
    return round(seconds * fps)


def _bad_frames(seen: np.ndarray, residual: np.ndarray, num_train: int, findings: Findings) -> np.ndarray:
    """Frames that are not used, and those whose landmarks fit the face far worse than usual."""
    usual = np.median(residual[:num_train][seen[:num_train]])
    far = residual > 6 * usual + 1.0
    disbelieved = np.flatnonzero(seen & far)
    if len(disbelieved):
        findings.add(
            "not believed", "The face found is not believed; left out are", severity="left out", frames=disbelieved
        )
    return np.flatnonzero(~seen | far)


def _spread(num_train: int, bad: np.ndarray, count: int) -> np.ndarray:
    """Up to ``count`` good training frames spread over the clip."""
    good = np.setdiff1d(np.arange(num_train), bad)
    return good[np.unique(np.linspace(0, len(good) - 1, count).round().astype(int))]


def _write_labels(
    writer: CaptureWriter, landmarks: np.ndarray, num_train: int, bad: np.ndarray, listener: Listener
) -> PartColours:
    """Write all part labels, two threads at work; returns the colours they were told by."""
    points = landmarks[..., :2].astype(np.float64)
    colours = learn_colours(
        (writer.read_image(t), writer.read_alpha(t), points[t]) for t in _spread(num_train, bad, COLOUR_FRAMES)
    )

    def label(t: int) -> None:
        writer.write_labels(t, _labels_of(writer, t, points[t], colours))

    num_frames = len(landmarks)
    with ThreadPoolExecutor(2) as pool:
        for _ in tracked(pool.map(label, range(num_frames)), "tracking: part labels", num_frames, listener):
            pass
    return colours


def _pictures(writer: CaptureWriter) -> Pictures:
    return lambda t: (writer.read_image(t), writer.read_labels(t))


def _gray(writer: CaptureWriter, t: int) -> np.ndarray:
    import cv2

    return cv2.cvtColor(writer.read_image(t), cv2.COLOR_RGB2GRAY)


def _steadied(
    writer: CaptureWriter,
    landmarks: np.ndarray,
    solution: Solution,
    num_train: int,
    fps: float,
    bad: np.ndarray,
    colours: PartColours,
    config: BundleConfig | None,
    listener: Listener,
) -> Solution:
    """The solution, its poses held by features of skin and hair."""
    points = landmarks[..., :2].astype(np.float64)
    features = follow_head(
        lambda t: _gray(writer, t),
        lambda t: _labels_of(writer, t, points[t], colours),
        points,
        solution.model,
        solution.states,
        np.setdiff1d(np.arange(num_train), bad),
        listener,
    )
    return steadied(solution, features, config or BundleConfig(), fps=fps, num_train=num_train)


def _follow_torso(
    writer: CaptureWriter, landmarks: np.ndarray, colours: PartColours, rest: int, fps: float
) -> TorsoMotion:
    at_rest = _labels_of(writer, rest, landmarks[rest, :, :2].astype(np.float64), colours)
    return follow_torso(lambda t: _gray(writer, t), rest, at_rest, len(landmarks), fps)


def _labels_of(writer: CaptureWriter, t: int, points: np.ndarray, colours: PartColours) -> np.ndarray:
    return label_parts(writer.read_image(t), writer.read_alpha(t), points, colours)


def _describe(
    footage: Footage, crop: Crop, size: int, solution: Solution, num_train: int, bad: np.ndarray, sound: Sound | None
) -> CaptureInfo:
    focal = float(solution.model.focal)
    return CaptureInfo(
        fps=footage.fps,
        num_frames=len(solution.residual),
        width=size,
        height=size,
        K=[[focal, 0.0, size / 2], [0.0, focal, size / 2], [0.0, 0.0, 1.0]],
        num_train=num_train,
        source={
            "name": footage.video.name,
            "sha256": fingerprint(footage.video),
            "fps": footage.fps,
            "width": footage.width,
            "height": footage.height,
            "crop": [crop.x0, crop.y0, crop.size],
            "turned_deg": 90 * footage.turn,
            "first_frame": footage.first,
        },
        has_audio=sound is not None,
        audio_offset=0.0 if sound is None else sound.offset,
        code=list(CODE),
        bad_frames=[int(t) for t in bad],
    )


def _tensors(solution: Solution, seen: Seen, torso: TorsoMotion, rest: int) -> dict[str, Tensor]:
    model, states = solution.model, solution.states
    quats = solution.quats
    torso_quats, torso_positions = torso_poses(
        torso, quats[rest], states.positions[rest], model.focal, model.centre, rest
    )
    values = {
        "landmarks": torch.from_numpy(seen.landmarks[..., :2].copy()),
        "head_quats": quats,
        "head_positions": states.positions,
        "torso_quats": torso_quats,
        "torso_positions": torso_positions,
        "shape": model.shape,
        "basis": model.basis,
        "reprojection": solution.residual,
    }
    tensors = {name: value.float() for name, value in values.items()}
    tensors["triangles"] = torch.from_numpy(triangles())
    tensors["tracked"] = torch.from_numpy(seen.tracked.astype(np.uint8))
    return tensors
