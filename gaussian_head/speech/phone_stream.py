"""Phone posteriors of a sound that is still coming: forward as it comes, backward over the little that is ahead."""

from __future__ import annotations

from collections import deque

import numpy as np

from .phones import (
    ACOUSTIC_SCALE,
    CEPSTRA,
    CRISP_SCALE,
    first_state,
    raw_cepstra,
    scaled_likelihoods,
    state_likelihoods,
    step_backward,
    step_forward,
    with_slopes,
)
from .sphinx import acoustic_model

AHEAD = 8
"""Rows at whose posteriors a call looks: the newest and those before it."""
SLOPE_ROWS = 3
"""Rows after a row that its slope and curvature see."""
MEAN_SECONDS = 2.0
"""Sound after which a recording's own mean cepstrum is trusted as much as the usual one."""
FORGET_ROWS = 3000
"""Rows, half a minute, over which the mean is taken."""
USUAL_CEPSTRA = (48.9, 3.9, 3.0, 8.3, 1.5, -2.5, -3.8, -2.4, -2.1, -1.0, -1.0, -0.2, -0.8)
"""Mean cepstrum of audible speech, over 31 recordings of 26 people."""


class PhoneStream:
    """Soft and crisp posteriors of the newest rows; state of constant size."""

    def __init__(self) -> None:
        self._stay = acoustic_model().stay
        self._state: np.ndarray | None = None
        self._cepstra = np.zeros((0, CEPSTRA), np.float32)
        self._sum, self._count = np.zeros(CEPSTRA, np.float64), 0.0
        self._kept: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=AHEAD)

    def hear(self, frames: np.ndarray) -> np.ndarray:
        """Posteriors of the newest rows that can be told, the last SLOPE_ROWS heard left out.

        Args:
            frames: ``[n, 411]`` the sound around each new row.

        Returns:
            ``[AHEAD, 2, P]`` of rows that end SLOPE_ROWS before the newest: soft, then crisp. A row told for the first
            time knows nothing of what comes after it; called again later, it does.
        """
        values, audible = raw_cepstra(frames)
        for row in values[audible]:
            self._sum += (row - self._sum / max(self._count, 1)) if self._count >= FORGET_ROWS else row
            self._count = min(self._count + 1, FORGET_ROWS)
        if not len(self._cepstra):
            values = np.concatenate([np.repeat(values[:1], 2 * SLOPE_ROWS, 0), values])
        self._cepstra = np.concatenate([self._cepstra, values])[-(2 * SLOPE_ROWS + len(frames)) :]
        trusted = MEAN_SECONDS * 100
        mean = (np.array(USUAL_CEPSTRA) * trusted + self._sum) / (trusted + self._count)
        inner = slice(SLOPE_ROWS, -SLOPE_ROWS)
        features = [part[inner] for part in with_slopes(self._cepstra - mean.astype(np.float32))]
        log_likelihoods = state_likelihoods(features)
        scaled = [scaled_likelihoods(log_likelihoods, scale) for scale in (ACOUSTIC_SCALE, CRISP_SCALE)]
        for likelihood in np.stack(scaled, 1):
            state = np.stack([first_state()] * 2) if self._state is None else self._state
            self._state = step_forward(state, likelihood, self._stay)
            self._kept.append((likelihood, self._state))
        return self._told()

    def _told(self) -> np.ndarray:
        """Forward times backward over what is kept; rows before the first are as the first."""
        rows, ahead = [], np.ones_like(self._kept[-1][1])
        for i in range(len(self._kept) - 1, -1, -1):
            if i < len(self._kept) - 1:
                ahead = step_backward(ahead, self._kept[i + 1][0], self._stay)
            both = self._kept[i][1] * ahead
            rows.append((both / both.sum((1, 2), keepdims=True)).sum(-1))
        rows += [rows[-1]] * (AHEAD - len(rows))
        return np.stack(rows[::-1])
