"""What training takes beside what its plan says: core seconds a frame in each stage, and memory at its most.

Each stage of the preset runs for a few frames on the capture's own initial head, without growth. Give
``OMP_NUM_THREADS=1`` for core seconds that others' work does not stretch.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import torch
import tyro

from gaussian_head.capture import Capture
from gaussian_head.training import PRESETS, StepDone, loop, planned_core_seconds, planned_memory
from gaussian_head.training.overrides import overridden
from gaussian_head.training.pipeline import _initial_parts
from gaussian_head.training.state import new_state

WARM = 3
"""Frames of each stage that are not counted: what is found once is found then."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    capture: tyro.conf.Positional[Path] = field(kw_only=False)
    """Folder that `track` wrote."""
    table: Path = field(kw_only=False)
    """JSON that gets a row for every stage."""
    preset: str = "full"
    """What to train."""
    frames: int = 25
    """Of each stage."""
    set: tuple[str, ...] = ()
    """Single values of the preset, as `train --set` takes them."""


def processor_seconds() -> float:
    """Of this process so far, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(options: Options) -> None:
    """Run, measure and write, stage by stage."""
    capture = Capture.load(options.capture)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    preset = overridden(PRESETS[options.preset], options.set)
    stages = tuple(replace(stage, iterations=options.frames, densify=False) for stage in preset.stages)
    config = replace(preset, stages=stages)
    head, held = _initial_parts(capture, config)
    state = new_state(head, capture.num_frames, config.rates, held)
    clocks: dict[str, list[tuple[float, float]]] = {}

    def clock(done: StepDone) -> None:
        clocks.setdefault(done.stage, []).append((time.monotonic(), processor_seconds()))

    laid_out = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    loop.run(state, capture, config, save=lambda state: None, observer=clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    width, height = capture.camera.width, capture.camera.height
    seen = min(len(stages) * options.frames, capture.num_frames)
    plan = planned_memory(replace(config, max_gaussians=len(state.pull)), width, height, seen, "cpu")
    rows = json.loads(options.table.read_text()) if options.table.exists() else []
    for stage in stages:
        (wall, spent), (wall_end, spent_end) = clocks[stage.name][WARM - 1], clocks[stage.name][-1]
        counted = len(clocks[stage.name]) - WARM
        rows.append(
            {
                "date": date.today().isoformat(),
                "commit": commit,
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
                "load": round(os.getloadavg()[0], 1),
                "clip": capture.info.source.get("name", ""),
                "frames_seen": seen,
                "size": [width, height],
                "preset": options.preset,
                "set": list(options.set),
                "stage": stage.name,
                "resolution": stage.resolution,
                "gaussians": len(state.pull),
                "frames": counted,
                "core_seconds_a_frame": round((spent_end - spent) / counted, 4),
                "wall_seconds_a_frame": round((wall_end - wall) / counted, 4),
                "peak_mib_laid_out": round(laid_out / 2**20),
                "peak_mib": round(peak / 2**20),
                "planned_mib": round(plan.total / 2**20),
                "planned_core_seconds_a_frame": round(
                    planned_core_seconds(
                        replace(config, stages=(replace(stage, iterations=1),)), width, height, len(state.pull)
                    ),
                    4,
                ),
            }
        )
        print(rows[-1], flush=True)
    options.table.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
