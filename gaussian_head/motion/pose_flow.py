"""A generator of head movement: flow matching over windows of latent movement, told the sound and head acts.

A small net carries noise to movement (Lipman et al. 2023, arXiv 2210.02747) in a few steps, window by window; each goes
on from the last one's end. ``scripts/learn_pose.py`` teaches it; data card and weights lie beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checks import InputError, require_names, require_shapes
from ..smoothing import smoothstep
from ..taught import TaughtFile
from .act_tokens import COUNT
from .own_track import CHANNELS
from .recall_state import SOUND

FILE = TaughtFile(what="model of head movement", script="learn_pose.py", format="gaussian-head-pose-flow", version=1)
DATA = Path(__file__).parent / "pose_flow.safetensors"
RATE = 12.5
"""Moments per second."""
WINDOW, KNOWN, FADE = 32, 8, 4
"""Moments of a window, how many it is given from the last one, and over how many after these both are blended."""
LATENTS = 12
WIDTH, DILATIONS = 96, (1, 2, 4, 8, 1, 2, 4, 8)
TIMES = 16
"""Frequencies that tell the net how far along the flow is."""
STEPS = 8
"""From noise to movement."""
GUIDANCE = 1.5
"""How far beyond what it does when told, away from what it does untold (Ho and Salimans 2022, arXiv 2207.12598)."""
CONDITIONS = len(SOUND) + 1 + COUNT + 1 + 1
"""Sound, whether it is told; acts, whether they are told; how far the person's own movement is scaled."""


class FlowNet(nn.Module):
    """Residual convolutions over time that tell a velocity."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv1d(2 * LATENTS + 1 + CONDITIONS, WIDTH, 1)
        self.clock = nn.Sequential(nn.Linear(2 * TIMES, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH * len(DILATIONS)))
        self.layers = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=d, dilation=d) for d in DILATIONS)
        self.leave = nn.Conv1d(WIDTH, LATENTS, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, moved: Tensor, known: Tensor, told: Tensor, along: Tensor) -> Tensor:
        """Velocity ``[B, T, L]``.

        Args:
            moved: ``[B, T, L]`` between noise and movement.
            known: ``[B, T, L + 1]`` movement that is given and, last, where it is.
            told: ``[B, T, CONDITIONS]``.
            along: ``[B]`` from 0 for noise to 1 for movement.
        """
        phase = along[:, None] * torch.pi * torch.arange(1, TIMES + 1)
        shifts = self.clock(torch.cat([phase.sin(), phase.cos()], 1)).chunk(len(DILATIONS), 1)
        h = self.enter(torch.cat([moved, known, told], 2).mT)
        for layer, shift in zip(self.layers, shifts, strict=True):
            h = h + nn.functional.gelu(layer(self.drop(h + shift[..., None])))
        return self.leave(h).mT


@dataclass(frozen=True, kw_only=True)
class PoseFlow:
    """Movement of anybody, in spreads of their own."""

    net: FlowNet
    basis: Tensor
    """``[L, C]`` movement, in spreads, that one latent stands for."""
    usual: Tensor
    """``[C]`` spreads of people."""

    def sample(
        self,
        sound: Tensor,
        acts: Tensor,
        scale: Tensor,
        seed: int,
        *,
        guidance: float = GUIDANCE,
    ) -> Tensor:
        """Movement ``[T, C]`` in spreads at RATE.

        Args:
            sound: ``[T, S]`` as `recall_state.sound_columns` tells it.
            acts: ``[T, COUNT]`` of `act_tokens`.
            scale: ``[T]`` how far the person's own movement goes: 1 as usual.
            seed: of what is drawn.
            guidance: 1 is as told, more exaggerates what it is told.
        """
        T, hop = len(sound), WINDOW - KNOWN - FADE
        told = told_of(sound, acts, scale)
        told = torch.cat([told, told[-1:].expand(WINDOW, -1)])
        generator = torch.Generator().manual_seed(seed)
        rise = smoothstep((torch.arange(FADE) + 1) / (FADE + 1))[:, None]
        made = torch.zeros(0, LATENTS)
        for first in range(0, max(T - KNOWN - FADE, 1), hop):
            known = torch.zeros(WINDOW, LATENTS + 1)
            if first:
                known[:KNOWN, :-1], known[:KNOWN, -1] = made[first : first + KNOWN], 1.0
            noise = torch.randn(WINDOW, LATENTS, generator=generator)
            part = self._carried(noise, known, told[first : first + WINDOW], guidance)
            if first:
                joint = made[first + KNOWN :].lerp(part[KNOWN : KNOWN + FADE], rise)
                part = torch.cat([joint, part[KNOWN + FADE :]])
            made = torch.cat([made[: first + KNOWN] if first else made, part])
        return made[:T] @ self.basis

    @torch.no_grad()
    def _carried(self, noise: Tensor, known: Tensor, told: Tensor, guidance: float) -> Tensor:
        """One window ``[WINDOW, L]``: the flow's middle-point rule from ``noise``, with what is ``known`` kept."""
        ways = [told] if guidance == 1 else [told, untold(told)]
        both, given = torch.stack(ways), known[None].expand(len(ways), -1, -1)
        mask = known[:, -1:]
        x = noise

        def velocity(x: Tensor, along: float) -> Tensor:
            x = x * (1 - mask) + mask * (noise + along * (known[:, :-1] - noise))
            as_told, *freely = self.net(x[None].expand(len(ways), -1, -1), given, both, torch.full((len(ways),), along))
            return freely[0] + guidance * (as_told - freely[0]) if freely else as_told

        for step in range(STEPS):
            along, half = step / STEPS, 0.5 / STEPS
            x = x + velocity(x + half * velocity(x, along), along + half) / STEPS
        return torch.where(mask > 0, known[:, :-1], x)

    def save(self, path: str | Path, card: dict[str, Any]) -> None:
        """Write ``<path>.safetensors`` and, with what it was taught with, ``<path>.json``."""
        tensors = {f"net.{name}": value.contiguous() for name, value in self.net.state_dict().items()}
        meta = {"channels": CHANNELS, "rate": RATE}
        FILE.save(path, tensors | {"basis": self.basis, "usual": self.usual}, meta, card)

    @staticmethod
    def load(path: str | Path = DATA) -> PoseFlow:
        """Read what ``save`` wrote; by default the package's own, which is read once.

        Raises:
            InputError: files are missing or damaged, or of another format, version or shape.
        """
        return _load(Path(path).with_suffix(".safetensors"))


def told_of(sound: Tensor, acts: Tensor, scale: Tensor) -> Tensor:
    """All that a net is told, ``[..., T, CONDITIONS]``."""
    ones = torch.ones_like(scale)[..., None]
    return torch.cat([sound, ones, acts, ones, scale[..., None]], -1)


def untold(told: Tensor, *, sound: bool = True, acts: bool = True) -> Tensor:
    """The same with nothing said of sound, of acts, or of either."""
    kept = told.clone()
    first = len(SOUND) + 1
    if sound:
        kept[..., :first] = 0
    if acts:
        kept[..., first : first + COUNT + 1] = 0
    return kept


@lru_cache(maxsize=4)
def _load(path: Path) -> PoseFlow:
    return FILE.read(path, _built)


def _built(meta: dict[str, Any], tensors: dict[str, Tensor]) -> PoseFlow:
    if require_names(meta["channels"], "channels") != CHANNELS or meta["rate"] != RATE:
        raise InputError("it tells other channels, or at another rate.")
    C = len(CHANNELS)
    require_shapes(
        {name: tensors[name] for name in ("basis", "usual")}, {"basis": (LATENTS, C), "usual": (C,)}, "the model"
    )
    net = FlowNet().eval()
    net.load_state_dict({name[4:]: value for name, value in tensors.items() if name.startswith("net.")})
    return PoseFlow(net=net, basis=tensors["basis"], usual=tensors["usual"])
