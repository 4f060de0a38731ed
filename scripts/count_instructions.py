"""Warp instructions that the CUDA kernels spend on a pair (splat, tile), counted in their machine code.

No GPU is asked: loops are found in the disassembly (nvdisasm of CUDA, or of the package nvidia-cuda-nvdisasm), and how
often they run is counted on the head-like scene of ``bench.py``, 50,000 Gaussians at 512 x 512.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
import tyro
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gpu"))
from bench import head_scene
from kernel_budgets import compiled_kernels

from gaussian_head.raster.constants import ALPHA_MIN
from gaussian_head.raster.reference import project

ROOT = Path(__file__).resolve().parents[1]
PATCH = (8, 4)
CHUNK, CHANNELS = 64, 4
"""Splats whose sums are kept at once; channels of the kernels that are counted, a colour and a depth."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to count."""

    arch: str = "90"
    """Compute capability."""
    out: Path = ROOT / "tests" / "bench" / "instructions.json"
    """JSON to write."""


def visits(num: int = 50_000, size: int = 512) -> dict[str, float]:
    """Pairs of the scene, and how many of a tile's 8 patches a pair's splat reaches, at pixel centres."""
    scene = head_scene(num, size)
    viewmat, K = scene["viewmats"][0], scene["Ks"][0]
    splats = project(scene["means"], scene["quats"], scene["scales"], scene["opacities"], viewmat, K, size, size, 0.3)
    level = 2 * torch.log(scene["opacities"] / ALPHA_MIN)
    conics = torch.linalg.inv(splats.covs2d)
    pairs = patches = 0
    for chunk in torch.arange(num).split(2000):
        hit = reached(splats.means2d[chunk], conics[chunk], level[chunk], splats.half_extents[chunk], size)
        pairs += int(hit.flatten(-2).any(-1).sum())
        patches += int(hit.sum())
    return {"pairs": pairs, "patches_a_pair": round(patches / pairs, 3)}


def reached(centres: Tensor, conics: Tensor, level: Tensor, extents: Tensor, size: int) -> Tensor:
    """``[n, tiles of its window, 4, 2]`` bool: patches in which a pixel centre is seen by each splat."""
    span = 16 * (int(extents.max() * 2 / 16) + 2)
    corner = ((centres - extents) / 16).floor().clamp(min=0) * 16
    offsets = torch.arange(span) + 0.5
    x, y = (corner[:, i, None] + offsets for i in (0, 1))
    dx, dy = x[:, None, :] - centres[:, 0, None, None], y[:, :, None] - centres[:, 1, None, None]
    a, b, c = conics[:, 0, 0], conics[:, 0, 1], conics[:, 1, 1]
    distance = a[:, None, None] * dx**2 + 2 * b[:, None, None] * dx * dy + c[:, None, None] * dy**2
    seen = (distance <= level[:, None, None]) & (x < size)[:, None, :] & (y < size)[:, :, None]
    tiles = span // 16
    parts = seen.view(len(centres), tiles, 16 // PATCH[1], PATCH[1], tiles, 16 // PATCH[0], PATCH[0]).any(6).any(3)
    return parts.permute(0, 1, 3, 2, 4).flatten(1, 2)


def loops(cubin: Path, kernel: str) -> list[tuple[int, int]]:
    """First and last instruction of each loop of a kernel, innermost first."""
    tool = shutil.which("nvdisasm") or next(map(str, Path(sys.prefix).rglob("nvdisasm")), None)
    if tool is None:
        raise SystemExit("nvdisasm is not here; pip install nvidia-cuda-nvdisasm brings it")
    text = subprocess.run([tool, "-c", str(cubin)], capture_output=True, text=True, check=True).stdout
    sections = [part for part in text.split("\t.section\t")[1:] if part.startswith(".text.")]
    section = next(part for part in sections if kernel in part.split(",")[0])
    labels, code = {}, []
    for line in section.splitlines():
        if match := re.match(r"\s*\.(L_x_\d+):", line):
            labels[match.group(1)] = len(code)
        elif match := re.match(r"\s*/\*[0-9a-f]+\*/\s+(.*?);", line):
            code.append(match.group(1))
    found = []
    for at, instruction in enumerate(code):
        match = re.search(r"BRA.*?(L_x_\d+)", instruction)
        if match and labels.get(match.group(1), at + 1) <= at:
            found.append((labels[match.group(1)], at))
    return sorted(found, key=lambda loop: loop[1] - loop[0])


def length(loop: tuple[int, int]) -> int:
    """Instructions of a loop's body, with what lies within."""
    return loop[1] - loop[0] + 1


def around(inner: tuple[int, int], found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The loops around one and itself, from it outwards."""
    return sorted((loop for loop in found if loop[0] <= inner[0] and inner[1] <= loop[1]), key=length)


def nested(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The loop that walks splats and those around it: words of 32, in the backward pass chunks of 64, batches."""
    outer = max(found, key=length)
    return max((around(loop, found) for loop in found if outer in around(loop, found)), key=len)


def main(options: Options) -> None:
    """Count and write."""
    seen = visits()
    with tempfile.TemporaryDirectory() as folder:
        compiled_kernels("rasterizer.cu", options.arch, Path(folder))
        cubin = Path(folder) / f"rasterizer.sm_{options.arch}.cubin"
        found = [loops(cubin, f"{name}ILi{CHANNELS}E") for name in ("11blend_tiles", "15blend_tiles_vjp")]
    visit = seen["patches_a_pair"]
    splat, word, batch = map(length, nested(found[0])[:3])
    # Every splat of a batch is loaded by one thread, every word of 32 splats is looked at by 8 warps.
    forward = visit * splat + (word - splat) * 8 / 32 + (batch - word) / 32
    row: dict = {"forward": {"splat": splat, "word": word, "batch": batch, "a_pair": round(forward, 1)}}
    chain = nested(found[1])
    splat, word, chunk, batch = map(length, chain[:4])
    within = [loop for loop in found[1] if chain[2][0] <= loop[0] and loop[1] <= chain[2][1]]
    adding = [length(loop) for loop in within if loop[0] > chain[1][1]]  # several of one source: for the first pass, …
    rounds = CHUNK * (6 + CHANNELS) / 256  # of adding, an item a thread, all 8 patches counted
    backward = visit * splat + (word - splat) * 8 / 32 + (batch - chunk) / 32
    backward += (max(adding) * rounds + chunk - word - sum(adding)) * 8 / CHUNK
    row["backward"] = {
        "splat": splat,
        "word": word,
        "adding": max(adding),
        "batch": batch,
        "a_pair": round(backward, 1),
    }
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    about = {"date": date.today().isoformat(), "commit": commit, "arch": options.arch}
    about["protocol"] = " ".join(str(__doc__).split())
    options.out.write_text(json.dumps(about | seen | row, indent=1) + "\n")
    print(json.dumps(seen | row))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
