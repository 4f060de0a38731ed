"""A speaking head that moves as its person does when saying such things: head, torso, gaze, brows and blinks."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..face import UNITS, is_mouth_unit
from ..smoothing import blurred
from ..speech.prosody import Prosody, local_peaks
from ._types import Motion
from .drive import LIDS, lid, with_spoken
from .idle import BLINK_MEAN, BLINK_REST, blinks_at
from .recall import Memory, recall

UPPER_SECONDS, GAZE_SECONDS = 0.08, 0.03
"""Remembered brows, cheeks and lids, and the eyes, are smoothed over this long."""
BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")
BROW_LEADS = 0.15
"""Seconds by which brows are ahead of the stress they mark."""
BROW_SLOW = 0.8
"""Seconds; what brows do more slowly has nothing to do with stress."""
BROW_TRUST, MOST_RAISE = 10.0, 0.35
"""Seconds of a clip at which its own habit of raising brows is half believed; the highest raise that stress adds."""
BLINK_RISE = 0.2
"""Rise of the blink units that is a blink."""
BLINK_TRUST = 7.0
"""Seconds of a clip at which its own rate of blinks is half believed."""
PAUSE_SECONDS, PAUSE_BLINKS = 0.4, 3.0
"""About the end of speech eyes blink this many times as often (Nakano and Kitazawa 2010)."""


def learned(
    motion: Motion, memory: Memory, said: Prosody, lips: Tensor, *, blink: bool = True, seed: int = 0
) -> Motion:
    """``motion``, whose mouth speaks, with all else as the person of ``memory`` moved to such a sound.

    Args:
        motion: N frames; its mouth is kept.
        memory: the person's clip and its sound.
        said: the sound that is spoken, N moments.
        lips: ``[R]`` bool, what of the clip's residual belongs to the lips.
        blink: let the eyes blink.
        seed: of the choice among remembered movements, and of blinks.
    """
    recalled = recall(memory, said, seed)
    fps, clip = motion.fps, memory.motion
    face = blurred(recalled.units, UPPER_SECONDS * fps)
    face = face + _raises(memory, said)[:, None] * torch.tensor([float(name in BROWS) for name in UNITS])
    closing = own_blinks(memory, said, seed) if blink else torch.zeros(len(motion))
    for name in LIDS:
        face[:, UNITS.index(name)] = lid(clip.control(name), closing)
    upper = torch.tensor([not is_mouth_unit(name) for name in UNITS])
    calm = replace(
        recalled,
        units=torch.where(upper, face.clamp(0, 1), recalled.units),
        gaze=blurred(recalled.gaze, GAZE_SECONDS * fps),
        residual=blurred(recalled.residual, UPPER_SECONDS * fps),
    )
    return with_spoken(calm, motion.units, lips)


def own_blinks(memory: Memory, said: Prosody, seed: int = 0) -> Tensor:
    """Blinks ``[N]`` while a sound is said, 0 open, 1 closed: as often as in the clip, most where speech ends.

    Args:
        memory: the person's clip; where it is short, people's usual rate is mixed in.
        said: N moments.
        seed: of the moments.
    """
    fps = said.fps
    shut = blinks_of(memory.motion)
    near = _about_pauses(memory.heard)
    seconds = len(near) / fps
    rate = (len(shut) + BLINK_TRUST / BLINK_MEAN) / (seconds + BLINK_TRUST)
    often = _ratio(near, shut)
    said_near = _about_pauses(said)
    weight = torch.where(said_near, often, 1.0)
    usual = float(torch.where(near, often, 1.0).mean())
    hazard = rate / usual * weight / fps
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(len(hazard), generator=generator)
    peaks, rest = [], round(BLINK_REST * fps)
    for t in (chance < hazard / (1 - rate * BLINK_REST)).nonzero()[:, 0].tolist():
        if not peaks or t - peaks[-1] > rest:
            peaks.append(t)
    return blinks_at(torch.tensor(peaks, dtype=torch.long), len(said), fps, seed)


def blinks_of(motion: Motion) -> Tensor:
    """Frames ``[n]`` in which the eyes of a tracked motion are shut by a blink."""
    closed = torch.stack([motion.control(name) for name in LIDS]).mean(0)
    rise = closed - closed.median()
    least = max(BLINK_RISE, 0.5 * float(rise.max()))
    return local_peaks(rise, max(round(BLINK_REST * motion.fps), 1), least=least)


def _about_pauses(prosody: Prosody) -> Tensor:
    """``[T]`` bool, near the moments at which speech ends."""
    ends = (prosody.speaking[:-1] & ~prosody.speaking[1:]).nonzero()[:, 0]
    near = torch.zeros(len(prosody), dtype=torch.bool)
    reach = round(PAUSE_SECONDS * prosody.fps)
    for end in ends.tolist():
        near[max(end - reach // 2, 0) : end + reach] = True
    return near


def _ratio(near: Tensor, shut: Tensor) -> float:
    """How many times as often eyes blink where ``near [T]`` is true, mixed with what is usual."""
    share = float(near.float().mean())
    if not 0 < share < 1:
        return PAUSE_BLINKS
    inside = float(near[shut].sum()) if len(shut) else 0.0
    expected = share * PAUSE_BLINKS / (share * PAUSE_BLINKS + 1 - share)
    inside, outside = inside + 4 * expected, len(shut) - inside + 4 * (1 - expected)
    return inside / share / (outside / (1 - share))


def _raises(memory: Memory, said: Prosody) -> Tensor:
    """``[N]`` how far brows go up with the stress of a sound: as far as the clip's brows rose with its own."""
    fps = said.fps
    brows = torch.stack([memory.motion.control(name) for name in BROWS]).mean(0)
    heard, spoken = (_led(prosody) for prosody in (memory.heard, said))
    rows = torch.stack([heard, brows], 1)
    quick = rows - blurred(rows, BROW_SLOW * fps)
    gain = float((quick[:, 0] * quick[:, 1]).sum() / quick[:, 0].square().sum().clamp(min=1e-6))
    trust = len(brows) / (len(brows) + BROW_TRUST * fps)
    return (max(gain, 0.0) * trust * spoken).clamp(max=MOST_RAISE)


def _led(prosody: Prosody) -> Tensor:
    """The stress that brows answer to at each moment ``[T]``."""
    rows = (torch.arange(len(prosody)) + round(BROW_LEADS * prosody.fps)).clamp(max=len(prosody) - 1)
    return blurred(prosody.stress[:, None], UPPER_SECONDS * prosody.fps)[rows, 0]
