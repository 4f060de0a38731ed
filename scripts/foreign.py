"""Let heads speak other people's voices and write a table of how well their lips fit (see evaluation/foreign.py)."""

import csv
from dataclasses import fields
from pathlib import Path

import torch
import tyro

from gaussian_head.actor import Actor
from gaussian_head.durable import replacing
from gaussian_head.evaluation.foreign import ForeignScores, Voice, name_of, speak_foreign
from gaussian_head.verbs.bars import drawing

SYNC = ("readability", "offset", "confidence")
PLAIN = [field.name for field in fields(ForeignScores) if field.name not in ("head", "voice", "sync")]


def main(heads: list[Path], voices: list[Path], out: Path, seconds: float = 6.0) -> None:
    """Write a CSV: a row for each recording, one for each head and voice, and means over the voices of each head.

    Args:
        heads: Folders that `train` wrote.
        voices: Sound or video files, or captures: of these the speaker's own lips are known.
        out: CSV to write.
        seconds: How much of each voice is spoken.
    """
    with drawing() as listener:
        heard = [Voice.read(voice, seconds=seconds) for voice in voices]
        actors = {name_of(head): Actor.load(head) for head in heads}
        rows = [_row(scores) for scores in speak_foreign(actors, heard, listener=listener)]
    names = list(dict.fromkeys(str(row[0]) for row in rows))
    for name in names:
        numbers = torch.tensor([row[2:] for row in rows if row[0] == name], dtype=torch.float64)
        rows.append([name, "mean", *numbers.nanmean(0).tolist()])
    with replacing(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["head", "voice", *SYNC, *PLAIN])
        writer.writerows([[f"{v:.3f}" if isinstance(v, float) else v for v in row] for row in rows])
    print(f"table: {out}")


def _row(scores: ForeignScores) -> list:
    sync = [getattr(scores.sync, name) for name in SYNC]
    return [scores.head, scores.voice, *sync, *(getattr(scores, name) for name in PLAIN)]


if __name__ == "__main__":
    tyro.cli(main)
