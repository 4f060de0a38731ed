"""The stages of ``gpu_check.sh``: each a word on the command line. Nothing but torch and this package is imported."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = "numbers: "
"""How a line of a stage's log begins that goes into the results."""


def say(**values: object) -> None:
    """Put numbers into the log, to be found by ``note``."""
    sys.stdout.write(NUMBERS + json.dumps(values) + "\n")
    sys.stdout.flush()


def note(name: str, code: str, seconds: str, log: str, results: str) -> None:
    """Add a stage to the results: whether it went well, what it measured, and else its last words."""
    lines = [line.strip() for line in Path(log).read_text(errors="replace").splitlines() if line.strip()]
    ok = code == "0"
    row = {"stage": name, "ok": ok, "seconds": int(seconds)}
    if not ok:
        row["why"] = (lines[-1] if lines else f"it said nothing and ended with {code}")[-300:]
    found = [json.loads(line.removeprefix(NUMBERS)) for line in lines if line.startswith(NUMBERS)]
    with Path(results).open("a") as file:
        file.write(json.dumps(row) + "\n")
        for values in found:
            file.write(json.dumps({"stage": name} | values) + "\n")
    sys.stdout.write(f"{'ok    ' if ok else 'FAILED'} {name} ({seconds} s){'' if ok else ': ' + row['why']}\n")


def told(*command: str) -> str:
    """What a program prints, or that it is not here."""
    if not shutil.which(command[0]):
        return "not here"
    done = subprocess.run(command, capture_output=True, text=True, timeout=15)
    return (done.stdout or done.stderr).strip()


def require_gpu() -> None:
    """End the stage with the reason where nothing can run on a GPU."""
    if importlib.util.find_spec("torch") is None:
        raise SystemExit("torch is not installed")
    sys.path[:0] = [str(ROOT)] if importlib.util.find_spec("gaussian_head") is None else []
    from gaussian_head.kernels import why_no_cuda

    reason = why_no_cuda()
    if reason:
        raise SystemExit(reason)


def versions() -> None:
    """Card, driver and programs."""
    say(python=platform.python_version(), machine=platform.platform(), cores=os.cpu_count())
    query = "name,driver_version,memory.total,clocks.max.sm,power.limit,ecc.mode.current,mig.mode.current"
    say(card=told("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"))
    say(nvcc=told("nvcc", "--version").splitlines()[-1:], commit=told("git", "-C", str(ROOT), "rev-parse", "HEAD"))
    import torch

    say(torch=torch.__version__, torch_cuda=torch.version.cuda, sees_gpu=torch.cuda.is_available())
    if not torch.cuda.is_available():
        raise SystemExit(f"torch {torch.__version__} sees no GPU")


def gsplat() -> None:
    """Have gsplat's kernels compiled, which its first call does."""
    if importlib.util.find_spec("gsplat") is None:
        raise SystemExit("gsplat is not installed; put a wheel of it beside and pip install it for the comparison")
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU")
    import gsplat as package

    gsplat_frames(head_scene(100, 64, 1), 64)
    say(gsplat=package.__version__)


def cases() -> dict[str, Callable[[str], dict]]:
    """The cases of the tests."""
    sys.path.insert(0, str(ROOT / "tests" / "gpu"))
    from gpu_cases import CASES

    return CASES


def smoke() -> None:
    """Every differentiable operation, CPU against CUDA: relative difference of each tensor."""
    require_gpu()
    worst = 0.0
    for name, run in cases().items():
        try:
            want, have = run("cpu"), run("cuda")
        except Exception as error:
            say(case=name, error=f"{type(error).__name__}: {error}"[:300])
            worst = math.inf
            continue
        off = {
            key: float((have[key].double() - value.double()).norm() / (value.double().norm() + 1e-12))
            for key, value in want.items()
            if value.numel()
        }
        key = max(off, key=lambda key: off[key])
        say(case=name, worst=key, relative=off[key])
        worst = max(worst, off[key])
    if not worst < 1e-3:
        raise SystemExit(f"CUDA and CPU differ by {worst:.1e}")


def head_scene(num: int, size: int, frames: int) -> dict:
    """A head-like scene on the GPU, ``frames`` of them: a shell and a slab below it."""
    import torch

    rng = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(num - num // 4, 3, generator=rng), dim=1)
    shell = directions * (1 + 0.04 * torch.randn(len(directions), 1, generator=rng))
    torso = torch.rand(num // 4, 3, generator=rng) * torch.tensor([0.36, 0.12, 0.12])
    means = torch.cat([shell * torch.tensor([0.075, 0.11, 0.095]), torso + torch.tensor([-0.18, 0.12, -0.06])])
    scales = 0.6 * math.sqrt(0.16 / num) * torch.exp(0.45 * torch.randn(num, 3, generator=rng))
    scales[:, 2] *= 0.4
    focal = 1200 / 512 * size
    scene = {
        "means": means + torch.tensor([0.0, 0.0, 1.0]),
        "quats": torch.randn(num, 4, generator=rng),
        "scales": scales,
        "opacities": 0.05 + 0.9 * torch.rand(num, generator=rng),
        "colors": torch.rand(num, 3, generator=rng),
        "viewmats": torch.eye(4),
        "Ks": torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]]),
    }
    return {name: value.cuda().expand(frames, *value.shape).contiguous() for name, value in scene.items()}


def our_frames(scene: dict, size: int) -> Tensor:
    """Our pictures ``[F, H, W, 3]``."""
    from gaussian_head.raster.frames import rasterize_frames

    return rasterize_frames(**scene, width=size, height=size).rgb


def gsplat_frames(scene: dict, size: int) -> Tensor:
    """gsplat's, through its own batch dimension: one camera a batch."""
    from gsplat import rasterization

    batched = {name: value[:, None] if name in ("viewmats", "Ks") else value for name, value in scene.items()}
    image, _, _ = rasterization(**batched, width=size, height=size, packed=False, render_mode="RGB+D")
    return image[:, 0, ..., :3]


def small() -> None:
    """One forward and backward pass at 64 x 64, for the sanitizers."""
    require_gpu()
    once(300, 64)


def once(num: int = 50_000, size: int = 512) -> None:
    """One forward and backward pass, for the profiler."""
    require_gpu()
    import torch

    scene = head_scene(num, size, 1)
    leaves = {name: value.requires_grad_() for name, value in scene.items() if name != "Ks"}
    our_frames(scene | leaves, size).square().sum().backward()
    torch.cuda.synchronize()
    if not all(torch.isfinite(leaf.grad).all() for leaf in leaves.values() if leaf.grad is not None):
        raise SystemExit("a gradient is not finite")


def microseconds(run: Callable[[], object], rounds: int = 30) -> dict[str, float]:
    """Median wall of a call with its work done, until it returns, and on the device alone."""
    import torch

    for _ in range(5):
        run()
    torch.cuda.synchronize()
    walls, returns, devices = [], [], []
    for _ in range(rounds):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        at = time.perf_counter()
        begin.record()
        run()
        end.record()
        returns.append(time.perf_counter() - at)
        torch.cuda.synchronize()
        walls.append(time.perf_counter() - at)
        devices.append(begin.elapsed_time(end) * 1e-3)
    named = {"wall": walls, "returned": returns, "between_events": devices}
    return {f"{name}_us": round(statistics.median(values) * 1e6, 1) for name, values in named.items()}


def ceilings() -> None:
    """What the card can do at most: bytes and products a second, and what a launch costs."""
    require_gpu()
    import torch

    block, small_one = torch.empty(2**28, device="cuda", dtype=torch.uint8), torch.zeros(1, device="cuda")
    matrix = torch.randn(4096, 4096, device="cuda")
    torch.backends.cuda.matmul.allow_tf32 = False
    other = torch.empty_like(block)
    copied = microseconds(lambda: other.copy_(block))["between_events_us"]
    multiplied = microseconds(lambda: matrix @ matrix)["between_events_us"]
    say(copy_gb_s=round(2 * block.nbytes / copied * 1e-3, 1), f32_tflops=round(2 * 4096**3 / multiplied * 1e-6, 1))
    say(launch_us=microseconds(lambda: small_one.add_(1))["returned_us"])


def timing() -> None:
    """Three sizes, three counts, one frame and eight; ours beside gsplat where that is here. The usual first."""
    require_gpu()
    rest = [(size, num, 1) for size in (256, 512, 1024) for num in (20_000, 150_000)]
    for size, num, frames in ((512, 50_000, 1), (512, 50_000, 8), *rest):
        scene = head_scene(num, size, frames)
        about = {"size": size, "gaussians": num, "frames": frames}
        for who, draw in (("ours", our_frames), ("gsplat", gsplat_frames)):
            if importlib.util.find_spec("gsplat") is not None or who == "ours":
                try:
                    say(who=who, **about, **timed(draw, scene, size))
                except Exception as error:
                    say(who=who, **about, error=f"{type(error).__name__}: {error}"[:300])


def timed(draw: Callable[[dict, int], Tensor], scene: dict, size: int) -> dict[str, object]:
    """Microseconds of pictures alone and with their gradients, and how far the pictures are from ours."""
    import torch

    fixed = ("Ks", "viewmats")
    leaves = {name: value.clone().requires_grad_() for name, value in scene.items() if name not in fixed}
    with torch.no_grad():
        off = float((our_frames(scene, size) - draw(scene, size)).abs().mean())
        forward = microseconds(lambda: draw(scene, size))
    both = microseconds(lambda: draw(scene | leaves, size).sum().backward())
    return {"forward": forward, "both": both, "mean_difference_to_ours": off}


def table(results: str, predicted: str) -> None:
    """What was measured beside what was predicted."""
    rows = [json.loads(line) for line in Path(results).read_text().splitlines()]
    expected = json.loads(Path(predicted).read_text())
    measured = {}
    for row in rows:
        if row["stage"] == "timing" and row.get("gaussians") == 50_000 and "forward" in row:
            one = row["frames"] == 1
            measured[("forward_wall_us" if one else "frames8_wall_us", row["who"])] = row["forward"]["wall_us"]
            if one:
                measured[("both_wall_us", row["who"])] = row["both"]["wall_us"]
                there = [row[what]["between_events_us"] for what in ("forward", "both")]
                measured[("forward_device_us", row["who"])] = there[0]
                measured[("backward_device_us", row["who"])] = round(there[1] - there[0], 1)
        if row["stage"] == "training" and row.get("batch") == 1:
            measured[("training_step_ms", "ours")] = row["ms_without_graphs"]
            measured[("captured_step_ms", "ours")] = row["ms_a_frame"]
        if "seconds" in row:
            measured[("seconds", row["stage"])] = row["seconds"]
    sys.stdout.write(f"\n{'':<22}{'':<10}{'measured':>12}{'predicted':>12}\n")
    for what, values in expected.items():
        for who, value in values.items() if isinstance(values, dict) else ():
            have = measured.get((what, who))
            sys.stdout.write(f"{what:<22}{who:<10}{'none' if have is None else f'{have:g}':>12}{value:>12g}\n")


if __name__ == "__main__":
    stage, *arguments = sys.argv[1:]
    stages = (note, versions, gsplat, smoke, small, once, ceilings, timing, table)
    {function.__name__: function for function in stages}[stage](*arguments)
