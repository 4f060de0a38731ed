"""Teaches the judge: lips and sound of a moment are drawn together, those of other moments and other sizes apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..voice.hearing import Hearing
from ..voice.learning import Example, hearing_of
from ..voice.mouth import lip_measures, symmetric
from .judge import LipJudge, lip_net, seen, sound_net

STEPS, BATCH, CROP = 500, 24, 48
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.05
TEMPERATURE = 0.1
"""Of the contrast (van den Oord et al. 2018)."""
SAME_MOMENT = 3
"""Frames that count neither as the same moment nor as another one."""
NOISE = 0.1
"""Standard deviation of the noise on the inputs of the sound's net."""
SIZES = (0.3, 0.5, 1.7, 2.5)
"""Times as much movement as the speaker's, which the judge learns not to take for speech."""
SMALLEST = 1e-5
"""Standard deviation of what does not move at all."""
SIZED_WEIGHT = 0.5
"""What lips of the wrong size cost beside those of the wrong moment."""
EVENNESS = 0.05
"""Share of the median standard deviation that is added to each, so that units which hardly move stay quiet."""


def fit_judge(
    examples: Sequence[Example],
    *,
    encoder: str,
    encoder_version: str,
    seed: int = 1,
    on_step: Callable[[], None] = lambda: None,
) -> LipJudge:
    """A judge from many people's speech and lips.

    Symmetric contrast over all moments of a batch; most wrong moments are the speaker's own.

    Args:
        examples: recordings in several copies; none of a person whose lips will be judged.
        encoder: that made the features.
        encoder_version: of it.
        seed: of nets and crops; another than that of what is judged.
        on_step: called after each step.

    Raises:
        InputError: no examples.
    """
    hearing = hearing_of(examples, encoder, encoder_version)
    scale = _usual_sizes(examples)
    runs = _Runs(examples, hearing, scale)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lips, sound = lip_net().train(), sound_net(hearing.projection.shape[1]).train()
        weights = [*lips.parameters(), *sound.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
        for step in range(STEPS):
            heard, shown = runs.crops(generator)
            heard = heard + NOISE * torch.randn(heard.shape, generator=generator)
            size = SIZES[step % len(SIZES)]
            ours, right, wrong = (
                F.normalize(net(x.mT).mT, dim=-1) for net, x in ((sound, heard), (lips, shown), (lips, size * shown))
            )
            loss = _contrast(ours, right, generator) + SIZED_WEIGHT * _apart(ours, right, wrong)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            on_step()
    return LipJudge(hearing=hearing, scale=scale, lips=lips.eval(), sound=sound.eval())


def _usual_sizes(examples: Sequence[Example]) -> Tensor:
    """``[M + 4]`` standard deviations of units about each recording's mean, and of what they do together."""
    away = torch.cat([symmetric(example.units - example.units.mean(0)) for example in examples])
    values = torch.cat([away, away @ lip_measures()], 1)
    spread = values.square().mean(0).sqrt()
    return (spread + EVENNESS * spread.median()).clamp(min=SMALLEST)


def _contrast(sound: Tensor, lips: Tensor, generator: torch.Generator) -> Tensor:
    """Symmetric cross entropy of which moment belongs to which, of embeddings ``[B, T, E]``."""
    B, T, _ = sound.shape
    frames = torch.randperm(T, generator=generator)[: T // 3].sort().values
    crop = torch.arange(B).repeat_interleave(len(frames))
    moment = frames.repeat(B)
    likeness = sound[:, frames].flatten(0, 1) @ lips[:, frames].flatten(0, 1).T / TEMPERATURE
    near = (crop[:, None] == crop) & ((moment[:, None] - moment).abs() < SAME_MOMENT)
    likeness = likeness.masked_fill(near & ~torch.eye(len(near), dtype=torch.bool), -torch.inf)
    right = torch.arange(len(likeness))
    return (F.cross_entropy(likeness, right) + F.cross_entropy(likeness.T, right)) / 2


def _apart(sound: Tensor, right: Tensor, wrong: Tensor) -> Tensor:
    """Cross entropy of right lips against the same ones moved too little or too much, by means over the crop."""
    fits = torch.stack([(sound * lips).sum(-1).mean(1) for lips in (right, wrong)], 1) / TEMPERATURE
    return F.cross_entropy(fits, torch.zeros(len(fits), dtype=torch.long))


class _Runs:
    """All copies end to end, and crops out of them."""

    def __init__(self, examples: Sequence[Example], hearing: Hearing, scale: Tensor) -> None:
        heard, shown = [], []
        for example in examples:
            mean = example.units.mean(0)
            for copy in example.copies:
                heard.append(hearing.standard(copy.values, copy.usual))
                shown.append(seen(copy.units, mean, scale))
        self.lengths = torch.tensor([len(run) for run in heard])
        self.starts = self.lengths.cumsum(0) - self.lengths
        self.heard, self.shown = torch.cat(heard), torch.cat(shown)

    def crops(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Sound ``[B, CROP, R]`` and lips ``[B, CROP, D]``."""
        run = torch.multinomial(self.lengths.float(), BATCH, replacement=True, generator=generator)
        room = (self.lengths[run] - CROP).clamp(min=0)
        place = (torch.rand(BATCH, generator=generator) * (room + 1)).long()
        rows = torch.minimum(place[:, None] + torch.arange(CROP), self.lengths[run, None] - 1) + self.starts[run, None]
        return self.heard[rows], self.shown[rows]
