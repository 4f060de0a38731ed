"""Write the demo clip: video with sound, another sentence to say, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from ..checks import InputError, require_count, require_writable_folder
from ..events import Listener, ignore, tracked
from ..media import VideoWriter, resize_image, write_audio
from .parts import PX
from .performing import blinks, wander
from .render import render_truth
from .subject import CHANNELS, Subject, build_subject
from .truth import DemoTruth
from .voice import SAMPLE_RATE, Speech, speak

VIEW_METRES = 0.445
"""Width of the picture at the head's distance."""
REST_POSITION = (0.0, -0.03, 1.0)
"""Metres from the camera to the head at rest."""
HEAD_SWING_DEG = (6.0, 12.0, 3.0)
"""Largest pitch, yaw and roll."""
HEAD_SHIFT = (0.010, 0.006, 0.015)
"""Largest shift along x, y and z, metres."""
TORSO_SWING_DEG = (0.8, 2.0, 1.0)
TORSO_SHIFT = (0.005, 0.004, 0.006)


@dataclass(frozen=True, kw_only=True)
class DemoClip:
    """Where the parts of a demo clip lie."""

    folder: Path
    """The folder given."""
    video: Path
    """``demo.mp4``: h264 with aac sound."""
    speech: Path
    """``speech.wav``: the same voice saying something else, 16 kHz."""
    truth_path: Path
    """``truth.npz``; read it with ``DemoTruth.load``."""


def make_demo_clip(
    out_folder: str | Path,
    *,
    seconds: float = 12.0,
    fps: float = 25.0,
    size: int = 512,
    seed: int = 0,
    listener: Listener = ignore,
) -> DemoClip:
    """Make a short talking clip of a synthetic 3D person whose every motion is known.

    Args:
        out_folder: created where needed; files of the same names are replaced.
        seconds: length of the clip and of the second sentence.
        fps: frames per second.
        size: width and height in pixels.
        seed: another seed gives other words and motion of the same person.
        listener: told of each frame drawn.

    Raises:
        InputError: arguments out of range, or folder not writable.
    """
    if not (1.0 <= seconds <= 600 and 5 <= fps <= 120 and 64 <= size <= 2048):
        raise InputError(
            f"a demo of {seconds} s at {fps} fps and {size} pixels was asked; 1 to 600 s, 5 to 120 fps and 64 to 2048"
            " pixels are possible."
        )
    require_count(seed, "seed")
    folder = require_writable_folder(out_folder, "demo folder")
    speech = speak(seconds, fps, seed)
    truth = animate(build_subject(), speech, fps=fps, size=size, seed=seed)
    clip = DemoClip(
        folder=folder, video=folder / "demo.mp4", speech=folder / "speech.wav", truth_path=folder / "truth.npz"
    )
    with VideoWriter(clip.video, width=size, height=size, fps=fps, audio=speech.samples) as writer:
        for t in tracked(range(len(truth)), "demo: drawing", len(truth), listener):
            writer.write(render_truth(truth, t).rgb)
    write_audio(clip.speech, speak(seconds, fps, seed + 1000).samples, SAMPLE_RATE)
    truth.save(clip.truth_path)
    return clip


def animate(subject: Subject, speech: Speech, *, fps: float, size: int, seed: int) -> DemoTruth:
    """Give a subject the mouth of ``speech`` and smooth random motion of head, torso, eyelids, brows and eyes."""
    rng = np.random.default_rng(seed + 77)
    frames = len(speech.loudness)
    focal = size * REST_POSITION[2] / VIEW_METRES
    swing = wander(rng, frames, fps, np.array(HEAD_SWING_DEG), 0.55)
    head_shift = wander(rng, frames, fps, np.array(HEAD_SHIFT), 0.7)
    torso_swing = wander(rng, frames, fps, np.array(TORSO_SWING_DEG), 0.9)
    torso_shift = wander(rng, frames, fps, np.array(TORSO_SHIFT), 0.9)
    blink = blinks(rng, frames, fps)
    gaze = wander(rng, frames, fps, np.array([0.12, 0.05]), 0.25)
    brow = np.clip(wander(rng, frames, fps, np.array([1.0]), 0.3)[:, 0], 0, 1) * 0.8
    values = {
        **speech.mouth,
        "blink_l": blink,
        "blink_r": blink,
        "brow_up": brow,
        "gaze_x": gaze[:, 0],
        "gaze_y": gaze[:, 1],
    }
    return DemoTruth(
        subject=subject,
        fps=fps,
        K=np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]], np.float32),
        width=size,
        height=size,
        plate=_plate(subject.background, size),
        head_rotations=Rotation.from_euler("xyz", swing, degrees=True).as_matrix().astype(np.float32),
        head_positions=(head_shift + torso_shift + np.array(REST_POSITION)).astype(np.float32),
        torso_rotations=Rotation.from_euler("xyz", torso_swing, degrees=True).as_matrix().astype(np.float32),
        torso_positions=(torso_shift + np.array(REST_POSITION)).astype(np.float32),
        channels=np.stack([values[name] for name in CHANNELS], -1).astype(np.float32),
        loudness=speech.loudness.astype(np.float32),
    )


def _plate(background: np.ndarray, size: int) -> np.ndarray:
    """The part of the photo behind the subject, ``[size, size, 3]`` u8."""
    side = round(VIEW_METRES / PX)
    left, top = 224 - side // 2, 0
    return resize_image(background[top : top + side, left : left + side], size, size)
