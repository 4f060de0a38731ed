"""Teach varied lips: from captures of many people to weights and a data card (see gaussian_head/voice/variety.py)."""

import csv
from pathlib import Path

import tyro

from gaussian_head.lips.judge import LipJudge
from gaussian_head.training.recordings import captures_by_person, read_recordings
from gaussian_head.training.variety import judged_on, learn_variety
from gaussian_head.verbs.bars import drawing
from gaussian_head.voice.prior import VoicePrior
from gaussian_head.voice.variety import DATA


def main(
    folder: tyro.conf.Positional[Path],
    others: Path,
    out: Path = DATA,
    encoder: str = "whisper",
    sources: Path | None = None,
) -> None:
    """Learn, judge on other people, write.

    Args:
        folder: Holds one folder for each person, with captures in it (`scripts/learn_voice.py` tracks them).
        others: The same of people that neither prior, judge nor variety learn from.
        out: File of weights; the data card is written beside it as JSON.
        encoder: Speech encoder.
        sources: CSV with the columns name, source, licence: goes into the data card.
    """
    learnt, rejected = read_recordings(captures_by_person(folder))
    judged, _ = read_recordings(captures_by_person(others))
    with drawing() as listener:
        variety, card = learn_variety(learnt, encoder=encoder, listener=listener)
    card["rejected"] = [vars(one) for one in rejected]
    card["judged on"] = [recording.name for recording in judged]
    card["scores"] = judged_on(variety, judged, VoicePrior.load(), LipJudge.load())
    if sources is not None:
        with open(sources, encoding="utf-8", newline="") as file:
            card["sources"] = list(csv.DictReader(file))
    variety.save(out, card)
    print(f"variety: {out}\non other people: {card['scores']['sampled']}")


if __name__ == "__main__":
    tyro.cli(main)
