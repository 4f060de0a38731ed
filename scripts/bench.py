"""Time the rasterizer on head-like scenes, beside gsplat's torch implementation, and write a CSV and a plot.

Everything runs interleaved in one process: each round times every contestant once, so that a busy
moment of the machine hits all of them. Medians over the rounds are reported, and the best round.

The floor of blending stands beside it: the vector instructions that the mathematics of one splat over
one register of pixels needs (``BLEND_INSTRUCTIONS``), times how often that happens (counted by the
kernels), at two instructions a cycle of the nominal clock. The floor of the whole is the time to move every array once.
"""

from __future__ import annotations

import csv
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from torch import Tensor

from gaussian_head.raster import rasterize

PARAMETERS = ("means", "quats", "scales", "opacities", "colors")
BLEND_INSTRUCTIONS = 2 + 5 + 10 + 3 + 7 + 5 + 5 + 4
"""Offsets, exponent, power of two, alpha and transmittance, masks and selects, loads, stores, four channels."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What to measure."""

    suite: Literal["cpu", "gpu"] = "cpu"
    """gpu: the CUDA kernels beside gsplat's, where there is a GPU."""
    counts: tuple[int, ...] = (20_000, 50_000, 150_000)
    """Numbers of Gaussians."""
    sizes: tuple[int, ...] = (256, 512, 1024)
    """Image sides in pixels."""
    threads: tuple[int, ...] = (1, 2)
    """Numbers of CPU threads."""
    rounds: int = 20
    """Timed rounds per scene; two more warm up."""
    gsplat_limit: int = 6_000_000_000
    """gsplat's torch blending runs only where Gaussians x pixels stays below this: it is slow."""
    gsplat_rounds: int = 3
    """Rounds in which gsplat takes part."""
    out: Path = Path("tests/bench/raster.csv")
    """CSV to write; the plot stands beside it."""


def head_scene(num: int, size: int, seed: int = 0) -> dict[str, Tensor]:
    """A head-like scene: three quarters on a thick ellipsoid shell, one quarter in a torso slab below it."""
    rng = torch.Generator().manual_seed(seed)
    torso_num = num // 4
    directions = torch.nn.functional.normalize(torch.randn(num - torso_num, 3, generator=rng), dim=1)
    shell = 1 + 0.04 * torch.randn(num - torso_num, 1, generator=rng)
    head = directions * shell * torch.tensor([0.075, 0.11, 0.095])
    torso = torch.rand(torso_num, 3, generator=rng) * torch.tensor([0.36, 0.12, 0.12])
    means = torch.cat([head, torso + torch.tensor([-0.18, 0.12, -0.06])]) + torch.tensor([0.0, 0.0, 1.0])
    scales = 0.6 * math.sqrt(0.16 / num) * torch.exp(0.45 * torch.randn(num, 3, generator=rng))
    scales[:, 2] *= 0.4
    focal = 1200 / 512 * size
    return {
        "means": means,
        "quats": torch.randn(num, 4, generator=rng),
        "scales": scales,
        "opacities": 0.05 + 0.94 * torch.rand(num, generator=rng),
        "colors": torch.rand(num, 3, generator=rng),
        "viewmats": torch.eye(4)[None],
        "Ks": torch.tensor([[[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]]]),
    }


def gsplat_render(scene: dict[str, Tensor], size: int) -> Tensor:
    """gsplat's torch projection, then its blending formula tile by tile (its own indexing needs CUDA)."""
    from gsplat.cuda._torch_impl import _fully_fused_projection, _quat_scale_to_covar_preci

    covars, _ = _quat_scale_to_covar_preci(scene["quats"], scene["scales"], compute_preci=False, triu=False)
    radii, means2d, depths, conics, _ = _fully_fused_projection(
        scene["means"], covars, scene["viewmats"], scene["Ks"], size, size
    )
    order = depths[0].detach().argsort()
    order = order[(radii[0, order] > 0).all(-1)]
    centres, conic, reach = means2d[0][order], conics[0][order], radii[0][order]
    low, high = (centres - reach).detach(), (centres + reach).detach()
    image = []
    for y in range(0, size, 16):
        for x in range(0, size, 16):
            inside = (high[:, 0] > x) & (low[:, 0] < x + 16) & (high[:, 1] > y) & (low[:, 1] < y + 16)
            ids = inside.nonzero().squeeze(-1)
            grid = torch.stack(torch.meshgrid(torch.arange(x, x + 16), torch.arange(y, y + 16), indexing="xy"), -1)
            d = grid.reshape(-1, 1, 2) + 0.5 - centres[ids]
            a, b, c = conic[ids].unbind(-1)
            sigma = 0.5 * (a * d[..., 0] ** 2 + c * d[..., 1] ** 2) + b * d[..., 0] * d[..., 1]
            alpha = (scene["opacities"][order[ids]] * torch.exp(-sigma)).clamp(max=0.999)
            alpha = torch.where(alpha >= 1 / 255, alpha, 0)
            after = torch.cumprod(1 - alpha, dim=1)
            weights = alpha * torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], dim=1)
            image.append((weights * (after > 1e-4)) @ scene["colors"][order[ids]])
    blocks = torch.stack(image).reshape(size // 16, size // 16, 16, 16, 3)
    return blocks.permute(0, 2, 1, 3, 4).reshape(1, size, size, 3)


def contestants(scene: dict[str, Tensor], size: int, with_gsplat: bool) -> dict[str, Callable[[], dict[str, float]]]:
    """Functions to time, by name; each returns seconds per stage where it knows them."""
    leaves = {name: scene[name].clone().requires_grad_() for name in PARAMETERS}
    cotangent = torch.randn(1, size, size, 3, generator=torch.Generator().manual_seed(1))

    def forward() -> dict[str, float]:
        with torch.no_grad():
            rasterize(**scene, width=size, height=size, backend="cpu")
        return {}

    def both() -> dict[str, float]:
        image = rasterize(**(scene | leaves), width=size, height=size, backend="cpu").rgb
        plan = image.grad_fn.plan  # type: ignore[union-attr]
        image.backward(cotangent)
        return plan.timings()

    def gsplat_forward() -> dict[str, float]:
        with torch.no_grad():
            gsplat_render(scene, size)
        return {}

    def gsplat_both() -> dict[str, float]:
        gsplat_render(scene | leaves, size).backward(cotangent)
        return {}

    runs: dict[str, Callable[[], dict[str, float]]] = {"forward": forward, "forward+backward": both}
    if with_gsplat:
        runs |= {"gsplat torch forward": gsplat_forward, "gsplat torch forward+backward": gsplat_both}
    return runs


def work(scene: dict[str, Tensor], size: int) -> dict[str, int]:
    """How many (splat, tile), (splat, register) and (splat, pixel) pairs blending takes."""
    from gaussian_head.raster import native
    from gaussian_head.raster.scene import Scene

    empty = {"extra": torch.zeros(len(scene["means"]), 0), "backgrounds": None, "probe": None}
    settings: dict[str, Any] = {"width": size, "height": size, "near_plane": 0.01, "far_plane": 1e10, "eps2d": 0.3}
    full = Scene(**scene, **empty, **settings)
    _, _, plan = native.draw(full, torch.empty(1, len(scene["means"]), 2), keep=True)
    return plan.work(native.kernel_scene(full))


def floors_ms(counts: dict[str, int], num: int, size: int, threads: int) -> tuple[float, float]:
    """Milliseconds below which blending, and any forward pass, cannot go on this machine."""
    megahertz = [float(line.split(":")[1]) for line in Path("/proc/cpuinfo").read_text().splitlines() if "MHz" in line]
    blend = counts["blocks"] * BLEND_INSTRUCTIONS / 2 / (max(megahertz, default=3000.0) * 1e3) / threads
    parameters, record = 4 * (3 + 4 + 3 + 1 + 3), 4 * 16
    moved = num * (parameters + 2 * record) + counts["pairs"] * (16 + record) + 4 * 5 * size * size
    source = torch.zeros(1 << 24)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        target.copy_(source)
        seconds.append(time.perf_counter() - start)
    bandwidth = 2 * 4 * source.numel() / statistics.median(seconds)
    return blend, moved / bandwidth * 1e3


def measure(config: Config, num: int, size: int, threads: int) -> list[dict[str, object]]:
    """Rows of one scene on one number of threads."""
    torch.set_num_threads(threads)
    scene = head_scene(num, size)
    counts = work(scene, size)
    blend_floor, move_floor = floors_ms(counts, num, size, threads)
    seconds, stages = time_rounds(config, contestants(scene, size, num * size * size <= config.gsplat_limit))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    total = sum(statistics.median(values) for values in stages.values())

    def row(what: str, values: list[float], **more: object) -> dict[str, object]:
        return {
            "gaussians": num,
            "size": size,
            "threads": threads,
            "what": what,
            "median_ms": round(statistics.median(values) * 1e3, 3),
            "best_ms": round(min(values) * 1e3, 3),
            "times_ours": "",
            "share": "",
            "floor_ms": "",
            "ns_per_fragment": "",
        } | more

    rows = []
    for name, values in seconds.items():
        ours = medians[name.removeprefix("gsplat torch ")]
        floor = round(move_floor, 3) if name == "forward" else ""
        rows.append(row(name, values, times_ours=round(medians[name] / ours, 2), floor_ms=floor))
    for stage, values in stages.items():
        share = statistics.median(values)
        more: dict[str, object] = {"share": round(share / total, 3)}
        if stage.startswith("blend"):
            more["ns_per_fragment"] = round(share * 1e9 / counts["fragments"], 3)
        if stage == "blend":
            more["floor_ms"] = round(blend_floor, 3)
        rows.append(row(f"stage {stage}", values, **more))
    return [r | counts for r in rows]


def time_rounds(
    config: Config, runs: dict[str, Callable[[], dict[str, float]]]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of every contestant and every stage, round by round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    stages: dict[str, list[float]] = {}
    for round_ in range(-2, config.rounds):
        for name, run in runs.items():
            if name.startswith("gsplat") and not 0 <= round_ < config.gsplat_rounds:
                continue
            start = time.perf_counter()
            parts = run()
            if round_ >= 0:
                seconds[name].append(time.perf_counter() - start)
                for stage, value in parts.items():
                    stages.setdefault(stage, []).append(value)
    return seconds, stages


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Milliseconds over the number of Gaussians, and where they go."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    threads = max(row["threads"] for row in rows)
    size = 512 if any(row["size"] == 512 for row in rows) else rows[0]["size"]
    mine = [row for row in rows if row["threads"] == threads and row["size"] == size]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), constrained_layout=True)
    for what in ("forward", "forward+backward"):
        points = [(row["gaussians"] / 1000, row["median_ms"]) for row in mine if row["what"] == what]
        left.plot(*zip(*points, strict=True), marker="o", label=what)
    left.set(xlabel="thousand Gaussians", ylabel="ms", title=f"{size} x {size}, {threads} threads", xlim=0, ylim=0)
    left.legend()
    stages = list(dict.fromkeys(row["what"] for row in mine if row["what"].startswith("stage")))
    counts = sorted({row["gaussians"] for row in mine})
    bottom = [0.0] * len(counts)
    for stage in stages:
        heights = [next(r["median_ms"] for r in mine if r["gaussians"] == n and r["what"] == stage) for n in counts]
        right.bar([f"{n // 1000}k" for n in counts], heights, bottom=bottom, label=stage.removeprefix("stage "))
        bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    right.set(ylabel="ms", title="stages of forward + backward")
    right.legend(ncols=2, fontsize=8)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def surroundings() -> dict[str, str]:
    """Date, commit, versions, machine and how busy it was, for every row."""
    from gaussian_head import _kernels

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "torch": torch.__version__,
        "load_average": f"{os.getloadavg()[0]:.1f}",
        "instruction_set": _kernels.instruction_set(),
        "cpu": names[0].split(":")[1].strip() if names else platform.processor(),
    }


def main(config: Config) -> None:
    """Measure all scenes and write the CSV and the plot."""
    if config.suite == "gpu":
        from bench_gpu import GpuConfig
        from bench_gpu import main as measure_gpu

        out = config.out.with_stem(config.out.stem + "_gpu")
        measure_gpu(GpuConfig(counts=config.counts, sizes=config.sizes, rounds=config.rounds, out=out))
        return
    rows = []
    for num in config.counts:
        for size in config.sizes:
            for threads in config.threads:
                around = surroundings()
                for row in measure(config, num, size, threads):
                    rows.append(row | around)
                    shown = ("what", "median_ms", "best_ms", "times_ours", "share", "floor_ms", "ns_per_fragment")
                    print(num, size, threads, *(row[name] for name in shown))
    write(rows, config.out)
    plot(rows, config.out.with_suffix(".png"))


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {path}")


if __name__ == "__main__":
    main(tyro.cli(Config, description=__doc__))
