"""A made-up person filmed by several cameras at once: each with its own lens, clock, microphone and exposure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..durable import replacing
from ..events import Listener, ignore, tracked
from ..face import FaceModel
from ..face.painted import Painter
from ..media import VideoWriter, read_audio
from ..transforms import quat_slerp
from .population import PersonTruth, make_person_clip, turned_round
from .voice import SAMPLE_RATE

RIG_FILE = "rig.json"


@dataclass(frozen=True, kw_only=True)
class RigCamera:
    """One camera beside the leading one."""

    name: str
    """Of its video."""
    yaw: float
    """Radians about the head at rest."""
    pitch: float = 0.0
    """Radians."""
    zoom: float = 1.0
    """Focal length over the leading camera's, at the same size of the head in the picture."""
    offset: float = 0.0
    """Seconds into the leading clip at which it begins to film."""
    drift: float = 0.0
    """Seconds that its clock loses in a second of its own."""
    gain: float = 1.0
    """Brightness over the leading camera's."""
    noise: float = 0.0
    """Of its microphone, over the voice's loudest."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What was filmed."""

    videos: tuple[Path, ...]
    """The leading camera's first."""
    truth: PersonTruth
    """Of the leading clip; its cameras are those of the videos, in their order."""
    cameras: tuple[RigCamera, ...]
    """Those after the leading one."""


def film_rig(
    folder: str | Path,
    cameras: Sequence[RigCamera],
    *,
    seed: int,
    seconds: float = 4.0,
    fps: float = 25.0,
    size: int = 512,
    listener: Listener = ignore,
) -> Rig:
    """Film a made-up person from several sides: ``front.mp4``, one video a camera, ``truth.safetensors``, ``rig.json``.

    Args:
        folder: created where needed.
        cameras: beside the leading one.
        seed: another seed is another person saying something else.
        seconds: length of the leading clip; the others end with it.
        fps: frames per second of all cameras.
        size: width and height in pixels.
        listener: told of each frame drawn.
    """
    clip = make_person_clip(folder, seed=seed, seconds=seconds, fps=fps, size=size, listener=listener)
    folder = Path(folder)
    front = clip.video.replace(folder / "front.mp4")
    sound = read_audio(front, sample_rate=SAMPLE_RATE)
    views = [_placed(clip.truth, camera) for camera in cameras]
    truth = replace(clip.truth, cameras=(clip.truth.cameras[0], *views))
    videos = [
        _filmed(folder, truth, camera, view, sound, seed, listener) for camera, view in zip(cameras, views, strict=True)
    ]
    clip.truth_path.unlink()
    truth.save(folder / "truth.safetensors")
    with replacing(folder / RIG_FILE) as temporary:
        temporary.write_text(json.dumps([asdict(camera) for camera in cameras], indent=1), encoding="utf-8")
    return Rig(videos=(front, *videos), truth=truth, cameras=tuple(cameras))


def load_rig(folder: str | Path) -> Rig:
    """What ``film_rig`` wrote."""
    folder = Path(folder)
    cameras = tuple(RigCamera(**said) for said in json.loads((folder / RIG_FILE).read_text(encoding="utf-8")))
    videos = tuple(folder / f"{name}.mp4" for name in ("front", *(camera.name for camera in cameras)))
    return Rig(videos=videos, truth=PersonTruth.load(folder / "truth.safetensors"), cameras=cameras)


def at_moments(truth: PersonTruth, moments: Tensor) -> PersonTruth:
    """The truth at moments ``[T2]`` f64 counted in its frames, which may lie between two; its ends are held."""
    times = moments.clamp(0, len(truth) - 1)
    low = times.long()
    high, w = (low + 1).clamp(max=len(truth) - 1), (times - low).float()[:, None]
    straight = ("units", "gaze", "head_positions", "torso_positions")
    values = {name: getattr(truth, name)[low].lerp(getattr(truth, name)[high], w) for name in straight}
    turned = ("head_quats", "torso_quats")
    values |= {name: quat_slerp(getattr(truth, name)[low], getattr(truth, name)[high], w) for name in turned}
    return replace(truth, **values)


def _placed(truth: PersonTruth, camera: RigCamera) -> Camera:
    """The leading camera carried round the head at rest, its lens longer and as much farther away."""
    lead, centre = truth.cameras[0], truth.torso_positions.mean(0)
    view = turned_round(centre, camera.yaw, camera.pitch)
    view[2, 3] += (camera.zoom - 1) * centre[2]
    K = lead.K.clone()
    K[[0, 1], [0, 1]] *= camera.zoom
    return Camera(viewmat=view, K=K, width=lead.width, height=lead.height)


def _filmed(
    folder: Path, truth: PersonTruth, camera: RigCamera, view: Camera, sound: np.ndarray, seed: int, listener: Listener
) -> Path:
    """One camera's video: its pictures at its own moments, and what its microphone heard."""
    rate, begin, end = 1 + camera.drift, max(camera.offset, 0.0), (len(truth) - 1) / truth.fps
    frames = int((end - begin) / rate * truth.fps) + 1
    moments = (begin + rate * torch.arange(frames, dtype=torch.float64) / truth.fps) * truth.fps
    seen, model = at_moments(truth, moments), FaceModel.load()
    painter = Painter(model, truth.person.look)
    path = folder / f"{camera.name}.mp4"
    heard = _heard(sound, begin, rate, frames / truth.fps, camera.noise, seed)
    with VideoWriter(path, width=view.width, height=view.height, fps=truth.fps, audio=heard) as writer:
        for t in tracked(range(frames), f"person {seed}: {camera.name}", frames, listener):
            picture = painter.paint(seen.vertices([t], model)[0], view)
            writer.write(np.clip(picture * camera.gain, 0, 255).astype(np.uint8))
    return path


def _heard(sound: np.ndarray, begin: float, rate: float, seconds: float, noise: float, seed: int) -> np.ndarray:
    """The voice as another microphone hears it, by its own clock: with an echo of its room and its own noise."""
    times = begin + rate * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    at = np.arange(len(sound)) / SAMPLE_RATE
    generator = np.random.default_rng([seed, 11])
    heard = sum(
        share * np.interp(times - late, at, sound, left=0.0, right=0.0)
        for share, late in ((0.6, 0.0), (0.15, 0.013), (0.1, 0.029))
    )
    return (heard + noise * np.abs(sound).max() * generator.normal(size=len(times))).astype(np.float32)
