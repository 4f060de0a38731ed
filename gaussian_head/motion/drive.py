"""The whole motion of a head that speaks: lips from sound, the rest from its clip and from generators."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..speech import SAMPLE_RATE, SpeechFeatures, encode_speech
from ..speech.windows import blurred
from ._types import Motion, is_lip_channel
from .audio_model import AudioToMotion
from .edit import resample, still_pose
from .idle import blinks, loop_poses

SLOW_SECONDS = 0.3
"""Brows, gaze and the rest of the upper face follow the clip no faster than this."""
SHALLOWEST_BLINK, DEEPEST_BLINK = 0.4, 1.0
"""Bounds on how far a subject's eyes close."""


def drive_by_audio(
    model: AudioToMotion,
    captured: Motion,
    samples: np.ndarray,
    *,
    fps: float,
    pose: Literal["captured", "still"] = "captured",
    blink: bool = True,
    seed: int = 0,
    close_in_silence: bool = True,
) -> Motion:
    """Motion of a subject saying a sound.

    Args:
        model: the subject's speech-to-lips predictor.
        captured: motion of the clip, for head and torso poses and the upper face.
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        fps: frames per second wanted.
        pose: ``"captured"`` continues the clip's head motion for any length, ``"still"`` holds its typical pose.
        blink: add blinks; without them the eyes stay as open as they usually are.
        seed: of blinks and of the loop.
        close_in_silence: shut the mouth in pauses; without it the subject breathes through them as in the clip.

    Returns:
        Motion of ``num_frames_of(samples, fps)`` frames.

    Raises:
        InputError: the sound is empty or not finite, ``pose`` is unknown, or the model was trained on
            other channels.
    """
    if pose not in ("captured", "still"):
        raise InputError(f"pose {pose!r} is unknown; choose 'captured' or 'still'.")
    if model.channels != captured.channels:
        raise InputError("the speech predictor and the captured motion have different channels; train the head again.")
    features = encode_speech(samples, encoder=model.encoder)
    return drive_by_features(
        model,
        captured,
        features,
        num_frames_of(samples, fps),
        fps=fps,
        still=pose == "still",
        blink=blink,
        seed=seed,
        close_in_silence=close_in_silence,
    )


def num_frames_of(samples: np.ndarray, fps: float) -> int:
    """Frames of a video as long as a 16 kHz sound: its duration times ``fps``, rounded, at least 1."""
    if not fps > 0:
        raise InputError(f"fps is {fps}; a positive number was wanted.")
    return max(round(len(samples) / SAMPLE_RATE * fps), 1)


def drive_by_features(
    model: AudioToMotion,
    captured: Motion,
    features: SpeechFeatures,
    num_frames: int,
    *,
    fps: float,
    still: bool = False,
    blink: bool = True,
    seed: int = 0,
    close_in_silence: bool = True,
) -> Motion:
    """``drive_by_audio`` for ``num_frames`` frames of a sound whose features are known already."""
    looped = loop_poses(resample(captured, fps), num_frames, seed)
    if still:
        held = still_pose(captured)
        looped = replace(
            looped,
            head_quats=held.head_quats[:1].repeat(num_frames, 1),
            head_positions=held.head_positions[:1].repeat(num_frames, 1),
            torso_quats=held.torso_quats[:1].repeat(num_frames, 1),
            torso_positions=held.torso_positions[:1].repeat(num_frames, 1),
        )
    code = blurred(looped.expression, SLOW_SECONDS * fps)
    lips = [k for k, name in enumerate(captured.channels) if is_lip_channel(name)]
    spoken = model.predict_from(features, fps, num_frames, close_in_silence=close_in_silence)
    code[:, lips] = spoken[:, lips].to(code.dtype)
    closing = blinks(num_frames, fps, seed) if blink else torch.zeros(num_frames)
    for name in ("blink_l", "blink_r"):
        if name in captured.channels:
            code[:, captured.channels.index(name)] = _lid(captured.channel(name), closing)
    return replace(looped, expression=code)


def _lid(captured: Tensor, closing: Tensor) -> Tensor:
    """Values ``[T]`` of a blink channel: the subject's usual opening, closed as far as its own blinks close."""
    rest = captured.median()
    shut = captured.quantile(0.995).clamp(SHALLOWEST_BLINK, DEEPEST_BLINK)
    return rest + (shut - rest).clamp(min=0) * closing
