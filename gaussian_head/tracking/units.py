"""The 52 units of a tracked clip: what each frame's face does, in the language that is the same for everybody.

Poses are known from the bundle adjustment. The parametric head is laid on the tracked neutral face, its units are
carried over to the 478 landmarks, and all frames are solved at once: units between 0 and 1, few of them, smooth in
time, gaze told by the irises. What the mesh's units get wrong at a landmark net's landmarks is corrected by a table
learnt once from many people (``scripts/learn_units.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..face import FaceModel, with_looks
from .filmed import FilmedFace
from .unit_rows import UnitRows, read_correction
from .unit_solver import UnitSolver


@dataclass(frozen=True, kw_only=True)
class UnitTrack:
    """A clip in units."""

    rows: UnitRows
    """The units at this person's landmarks."""
    units: Tensor
    """``[T, 52]`` in [0, 1], in the order of `face.UNITS`."""
    gaze: Tensor
    """``[T, 2]`` radians that both eyes turn: to the picture's right, and down."""
    residual: Tensor
    """``[T, 478]`` distance of detected landmarks from those of the units alone, pixels."""


def units_of(filmed: FilmedFace, *, face: FaceModel | None = None, correction: Tensor | None = None) -> UnitTrack:
    """Units of a tracked clip; only training frames touch what frames share.

    Args:
        filmed: the clip.
        face: the parametric head; by default the package's.
        correction: see ``read_correction``; by default the package's.
    """
    face = FaceModel.load() if face is None else face
    solver = UnitSolver(filmed, face, read_correction() if correction is None else correction)
    fit = solver.fitted()
    return UnitTrack(
        rows=solver.rows,
        units=with_looks(fit.units, solver.gaze).float(),
        gaze=solver.gaze.float(),
        residual=fit.residual.norm(dim=-1).float(),
    )
