"""Measure directed performances: learned pose, words, moods, leaders, takes, speed; rendered and tracked anew.

`python scripts/measure_direct.py learned --out direct.json --captures a=runs/a/capture b=runs/b/capture …`, and so on
with `words`, `sentences`, `lips`, `moods`, `leaders`, `takes`. Each writes its part of the JSON and leaves
the others as they are; rendered videos stay in `--work` and are used again.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from gaussian_head import Actor, Capture
from gaussian_head.actor import Direction, perform
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.durable import replacing
from gaussian_head.evaluation.acted import lips_meanwhile, measure_led, measure_words, prompts
from gaussian_head.evaluation.free_sentences import NONSENSE, SENTENCES, measure_sentences
from gaussian_head.evaluation.learned_pose import measure_learned
from gaussian_head.evaluation.moods import NAMED, measure_mood
from gaussian_head.evaluation.takes import measure_takes
from gaussian_head.media import read_audio
from gaussian_head.verbs.bars import drawing
from gaussian_head.voice.scores import correlation


def learned(*, captures: list[str], out: Path, seeds: int = 8) -> None:
    """Learned pose on the second half of each clip, from its first.

    Args:
        captures: NAME=FOLDER of each.
        out: JSON to write into.
        seeds: Takes of each.
    """
    table = measure_learned({name: Capture.load(place) for name, place in _named(captures)}, seeds)
    rows = {name: {row: asdict(scores) for row, scores in part.items()} for name, part in table.items()}
    made = [(n, s) for n, part in table.items() for row, s in part.items() if row.startswith("learned")]
    summary = {"right person": round(sum(s.nearest == n for n, s in made) / len(made), 3)}
    for name in ("lively", "beats", "beats_shuffled", "spectrum", "jitter"):
        summary[name] = round(sum(getattr(s, name) for _, s in made) / len(made), 3)
    truth, loop = ([part[row] for part in table.values()] for row in ("second half", "loop"))
    summary["lively, clip played on"] = round(sum(s.lively for s in loop) / len(loop), 3)
    summary["beats of the recording"] = round(sum(s.beats for s in truth) / len(truth), 3)
    summary["beats of the recording, shuffled"] = round(sum(s.beats_shuffled for s in truth) / len(truth), 3)
    _write(out, "learned pose", {"summary": summary, "people": rows})


def words(
    head: tyro.conf.Positional[Path],
    *,
    speech: Path,
    work: Path,
    out: Path,
    count: int = 200,
    at_once: int = 20,
    size: int = 256,
    fps: float = 12.5,
) -> None:
    """Prompts in words, found again in the rendered video.

    Args:
        head: Folder that `train` wrote.
        speech: What is said meanwhile.
        work: Folder for videos.
        out: JSON to write into.
        count: Prompts.
        at_once: Prompts in one video.
        size: Height of the videos.
        fps: Pictures per second of the videos.
    """
    actor, sound = Actor.load(head), read_audio(speech, sample_rate=SAMPLE_RATE)
    texts, total = prompts(count), {"video": _nothing(), "motion": _nothing()}
    with drawing() as listener:
        for first in range(0, count, at_once):
            kept = work / f"words_{first:03d}.json"
            if not kept.exists():
                part, video = texts[first : first + at_once], kept.with_suffix(".mp4")
                both = measure_words(actor, sound, part, video, size=size, fps=fps, listener=listener)
                with replacing(kept) as temporary:
                    temporary.write_text(json.dumps([asdict(scores) for scores in both]), encoding="utf-8")
            for name, scores in zip(total, json.loads(kept.read_text(encoding="utf-8")), strict=True):
                _added(total[name], scores)
    _write(
        out, "words", {name: _told(sums) for name, sums in total.items()} | {"prompts": count, "size": size, "fps": fps}
    )


def sentences(*, out: Path) -> None:
    """Free sentences by the installed encoder, and by the words that they have in common with the descriptions.

    Args:
        out: JSON to write into.
    """
    rows = {"encoder": asdict(measure_sentences()), "words in common": asdict(measure_sentences(_words_in_common))}
    _write(out, "free sentences", {**rows, "sentences": len(SENTENCES), "nonsense": len(NONSENSE)})


def moods(
    head: tyro.conf.Positional[Path], *, name: str, work: Path, out: Path, size: int = 320, seconds: float = 4.0
) -> None:
    """Seven moods at four strengths on a head, found again in rendered videos.

    Args:
        head: Folder that `train` wrote.
        name: What tables call it.
        work: Folder for videos; a mood that was scored there is not scored again.
        out: JSON to write into.
        size: Height of the videos.
        seconds: Of the clip's own words that are said in every mood.
    """
    actor, rows = Actor.load(head), []
    with drawing() as listener:
        for mood in NAMED:
            kept = work / f"mood_{name}_{mood}.json"
            if not kept.exists():
                video = kept.with_suffix(".mp4")
                scores = measure_mood(actor, mood, video, size=size, seconds=seconds, listener=listener)
                with replacing(kept) as temporary:
                    temporary.write_text(json.dumps([asdict(row) for row in scores]), encoding="utf-8")
            rows += json.loads(kept.read_text(encoding="utf-8"))
    _write(out, f"moods, {name}", _mood_table(rows) | {"size": size, "seconds": seconds})


def leaders(
    pairs: tyro.conf.Positional[list[str]],
    *,
    speech: Path,
    work: Path,
    out: Path,
    size: int = 320,
    seconds: float = 10.0,
    fps: float = 12.5,
) -> None:
    """Other videos' pose, found again in the rendered video.

    Args:
        pairs: HEAD=CAPTURE, two folders, of each.
        speech: What is said meanwhile.
        work: Folder for videos.
        out: JSON to write into.
        size: Height of the videos.
        seconds: Of each.
        fps: Pictures per second of the videos.
    """
    sound = read_audio(speech, sample_rate=SAMPLE_RATE)[: round(seconds * SAMPLE_RATE)]
    rows = {}
    with drawing() as listener:
        for head, capture in _named(pairs):
            name = f"{_short(Path(head))} led by {_short(Path(capture))}"
            folder = work / name.replace(" ", "_")
            both = Actor.load(head), Capture.load(capture)
            rows[name] = asdict(measure_led(*both, sound, folder, size=size, fps=fps, listener=listener))
    _write(out, "leaders", {"pairs": rows, "size": size, "seconds": seconds, "fps": fps})


def lips(
    head: tyro.conf.Positional[Path], *, work: Path, out: Path, size: int = 320, seconds: float = 10.0,
    text: str = "nods twice, then turns left, then looks down, then shakes twice, then tilts right",
) -> None:  # fmt: skip
    """Lips of the clip's own words, with and without head acts, against the recording's.

    Args:
        head: Folder that `train` wrote.
        work: Folder for videos.
        out: JSON to write into.
        size: Height of the videos.
        seconds: Of the clip.
        text: What the head does.
    """
    with drawing() as listener:
        scores = lips_meanwhile(Actor.load(head), text, work, size=size, seconds=seconds, listener=listener)
    grown = round(scores.told / scores.untold - 1, 3)
    _write(out, "lips during words", {**asdict(scores), "grown by": grown, "text": text})


def takes(head: tyro.conf.Positional[Path], *, speech: Path, out: Path, seeds: int = 8) -> None:
    """Takes of the same words: how far apart they are, how near the recording; and the speed of a minute.

    Args:
        head: Folder that `train` wrote.
        speech: A minute to say.
        out: JSON to write into.
        seeds: Takes.
    """
    actor = Actor.load(head)
    sound = read_audio(speech, sample_rate=SAMPLE_RATE)
    minute = np.resize(sound, 60 * SAMPLE_RATE)
    perform(actor, minute[: 2 * SAMPLE_RATE], Direction())
    begin, worked = time.perf_counter(), time.process_time()
    perform(actor, minute, Direction(emotion="happy:0.5"))
    seconds, busy = time.perf_counter() - begin, time.process_time() - worked
    turns, mouth = measure_takes(actor, seeds)
    figures = {
        "seconds for the motion of 60 s": round(seconds, 2),
        "seconds of processor for it": round(busy, 2),
        "threads": torch.get_num_threads(),
        "head, degrees": asdict(turns),
        "lips, mm": asdict(mouth),
        "takes": seeds,
    }
    _write(out, "takes and speed", figures)


def _words_in_common(texts: Sequence[str]) -> torch.Tensor:
    """Unit vectors ``[n, 4096]`` that count words and know nothing of their meaning."""
    rows = torch.zeros(len(texts), 4096)
    for row, text in zip(rows, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[zlib.crc32(word.encode()) % len(row)] += 1
    return torch.nn.functional.normalize(rows, dim=1)


def _mood_table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of one head by mood, with the correlation of asked and seen strength."""
    table: dict[str, Any] = {}
    for mood in dict.fromkeys(row["mood"] for row in rows):
        part = [row for row in rows if row["mood"] == mood]
        asked, seen = (torch.tensor([0.0, *(row[name] for row in part)]) for name in ("asked", "seen"))
        table[mood] = {
            "correlation": round(correlation(asked, seen), 3),
            "seen": {str(row["asked"]): row["seen"] for row in part},
            "read as": [row["alike"] for row in part],
            "closures F1": [row["closures"] for row in part],
            "closures F1, neutral": part[0]["closures_neutral"],
        }
    asked, seen = (torch.tensor([row[name] for row in rows]) for name in ("asked", "seen"))
    return {"correlation, all moods": round(correlation(asked, seen), 3), "moods": table}


def _nothing() -> dict[str, Any]:
    return {"asked": 0, "found": 0, "right": 0, "late": [], "by_kind": {}}


def _added(total: dict[str, Any], part: dict[str, Any]) -> None:
    for name in ("asked", "found", "right", "late"):
        total[name] += part[name]
    for kind, counts in part["by_kind"].items():
        before = total["by_kind"].get(kind, [0, 0, 0])
        total["by_kind"][kind] = [a + b for a, b in zip(before, counts, strict=True)]


def _told(sums: dict[str, Any]) -> dict[str, Any]:
    late = torch.tensor(sums["late"] or [0.0])
    kinds = {
        kind: {"recall": round(right / max(asked, 1), 3), "precision": round(right / max(found, 1), 3), "asked": asked}
        for kind, (asked, found, right) in sorted(sums["by_kind"].items())
    }
    return {
        "recall": round(sums["right"] / max(sums["asked"], 1), 3),
        "precision": round(sums["right"] / max(sums["found"], 1), 3),
        "asked": sums["asked"],
        "seconds off, mean": round(float(late.abs().mean()), 3),
        "seconds off, 95 %": round(float(late.abs().quantile(0.95)), 3),
        "by kind": kinds,
    }


def _named(pairs: list[str]) -> list[tuple[str, str]]:
    return [(name, place) for name, _, place in (pair.partition("=") for pair in pairs)]


def _short(folder: Path) -> str:
    return folder.parent.name if folder.name in ("head", "capture") else folder.name


def _write(out: Path, part: str, figures: dict[str, Any]) -> None:
    """Put one part's figures into the JSON, with the commit they were measured at."""
    told = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    told[part] = {"commit": commit.strip(), "date": time.strftime("%Y-%m-%d")} | figures
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    tyro.extras.subcommand_cli_from_dict(
        {
            "learned": learned,
            "words": words,
            "sentences": sentences,
            "moods": moods,
            "lips": lips,
            "leaders": leaders,
            "takes": takes,
        }
    )
