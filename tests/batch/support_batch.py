"""A pool without Ray, and jobs on a tiny head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from support_head import make_actor

from gaussian_head.batch.driver import Lost
from gaussian_head.batch.work import Result, Task, work
from gaussian_head.media import write_audio


class Here:
    """Does each task in this process; ``fate`` may lose a task instead, or after it was done."""

    def __init__(self, fate: Callable[[Task], Lost | None] = lambda task: None) -> None:
        self.done: list[str] = []
        self._fate, self._waiting = fate, []

    def submit(self, task: Task) -> int:
        self._waiting.append(task)
        return id(task)

    def wait(self, seconds: float) -> list[tuple[int, Result | Lost]]:
        if not self._waiting:
            return []
        task = self._waiting.pop(0)
        lost = self._fate(task)
        if lost is None:
            self.done.append(f"{task.job.name}.{task.name}")
        return [(id(task), lost or work(task))]

    def close(self) -> None:
        pass


def save_head(folder: Path) -> Path:
    """A tiny head that speaks by the prior."""
    replace(make_actor(20, num_gaussians=600, size=64), voice=None).save(folder)
    return folder


def save_sound(path: Path, seconds: float) -> Path:
    """Something that goes up and down."""
    t = np.arange(round(16000 * seconds)) / 16000
    wave = np.sin(2 * np.pi * 180 * t) * (0.15 + 0.15 * np.sin(2 * np.pi * 3 * t))
    write_audio(path, wave.astype(np.float32), 16000)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of all jobs by name, but those about the run."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".batch" not in path.parts and path.name not in ("status.csv", "index.html")
    }
