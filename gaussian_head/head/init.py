"""Dense initial Gaussians for the three branches from one captured person."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..checks import require_fields
from ..conventions import FACE, HAIR, MOUTH, NECK, TORSO
from ..sh import rgb_to_sh
from ..smoothing import smoothstep
from ..transforms import quat_to_rotmat, rotmat_to_quat
from .branch import Branch
from .coefficients import coefficient_names, init_coefficients
from .head import Head
from .surface import (
    NECK_RADIUS,
    hang_mouth,
    head_ellipsoid,
    joined_surfaces,
    lift_pixels,
)
from .volume import back_of_head

NECK_BLEND = 0.07
"""Metres below the chin, and aside of the neck, over which it passes from the head to the torso."""
TORSO_MARGIN = 0.15
"""Share of the picture by which the torso goes on outside it, for frames and cameras that look there."""
MAX_STRETCH = 4.0
"""Longest initial Gaussian relative to its width, on surfaces seen at a grazing angle."""
NOSE_BASE, CHIN = 2, 152
BELOW_CHIN = 0.02
"""Metres below the chin at which the back of the head ends in the neck; it recedes from the nose's base on."""


@dataclass(frozen=True, kw_only=True)
class InitConfig:
    """How many Gaussians a head starts with."""

    face_stride: float = 2.0
    """Pixels between Gaussians on face, hair and neck."""
    torso_stride: float = 3.0
    """Pixels between Gaussians on the torso."""
    back_stride: float = 5.0
    """Pixels between Gaussians on the back of the head."""
    mouth_stride: float = 1.0
    """Pixels between Gaussians inside the mouth, per frame used."""
    mouth_frames: int = 3
    """Open-mouthed frames that the mouth interior is lifted from."""
    sh_degree: int = 1
    """Degree of the view-dependent colour, 0 or 1."""
    learned: int = 8
    """Learned coefficients beside the inner code."""

    def __post_init__(self) -> None:
        strides = dict.fromkeys(("face_stride", "torso_stride", "back_stride", "mouth_stride"), (0.25, 1000.0))
        require_fields(self, strides | {"mouth_frames": (1, 1000), "sh_degree": (0, 1), "learned": (0, 256)})


def initial_head(capture: Capture, config: InitConfig, seed: int = 0) -> Head:
    """A head whose Gaussians lie on the guessed surface of the capture's rest frame, coloured from it."""
    return initial_parts(capture, config, seed)[0]


def initial_parts(capture: Capture, config: InitConfig, seed: int = 0) -> tuple[Head, dict[str, Tensor]]:
    """``initial_head``, and for every branch which Gaussians ``[N]`` bool no frame shows and training leaves alone."""
    generator = torch.Generator().manual_seed(seed)
    motion = capture.motion
    code_scale = code_scale_of(capture.code[capture.train_frames])
    rest = rest_frame(capture)
    params = init_coefficients(code_scale, motion.head.positions[rest], config.learned, generator)
    names = coefficient_names(capture.code_map.names, config.learned)
    face, hidden = _face_branch(capture, rest, config, names, code_scale)
    branches = (
        face,
        _mouth_branch(capture, config, names, code_scale),
        _torso_branch(capture, rest, config, names, code_scale),
    )
    head = Head(
        branches=branches,
        coefficient_params=params,
        camera=capture.camera,
        background=torch.as_tensor(capture.background),
        code_map=capture.code_map,
    )
    held = {branch.name: torch.zeros(len(branch), dtype=torch.bool) for branch in branches}
    held["face"][len(face) - hidden :] = True
    return head, held


def code_scale_of(code: Tensor) -> Tensor:
    """Unit ``[K]`` of every number of a clip's code ``[T, K]``.

    The standard deviation, but at least 0.4 of the largest usual value: one that is rarely used (a blink) would
    otherwise reach many units, and what training leaves uncertain would be blown up there.
    """
    return torch.maximum(code.std(0), 0.4 * torch.quantile(code.abs(), 0.99, dim=0)).clamp(min=1e-3)


def rest_frame(capture: Capture) -> int:
    """The training frame nearest the median pose with mouth shut and eyes open."""
    motion, frames = capture.motion, capture.train_frames
    positions, quats = motion.head.positions[frames], motion.head.quats[frames]
    away = (positions - positions.median(0).values).norm(dim=1) / 0.01
    turned = (quats - quats.median(0).values).norm(dim=1) / 0.05
    code = capture.code[frames]
    calm = (code / code.std(0).clamp(min=1e-3)).abs().mean(1)
    return int(frames[(away + turned + 2 * calm).argmin()])


def _lift(capture: Capture, t: int, parts: tuple[int, ...], stride: float, code_scale: Tensor, margin: float = 0.0):
    """Lift the pixels of frame ``t`` whose label is in ``parts``; returns surface, colours, spacing and pixels.

    ``margin`` (a share of the picture) goes on with the border pixels outside the picture, three times as coarsely.
    """
    frame, motion = capture.frame(t), capture.motion
    sizes = (capture.camera.width, capture.camera.height)
    (x, dx), (y, dy) = (_grid(size, stride, round(margin * size)) for size in sizes)
    uv = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    pitch = np.maximum(*np.meshgrid(dx, dy)).reshape(-1)
    column, row = (np.clip(uv[:, i].astype(int), 0, sizes[i] - 1) for i in (0, 1))
    labels = frame.labels[row, column]
    keep = np.isin(labels, parts) & (frame.alpha[row, column] > 127)
    uv, labels, row, column, pitch = uv[keep], labels[keep], row[keep], column[keep], pitch[keep]
    shape = capture.shape
    neutral = shape.vertices.double().numpy()
    basis = shape.basis.double().permute(1, 2, 0).numpy()
    surface = lift_pixels(
        uv,
        labels,
        neutral + basis @ capture.code[t].double().numpy(),
        basis,
        capture.camera.K.double().numpy(),
        quat_to_rotmat(motion.head.quats[t]).double().numpy(),
        motion.head.positions[t].double().numpy(),
        neutral=neutral,
    )
    colors = frame.image[row, column].astype(np.float32) / 255
    depth = float(motion.head.positions[t, 2])
    spacing = pitch * depth / float(capture.camera.K[0, 0])
    scale = code_scale.double().numpy()
    surface = replace(surface, basis=surface.basis * scale, jacobian=surface.jacobian * scale)
    return surface, colors, spacing, uv


def _grid(size: int, stride: float, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and pitch along one side of the picture: every ``stride`` inside, every third of it in the margins."""
    inside = np.arange(stride / 2, size, stride)
    coarse = 3 * stride
    after = np.arange(size + coarse / 2, size + margin, coarse)
    x = np.concatenate([size - after[::-1], inside, after])
    pitch = np.where((x < 0) | (x > size), coarse, stride)
    return x, pitch


def _uses(names: tuple[str, ...], wanted) -> Tensor:
    return torch.tensor([i for i, name in enumerate(names) if wanted(name)], dtype=torch.int64)


def _branch(name, uses, surface, colors, spacing, config, head_weights, code_size) -> Branch:
    """Flat Gaussians on the surface; the code fills the first columns of ``uses`` that they own."""
    N, J = len(surface.points), len(uses)
    normals = torch.as_tensor(surface.normals, dtype=torch.float32)
    view = torch.tensor([0.0, 0.0, 1.0]).expand(N, 3)
    axes = _tangent_frame(normals, view)
    slant = 1 / (normals * view).sum(1).abs().clamp(min=1 / MAX_STRETCH)
    scales = torch.as_tensor(spacing, dtype=torch.float32)[:, None] * torch.tensor([0.6, 0.6, 0.25])
    scales[:, 0] *= slant
    owned = (uses < code_size).nonzero()[:, 0]
    channel = uses[owned]
    basis, stretch = torch.zeros(N, 3, J), torch.zeros(N, 6, J)
    basis[:, :, owned] = torch.as_tensor(surface.basis, dtype=torch.float32)[:, :, channel]
    stretch[:, :, owned] = _stretch(torch.as_tensor(surface.jacobian, dtype=torch.float32), axes)[:, :, channel]
    opacity = torch.full((N,), 0.8)
    return Branch(
        name=name,
        uses=uses,
        means=torch.as_tensor(surface.points, dtype=torch.float32),
        quats=rotmat_to_quat(axes),
        log_scales=torch.log(scales),
        logit_opacities=torch.logit(opacity),
        sh0=rgb_to_sh(torch.as_tensor(colors))[:, None],
        shN=torch.zeros(N, (config.sh_degree + 1) ** 2 - 1, 3),
        basis=basis,
        stretch=stretch,
        head_weights=torch.as_tensor(head_weights, dtype=torch.float32),
    )


def _tangent_frame(normals: Tensor, view: Tensor) -> Tensor:
    """Rotations ``[N, 3, 3]``: first column along the slope seen from ``view``, third column the normal."""
    slope = view - (view * normals).sum(1, keepdim=True) * normals
    x = torch.nn.functional.normalize(slope + 1e-6, dim=1)
    y = torch.nn.functional.normalize(torch.linalg.cross(normals, x), dim=1)
    return torch.stack([torch.linalg.cross(y, normals), y, normals], dim=2)


def _stretch(jacobian: Tensor, axes: Tensor) -> Tensor:
    """Rotation vector and log-scale change ``[N, 6, K]`` of a basis with spatial derivative ``[N, 3, 3, K]``."""
    turn = 0.5 * torch.stack(
        [
            jacobian[:, 2, 1] - jacobian[:, 1, 2],
            jacobian[:, 0, 2] - jacobian[:, 2, 0],
            jacobian[:, 1, 0] - jacobian[:, 0, 1],
        ],
        dim=1,
    )
    grow = torch.einsum("nia,nijk,nja->nak", axes, jacobian, axes)
    return torch.cat([turn, grow], dim=1).clamp(-0.5, 0.5)


def _face_branch(capture, rest, config, names, code_scale) -> tuple[Branch, int]:
    """Face and hair, then the back of the head; and how many Gaussians the latter has."""
    surface, colors, spacing, uv = _lift(capture, rest, (HAIR, FACE), config.face_stride, code_scale)
    frame, motion = capture.frame(rest), capture.motion
    shell, shell_colors, shell_spacing = back_of_head(
        frame.labels,
        frame.image,
        surface,
        uv,
        capture.camera.K.double().numpy(),
        quat_to_rotmat(motion.head.quats[rest]).double().numpy(),
        motion.head.positions[rest].double().numpy(),
        config.back_stride,
        float(capture.shape.vertices[NOSE_BASE, 1]),
        float(capture.shape.vertices[CHIN, 1]) + BELOW_CHIN,
    )
    uses = _uses(names, lambda name: not name.startswith(("neck_", "pose_")))
    joined = joined_surfaces([surface, shell])
    colors, spacing = np.concatenate([colors, shell_colors]), np.concatenate([spacing, shell_spacing])
    branch = _branch("face", uses, joined, colors, spacing, config, np.ones(len(colors)), len(code_scale))
    return branch, len(shell_colors)


def _torso_branch(capture, rest, config, names, code_scale) -> Branch:
    neck, neck_colors, neck_spacing, _ = _lift(
        capture, rest, (NECK,), config.face_stride, code_scale, margin=TORSO_MARGIN
    )
    body, body_colors, body_spacing, _ = _lift(
        capture, rest, (TORSO,), config.torso_stride, code_scale, margin=TORSO_MARGIN
    )
    vertices = capture.shape.vertices.double().numpy()
    chin = vertices[:, 1].max()
    joined = joined_surfaces([neck, body])
    below = _rise((joined.points[:, 1] - chin) / NECK_BLEND)
    aside = _rise((np.abs(joined.points[:, 0] - head_ellipsoid(vertices)[0][0]) - NECK_RADIUS) / NECK_BLEND)
    weights = (1 - below) * (1 - aside)
    uses = _uses(names, lambda name: name.startswith(("neck_", "pose_")))
    colors = np.concatenate([neck_colors, body_colors])
    spacing = np.concatenate([neck_spacing, body_spacing])
    return _branch("torso", uses, joined, colors, spacing, config, weights, len(code_scale))


def _mouth_branch(capture, config, names, code_scale) -> Branch:
    """Teeth and mouth floor: lifted from open frames, the upper part fixed to the skull, the lower to the jaw."""
    frames = capture.train_frames
    openness = capture.coded("jaw_open")[frames]
    chosen = frames[openness.argsort(descending=True)[: max(4 * config.mouth_frames, 1)]][::4]
    shape = capture.shape
    chin = int(shape.vertices[:, 1].argmax())
    jaw = (shape.basis[:, chin].T * code_scale).double().numpy()
    spread = code_scale.double().numpy()
    surfaces, colors, spacings = [], [], []
    for t in chosen.tolist():
        surface, color, spacing, uv = _lift(capture, t, (MOUTH,), config.mouth_stride, code_scale)
        if len(color) == 0:
            continue
        surfaces.append(hang_mouth(surface, uv, jaw, capture.code[t].double().numpy() / spread))
        colors.append(color)
        spacings.append(spacing)
    if not surfaces:
        surface, color, spacing, uv = _lift(capture, int(chosen[0]), (FACE,), 8.0, code_scale)
        surfaces, colors, spacings = [hang_mouth(surface, uv, jaw, 0 * spread)], [color * 0.3], [spacing]
    joined = joined_surfaces(surfaces)
    code_map = capture.code_map
    lips = {name for name, lip in zip(code_map.names, code_map.lips.tolist(), strict=True) if lip}
    uses = _uses(names, lambda name: name in lips or name.startswith("learned_"))
    all_colors = np.concatenate(colors)
    spacing = np.concatenate(spacings)
    return _branch("mouth", uses, joined, all_colors, spacing, config, np.ones(len(all_colors)), len(code_scale))


def _rise(x: np.ndarray) -> np.ndarray:
    return smoothstep(np.clip(x, 0, 1))
