"""How the prior's nets, from standardised sound to standardised units, are trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

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
TAUGHT = 1.0
"""Norm of a teacher's gradient on what is told, beside that of all else."""


class Teacher(Protocol):
    """Whoever says how well lips fit a sound: a `lips.LipJudge` of the people who are learnt from."""

    def of_sound(self, values: Tensor, usual: Tensor) -> Tensor:
        """Unit vectors ``[T, E]`` of features ``[T, A]`` at the prior's rate whose mean is ``usual [A]``."""
        ...

    def of_lips(self, moved: Tensor) -> Tensor:
        """Unit vectors ``[B, T, E]`` of the mouth's units ``[B, T, M]`` about their mean, with gradients."""
        ...


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
    size: Tensor
    """``[M]`` units that a standardised unit stands for."""
    wanted: Tensor
    """``[T, E]`` unit vectors that a teacher finds in the sound; E is 0 without one."""


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
    runs: Sequence[Run],
    *,
    seed: int,
    causal: bool = False,
    teacher: Teacher | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> LipNet:
    """Train a net on random crops with noise and changes of tempo.

    The loss is on units, on what they do to the lips together, on how both change, and on lips that must meet; a
    teacher pulls, as hard as all of that, to where the lips say the sound.

    Args:
        runs: what to learn from.
        seed: of weights and crops; the global generator is left as it was.
        causal: no frame sees a later one.
        teacher: that found what the runs hold as wanted.
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
            x, y, measures, meet, size, wanted = pool.crops(generator)
            x = x + NOISE * torch.randn(x.shape, generator=generator)
            told = net(x.mT).mT
            error = told - y
            (slope,) = torch.autograd.grad(_loss(error, error @ measures, meet, unit_weights), told, retain_graph=True)
            if teacher is not None:
                pull = _pull(teacher, told.detach(), size, wanted)
                slope = slope + TAUGHT * slope.norm() / pull.norm().clamp(min=1e-9) * pull
            optimizer.zero_grad()
            told.backward(slope)
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


def _pull(teacher: Teacher, told: Tensor, size: Tensor, wanted: Tensor) -> Tensor:
    """Gradient on what is told ``[B, T, M]`` of how unlike lips of ``size [B, M]`` are to ``wanted [B, T, E]``."""
    told.requires_grad_()
    like = (teacher.of_lips(told * size[:, None]) * F.normalize(wanted, dim=-1)).sum(-1)
    return torch.autograd.grad((1 - like).mean(), told)[0]


class _Pool:
    """All runs end to end, and crops out of them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.inputs, self.outputs, self.meet, self.wanted = (
            torch.cat([getattr(run, name) for run in runs]) for name in ("inputs", "outputs", "meet", "wanted")
        )
        self.measures, self.sizes = (torch.stack([getattr(run, name) for run in runs]) for name in ("measures", "size"))
        self.lengths = torch.tensor([len(run.inputs) for run in runs])
        self.starts = self.lengths.cumsum(0) - self.lengths

    def crops(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Inputs ``[B, CROP, A]``, outputs ``[B, CROP, M]``, measures ``[B, M, 4]``, meet ``[B, CROP]``, sizes
        ``[B, M]``, wanted ``[B, CROP, E]``."""
        often = self.lengths.float().clamp(max=LONGEST)
        run = torch.multinomial(often, BATCH, replacement=True, generator=generator)
        last = (self.lengths[run, None] - 1).float()
        tempo = 1 + STRETCH * (2 * torch.rand(BATCH, 1, generator=generator) - 1)
        place = torch.rand(BATCH, 1, generator=generator) * (last - (CROP - 1) * tempo).clamp(min=0)
        times = torch.minimum(place + torch.arange(CROP) * tempo, last)
        low = times.long()
        share = (times - low)[..., None]
        first, second = (self.starts[run, None] + t for t in (low, torch.minimum(low + 1, last.long())))
        values = (self.inputs, self.outputs, self.meet[:, None], self.wanted)
        x, y, meet, wanted = (v[first].lerp(v[second], share) for v in values)
        return x, y, self.measures[run], meet[..., 0], self.sizes[run], wanted
