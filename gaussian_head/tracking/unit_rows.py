"""The parametric head's units at one tracked person's landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..face import UNITS, FaceModel
from ..face.fitting import fit_identity, read_offsets
from ..face.gaze import SIDEWAYS, UPWARDS
from ..facenet.contours import LEFT_IRIS, RIGHT_IRIS
from ..similarity import Similarity

CORRECTION = Path(__file__).parents[1] / "face" / "landmark_units.safetensors"
"""The table that ``read_correction`` reads."""
EYEBALL = 0.0125
"""Radius of an eyeball, metres."""


@dataclass(frozen=True, kw_only=True)
class UnitRows:
    """The units at one person's landmarks."""

    identity: Tensor
    """``[I]``."""
    place: Similarity
    """From the parametric head's frame to the tracked one."""
    rows: Tensor
    """``[52, 478, 3]`` metres per unit in the tracked head frame, f64."""


def read_correction(path: Path = CORRECTION) -> Tensor:
    """What many people's clips add to the units at the landmarks, ``[52, 478, 3]`` metres in the model's frame."""
    from safetensors.torch import load_file

    return load_file(path)["correction"].double()


def rows_of(face: FaceModel, neutral: Tensor, correction: Tensor) -> UnitRows:
    """Lay the parametric head on tracked neutral landmarks ``[478, 3]`` and carry its units over."""
    identity, place = fit_identity(face, neutral, read_offsets())
    rows = face.landmarks(face.units).double() + correction
    rows = place.scale * rows @ place.rotation.T
    for side, iris, outwards in (("Left", list(LEFT_IRIS), 1.0), ("Right", list(RIGHT_IRIS), -1.0)):
        for name, axis, sign, angle in (
            ("Out", 0, outwards, SIDEWAYS),
            ("In", 0, -outwards, SIDEWAYS),
            ("Down", 1, 1.0, UPWARDS),
            ("Up", 1, -1.0, UPWARDS),
        ):
            row = rows[UNITS.index(f"eyeLook{name}{side}")]
            row[iris] = 0
            row[iris, axis] = sign * angle * EYEBALL * place.scale
    return UnitRows(identity=identity, place=place, rows=rows)
