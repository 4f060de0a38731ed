"""How well tracking tells what made-up people did, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..capture import Capture
from ..checks import InputError
from ..demo.population import PersonTruth
from ..face import UNITS, FaceModel
from ..similarity import fit_similarity
from ..tracking.units import UnitTrack
from ..transforms import mean_rotation, quat_to_rotmat, quat_to_rotvec, rotmat_to_quat

VISIBLE = 0.2
"""Range of a unit in a clip from which on it is counted."""
FACE = ("face", "lips", "lids")
"""Regions whose vertices are compared."""


@dataclass(frozen=True, kw_only=True)
class PersonScores:
    """One tracked clip against its truth; the null rows say what nothing, or somebody else, would score."""

    correlation: dict[str, float]
    """Of every visible unit with its truth, over all frames; 0 where it was not found at all."""
    rotation_deg: float
    """Mean angle between tracked and true turn of the head, one constant turn apart."""
    rotation_still_deg: float
    """The same of a head that keeps still."""
    vertices_mm: float
    """Mean distance of the face's vertices by identity and units, one similarity a clip apart."""
    vertices_average_mm: float
    """The same of the average head without expression."""
    focal_ratio: float
    """Tracked over true focal length."""

    @property
    def mean_correlation(self) -> float:
        """Mean over the visible units."""
        return sum(self.correlation.values()) / max(len(self.correlation), 1)


def score_person(capture: Capture, track: UnitTrack, truth: PersonTruth) -> PersonScores:
    """Compare a capture and its units with the person that was filmed.

    Args:
        capture: tracked from the person's video.
        track: the units of that capture.
        truth: of the same person.

    Raises:
        InputError: the truth is of a clip of another length.
    """
    if len(truth) != capture.num_frames:
        raise InputError(
            f"the truth has {len(truth)} frames and capture {capture.path} {capture.num_frames}; give the truth of"
            " the clip it was tracked from."
        )
    model = FaceModel.load()
    face = model.of_region(*FACE)
    true = truth.head_vertices(slice(None), model)[:, face].double()
    ours = model.vertices(track.rows.identity.float(), track.units)[:, face].double()
    average = model.mean[face].double().expand_as(true)
    in_footage = float(capture.camera.K[0, 0]) * capture.info.source["crop"][2] / capture.info.width
    return PersonScores(
        correlation=correlations(track.units, truth.units),
        rotation_deg=_turned(capture.motion.head.quats, truth.head_quats),
        rotation_still_deg=_turned(truth.head_quats[:1].expand_as(truth.head_quats), truth.head_quats),
        vertices_mm=_apart(ours, true),
        vertices_average_mm=_apart(average, true),
        focal_ratio=in_footage / float(truth.cameras[0].K[0, 0]),
    )


def correlations(found: Tensor, true: Tensor) -> dict[str, float]:
    """Pearson's r by name of units ``[T, 52]`` whose true range is VISIBLE or more; 0 where nothing was found."""
    count = min(len(found), len(true))
    scores = {}
    for k, name in enumerate(UNITS):
        a, b = found[:count, k].double(), true[:count, k].double()
        if float(b.max() - b.min()) >= VISIBLE:
            moves = float(a.std()) > 1e-6
            scores[name] = float(torch.corrcoef(torch.stack([a, b]))[0, 1]) if moves else 0.0
    return scores


def _turned(ours: Tensor, true: Tensor) -> float:
    """Mean angle in degrees between rotations ``[T, 4]`` after the constant turn of head axes that fits best."""
    ours, true = quat_to_rotmat(ours.double()), quat_to_rotmat(true.double())
    left = quat_to_rotvec(rotmat_to_quat(true.mT @ ours @ mean_rotation(ours.mT @ true)))
    return float(torch.rad2deg(left.norm(dim=-1)).mean())


def _apart(ours: Tensor, true: Tensor) -> float:
    """Mean distance in true millimetres of vertices ``[T, n, 3]`` after one similarity."""
    placed = fit_similarity(ours.flatten(0, 1), true.flatten(0, 1)).apply(ours)
    return 1000 * float((placed - true).norm(dim=-1).mean())
