"""Units read back from pictures of a person whose shape and camera are known: of a rendered head, for instance."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..checks import InputError
from ..face import FaceModel
from ..motion import Pose
from .filmed import FilmedFace
from .initial import fill_gaps
from .unit_rows import read_correction
from .unit_solver import UnitSolver

LEAST_FOUND = 0.5
"""Share of pictures in which a face must be found."""


class UnitReader:
    """Solves units as tracking does, with the neutral face that the clip of the person taught."""

    def __init__(self, capture: Capture) -> None:
        """For the person of a capture."""
        self._filmed = FilmedFace.of(capture)
        self._face, self._correction = FaceModel.load(), read_correction()
        self._neutral = UnitSolver(self._filmed, self._face, self._correction).fitted().neutral

    def read(self, landmarks: np.ndarray, head: Pose, fps: float) -> Tensor:
        """Units ``[T, 52]`` of consecutive pictures of the capture's size.

        Args:
            landmarks: ``[T, 478, 2]`` pixels, NaN where no face was found: taken from the frames around.
            head: poses that the pictures show, T moments; they may be a little wrong.
            fps: pictures a second.

        Raises:
            InputError: a face was found in less than half of the pictures.
        """
        found = np.asarray(np.isfinite(landmarks).all((1, 2)))
        if found.mean() < LEAST_FOUND:
            raise InputError(f"a face was found in {found.sum()} of {len(found)} pictures; at least half were wanted.")
        T = len(landmarks)
        filmed = FilmedFace(
            landmarks=torch.from_numpy(fill_gaps(np.asarray(landmarks, np.float64), found)),
            neutral=self._filmed.neutral,
            head=head,
            closed=torch.zeros(T, 2),
            looked=torch.zeros(T, 2),
            used=torch.from_numpy(found),
            num_train=T,
            K=self._filmed.K,
            fps=fps,
        )
        return UnitSolver(filmed, self._face, self._correction).solve(self._neutral).units.float()
