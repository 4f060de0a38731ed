"""Teach a generator of head movement: captures of many people to weights and data card (see motion/pose_flow.py)."""

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import tyro

from gaussian_head import Capture
from gaussian_head.evaluation.acted import prompts
from gaussian_head.evaluation.learned_pose import MovementScores, measure_learned
from gaussian_head.evaluation.sampled_acts import measure_sampled_acts
from gaussian_head.motion.pose_flow import DATA, PoseFlow
from gaussian_head.training.pose_flow import Moved, learn_pose_flow, read_movement
from gaussian_head.training.recordings import captures_by_person
from gaussian_head.verbs.bars import drawing

PROMPTS_SEED = 7
ROWS = ("learned", "sampled", "sampled to another sound", "loop", "second half")
SCORES = ("spectrum", "beats", "beats_shuffled", "lively", "jitter")


def main(
    folder: tyro.conf.Positional[Path],
    out: Path = DATA,
    leave_out: Sequence[str] = (),
    others: Path | None = None,
    seeds: int = 4,
    count: int = 40,
    sources: Path | None = None,
) -> None:
    """Learn, judge on people of whom nothing was learnt, write.

    Args:
        folder: Holds one folder for each person, with captures in it (`scripts/learn_voice.py` tracks them).
        out: File of weights; the data card is written beside it as JSON.
        leave_out: Groups of people, NAME,NAME each: judged by a model that is taught without them.
        others: Folder of people that nothing is learnt from: judged by the model that is written.
        seeds: Takes that are judged.
        count: Prompts of head acts for each person.
        sources: CSV with the columns name, source, licence: goes into the data card.
    """
    learnt, rejected = read_movement(captures_by_person(folder))
    judged: dict[str, tuple[Capture, PoseFlow]] = {}
    with drawing() as listener:
        for group in leave_out:
            names = group.split(",")
            flow = learn_pose_flow([one for one in learnt if one.person not in names], listener=listener)
            judged |= {name: (longest(folder, name), flow) for name in names}
        flow = learn_pose_flow(learnt, listener=listener)
    if others is not None:
        judged |= {name: (longest(others, name), flow) for name in captures_by_person(others)}
    card = {"recordings": [told(one) for one in learnt], "rejected": rejected, "left out": list(leave_out)}
    if sources is not None:
        with open(sources, encoding="utf-8", newline="") as file:
            card["sources"] = list(csv.DictReader(file))
    flow.save(out, card | scores_of(judged, seeds, count))
    print(f"model of head movement: {out}")


def scores_of(judged: dict[str, tuple[Capture, PoseFlow]], seeds: int, count: int) -> dict[str, object]:
    """Movement of the second half of each clip by its first, and head acts that were told."""
    captures = {name: capture for name, (capture, _) in judged.items()}
    table = measure_learned(captures, seeds, {name: flow for name, (_, flow) in judged.items()})
    acts = {}
    for name, (capture, flow) in judged.items():
        rows = measure_sampled_acts(capture, flow, prompts(count, PROMPTS_SEED))
        acts[name] = {row: asdict(scores) | {"jitter": jitter} for row, (scores, jitter) in rows.items()}
    return {
        "movement": {name: {row: mean_of(part, row, name) for row in ROWS} for name, part in table.items()},
        "acts": {name: {row: shortly(scores) for row, scores in part.items()} for name, part in acts.items()},
        "seeds": seeds,
        "prompts": count,
    }


def mean_of(part: dict[str, MovementScores], row: str, name: str) -> dict[str, object]:
    """Means over takes of what is called ``row``."""
    takes = [scores for key, scores in part.items() if key.partition(", seed")[0] == row]
    means: dict[str, object] = {key: round(sum(getattr(s, key) for s in takes) / len(takes), 3) for key in SCORES}
    for key in ("spread_learnt", "speed_learnt"):
        axes = torch.tensor([getattr(s, key) for s in takes])
        means[key] = [round(float(x), 2) for x in axes.mean(0)]
    return means | {"right person": round(sum(s.nearest == name for s in takes) / len(takes), 2)}


def shortly(scores: dict) -> dict[str, object]:
    """Recall, precision and lateness of acts, all kinds and each."""
    late = torch.tensor(scores["late"] or [0.0]).abs()
    right = len(scores["late"])
    return {
        "asked": scores["asked"],
        "recall": round(right / max(scores["asked"], 1), 3),
        "precision": round(right / max(scores["found"], 1), 3),
        "seconds off, mean": round(float(late.mean()), 3),
        "by kind, asked, found, right": scores["by_kind"],
        "jitter": scores["jitter"],
    }


def longest(folder: Path, person: str) -> Capture:
    """The longest capture of a person."""
    return max(map(Capture.load, captures_by_person(folder)[person]), key=lambda capture: capture.motion.duration)


def told(recording: Moved) -> dict[str, object]:
    """A line of the data card."""
    seconds = round(recording.motion.duration, 1)
    return {"name": recording.name, "person": recording.person, "seconds": seconds}


if __name__ == "__main__":
    tyro.cli(main)
