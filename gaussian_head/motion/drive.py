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
from ..face import UNITS, is_mouth_unit
from ..quiet import silent_frames
from ..smoothing import blurred
from ..speech import SpeechFeatures, encode_speech
from ..speech.encoders import QUIET
from ..speech.mel import FLOOR_DB, MEL_BANDS, QUIETEST, frame_levels, loudness
from ._types import Motion
from .edit import resample, set_controls, still_pose
from .idle import blinks, loop_poses
from .shut import shut_in
from .speaker import Speaker

SLOW_SECONDS = 0.3
"""Brows, gaze and the rest of the upper face follow the clip no faster than this."""
LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
"""Units that close the eyes."""
SHALLOWEST_BLINK, DEEPEST_BLINK = 0.4, 1.0
"""Bounds on how far a subject's eyes close."""
BLOCK_SECONDS = 60.0
"""Longer sounds are heard in blocks of this length, so that memory does not grow with them."""
MARGIN_SECONDS = 3.0
"""Sound heard on either side of a block."""
JOIN_SECONDS = 0.5
"""Neighbouring blocks are blended over this long on either side of their border."""


def drive_by_audio(
    model: Speaker,
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
        model: the subject's speech-to-lips predictor, or one of what is usual among people.
        captured: motion of the clip, for head and torso poses and the upper face.
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
        fps: frames per second wanted.
        pose: ``"captured"`` continues the clip's head motion for any length, ``"still"`` holds its typical pose.
        blink: add blinks; without them the eyes stay as open as they usually are.
        seed: of blinks and of the loop.
        close_in_silence: shut the mouth in pauses, however short; without it the subject breathes through them as in
            the clip.
        listener: receives Progress where the sound is long.

    Returns:
        Motion of ``num_frames_of(samples, fps)`` frames.

    Raises:
        InputError: the sound is empty or not finite, ``pose`` is unknown, or the model was trained on
            another face.
    """
    if pose not in ("captured", "still"):
        raise InputError(f"pose {pose!r} is unknown; choose 'captured' or 'still'.")
    if model.basis_id and captured.basis_id and model.basis_id != captured.basis_id:
        raise InputError("the speech predictor was trained on another face; take the one of this head.")
    num_frames = num_frames_of(samples, fps)
    spoken = _spoken(model, samples, fps, num_frames, close_in_silence, listener)
    if close_in_silence:
        silent = torch.from_numpy(silent_frames(samples, fps, num_frames))
        spoken = shut_in(spoken, resting_mouth(model, fps), silent, fps)
    return _performed(model, captured, spoken, fps, still=pose == "still", blink=blink, seed=seed)


def resting_mouth(model: Speaker, fps: float) -> Tensor:
    """Units ``[52]`` of the mouth while nothing is said."""
    return model.predict(np.zeros(SAMPLE_RATE, np.float32), fps, 1)[0]


def num_frames_of(samples: np.ndarray, fps: float) -> int:
    """Frames of a video as long as a 16 kHz sound: its duration times ``fps``, rounded, at least 1."""
    if not fps > 0:
        raise InputError(f"fps is {fps}; a positive number was wanted.")
    return max(round(len(samples) / SAMPLE_RATE * fps), 1)


def with_spoken(motion: Motion, spoken: Tensor, lips: Tensor) -> Motion:
    """``motion`` with the units of the mouth from ``spoken [T, 52]``, and nothing left of its own lips.

    Args:
        motion: T frames.
        spoken: units; only those of the mouth are read.
        lips: ``[R]`` bool, what of the residual belongs to the lips.
    """
    residual = motion.residual
    if residual.shape[1]:
        residual = residual.masked_fill(lips, 0)
    mouth = torch.tensor([is_mouth_unit(name) for name in UNITS])
    return replace(motion, units=torch.where(mouth, spoken, motion.units), residual=residual)


def _performed(
    model: Speaker, captured: Motion, spoken: Tensor, fps: float, *, still: bool, blink: bool, seed: int
) -> Motion:
    """Motion with the mouth ``spoken [T, 52]``, the clip's poses and upper face, and blinks."""
    num_frames = len(spoken)
    looped = loop_poses(resample(captured, fps), num_frames, seed)
    if still:
        held = still_pose(captured)
        looped = replace(looped, head=held.head[0].held(num_frames), torso=held.torso[0].held(num_frames))
    calm = with_spoken(slowed(looped), spoken, model.lips)
    closing = blinks(num_frames, fps, seed) if blink else torch.zeros(num_frames)
    return set_controls(calm, {name: lid(captured.control(name), closing) for name in LIDS})


def slowed(motion: Motion) -> Motion:
    """``motion`` whose face moves slowly, as what is not driven by speech does."""
    width = SLOW_SECONDS * motion.fps
    return replace(motion.with_controls(blurred(motion.controls, width)), residual=blurred(motion.residual, width))


def lid(captured: Tensor, closing: Tensor) -> Tensor:
    """Values ``[T]`` of a blink unit: the subject's usual opening, closed as far as its own blinks close.

    Args:
        captured: the unit in the subject's clip.
        closing: ``[T]`` 0 open, 1 closed.
    """
    rest, reach = lid_reach(captured)
    return rest + reach * closing


def lid_reach(captured: Tensor) -> tuple[Tensor, Tensor]:
    """A blink unit's usual value in the subject's clip, and what its own blinks add to that."""
    rest = captured.median()
    shut = captured.quantile(0.995).clamp(SHALLOWEST_BLINK, DEEPEST_BLINK)
    return rest, (shut - rest).clamp(min=0)


def _spoken(
    model: Speaker, samples: np.ndarray, fps: float, num_frames: int, close_in_silence: bool, listener: Listener
) -> Tensor:
    """Units ``[T, 52]`` of a sound, a block at a time where it is long; blocks are blended where they meet."""
    block, margin, join = (round(seconds * fps) for seconds in (BLOCK_SECONDS, MARGIN_SECONDS, JOIN_SECONDS))
    if num_frames <= block + margin:
        return model.predict(samples, fps, num_frames, close_in_silence=close_in_silence)
    level = max(loudness(samples), QUIETEST)
    units = torch.zeros(num_frames, len(UNITS))
    for start in range(0, num_frames, block):
        begin, end = max(start - margin, 0), min(start + block + margin, num_frames)
        first, last = (round(t / fps * SAMPLE_RATE) for t in (begin, end))
        features = _at_level(samples[first:last], level, model.encoder)
        part = model.predict_from(features, fps, end - begin, close_in_silence=close_in_silence)
        weight = _share(torch.arange(begin, end), start, start + block, join, num_frames)
        units[begin:end] += weight[:, None] * part
        listener(Progress(stage="listening", done=min(start + block, num_frames), total=num_frames))
    return units


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
