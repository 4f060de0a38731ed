"""What no regression learns from half a minute: lips shut in silence and meet for p, b and m."""

from __future__ import annotations

import torch
from torch import Tensor

from ..smoothing import smoothstep
from ..speech.windows import interpolated

LIP_LEAD = 0.045
"""Seconds by which lips are ahead of the phone they form."""

OPENS_BEFORE = 0.12
"""Seconds before speech at which the mouth may begin to open."""
CLOSES_AFTER = 0.04
"""Seconds after speech at which the mouth is closed; it starts to close EASE earlier."""
EASE = 0.16
"""Seconds that opening and closing take."""
SHORT_PAUSE = 0.2
"""Pauses shorter than this, in seconds, do not close the mouth."""
LASTING_SECONDS, LASTING = 0.6, 0.3
"""Where activity is less than this on average over so many seconds around, nobody speaks."""
SPEAKING = 0.5
"""Activity above which something is being said."""


def speech_gate(
    activity: Tensor,
    rate: float,
    times: Tensor,
    *,
    speaking: float = SPEAKING,
    short_pause: float = SHORT_PAUSE,
    opens_before: float = OPENS_BEFORE,
    closes_after: float = CLOSES_AFTER,
) -> Tensor:
    """How far the lips may leave the closed mouth at each moment.

    Args:
        activity: ``[F]`` probability of speech.
        rate: rows of ``activity`` per second.
        times: ``[T]`` seconds.
        speaking: activity above which something is being said.
        short_pause: seconds; shorter pauses do not close the mouth.
        opens_before: seconds before speech at which the mouth may begin to open.
        closes_after: seconds after speech at which it is closed.

    Returns:
        ``[T]`` in [0, 1]: 1 in speech, 0 in silence, joined by smooth steps.
    """
    spoken = _without_short_pauses(activity > speaking, round(short_pause * rate))
    after_start, before_end = _since(~spoken) / rate, _until(~spoken) / rate
    after_end, before_start = _since(spoken) / rate, _until(spoken) / rate
    within = torch.minimum(opens_before + after_start, closes_after + before_end)
    between = torch.maximum(opens_before - before_start, closes_after - after_end)
    ramp = (torch.where(spoken, within, between) / EASE).clamp(0, 1)
    smooth = smoothstep(ramp)
    return interpolated(smooth[:, None], times.double() * rate)[:, 0].float()


def lasting(activity: Tensor, rate: float) -> Tensor:
    """``activity [F]`` without flashes: what music and noise are taken for, for a tenth of a second here and there."""
    rows = round(LASTING_SECONDS * rate) // 2
    around = torch.nn.functional.avg_pool1d(activity[None, None], 2 * rows + 1, 1, rows, count_include_pad=False)[0, 0]
    return activity * (around > LASTING)


def lips_meet(closure: Tensor, rate: float, times: Tensor) -> Tensor:
    """How firmly the lips are held together by p, b and m at each moment.

    Args:
        closure: ``[F]`` probability of p, b or m.
        rate: rows of ``closure`` per second.
        times: ``[T]`` seconds.

    Returns:
        ``[T]`` in [0, 1]; read LIP_LEAD ahead of the sound.
    """
    return interpolated(closure[:, None].double(), (times.double() + LIP_LEAD) * rate)[:, 0].float()


def _since(mask: Tensor) -> Tensor:
    """Rows since ``mask [F]`` was last true, huge where it never was."""
    row = torch.arange(len(mask), dtype=torch.float64)
    return row - torch.where(mask, row, torch.full_like(row, -1e9)).cummax(0).values


def _until(mask: Tensor) -> Tensor:
    """Rows until ``mask [F]`` is next true."""
    return _since(mask.flip(0)).flip(0)


def _without_short_pauses(speaking: Tensor, rows: int) -> Tensor:
    """``speaking [F]`` with pauses inside speech of fewer than ``rows`` filled."""
    between = _since(speaking) + _until(speaking)
    return speaking | (between <= rows)
