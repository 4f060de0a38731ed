"""What a browser can take away: a screenshot, a video with sound, the Gaussians of this frame."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from gaussian_head.events import Listener
from gaussian_head.io.ply import write_ply
from gaussian_head.media import write_image
from gaussian_head.rendering import orbit, render_video
from gaussian_head.rendering.frames import keep_parts

from .edits import edited
from .performances import SAMPLE_RATE
from .pictures import backdrop, cutout, picture, styled
from .session import Scene
from .views import View, camera_of


def screenshot(scene: Scene, view: View, t: int, *, height: int, transparent: bool) -> bytes:
    """PNG of frame ``t`` at ``height`` pixels; transparent has colour with opacity and no backdrop."""
    person = scene.person
    camera = camera_of(view, person.head, height)
    moment = edited(scene.performance.motion.select(slice(t, t + 1)), scene.edits, person.head, person.mean)
    draw = cutout if transparent else picture
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        write_image(path, draw(person.head, moment, 0, camera, scene.look))
        return path.read_bytes()


def video(scene: Scene, view: View, *, orbiting: bool, listener: Listener) -> bytes:
    """MP4 of the whole performance with its sound, as edited and styled, from this view or in orbit.

    An exception raised by ``listener`` ends the work and leaves nothing behind.
    """
    person, motion = scene.person, scene.performance.motion
    motion = edited(motion, scene.edits, person.head, person.mean)
    if orbiting:
        recorded = person.head.camera
        width = round(recorded.width * scene.size / recorded.height / 2) * 2
        cameras = [c.resized(width, scene.size // 2 * 2) for c in orbit(person.head, len(motion), fps=motion.fps)]
    else:
        cameras = [camera_of(view, person.head, scene.size)] * len(motion)
    with tempfile.TemporaryDirectory() as folder:
        out = render_video(
            styled(person.head, scene.look),
            motion,
            cameras,
            Path(folder) / "video.mp4",
            audio=scene.performance.samples,
            sample_rate=SAMPLE_RATE,
            background=backdrop(person.head, cameras[0], scene.look),
            listener=listener,
        )
        return out.read_bytes()


def ply(scene: Scene, t: int) -> bytes:
    """The Gaussians of frame ``t`` in the world as a 3DGS PLY, hidden parts included but transparent."""
    person = scene.person
    moment = edited(scene.performance.motion.select(slice(t, t + 1)), scene.edits, person.head, person.mean)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        path = Path(folder) / "frame.ply"
        write_ply(path, keep_parts(person.head.gaussians(moment, 0), person.head, scene.look.parts))
        return path.read_bytes()
