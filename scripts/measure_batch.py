"""Long speech drawn by several workers of a batch against one process, one thread each: seconds, and whether the bytes
are the same.

    python scripts/measure_batch.py runs/me/head speech.wav --out tests/bench/batch.json

An encoder has threads of its own, so that one process takes more than one core; `taskset -c 0` before the command holds
it to one.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import torch
import tyro

from gaussian_head.batch import RayPool, place_at, read_jobs, run_jobs
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.media import read_audio, write_audio
from gaussian_head.verbs import VERBS


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to draw, and by how many."""

    head: tyro.conf.Positional[Path] = field(kw_only=False)
    """Folder that `train` wrote."""
    audio: tyro.conf.Positional[Path] = field(kw_only=False)
    """Speech, said again and again until it is long enough."""
    out: Path = field(kw_only=False)
    """JSON that gets a row for every run."""
    minutes: float = 10.0
    """Of speech."""
    size: int = 512
    """Height of the video."""
    workers: tuple[int, ...] = (1, 2, 1)
    """One run for each; the first number once more at the end shows what chance does."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """What is started meanwhile computes in one thread."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def cores() -> int | None:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def drawn(options: Options, sound: Path, folder: Path, workers: int) -> tuple[float, str, list[float]]:
    """Seconds, SHA-256 of the video, and the load of the machine before and after."""
    load = os.getloadavg()[0]
    with open(folder / "jobs.csv", "w", newline="") as file:
        row = csv.writer(file)
        row.writerow(("verb", "name", "head", "audio", "out", "size", "shares"))
        out = f"talk{workers}.mp4"
        row.writerow(("render", "talk", options.head.resolve(), sound, out, options.size, workers))
    jobs = read_jobs(folder / "jobs.csv", VERBS)
    with one_thread_each(), RayPool(workers=workers) as pool:
        begun = time.monotonic()
        outcome = run_jobs(jobs, place_at(folder / f"runs{workers}-{time.time_ns()}"), pool)
        seconds = time.monotonic() - begun
    if outcome.exit_status:
        raise SystemExit(f"the video was not drawn: {outcome.records['talk'].message}")
    video = next(folder.glob(f"runs{workers}-*/talk/{out}"))
    digest = hashlib.sha256(video.read_bytes()).hexdigest()
    video.unlink()
    return seconds, digest, [round(load, 2), round(os.getloadavg()[0], 2)]


def main(options: Options) -> None:
    """Draw, compare and write, run by run."""
    samples = read_audio(options.audio)
    wanted = round(options.minutes * 60 * SAMPLE_RATE)
    samples = np.tile(samples, -(-wanted // len(samples)))[:wanted]
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    rows = json.loads(options.out.read_text()) if options.out.is_file() else []
    one: tuple[float, str] | None = None
    with tempfile.TemporaryDirectory() as scratch:
        sound = Path(scratch) / "long.wav"
        write_audio(sound, samples)
        for workers in options.workers:
            seconds, digest, load = drawn(options, sound, Path(scratch), workers)
            one = one or (seconds, digest)
            row = {"date": f"{date.today()}", "commit": revision, "torch": torch.__version__, "cores": cores()}
            row |= {"load": load, "minutes": options.minutes, "size": options.size, "workers": workers}
            row |= {"seconds": round(seconds, 1), "times_as_fast": round(one[0] / seconds, 2)}
            row |= {"same_bytes": digest == one[1]}
            print(row)
            rows.append(row)
            options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
