"""What many people's clips teach about the units at the landmarks: a table learnt once, shipped beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..capture import Capture
from ..checks import InputError
from ..durable import replacing
from ..events import Listener, ignore, tracked
from ..face import UNITS, FaceModel, mirrored
from ..facenet import mirror
from .filmed import FilmedFace
from .rendered_units import Pictures, unit_evidence
from .residuals import project_jacobian, robust_weight
from .unit_solver import CHUNK, Fit, UnitSolver

ROUNDS = 2
"""Times that all clips are fitted and the table is learnt from what is left."""
RENDERED = 0.1
"""Weight of a picture of a made-up person over that of a frame of a real one."""
SHARE, EVERYWHERE, LEAST, MOST = 0.35, 0.12, 1e-4, 4e-3
"""Spread of the correction: share of the unit's own motion there, share of its usual motion elsewhere, metres at least
and at most."""
NOISE = 0.3
"""Of what is left, in pixels on a face 200 pixels wide."""
LONG_CLIP = 225.0
"""Frames that the longest clip counts as at most: people teach, not frames."""


def learn_correction(
    captures: Sequence[Capture],
    *,
    pictures: Sequence[Pictures] = (),
    face: FaceModel | None = None,
    listener: Listener = ignore,
) -> Tensor:
    """Learn the units at the landmarks from clips of people; before them from made-up people whose units are known.

    Args:
        captures: one or more per person; their training frames are used.
        pictures: of made-up people, see `rendered_units.pictures_of_people`; none by default.
        face: the parametric head; by default the package's.
        listener: receives Progress.

    Returns:
        ``[52, 478, 3]`` metres in the model's frame, its own mirror image.

    Raises:
        InputError: no capture.
    """
    if not captures:
        raise InputError("no capture came; clips of a dozen people or more were wanted.")
    face = FaceModel.load() if face is None else face
    prior = torch.diag_embed((NOISE / _spread(face.landmarks(face.units).double())) ** 2)
    known = unit_evidence(face, pictures)
    correction = _symmetric(_solved(prior + known.normal, known.right))
    for _ in range(ROUNDS):
        now = correction.permute(1, 0, 2).reshape(len(prior), -1, 1)
        normal = prior + RENDERED * known.normal
        right = RENDERED * known.right - (normal @ now)[..., 0]
        for capture in tracked(captures, "units: learning", len(captures), listener):
            solver = UnitSolver(FilmedFace.of(capture), face, correction)
            add_evidence(normal, right, solver, solver.fitted())
        correction = _symmetric(correction + _solved(normal, right))
    return correction


def _solved(normal: Tensor, right: Tensor) -> Tensor:
    """Units' rows ``[52, 478, 3]`` of normal equations ``[478, 156, 156]`` and ``[478, 156]``."""
    rows = torch.cholesky_solve(right[..., None], torch.linalg.cholesky(normal))[..., 0]
    return rows.unflatten(1, (len(UNITS), 3)).permute(1, 0, 2)


def add_evidence(normal: Tensor, right: Tensor, solver: UnitSolver, fit: Fit) -> None:
    """Add what one clip's residual says to the normal equations ``[478, 156, 156]`` and ``[478, 156]``."""
    units = fit.units[: solver.num_train]
    units = units - units.mean(0)
    share = min(1.0, LONG_CLIP / len(units))
    for start in range(0, len(units), CHUNK):
        frames = slice(start, min(start + CHUNK, len(units)))
        _, cam, rotation = solver.placed(fit.neutral, fit.units, fit.pose, frames)
        turn = solver.rows.place.scale * rotation @ solver.rows.place.rotation.double()
        jacobian = project_jacobian(cam, solver.focal) @ turn[:, None] / solver.pixel
        left = -fit.residual[frames] / solver.pixel
        weight = robust_weight(left, 3.0) * solver.used[frames, None] * share
        design = torch.einsum("tlij,tk->ltikj", jacobian * weight.sqrt()[..., None, None], units[frames])
        design = design.flatten(3).flatten(1, 2)
        wanted = (left * weight.sqrt()[..., None]).permute(1, 0, 2).flatten(1)
        normal += design.mT @ design
        right += (design.mT @ wanted[..., None])[..., 0]


def _spread(units: Tensor) -> Tensor:
    """Prior standard deviation ``[478, 156]`` of the correction, metres."""
    motion = units.norm(dim=-1)
    moves = motion > 1e-4
    usual = (motion.square().sum(1) / moves.sum(1).clamp(min=1)).sqrt()
    spread = (SHARE * motion + EVERYWHERE * usual[:, None] * (motion > 1e-5) + LEAST).clamp(max=MOST)
    return spread.T[:, :, None].expand(-1, -1, 3).flatten(1)


def _symmetric(correction: Tensor) -> Tensor:
    units = torch.tensor([UNITS.index(mirrored(name)) for name in UNITS])
    flipped = correction[units][:, torch.from_numpy(mirror())] * correction.new_tensor([-1.0, 1.0, 1.0])
    return (correction + flipped) / 2


def write_correction(path: str | Path, correction: Tensor, people: Sequence[str]) -> None:
    """Write the table in half precision, with the names of what taught it."""
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        save_file({"correction": correction.half().contiguous()}, temporary, {"taught_by": ", ".join(people)})
