"""The closed mouth: which of a clip's is meant, and where a sound wants it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..face import UNITS
from ..smoothing import smoothstep
from ._code_map import CodeMap
from ._types import Motion, MotionFrame

SHUTTEST = 0.05
"""Share of a clip's frames, those whose lips are nearest to each other, that tell its closed mouth."""
SHUTS = 0.1
"""Seconds before and after silence over which the lips meet: it is quiet by then."""
LIPS = torch.tensor([name.startswith(("jaw", "mouth")) for name in UNITS])
"""``[52]`` bool, the units that shut a mouth."""


def shut_mouth(units: Tensor, apart: Tensor) -> Tensor:
    """Units ``[K]`` of the closed mouth among ``units [n, K]`` whose lips are ``apart [n]``, the more the farther."""
    shut = apart.argsort()[: max(int(SHUTTEST * len(apart)), 1)]
    return units[shut].median(0).values


def seen_apart(moved: Motion | MotionFrame, code_map: CodeMap) -> Tensor:
    """How far lips were seen apart, ``[T]`` or of a moment: beyond what units tell where the face is the map's own."""
    return code_map.code(moved)[..., code_map.index("jaw_open")]


def shut_in(units: Tensor, closed: Tensor, silent: Tensor, fps: float) -> Tensor:
    """Units that shut the mouth in silence, also in pauses too short for a voice.

    Args:
        units: ``[T, 52]``.
        closed: ``[52]`` with the closed mouth; only units of jaw and mouth are read.
        silent: ``[T]`` bool.
        fps: frames per second.
    """
    share = smoothstep((1 - frames_from(silent) / (SHUTS * fps + 1)).clamp(0, 1))
    return torch.where(LIPS, units.lerp(closed, share[:, None]), units)


def frames_from(marked: Tensor) -> Tensor:
    """Frames ``[T]`` to the nearest of those ``marked [T]``; T where there is none."""
    T = len(marked)
    away = np.full(T, float(T))
    for order in (slice(None), slice(None, None, -1)):
        last = np.maximum.accumulate(np.where(marked.numpy()[order], np.arange(T), -T))
        away[order] = np.minimum(away[order], np.arange(T) - last)
    return torch.from_numpy(away).float()
