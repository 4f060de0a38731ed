"""A capture folder filmed from the synthetic head of `support_head`: real format, known truth, made in a second."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from support_head import CODE, MOUTH, RADII, make_actor, make_code_map
from torch import Tensor

from gaussian_head.actor import Actor
from gaussian_head.camera import Camera
from gaussian_head.capture import Capture, CaptureInfo, CaptureWriter, ViewInfo
from gaussian_head.face import FaceModel
from gaussian_head.motion import Motion
from gaussian_head.motion.edit import sampled
from gaussian_head.rendering import orbit_view, render_gaussians
from gaussian_head.training.data import EYES, LIPS
from gaussian_head.transforms import pose_apply

JAW = CODE.index("jaw_open")


def face_shape() -> tuple[Tensor, Tensor]:
    """An average face ``[478, 3]`` pressed on the head's ellipsoid and a basis ``[K, 478, 3]`` whose jaw opens."""
    face = FaceModel.load()
    vertices = face.landmarks(face.mean)
    x, y = (vertices[:, :2] / torch.tensor(RADII[:2])).unbind(1)
    inwards = (torch.hypot(x, y) / 0.9).clamp(min=1.0)
    vertices[:, :2] /= inwards[:, None]
    vertices[:, 2] = -RADII[2] * torch.sqrt(1 - (x / inwards) ** 2 - (y / inwards) ** 2)
    for k, index in enumerate(LIPS):
        turn = 2 * math.pi * k / len(LIPS)
        vertices[index] = torch.tensor(MOUTH) + torch.tensor([0.02 * math.cos(turn), 0.01 * math.sin(turn), 0.0])
    for side, eye in zip((-1, 1), EYES, strict=True):
        for k, index in enumerate(eye):
            turn = 2 * math.pi * k / len(eye)
            vertices[index] = torch.tensor(
                [0.03 * side + 0.01 * math.cos(turn), -0.02 + 0.004 * math.sin(turn), -0.083]
            )
    basis = torch.zeros(len(CODE), 478, 3)
    basis[JAW, :, 1] = 0.03 * (vertices[:, 1] > MOUTH[1])
    return vertices, basis


def make_capture(folder: Path, *, num_frames: int = 30, size: int = 96, sound: bool = True) -> tuple[Capture, Actor]:
    """Film the synthetic head and write the clip as a capture; returns it with who was filmed."""
    actor = make_actor(num_frames=num_frames, num_gaussians=3000, size=size)
    return film(folder, actor, actor.clip.motion, actor.head.camera, sound=sound), actor


def add_camera(
    capture: Capture, actor: Actor, name: str, yaw: float, *, offset: float = 0.0, gain: float = 1.0
) -> Capture:
    """Film the same head from another side, ``offset`` seconds later, as a second camera of the capture."""
    camera = orbit_view(actor.head, yaw)
    moments = torch.arange(capture.num_frames, dtype=torch.float64) + offset * capture.fps
    folder = capture.path / "views" / name
    film(folder, actor, sampled(capture.motion, moments), camera, sound=False, gain=gain)
    ViewInfo(viewmat=camera.viewmat.tolist(), K=camera.K.tolist(), offset=offset).save(folder)
    return Capture.load(capture.path)


def film(folder: Path, actor: Actor, motion: Motion, camera: Camera, *, sound: bool, gain: float = 1.0) -> Capture:
    """Film what the head does through a camera and write it as a capture; ``gain`` brightens the person."""
    head, num_frames, size = actor.head, len(motion), camera.width
    vertices, basis = face_shape()
    one_hot = torch.nn.functional.one_hot(head.parts.long(), 3).float()
    with CaptureWriter(folder) as writer:
        landmarks = []
        for t in range(num_frames):
            lit = head.gaussians(motion, t)
            lit = replace(lit, colors=gain * lit.colors if gain != 1 else lit.colors)
            frame = render_gaussians(lit, camera, background=head.background, extra=one_hot)
            label = torch.tensor([4, 5, 1], dtype=torch.uint8)[frame.extra.argmax(-1)]
            label[frame.alpha < 0.5] = 0
            writer.write_image(t, (frame.rgb.clamp(0, 1) * 255).round().byte().numpy())
            writer.write_alpha(t, (frame.alpha.clamp(0, 1) * 255).round().byte().numpy())
            writer.write_labels(t, label.numpy())
            pose = motion.at(t)
            posed = vertices + torch.einsum("k,klc->lc", head.code_map.code(pose), basis)
            landmarks.append(camera.project(pose_apply(pose.head.quats, pose.head.positions, posed)))
        info = CaptureInfo(
            fps=motion.fps,
            num_frames=num_frames,
            width=size,
            height=size,
            K=camera.K.tolist(),
            num_train=num_frames - round(0.1 * num_frames),
            source={"name": "synthetic", "fps": motion.fps, "width": size, "height": size, "crop": [0, 0, size]},
            has_audio=sound,
            audio_offset=0.0,
            code=list(CODE),
        )
        tensors = {
            "landmarks": torch.stack(landmarks),
            **motion.tensors(),
            **make_code_map().tensors(),
            "shape": vertices,
            "basis": basis,
            "triangles": torch.zeros(1, 3, dtype=torch.int32),
            "reprojection": torch.zeros(num_frames),
            "tracked": torch.ones(num_frames, dtype=torch.uint8),
        }
        plate = (head.background * 255).round().byte().numpy()
        writer.finish(info, tensors, background=plate, audio=_sound(motion) if sound else None)
    return Capture.load(folder)


def _sound(motion) -> np.ndarray:
    """A hum as loud as the jaw is open."""
    samples = round(len(motion) / motion.fps * 16000)
    time = np.arange(samples) / 16000
    opening = np.interp(time, np.arange(len(motion)) / motion.fps, motion.control("jawOpen").numpy())
    return (opening * np.sin(2 * math.pi * 140 * time)).astype(np.float32)
