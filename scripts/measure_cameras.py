"""Film made-up people with up to eight cameras, make heads of 1 to 8 of them, and measure before another one."""

import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import tyro

from gaussian_head.capture import Capture
from gaussian_head.checks import InputError
from gaussian_head.demo.rig import Rig, RigCamera, film_rig, load_rig
from gaussian_head.durable import replacing
from gaussian_head.evaluation.held_camera import evaluate_camera, score_camera
from gaussian_head.evaluation.rig_moods import MoodSeen, moods_seen_again, score_moods
from gaussian_head.evaluation.rigs import score_rig
from gaussian_head.media import read_audio
from gaussian_head.tracking import track
from gaussian_head.tracking.clocks import clock_of
from gaussian_head.tracking.findings import MOST_LOST
from gaussian_head.tracking.placing import Filming
from gaussian_head.tracking.several import BESIDE_LOST, join
from gaussian_head.training import PRESETS, train
from gaussian_head.verbs.bars import drawing

CAMERAS = tuple(
    RigCamera(name=name, yaw=math.radians(yaw), pitch=math.radians(pitch), noise=0.02, **more)
    for name, yaw, pitch, more in (
        ("left", 45, 0, {"offset": 0.217, "drift": 2e-4, "gain": 1.1, "zoom": 1.1}),
        ("right", -45, 0, {"offset": 0.091, "drift": -1e-4, "gain": 0.9}),
        ("above", 15, -20, {"offset": 0.133}),
        ("below", -12, 14, {"offset": 0.021, "gain": 1.05}),
        ("near", 20, 4, {"offset": 0.177, "drift": 1e-4}),
        ("far", -60, 0, {"offset": 0.064}),
        ("other", -25, -10, {"offset": 0.2, "zoom": 0.9}),
        ("side", 30, 0, {"offset": 0.05}),
    )
)
HELD = "side"
SETS = {
    "1": (),
    "2": ("left",),
    "3": ("left", "right"),
    "4": ("left", "right", "above"),
    "4, right broken": ("left", "right broken", "above"),
    "8": tuple(camera.name for camera in CAMERAS if camera.name != HELD),
}
MOODS, LEVELS = ("happy", "sad", "surprised"), (0.3, 0.6, 1.0)


def main(
    work: Path,
    out: Path,
    seeds: tuple[int, ...] = (2001,),
    sets: tuple[str, ...] = tuple(SETS),
    seconds: float = 3.4,
    size: int = 320,
    steps: int = 400,
) -> None:
    """Write a JSON: clocks, cameras, geometry, PSNR before the camera left out and moods; goes on where it was.

    Args:
        work: Folder for films, captures and heads.
        out: JSON to write.
        seeds: Numbers of the people.
        sets: How many cameras teach, see SETS.
        seconds: Length of the clip.
        size: Width and height in pixels.
        steps: Of the first stage, at half the size; a third as many follow at full size.
    """
    table: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    for seed in seeds:
        person, rig = table.setdefault(str(seed), {}), _filmed(work / str(seed), seed, seconds, size)
        for name in sets:
            if name not in person:
                person[name] = _measured(rig, work / str(seed), name, size, steps)
                with replacing(out) as temporary:
                    temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"numbers: {out}")


def _filmed(work: Path, seed: int, seconds: float, size: int) -> Rig:
    """The films, and one of them cut off in the middle as if its disk had been full."""
    films = work / "films"
    if not (films / "rig.json").exists():
        with drawing() as listener:
            film_rig(films, CAMERAS, seed=seed, seconds=seconds, size=size, listener=listener)
    whole = (films / "right.mp4").read_bytes()
    (films / "right broken.mp4").write_bytes(whole[: len(whole) // 2])
    return load_rig(films)


def _measured(rig: Rig, work: Path, name: str, size: int, steps: int) -> dict[str, Any]:
    capture, lost = _joined(rig, work, work / f"capture {name}", SETS[name], size)
    coarse, fine = PRESETS["preview"].stages
    stages = (replace(coarse, iterations=steps), replace(fine, iterations=steps // 3, resolution=1.0))
    init = replace(PRESETS["preview"].init, face_stride=4.0, torso_stride=6.0)
    config = replace(
        PRESETS["preview"], stages=stages, init=init, max_gaussians=9000, densify_every=150, hold_out=(HELD,)
    )
    with drawing() as listener:
        actor = train(capture, work / f"head {name}", config, overwrite=True, listener=listener)
        report = evaluate_camera(work / f"head {name}", work / f"report {name}", HELD, listener=listener)
    found = score_rig(capture, rig)
    return {
        "psnr": _rounded(score_camera(actor, capture, HELD, 20)),
        "null, nearest camera's picture": _rounded(
            {k: v for k, v in report.summary()["nearest"].items() if k in ("psnr_full", "psnr_head")}
        ),
        "geometry_mm": round(found.geometry_mm, 2),
        "cameras": {camera: _rounded(asdict(scores)) for camera, scores in found.cameras.items()},
        "moods": {k: _rounded(v) for k, v in score_moods(actor, capture, rig, HELD, MOODS, LEVELS).items()},
        "moods tracked again": _moods(moods_seen_again(actor, capture, rig, MOODS, LEVELS)),
        "left out": lost,
        "gaussians": len(actor.head),
    }


def _joined(rig: Rig, work: Path, folder: Path, teaching: tuple[str, ...], size: int) -> tuple[Capture, list[str]]:
    """A capture of the leading camera, those that teach, and the one that is only placed; each is tracked once."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_tracked(work, "front", size), folder)
    info = folder / "capture.json"
    info.write_text(info.read_text().replace('"has_audio": true', '"has_audio": false'))  # no voice is measured here
    heard, found, lost = read_audio(rig.videos[0], sample_rate=16000), [], []
    for name in (*teaching, HELD):
        own = folder / "views" / name
        try:
            shutil.copytree(_tracked(work, name, size), own)
        except InputError as error:
            lost.append(str(error).replace(str(work), ""))
            continue
        clock = clock_of(heard, read_audio(work / "films" / f"{name}.mp4", sample_rate=16000), name)
        found.append(Filming(name=name, capture=Capture.load(own), clock=clock, held_out=name == HELD))
    join(Capture.load(folder), found)
    return Capture.load(folder), lost


def _tracked(work: Path, name: str, size: int) -> Path:
    own = work / "tracked" / name
    if not (own / "capture.json").exists():
        with drawing() as listener:
            lost = MOST_LOST if name == "front" else BESIDE_LOST
            track(work / "films" / f"{name}.mp4", own, size=size, most_lost=lost, listener=listener)
    return own


def _moods(found: dict[str, dict[str, MoodSeen]]) -> dict[str, Any]:
    """By who was seen, mood and level."""
    return {
        who: {key: {"seen": round(one.seen, 3), "cosine": _rounded(one.cosine)} for key, one in rows.items()}
        for who, rows in found.items()
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in values.items()}


if __name__ == "__main__":
    tyro.cli(main)
