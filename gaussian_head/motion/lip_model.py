"""The regressions behind speech-driven lips: ridge and small temporal nets, averaged.

Inputs and outputs here are standardised; what they mean is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..ridge import solve_normal

RADIUS = 8
"""Frames before and after that a prediction sees; a third of a second at 25 fps."""

RIDGE_DECAY = 2.0
"""Weight of a frame ``d`` frames away falls as ``exp(-d / RIDGE_DECAY)``: far frames must earn their say."""
RIDGE_PENALTY = 150.0

WIDTH = 32
DILATIONS = ((1, 2), (1, 2, 4))
"""One net for each entry: dilations of its 3-tap convolutions."""
STEPS = 400
CROP = 64
BATCH = 16
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.02
NOISE = 0.3
"""Standard deviation of the noise on inputs, in their own standard deviations."""
LEVEL_NOISE = 0.3
"""Standard deviation of a shift common to the first ``level_columns`` inputs: louder or softer recordings."""
STRETCH = 0.1
"""Largest change of tempo."""
FIRST_OUTPUT_WEIGHT = 3.0
"""The first output is the jaw, which matters most."""


class LipNet(nn.Module):
    """Residual convolutions over time: ``[B, A, T]`` to ``[B, K, T]``."""

    def __init__(self, inputs: int, outputs: int, dilations: tuple[int, ...], width: int = WIDTH) -> None:
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in dilations)
        self.leave = nn.Conv1d(width, outputs, 1)
        self.drop = nn.Dropout(0.3)
        self.drop_inputs = nn.Dropout1d(0.2)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.gelu(self.enter(self.drop_inputs(x)))
        for layer in self.layers:
            h = h + nn.functional.gelu(layer(self.drop(h)))
        return self.leave(self.drop(h))


def fit_ridge(runs: list[tuple[Tensor, Tensor]], penalty: float = RIDGE_PENALTY, ahead: int = RADIUS) -> Tensor:
    """Weights ``[(2 RADIUS + 1) A, K]`` from runs of consecutive inputs ``[T, A]`` and outputs ``[T, K]``.

    Those of inputs more than ``ahead`` frames later are 0.
    """
    A, outputs = runs[0][0].shape[1], runs[0][1].shape[1]
    size = (RADIUS + 1 + ahead) * A
    gram, cross = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, outputs, dtype=torch.float64)
    for inputs, wanted in runs:
        x = windowed(inputs)[:, :size]
        gram += (x.T @ x).double()
        cross += (x.T @ wanted).double()
    weights = torch.zeros((2 * RADIUS + 1) * A, outputs)
    weights[:size] = solve_normal(gram, cross, penalty)
    return weights


def apply_ridge(weights: Tensor, inputs: Tensor) -> Tensor:
    """Outputs ``[T, K]`` for inputs ``[T, A]``, a tap at a time so that memory stays small."""
    T, A = inputs.shape
    taps = weights.reshape(2 * RADIUS + 1, A, -1)
    padded = _padded(inputs)
    return sum((_decay(k - RADIUS) * (padded[k : k + T] @ tap) for k, tap in enumerate(taps)), torch.zeros(()))


def fit_net(
    runs: list[tuple[Tensor, Tensor]],
    dilations: tuple[int, ...],
    *,
    level_columns: int,
    seed: int,
    on_step: Callable[[], None] = lambda: None,
) -> LipNet:
    """Train one net on random crops with noise, changes of level and of tempo.

    Args:
        runs: consecutive inputs ``[T, A]`` and outputs ``[T, K]``.
        dilations: of the net's convolutions.
        level_columns: inputs that move together with the loudness of the recording.
        seed: of weights and augmentation; the global generator is left as it was.
        on_step: called after each of the STEPS.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = LipNet(runs[0][0].shape[1], runs[0][1].shape[1], dilations).train()
        optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
        importance = torch.ones(runs[0][1].shape[1], 1)
        importance[0] = FIRST_OUTPUT_WEIGHT
        joined = [torch.cat(run, 1) for run in runs]
        for _ in range(STEPS):
            x, y = _batch(joined, runs[0][0].shape[1], level_columns, generator)
            loss = (importance * (net(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            on_step()
    return net.eval()


@torch.no_grad()
def apply_net(net: LipNet, inputs: Tensor, block: int = 5000) -> Tensor:
    """Outputs ``[T, K]`` for inputs ``[T, A]``, in blocks that overlap by what the net can see."""
    T = len(inputs)
    parts = []
    for first in range(0, T, block):
        begin = max(first - RADIUS, 0)
        out = net(inputs[begin : first + block + RADIUS].T[None])[0].T
        parts.append(out[first - begin : first - begin + block])
    return torch.cat(parts)


def _batch(runs: list[Tensor], A: int, level_columns: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Augmented crops of runs ``[T, A + K]``: inputs ``[B, A, CROP]`` and outputs ``[B, K, CROP]``."""
    lengths = torch.tensor([len(run) for run in runs])
    chosen = torch.multinomial(lengths.float(), BATCH, replacement=True, generator=generator)
    tempo = 1 + STRETCH * (2 * torch.rand(BATCH, 1, generator=generator) - 1)
    last = lengths[chosen, None] - 1
    place = torch.rand(BATCH, 1, generator=generator) * (last - (CROP - 1) * tempo).clamp(min=0)
    times = torch.minimum(torch.arange(CROP) * tempo + place, last.float())
    crops = [_at(runs[run], moments) for run, moments in zip(chosen.tolist(), times, strict=True)]
    both = torch.stack(crops).transpose(1, 2)
    x, y = both[:, :A], both[:, A:]
    x = x + NOISE * torch.randn(x.shape, generator=generator)
    x[:, :level_columns] += LEVEL_NOISE * torch.randn(BATCH, 1, 1, generator=generator)
    return x, y


def _at(values: Tensor, times: Tensor) -> Tensor:
    """Rows of ``values [T, D]`` at fractional row numbers ``[n]``."""
    low = times.long()
    return values[low].lerp(values[(low + 1).clamp(max=len(values) - 1)], (times - low)[:, None])


def _padded(inputs: Tensor) -> Tensor:
    return torch.cat([inputs[:1].expand(RADIUS, -1), inputs, inputs[-1:].expand(RADIUS, -1)])


def windowed(inputs: Tensor) -> Tensor:
    """Each frame beside its neighbours, weighted by distance: ``[T, (2 RADIUS + 1) A]``."""
    padded, T = _padded(inputs), len(inputs)
    return torch.cat([_decay(k - RADIUS) * padded[k : k + T] for k in range(2 * RADIUS + 1)], 1)


def tap_weights(weights: Tensor) -> Tensor:
    """Ridge weights ``[(2 RADIUS + 1) A, K]`` for neighbours that are not weighted by distance before."""
    decays = torch.tensor([_decay(k - RADIUS) for k in range(2 * RADIUS + 1)])
    return (weights.unflatten(0, (2 * RADIUS + 1, -1)) * decays[:, None, None]).flatten(0, 1)


def _decay(distance: int) -> float:
    return float(torch.exp(torch.tensor(-abs(distance) / RIDGE_DECAY)))
