"""Made-up people with known truth: a random parametric head that talks before a camera, and everything it did."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError, require_count, require_file, require_writable_folder
from ..durable import replacing
from ..events import Listener, ignore, tracked
from ..face import REGIONS, UNITS, FaceModel
from ..face.looks import Look, random_look
from ..face.painted import Painter, lids_over_eyes
from ..media import VideoWriter
from ..smoothing import smoothstep
from ..transforms import quat_to_rotmat, rotvec_to_quat
from .performing import perform, wander
from .voice import speak

FORMAT, VERSION = "gaussian-head-person", 1
IDENTITY_SPREAD = 0.8
"""Standard deviations of the identity modes; whole ones meet in faces that nobody has."""
HAIR_VOLUME = (0.002, 0.016)
"""Metres by which hair stands off the scalp."""
FOCAL_LENGTHS = (1.8, 4.0)
"""Focal length over the picture's width."""
HEAD_SHARE = (0.44, 0.56)
"""Width of the head over the picture's."""
HEAD_SWING = (0.12, 0.30, 0.08)
"""Largest pitch, yaw and roll, radians."""
HEAD_SHIFT, TORSO_SHIFT = (0.010, 0.006, 0.015), (0.004, 0.003, 0.005)
"""Largest shift along x, y and z, metres."""
TORSO_SWING = (0.014, 0.035, 0.017)
SIDE_VIEWS = ((0.0, 0.0), (0.35, 0.0), (-0.35, 0.0), (0.7, 0.1), (-0.7, 0.1))
"""Yaw and pitch about the head at rest of the cameras that watch a person, radians; the first records."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who somebody is."""

    identity: Tensor
    """``[I]`` f32 standard deviations of the face model's identity modes."""
    hair_volume: float
    """Metres by which hair stands off the scalp."""
    look: Look
    """Colours and light."""


@dataclass(frozen=True, kw_only=True)
class PersonTruth:
    """A person and T frames of what it did. The world is the recording camera's; poses map the head to it."""

    person: Person
    """Who."""
    fps: float
    """Frames per second."""
    cameras: tuple[Camera, ...]
    """C cameras; the first records, the others stand still about the head at rest."""
    units: Tensor
    """``[T, 52]`` f32 in [0, 1], in the order of `face.UNITS`."""
    gaze: Tensor
    """``[T, 2]`` f32 radians that both eyes turn: to the picture's right, and down."""
    head_quats: Tensor
    """``[T, 4]`` f32 wxyz."""
    head_positions: Tensor
    """``[T, 3]`` f32 metres."""
    torso_quats: Tensor
    """``[T, 4]``."""
    torso_positions: Tensor
    """``[T, 3]``."""

    def __len__(self) -> int:
        return len(self.units)

    def head_vertices(self, frames: slice | list[int] | Tensor, model: FaceModel | None = None) -> Tensor:
        """Vertices ``[t, V, 3]`` f32 of some frames in the head frame, metres."""
        model = FaceModel.load() if model is None else model
        units, gaze = self.units[frames], self.gaze[frames]
        points = model.vertices(self.person.identity, units, gaze[:, None].expand(-1, 2, -1))
        points = points + self.person.hair_volume * _scalp_normals(model)
        return lids_over_eyes(model, points, units)

    def vertices(self, frames: slice | list[int] | Tensor, model: FaceModel | None = None) -> Tensor:
        """Vertices ``[t, V, 3]`` f32 of some frames in the world, metres: head, torso, and the neck between them."""
        model = FaceModel.load() if model is None else model
        points, weight = self.head_vertices(frames, model), _head_weight(model)[:, None]
        head = points @ quat_to_rotmat(self.head_quats[frames]).mT + self.head_positions[frames][:, None]
        torso = points @ quat_to_rotmat(self.torso_quats[frames]).mT + self.torso_positions[frames][:, None]
        return weight * head + (1 - weight) * torso

    def save(self, path: str | Path) -> None:
        """Write everything to one safetensors file; its header says the rest in JSON."""
        from safetensors.torch import save_file

        names = ("units", "gaze", "head_quats", "head_positions", "torso_quats", "torso_positions")
        tensors = {name: getattr(self, name).contiguous() for name in names}
        tensors["identity"] = self.person.identity
        tensors["viewmats"] = torch.stack([camera.viewmat for camera in self.cameras])
        tensors["Ks"] = torch.stack([camera.K for camera in self.cameras])
        size = [self.cameras[0].width, self.cameras[0].height]
        about = {"fps": self.fps, "size": size, "look": asdict(self.person.look)}
        about["hair_volume"] = self.person.hair_volume
        meta = {"format": FORMAT, "version": str(VERSION), "about": json.dumps(about), "units": ",".join(UNITS)}
        with replacing(path) as temporary:
            save_file(tensors, temporary, meta)

    @staticmethod
    def load(path: str | Path) -> PersonTruth:
        """Read a file written by ``save``.

        Raises:
            InputError: missing, damaged, or not such a file.
        """
        from safetensors import SafetensorError, safe_open

        path = require_file(path, "truth")
        try:
            with safe_open(path, "pt") as file:
                meta = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
        except (SafetensorError, OSError) as error:
            raise InputError(f"truth {path} cannot be read ({error}); make the person again.") from error
        if (meta.get("format"), meta.get("version")) != (FORMAT, str(VERSION)):
            raise InputError(f"{path} holds no {FORMAT!r} of version {VERSION}; make the person again.")
        about: dict[str, Any] = json.loads(meta["about"])
        (width, height), views = about["size"], zip(tensors.pop("viewmats"), tensors.pop("Ks"), strict=True)
        look: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in about["look"].items()}
        return PersonTruth(
            person=Person(identity=tensors.pop("identity"), hair_volume=about["hair_volume"], look=Look(**look)),
            fps=about["fps"],
            cameras=tuple(Camera(viewmat=view, K=K, width=width, height=height) for view, K in views),
            **tensors,
        )


@dataclass(frozen=True, kw_only=True)
class PersonClip:
    """Where a made-up person's files lie, and their content."""

    video: Path
    """h264 with sound, of the first camera."""
    truth_path: Path
    """Read it with ``PersonTruth.load``."""
    truth: PersonTruth
    """What the file says."""


def random_person(generator: np.random.Generator, model: FaceModel | None = None) -> Person:
    """Somebody drawn at random: shape, hair and looks."""
    model = FaceModel.load() if model is None else model
    identity = generator.normal(size=model.num_identity) * IDENTITY_SPREAD
    return Person(
        identity=torch.from_numpy(identity).float(),
        hair_volume=float(generator.uniform(*HAIR_VOLUME)),
        look=random_look(generator),
    )


def make_person_clip(
    out_folder: str | Path,
    *,
    seed: int,
    seconds: float = 4.0,
    fps: float = 25.0,
    size: int = 512,
    gestures: int | None = None,
    listener: Listener = ignore,
) -> PersonClip:
    """Make up a person, let it talk, and write ``person_SEED.mp4`` and ``person_SEED.safetensors``.

    Args:
        out_folder: created where needed; files of the same names are replaced.
        seed: another seed is another person saying something else.
        seconds: length.
        fps: frames per second.
        size: width and height in pixels.
        gestures: how many gestures besides speech; by default three in two seconds.
        listener: told of each frame drawn.

    Raises:
        InputError: arguments out of range, or folder not writable.
    """
    if not (1.0 <= seconds <= 600 and 5 <= fps <= 120 and 64 <= size <= 2048):
        raise InputError(
            f"a clip of {seconds} s at {fps} fps and {size} pixels was asked; 1 to 600 s, 5 to 120 fps and 64 to 2048"
            " pixels are possible."
        )
    require_count(seed, "seed")
    folder = require_writable_folder(out_folder, "folder of people")
    speech = speak(seconds, fps, seed)
    generator, model = np.random.default_rng([seed, 7]), FaceModel.load()
    person = random_person(generator, model)
    done = perform(
        speech, fps=fps, gestures=round(1.5 * seconds) if gestures is None else gestures, generator=generator
    )
    truth = PersonTruth(
        person=person,
        fps=fps,
        units=done.units,
        gaze=done.gaze,
        **_posed(person, model, len(done.units), fps, size, generator),
    )
    clip = PersonClip(
        video=folder / f"person_{seed}.mp4", truth_path=folder / f"person_{seed}.safetensors", truth=truth
    )
    painter = Painter(model, person.look)
    with VideoWriter(clip.video, width=size, height=size, fps=fps, audio=speech.samples) as writer:
        for t in tracked(range(len(truth)), f"person {seed}: drawing", len(truth), listener):
            writer.write(painter.paint(truth.vertices([t], model)[0], truth.cameras[0]))
    truth.save(clip.truth_path)
    return clip


def draw_person(truth: PersonTruth, t: int, camera: Camera) -> np.ndarray:
    """Frame ``t`` from any camera, ``[H, W, 3]`` u8."""
    model = FaceModel.load()
    return Painter(model, truth.person.look).paint(truth.vertices([t], model)[0], camera)


def _posed(person: Person, model: FaceModel, frames: int, fps: float, size: int, generator: np.random.Generator):
    """Cameras, and poses of head and torso, by the names of PersonTruth."""
    focal = size * generator.uniform(*FOCAL_LENGTHS)
    neutral = model.neutral(person.identity)
    head = neutral[model.of_region("face", "ears", "scalp")]
    width = float(head[:, 0].max() - head[:, 0].min())
    distance = focal * width / (size * generator.uniform(*HEAD_SHARE))
    rest = torch.tensor([0.0, 0.03, distance]) - neutral[model.of_region("face")].mean(0) * torch.tensor(
        [1.0, 0.0, 1.0]
    )
    swing, sway = (wander(generator, frames, fps, np.array(reach), 0.5) for reach in (HEAD_SWING, TORSO_SWING))
    shift, shove = (wander(generator, frames, fps, np.array(reach), 0.6) for reach in (HEAD_SHIFT, TORSO_SHIFT))
    torso = rest + torch.from_numpy(shove).float()
    camera = Camera.from_focal(focal, size, size)
    return {
        "cameras": tuple(camera.with_view(turned_round(rest, yaw, pitch)) for yaw, pitch in SIDE_VIEWS),
        "head_quats": rotvec_to_quat(torch.from_numpy(swing).float()),
        "head_positions": torso + torch.from_numpy(shift).float(),
        "torso_quats": rotvec_to_quat(torch.from_numpy(sway).float()),
        "torso_positions": torso,
    }


def turned_round(centre: Tensor, yaw: float, pitch: float) -> Tensor:
    """World to camera ``[4, 4]`` of the recording camera carried round a point."""
    turn = quat_to_rotmat(rotvec_to_quat(torch.tensor([[pitch, yaw, 0.0]])))[0]
    view = torch.eye(4)
    view[:3, :3], view[:3, 3] = turn, centre - turn @ centre
    return view


def _head_weight(model: FaceModel) -> Tensor:
    """``[V]`` 1 on the head, 0 on the shoulders, in between on the neck."""
    neck, shoulders = model.of_region("neck"), model.of_region("shoulders")
    top, bottom = model.joint_mean[1, 1], model.joint_mean[0, 1]
    weight = torch.ones(len(model.mean))
    weight[neck] = smoothstep(((bottom - model.mean[neck, 1]) / (bottom - top)).clamp(0, 1))
    weight[shoulders] = 0
    return weight


def _scalp_normals(model: FaceModel) -> Tensor:
    """``[V, 3]`` away from the middle of the head on the scalp, 0 elsewhere, between them near the hairline."""
    scalp = model.mean[model.of_region("scalp")]
    middle = (scalp.amin(0) + scalp.amax(0)) / 2
    out = torch.nn.functional.normalize(model.mean - middle, dim=1)
    on = (model.regions == REGIONS.index("scalp")).float()
    high = ((0.03 - model.mean[:, 1]) / 0.03).clamp(0, 1)
    return out * (on * high)[:, None]
