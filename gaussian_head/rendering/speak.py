"""From a saved head and a sound file to a talking video: the whole of `gaussian-head render`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ..camera import Camera
from ..checks import InputError
from ..events import Listener, ignore
from ..head import Head
from ..media import read_audio
from ..motion import Motion
from .paths import camera_path
from .video import render_video

SAMPLE_RATE = 16000


def render_speech(
    head: str | Path | Head,
    out: str | Path,
    *,
    audio: str | Path | None = None,
    camera: str = "front",
    size: int | None = None,
    pose: Literal["captured", "still"] = "captured",
    blink: bool = True,
    seed: int = 0,
    listener: Listener = ignore,
) -> Path:
    """Let a head speak, or repeat its own clip, and write an mp4 with sound.

    Args:
        head: a Head or the folder of one.
        out: the mp4 to write.
        audio: sound or video file to speak; None replays the captured clip, with its sound where the
            capture is still in its place.
        camera: ``"front"``, ``"orbit"`` or a JSON file of keyframes.
        size: picture height in pixels, by default the captured one; the width keeps the aspect.
        pose: head pose from the captured clip, looped, or held still.
        blink: add blinks.
        seed: of blinks and pose loop.
        listener: receives Progress.

    Raises:
        InputError: no sound in ``audio``, or a head trained on a silent clip was asked to speak.
    """
    if not isinstance(head, Head):
        head = Head.load(head)
    if audio is None:
        samples, motion = captured_sound(head), head.capture_motion
    else:
        samples = read_audio(audio, sample_rate=SAMPLE_RATE)
        motion = speak(head, samples, pose=pose, blink=blink, seed=seed)
    cameras = _cameras(head, camera, len(motion), size, seed)
    return render_video(head, motion, cameras, out, audio=samples, sample_rate=SAMPLE_RATE, listener=listener)


def captured_sound(head: Head) -> np.ndarray | None:
    """Sound ``[S]`` (16 kHz mono) of the clip a head was trained on; None where it had none or was moved away."""
    path = Path(head.capture_path) / "audio.wav"
    return read_audio(path, sample_rate=SAMPLE_RATE) if head.capture_path and path.is_file() else None


def speak(
    head: Head,
    samples: np.ndarray,
    *,
    pose: Literal["captured", "still"] = "captured",
    blink: bool = True,
    seed: int = 0,
) -> Motion:
    """Motion of ``head`` saying ``samples`` (``[S]``, 16 kHz mono), as long as the sound to a frame.

    Raises:
        InputError: the head was trained on a clip without sound.
    """
    from ..motion.drive import drive_by_audio

    if head.audio_model is None:
        raise InputError(
            "this head was trained on a clip without sound and cannot speak; reconstruct it from a clip with sound."
        )
    return drive_by_audio(
        head.audio_model, head.capture_motion, samples, fps=head.fps, pose=pose, blink=blink, seed=seed
    )


def _cameras(head: Head, camera: str, num_frames: int, size: int | None, seed: int) -> Sequence[Camera]:
    cameras = camera_path(head, camera, num_frames, fps=head.fps, seed=seed)
    if size is None:
        return cameras
    if size < 16:
        raise InputError(f"size {size} is too small; 16 pixels or more are wanted.")
    width = round(head.camera.width * size / head.camera.height)
    return cameras.map(lambda c: c.resized(width, size))
