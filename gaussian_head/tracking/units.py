"""The 52 units of a tracked clip: what each frame's face does, in the language that is the same for everybody.

Poses are known from the bundle adjustment. The parametric head is laid on the tracked neutral face, its units are
carried over to the 478 landmarks, and all frames are solved at once: units between 0 and 1, few of them, smooth in
time, gaze told by the irises. What the mesh's units get wrong at a landmark net's landmarks is corrected by a table
learnt once from many people (``scripts/learn_units.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from ..events import Listener, ignore
from ..face import FaceModel, with_looks
from .filmed import FilmedFace
from .photometric import BLURS, Pictures, PixelWitness
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
    figures: Mapping[str, float] = field(default_factory=dict)
    """Where pixels were asked: ``colours_off`` and ``colours_off_seen``, root mean square by which frames differ from
    one colour a place, of 1, by these units and by the landmarks' alone; ``units_moved``, mean change of a unit."""


def units_of(
    filmed: FilmedFace,
    *,
    face: FaceModel | None = None,
    correction: Tensor | None = None,
    pictures: Pictures | None = None,
    listener: Listener = ignore,
) -> UnitTrack:
    """Units of a tracked clip; only training frames touch what frames share.

    Args:
        filmed: the clip.
        face: the parametric head; by default the package's.
        correction: see ``read_correction``; by default the package's.
        pictures: where given, pixels are asked beside the landmarks (see ``photometric``).
        listener: receives Progress of that.
    """
    face = FaceModel.load() if face is None else face
    solver = UnitSolver(filmed, face, read_correction() if correction is None else correction)
    fit, figures = solver.fitted(), {}
    if pictures is not None:
        seen, witness = fit, PixelWitness(filmed, solver.rows, face, pictures, listener)
        before = witness.learn(fit.units, fit.pose, BLURS[-1])
        for blur in BLURS:
            fit = solver.refined(fit, witness, blur)
        figures = {
            "colours_off_seen": before,
            "colours_off": witness.learn(fit.units, fit.pose, BLURS[-1]),
            "units_moved": float((fit.units - seen.units).abs().mean()),
        }
    return UnitTrack(
        rows=solver.rows,
        units=with_looks(fit.units, solver.gaze).float(),
        gaze=solver.gaze.float(),
        residual=fit.residual.norm(dim=-1).float(),
        figures=figures,
    )
