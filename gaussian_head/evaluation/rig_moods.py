"""Moods asked of a head whose films are made up: seen by a camera left out, and tracked again in its own pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..camera import Camera
from ..capture import Capture, views_of
from ..demo.population import draw_person
from ..demo.rig import Rig, at_moments
from ..face import UNITS
from ..facenet import NUM_LANDMARKS, FaceLandmarks
from ..motion import MotionFrame, Pose
from ..motion.moods import MOODS
from ..rendering.frames import render_moment
from ..tracking.seen_units import UnitReader
from .rigs import cut

CHANGED = 6 / 255
"""Difference from the neutral face from which on a pixel is part of a mood."""
HELD = 3
"""Pictures in which each mood is held where it is tracked again."""


@dataclass(frozen=True, kw_only=True)
class MoodSeen:
    """One mood at one level, as tracking reads it in pictures of it."""

    seen: float
    """Change from neutral along the mood's own units; the level where it comes back whole."""
    cosine: dict[str, float]
    """Of the change with each mood's units."""


def score_moods(
    actor: Actor, capture: Capture, rig: Rig, name: str, moods: Sequence[str], levels: Sequence[float]
) -> dict[str, dict[str, float]]:
    """PSNR of the pixels that a mood changes, before a camera left out, at the middle of the clip.

    Returns:
        By mood and level: ``asked``, the head told the same units; ``neutral``, the head without them, the null row.
    """
    view = next(v for v in views_of(capture) if v.name == name)
    filmed, drawn = _filmed(rig, name, view.capture), _drawn(actor, capture, view.camera, view.capture)
    rest = torch.zeros(len(UNITS))
    plain, still = filmed(rest), drawn(rest)
    scores = {}
    for key, units in asked(moods, levels).items():
        wanted = filmed(units)
        part = np.abs(wanted - plain).max(-1) > CHANGED
        errors = {"asked": drawn(units) - wanted, "neutral": still - wanted}
        scores[key] = {k: -10 * float(np.log10(np.square(e[part]).mean())) for k, e in errors.items()}
    return scores


def moods_seen_again(
    actor: Actor, capture: Capture, rig: Rig, moods: Sequence[str], levels: Sequence[float]
) -> dict[str, dict[str, MoodSeen]]:
    """Units read in pictures of the head told moods, from the front, and in those of the true person told the same.

    Returns:
        ``"head"`` and ``"person"``, what tracking can tell at best: by mood and level.
    """
    leader = views_of(capture)[0]
    pose, told = capture.motion.head[capture.num_frames // 2], asked(moods, levels)
    makers = {
        "head": _drawn(actor, capture, leader.camera, capture),
        "person": _filmed(rig, rig.videos[0].stem, capture),
    }
    reader, find = UnitReader(capture), FaceLandmarks()
    found = {}
    for who, picture in makers.items():
        marks = [_marks(find, picture(units)) for units in (torch.zeros(len(UNITS)), *told.values())]
        held = np.repeat(np.stack(marks), HELD, 0)
        poses = Pose(quats=pose.quats.expand(len(held), 4), positions=pose.positions.expand(len(held), 3))
        units = reader.read(held, poses, capture.fps).view(len(marks), HELD, len(UNITS)).mean(1)
        found[who] = {key: _seen(units[i + 1] - units[0], key.split()[0], moods) for i, key in enumerate(told)}
    return found


def asked(moods: Sequence[str], levels: Sequence[float]) -> dict[str, Tensor]:
    """Units ``[52]`` of every mood at every level, by both."""
    return {f"{mood} {level:g}": (level * MOODS[mood].direction).clamp(0, 1) for mood in moods for level in levels}


def _seen(change: Tensor, mood: str, moods: Sequence[str]) -> MoodSeen:
    whole = {name: asked([name], [1.0])[f"{name} 1"] for name in moods}
    return MoodSeen(
        seen=float(change @ whole[mood] / whole[mood].square().sum()),
        cosine={name: float(torch.cosine_similarity(change, units, dim=0)) for name, units in whole.items()},
    )


def _marks(find: FaceLandmarks, picture: np.ndarray) -> np.ndarray:
    faces = find((255 * picture + 0.5).clip(0, 255).astype(np.uint8))
    return faces[0][:, :2] if faces else np.full((NUM_LANDMARKS, 2), np.nan, np.float32)


def _filmed(rig: Rig, name: str, capture: Capture) -> Callable[[Tensor], np.ndarray]:
    """Pictures ``[H, W, 3]`` of the true person told units ``[52]``, as a camera's capture has them."""
    true = next(c for v, c in zip(rig.videos, rig.truth.cameras, strict=True) if v.stem == name)
    t = torch.tensor([float(len(rig.truth) // 2)], dtype=torch.float64)
    one = at_moments(rig.truth, t)

    def picture(units: Tensor) -> np.ndarray:
        doing = replace(one, units=units[None], gaze=torch.zeros(1, 2))
        return cut(draw_person(doing, 0, true), capture).astype(np.float64) / 255

    return picture


def _drawn(actor: Actor, capture: Capture, camera: Camera, seen: Capture) -> Callable[[Tensor], np.ndarray]:
    """Pictures ``[H, W, 3]`` of the head told units ``[52]``, before the plate of the capture ``seen``."""
    moment, plate = actor.clip.motion.at(capture.num_frames // 2), torch.as_tensor(seen.background)

    def picture(units: Tensor) -> np.ndarray:
        acting = replace(MotionFrame.neutral(moment.head, moment.torso), units=units)
        return render_moment(actor.head, acting, camera, background=plate).rgb.clamp(0, 1).double().numpy()

    return picture
