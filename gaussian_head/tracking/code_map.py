"""Which inner code of one tracked face goes with units and gaze: a map fitted once, on training frames.

Ridge regression towards a prior: the units carried to this face's landmarks, expressed in its own basis. What the clip
shows often is learnt from it, and what it never shows moves the face as it moves anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..capture import CaptureInfo
from ..conventions import SHUT
from ..face import SIDEWAYS, UNITS, UPWARDS
from ..motion import CONTROLS, CodeMap, basis_identity
from .channels import MEASURED
from .filmed import FilmedFace
from .unit_rows import EYEBALL
from .unit_solver import HALF_EYE
from .units import UnitTrack, units_of

PENALTY = 3e-4
"""Of a weight's square for each frame, code in its standard deviations and a unit in its full excursion."""
GAZE_UNIT = 0.5
"""Radians of gaze that count as a full excursion."""
PRIOR_NOISE = 1e-6
"""Of the prior's least squares, square metres summed over landmarks: how little a code may move the face for it."""
DEPTH_TRUST = 0.1
"""Weight of depth there, which one camera hardly tells."""
USUAL = (0.005, 0.995)
"""Quantiles in training frames between which a code's usual range lies."""
REACH = 0.25
"""Share of its range by which a code that is measured on landmarks may go beyond it at either end; the others stay
within it. By 1, strong grimaces of others tore faces; within it by 0.15, little was left of them."""
OTHER_EYE = {"blink_l": "Right", "blink_r": "Left"}
"""Side of the eye whose units a measured blink is not learnt from: in most clips both eyes blink together."""
LOOKS = torch.tensor([name.startswith("eyeLook") for name in CONTROLS])


def said_in_units(
    tensors: Mapping[str, Tensor], code: Tensor, info: CaptureInfo, track: UnitTrack | None = None
) -> dict[str, Tensor]:
    """A tracked clip in the language that is the same for everybody, under the names of a capture's arrays.

    Args:
        tensors: landmarks, poses of the head, shape and basis of a capture.
        code: ``[T, K]`` its inner code, f32.
        info: its description.
        track: its units; by default as landmarks tell them.

    Returns:
        ``units``, ``gaze``, the ``residual`` that they leave of the code, and the code map.
    """
    filmed = FilmedFace.told(tensors, code, info)
    track = units_of(filmed) if track is None else track
    frames = torch.arange(info.num_train)[filmed.used[: info.num_train]]
    controls = torch.cat([track.units, track.gaze], 1)
    code_map = fit_code_map(code, tuple(info.code), controls, frames, tensors["basis"], track.rows.rows)
    residual = code - code_map.mapped(track.units, track.gaze)
    return {"units": track.units, "gaze": track.gaze, "residual": residual} | code_map.tensors()


def fit_code_map(
    code: Tensor, names: tuple[str, ...], controls: Tensor, frames: Tensor, basis: Tensor, rows: Tensor
) -> CodeMap:
    """Fit the map of one face.

    Args:
        code: ``[T, K]`` tracked inner code.
        names: of its columns.
        controls: ``[T, 54]`` units and gaze of the same frames.
        frames: ``[n]`` indices of the frames to learn from.
        basis: ``[K, L, 3]`` metres per unit of the code.
        rows: ``[52, L, 3]`` metres per ARKit unit at the same landmarks.
    """
    seen = code[frames].double()
    scale = seen.std(0).clamp(min=1e-4)
    prior = _prior(names, scale, basis.double(), rows.double())
    x = torch.where(LOOKS, 0, controls)[frames].double()
    left = seen - x @ prior
    mean, level = x.mean(0), left.mean(0)
    x = x - mean
    penalty = torch.full((len(CONTROLS),), PENALTY * len(x), dtype=torch.float64)
    penalty[len(UNITS) :] *= GAZE_UNIT**2
    gram, wanted = x.T @ x + torch.diag(penalty), x.T @ (left - level)
    learnt = torch.cholesky_solve(wanted, torch.linalg.cholesky(gram))
    for k, side in ((names.index(name), side) for name, side in OTHER_EYE.items() if name in names):
        other = [control.startswith("eye") and control.endswith(side) for control in CONTROLS]
        own = (~torch.tensor(other)).nonzero()[:, 0]
        learnt[:, k] = 0
        learnt[own, k] = torch.cholesky_solve(wanted[own][:, [k]], torch.linalg.cholesky(gram[own][:, own]))[:, 0]
    return CodeMap(
        names=names,
        weights=(prior + learnt).float(),
        bias=(level - mean @ learnt).float(),
        bounds=_bounds(seen, names).float(),
        basis_id=basis_identity(basis),
    )


def _bounds(seen: Tensor, names: tuple[str, ...]) -> Tensor:
    """``[2, K]`` least and greatest code to ask for, from codes ``[n, K]`` of training frames."""
    low, high = seen.quantile(torch.tensor(USUAL, dtype=seen.dtype), dim=0)
    measured = torch.tensor([name in MEASURED for name in names])
    reach = torch.where(measured, REACH * (high - low), 0)
    lids = torch.tensor([name in ("blink_l", "blink_r") for name in names])
    return torch.stack([low - reach, torch.where(lids, (high + reach).clamp(min=SHUT), high + reach)])


def _prior(names: tuple[str, ...], scale: Tensor, basis: Tensor, rows: Tensor) -> Tensor:
    """``[54, K]`` code that moves the landmarks as the model's units and eyes do, smallest in standard deviations."""
    trust = torch.tensor([1.0, 1.0, DEPTH_TRUST], dtype=torch.float64)
    moved = scale[:, None] * (basis * trust).flatten(1)
    wanted = (rows * trust).flatten(1)
    gram = moved @ moved.T + PRIOR_NOISE * torch.eye(len(scale), dtype=torch.float64)
    of_units = (torch.linalg.solve(gram, moved @ wanted.T) * scale[:, None]).T
    irises = [names.index("gaze_x"), names.index("gaze_y")]
    of_units[:, irises] = 0
    looks = {name: of_units[UNITS.index(f"eyeLook{name}")] for name in _LOOK_NAMES}
    right = looks["OutLeft"] + looks["InRight"] - looks["InLeft"] - looks["OutRight"]
    down = looks["DownLeft"] + looks["DownRight"] - looks["UpLeft"] - looks["UpRight"]
    of_gaze = torch.stack([right / 2 / SIDEWAYS, down / 2 / UPWARDS])
    of_gaze[[0, 1], irises] = EYEBALL / HALF_EYE
    return torch.where(LOOKS[:, None], 0, torch.cat([of_units, of_gaze]))


_LOOK_NAMES = tuple(f"{way}{side}" for way in ("Out", "In", "Down", "Up") for side in ("Left", "Right"))
