"""Teaches the voice prior from many people's speech and lips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..motion.lip_model import RADIUS, fit_ridge
from ..motion.shut import shut_mouth
from .hearing import Hearing
from .mouth import GAP, MOUTH, lip_measures, symmetric
from .net import Run, Teacher, fit_net
from .prior import VoicePrior

RATE = 25.0
"""Frames per second at which a prior works."""
FEW_SECONDS = 3.0
"""Seconds of a recording at which its own size of movement is trusted as much as everybody's."""
SMALLEST = 2e-3
"""Units that move less are taken to move this much."""
PENALTY = 1000.0
"""Of the ridge regression."""
NETS = 2
"""Nets, that differ in their seeds."""
MOST_GAIN = 3.0
EVEN_PARTING = 1e-4
"""Added to the variance of units when it is asked which of them part the lips together."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One way in which a recording was heard."""

    values: Tensor
    """``[T, A]`` speech features at RATE."""
    usual: Tensor
    """``[A]`` their mean over the recording, or ``[T, A]`` over what was heard by then."""
    units: Tensor
    """``[T, M]`` units of the mouth at the same moments."""
    meet: Tensor
    """``[T]`` probability of p, b or m."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A person's recording."""

    name: str
    """Of the clip."""
    person: str
    """Whose it is; nobody is both taught from and judged on."""
    copies: tuple[Copy, ...]
    """The recording itself, then as it might have been heard."""

    @property
    def units(self) -> Tensor:
        """``[T, M]`` of the recording itself."""
        return self.copies[0].units


def usual_size(examples: Iterable[Example]) -> Tensor:
    """``[M]`` standard deviations of the units about each recording's mean."""
    spread = torch.cat([symmetric(example.units - example.units.mean(0)) for example in examples])
    return spread.square().mean(0).sqrt().clamp(min=SMALLEST)


def own_size(units: Tensor, usual: Tensor) -> Tensor:
    """``[M]`` standard deviations of one recording's ``units [T, M]``, the usual ones where it is short."""
    trust = len(units) / (len(units) + FEW_SECONDS * RATE)
    return (usual.square().lerp(symmetric(units - units.mean(0)).square().mean(0), trust)).sqrt().clamp(min=SMALLEST)


def closed_mouth(units: Tensor) -> Tensor:
    """``[M]`` of a recording's ``units [T, M]``, by what they say of how far the lips are apart."""
    return shut_mouth(units, units @ lip_measures()[:, GAP])


def learn_prior(
    examples: Sequence[Example],
    *,
    encoder: str,
    encoder_version: str,
    seed: int = 0,
    nets: int = NETS,
    causal: bool = False,
    teacher: Teacher | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> VoicePrior:
    """A prior from many people's examples, not grown yet (its gain is 1).

    Args:
        examples: recordings.
        encoder: that made the features.
        encoder_version: of that encoder.
        seed: of nets and crops.
        nets: how many.
        causal: no frame sees a later one, see `voice.causal`.
        teacher: who says how well lips fit a sound; it pulls the nets to say it.
        on_step: called after each training step of each net.

    Raises:
        InputError: no examples.
    """
    hearing = hearing_of(examples, encoder, encoder_version)
    size = usual_size(examples)
    runs = [[_run(example, copy, size, hearing, teacher) for copy in example.copies] for example in examples]
    shut = [closed_mouth(example.units) for example in examples]
    above = torch.cat([symmetric(example.units - closed) for example, closed in zip(examples, shut, strict=True)])
    parting = _parting(above)
    closed = symmetric(torch.stack(shut)).mean(0)
    return VoicePrior(
        hearing=hearing,
        causal=causal,
        ridge=fit_ridge(
            [(run.inputs, run.outputs) for run, *_ in runs], penalty=PENALTY, ahead=0 if causal else RADIUS
        ),
        nets=tuple(
            fit_net(
                [run for copies in runs for run in copies],
                seed=seed + i,
                causal=causal,
                teacher=teacher,
                on_step=on_step,
            )
            for i in range(nets)
        ),
        closed=(closed - (closed @ lip_measures()[:, GAP]).clamp(min=0) * parting).clamp(min=0),
        mean=above.mean(0),
        scale=size,
        gain=torch.ones(len(MOUTH)),
        parting=parting,
    )


def hearing_of(examples: Sequence[Example], encoder: str, encoder_version: str) -> Hearing:
    """How the first copy of every example is heard.

    Raises:
        InputError: no examples.
    """
    if not examples:
        raise InputError("no recording is left to learn from; give captures of people who talk, in step.")
    first = [example.copies[0] for example in examples]
    return Hearing.fitted(
        [copy.values for copy in first],
        [copy.usual for copy in first],
        encoder=encoder,
        encoder_version=encoder_version,
        rate=RATE,
    )


def _run(example: Example, copy: Copy, size: Tensor, hearing: Hearing, teacher: Teacher | None) -> Run:
    """A copy in standard deviations: sound about its own mean, units about those of the recording."""
    own, mean = own_size(example.units, size), symmetric(example.units).mean(0)
    away = symmetric(copy.units) - mean
    measures = lip_measures()
    spread = (away @ measures).std(0).clamp(min=1e-6)
    gap = copy.units @ measures[:, GAP]
    shut = 1 - (gap - gap.quantile(0.05)) / (gap.quantile(0.5) - gap.quantile(0.05)).clamp(min=1e-6)
    return Run(
        inputs=hearing.standard(copy.values, copy.usual),
        outputs=away / own,
        measures=own[:, None] * measures / spread,
        meet=copy.meet * shut.clamp(0, 1),
        size=own,
        wanted=copy.values[:, :0] if teacher is None else teacher.of_sound(copy.values, copy.usual),
    )


def _parting(above: Tensor) -> Tensor:
    """``[M]`` units that part the lips by a metre: of all that do, those likeliest beside ``above [n, M]``."""
    opening = lip_measures()[:, GAP]
    together = (torch.cov(above.T) + EVEN_PARTING * torch.eye(len(opening))) @ opening
    return together / (opening @ together)
