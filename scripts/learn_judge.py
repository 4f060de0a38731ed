"""Teach the judge of lips: captures or clips of many people to weights and a data card (see gaussian_head/lips)."""

import csv
import json
from pathlib import Path

import tyro
from learn_voice import captures

from gaussian_head.checks import read_json
from gaussian_head.lips.judge import DATA
from gaussian_head.training.judge import learn_judge
from gaussian_head.training.recordings import read_recordings
from gaussian_head.verbs.bars import drawing


def main(
    folder: tyro.conf.Positional[Path],
    out: Path = DATA,
    encoder: str = "whisper",
    card_of_prior: Path | None = None,
    sources: Path | None = None,
) -> None:
    """Learn, judge people left out, write.

    Args:
        folder: Holds one folder for each person, as `learn_voice.py` takes it.
        out: File of weights; the data card is written beside it as JSON.
        encoder: Speech encoder.
        card_of_prior: Data card of a voice prior; what that rejected is left out here too.
        sources: CSV with the columns name, source, licence: goes into the data card.
    """
    rejected = set()
    if card_of_prior is not None:
        rejected = {one["name"] for one in read_json(card_of_prior, "data card")["rejected"]}
    with drawing() as listener:
        people = {person.name: captures(person, listener) for person in sorted(folder.iterdir()) if person.is_dir()}
        recordings = [one for one in read_recordings(people)[0] if one.name not in rejected]
        judge, card = learn_judge(recordings, encoder=encoder, listener=listener)
    if sources is not None:
        with open(sources, encoding="utf-8", newline="") as file:
            card["sources"] = list(csv.DictReader(file))
    judge.save(out, card)
    print(f"judge: {out}\n{json.dumps(card['table'], indent=1)}")


if __name__ == "__main__":
    tyro.cli(main)
