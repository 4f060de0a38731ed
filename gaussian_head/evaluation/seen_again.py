"""What a rendered video shows: its head's poses and eyes, tracked anew from the pictures as anybody's would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..capture import capture_of
from ..checks import InputError
from ..events import Listener, ignore, tracked
from ..facenet import NUM_LANDMARKS, FaceLandmarks
from ..media import probe, read_frames
from ..motion import Motion, Performance, Pose
from ..motion.edit import resample
from ..rendering import backdrop, camera_path, framed, render_video
from ..tracking.initial import fill_gaps
from ..tracking.seen_units import UnitReader
from ..tracking.solve import CODE, solve_clip
from ..tracking.unit_rows import EYEBALL
from ..tracking.unit_solver import HALF_EYE

LEAST_SEEN = 0.9
"""Share of pictures in which a face must be found."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A motion as a video of it shows it."""

    fps: float
    """Pictures per second."""
    landmarks: np.ndarray
    """``[T, 478, 2]`` pixels, NaN where no face was found."""
    head: Pose
    """T moments, of a face and a camera that are fitted to these landmarks alone."""
    gaze: Tensor
    """``[T, 2]`` radians, to the picture's right and down."""


def filmed(
    actor: Actor, motion: Motion, video: Path, *, size: int, fps: float | None = None, listener: Listener = ignore
) -> Path:
    """Render ``motion`` to a video file, unless it is there.

    Args:
        actor: who.
        motion: what they do.
        video: .mp4 file.
        size: height in pixels.
        fps: pictures per second, by default the motion's.
        listener: receives Progress.
    """
    if not video.exists():
        motion = resample(motion, motion.fps if fps is None else fps)
        cameras = camera_path(actor.head, "front", len(motion), fps=motion.fps)
        cameras = cameras.map(lambda camera: framed(camera, size, size))
        behind = backdrop(actor.head, "captured", cameras[0])
        video.parent.mkdir(parents=True, exist_ok=True)
        render_video(
            actor.head, Performance(motion=motion), cameras, video, background=behind, label=False, listener=listener
        )
    return video


def marks_in(video: Path, *, listener: Listener = ignore) -> np.ndarray:
    """Landmarks ``[T, 478, 3]`` of the largest face of every picture, pixels; NaN where none is."""
    find, info = FaceLandmarks(), probe(video)
    found = []
    for frame in tracked(read_frames(video), "looking again", info.num_frames, listener):
        faces = find(frame)
        found.append(faces[0] if faces else np.full((NUM_LANDMARKS, 3), np.nan, np.float32))
    return np.array(found, np.float32)


def seen_again(video: Path, *, listener: Listener = ignore) -> Shown:
    """Track a video by its landmarks, knowing nothing of who or what it shows.

    Raises:
        InputError: a face is found in too few pictures.
    """
    info, marks = probe(video), marks_in(video, listener=listener)
    seen = np.asarray(np.isfinite(marks).all((1, 2)))
    if seen.mean() < LEAST_SEEN:
        raise InputError(f"{video} shows a face in {seen.mean():.0%} of its pictures; {LEAST_SEEN:.0%} were wanted.")
    marks = fill_gaps(marks.astype(np.float64), seen)
    solved = solve_clip(
        marks, seen, width=info.width, height=info.height, fps=info.fps, num_train=len(marks), listener=listener
    )
    looked = solved.states.codes[:, [CODE.index("gaze_x"), CODE.index("gaze_y")]]
    return Shown(
        fps=info.fps,
        landmarks=np.where(seen[:, None, None], marks[..., :2], np.nan),
        head=Pose(quats=solved.quats.float(), positions=solved.states.positions.float()),
        gaze=torch.asin((looked * HALF_EYE / EYEBALL).clamp(-0.9, 0.9)).float(),
    )


def units_in(actor: Actor, motion: Motion, video: Path, *, listener: Listener = ignore) -> Tensor:
    """Units ``[T, 52]`` in the pictures of a video of an actor doing ``motion``, whose face its capture tells."""
    return units_of_marks(actor, motion, video, marks_in(video, listener=listener))


def units_of_marks(actor: Actor, motion: Motion, video: Path, marks: np.ndarray) -> Tensor:
    """The same from the landmarks ``[T, 478, 3]`` in the pictures."""
    capture = capture_of(actor.clip.motion, actor.clip.capture_path)
    info = probe(video)
    points = marks[..., :2] * (capture.camera.height / info.height)
    return UnitReader(capture).read(points, resample(motion, info.fps, len(marks)).head, info.fps)
