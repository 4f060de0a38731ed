"""From recordings of many people to the voice prior: reject what is out of step, learn, judge on others."""

from __future__ import annotations

from collections.abc import Sequence

from ..events import Listener, ignore
from ..speech import SpeechFeatures
from ..voice.augment import SPEEDS
from ..voice.learning import NETS, RATE, Example
from ..voice.mouth import MOUTH
from ..voice.prior import VoicePrior
from .left_out import by_person, gain_of, out_of_step, rounded, scored, taught_prior, told_by_others, unit_ratios
from .recordings import FOLDS, Recording, Rejected, examples_of


def learn_voice(
    recordings: Sequence[Recording],
    rejected: Sequence[Rejected] = (),
    *,
    encoder: str,
    nets: int = NETS,
    copies: int = len(SPEEDS),
    taught: bool = True,
    seed: int = 0,
    listener: Listener = ignore,
) -> tuple[VoicePrior, dict]:
    """Reject what is out of step, judge priors on people left out, and teach one from all.

    Args:
        recordings: of many people.
        rejected: those left out before; only named in the card.
        encoder: speech encoder.
        nets: of each prior.
        copies: of each recording, see `voice.augment`.
        taught: nets learn from a judge of the same people too.
        seed: of the nets.
        listener: receives Progress.

    Returns:
        The prior, and what its data card says: recordings, rejections, protocol, scores.
    """
    heard = examples_of(recordings, encoder=encoder, copies=copies, listener=listener)
    return learn_from(heard, rejected, nets=nets, taught=taught, seed=seed, listener=listener)


def learn_from(
    heard: Sequence[tuple[Example, SpeechFeatures]],
    rejected: Sequence[Rejected] = (),
    *,
    nets: int = NETS,
    taught: bool = True,
    seed: int = 0,
    listener: Listener = ignore,
) -> tuple[VoicePrior, dict]:
    """As ``learn_voice``, from examples made earlier."""
    by_ridge = told_by_others(heard, nets=0, seed=seed, listener=listener)
    left_out = out_of_step(by_ridge)
    names = {one.name for one in left_out}
    heard = [pair for pair in heard if pair[0].name not in names]
    alone = scored([one for one in by_ridge if one.example.name not in names])["prior"]
    judged = told_by_others(heard, nets=nets, taught=taught, seed=seed, listener=listener)
    _, features = heard[0]
    everybody = [example for example, _ in heard]
    prior = taught_prior(everybody, features, nets=nets, taught=taught, seed=seed).grown(gain_of(judged))
    person_of = {example.name: example.person for example, _ in heard}
    table = scored(judged) | {"ridge regression alone": alone}
    card = {
        "recordings": [
            {"name": example.name, "person": example.person, "seconds": round(len(example.units) / RATE, 1)}
            for example, _ in heard
        ],
        "rejected": [vars(one) for one in (*rejected, *left_out)],
        "protocol": (
            f"{FOLDS} groups of people, each judged by a prior taught from the other groups; growth taken from other"
            " groups; means over people of means over their recordings; nothing of the judged person is known"
        ),
        "scores": {row: by_person(values, person_of) for row, values in table.items()},
        "scores_of_recordings": {
            name: {key: rounded(value) for key, value in vars(row).items()} for name, row in table["prior"].items()
        },
        "liveliness_of_units": dict(zip(MOUTH, (round(float(r), 2) for r in unit_ratios(judged)), strict=True)),
    }
    return prior, card
