"""Frames per step against quality: the same run with one, four and eight frames a step, as many frames seen in all.

Each run trains from the same start on the same draws and is measured on the held-out frames, moved as tracked.
"""

from __future__ import annotations

import json
import resource
import subprocess
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import torch
import tyro

from gaussian_head.capture import Capture
from gaussian_head.evaluation.held_out import evaluate
from gaussian_head.head import initial_parts
from gaussian_head.kernels import device_named
from gaussian_head.training import PRESETS, loop
from gaussian_head.training.pipeline import _saved
from gaussian_head.training.state import new_state


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to compare."""

    capture: tyro.conf.Positional[Path] = field(kw_only=False)
    """Folder that `track` wrote."""
    out: Path = field(kw_only=False)
    """Folder of heads and reports."""
    table: Path = field(kw_only=False)
    """JSON that gets a row for every run."""
    preset: str = "preview"
    """What to train."""
    batches: tuple[int, ...] = (1, 4, 8)
    """Frames a step."""
    seeds: tuple[int, ...] = (0,)
    """Of draws and densification: how much chance alone changes stands beside what the batch changes."""
    device: str = "cpu"
    """Where to train."""


def processor_seconds() -> float:
    """Of this process so far, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(options: Options) -> None:
    """Train, measure and write, run by run."""
    capture, device = Capture.load(options.capture), device_named(options.device)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    for seed in options.seeds:
        for batch in options.batches:
            config = replace(PRESETS[options.preset], batch=batch, seed=seed)
            head, held = initial_parts(capture, config.init, seed)
            state = new_state(head, capture.num_frames, config.rates, held, device)
            before = processor_seconds()
            loop.run(state, capture, config, save=lambda state: None)
            took, out = processor_seconds() - before, options.out / f"{options.preset}_{batch}_{seed}"
            out.mkdir(parents=True, exist_ok=True)
            _saved(state, capture, config, out)
            summary = evaluate(out, out / "report", capture=options.capture).summary()
            row = {
                "date": date.today().isoformat(),
                "commit": commit,
                "torch": torch.__version__,
                "device": options.device,
                "clip": capture.info.source.get("name", ""),
                "preset": options.preset,
                "frames": config.iterations,
                "batch": batch,
                "seed": seed,
                "gaussians": len(state.pull),
                "loop_processor_seconds": round(took, 1),
                "tracked": {name: round(value, 3) for name, value in summary["tracked"].items()},
            }
            rows = json.loads(options.table.read_text()) if options.table.exists() else []
            options.table.write_text(json.dumps([*rows, row], indent=1) + "\n")
            print(row, flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
