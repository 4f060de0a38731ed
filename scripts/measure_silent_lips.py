"""Measure `voice`: when words begin and are understood, which phrase is found, what is guessed without words."""

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path

import tyro

from gaussian_head import Capture
from gaussian_head.checks import InputError
from gaussian_head.durable import replacing
from gaussian_head.evaluation.silent_lips import Sentence, guessed, onset_errors, phrases_found
from gaussian_head.evaluation.words import read_in_grammar, words_understood
from gaussian_head.lips import LipJudge
from gaussian_head.lips.judge import DATA, SECOND
from gaussian_head.verbs.bars import drawing


def main(
    out: tyro.conf.Positional[Path],
    sentences: Path | None = None,
    clips: tuple[Path, ...] = (),
    judge: Path = DATA,
    second: Path = SECOND,
    language: str = "en-gb",
    piper_voice: Path | None = None,
    of: int = 20,
    words: bool = False,
    grid: bool = False,
) -> None:
    """Write a JSON of scores beside their null rows.

    Args:
        out: JSON to write.
        sentences: CSV with the columns capture and text: what is said in each; a row without capture is only offered.
        clips: Captures of ten seconds and more, to guess the sound of.
        judge: Weights of the judge of lips; the package's own knows the people of its data card.
        second: Weights of the judge that chooses phrases beside it.
        language: Of the sentences.
        piper_voice: An .onnx voice that says the phrases in place of espeak-ng.
        of: How many phrases to choose among.
        words: Let Whisper tell the words too; wants ctranslate2 and the extra `whisper`.
        grid: The sentences are of GRID's grammar; read them in it too.
    """
    found: dict = {"judge": judge.name}
    with drawing() as listener:
        if sentences is not None:
            with open(sentences, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            if not rows or not {"capture", "text"} <= rows[0].keys():
                raise InputError(f"{sentences} has no rows with the columns capture and text.")
            known = [Sentence(capture=Capture.load(r["capture"]), text=r["text"]) for r in rows if r["capture"]]
            eyes, texts = LipJudge.load(judge), [row["text"] for row in rows]
            found["sentences"] = len(known)
            found["word_onset_error_ms"] = asdict(onset_errors(known, eyes, language=language, listener=listener))
            found["phrases"] = phrases_found(
                known, texts, (eyes, LipJudge.load(second)), of=of, language=language, piper_voice=piper_voice,
                listener=listener,
            )  # fmt: skip
            if words:
                found["word_error_rate"] = words_understood(
                    known, eyes, language=language, piper_voice=piper_voice, listener=listener
                )
            if grid:
                found["word_error_rate_of_lips_in_the_grammar"] = read_in_grammar(
                    known, eyes, language=language, listener=listener
                )
        found["guessed"] = {
            f"{number}: {path.name}": {name: _plain(asdict(row)) for name, row in guessed(Capture.load(path)).items()}
            for number, path in enumerate(clips, 1)
        }
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n")
    print(f"scores: {out}")


def _plain(row: dict[str, float]) -> dict[str, float | None]:
    """NaN is null in JSON."""
    return {key: None if math.isnan(value) else value for key, value in row.items()}


if __name__ == "__main__":
    tyro.cli(main)
