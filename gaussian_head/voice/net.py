"""How the prior's nets, from standardised sound to standardised units, are trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..motion.lip_model import LipNet
from .mouth import GAP, MOUTH

DILATIONS = (1, 2, 4)
"""Of the 3-tap convolutions; with them a frame sees 7 on either side."""
WIDTH = 96
STEPS, BATCH, CROP = 400, 16, 64
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.02
NOISE = 0.15
"""Standard deviation of the noise on inputs."""
STRETCH = 0.1
"""Largest change of tempo of a crop."""
LONGEST = 600
"""Frames from which on a recording is not drawn any more often."""
UNIT_WEIGHTS = {"jawOpen": 4.0, "mouthClose": 2.0, "mouthPucker": 2.0, "mouthFunnel": 2.0} | {
    f"{name}{side}": 2.0
    for name in ("mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile")
    for side in ("Left", "Right")
}
"""What an error of a unit costs beside one of the others."""
MEASURE_WEIGHTS = (1.0, 2.0, 1.0, 0.5)
"""The same of MEASURES."""
VELOCITY = 0.5
"""What an error of the change from frame to frame costs."""
CLOSURE = 1.0
"""What lips that do not meet where the speaker's do cost."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """An unbroken stretch of speech and lips at the prior's frame rate."""

    inputs: Tensor
    """``[T, A]`` standardised sound."""
    outputs: Tensor
    """``[T, M]`` standardised units."""
    measures: Tensor
    """``[M, 4]`` standardised MEASURES of standardised units."""
    meet: Tensor
    """``[T]`` 0 to 1, how surely the lips meet for p, b or m, in sound and in picture."""


class CausalLipNet(LipNet):
    """The same with every convolution over what was: a frame sees 14 before it and none after it."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.nn.functional.gelu(self.enter(self.drop_inputs(x)))
        for layer, dilation in zip(self.layers, DILATIONS, strict=True):
            now = layer(self.drop(h))
            h = h + torch.nn.functional.gelu(torch.nn.functional.pad(now[..., :-dilation], (dilation, 0)))
        return self.leave(self.drop(h))


def mouth_net(inputs: int, *, causal: bool = False) -> LipNet:
    """A net with new weights."""
    return (CausalLipNet if causal else LipNet)(inputs, len(MOUTH), DILATIONS, WIDTH)


def fit_net(
    runs: Sequence[Run], *, seed: int, causal: bool = False, on_step: Callable[[], None] = lambda: None
) -> LipNet:
    """Train a net on random crops with noise and changes of tempo.

    The loss is on units, on what they do to the lips together, on how both change, and on lips that must meet.

    Args:
        runs: what to learn from.
        seed: of weights and crops; the global generator is left as it was.
        causal: no frame sees a later one.
        on_step: called after each of the STEPS.
    """
    generator = torch.Generator().manual_seed(seed)
    pool = _Pool(runs)
    unit_weights = torch.tensor([UNIT_WEIGHTS.get(name, 1.0) for name in MOUTH])
    unit_weights = unit_weights / unit_weights.mean()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = mouth_net(pool.inputs.shape[1], causal=causal).train()
        optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
        for _ in range(STEPS):
            x, y, measures, meet = pool.crops(generator)
            x = x + NOISE * torch.randn(x.shape, generator=generator)
            error = net(x.mT).mT - y
            loss = _loss(error, error @ measures, meet, unit_weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            on_step()
    return net.eval()


def _loss(error: Tensor, measured: Tensor, meet: Tensor, unit_weights: Tensor) -> Tensor:
    """From errors ``[B, T, M]`` of units and ``[B, T, 4]`` of MEASURES, where the lips meet ``[B, T]``."""
    measure_weights = torch.tensor(MEASURE_WEIGHTS)
    at_once = (unit_weights * error**2).mean() + (measure_weights * measured**2).mean()
    change = (unit_weights * error.diff(dim=1) ** 2).mean() + (measure_weights * measured.diff(dim=1) ** 2).mean()
    parted = (meet * measured[..., GAP].clamp(min=0) ** 2).mean()
    return at_once + VELOCITY * change + CLOSURE * parted


class _Pool:
    """All runs end to end, and crops out of them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.inputs, self.outputs, self.meet = (
            torch.cat([getattr(run, name) for run in runs]) for name in ("inputs", "outputs", "meet")
        )
        self.measures = torch.stack([run.measures for run in runs])
        self.lengths = torch.tensor([len(run.inputs) for run in runs])
        self.starts = self.lengths.cumsum(0) - self.lengths

    def crops(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Inputs ``[B, CROP, A]``, outputs ``[B, CROP, M]``, measures ``[B, M, 4]``, meet ``[B, CROP]``."""
        often = self.lengths.float().clamp(max=LONGEST)
        run = torch.multinomial(often, BATCH, replacement=True, generator=generator)
        last = (self.lengths[run, None] - 1).float()
        tempo = 1 + STRETCH * (2 * torch.rand(BATCH, 1, generator=generator) - 1)
        place = torch.rand(BATCH, 1, generator=generator) * (last - (CROP - 1) * tempo).clamp(min=0)
        times = torch.minimum(place + torch.arange(CROP) * tempo, last)
        low = times.long()
        share = (times - low)[..., None]
        first, second = (self.starts[run, None] + t for t in (low, torch.minimum(low + 1, last.long())))
        x, y, meet = (v[first].lerp(v[second], share) for v in (self.inputs, self.outputs, self.meet[:, None]))
        return x, y, self.measures[run], meet[..., 0]
