"""Hair, skin or clothes in another colour, exposure and tint: a whole look changed by names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import KDTree
from torch import Tensor

from ..capture import Capture
from ..checks import InputError, require_number
from ..conventions import FACE, HAIR, NECK, TORSO
from ..head import Branch, Head
from ..head.unseen import hair_pixels
from ..motion import Motion
from ..sh import C0
from .blending import Blend

REGIONS = ("hair", "skin", "clothes")
FRAMES = 6
"""Frames, evenly spaced, whose labels say what a Gaussian belongs to."""
BARE = 2
"""Half the least breadth in pixels of what is skin among hair; shining locks are narrower."""
LUMA = torch.tensor([0.299, 0.587, 0.114])
BRIGHTEST = 4.0
"""Times its own mean brightness that a recoloured part may shine."""
SHADE = 3.0
"""Most that view dependence may grow."""
STOPS = 4.0
"""Exposure goes so far either way."""


@dataclass(frozen=True, kw_only=True)
class Recolour:
    """Changes of a whole head by name."""

    regions: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """RGB in [0, 1] of any of REGIONS; light and dark within it stay."""
    exposure: float = 0.0
    """Stops; 1 is twice as bright."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """RGB that every colour is multiplied with, brightness kept."""

    def __post_init__(self) -> None:
        require_number(self.exposure, "exposure", least=-STOPS, most=STOPS)
        if unknown := set(self.regions) - set(REGIONS):
            raise InputError(f"recolour names {', '.join(sorted(unknown))}; there are {', '.join(REGIONS)}.")


@torch.no_grad()
def recoloured(
    head: Head,
    how: Recolour,
    motion: Motion,
    capture: Capture | None = None,
    *,
    belongs: list[Tensor] | None = None,
) -> Head:
    """``head`` in other colours; the plate and all shapes and motion keep every bit.

    Args:
        head: the person.
        how: what changes.
        motion: of the clip, beside ``capture``.
        capture: whose labels tell hair from skin; wanted for ``regions``.
        belongs: what ``regions_of`` found before, in place of ``capture``.

    Raises:
        InputError: regions were named and there is no capture, or it shows nothing of one.
    """
    branches = list(head.branches)
    if how.regions:
        if capture is None and belongs is None:
            raise InputError(
                "what is hair and what is skin stands in the capture, which was moved away; put it beside the head"
                " again, or change the colours by a painted picture."
            )
        if belongs is None:
            assert capture is not None
            belongs = regions_of(head, motion, capture)
        for name, colour in how.regions.items():
            branches = _dyed(branches, belongs, REGIONS.index(name), torch.tensor(colour), name)
    light = 2**how.exposure * torch.tensor(how.tint)
    tint = torch.tensor(how.tint)
    light = light / (tint @ LUMA).clamp(min=1e-3)
    if not torch.equal(light, torch.ones(3)):
        branches = [_lit(branch, light.expand(len(branch), 3)) for branch in branches]
    return head.with_branches(tuple(branches))


def regions_of(head: Head, motion: Motion, capture: Capture) -> list[Tensor]:
    """For every branch ``[N]`` int64, index into REGIONS, -1 for the mouth and what belongs to none."""
    shares = torch.zeros(len(head), 3)
    frames = capture.train_frames
    for t in frames[torch.linspace(0, len(frames) - 1, FRAMES).round().long()].unique().tolist():
        frame = capture.frame(t)
        hair = hair_pixels(frame.labels, frame.image)
        bare = ndimage.binary_opening((frame.labels == HAIR) & ~hair, iterations=BARE)  # ears and forehead
        skin = (frame.labels == FACE) | (frame.labels == NECK) | bare
        masks = np.stack([hair, skin, frame.labels == TORSO], 2).astype(np.float32)
        shares += Blend.of(head.gaussians_at(motion.at(t)), head.camera).gathered(torch.from_numpy(masks))
    found, start = [], 0
    for branch in head.branches:
        own = shares[start : start + len(branch)]
        start += len(branch)
        found.append(torch.full((len(branch),), -1) if branch.name == "mouth" else _nearest_known(branch, own))
    return found


def _nearest_known(branch: Branch, shares: Tensor) -> Tensor:
    """Region ``[N]`` of most weight; of Gaussians that no frame shows, that of the nearest shown one."""
    known = shares.sum(1) > 1e-2
    region = shares.argmax(1)
    if known.any() and not known.all():
        near = KDTree(branch.means[known].numpy()).query(branch.means[~known].numpy())[1]
        region[~known] = region[known][torch.from_numpy(near)]
    return region


def _dyed(branches: list[Branch], belongs: list[Tensor], region: int, colour: Tensor, name: str) -> list[Branch]:
    """Branches whose rows of one region have another colour."""
    light = [(branch.sh0[:, 0] * C0 + 0.5).clamp(min=0) @ LUMA for branch in branches]
    own = torch.cat([values[of == region] for values, of in zip(light, belongs, strict=True)])
    if not len(own):
        raise InputError(f"the clip shows no {name}; there is nothing to recolour.")
    result = []
    for branch, values, of in zip(branches, light, belongs, strict=True):
        before = (branch.sh0[:, 0] * C0 + 0.5).clamp(min=1e-2)
        after = colour * (values / own.mean()).clamp(max=BRIGHTEST)[:, None]
        chosen = of == region
        result.append(_lit(branch, torch.where(chosen[:, None], after / before, 1.0), chosen))
    return result


def _lit(branch: Branch, light: Tensor, rows: Tensor | None = None) -> Branch:
    """A branch with the colours of some rows multiplied by ``light [N, 3]``."""
    rows = torch.ones(len(branch), dtype=torch.bool) if rows is None else rows
    sh0 = ((branch.sh0 * C0 + 0.5) * light[:, None] - 0.5) / C0
    shN = branch.shN * light[:, None].clamp(max=SHADE)
    return replace(
        branch,
        sh0=torch.where(rows[:, None, None], sh0, branch.sh0),
        shN=torch.where(rows[:, None, None], shN, branch.shN),
    )
