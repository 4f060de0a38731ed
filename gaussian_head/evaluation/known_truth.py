"""A head of the demo subject against the subject itself: other views, depth, pose."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..camera import Camera
from ..capture import Capture
from ..checks import InputError
from ..conventions import HEAD_LABELS
from ..demo import DemoTruth, render_truth
from ..events import Listener, Progress, ignore
from ..metrics.geometry import (
    GeometryScores,
    ViewScores,
    pose_errors,
    turned_about,
)
from ..rendering import render_frame
from ..similarity import Similarity, fit_similarity
from ..transforms import pose_apply, quat_multiply, rotmat_to_quat

YAWS_DEG = (0.0, 15.0, -15.0, 30.0, -30.0, 45.0, -45.0, 60.0, -60.0, 90.0, -90.0)
"""Angles at which truth and rendering are compared."""
MOST_FRAMES = 6
"""Held-out frames rendered from every angle, evenly spaced."""
NUM_LANDMARKS = 478
PLACES = ("truth.npz", "../clip/truth.npz", "../truth.npz", "../demo/truth.npz")
"""Where the truth of a demo clip lies, from the folder of its capture."""


def find_truth(capture: Capture) -> Path | None:
    """The truth beside a demo clip's capture; None for any other clip."""
    for place in PLACES:
        path = (capture.path / place).resolve()
        if path.is_file():
            return path
    return None


def measure_geometry(
    actor: Actor, capture: Capture, truth: str | Path | DemoTruth, *, listener: Listener = ignore
) -> GeometryScores:
    """Compare a head with the demo subject that was filmed.

    A single camera tells neither distance nor focal length exactly. Cameras are therefore turned from the recorded
    view, each side about its own head: the recorded view is common to both, and a turn by 30 degrees is one. Depth is
    compared from the head's centre on. Pose and vertices are compared after one similarity over the tracked face
    vertices of all held-out frames.

    Args:
        actor: trained on ``capture``.
        capture: tracked from the demo clip.
        truth: of that clip.
        listener: receives Progress.

    Raises:
        InputError: the truth is of another clip.
    """
    truth = truth if isinstance(truth, DemoTruth) else DemoTruth.load(truth)
    if len(truth) != capture.num_frames:
        raise InputError(
            f"the truth has {len(truth)} frames and capture {capture.path} {capture.num_frames}; "
            "give the truth of the clip it was tracked from."
        )
    frames = capture.test_frames
    true_points = torch.stack([torch.from_numpy(truth.vertices(t)[:NUM_LANDMARKS]) for t in frames.tolist()])
    our_points = torch.stack([tracked_vertices(actor, capture, t) for t in frames.tolist()])
    to_ours = fit_similarity(true_points.flatten(0, 1), our_points.flatten(0, 1))
    rotation, position = _pose_errors(actor, capture, truth, to_ours)
    apart = (to_ours.apply(true_points) - our_points).norm(dim=-1).mean() / to_ours.scale
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(int))].tolist()
    views = []
    for i, yaw in enumerate(YAWS_DEG):
        scores = [_view(actor, truth, to_ours, t, yaw) for t in chosen]
        views.append(ViewScores(yaw_deg=yaw, **{k: float(np.nanmean([s[k] for s in scores])) for k in scores[0]}))
        listener(Progress(stage="known truth", done=i + 1, total=len(YAWS_DEG)))
    return GeometryScores(
        views=tuple(views),
        frames=len(chosen),
        rotation_deg=rotation,
        position_mm=1000 * position,
        vertices_mm=1000 * float(apart),
        scale=to_ours.scale,
    )


def tracked_vertices(actor: Actor, capture: Capture, t: int) -> Tensor:
    """Tracked landmarks ``[478, 3]`` of frame ``t`` in our world, posed by the head's own motion."""
    shape, motion = capture.shape, actor.clip.motion
    local = shape.vertices + torch.einsum("k,klc->lc", capture.code[t], shape.basis)
    return pose_apply(motion.head.quats[t], motion.head.positions[t], local)


def _pose_errors(actor: Actor, capture: Capture, truth: DemoTruth, to_ours: Similarity) -> tuple[float, float]:
    """Mean angle in degrees and distance in true metres over the held-out frames."""
    motion = actor.clip.motion
    back = rotmat_to_quat(to_ours.rotation.T.float())
    quats = quat_multiply(back.expand_as(motion.head.quats), motion.head.quats)
    positions = (motion.head.positions - to_ours.translation) @ to_ours.rotation / to_ours.scale
    angle, distance = pose_errors(
        rotmat_to_quat(torch.from_numpy(truth.head_rotations).float()),
        torch.from_numpy(truth.head_positions).float(),
        quats,
        positions.float(),
        capture.train_frames,
    )
    held_out = capture.test_frames
    return float(angle[held_out].mean()), float(distance[held_out].mean())


def _view(actor: Actor, truth: DemoTruth, to_ours: Similarity, t: int, yaw_deg: float) -> dict[str, float]:
    """Scores of frame ``t`` with both cameras turned by ``yaw_deg`` from the recorded view."""
    head = actor.head
    true_centre = torch.from_numpy(truth.head_positions[t]).float()
    our_centre = on_ray(head.camera, truth.camera.project(true_centre), to_ours.apply(true_centre)[2])
    true = render_truth(truth, t, turned_about(truth.camera, true_centre, math.radians(yaw_deg)))
    camera = turned_about(head.camera, our_centre, math.radians(yaw_deg))
    plate = torch.from_numpy(truth.plate).float() / 255
    ours = render_frame(head, actor.clip.motion, t, camera, background=plate)
    picture = (ours.rgb.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
    error = np.square(picture.astype(np.float64) - true.rgb).mean(-1) / 255**2
    of_head = np.isin(true.parts, HEAD_LABELS)
    covered, expected = ours.alpha.numpy() > 0.5, true.alpha > 0.5
    both = of_head & covered
    ahead = (ours.depth.numpy() - float(our_centre[2])) / to_ours.scale
    depth = np.abs(ahead - (true.depth - float(true_centre[2])))[both]
    return {
        "psnr_full": _decibels(error.mean()),
        "psnr_head_composited": _decibels((error * of_head).mean()),
        "psnr_head": _decibels(error[of_head].mean()) if of_head.any() else float("nan"),
        "depth_mm": 1000 * float(depth.mean()) if both.any() else float("nan"),
        "silhouette_iou": float((covered & expected).sum() / max((covered | expected).sum(), 1)),
    }


def on_ray(camera: Camera, pixel: Tensor, depth: Tensor) -> Tensor:
    """The point ``[3]`` that a camera at the world's origin sees at ``pixel`` ``[2]`` and ``depth``."""
    ray = torch.linalg.inv(camera.K) @ torch.cat([pixel, torch.ones(1)])
    return ray * depth


def _decibels(mean_square: float) -> float:
    return float(-10 * np.log10(max(mean_square, 1e-10)))
