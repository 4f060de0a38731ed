"""From captures of many people to the judge of lips, and the table that says what it can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..events import Listener, Progress, ignore
from ..face import UNITS
from ..lips import LipJudge
from ..lips.learning import fit_judge
from ..speech import SpeechFeatures
from ..voice.augment import SPEEDS
from ..voice.learning import RATE, Example
from ..voice.mouth import COLUMNS
from .recordings import Recording, examples_of, groups_of_people

SECONDS = 5.0
"""Length of the clips that are judged."""
APART_SECONDS = 0.5
"""A sound this early or late must be told from the right one."""
NEAR_SECONDS = 0.08
"""How near a measured offset must come to the forced one."""
DESYNCS = (0.04, 0.08, 0.12, 0.16, 0.2)
"""Forced, seconds."""
SIZES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Forced, times the movement that was there."""


def learn_judge(
    recordings: Sequence[Recording],
    *,
    encoder: str,
    copies: int = len(SPEEDS),
    seed: int = 1,
    listener: Listener = ignore,
) -> tuple[LipJudge, dict]:
    """Judge people left out, in groups, and teach one judge from all.

    Args:
        recordings: of many people, in step.
        encoder: speech encoder.
        copies: of each recording, see `voice.augment`.
        seed: of the nets.
        listener: receives Progress.

    Returns:
        The judge, and what its data card says: recordings, protocol, table.
    """
    heard = examples_of(recordings, encoder=encoder, copies=copies, listener=listener)
    return learn_from(heard, seed=seed, listener=listener)


def learn_from(
    heard: Sequence[tuple[Example, SpeechFeatures]], *, seed: int = 1, listener: Listener = ignore
) -> tuple[LipJudge, dict]:
    """As ``learn_judge``, from examples made earlier."""
    _, features = heard[0]
    encoder, version = features.encoder, features.version
    groups, cuts = groups_of_people([example for example, _ in heard]), []
    for done, group in enumerate(groups):
        listener(Progress(stage="judges of others", done=done, total=len(groups)))
        known = [example for example, _ in heard if example.person not in group]
        judge = fit_judge(known, encoder=encoder, encoder_version=version, seed=seed + done)
        cuts += [cut for example, sound in heard if example.person in group for cut in _cuts(judge, example, sound)]
    card = {
        "recordings": [{"name": example.name, "person": example.person} for example, _ in heard],
        "protocol": (
            f"{len(groups)} groups of people, each judged by a judge taught from the other groups; {len(cuts)} cuts of"
            f" {SECONDS:g} s, or whole clips where these are shorter"
        ),
        "table": table_of(cuts),
    }
    everybody = [example for example, _ in heard]
    return fit_judge(everybody, encoder=encoder, encoder_version=version, seed=seed), card


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A few seconds of an unseen person."""

    judge: LipJudge
    """Who does not know the person."""
    mouth: Tensor
    """``[T, M]`` units at RATE."""
    sound: Tensor
    """``[T, 32]`` embeddings of its sound."""
    others: Tensor
    """``[T, 32]`` embeddings of the sound of another moment."""

    def lips(self, size: float = 1.0) -> Tensor:
        """Embeddings of the lips, moved ``size`` times as much."""
        units = torch.zeros(len(self.mouth), len(UNITS))
        units[:, COLUMNS] = self.mouth.mean(0) + size * (self.mouth - self.mouth.mean(0))
        return self.judge.embed_lips(units, RATE)

    def fit(self, *, late: float = 0.0, size: float = 1.0) -> float:
        """Mean cosine of lips, moved ``size`` times as much, to the sound ``late`` seconds later."""
        lips, lag = self.lips(size), round(late * RATE)
        T = len(lips)
        pairs = lips[max(0, -lag) : T - max(0, lag)], self.sound[max(0, lag) : T - max(0, -lag)]
        return float((pairs[0] * pairs[1]).sum(-1).mean())

    def shuffled(self) -> float:
        """Mean cosine to the sound of another moment or person."""
        return float((self.lips() * self.others).sum(-1).mean())

    def offset(self, late: float) -> float:
        """Measured offset of lips that were put ``late`` seconds too late."""
        curve = self.judge.sync_of(self.lips().roll(round(late * RATE), 0), self.sound)
        return curve.offset


def _cuts(judge: LipJudge, example: Example, features: SpeechFeatures) -> Iterator[Cut]:
    T, length = len(example.units), round(SECONDS * RATE)
    sound = judge.embed_sound(features, T)
    for start in range(0, max(T - length, 0) + 1, length):
        cut = slice(start, min(start + length, T))
        yield Cut(judge=judge, mouth=example.units[cut], sound=sound[cut], others=sound.roll(T // 2, 0)[cut])


def table_of(cuts: Sequence[Cut]) -> dict[str, float]:
    """What the judge can tell, over cuts of unseen people: readabilities, and shares of cuts that it gets right."""
    long = [cut for cut in cuts if len(cut.mouth) >= round(SECONDS * RATE)]
    apart = [(cut.fit(), cut.fit(late=APART_SECONDS), cut.fit(late=-APART_SECONDS)) for cut in long]
    rows = {
        "cuts": len(cuts),
        "cuts of full length": len(long),
        "told from the sound half a second early": _share(long, lambda i: apart[i][0] > apart[i][2]),
        "told from the sound half a second late": _share(long, lambda i: apart[i][0] > apart[i][1]),
        "told from both": _share(long, lambda i: apart[i][0] > max(apart[i][1:])),
        "offset found within 80 ms": _share(long, lambda i: abs(long[i].offset(0.0)) <= NEAR_SECONDS),
        "readability, in step": _mean([cut.fit() for cut in cuts]),
        "readability, shuffled sound": _mean([cut.shuffled() for cut in cuts]),
        "readability, still mouth": _mean([cut.fit(size=0.0) for cut in cuts]),
    }
    for late in DESYNCS:
        both = [(cut.fit(late=late) + cut.fit(late=-late)) / 2 for cut in cuts]
        rows[f"readability, {1000 * late:.0f} ms out of step"] = _mean(both)
    for size in SIZES:
        rows[f"readability, {size:g} times the movement"] = _mean([cut.fit(size=size) for cut in cuts])
    return rows


def _share(cuts: Sequence[Cut], right: Callable[[int], bool]) -> float:
    return _mean([float(right(i)) for i in range(len(cuts))])


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(len(values), 1), 3)
