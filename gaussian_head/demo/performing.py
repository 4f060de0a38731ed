"""What a made-up person does with its face: speech, gestures in any of the 52 units, blinks and glances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from ..face import UNITS, with_looks
from .voice import Speech

SPEECH: dict[str, dict[str, float]] = {
    "jaw": {"jawOpen": 0.42, "mouthLowerDownLeft": 0.25, "mouthLowerDownRight": 0.25, "mouthUpperUpLeft": 0.15,
            "mouthUpperUpRight": 0.15},
    "pucker": {"mouthPucker": 0.6, "mouthFunnel": 0.25},
    "spread": {"mouthSmileLeft": 0.25, "mouthSmileRight": 0.25, "mouthStretchLeft": 0.3, "mouthStretchRight": 0.3},
    "press": {"mouthPressLeft": 0.4, "mouthPressRight": 0.4, "mouthRollLower": 0.25, "mouthRollUpper": 0.25},
}  # fmt: skip
"""Units of the voice's channels at full strength."""
GESTURES: tuple[tuple[str, ...], ...] = (
    ("mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft", "cheekSquintRight"),
    ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("browDownLeft", "browDownRight"),
    ("mouthPucker",), ("mouthFunnel",), ("mouthFrownLeft", "mouthFrownRight", "browInnerUp"),
    ("mouthSmileLeft", "mouthDimpleLeft"), ("mouthSmileRight", "mouthDimpleRight"), ("browOuterUpLeft",),
    ("browOuterUpRight",), ("eyeWideLeft", "eyeWideRight", "browInnerUp"), ("eyeSquintLeft", "eyeSquintRight"),
    ("noseSneerLeft", "noseSneerRight", "mouthUpperUpLeft", "mouthUpperUpRight"), ("mouthLeft",), ("mouthRight",),
    ("jawLeft",), ("jawRight",), ("jawForward",), ("cheekPuff",), ("mouthShrugLower", "mouthShrugUpper"),
    ("mouthRollLower", "mouthRollUpper"), ("mouthStretchLeft", "mouthStretchRight"),
    ("mouthDimpleLeft", "mouthDimpleRight"), ("jawOpen", "mouthClose"), ("jawOpen", "tongueOut"),
    ("mouthPressLeft", "mouthPressRight"), ("eyeBlinkLeft",), ("eyeBlinkRight",),
    ("mouthLowerDownLeft", "mouthLowerDownRight", "jawOpen"),
)  # fmt: skip
"""Units that rise together; each of the 52 is in one of them, in speech or in gaze."""
GESTURE_SECONDS = (0.9, 1.8)
"""From the beginning to the end of a gesture."""
LIDS_MEET = 0.78
"""Blink at which the parametric head's lids touch; beyond it they cross."""
GAZE_REACH = (0.25, 0.15)
"""Largest glance sideways, and up or down, radians."""


@dataclass(frozen=True, kw_only=True)
class Performed:
    """T frames of a face."""

    units: Tensor
    """``[T, 52]`` f32 in [0, 1]."""
    gaze: Tensor
    """``[T, 2]`` f32 radians that both eyes turn: to the picture's right, and down; the eyeLook units say the same."""


def perform(speech: Speech, *, fps: float, gestures: int, generator: np.random.Generator) -> Performed:
    """Say a speech with a face that does other things besides.

    Args:
        speech: of `voice.speak`, at the same frames.
        fps: frames per second.
        gestures: how many gestures, one after the other, drawn without repetition; they reach .4 to .8 of their units.
        generator: source of everything random.
    """
    frames = len(speech.loudness)
    units, strength = np.zeros((frames, len(UNITS))), generator.uniform(0.75, 1.15)
    for channel, shares in SPEECH.items():
        for name, share in shares.items():
            units[:, UNITS.index(name)] += strength * share * speech.mouth[channel]
    for place, which in enumerate(generator.permutation(len(GESTURES))[:gestures]):
        bump = _bump(frames, fps, (place + generator.uniform(0.3, 0.7)) / gestures, generator)
        for name in GESTURES[which]:
            units[:, UNITS.index(name)] += generator.uniform(0.4, 0.8) * bump
    units[:, UNITS.index("mouthClose")] = np.minimum(
        units[:, UNITS.index("mouthClose")], units[:, UNITS.index("jawOpen")]
    )
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        k = UNITS.index(name)
        units[:, k] = LIDS_MEET * np.minimum(np.maximum(units[:, k], blinks(generator, frames, fps)), 1)
    glances = glance(generator, frames, fps)
    units = with_looks(torch.from_numpy(units.clip(0, 1)).float(), glances)
    return Performed(units=units, gaze=glances)


def _bump(frames: int, fps: float, middle: float, generator: np.random.Generator) -> np.ndarray:
    """A rise to 1 and back ``[T]`` whose middle lies at the share ``middle`` of the clip."""
    length = generator.uniform(*GESTURE_SECONDS) * fps
    return np.exp(-0.5 * ((np.arange(frames) - middle * frames) / (length / 4)) ** 2)


def wander(generator: np.random.Generator, frames: int, fps: float, reach: np.ndarray, seconds: float) -> np.ndarray:
    """Smooth noise ``[frames, D]`` with extremes ``reach`` [D] and a typical time of change."""
    margin = round(8 * seconds * fps)
    noise = gaussian_filter1d(generator.normal(size=(frames + 2 * margin, len(reach))), seconds * fps, axis=0)
    noise = noise[margin : margin + frames]
    noise -= noise.mean(0)
    return noise / np.abs(noise).max(0) * reach


def blinks(generator: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """Lids ``[frames]`` 0 open .. 1 closed: a blink of a quarter second every two to four seconds."""
    time = np.arange(frames) / fps
    closed = np.zeros(frames)
    at = generator.uniform(0.6, 1.4)
    while at < frames / fps:
        closed = np.maximum(closed, np.clip(1.7 - np.abs(time - at) / 0.075, 0, 1))
        at += generator.uniform(2.0, 4.0)
    return closed


def glance(generator: np.random.Generator, frames: int, fps: float) -> Tensor:
    """Gaze ``[frames, 2]`` f32 that rests, jumps and rests again: saccades of a twentieth of a second."""
    time, place = np.arange(frames) / fps, np.zeros((frames, 2))
    at = generator.uniform(0.4, 1.0)
    while at < frames / fps:
        place[time >= at] = generator.uniform(-1, 1, 2) * GAZE_REACH
        at += generator.uniform(0.4, 1.6)
    return torch.from_numpy(gaussian_filter1d(place, 0.02 * fps, axis=0)).float()
