"""Edits of a made-up person's head against the same person filmed with the beard, scar, lipstick or glasses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import ndimage

from ..actor import Actor
from ..camera import Camera
from ..capture import Capture
from ..checks import InputError
from ..demo.edited import EditedPerson
from ..demo.population import PersonTruth
from ..editing import Canvas, EditConfig, Painted, canvas_of, changes, edit_head
from ..events import Listener, ignore, tracked
from ..head import Head
from ..metrics import detect_landmarks
from ..metrics.geometry import turned_about
from ..metrics.lips import landmark_distance
from ..motion import Motion
from ..rendering.frames import render_moment
from ..similarity import Similarity, fit_similarity
from .decal import Decal
from .known_truth import on_ray, tracked_vertices

VISIBLE = 6
"""Grey levels by which an edit changes a pixel that counts as edited."""
AWAY = 8
"""Pixels from every edited one, per 15 degrees and one more, from which on a pixel counts as untouched: seen from the
side a head lies a little beside the true one."""
EVERY = 4
"""Of the frames, those that are looked at from the side, and those in which landmarks are sought."""


@dataclass(frozen=True, kw_only=True)
class ViewOfEdit:
    """One camera over many frames; PSNR in dB, pooled over all frames."""

    yaw_deg: float
    """Of the camera about the head, from the recorded view."""
    edited: float
    """Edited head against the edited person, on the person's pixels."""
    plain: float
    """Unedited head against the person as filmed, on the same pixels: what the head cannot do without any edit."""
    patch: float
    """Edited head against the edited person, on the pixels that the edit changes."""
    patch_plain: float
    """Unedited head against the person as filmed, on those."""
    patch_unedited: float
    """Null row: the unedited head against the edited person there."""
    patch_decal: float
    """Null row: the painted patch pasted as a flat decal that moves with the head, over the unedited head."""
    untouched: float
    """Edited against unedited head, away from the edit."""


@dataclass(frozen=True, kw_only=True)
class EditScores:
    """One edit of one person."""

    name: str
    """A key of ``demo.edited.NAMES``."""
    painted_pixels: int
    """Pixels painted over in the painted frame."""
    views: tuple[ViewOfEdit, ...]
    """By angle."""
    steadiness: float
    """Standard deviation over time of the patch's colour at points that move with the true face, edited head over
    edited person; 1 is as steady as the truth."""
    steadiness_plain: float
    """The same of the unedited head over the person as filmed."""
    lmd: float
    """Landmark distance of the lips in pixels, edited head against edited person."""
    lmd_plain: float
    """Unedited head against the person as filmed."""
    changed_share: float
    """Share of the head's Gaussians whose colour changed."""
    new_share: float
    """New Gaussians over those there were."""


def score_edit(
    actor: Actor,
    capture: Capture,
    truth: PersonTruth,
    name: str,
    frames: Sequence[int],
    *,
    painted_at: int = 0,
    mirror: bool = False,
    yaws_deg: Sequence[float] = (0.0, 15.0, 30.0),
    listener: Listener = ignore,
) -> tuple[EditScores, Head]:
    """Paint one frame as the edited person looks there, edit the head by it, and compare all other frames.

    Args:
        actor: trained on ``capture``.
        capture: tracked from the person's clip.
        truth: of that clip.
        name: a key of ``demo.edited.NAMES``.
        frames: those compared, without the painted one.
        painted_at: the painted frame.
        mirror: whether the edit is also done to the other side of the head.
        yaws_deg: cameras.
        listener: told of every frame.

    Raises:
        InputError: the truth is of another clip.
    """
    if len(truth) != capture.num_frames:
        raise InputError(f"the truth has {len(truth)} frames and the capture {capture.num_frames}; give its own truth.")
    person = EditedPerson(truth, name)
    camera = recorded_camera(capture, truth)
    canvas = canvas_of(actor.head, actor.clip.motion.at(painted_at))
    painted = _painted(canvas, person, camera, painted_at)
    head = edit_head(actor.head, [painted], EditConfig(stiff=name == "glasses", mirror=mirror))
    decal, to_ours = Decal.of(painted), _similarity(actor, capture, person)
    views, shown = [], _Shown()
    for yaw in yaws_deg:
        chosen = [t for i, t in enumerate(frames) if yaw == 0 or i % EVERY == 0]
        sums = _Sums()
        for t in tracked(chosen, f"{name}, {yaw:g} degrees", len(chosen), listener):
            cameras = _about_heads(actor, person, camera, to_ours, t, math.radians(yaw))
            _compare(sums, shown, (actor.head, head), actor.clip.motion, person, decal, cameras, t, yaw)
        views.append(sums.view(yaw))
    lmd, lmd_plain = (
        _lip_distance(true, ours) for true, ours in ((shown.truth, shown.edited), (shown.plain, shown.before))
    )
    steady, steady_plain = _steadiness(shown, person, camera, painted, painted_at)
    old, touched = len(actor.head), _recoloured(actor.head, head)
    return EditScores(
        name=name,
        painted_pixels=int(painted.changed.sum()),
        views=tuple(views),
        steadiness=steady,
        steadiness_plain=steady_plain,
        lmd=lmd,
        lmd_plain=lmd_plain,
        changed_share=touched / old,
        new_share=(len(head) - old) / old,
    ), head


def recorded_camera(capture: Capture, truth: PersonTruth) -> Camera:
    """The true camera of the pictures in the capture, which tracking cut out of the video and scaled."""
    left, top, side = capture.info.source["crop"]
    true, K = truth.cameras[0], truth.cameras[0].K.clone()
    K[0, 2] -= left
    K[1, 2] -= top
    K[:2] *= capture.info.width / side
    return Camera(viewmat=true.viewmat, K=K, width=capture.info.width, height=capture.info.height)


class _Sums:
    """Squared errors and how many values they are of."""

    def __init__(self) -> None:
        self._of: dict[str, list[float]] = {}

    def add(self, name: str, a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> None:
        """Two pictures u8 on some pixels."""
        apart = np.square(a[mask].astype(np.float64) - b[mask])
        total = self._of.setdefault(name, [0.0, 0.0])
        total[0] += float(apart.sum())
        total[1] += apart.size

    def view(self, yaw_deg: float) -> ViewOfEdit:
        """In dB."""
        found = {name: _decibels(*total) for name, total in self._of.items()}
        return ViewOfEdit(yaw_deg=yaw_deg, **found)


def _decibels(squares: float, count: float) -> float:
    return 10 * math.log10(255**2 * count / squares) if squares else math.inf


@dataclass
class _Shown:
    """Pictures straight ahead, frame by frame."""

    frames: list[int] = field(default_factory=list)
    edited: list[np.ndarray] = field(default_factory=list)
    before: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    plain: list[np.ndarray] = field(default_factory=list)


def _painted(canvas: Canvas, person: EditedPerson, camera: Camera, t: int) -> Painted:
    """The canvas of frame ``t`` with the pixels of the edited person where the edit shows."""
    plain, edited = person.plain(t, camera), person.edited(t, camera)
    picture = np.where(_differing(plain, edited)[..., None], edited, canvas.picture)
    return changes(canvas, picture, "the painted frame")[0]


def _differing(plain: np.ndarray, edited: np.ndarray) -> np.ndarray:
    return np.abs(plain.astype(np.int16) - edited).max(2) > VISIBLE


def _compare(
    sums: _Sums, shown: _Shown, heads: tuple[Head, Head], motion: Motion, person: EditedPerson, decal: Decal,
    cameras: tuple[Camera, Camera], t: int, yaw: float,
) -> None:  # fmt: skip
    """One frame from the true and our camera into ``sums`` and, straight ahead, ``shown``."""
    true_camera, ours = cameras
    plain, truth = person.plain(t, true_camera), person.edited(t, true_camera)
    wall = torch.tensor(person.truth.person.look.background)
    before, edited = (_u8(render_moment(head, motion.at(t), ours, background=wall).rgb) for head in heads)
    patch = _differing(plain, truth)
    somebody = np.abs(plain.astype(np.int16) - (255 * wall.numpy())).max(2) > VISIBLE
    sums.add("edited", edited, truth, somebody | patch)
    sums.add("plain", before, plain, somebody | patch)
    sums.add("patch", edited, truth, patch)
    sums.add("patch_plain", before, plain, patch)
    sums.add("patch_unedited", before, truth, patch)
    sums.add("patch_decal", decal.over(before, motion.at(t), ours), truth, patch)
    reach = AWAY * (1 + round(abs(yaw) / 15))
    sums.add("untouched", edited, before, np.asarray(ndimage.distance_transform_edt(~patch)) > reach)
    if yaw == 0:
        shown.frames.append(t)
        shown.edited.append(edited)
        shown.before.append(before)
        shown.truth.append(truth)
        shown.plain.append(plain)


def _about_heads(actor: Actor, person: EditedPerson, camera: Camera, to_ours: Similarity, t: int, yaw: float):
    """The true and our camera at frame ``t``, each turned about its own head: one camera tells no distance exactly."""
    true_centre = person.truth.head_positions[t]
    our_centre = on_ray(actor.head.camera, camera.project(true_centre), to_ours.apply(true_centre)[2])
    return turned_about(camera, true_centre, yaw), turned_about(actor.head.camera, our_centre.float(), yaw)


def _similarity(actor: Actor, capture: Capture, person: EditedPerson) -> Similarity:
    """From the true world to ours, by the tracked face in some frames."""
    frames = torch.linspace(0, capture.num_frames - 1, 12).round().long().tolist()
    true, ours = (
        torch.cat([person.landmarks(t) for t in frames]),
        torch.cat([tracked_vertices(actor, capture, t)[: len(person.landmarks(0))] for t in frames]),
    )
    return fit_similarity(true, ours)


def _u8(rgb: torch.Tensor) -> np.ndarray:
    return (rgb * 255 + 0.5).clamp(0, 255).byte().numpy()


def _lip_distance(true: list[np.ndarray], ours: list[np.ndarray]) -> float:
    return landmark_distance(detect_landmarks(true[::EVERY]), detect_landmarks(ours[::EVERY]))


def _steadiness(
    shown: _Shown, person: EditedPerson, camera: Camera, painted: Painted, painted_at: int
) -> tuple[float, float]:
    """How much more than the truth's the patch's colours vary over time, at vertices that the painted frame's holds."""
    start = camera.project(torch.from_numpy(person.face_vertices(painted_at))).numpy().astype(int)
    height, width = painted.changed.shape
    start = start.clip(0, [width - 1, height - 1])
    rows = painted.changed[start[:, 1], start[:, 0]]
    places = []
    for t in shown.frames:
        points = camera.project(torch.from_numpy(person.face_vertices(t)[rows])).numpy().astype(int)
        places.append(points.clip(0, [width - 1, height - 1]))
    spread = {}
    for name in ("edited", "before", "truth", "plain"):
        seen = np.stack([p[at[:, 1], at[:, 0]] for p, at in zip(getattr(shown, name), places, strict=True)])
        spread[name] = float(seen.astype(np.float64).std(0).mean()) if rows.any() else math.nan
    return spread["edited"] / spread["truth"], spread["before"] / spread["plain"]


def _recoloured(before: Head, after: Head) -> int:
    """How many of the first Gaussians have another colour."""
    pairs = zip(before.branches, after.branches, strict=True)
    return sum(int((new.sh0[: len(old)] != old.sh0).any(2).sum()) for old, new in pairs)
