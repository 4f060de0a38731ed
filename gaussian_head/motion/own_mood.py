"""A person's own mood, from a second clip of theirs: what its face, movement and blinks have more of than usual."""

from __future__ import annotations

from torch import Tensor

from ..face import UNITS
from ..smoothing import blurred
from ._types import Motion
from .emotion import SLOW_SECONDS
from .learned import blinks_of
from .moods import Mood
from .recall_state import pose_track

NOTED = 0.02
"""Differences of units below this are nothing."""
LEAST, MOST = 0.5, 2.0
"""Bounds of how much livelier a mood makes somebody."""
BLINK_COUNT = 3.0
"""Blinks that are added on either side before two clips' are compared."""


def own_mood(usual: Motion, moody: Motion) -> Mood:
    """The mood of one clip of a person against another.

    Args:
        usual: how the person is otherwise.
        moody: the same person in the mood.
    """
    apart = moody.units.median(0).values - usual.units.median(0).values
    units = {name: float(value) for name, value in zip(UNITS, apart, strict=True) if abs(value) > NOTED}
    units = {name: value for name, value in units.items() if not name.startswith(("eyeLook", "eyeBlink"))}
    slow, quick = (_sizes(moody)[k] / _sizes(usual)[k].clamp(min=1e-6) for k in (0, 1))
    seconds = [motion.duration for motion in (moody, usual)]
    often = [
        (len(blinks_of(m)) + BLINK_COUNT) / (s + BLINK_COUNT) for m, s in zip((moody, usual), seconds, strict=True)
    ]
    return Mood(
        units=units,
        reach=float(slow.clamp(LEAST, MOST)),
        quick=float(quick.clamp(LEAST, MOST)),
        blinks=min(max(often[0] / often[1], LEAST), MOST),
    )


def _sizes(motion: Motion) -> tuple[Tensor, Tensor]:
    """Size of a head's slow and of its quick rotation, radians."""
    track = pose_track(motion.head)
    slow = blurred(track, SLOW_SECONDS * motion.fps)
    return slow[:, :3].std(0).norm(), (track - slow)[:, :3].std(0).norm()
