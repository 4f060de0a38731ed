"""Lips that are never twice the same: what people do beyond what their sound tells, drawn by chance.

A Gaussian process: directions, sizes and quickness of what recorded lips do beyond the usual ones are learnt; lips stay
shut where they are shut, meet where they meet, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, require_count, require_names, require_shapes
from ..motion import Motion
from ..motion.drive import resting_mouth
from ..motion.speaker import Speaker
from ..smoothing import blurred, smoothstep
from ..speech.windows import interpolated
from ..taught import TaughtFile
from .mouth import COLUMNS, GAP, MOUTH, lip_measures

FILE = TaughtFile(what="variety of lips", script="learn_variety.py", format="gaussian-head-variety", version=1)
DATA = Path(__file__).parent / "variety.safetensors"
"""That of the package; what it was taught with stands beside it in ``variety.json``."""
RATE = 25.0
"""Frames per second at which it draws."""
AT_REST = 0.25
"""Standard deviations from the closed mouth within which nothing is added: the mouth is shut and stays so."""
MET, APART = 0.15, 0.4
"""Shares of the usual widest gap below which lips meet, and above which they are parted as far as is drawn."""
WIDEST = 0.95
"""Quantile of the gap that stands for the widest mouth."""
TENSORS = ("directions", "size", "smooth", "parting")


@dataclass(frozen=True, kw_only=True)
class Variety:
    """Draws what lips do beyond their usual way of saying a sound."""

    directions: Tensor
    """``[D, M]`` unit vectors in which that is told, in standard deviations of units."""
    size: Tensor
    """``[D]`` standard deviations along them."""
    smooth: Tensor
    """``[D]`` frames of RATE, standard deviation of the blur that makes white noise as quick as lips are along them."""
    parting: Tensor
    """``[M]`` units that part the lips by a metre, as they usually go together."""

    def vary(self, units: Tensor, fps: float, *, rest: Tensor, scale: Tensor, seed: int = 0) -> Tensor:
        """Another way of saying the same.

        Args:
            units: ``[T, 52]`` the usual way, of a voice.
            fps: their frames per second.
            rest: ``[M]`` units of the person's closed mouth.
            scale: ``[M]`` standard deviations of the person's units.
            seed: of what is drawn; the same one gives the same lips.

        Returns:
            ``[T, 52]`` f32 in [0, 1].
        """
        require_count(seed, "seed")
        rows = max(int(np.ceil(len(units) / fps * RATE)) + 1, 2)
        times = torch.arange(len(units), dtype=torch.float64) / fps * RATE
        drawn = interpolated(self.drawn(rows, seed), times)
        varied = units.clone().float()
        varied[:, COLUMNS] = self.added(units[:, COLUMNS].float(), drawn, rest, scale)
        return varied

    def drawn(self, rows: int, seed: int) -> Tensor:
        """``[rows, M]`` standard deviations of units, at RATE."""
        generator = torch.Generator().manual_seed(seed)
        white = torch.randn(rows, len(self.size), generator=generator)
        smooth = [smooth_noise(white[:, [d]], float(sigma)) for d, sigma in enumerate(self.smooth)]
        return torch.cat(smooth, 1) * self.size @ self.directions

    def added(self, usual: Tensor, drawn: Tensor, rest: Tensor, scale: Tensor) -> Tensor:
        """Units ``[T, M]`` of the mouth ``usual`` with ``drawn [T, M]`` standard deviations where it may move."""
        opening = lip_measures()[:, GAP]
        before = (usual - rest) @ opening
        widest = before.quantile(WIDEST).clamp(min=1e-6)
        moved = usual + moving(usual, rest, scale)[:, None] * drawn * scale
        gap = (moved.clamp(0, 1) - rest) @ opening
        free = smoothstep(((before / widest - MET) / (APART - MET)).clamp(0, 1))
        wanted = torch.maximum(before + free * (gap - before), torch.minimum(before, (MET + APART) / 2 * widest))
        return (moved + (wanted - gap)[:, None] * self.parting).clamp(0, 1)

    def save(self, path: str | Path, card: dict) -> None:
        """Write ``<path>.safetensors`` and, with what it was taught with, ``<path>.json``."""
        FILE.save(path, {name: getattr(self, name) for name in TENSORS}, {"units": MOUTH, "rate": RATE}, card)

    @staticmethod
    def load(path: str | Path = DATA) -> Variety:
        """Read what ``save`` wrote; by default the package's own, which is read once.

        Raises:
            InputError: files are missing or damaged, or of another format, version or shape.
        """
        return _load(Path(path).with_suffix(".safetensors"))


def smooth_noise(white: Tensor, sigma: float) -> Tensor:
    """White noise ``[T, 1]`` blurred by ``sigma`` rows, and grown to unit variance again."""
    radius = int(3 * sigma + 0.5)
    if radius < 1:
        return white
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    return blurred(white, sigma) * float(kernel.sum() / kernel.square().sum().sqrt())


def moving(usual: Tensor, rest: Tensor, scale: Tensor) -> Tensor:
    """How far a mouth ``usual [T, M]`` may be moved, ``[T]``: 0 at rest, 1 in speech."""
    far = ((usual - rest) / scale).square().mean(1).sqrt()
    return smoothstep((far / AT_REST).clamp(0, 1))


def sampled(motion: Motion, voice: Speaker, scale: Tensor, seed: int = 0) -> Motion:
    """``motion``, whose mouth speaks as ``voice`` usually does, with lips drawn about that.

    Args:
        motion: T frames.
        voice: that told its mouth.
        scale: ``[M]`` standard deviations of the person's units.
        seed: of what is drawn.
    """
    rest = resting_mouth(voice, motion.fps)[COLUMNS]
    return replace(motion, units=Variety.load().vary(motion.units, motion.fps, rest=rest, scale=scale, seed=seed))


@lru_cache(maxsize=4)
def _load(path: Path) -> Variety:
    return FILE.read(path, _built)


def _built(meta: dict[str, Any], tensors: dict[str, Tensor]) -> Variety:
    if require_names(meta["units"], "units") != MOUTH or meta["rate"] != RATE:
        raise InputError("it tells other units, or at another rate.")
    D, M = len(tensors["size"]), len(MOUTH)
    require_shapes(tensors, {"directions": (D, M), "size": (D,), "smooth": (D,), "parting": (M,)}, "the variety")
    return Variety(**{name: tensors[name] for name in TENSORS})
