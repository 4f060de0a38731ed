"""Time the CUDA rasterizer beside gsplat's CUDA kernels: rows for the CSV of ``bench.py``.

Contestants are interleaved: each round times every one once, between CUDA events on the current stream, after the
device is idle. Medians and the best round are reported. Outputs of both are compared before anything is timed.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
import tyro
from torch import Tensor

from gaussian_head.raster import rasterize
from gaussian_head.raster.frames import rasterize_frames

PARAMETERS = ("means", "quats", "scales", "opacities", "colors")
BATCH = 8
"""Frames of a batch."""
Run = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class GpuConfig:
    """What to measure."""

    counts: tuple[int, ...] = (20_000, 50_000, 150_000)
    """Numbers of Gaussians."""
    sizes: tuple[int, ...] = (256, 512, 1024)
    """Image sides in pixels."""
    rounds: int = 50
    """Timed rounds per scene; ten more warm up."""
    out: Path = Path("tests/bench/raster_gpu.csv")
    """CSV to write."""


def head_scene(num: int, size: int) -> dict[str, Tensor]:
    """The head-like scene of ``bench.py``, on the GPU; its opacities end below 0.99, where gsplat's clamp begins."""
    spec = importlib.util.spec_from_file_location("bench", Path(__file__).with_name("bench.py"))
    assert spec is not None
    assert spec.loader is not None
    bench = sys.modules.setdefault("bench", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(bench)
    return {name: value.cuda() for name, value in bench.head_scene(num, size).items()}


def gsplat_rgb(scene: dict[str, Tensor], size: int) -> Tensor:
    """gsplat's image ``[C, size, size, 3]``, with depth beside it as ours has."""
    from gsplat import rasterization

    image, _, _ = rasterization(**scene, width=size, height=size, packed=False, render_mode="RGB+D")
    return image[..., :3]


def contestants(scene: dict[str, Tensor], size: int) -> dict[str, Run]:
    """Functions to time, by name; names after "gsplat " say which of ours they answer."""
    rng = torch.Generator().manual_seed(1)
    cotangent = torch.randn(1, size, size, 3, generator=rng).cuda()
    leaves = {name: scene[name].clone().requires_grad_() for name in PARAMETERS}
    clip = {name: value.expand(BATCH, *value.shape).contiguous() for name, value in scene.items() if name in PARAMETERS}
    clip |= {name: scene[name].expand(BATCH, -1, -1).contiguous() for name in ("viewmats", "Ks")}

    def plain(render: Callable[..., Tensor], arguments: dict[str, Tensor]) -> Run:
        def run() -> object:
            with torch.no_grad():
                return render(arguments, size)

        return run

    def both(render: Callable[..., Tensor]) -> Run:
        def run() -> object:
            for leaf in leaves.values():
                leaf.grad = None
            render(scene | leaves, size).backward(cotangent)
            return None

        return run

    runs = {"forward": plain(ours_rgb, scene), "forward+backward": both(ours_rgb)}
    runs |= {f"forward of {BATCH} frames": plain(our_frames, clip)}
    if importlib.util.find_spec("gsplat"):
        runs |= {"gsplat forward": plain(gsplat_rgb, scene), "gsplat forward+backward": both(gsplat_rgb)}
    return runs


def ours_rgb(scene: dict[str, Tensor], size: int) -> Tensor:
    """Our image ``[C, size, size, 3]``."""
    return rasterize(**scene, width=size, height=size, backend="cuda").rgb


def our_frames(clip: dict[str, Tensor], size: int) -> Tensor:
    """Our images of different Gaussians in one launch."""
    return rasterize_frames(**clip, width=size, height=size).rgb


def milliseconds(run: Run) -> float:
    """Device time of one call."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


def measure_gpu(config: GpuConfig, num: int, size: int) -> list[dict[str, object]]:
    """Rows of one scene, like those of ``bench.py``; ``threads`` stays empty.

    Raises:
        RuntimeError: ours and gsplat's images differ by more than rounding.
    """
    scene = head_scene(num, size)
    runs = contestants(scene, size)
    if "gsplat forward" in runs:
        difference = float((ours_rgb(scene, size) - gsplat_rgb(scene, size)).abs().mean())
        if not difference < 1e-4:
            raise RuntimeError(f"ours and gsplat's images differ by {difference:.1e} on average; timing means nothing.")
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(-10, config.rounds):
        for name, run in runs.items():
            took = milliseconds(run)
            if round_ >= 0:
                times[name].append(took)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return [
        {
            "gaussians": num,
            "size": size,
            "threads": "",
            "what": name,
            "median_ms": round(medians[name], 4),
            "best_ms": round(min(values), 4),
            "times_ours": round(medians[name] / medians[name.removeprefix("gsplat ")], 2),
            "share": "",
        }
        for name, values in times.items()
    ]


def gpu_surroundings() -> dict[str, str]:
    """Date, commit, versions and device, for every row."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    gsplat = importlib.util.find_spec("gsplat")
    version = importlib.import_module("gsplat").__version__ if gsplat else "absent"
    return {
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "torch": torch.__version__,
        "gsplat": version,
        "device": torch.cuda.get_device_name(),
    }


def main(config: GpuConfig) -> None:
    """Measure all scenes and write the CSV."""
    rows = [
        row | gpu_surroundings()
        for num in config.counts
        for size in config.sizes
        for row in measure_gpu(config, num, size)
    ]
    config.out.parent.mkdir(parents=True, exist_ok=True)
    with config.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*(row[key] for key in ("gaussians", "size", "what", "median_ms", "best_ms", "times_ours")))
    print(f"wrote {config.out}")


if __name__ == "__main__":
    main(tyro.cli(GpuConfig, description=__doc__))
