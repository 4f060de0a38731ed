"""The whole way from a video to a Capture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture, CaptureInfo, CaptureWriter
from ..checks import InputError, fingerprint
from ..events import Listener, Warned, ignore, tracked
from ..facenet import LandmarkTracker, triangles
from ..media import VideoInfo, probe, read_frames
from . import report as quality
from .background import background_plate
from .bundle import BundleConfig
from .channels import mouth_opening
from .crop import Crop, Survey, choose_crop, survey
from .features import follow_head, steadied
from .initial import fill_gaps
from .labels import PartColours, label_parts, learn_colours
from .matte import MatteThread
from .report_page import draw_page
from .solve import CHANNELS, Solution, solve_clip
from .sync import Sound, read_sound, sound_in_step
from .torso import TorsoMotion, follow_torso, rest_frame, torso_poses

MIN_SECONDS = 3.0
"""Shortest clip that a person can be learnt from at all."""
MOST_LOST = 0.2
"""Largest share of frames in which the face may be lost."""
HELD_OUT = 0.1
"""Share of frames, the last ones, that nothing is fitted on."""
COLOUR_FRAMES, PLATE_FRAMES = 40, 60


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the pass over the video leaves in memory."""

    landmarks: np.ndarray
    """``[N, 478, 3]`` pixels of the crop, gaps filled."""
    tracked: np.ndarray
    """``[N]`` bool."""


def track(
    video: str | Path,
    out: str | Path,
    *,
    size: int = 512,
    train_seconds: float | None = None,
    listener: Listener = ignore,
    config: BundleConfig | None = None,
) -> Capture:
    """Track the person in a video and write a capture.

    Args:
        video: Video of one talking person, any resolution and frame rate, at least 3 s.
        out: Folder of the capture; made, or replaced where it is an older capture.
        size: Width and height of the square pictures, pixels.
        train_seconds: Learn from the first seconds only, to measure what a short clip gives: the same last tenth is
            held out, and what lies between serves nothing. By default all but the last tenth.
        listener: Gets Progress and Warned events.
        config: Noise and smoothness of the bundle adjustment.

    Returns:
        The capture, loaded.

    Raises:
        InputError: no video, no face, face lost in more than a fifth of the frames, too short, or
            ``out`` cannot be written. Nothing is left behind.
    """
    if not 128 <= size <= 2048:
        raise InputError(f"size is {size}; a number of pixels from 128 to 2048 was wanted.")
    video, out = Path(video), Path(out)
    info = probe(video)
    _require_length(info.duration, video)
    with CaptureWriter(out) as writer:
        heard = read_sound(video, info, listener)
        found = survey(video, info, listener)
        crop = choose_crop(found, info)
        seen = _watch(video, info, found, crop, size, writer, listener)
        _require_length(len(seen.tracked) / info.fps, video)
        first_held_out = len(seen.tracked) - round(HELD_OUT * len(seen.tracked))
        num_train = _num_train(first_held_out, info.fps, train_seconds)
        _require_tracked(seen.tracked, num_train, video, listener)
        camera = {"width": size, "height": size, "fps": info.fps}
        solution = solve_clip(
            seen.landmarks, seen.tracked, **camera, num_train=num_train, config=config, listener=listener
        )
        bad = _bad_frames(seen.tracked, solution.residual.numpy(), num_train)
        colours = _write_labels(writer, seen.landmarks, num_train, bad, listener)
        solution = _steadied(writer, seen.landmarks, solution, num_train, info.fps, bad, colours, config, listener)
        rest = rest_frame(solution.quats, solution.states.positions, np.setdiff1d(np.arange(num_train), bad))
        torso = _follow_torso(writer, seen.landmarks, colours, rest, info.fps)
        opening = np.where(seen.tracked, mouth_opening(seen.landmarks), np.nan)
        sound = None if heard is None else sound_in_step(heard, opening, info.fps, num_train, listener)
        unused = np.union1d(bad, np.arange(num_train, first_held_out))
        capture_info = _describe(video, info, crop, size, solution, num_train, unused, sound)
        figures = quality.measure(capture_info, solution, seen.landmarks, torso, sound, writer, survey=found)
        for advice in figures["advice"]:
            listener(Warned(message=advice))
        plate = background_plate(
            (writer.read_image(t), writer.read_alpha(t)) for t in _spread(num_train, bad, PLATE_FRAMES)
        )
        tensors = _tensors(solution, seen, torso, rest)
        samples = None if sound is None else sound.samples
        writer.finish(capture_info, tensors, background=plate, audio=samples, report=figures)
        draw_page(figures, solution, seen.landmarks, torso, writer, capture_info)
    return Capture.load(out)


def _require_length(seconds: float, video: Path) -> None:
    if seconds < MIN_SECONDS:
        raise InputError(
            f"video {video} lasts {seconds:.1f} s; at least {MIN_SECONDS:.0f} s of a talking face are needed,"
            " and 20 s to 3 minutes are best."
        )


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


def _watch(
    video: Path, info: VideoInfo, found: Survey, crop: Crop, size: int, writer: CaptureWriter, listener: Listener
) -> _Seen:
    """One pass over the video: landmarks here, mattes and files in a second thread; few frames in memory."""
    boxes = crop.to_crop(found.boxes[~np.isnan(found.boxes[:, 0])], size)
    landmarks: list[np.ndarray | None] = []
    frames = (crop.cut(image, size) for image in read_frames(video, fps=info.fps, listener=listener))
    finder = LandmarkTracker(boxes[0])
    with MatteThread(writer) as matting:
        for image in tracked(frames, "tracking: landmarks and masks", max(info.num_frames, 1), listener):
            matting.put(image)
            landmarks.append(finder(image))
    seen = np.array([points is not None for points in landmarks])
    if not seen.any():
        raise InputError(f"video {video} shows a face, but its features cannot be made out: too small or dark.")
    empty = np.zeros((478, 3), np.float32)
    filled = fill_gaps(np.stack([empty if points is None else points for points in landmarks]), seen)
    return _Seen(landmarks=filled, tracked=seen)


def _require_tracked(seen: np.ndarray, num_train: int, video: Path, listener: Listener) -> None:
    lost = np.flatnonzero(~seen)
    if len(lost) > MOST_LOST * len(seen) or seen[:num_train].sum() < 30:
        raise InputError(
            f"video {video}: the face was lost in {len(lost)} of {len(seen)} frames (first at frame {lost[0]});"
            " at most a fifth may be lost. Cut the parts where it is turned away, covered or out of the picture."
        )
    if len(lost):
        listener(
            Warned(message=f"The face was lost in {len(lost)} frames (first {lost[0]}): interpolated, not trained on.")
        )


def _bad_frames(seen: np.ndarray, residual: np.ndarray, num_train: int) -> np.ndarray:
    """Frames without a face, and those whose landmarks fit the face far worse than usual."""
    usual = np.median(residual[:num_train][seen[:num_train]])
    return np.flatnonzero(~seen | (residual > 6 * usual + 1.0))


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
    video: Path,
    info: VideoInfo,
    crop: Crop,
    size: int,
    solution: Solution,
    num_train: int,
    bad: np.ndarray,
    sound: Sound | None,
) -> CaptureInfo:
    focal = float(solution.model.focal)
    return CaptureInfo(
        fps=info.fps,
        num_frames=len(solution.residual),
        width=size,
        height=size,
        K=[[focal, 0.0, size / 2], [0.0, focal, size / 2], [0.0, 0.0, 1.0]],
        num_train=num_train,
        source={
            "name": video.name,
            "sha256": fingerprint(video),
            "fps": info.fps,
            "width": info.width,
            "height": info.height,
            "crop": [crop.x0, crop.y0, crop.size],
        },
        has_audio=sound is not None,
        audio_offset=0.0 if sound is None else sound.offset,
        channels=list(CHANNELS),
        bad_frames=[int(t) for t in bad],
    )


def _tensors(solution: Solution, seen: _Seen, torso: TorsoMotion, rest: int) -> dict[str, Tensor]:
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
        "expression": states.codes,
        "shape": model.shape,
        "basis": model.basis,
        "residual": solution.residual,
    }
    tensors = {name: value.float() for name, value in values.items()}
    tensors["triangles"] = torch.from_numpy(triangles())
    tensors["tracked"] = torch.from_numpy(seen.tracked.astype(np.uint8))
    return tensors
