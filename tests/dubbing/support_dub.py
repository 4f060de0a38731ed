"""A synthetic film of the synthetic head, and what is needed to dub it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from support_head import make_actor

from gaussian_head.actor import Actor
from gaussian_head.camera import Camera
from gaussian_head.dubbing.stretches import DUBBED, Stretch
from gaussian_head.face import UNITS
from gaussian_head.media import VideoWriter
from gaussian_head.motion import Motion
from gaussian_head.rendering import render_frame

JAW = UNITS.index("jawOpen")


def grained(actor: Actor, motion: Motion, t: int, grain: float = 0.02) -> np.ndarray:
    """Frame ``t`` as a camera would record it: over a pattern, with a tint and grain that no head knows."""
    camera = actor.head.camera
    y, x = np.mgrid[: camera.height, : camera.width]
    plate = torch.from_numpy(np.stack([x / camera.width, y / camera.height, 0.5 + 0 * x], 2).astype(np.float32))
    picture = render_frame(actor.head, motion, t, background=plate).rgb.numpy() * [1.0, 0.9, 0.8]
    noise = np.random.default_rng(t).normal(0, grain, picture.shape)
    return ((picture + noise).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def with_jaw(motion: Motion, opening: float) -> Motion:
    """``motion`` with the jaw as far open in all frames."""
    units = motion.units.clone()
    units[:, JAW] = opening
    return replace(motion, units=units)


def stretch_of(actor: Actor, *, first: int = 0, camera: Camera | None = None, states=None) -> Stretch:
    """The actor's clip as a stretch of a film."""
    motion = actor.clip.motion
    states = states or (DUBBED,) * len(motion)
    return Stretch(person=1, first=first, recorded=motion, camera=camera or actor.head.camera, states=states)


def synthetic(size: int = 128, num_frames: int = 20) -> Actor:
    """Somebody."""
    return make_actor(num_frames=num_frames, num_gaussians=4000, size=size)


def write_film(path: Path, actor: Actor, sound: np.ndarray | None = None) -> Path:
    """The actor's clip as a video file."""
    motion, camera = actor.clip.motion, actor.head.camera
    with VideoWriter(path, width=camera.width, height=camera.height, fps=motion.fps, audio=sound, crf=4) as writer:
        for t in range(len(motion)):
            writer.write(grained(actor, motion, t, 0.004))
    return path
