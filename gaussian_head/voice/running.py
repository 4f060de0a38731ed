"""What is usual in a sound so far: a mean that starts from that of many recordings and forgets slowly."""

from __future__ import annotations

import numpy as np

from .hearing import COMPARE_SECONDS

FORGET_SECONDS = 30.0
"""Sound over which the mean is taken."""


class RunningMean:
    """Mean of features heard so far."""

    def __init__(self, usual: np.ndarray, rate: float) -> None:
        """From the usual features ``[A]`` at ``rate`` frames per second."""
        self._usual, self._trusted, self._most = usual, COMPARE_SECONDS * rate, FORGET_SECONDS * rate
        self._sum, self._count = np.zeros_like(usual, dtype=np.float64), 0.0

    def after(self, values: np.ndarray) -> np.ndarray:
        """``[A]`` with one more frame ``[A]`` heard."""
        if self._count >= self._most:
            self._sum *= (self._most - 1) / self._most
            self._count = self._most - 1
        self._sum += values
        self._count += 1
        return ((self._usual * self._trusted + self._sum) / (self._trusted + self._count)).astype(np.float32)
