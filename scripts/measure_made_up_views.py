"""Made-up people filmed, tracked and trained on, and their heads against them from sides that nobody filmed."""

import json
from pathlib import Path
from typing import Any

import tyro

from gaussian_head.capture import Capture
from gaussian_head.demo.population import PersonTruth, make_person_clip
from gaussian_head.durable import replacing
from gaussian_head.evaluation.made_up_views import score_views
from gaussian_head.tracking import track
from gaussian_head.training import PRESETS, overridden, train
from gaussian_head.verbs.bars import drawing


def main(
    work: Path,
    out: Path,
    people: tuple[int, ...] = (2001, 2002, 2003, 2004),
    size: int = 256,
    seconds: float = 4.0,
    preset: str = "preview",
    set: tuple[str, ...] = (),
) -> None:
    """Write a JSON of PSNR by turn for each person, beside that of the recorded view as it is; goes on where it was.

    Args:
        work: Folder for films, captures and heads.
        out: JSON to write.
        people: Numbers; a number is a person.
        size: Width and height of the films, pixels.
        seconds: Length of the films.
        preset: Training preset.
        set: Single values of the run, such as own_view=false.
    """
    table: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    config = overridden(PRESETS[preset], set)
    for seed in people:
        if str(seed) in table:
            continue
        film, capture = work / f"person_{seed}.mp4", work / f"capture_{seed}"
        with drawing() as listener:
            if not film.with_suffix(".safetensors").exists():
                make_person_clip(work, seed=seed, seconds=seconds, size=size, listener=listener)
            if not (capture / "capture.json").exists():
                track(film, capture, size=size, listener=listener)
            actor = train(capture, work / f"head_{seed}", config, resume=True, listener=listener)
        truth = PersonTruth.load(film.with_suffix(".safetensors"))
        table[str(seed)] = score_views(actor, Capture.load(capture).held_out_by(config.split), truth)
        with replacing(out) as temporary:
            temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"numbers: {out}")


if __name__ == "__main__":
    tyro.cli(main)
