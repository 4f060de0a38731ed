"""From photographs to an actor: fit, shape, dress, rig, and a short optimisation against the photographs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, Clip
from ..events import Listener, Progress, ignore
from ..face import FaceModel
from ..head import Branch, Head
from ..head.coefficients import init_coefficients
from ..head.surface import Patch, joined
from ..head.surfels import flat_branch
from ..motion import Motion, Pose
from ..motion.idle import gaze as glances
from ..motion.idle import sway
from ..transforms import quat_multiply, rotvec_to_quat
from .dressing import GUESSED, MIRRORED, SEEN, Dress, dress
from .features import eye_patch, mouth_patch
from .fitting import PhotoFit, fit_photos
from .hanging import hanging_of
from .plate import plate_of
from .pruning import only, seen_from_around
from .refining import refine
from .rig import Rig, rig_of
from .samples import carved, surface_points
from .shape import PhotoShape, camera_of, head_share, shape_of
from .view import PhotoView

FPS, SECONDS = 25.0, 12.0
"""Of the clip beside a photo head: how it holds itself when it is not told."""
SWAY, TORSO_SHARE = 0.028, 0.3
"""Radians that such a head moves, and the torso's share of it."""
OPAQUE = 0.97
LEAST_MOTION = 2e-4
"""Metres that a number of the code moves a part at all."""
PARTS = ("face", "mouth", "torso")


@dataclass(frozen=True, kw_only=True)
class BuiltHead:
    """A head made of photographs, and what is known about how."""

    actor: Actor
    """Head and clip."""
    views: list[PhotoView]
    """The photographs as they were worked on."""
    fit: PhotoFit
    """How they were explained."""
    shape: PhotoShape
    """The surface."""
    origin: Tensor
    """``[N]`` uint8 of every Gaussian: 0 seen in a photograph, 1 mirrored, 2 guessed."""


def build(
    views: list[PhotoView],
    *,
    mirror: bool = True,
    steps: int = 300,
    seed: int = 0,
    model: FaceModel | None = None,
    listener: Listener = ignore,
) -> BuiltHead:
    """Make a head of photographs of one person; the first one's camera and background are kept.

    Args:
        views: one to five photographs.
        mirror: take the unseen half of a head from the seen one.
        steps: of the optimisation.
        seed: of everything random.
        model: the parametric head, by default the package's.
        listener: receives Progress.
    """
    stages = ("photo: fitting", "photo: shape", "photo: colours")
    model = FaceModel.load() if model is None else model

    def at(stage: int) -> None:
        listener(Progress(stage=stages[stage], done=stage, total=len(stages)))

    at(0)
    fit = fit_photos(views, model=model)
    at(1)
    shape = shape_of(views, fit, model)
    at(2)
    return dressed(views, fit, shape, mirror=mirror, steps=steps, seed=seed, listener=listener)


def dressed(
    views: list[PhotoView],
    fit: PhotoFit,
    shape: PhotoShape,
    *,
    mirror: bool = True,
    steps: int = 300,
    seed: int = 0,
    listener: Listener = ignore,
) -> BuiltHead:
    """The head of a surface that is known: coloured, rigged and optimised; arguments as of ``build``."""
    rig = rig_of(shape)
    parts = _parts(shape, rig, views, fit, mirror)
    head = _head(parts, rig, views[0], fit)
    kept = seen_from_around(head, fit.photos[0])
    head = refine(only(head, kept), views, fit, parts.seen()[kept], steps=steps, listener=listener)
    actor = Actor(head=head, clip=Clip(motion=resting_clip(fit, seed), num_train=round(FPS * SECONDS)))
    return BuiltHead(actor=actor, views=views, fit=fit, shape=shape, origin=parts.origins()[kept])


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The points of the three branches, in order, with shares seen and where they come from."""

    patches: dict[str, Patch]
    weights: dict[str, np.ndarray]
    """``[N]`` how far they follow the head."""
    shown: dict[str, np.ndarray]
    """``[N, P]`` share that each photograph shows."""
    origin: dict[str, np.ndarray]
    """``[N]``."""

    def seen(self) -> Tensor:
        return torch.from_numpy(np.concatenate([self.shown[name] for name in PARTS])).float()

    def origins(self) -> Tensor:
        return torch.from_numpy(np.concatenate([self.origin[name] for name in PARTS])).to(torch.uint8)


def _parts(shape: PhotoShape, rig: Rig, views: list[PhotoView], fit: PhotoFit, mirror: bool) -> _Parts:
    samples, spacing = surface_points(shape, views, fit.photos)
    samples = carved(samples, spacing, shape, views[0], fit.photos[0])
    worn = dress(samples, shape, views, fit.photos, mirror=mirror)
    corners = shape.triangles[samples.triangles]
    skin = Patch(
        surface=rig.carried(samples.points, samples.normals, corners, samples.weights),
        colours=worn.colours,
        spacing=spacing[:, None].repeat(2, 1),
        opacities=np.full(len(samples), OPAQUE),
    )
    follows = np.einsum("pc,pc->p", samples.weights, shape.head_weights[corners])
    eyes, eyes_seen = eye_patch(shape, rig, views, fit.photos)
    mouth, mouth_seen = mouth_patch(shape, rig, views, fit.photos, worn.tones[0])
    lifted = hanging_of(shape, rig, views[0], fit.photos[0], worn.tones[1])
    on_head = follows > 0.999
    neck = shape.model
    front, back = (head_share(neck, height, shape.vertices) for height in (lifted.front_height, lifted.back_height))
    up, up_back = front > 0.999, back > 0.999
    face = [skin[on_head], eyes, lifted.front[up], lifted.back[up_back]]
    torso = [skin[~on_head], lifted.front[~up], lifted.back[~up_back]]
    ones = np.ones

    def of_first(share: np.ndarray) -> np.ndarray:
        return share[:, None] * np.eye(1, len(views))

    return _Parts(
        patches={"face": joined(face), "mouth": mouth, "torso": joined(torso)},
        weights={
            "face": ones(sum(len(p.colours) for p in face)),
            "mouth": ones(len(mouth.colours)),
            "torso": np.concatenate([follows[~on_head], front[~up], back[~up_back]]),
        },
        shown={
            "face": np.r_[worn.seen[on_head], of_first(np.r_[eyes_seen, ones(up.sum()), 0 * ones(up_back.sum())])],
            "mouth": of_first(mouth_seen.astype(float)),
            "torso": np.r_[worn.seen[~on_head], of_first(np.r_[ones((~up).sum()), 0 * ones((~up_back).sum())])],
        },
        origin=_origins(worn, on_head, eyes_seen, mouth_seen, up, up_back),
    )


def _origins(worn: Dress, on_head, eyes_seen, mouth_seen, up, up_back) -> dict[str, np.ndarray]:
    def all_of(count: int, origin: int) -> np.ndarray:
        return np.full(count, origin)

    eyes = np.where(eyes_seen, SEEN, GUESSED)
    face = [worn.origin[on_head], eyes, all_of(up.sum(), SEEN), all_of(up_back.sum(), GUESSED)]
    torso = [worn.origin[~on_head], all_of((~up).sum(), SEEN), all_of((~up_back).sum(), GUESSED)]
    return {"face": np.concatenate(face), "mouth": np.where(mouth_seen, SEEN, GUESSED), "torso": np.concatenate(torso)}


def shares(origin: Tensor) -> dict[str, float]:
    """Share of Gaussians seen, mirrored and guessed."""
    names = {SEEN: "seen", MIRRORED: "mirrored", GUESSED: "guessed"}
    return {name: float((origin == kind).float().mean()) for kind, name in names.items()}


def _head(parts: _Parts, rig: Rig, view: PhotoView, fit: PhotoFit) -> Head:
    """The head as dressed; the code's numbers are the coefficients, nothing is learned on top."""
    K = len(rig.code_map.names)
    photo = fit.photos[0]
    branches = tuple(_branch(name, _moving(parts.patches[name]), parts, K) for name in PARTS)
    params = init_coefficients(torch.ones(K), photo.pose.positions, 0, torch.Generator().manual_seed(0))
    return Head(
        branches=branches,
        coefficient_params=params,
        camera=camera_of(photo, len(view.image)),
        background=torch.from_numpy(plate_of(view)),
        code_map=rig.code_map,
    )


def _moving(patch: Patch) -> Tensor:
    """``[J]`` int64, the numbers of the code that move any of a patch's points."""
    return torch.from_numpy(np.flatnonzero(np.abs(patch.surface.basis).max((0, 1)) > LEAST_MOTION))


def _branch(name: str, uses: Tensor, parts: _Parts, code_size: int) -> Branch:
    return flat_branch(name, uses, parts.patches[name], parts.weights[name], code_size=code_size, sh_degree=0)


def resting_clip(fit: PhotoFit, seed: int) -> Motion:
    """How a photographed head holds itself: about the photograph's pose, never quite still, with a neutral face."""
    photo, T = fit.photos[0], round(FPS * SECONDS)
    turns = sway(T, FPS, seed, angle=SWAY)
    head = quat_multiply(rotvec_to_quat(turns), photo.pose.quats.expand(T, 4))
    torso = quat_multiply(rotvec_to_quat(TORSO_SHARE * turns), photo.pose.quats.expand(T, 4))
    positions = photo.pose.positions.expand(T, 3).contiguous()
    look = photo.gaze.float().expand(T, 2) + 0.25 * glances(T, FPS, seed)
    return Motion(
        fps=FPS,
        head=Pose(quats=head, positions=positions),
        torso=Pose(quats=torso, positions=positions),
        units=torch.zeros(T, 52),
        gaze=look,
        residual=torch.zeros(T, 0),
    )


def with_origin(built: BuiltHead, chosen: int) -> BuiltHead:
    """The same with only the Gaussians of one origin opaque."""
    kept = built.origin == chosen
    start, branches = 0, []
    for branch in built.actor.head.branches:
        part = kept[start : start + len(branch)]
        branches.append(replace(branch, logit_opacities=torch.where(part, branch.logit_opacities, -12.0)))
        start += len(branch)
    return replace(built, actor=replace(built.actor, head=built.actor.head.with_branches(tuple(branches))))
