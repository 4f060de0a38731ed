"""Make heads of 6, 16 and 32 pictures of a made-up person at one moment, and measure on other pictures of it."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from gaussian_head.camera import Camera
from gaussian_head.demo.population import PersonTruth, draw_person, make_person_clip, turned_round
from gaussian_head.durable import replacing
from gaussian_head.media import read_image, write_image
from gaussian_head.scanning import reconstruct_views
from gaussian_head.verbs.bars import drawing

OTHERS_DEG = (12, 50, 95, 160, 230, 285, 330)
"""Angles of the pictures that are left out."""
KINDS = ("transforms", "azimuths")


def main(
    work: Path,
    out: Path,
    seed: int = 2001,
    counts: tuple[int, ...] = (6, 16, 32),
    kinds: tuple[str, ...] = KINDS,
    size: int = 256,
    steps: int = 500,
) -> None:
    """Write a JSON: PSNR on seven pictures left out, and of the nearest picture as it is; goes on where it was.

    Args:
        work: Folder for pictures and heads.
        out: JSON to write.
        seed: Number of the person.
        counts: Of pictures to learn from.
        kinds: How cameras are told: `transforms`, a file in units of its own; `azimuths` at the end of names, level.
        size: Width and height that is worked at; pictures are a quarter larger.
        steps: Of the optimisation.
    """
    table: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    truth = _straight(make_person_clip(work / "person", seed=seed, seconds=1.0, fps=5.0, size=128).truth)
    for kind in kinds:
        for count in counts:
            name = f"{kind} {count}"
            if name in table:
                continue
            folder, held = work / name, [f"other{a}_{a}" for a in OTHERS_DEG]
            _take(folder, truth, count, 5 * size // 4, level=kind == "azimuths")
            if kind == "azimuths":
                (folder / "transforms.json").unlink()
            with drawing() as listener:
                reconstruct_views(
                    folder, work / f"head {name}", size=size, hold_out=held, steps=steps, overwrite=True,
                    listener=listener,
                )  # fmt: skip
            said = json.loads((work / f"head {name}" / "views.json").read_text())["psnr"]
            table[name] = {
                "psnr": round(float(np.mean([said[picture] for picture in held])), 2),
                "null, nearest picture": round(_nearest(folder, held), 2),
            }
            with replacing(out) as temporary:
                temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"numbers: {out}")


def _straight(truth: PersonTruth) -> PersonTruth:
    turns = torch.tensor([[1.0, 0, 0, 0]]).expand_as(truth.head_quats)
    return replace(truth, head_quats=turns, torso_quats=turns)


def _take(folder: Path, truth: PersonTruth, count: int, size: int, level: bool) -> None:
    """A ring of pictures and those left out, and their cameras in another unit."""
    lead, frames = truth.cameras[0].resized(size, size), []
    ring = [(360 * i / count, 0.0 if level else 11 * math.sin(2.4 * i)) for i in range(count)]
    for name, angle, pitch in [
        *((f"view{i}_{round(a)}", round(a), p) for i, (a, p) in enumerate(ring)),
        *((f"other{a}_{a}", a, 0.0) for a in OTHERS_DEG),
    ]:
        view = turned_round(truth.torso_positions[0], math.radians(angle), math.radians(pitch))
        camera = Camera(viewmat=view, K=lead.K, width=size, height=size)
        write_image(folder / f"{name}.png", draw_person(truth, 0, camera))
        told = view.double().numpy().copy()
        told[:3, 3] *= 7.3
        matrix = np.linalg.inv(told) @ np.diag([1.0, -1.0, -1.0, 1.0])
        frames.append({"file_path": f"{name}.png", "transform_matrix": matrix.tolist()})
    K = lead.K
    lens = {"fl_x": float(K[0, 0]), "fl_y": float(K[1, 1]), "cx": float(K[0, 2]), "cy": float(K[1, 2])}
    (folder / "transforms.json").write_text(json.dumps({"w": size, "h": size, **lens, "frames": frames}))


def _nearest(folder: Path, held: list[str]) -> float:
    """Mean PSNR of the picture taken from the nearest angle, as it is."""
    angles = {path.stem: int(path.stem.rpartition("_")[2]) for path in folder.glob("view*.png")}
    scores = []
    for name in held:
        at = int(name.rpartition("_")[2])
        near = min(angles, key=lambda n: abs((angles[n] - at + 180) % 360 - 180))
        a, b = (read_image(folder / f"{n}.png").astype(np.float64) / 255 for n in (name, near))
        scores.append(-10 * math.log10(np.square(a - b).mean()))
    return float(np.mean(scores))


if __name__ == "__main__":
    tyro.cli(main)
