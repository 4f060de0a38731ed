"""Film made-up people with several cameras, make heads of one, three and four of them, and measure on another one."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import torch
import tyro

from gaussian_head.actor import Actor
from gaussian_head.capture import Capture, views_of
from gaussian_head.demo.rig import Rig, RigCamera, film_rig
from gaussian_head.evaluation.held_camera import score_camera
from gaussian_head.media import read_audio
from gaussian_head.tracking import track
from gaussian_head.tracking.clocks import clock_of
from gaussian_head.tracking.placing import Filming
from gaussian_head.tracking.several import join
from gaussian_head.training import PRESETS, train
from gaussian_head.verbs.bars import drawing

CAMERAS = (
    RigCamera(name="left", yaw=math.radians(45), offset=0.217, drift=2e-4, gain=1.1, noise=0.02, zoom=1.1),
    RigCamera(name="right", yaw=math.radians(-45), offset=0.091, drift=-1e-4, gain=0.9, noise=0.02),
    RigCamera(name="above", yaw=math.radians(15), pitch=math.radians(-20), offset=0.133, noise=0.02),
    RigCamera(name="side", yaw=math.radians(30), offset=0.05, noise=0.02),
)
HELD, SETS = "side", {"1": (), "3": ("left", "right"), "4": ("left", "right", "above")}


def main(work: Path, out: Path, seed: int = 2001, seconds: float = 3.4, size: int = 384, steps: int = 500) -> None:
    """Write a JSON: clocks, placing, and PSNR on the camera left out, for each number of cameras that taught.

    Args:
        work: Folder for films, captures and heads.
        out: JSON to write.
        seed: Number of the person.
        seconds: Length of the clip.
        size: Width and height in pixels.
        steps: Of the first stage, at half the size; a third as many follow.
    """
    with drawing() as listener:
        rig = film_rig(work / "films", CAMERAS, seed=seed, seconds=seconds, size=size, listener=listener)
        for video in rig.videos:
            track(video, work / video.stem, size=size, overwrite=True, listener=listener)
        said = {}
        for name, teaching in SETS.items():
            capture = _joined(rig, work, work / f"capture_{name}", teaching)
            coarse, fine = PRESETS["preview"].stages
            stages = (replace(coarse, iterations=steps), replace(fine, iterations=3 * steps // 10, resolution=0.5))
            init = replace(PRESETS["preview"].init, face_stride=4.0, torso_stride=6.0)
            config = replace(
                PRESETS["preview"], stages=stages, init=init, max_gaussians=9000, densify_every=150, hold_out=(HELD,)
            )
            actor = train(capture, work / f"head_{name}", config, overwrite=True, listener=listener)
            said[name] = _scores(actor, capture, rig)
    out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    print(f"numbers: {out}")


def _joined(rig: Rig, work: Path, folder: Path, teaching: tuple[str, ...]) -> Capture:
    """A capture of the leading camera, those that teach, and the one that is only placed."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(work / "front", folder)
    info = folder / "capture.json"
    info.write_text(info.read_text().replace('"has_audio": true', '"has_audio": false'))  # no voice is measured here
    heard, found = read_audio(rig.videos[0], sample_rate=16000), []
    for name in (*teaching, HELD):
        own = folder / "views" / name
        shutil.copytree(work / name, own)
        clock = clock_of(heard, read_audio(work / "films" / f"{name}.mp4", sample_rate=16000), name)
        found.append(Filming(name=name, capture=Capture.load(own), clock=clock, held_out=name == HELD))
    join(Capture.load(folder), found)
    return Capture.load(folder)


def _scores(actor: Actor, capture: Capture, rig: Rig) -> dict[str, object]:
    """What is known of the cameras, and how like the head is to the one left out."""
    truth = {camera.name: camera for camera in rig.cameras}
    clocks = {}
    for view in views_of(capture)[1:]:
        at = torch.arange(view.capture.num_frames) / view.capture.fps
        true = truth[view.name].offset + (1 + truth[view.name].drift) * at
        clocks[view.name] = round(1000 * float((view.moments / capture.fps - true).abs().max()), 3)
    scores = {name: round(float(value), 2) for name, value in score_camera(actor, capture, HELD, 10).items()}
    residual = {name: said["residual_of_face"] for name, said in capture.report["cameras"].items()}
    return {
        "clock_ms_at_most": clocks,
        "residual_of_face": residual,
        **scores,
        "gaussians": len(actor.head),
    }


if __name__ == "__main__":
    tyro.cli(main)
