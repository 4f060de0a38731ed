"""A head trained on a made-up person's film against that person, seen from sides that nobody filmed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from ..actor import Actor
from ..capture import Capture
from ..checks import InputError
from ..demo.population import PersonTruth, draw_person
from ..face import FaceModel
from ..facenet import NUM_MESH
from ..metrics.geometry import turned_about
from ..metrics.image import psnr
from ..rendering import render_frame
from ..similarity import fit_similarity
from .known_truth import on_ray, tracked_vertices
from .photographed import camera_around

TURNS_DEG = (0, 15, -15, 30, -30, 45, -45, 60, -60, 90, -90)
"""Angles at which truth and rendering are compared."""
MOST_FRAMES = 2
"""Held-out frames rendered from every angle, evenly spaced."""


def score_views(
    actor: Actor, capture: Capture, truth: PersonTruth, turns: Sequence[float] = TURNS_DEG
) -> dict[str, dict[str, float]]:
    """PSNR (dB) of whole pictures over the true wall by turn: the head's, and of the recorded view as it is.

    Each side's camera is carried round its own head from the recorded view, as in ``measure_geometry``: one camera
    tells neither distance nor focal length exactly.

    Args:
        actor: trained on ``capture``.
        capture: tracked from the person's film, whole and square.
        truth: of that film.
        turns: degrees.

    Raises:
        InputError: the truth is of a film of another length.
    """
    if len(truth) != capture.num_frames:
        raise InputError(
            f"the truth has {len(truth)} frames and capture {capture.path} {capture.num_frames}; "
            "give the truth of the film it was tracked from."
        )
    model, frames, head = FaceModel.load(), capture.test_frames.tolist(), actor.head
    true = model.landmarks(truth.vertices(frames, model))[:, :NUM_MESH]
    ours = torch.stack([tracked_vertices(actor, capture, t) for t in frames])[:, :NUM_MESH]
    to_ours = fit_similarity(true.flatten(0, 1), ours.flatten(0, 1))
    chosen = [frames[i] for i in np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).round().astype(int))]
    wall, size = torch.tensor(truth.person.look.background).float(), capture.info.width
    stills = {t: _drawn(truth, t, 0.0, size) for t in chosen}
    scores: dict[str, dict[str, float]] = {"head": {}, "null, the recorded view": {}}
    for turn in turns:
        found = []
        for t in chosen:
            centre = truth.head_positions[t]
            filmed = truth.cameras[0].resized(size, size)
            at = on_ray(head.camera, filmed.project(centre), to_ours.apply(centre)[2])
            camera = turned_about(head.camera, at, math.radians(turn))
            seen = render_frame(head, actor.clip.motion, t, camera, background=wall).rgb.clamp(0, 1)
            target = stills[t] if turn == 0 else _drawn(truth, t, turn, size)
            found.append((float(psnr(seen, target)), float(psnr(stills[t], target))))
        for name, values in zip(scores, np.mean(found, 0), strict=True):
            if turn or name == "head":  # from the front the recorded view is the truth
                scores[name][f"{turn:g}"] = round(float(values), 2)
    return scores


def _drawn(truth: PersonTruth, t: int, turn: float, size: int) -> torch.Tensor:
    """``[size, size, 3]`` the person from one side."""
    return torch.from_numpy(draw_person(truth, t, camera_around(truth, t, turn, size))).float() / 255
