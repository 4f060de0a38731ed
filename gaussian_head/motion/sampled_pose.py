"""A speaking head that moves as people do, drawn by chance, in the sizes of its own person; head acts where asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..face import UNITS
from ..speech.prosody import Prosody
from ..speech.windows import interpolated
from ._types import Motion
from .act_tokens import act_tokens
from .acts import Act
from .as_large import as_large
from .drive import LIDS, lid
from .learned import own_blinks
from .own_track import OwnTrack
from .pose_flow import GUIDANCE, RATE, PoseFlow
from .recall import Memory
from .recall_state import sound_columns

BOUNDS = (0.3, 3.0)
"""Of how far each band of movement is scaled to the person's: others move in other spectra."""
HEARD = 1.0
"""Guidance where only the sound is told."""
CALM = 0.2
"""What is left of the own movement of a head that is told acts, so that they stand out."""


def sampled_pose(
    motion: Motion,
    memory: Memory,
    said: Prosody,
    acts: Sequence[Act] = (),
    *,
    flow: PoseFlow | None = None,
    blink: bool = True,
    seed: int = 0,
) -> Motion:
    """``motion``, whose mouth speaks, with head, torso, eyes and brows drawn as people move to such a sound.

    Args:
        motion: N frames; its mouth is kept.
        memory: the person's clip, whose sizes and speeds are taken, and its sound.
        said: the sound that is spoken, N moments.
        acts: what the head does meanwhile.
        flow: the generator, by default the package's.
        blink: let the eyes blink as they do in the clip.
        seed: of all that is drawn.
    """
    flow, clip = PoseFlow.load() if flow is None else flow, memory.motion
    own = OwnTrack.of(clip, flow.usual)
    moved = own.made(drawn(own, said, acts, flow, seed), motion)
    if not acts:
        moved = as_large(moved, clip, BOUNDS)
    closing = own_blinks(memory, said, seed) if blink else torch.zeros(len(motion))
    units = moved.units.clone()
    for name in LIDS:
        units[:, UNITS.index(name)] = lid(clip.control(name), closing)
    return replace(moved, units=units)


def drawn(own: OwnTrack, said: Prosody, acts: Sequence[Act], flow: PoseFlow, seed: int) -> Tensor:
    """Movement ``[N, C]`` of a person to a sound, in their spreads."""
    from scipy.interpolate import CubicSpline

    T = max(int(len(said) / said.fps * RATE) + 2, 2)
    sound = interpolated(sound_columns(said), torch.arange(T, dtype=torch.float64) / RATE * said.fps).float()
    scale = torch.full((T,), CALM if acts else 1.0)
    track = flow.sample(sound, act_tokens(acts, own, T, RATE), scale, seed, guidance=GUIDANCE if acts else HEARD)
    times = torch.arange(len(said), dtype=torch.float64) / said.fps * RATE
    return torch.from_numpy(CubicSpline(torch.arange(T).numpy(), track.numpy())(times.numpy())).float()
