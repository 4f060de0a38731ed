"""A synthetic person for tests: no footage, no training, made in milliseconds."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gaussian_head.actor import Actor, Clip
from gaussian_head.camera import Camera
from gaussian_head.face import UNITS
from gaussian_head.head import Branch, Head
from gaussian_head.head.coefficients import coefficient_names, init_coefficients
from gaussian_head.motion import CONTROLS, AudioToMotion, CodeMap, Motion, Pose
from gaussian_head.motion.lip_model import DILATIONS, RADIUS, LipNet
from gaussian_head.sh import rgb_to_sh
from gaussian_head.speech import SpeechFeatures, at_frame_rate, encode_speech
from gaussian_head.transforms import rotvec_to_quat

MEASURED = ("jaw_open", "lip_width", "lip_pucker", "blink_l", "blink_r", "brow_up", "gaze_x", "gaze_y")
CODE = (*MEASURED, *(f"lip_{i}" for i in range(8)), *(f"face_{i}" for i in range(6)))
MOVES = {
    "jawOpen": {"jaw_open": 0.4, "lip_0": 0.5},
    "mouthStretchLeft": {"lip_width": 0.1},
    "mouthStretchRight": {"lip_width": 0.1},
    "mouthPucker": {"lip_pucker": 0.1, "lip_width": -0.1},
    "eyeBlinkLeft": {"blink_l": 1.0},
    "eyeBlinkRight": {"blink_r": 1.0},
    "browInnerUp": {"brow_up": 0.2},
    "gaze_right": {"gaze_x": 0.9},
    "gaze_down": {"gaze_y": 0.9},
}
"""What units and gaze do to the synthetic face's code."""
FPS = 25.0
CENTRE = (0.0, -0.01, 1.0)
"""World position of the resting head, metres."""
RADII = (0.075, 0.11, 0.09)
"""Half axes of the head's ellipsoid, metres."""
MOUTH = (0.0, 0.052, -0.078)
"""Centre of the lips in the head frame, metres."""
LEARNED = 8


class LoudnessToMotion:
    """Opens the jaw where the sound is loud: the least that a trained audio model does."""

    units = ("jawOpen",)
    lips = torch.tensor([name.startswith(("jaw", "lip")) for name in CODE])
    encoder = "mel"
    basis_id = ""

    def predict(self, samples: np.ndarray, fps: float, num_frames: int, *, close_in_silence: bool = True) -> Tensor:
        """Units ``[num_frames, 52]`` of mono 16 kHz samples ``[S]``."""
        return self.predict_from(encode_speech(samples, encoder=self.encoder), fps, num_frames)

    def predict_from(
        self, features: SpeechFeatures, fps: float, num_frames: int, *, close_in_silence: bool = True
    ) -> Tensor:
        """Units ``[num_frames, 52]`` of log-mel features."""
        loudness = at_frame_rate(features, fps, num_frames)[:, :80].mean(1)
        span = float(loudness.max() - loudness.min())
        units = torch.zeros(num_frames, len(UNITS))
        units[:, UNITS.index("jawOpen")] = (loudness - loudness.min()) / max(span, 1e-6)
        return units


def make_code_map(basis_id: str = "") -> CodeMap:
    """The synthetic face's map, as MOVES says."""
    weights = torch.zeros(len(CONTROLS), len(CODE))
    for control, effects in MOVES.items():
        for name, amount in effects.items():
            weights[CONTROLS.index(control), CODE.index(name)] = amount
    bounds = torch.tensor([-3.0, 3.0])[:, None].repeat(1, len(CODE))
    return CodeMap(names=CODE, weights=weights, bias=torch.zeros(len(CODE)), bounds=bounds, basis_id=basis_id)


def make_motion(num_frames: int = 50) -> Motion:
    """A second or two of talking, nodding and blinking that ends where it starts."""
    phase = torch.arange(num_frames) / num_frames * 2 * math.pi
    units = torch.zeros(num_frames, len(UNITS))
    units[:, UNITS.index("jawOpen")] = 0.5 * (1 - torch.cos(3 * phase))
    blink = torch.exp(-(((torch.arange(num_frames) - num_frames // 2) / 1.5) ** 2))
    for side in ("Left", "Right"):
        units[:, UNITS.index(f"mouthStretch{side}")] = 0.5 + 0.5 * torch.sin(2 * phase)
        units[:, UNITS.index(f"eyeBlink{side}")] = blink
    residual = torch.zeros(num_frames, len(CODE))
    residual[:, len(MEASURED) :] = 0.3 * torch.sin(phase[:, None] * torch.arange(1, 15))
    turn = torch.stack([0.05 * torch.sin(phase), 0.15 * torch.sin(phase), 0.03 * torch.sin(2 * phase)], dim=1)
    sway = torch.stack([0.006 * torch.sin(phase), torch.zeros(num_frames), torch.zeros(num_frames)], dim=1)
    return Motion(
        fps=FPS,
        head=Pose(quats=rotvec_to_quat(turn), positions=torch.tensor(CENTRE) + sway),
        torso=Pose(quats=rotvec_to_quat(0.2 * turn), positions=torch.tensor(CENTRE) + 0.5 * sway),
        units=units,
        gaze=0.1 * torch.stack([torch.sin(phase), torch.cos(phase)], 1),
        residual=residual,
    )


def make_actor(num_frames: int = 50, num_gaussians: int = 2000, size: int = 128, seed: int = 0) -> Actor:
    """The head of ``make_head`` with the clip of ``make_motion`` and a voice that follows loudness."""
    return Actor(
        head=make_head(num_frames, num_gaussians, size, seed),
        clip=Clip(motion=make_motion(num_frames), num_train=num_frames - round(0.1 * num_frames)),
        voice=LoudnessToMotion(),  # type: ignore[arg-type]
    )


def make_voice() -> AudioToMotion:
    """A speech predictor that has learnt nothing, but can be saved."""
    features = encode_speech(np.sin(np.arange(48000) / 16000 * 900).astype(np.float32) * 0.3, encoder="mel")
    A, units = features.dim, ("jawOpen", "mouthClose", "mouthPucker")
    K, C = len(units), 4
    rows = {name: torch.rand(A) + 0.5 for name in ("input_mean", "input_scale", "spoken_mean")}
    rows |= {name: torch.rand(K) for name in ("mean", "closed", "opening", "parting")}
    return AudioToMotion(
        **rows,
        encoder=features.encoder,
        encoder_version=features.version,
        fps=25.0,
        units=units,
        correlation=0.5,
        projection=torch.eye(A),
        output_mean=torch.rand(C),
        output_scale=torch.rand(C),
        directions=torch.rand(C, K),
        lowest=torch.zeros(K),
        highest=torch.ones(K),
        ridge=torch.randn((2 * RADIUS + 1) * A, C) * 1e-3,
        nets=tuple(LipNet(A, C, dilations).eval() for dilations in DILATIONS),
        lips=LoudnessToMotion.lips,
    )


def make_head(num_frames: int = 50, num_gaussians: int = 2000, size: int = 128, seed: int = 0) -> Head:
    """A skin-coloured ellipsoid with hair, eyes, lips that open and a blue torso, before a grey-green wall."""
    generator = torch.Generator().manual_seed(seed)
    code_map, motion = make_code_map(), make_motion(num_frames)
    code = code_map.code(motion)
    n_mouth, n_torso = num_gaussians // 10, num_gaussians // 4
    n_face = num_gaussians - n_mouth - n_torso
    scale = code.std(0).clamp(min=1e-3)
    ramp = torch.linspace(0, 1, size)
    plate = torch.stack([0.45 + 0.1 * ramp, 0.52 + 0.1 * ramp, 0.48 + 0.1 * ramp], dim=1)[:, None].expand(size, size, 3)
    return Head(
        branches=(
            _branch("face", *_face(n_face), scale, 1.3, generator),
            _branch("mouth", *_mouth(n_mouth), scale, 0.7, generator),
            _branch("torso", *_torso(n_torso), scale, 1.3, generator),
        ),
        coefficient_params=init_coefficients(scale, torch.tensor(CENTRE), LEARNED, generator),
        camera=Camera.from_focal(size * 2.4, size, size),
        background=plate.contiguous(),
        code_map=code_map,
    )


def _face(n: int) -> tuple[Tensor, Tensor, float, Tensor]:
    points = _fibonacci(n) * torch.tensor(RADII)
    colors = torch.tensor([0.80, 0.60, 0.50]).repeat(n, 1)
    hair = (points[:, 1] < -0.06) | ((points[:, 2] > 0.01) & (points[:, 1] < 0.05))
    colors[hair] = torch.tensor([0.22, 0.15, 0.10])
    for side in (-1, 1):
        away = (points - torch.tensor([side * 0.032, -0.02, -0.08])).norm(dim=1)
        colors[away < 0.014] = torch.tensor([0.92, 0.92, 0.90])
        colors[away < 0.007] = torch.tensor([0.15, 0.25, 0.35])
    lips = (points - torch.tensor(MOUTH)) / torch.tensor([0.028, 0.010, 0.05])
    colors[lips.norm(dim=1) < 1] = torch.tensor([0.70, 0.32, 0.32])
    neck = torch.ones(n)
    return points, colors, _spacing(points), neck


def _mouth(n: int) -> tuple[Tensor, Tensor, float, Tensor]:
    flat = _sunflower(n) * torch.tensor([0.022, 0.012])
    points = torch.cat([flat, torch.zeros(n, 1)], dim=1) + torch.tensor(MOUTH) + torch.tensor([0.0, 0.004, 0.012])
    colors = torch.tensor([0.35, 0.10, 0.10]).repeat(n, 1)
    colors[points[:, 1] < MOUTH[1]] = torch.tensor([0.90, 0.88, 0.82])
    return points, colors, 0.002, torch.ones(n)


def _torso(n: int) -> tuple[Tensor, Tensor, float, Tensor]:
    n_neck = n // 5
    around = torch.linspace(0, 2 * math.pi * 12, n_neck)
    down = torch.linspace(0.07, 0.16, n_neck)
    neck = torch.stack([0.05 * torch.cos(around), down, 0.02 + 0.05 * torch.sin(around)], dim=1)
    flat = _sunflower(n - n_neck) * torch.tensor([0.21, 0.13])
    bulge = -0.06 * (1 - (flat / torch.tensor([0.21, 0.13])).square().sum(1, keepdim=True))
    slab = torch.cat([flat + torch.tensor([0.0, 0.25]), 0.03 + bulge], dim=1)
    colors = torch.cat(
        [torch.tensor([[0.76, 0.56, 0.46]]).repeat(n_neck, 1), torch.tensor([[0.20, 0.28, 0.48]]).repeat(n - n_neck, 1)]
    )
    weights = torch.cat([1 - (down - 0.07) / 0.09, torch.zeros(n - n_neck)])
    return torch.cat([neck, slab]), colors, (math.pi * 0.21 * 0.13 / max(n - n_neck, 1)) ** 0.5, weights


def _branch(
    name: str,
    means: Tensor,
    colors: Tensor,
    spacing: float,
    weights: Tensor,
    scale: Tensor,
    size: float,
    generator: torch.Generator,
) -> Branch:
    n, names = len(means), coefficient_names(CODE, LEARNED)
    basis = torch.zeros(n, 3, len(names))
    if name == "face":
        near = torch.exp(-(((means - torch.tensor(MOUTH)) / torch.tensor([0.035, 0.03, 0.06])) ** 2).sum(1))
        below = torch.sigmoid((means[:, 1] - MOUTH[1]) / 0.002)
        basis[:, 1, names.index("jaw_open")] = near * (0.045 * below - 0.008 * (1 - below)) * scale[0]
        basis[:, 0, names.index("lip_width")] = near * means[:, 0] * scale[1]
        for side, channel in ((1, "blink_l"), (-1, "blink_r")):
            lid = torch.exp(-(((means - torch.tensor([side * 0.032, -0.034, -0.08])).norm(dim=1) / 0.012) ** 2))
            basis[:, 1, names.index(channel)] = 0.014 * lid * scale[names.index(channel)]
    quats = torch.randn(n, 4, generator=generator)
    return Branch(
        name=name,
        uses=torch.arange(len(names)),
        means=means,
        quats=quats / quats.norm(dim=1, keepdim=True),
        log_scales=torch.full((n, 3), math.log(spacing * size / 2)),
        logit_opacities=torch.full((n,), 3.0),
        sh0=rgb_to_sh(colors)[:, None],
        shN=torch.zeros(n, 3, 3),
        basis=basis,
        stretch=torch.zeros(n, 6, len(names)),
        head_weights=weights,
    )


def _fibonacci(n: int) -> Tensor:
    """``[n, 3]`` even points on the unit sphere."""
    i = torch.arange(n) + 0.5
    polar, around = torch.acos(1 - 2 * i / n), math.pi * (1 + 5**0.5) * i
    return torch.stack(
        [torch.sin(polar) * torch.cos(around), torch.cos(polar), torch.sin(polar) * torch.sin(around)], dim=1
    )


def _sunflower(n: int) -> Tensor:
    """``[n, 2]`` even points in the unit disc."""
    i = torch.arange(n) + 0.5
    radius, around = (i / n).sqrt(), math.pi * (1 + 5**0.5) * i
    return torch.stack([radius * torch.cos(around), radius * torch.sin(around)], dim=1)


def _spacing(points: Tensor) -> float:
    """Typical distance between neighbours on the ellipsoid."""
    area = 4 * math.pi * (math.prod(RADII) ** (2 / 3))
    return (area / len(points)) ** 0.5
