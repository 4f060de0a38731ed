"""From recordings of many people to varied lips: what they do beyond what a prior taught by others tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..events import Listener, ignore
from ..lips.judge import LipJudge
from ..smoothing import blurred
from ..speech import SpeechFeatures, at_frame_rate, encode_speech
from ..voice.learning import RATE, Example, closed_mouth, own_size
from ..voice.mouth import COLUMNS, GAP, MIRROR, WIDTH, lip_measures
from ..voice.own import OwnVoice
from ..voice.prior import VoicePrior
from ..voice.scores import scores
from ..voice.variety import Variety, moving
from .left_out import gain_of, out_of_step, told_by_others
from .recordings import Recording, examples_of

DIRECTIONS = 12
"""In which lips vary."""
TAKES = 8
STEADY = 0.7
"""Frames, standard deviation, by which recorded lips are blurred, so that the tracker's noise is not learnt."""


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """A recording beside the usual way of saying its sound."""

    left: Tensor
    """``[T, M]`` standard deviations by which the recorded lips are elsewhere."""
    moving: Tensor
    """``[T]`` how far the usual mouth moves, 0 to 1."""

    @staticmethod
    def of(example: Example, features: SpeechFeatures, prior: VoicePrior) -> Beyond:
        """By a prior that does not know the speaker."""
        rest, recorded = closed_mouth(example.units), blurred(example.units, STEADY)
        closed = torch.zeros(52)
        closed[COLUMNS] = rest
        usual = OwnVoice.silent(prior, closed).predict_from(features, RATE, len(recorded))[:, COLUMNS]
        moves = moving(usual, rest, prior.scale)
        said = moves > 0.5
        own = own_size(example.units, prior.scale)
        away = [(x - (x[said].mean(0) if said.any() else x.mean(0))) for x in (recorded, usual)]
        left = away[0] / own - away[1] / prior.scale
        return Beyond(left=left, moving=moves)


def learn_variety(
    recordings: Sequence[Recording], *, encoder: str = "whisper", seed: int = 0, listener: Listener = ignore
) -> tuple[Variety, dict]:
    """Learn what people's lips do beyond what others' speech tells of them.

    Args:
        recordings: of many people; those out of step are left out.
        encoder: of the priors (ridge regressions) that are taught without the speaker.
        seed: of these.
        listener: receives Progress.

    Returns:
        The variety, and what its data card says of where it comes from.
    """
    heard = examples_of(recordings, encoder=encoder, copies=1, listener=listener)
    judged = told_by_others(heard, nets=0, seed=seed, listener=listener)
    rejected = out_of_step(judged)
    names = {one.name for one in rejected}
    judged = [one for one in judged if one.example.name not in names]
    beyond = []
    for one in judged:
        others = [other for other in judged if other.prior is not one.prior]
        beyond.append(Beyond.of(one.example, one.features, one.prior.grown(gain_of(others or judged))))
    card = {
        "recordings": [
            {"name": one.example.name, "person": one.example.person, "seconds": round(len(one.example.units) / RATE, 1)}
            for one in judged
        ],
        "rejected": [vars(one) for one in rejected],
        "taught": "on what recorded lips do beyond the usual lips that priors taught without the speaker tell",
    }
    return taught(beyond, parting=VoicePrior.load().parting), card


def taught(beyond: Sequence[Beyond], *, parting: Tensor) -> Variety:
    """A variety from recordings beside the usual way; each is learnt from as it is and mirrored."""
    counted = torch.cat([one.left[one.moving > 0.5] for one in beyond])
    both = torch.cat([counted, counted[:, MIRROR]])
    values, vectors = torch.linalg.eigh((both.T @ both / len(both)).double())
    directions = vectors.flip(1).T[:DIRECTIONS].float().contiguous()
    steps = torch.cat([one.left.diff(dim=0)[(one.moving[1:] > 0.5) & (one.moving[:-1] > 0.5)] for one in beyond])
    change = (torch.cat([steps, steps[:, MIRROR]]) @ directions.T).square().mean(0)
    square = values.flip(0)[:DIRECTIONS].clamp(min=1e-6).float()
    alike = (1 - change / (2 * square)).clamp(0.05, 0.99)  # exp(-1 / (4 sigma^2)) from frame to frame
    return Variety(
        directions=directions, size=square.sqrt(), smooth=(-0.25 / alike.log()).sqrt(), parting=parting.clone()
    )


def judged_on(
    variety: Variety, recordings: Sequence[Recording], prior: VoicePrior, judge: LipJudge, *, takes: int = TAKES
) -> dict[str, dict[str, float]]:
    """What varied lips are worth on people of whom neither they, the prior nor the judge know anything.

    Rows: recorded, usual (the mean), sampled, and as null rows noise that is as large but moves all units alike, the
    sampled lips of another moment, and a still mouth. Means over recordings.
    """
    table: dict[str, list[dict[str, float]]] = {}
    for recording in recordings:
        features = encode_speech(recording.samples, encoder=prior.hearing.encoder)
        for name, row in _rows(variety, recording, features, prior, judge, takes).items():
            table.setdefault(name, []).append(row)
    return {
        name: {key: round(float(np.nanmean([row[key] for row in rows])), 3) for key in rows[0]}
        for name, rows in table.items()
    }


def _rows(
    variety: Variety,
    recording: Recording,
    features: SpeechFeatures,
    prior: VoicePrior,
    judge: LipJudge,
    takes: int,
) -> dict[str, dict[str, float]]:
    fps, recorded = recording.fps, recording.units[:, COLUMNS].float()
    T, rest = len(recorded), closed_mouth(recording.units[:, COLUMNS].float())
    closed = torch.zeros(52)
    closed[COLUMNS] = rest
    usual = OwnVoice.silent(prior, closed).predict_from(features, fps, T)
    M = len(COLUMNS)
    even = replace(
        variety,
        directions=torch.eye(M),
        size=(variety.size.square().sum() / M).sqrt().expand(M),
        smooth=variety.smooth.mean().expand(M),
    )
    drawn, alike = (
        [one.vary(usual, fps, rest=rest, scale=prior.scale, seed=seed) for seed in range(takes)]
        for one in (variety, even)
    )
    rows = {
        "recorded": [recording.units],
        "usual": [usual],
        "sampled": drawn,
        "as large, all units alike": alike,
        "sampled, of another moment": [units.roll(T // 2, 0) for units in drawn],
        "still mouth": [closed.expand(T, -1)],
    }
    activity = at_frame_rate(replace(features, values=features.activity[:, None]), fps, T)[:, 0]
    return {name: _scored(takes, recorded, rest, activity, features, fps, judge) for name, takes in rows.items()}


def _scored(
    takes: list[Tensor],
    recorded: Tensor,
    rest: Tensor,
    activity: Tensor,
    features: SpeechFeatures,
    fps: float,
    judge: LipJudge,
) -> dict[str, float]:
    """Means over takes; and of their errors the least, and that of their mean."""
    measures, each = lip_measures(), []
    truth = recorded @ measures
    for units in takes:
        mouth = units[:, COLUMNS].float()
        fit, ours = scores(mouth, recorded, activity, rest, rest), mouth @ measures
        lips, sound = judge.embedded(units, fps, features)
        sizes = {"gap": GAP, "width": WIDTH}
        row = {"jaw": fit.jaw, "gap": fit.gap, "closures": fit.closures, "shut": fit.shut}
        row |= {f"size of the {name}": float(ours[:, k].std() / truth[:, k].std()) for name, k in sizes.items()}
        row |= {f"speed of the {name}": _speed(ours[:, k], truth[:, k]) for name, k in sizes.items()}
        row["size of units, usual ratio"] = _unit_sizes(mouth, recorded)
        row["readability"] = float(judge.readability_of(lips, sound).mean())
        row["confidence"] = judge.sync_of(lips, sound).confidence
        row["error of the gap, mm"] = float((ours[:, GAP] - truth[:, GAP]).abs().mean()) * 1000
        each.append(row)
    told = {key: float(np.mean([row[key] for row in each])) for key in each[0]}
    gaps = torch.stack([units[:, COLUMNS].float() @ measures[:, GAP] for units in takes])
    told["error of the gap, best take, mm"] = min(row["error of the gap, mm"] for row in each)
    told["error of the gap, mean of takes, mm"] = float((gaps.mean(0) - truth[:, GAP]).abs().mean()) * 1000
    apart = [float((gaps[a] - gaps[b]).abs().mean()) * 1000 for a in range(len(gaps)) for b in range(a)]
    told["gap between takes, mm"] = float(np.mean(apart)) if apart else 0.0
    return told


def _speed(ours: Tensor, theirs: Tensor) -> float:
    return float(ours.diff().std() / theirs.diff().std())


def _unit_sizes(ours: Tensor, theirs: Tensor) -> float:
    """Geometric mean over the units that the person moves of standard deviations, ours over theirs."""
    a, b = ours.std(0), theirs.std(0)
    moved = b > 0.1 * b.max()
    return float((a[moved].clamp(min=1e-4) / b[moved]).log().mean().exp())
