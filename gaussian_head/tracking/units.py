"""The 52 units of a tracked clip: what each frame's face does, in the language that is the same for everybody.

Poses are known from the bundle adjustment. The parametric head is laid on the tracked neutral face, its units are
carried over to the 478 landmarks, and all frames are solved at once: units between 0 and 1, few of them, smooth in
time, gaze told by the irises. What the mesh's units get wrong at a landmark net's landmarks is corrected by a table
learnt once from many people (``scripts/learn_units.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..capture import Capture
from ..face import FaceModel
from ..face.arkit import write_arkit_csv
from ..motion.edit import typical_frame
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec
from .unit_rows import read_correction
from .unit_solver import UnitSolver

UNITS_FILE = "arkit.csv"
"""Name of the take inside a capture."""


@dataclass(frozen=True, kw_only=True)
class UnitTrack:
    """A clip in units."""

    identity: Tensor
    """``[I]`` the parametric head nearest to the person, in standard deviations."""
    units: Tensor
    """``[T, 52]`` in [0, 1], in the order of `face.UNITS`."""
    gaze: Tensor
    """``[T, 2]`` radians that both eyes turn: to the picture's right, and down."""
    residual: Tensor
    """``[T, 478]`` distance of detected landmarks from those of the units alone, pixels."""


def units_of(capture: Capture, *, face: FaceModel | None = None, correction: Tensor | None = None) -> UnitTrack:
    """Units of a tracked clip; only training frames touch what frames share.

    Args:
        capture: a capture of any age.
        face: the parametric head; by default the package's.
        correction: see ``read_correction``; by default the package's.
    """
    face = FaceModel.load() if face is None else face
    solver = UnitSolver(capture, face, read_correction() if correction is None else correction)
    fit = solver.fitted()
    return UnitTrack(
        identity=solver.rows.identity.float(),
        units=fit.units.float(),
        gaze=solver.gaze.float(),
        residual=fit.residual.norm(dim=-1).float(),
    )


def write_units(capture: Capture, path: str | Path) -> None:
    """Write what the face of a capture does as a take of Live Link Face; the head's angles are from its usual pose."""
    track = units_of(capture)
    head = capture.motion.head
    rest = head[typical_frame(capture.motion)]
    turn = quat_to_rotvec(quat_multiply(quat_conjugate(rest.quats).expand_as(head.quats), head.quats))
    pitch, yaw, roll = turn.T
    eyes = torch.stack([-track.gaze[:, 0], track.gaze[:, 1], torch.zeros(len(head))], 1)
    write_arkit_csv(path, track.units, torch.cat([torch.stack([yaw, pitch, roll], 1), eyes, eyes], 1), fps=capture.fps)
