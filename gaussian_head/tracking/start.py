"""Where bundle adjustment starts from: first shape, basis, poses and codes of a clip, for a guessed focal length.

The landmark net's depths are in the unit of its pixels. A camera near by shows what is near to it larger; landmarks are
first put where a camera far away would have seen them, or every shorter focal length would begin with a wrong shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..facenet import NUM_MESH
from ..transforms import mean_rotation, quat_to_rotvec, rotmat_to_quat
from .bundle import FrameStates, LandmarkModel, Observations
from .channels import MEASURED, measure
from .initial import Normalised, initial_model, normalise
from .topology import channel_support

CODE = MEASURED + tuple(f"lip_{i}" for i in range(8)) + tuple(f"face_{i}" for i in range(6))
"""Names of the inner code that tracking fits."""
BLINK_HIDES_IRIS = 0.35
"""Blink from which on the iris is not believed."""
MEASURED_SIGMA = 0.1
"""Spread of the measured codes, in their standard deviations."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A first guess of everything, T frames."""

    model: LandmarkModel
    """Shared by the frames."""
    states: FrameStates
    """Poses and codes."""
    seen: Observations
    """What was seen."""
    code_std: Tensor
    """``[K]`` spread of each channel in ``fit``."""

    @property
    def support(self) -> Tensor:
        """``[K, L]`` where each channel may move the face."""
        return torch.from_numpy(channel_support(self.model.shape.numpy(), CODE))


def begin(
    landmarks: np.ndarray,
    tracked: np.ndarray,
    fit: np.ndarray,
    focal: float,
    centre: Tensor,
    num_train: int,
    *,
    wholly: bool = False,
) -> Start:
    """A first guess for a camera of focal length ``focal`` pixels.

    Args:
        landmarks: ``[T, 478, 3]`` pixels, z in the same unit, gaps filled.
        tracked: ``[T]`` bool, True where a face was found.
        fit: frames that shared quantities are guessed from.
        focal: pixels.
        centre: ``[2]`` principal point, pixels.
        num_train: frames from here on share nothing with those before.
        wholly: take codes and basis, too, from where a camera far away would have seen the landmarks. That compares
            focal lengths best; as seen, they explain lips better.
    """
    seen = normalise(landmarks, fit)
    far = normalise(from_far_away(landmarks, seen, focal, centre.numpy()), fit)
    told = far if wholly else seen
    first = initial_model(told, fit, CODE)
    code_std = torch.from_numpy(first.codes.std(0)).clamp(min=1e-4)
    model = LandmarkModel(
        focal=focal,
        centre=centre,
        shape=torch.from_numpy(first.shape + far.mean - told.mean),
        basis=torch.from_numpy(first.basis),
        reference=mean_rotation(torch.from_numpy(far.rotations)[torch.from_numpy(fit)]),
    )
    raw = measure(told.points, first.neutral)
    parts = [_gaze_through_blinks(part) for part in (raw[:num_train], raw[num_train:])]
    measured, irises_seen = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return Start(
        model=model,
        states=_first_states(far, model, measured),
        seen=_observations(landmarks, tracked, irises_seen, measured, code_std),
        code_std=code_std,
    )


def from_far_away(landmarks: np.ndarray, normalised: Normalised, focal: float, centre: np.ndarray) -> np.ndarray:
    """Landmarks ``[T, 478, 3]`` as a camera far away sees them whom one of ``focal`` pixels saw as given.

    How much nearer than the others a landmark is, the mean face says at the frame's pose: the net's own depths tremble.
    """
    depth = (normalised.rotations @ normalised.mean.T)[:, 2] * normalised.scales[:, None]
    depth += (landmarks[..., 2] - depth).mean(1, keepdims=True)
    points = landmarks.astype(np.float64)
    points[..., :2] = centre + (points[..., :2] - centre) * (1 + depth[..., None] / focal)
    return points


def _gaze_through_blinks(measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes ``[T, 8]`` with the gaze interpolated across blinks, and ``[T]`` bool, True where irises are seen."""
    blinks = [MEASURED.index(name) for name in ("blink_l", "blink_r")]
    shut = measured[:, blinks].max(1) > BLINK_HIDES_IRIS
    shut[1:] |= shut[:-1].copy()
    shut[:-1] |= shut[1:].copy()
    seen = ~shut
    measured, times = measured.copy(), np.arange(len(measured))
    if seen.any():
        for name in ("gaze_x", "gaze_y"):
            k = MEASURED.index(name)
            measured[:, k] = np.interp(times, times[seen], measured[seen, k])
    return measured, seen


def _observations(
    filled: np.ndarray, tracked: np.ndarray, irises_seen: np.ndarray, measured: np.ndarray, code_std: Tensor
) -> Observations:
    K, count = len(code_std), measured.shape[1]
    codes = torch.zeros(len(filled), K, dtype=torch.float64)
    codes[:, :count] = torch.from_numpy(measured)
    precision = torch.zeros(K, dtype=torch.float64)
    precision[:count] = 1 / (MEASURED_SIGMA * code_std[:count]) ** 2
    weights = np.where(tracked, 1.0, 0.05)[:, None].repeat(filled.shape[1], axis=1)
    weights[~irises_seen, NUM_MESH:] *= 0.02
    return Observations(
        landmarks=torch.from_numpy(filled[..., :2].astype(np.float64)),
        weights=torch.from_numpy(weights),
        codes=codes,
        code_precision=precision,
    )


def _first_states(flat: Normalised, model: LandmarkModel, measured: np.ndarray) -> FrameStates:
    depth = model.focal / torch.from_numpy(flat.scales)
    across = (torch.from_numpy(flat.centres) - model.centre) * (depth / model.focal)[:, None]
    relative = torch.from_numpy(flat.rotations) @ model.reference.T
    codes = torch.zeros(len(measured), model.basis.shape[0], dtype=torch.float64)
    codes[:, : measured.shape[1]] = torch.from_numpy(measured)
    return FrameStates(
        rotvecs=quat_to_rotvec(rotmat_to_quat(relative)),
        positions=torch.cat([across, depth[:, None]], dim=1),
        codes=codes,
    )
