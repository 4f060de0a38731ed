"""What a dub did, in numbers and pictures: report.json, the worst frames, and a page over both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..durable import replacing
from ..media import write_image
from .compose import Made
from .measures import LooksMeter
from .page import write_page
from .planning import Plan
from .stretches import BRIDGED, DUBBED, PASSED

WORST = 6
"""Frames shown as pictures."""


class Watcher:
    """Looks at the frames of a dub as they are made, in constant memory."""

    def __init__(self, plan: Plan) -> None:
        """Of the frames of ``plan``."""
        self._parts = list(plan.parts)
        self._meters = [LooksMeter() for _ in self._parts]
        self._counts: list[dict[str, int]] = [dict.fromkeys((DUBBED, BRIDGED, PASSED), 0) for _ in self._parts]
        self._covered = np.zeros(len(self._parts))
        self._worst: list[tuple[float, int, str, np.ndarray]] = []

    def update(self, t: int, made: Made) -> None:
        """Take frame ``t``."""
        done = {id(part): (box, patched) for part, box, patched in made.patches}
        for i, part in enumerate(self._parts):
            if not part.stretch.first <= t < part.stretch.last:
                continue
            if id(part) not in done:
                self._counts[i][PASSED] += 1
                self._meters[i].cut()
                continue
            self._counts[i][made.state] += 1
            box, patched = done[id(part)]
            self._covered[i] += patched.covered
            rows = box.slices
            off = self._meters[i].update(
                made.recorded[rows], patched.image, patched.mask, (box.x0, box.y0), patched.skin
            )
            score = off + 2 * patched.covered + (0.1 if made.state == BRIDGED else 0)
            self._note(
                score, t, f"seam off by {off:.2f}, covered {patched.covered:.0%}", made.recorded[rows], patched.image
            )

    def _note(self, score: float, t: int, words: str, before: np.ndarray, after: np.ndarray) -> None:
        near = [k for k, (_, other, *_) in enumerate(self._worst) if abs(other - t) < 10]
        if near:
            if self._worst[near[0]][0] >= score:
                return
            self._worst.pop(near[0])
        self._worst.append((score, t, words, np.concatenate([before, after], 1)))
        self._worst.sort(key=lambda row: -row[0])
        del self._worst[WORST:]

    def figures(self, fps: float) -> list[dict[str, Any]]:
        """What was seen of each stretch."""
        rows = []
        for part, meter, counts, covered in zip(self._parts, self._meters, self._counts, self._covered, strict=True):
            changed = counts[DUBBED] + counts[BRIDGED]
            rows.append(
                {
                    "person": part.stretch.person,
                    "from": part.stretch.first / fps,
                    "seconds": len(part.wanted) / fps,
                    **counts,
                    "covered": float(covered / max(changed, 1)),
                    **{name: _finite(value) for name, value in asdict(meter.result()).items()},
                }
            )
        return rows

    @property
    def worst(self) -> list[tuple[float, int, str, np.ndarray]]:
        """Score, frame, words and picture (recorded beside dubbed) of the frames that look least like a recording."""
        return self._worst


def write_report(
    folder: Path, out: Path, plan: Plan, watcher: Watcher, agreed: Sequence[dict[str, Any]] | None = None
) -> None:
    """Write report.json, pictures of the worst frames, and the page; ``agreed`` has more to say of each stretch."""
    film, fps = plan.film, plan.film.info.fps
    figures = watcher.figures(fps)
    report: dict[str, Any] = {
        "film": film.path.name,
        "out": out.name,
        "fps": fps,
        "frames": plan.num_frames,
        "notes": list(film.info.notes),
        "shots": [
            {"from": shot.first / fps, "frames": len(shot), "people": [a.person for a in shot.people]}
            for shot in film.shots
        ],
        "stretches": [row | more for row, more in zip(figures, agreed or [{}] * len(figures), strict=True)],
        "worst": [],
    }
    pictures = folder / "worst"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("frame_*.png"):
        old.unlink()
    for score, t, words, picture in watcher.worst:
        name = f"worst/frame_{t:06d}.png"
        write_image(folder / name, picture)
        report["worst"].append({"frame": t, "at": t / fps, "score": score, "why": words, "picture": name})
    with replacing(folder / "report.json") as temporary:
        temporary.write_text(json.dumps(report, indent=1), encoding="utf-8")
    write_page(folder / "index.html", out, film.path, report)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
