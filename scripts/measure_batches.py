"""Frames per step against quality: the same run with one, four and eight frames a step, as many frames seen in all.

Each run trains from the same start on the same draws and is measured on the held-out frames, moved as tracked, at the
resolution of its last stage.
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
from gaussian_head.head import Head, initial_parts
from gaussian_head.kernels import device_named
from gaussian_head.metrics.image import psnr
from gaussian_head.rendering.frames import render_moment
from gaussian_head.training import PRESETS, TrainConfig, loop
from gaussian_head.training.config import LossWeights
from gaussian_head.training.data import Recorded, load_frame
from gaussian_head.training.observing import snapshot
from gaussian_head.training.overrides import overridden
from gaussian_head.training.pipeline import STRIDES
from gaussian_head.training.state import new_state
from gaussian_head.training.stepping import Filming


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to compare."""

    capture: tyro.conf.Positional[Path] = field(kw_only=False)
    """Folder that `track` wrote."""
    table: Path = field(kw_only=False)
    """JSON that gets a row for every run."""
    preset: str = "preview"
    """What to train."""
    batches: tuple[int, ...] = (1, 4, 8)
    """Frames a step."""
    size: float = 1.0
    """Share of the preset's resolutions, with Gaussians laid as much wider."""
    seeds: tuple[int, ...] = (0,)
    """Of draws and densification: how much chance alone changes stands beside what the batch changes."""
    set: tuple[str, ...] = ()
    """Single values of the preset, as `train --set` takes them: absgrad=true."""
    device: str = "cpu"
    """Where to train."""


def processor_seconds() -> float:
    """Of this process so far, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resized(config: TrainConfig, size: float) -> TrainConfig:
    """The run at a share of its resolution."""
    stages = tuple(replace(stage, resolution=stage.resolution * size) for stage in config.stages)
    strides = {name: getattr(config.init, name) / size for name in STRIDES}
    return replace(config, stages=stages, init=replace(config.init, **strides))


@torch.no_grad()
def held_out(head: Head, capture: Capture, resolution: float) -> dict[str, float]:
    """PSNR in dB of all pixels and of the person's over the held-out frames, each the mean of its frames."""
    filming, recorded = Filming.of(capture, resolution), Recorded(capture)
    found: dict[str, list[float]] = {"full": [], "person": []}
    for t in capture.test_frames.tolist():
        truth = load_frame(recorded, t, resolution, LossWeights())
        drawn = render_moment(head, filming.motion.at(t), filming.camera, background=filming.background)
        found["full"].append(float(psnr(drawn.rgb, truth.rgb)))
        found["person"].append(float(psnr(drawn.rgb, truth.rgb, truth.alpha)))
    return {name: round(sum(values) / len(values), 3) for name, values in found.items()}


def main(options: Options) -> None:
    """Train, measure and write, run by run."""
    capture, device = Capture.load(options.capture), device_named(options.device)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    for seed in options.seeds:
        for batch in options.batches:
            preset = overridden(PRESETS[options.preset], options.set)
            config = resized(replace(preset, batch=batch, seed=seed), options.size)
            head, held = initial_parts(capture, config.init, seed)
            state = new_state(head, capture.num_frames, config.rates, held, device=device)
            before = processor_seconds()
            loop.run(state, capture, config, save=lambda state: None)
            took, resolution = processor_seconds() - before, config.stages[-1].resolution
            row = {
                "date": date.today().isoformat(),
                "commit": commit,
                "torch": torch.__version__,
                "device": options.device,
                "clip": capture.info.source.get("name", ""),
                "preset": options.preset,
                "size": options.size,
                "frames": config.iterations,
                "batch": batch,
                "seed": seed,
                "set": list(options.set),
                "gaussians": len(state.pull),
                "loop_processor_seconds": round(took, 1),
                "psnr": held_out(snapshot(state), capture, resolution),
                "psnr_before_training": held_out(head, capture, resolution),
            }
            rows = json.loads(options.table.read_text()) if options.table.exists() else []
            options.table.write_text(json.dumps([*rows, row], indent=1) + "\n")
            print(row, flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
