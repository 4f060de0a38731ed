"""The whole motion of a head that speaks: lips from sound, the rest from its clip and from generators."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, Progress, ignore
from ..smoothing import blurred, smoothstep
from ..speech import SpeechFeatures, encode_speech
from ..speech.encoders import QUIET
from ..speech.mel import FLOOR_DB, MEL_BANDS, QUIETEST, frame_levels, loudness
from ._types import Motion, is_lip_channel
from .audio_model import AudioToMotion
from .edit import resample, still_pose
from .idle import blinks, loop_poses

SLOW_SECONDS = 0.3
"""Brows, gaze and the rest of the upper face follow the clip no faster than this."""
FULL_SHARE = 2.0
"""Standard deviations, over all lip channels together, from the closed mouth at which the pose has its whole share."""
SHALLOWEST_BLINK, DEEPEST_BLINK = 0.4, 1.0
"""Bounds on how far a subject's eyes close."""
BLOCK_SECONDS = 60.0
"""Longer sounds are heard in blocks of this length, so that memory does not grow with them."""
MARGIN_SECONDS = 3.0
"""Sound heard on either side of a block."""
JOIN_SECONDS = 0.5
"""Neighbouring blocks are blended over this long on either side of their border."""


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
    listener: Listener = ignore,
) -> Motion:
    """Motion of a subject saying a sound of any length.

    Args:
        model: the subject's speech-to-lips predictor.
        captured: motion of the clip, for head and torso poses and the upper face.
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        fps: frames per second wanted.
        pose: ``"captured"`` continues the clip's head motion for any length, ``"still"`` holds its typical pose.
        blink: add blinks; without them the eyes stay as open as they usually are.
        seed: of blinks and of the loop.
        close_in_silence: shut the mouth in pauses; without it the subject breathes through them as in the clip.
        listener: receives Progress where the sound is long.

    Returns:
        Motion of ``num_frames_of(samples, fps)`` frames.

    Raises:
        InputError: the sound is empty or not finite, ``pose`` is unknown, or the model was trained on
            other channels or another face.
    """
    if pose not in ("captured", "still"):
        raise InputError(f"pose {pose!r} is unknown; choose 'captured' or 'still'.")
    if model.channels != captured.channels:
        raise InputError("the speech predictor and the captured motion have different channels; train the head again.")
    if model.basis_id and captured.basis_id and model.basis_id != captured.basis_id:
        raise InputError("the speech predictor was trained on another face; take the one of this head.")
    num_frames = num_frames_of(samples, fps)
    spoken = _spoken(model, samples, fps, num_frames, close_in_silence, listener)
    return leaning(model, _performed(captured, spoken, fps, still=pose == "still", blink=blink, seed=seed))


def num_frames_of(samples: np.ndarray, fps: float) -> int:
    """Frames of a video as long as a 16 kHz sound: its duration times ``fps``, rounded, at least 1."""
    if not fps > 0:
        raise InputError(f"fps is {fps}; a positive number was wanted.")
    return max(round(len(samples) / SAMPLE_RATE * fps), 1)


def leaning(model: AudioToMotion, motion: Motion) -> Motion:
    """``motion`` with what of the lips goes with its poses, less of it the nearer they are to the closed mouth.

    A mouth that is shut by rule stays shut: the share knows nothing of that and would part the lips a little.

    Args:
        model: the subject's speech-to-lips predictor, which holds the share.
        motion: T frames whose lips ``model`` predicted.
    """
    if model.pose_share is None:
        return motion
    away = ((motion.expression[:, model.lips] - model.closed) / model.output_scale).norm(dim=1)
    near = (away / FULL_SHARE).clamp(0, 1)
    return model.pose_share.added_to(motion, smoothstep(near))


def _performed(captured: Motion, spoken: Tensor, fps: float, *, still: bool, blink: bool, seed: int) -> Motion:
    """Motion with lips ``spoken [T, K]``, the clip's poses and upper face, and blinks."""
    num_frames = len(spoken)
    looped = loop_poses(resample(captured, fps), num_frames, seed)
    if still:
        held = still_pose(captured)
        looped = replace(looped, head=held.head[0].held(num_frames), torso=held.torso[0].held(num_frames))
    code = blurred(looped.expression, SLOW_SECONDS * fps)
    lips = [k for k, name in enumerate(captured.channels) if is_lip_channel(name)]
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


def _spoken(
    model: AudioToMotion, samples: np.ndarray, fps: float, num_frames: int, close_in_silence: bool, listener: Listener
) -> Tensor:
    """Lip code ``[T, K]`` of a sound, a block at a time where it is long; blocks are blended where they meet."""
    block, margin, join = (round(seconds * fps) for seconds in (BLOCK_SECONDS, MARGIN_SECONDS, JOIN_SECONDS))
    if num_frames <= block + margin:
        return model.predict(samples, fps, num_frames, close_in_silence=close_in_silence)
    level = max(loudness(samples), QUIETEST)
    code = torch.zeros(num_frames, len(model.channels))
    for start in range(0, num_frames, block):
        begin, end = max(start - margin, 0), min(start + block + margin, num_frames)
        first, last = (round(t / fps * SAMPLE_RATE) for t in (begin, end))
        features = _at_level(samples[first:last], level, model.encoder)
        part = model.predict_from(features, fps, end - begin, close_in_silence=close_in_silence)
        weight = _share(torch.arange(begin, end), start, start + block, join, num_frames)
        code[begin:end] += weight[:, None] * part
        listener(Progress(stage="listening", done=min(start + block, num_frames), total=num_frames))
    return code


def _share(frames: Tensor, start: int, stop: int, join: int, num_frames: int) -> Tensor:
    """Weight ``[n]`` of a block from frame ``start`` to ``stop``; those of all blocks sum to 1 everywhere."""
    rise = ((frames - start + 0.5) / (2 * join) + 0.5).clamp(0, 1) if start > 0 else torch.ones(len(frames))
    fall = ((stop - frames - 0.5) / (2 * join) + 0.5).clamp(0, 1) if stop < num_frames else torch.ones(len(frames))
    return torch.minimum(rise, fall)


def _at_level(samples: np.ndarray, level: float, encoder: str) -> SpeechFeatures:
    """Features of a block that belongs to a sound of loudness ``level``: what is quiet there stays quiet."""
    features = encode_speech(samples, encoder=encoder)
    audible = torch.from_numpy(frame_levels(samples) > QUIET * level)
    values = features.values
    if encoder in ("default", "mel"):
        shift = float(np.log10(max(loudness(samples), QUIETEST) / level))
        values = values.clone()
        values[:, :MEL_BANDS] = (values[:, :MEL_BANDS] + shift).clamp(min=FLOOR_DB / 20)
    return replace(features, values=values, activity=features.activity * audible, closure=features.closure * audible)
