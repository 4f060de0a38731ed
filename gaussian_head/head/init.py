"""Dense initial Gaussians for the three branches from one captured person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from ..capture import Capture
from ..checks import require_fields
from ..conventions import FACE, HAIR, MOUTH, NECK, TORSO
from ..transforms import quat_to_rotmat
from .branch import Branch
from .coefficients import coefficient_names, init_coefficients
from .frames import rest_frame, varied_frames
from .head import Head
from .hull import Hull, fit_hull, neck_share
from .lifting import lift_frame
from .outline import OutlineView, outline_views
from .relief import laid_of
from .surface import Patch, hang_mouth, joined, moving_with
from .surfels import THICKNESS, WIDTH, flat_branch
from .unseen import sample_colours
from .volume import BEHIND, GRAZING, HullSamples, Within, drawn_in, sample_hull, squarely_shown

EYE_CORNERS, CHIN = (33, 263), 152
"""Landmarks: outer corners of the eyes, and the chin's."""
CHIN_HEIGHT = 0.01
"""Metres above the chin's landmark where its underside begins."""
TORSO_MARGIN = 0.15
"""Share of the picture by which the torso goes on outside it, for frames and cameras that look there."""
COARSER = 2.0
"""Spacing on unseen neck and shoulders over that on the unseen head."""
WIDER, CLOSED = 1.3, 0.97
"""Unseen Gaussians next to lifted ones, and their opacity: nothing shows through them from behind."""
CLOSE = 0.7
"""Share of its size to which outlines may shrink a Gaussian on the unseen neck and shoulders before four of half its
size take its place: gaps would open between it and its neighbours."""
CHANGING = ("turn_", "view_")
"""Beginnings of the names of coefficients that opacities of the face and hair may change with."""
OUTLINES, VARIED = 12, 12
"""Frames, evenly spaced and as unlike each other's poses as may be, whose outlines shape the hull."""


@dataclass(frozen=True, kw_only=True)
class InitConfig:
    """How many Gaussians a head starts with."""

    face_stride: float = 2.0
    """Pixels between Gaussians on face, hair and neck."""
    torso_stride: float = 3.0
    """Pixels between Gaussians on the torso."""
    back_stride: float = 7.0
    """Rest frame pixels between Gaussians on what of the head that frame hardly shows; on neck and shoulders twice."""
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


@dataclass(frozen=True, kw_only=True)
class _Start:
    """What the branches of one person share."""

    capture: Capture
    config: InitConfig
    rest: int
    """The rest frame."""
    neutral: np.ndarray
    """``[478, 3]`` neutral landmarks, as deep as skin is."""
    hull: Hull
    hidden: HullSamples
    """What the rest frame hardly shows."""
    hidden_patch: Patch
    """The same, coloured."""
    code_scale: Tensor
    """``[K]``."""
    names: tuple[str, ...]
    """Of all coefficients."""

    def lifted(self, t: int, parts: tuple[int, ...], stride: float, margin: float = 0.0) -> tuple[Patch, np.ndarray]:
        """See ``lift_frame``."""
        return lift_frame(self.capture, self.neutral, self.hull, t, parts, stride, self.code_scale, margin)

    def used(self, wanted: Callable[[str], bool]) -> Tensor:
        """``[J]`` int64, the coefficients whose names are ``wanted``."""
        return torch.tensor([i for i, of in enumerate(self.names) if wanted(of)], dtype=torch.int64)

    def branch(self, name: str, wanted: Callable[[str], bool], patch: Patch, head_weights: np.ndarray) -> Branch:
        """Flat Gaussians that use the coefficients whose names are ``wanted``."""
        uses = self.used(wanted)
        size = {"code_size": len(self.code_scale), "sh_degree": self.config.sh_degree}
        return flat_branch(name, uses, patch, head_weights, **size)


def initial_head(capture: Capture, config: InitConfig, seed: int = 0) -> Head:
    """A head whose Gaussians lie on the guessed surface of the capture's rest frame, coloured from it."""
    return initial_parts(capture, config, seed)[0]


def initial_parts(capture: Capture, config: InitConfig, seed: int = 0) -> tuple[Head, dict[str, Tensor]]:
    """``initial_head``, and by branch which Gaussians ``[N]`` bool hardly a frame shows: they stay as they are."""
    generator = torch.Generator().manual_seed(seed)
    motion = capture.motion
    start = _start(capture, config, seed, code_scale_of(capture.code[capture.train_frames]))
    params = init_coefficients(start.code_scale, motion.head.positions[start.rest], config.learned, generator)
    on_head = start.hull.of_head()[start.hidden.triangles]
    branches = (_face_branch(start, on_head), _mouth_branch(start), _torso_branch(start, ~on_head))
    head = Head(
        branches=branches,
        coefficient_params=params,
        camera=capture.camera,
        background=torch.as_tensor(capture.background),
        code_map=capture.code_map,
    )
    held = {branch.name: torch.zeros(len(branch), dtype=torch.bool) for branch in branches}
    for name, count in (("face", on_head.sum()), ("torso", (~on_head).sum())):
        held[name][len(held[name]) - int(count) :] = True
    return head, held


def shown_count(capture: Capture, config: InitConfig) -> float:
    """About how many Gaussians lie on what the rest frame shows: told by its labels, before any is laid."""
    labels = capture.frame(rest_frame(capture)).labels
    on_head = np.isin(labels, (FACE, HAIR, NECK)).sum() / config.face_stride**2
    return float(on_head + (labels == TORSO).sum() / config.torso_stride**2)


def code_scale_of(code: Tensor) -> Tensor:
    """Unit ``[K]`` of every number of a clip's code ``[T, K]``.

    The standard deviation, but at least 0.4 of the largest usual value: one that is rarely used (a blink) would
    otherwise reach many units, and what training leaves uncertain would be blown up there.
    """
    return torch.maximum(code.std(0), 0.4 * torch.quantile(code.abs(), 0.99, dim=0)).clamp(min=1e-3)


def _start(capture: Capture, config: InitConfig, seed: int, code_scale: Tensor) -> _Start:
    """Fit the hull and sample and colour what of it the rest frame hardly shows."""
    rest, motion = rest_frame(capture), capture.motion
    frames = capture.train_frames
    evenly = frames[torch.linspace(0, len(frames) - 1, OUTLINES).round().long()].tolist()
    views = outline_views(capture, [*varied_frames(capture, rest, VARIED), *evenly])
    laid = laid_of(capture)
    hull = fit_hull(laid, capture.shape.vertices.double().numpy(), views)
    spacing = config.back_stride * float(motion.head.positions[rest, 2] / capture.camera.K[0, 0])
    neutral = laid.skin
    hidden, colours, wide = _hidden(capture, hull, views, rest, neutral, spacing, seed)
    basis = (capture.shape.basis.permute(1, 2, 0) * code_scale).double().numpy()
    patch = Patch(
        surface=moving_with(hidden.points, hidden.normals, neutral, basis),
        colours=colours,
        spacing=wide[:, None].repeat(2, 1),
        opacities=np.full(len(hidden), CLOSED),
    )
    return _Start(
        capture=capture,
        config=config,
        rest=rest,
        neutral=neutral,
        hull=hull,
        hidden=hidden,
        hidden_patch=patch,
        code_scale=code_scale,
        names=coefficient_names(capture.code_map.names, config.learned),
    )


def _hidden(
    capture: Capture, hull: Hull, views: list[OutlineView], rest: int, neutral: np.ndarray, spacing: float, seed: int
) -> tuple[HullSamples, np.ndarray, np.ndarray]:
    """What of the hull frame ``rest`` hardly shows: S samples inside all outlines, colours ``[S, 3]``, widths ``[S]``.

    Where outlines would shrink those of neck and shoulders so that gaps opened, more and smaller ones stand.
    """
    of_head, pose = hull.of_head(), capture.motion.at(rest).head
    rotation, position = quat_to_rotmat(pose.quats).double().numpy(), pose.positions.double().numpy()
    person = capture.frame(rest).alpha > 127

    def brought_in(samples: HullSamples, pitch: np.ndarray) -> tuple[np.ndarray, Within]:
        on_head = of_head[samples.triangles]
        cosine = squarely_shown(samples, hull, capture.camera, rotation, position, person)
        weights = np.where(on_head, 1.0, neck_share(samples.points, neutral))
        sunk = replace(samples, points=samples.points - BEHIND * (cosine > 0)[:, None] * samples.normals)
        hardly = (cosine < GRAZING) & (~on_head | _beside_the_face(samples.points, neutral))
        return hardly, drawn_in(sunk, (WIDTH * pitch, THICKNESS * pitch), weights, hull, views)

    samples = sample_hull(hull, of_head, spacing, seed) + sample_hull(hull, ~of_head, COARSER * spacing, seed)
    pitch = WIDER * spacing * np.where(of_head[samples.triangles], 1, COARSER)
    rows, within = brought_in(samples, pitch)
    apart = rows & (within.sizes < CLOSE) & ~of_head[samples.triangles]
    finer = sample_hull(hull, ~of_head, COARSER * spacing / 2, seed)
    finer = finer[apart[KDTree(samples.points).query(finer.points)[1]]]
    samples = samples[~apart] + finer
    pitch = np.concatenate([pitch[~apart], np.full(len(finer), WIDER * COARSER * spacing / 2)])
    rows, within = brought_in(samples, pitch)
    rows &= within.possible
    colours = sample_colours(samples, hull, capture, rest, seed)
    return replace(samples, points=within.points)[rows], colours[rows], (pitch * within.sizes)[rows]


def _beside_the_face(points: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """``[S]`` bool, behind the corners of the eyes or under the chin: lids, nostrils and lips are the face's own."""
    return (points[:, 2] > neutral[list(EYE_CORNERS), 2].mean()) | (points[:, 1] > neutral[CHIN, 1] - CHIN_HEIGHT)


def _face_branch(start: _Start, hidden: np.ndarray) -> Branch:
    """Face and hair, then what of the head the rest frame hardly shows."""
    front, _ = start.lifted(start.rest, (HAIR, FACE), start.config.face_stride)
    patch = joined([front, start.hidden_patch[hidden]])
    branch = start.branch(
        "face", lambda name: not name.startswith(("neck_", "pose_")), patch, np.ones(len(patch.colours))
    )
    uses = start.used(lambda name: name.startswith(CHANGING))
    return replace(branch, opacity_uses=uses, opacity_basis=torch.zeros(len(branch), len(uses)))


def _torso_branch(start: _Start, hidden: np.ndarray) -> Branch:
    """Neck and torso, then what of them the rest frame hardly shows."""
    neck, _ = start.lifted(start.rest, (NECK,), start.config.face_stride, TORSO_MARGIN)
    body, _ = start.lifted(start.rest, (TORSO,), start.config.torso_stride, TORSO_MARGIN)
    patch = joined([neck, body, start.hidden_patch[hidden]])
    weights = neck_share(patch.surface.points, start.capture.shape.vertices.double().numpy())
    return start.branch("torso", lambda name: name.startswith(("neck_", "pose_")), patch, weights)


def _mouth_branch(start: _Start) -> Branch:
    """Teeth and mouth floor: lifted from open frames, the upper part fixed to the skull, the lower to the jaw."""
    config, capture, frames = start.config, start.capture, start.capture.train_frames
    openness = capture.coded("jaw_open")[frames]
    chosen = frames[openness.argsort(descending=True)[: max(4 * config.mouth_frames, 1)]][::4]
    shape = capture.shape
    chin = int(shape.vertices[:, 1].argmax())
    jaw = (shape.basis[:, chin].T * start.code_scale).double().numpy()
    spread = start.code_scale.double().numpy()
    patches = []
    for t in chosen.tolist():
        patch, uv = start.lifted(t, (MOUTH,), config.mouth_stride)
        if len(uv):
            hung = hang_mouth(patch.surface, uv, jaw, capture.code[t].double().numpy() / spread)
            patches.append(replace(patch, surface=hung))
    if not patches:
        patch, uv = start.lifted(int(chosen[0]), (FACE,), 8.0)
        hung = hang_mouth(patch.surface, uv, jaw, 0 * spread)
        patches = [replace(patch, surface=hung, colours=patch.colours * 0.3)]
    patch = joined(patches)
    lips = {name for name, lip in zip(capture.code_map.names, capture.code_map.lips.tolist(), strict=True) if lip}
    return start.branch(
        "mouth", lambda name: name in lips or name.startswith("learned_"), patch, np.ones(len(patch.colours))
    )
