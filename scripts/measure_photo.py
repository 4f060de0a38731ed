"""Measure heads made of photographs: on made-up people with known truth, and on real clips against their own still."""

import json
import math
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from gaussian_head import Capture
from gaussian_head.actor.speak import voice_of
from gaussian_head.checks import InputError
from gaussian_head.demo.population import PersonTruth, make_person_clip
from gaussian_head.durable import replacing
from gaussian_head.evaluation.lip_sync import judge_of_pictures
from gaussian_head.evaluation.photographed import (
    average_shape,
    carried_marks,
    drawn_like,
    following,
    mouth_distance,
    photograph_of,
    score_around,
    score_card,
    seen_around,
    warped_still,
)
from gaussian_head.face import FaceModel
from gaussian_head.head.frames import rest_frame
from gaussian_head.media import Photograph
from gaussian_head.metrics.identity import FaceIdentity, distance, is_installed
from gaussian_head.metrics.lips import detect_landmarks, landmark_distance
from gaussian_head.metrics.lpips import Lpips
from gaussian_head.photo import BuiltHead, build, prepare
from gaussian_head.photo.building import dressed
from gaussian_head.photo.refining import moment_of
from gaussian_head.rendering import orbit_view
from gaussian_head.rendering.frames import render_gaussians
from gaussian_head.voice.mouth import COLUMNS

PHOTOS_DEG = {"frontal": (0,), "three-quarter": (45,), "two": (0, 40), "five": (0, 25, -25, 50, -50)}
"""Turns from which each kind of head is photographed."""
MOUTH = torch.tensor(COLUMNS)
TURNED_DEG = (0, -15, 15, -30, 30)
"""Turns at which a real person's head is held against the photograph."""

PROTOCOL = (
    "People: PSNR in dB of whole square pictures over the true plain wall, head straight, cameras carried round it "
    "by so many degrees from the front; our camera is the fitted one of the first photograph, carried round our own "
    "head alike, and nothing of the truth places it. No mirror, average head, flat card (the person cut out of the "
    "photograph, standing in the air): null rows. Clips: one frame is the photograph, the tracked motion of the clip "
    "is played; mouth LMD in pixels of the 512 square, shift taken out; LPIPS-squeeze of the square around the mouth. "
    "'still' shows the photograph unchanged; 'still warped by the motion' pulls it by what the parametric head's "
    "landmarks do in the motion that the head is given; 'warped still' to the recorded frame's own landmarks, which no "
    "driven method knows. Identity: distance of dlib's face embeddings, about .2 of one person in two pictures, .8 of "
    "two people; to the recorded frames, and, turned, to the photograph."
)


def main(
    out: Path,
    work: Path,
    people: int = 20,
    first: int = 2000,
    size: int = 512,
    captures: tuple[Path, ...] = (),
    spoken: tuple[Path, ...] = (),
    lpips: Path = Path("../shared/models/lpips"),
    frames: int = 30,
    kinds: tuple[str, ...] = tuple(PHOTOS_DEG),
    nulls: bool = True,
    steps: int = 300,
) -> None:
    """Write a JSON of all scores; what was measured already under the same name is kept.

    Args:
        out: JSON to write.
        work: Folder for made-up people.
        people: How many made-up people.
        first: Number of the first.
        size: Width and height of photographs and views, pixels.
        captures: Captures of real clips, each of another person.
        spoken: Captures of real clips whose held-out sound a photograph of them is to say.
        lpips: Folder with squeeze.backbone.pth and squeeze.pth.
        frames: Frames of each clip that are compared.
        kinds: Kinds of heads, see PHOTOS_DEG.
        nulls: Measure flat card, average head and no mirror beside those of one photograph.
        steps: Of each head's optimisation.
    """
    table: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {"people": {}, "clips": {}}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    table |= {
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "size": size,
        "steps": steps,
        "protocol": PROTOCOL,
    }
    for seed in range(first, first + people):
        person = table["people"].setdefault(str(seed), {})
        for kind in kinds:
            if kind not in person:
                person |= _person(work, seed, size, kind, nulls, steps)
                _write(out, table)
    net = Lpips.load(lpips / "squeeze.backbone.pth", lpips / "squeeze.pth", network="squeeze") if captures else None
    for path in captures:
        name = path.parent.name if path.name == "capture" else path.name
        if net is not None and name not in table["clips"]:
            table["clips"][name] = _clip(Capture.load(path), net, frames, steps)
            _write(out, table)
    for path in spoken:
        table.setdefault("spoken", {})[path.parent.name] = _spoken(Capture.load(path), steps)
        _write(out, table)
    table["means"] = _means(table)
    _write(out, table)
    print(f"table: {out}")


def _person(work: Path, seed: int, size: int, kind: str, nulls: bool, steps: int) -> dict[str, Any]:
    """PSNR by turn of one kind of head and of the null rows beside it; a refused photograph is told in words."""
    place = work / f"person_{seed}.safetensors"
    if not place.exists():
        make_person_clip(work, seed=seed, seconds=1.0, fps=5.0, size=128)
    truth, t, turns = _facing_front(PersonTruth.load(place)), 0, PHOTOS_DEG[kind]
    try:
        views = [prepare(photograph_of(truth, t, turn, size), size=size) for turn in turns]
    except InputError as error:
        return {kind: f"refused: {error}"}
    built = build(views, steps=steps)
    heads = {kind: built}
    if nulls and len(views) == 1:
        heads[f"{kind}, no mirror"] = dressed(views, built.fit, built.shape, mirror=False, steps=steps)
    if nulls and kind == "frontal":
        average = average_shape(built.fit, FaceModel.load())
        heads["frontal, average head"] = dressed(views, built.fit, average, steps=steps)
    targets = seen_around(truth, t, size)
    scores = {name: score_around(head, truth, turns[0], targets) for name, head in heads.items()}
    if nulls and len(views) == 1:
        scores[f"{kind}, flat card"] = score_card(views[0], truth, t, turns[0], targets)
    return scores


def _facing_front(truth: PersonTruth) -> PersonTruth:
    """The person with its head held straight, so that turns of the camera are turns of the head."""
    straight = torch.tensor([[1.0, 0, 0, 0]]).expand_as(truth.head_quats)
    return replace(truth, head_quats=straight, torso_quats=straight)


def _clip(capture: Capture, net: Lpips, frames: int, steps: int) -> dict[str, Any]:
    """Mouth LMD (pixels), LPIPS and strangeness of the head and of stills beside it: unchanged, warped by landmarks."""
    start, still, built = _photographed(capture, steps)
    chosen = np.unique(np.linspace(0, capture.num_frames - 1, frames).round().astype(int))
    chosen = [int(t) for t in chosen if t != start]
    recorded = [capture.frame(t).image for t in chosen]
    marks, own = detect_landmarks(recorded), detect_landmarks([still])[0]
    moments = [following(built, capture, start, t) for t in chosen]
    shown = {
        "head": [drawn_like(built.actor.head.gaussians_at(moment), built, still) for moment in moments],
        "still": [still for _ in chosen],
        "still warped by the motion": [warped_still(still, own, carried_marks(built, own, m)) for m in moments],
        "warped still": [warped_still(still, own, wanted) for wanted in marks],
    }
    scores: dict[str, Any] = {}
    embed = FaceIdentity() if is_installed() else None
    for name, pictures in shown.items():
        found = detect_landmarks(pictures)
        near = [mouth_distance(net, a, b, m) for a, b, m in zip(recorded, pictures, marks, strict=True)]
        scores[name] = {"mouth_lmd_px": landmark_distance(marks, found), "lpips_squeeze": float(np.mean(near))}
        if embed is not None:
            pairs = list(zip(recorded, marks, pictures, found, strict=True))[::3]
            scores[name]["identity"] = float(np.nanmean([distance(embed(a, m), embed(b, n)) for a, m, b, n in pairs]))
    if embed is not None:
        scores["turned"] = _turned(built, embed, embed(still, own))
    return scores


def _photographed(capture: Capture, steps: int) -> tuple[int, np.ndarray, BuiltHead]:
    """Which frame of a clip is the photograph, its picture ``[H, W, 3]``, and the head made of it."""
    start = rest_frame(capture)
    still = capture.frame(start).image
    view = prepare(Photograph(rgb=still, alpha=None, focal=None, name="frame", notes=()), size=capture.camera.width)
    return start, still, build([view], steps=steps)


def _spoken(capture: Capture, steps: int) -> dict[str, dict[str, float]]:
    """Mouth LMD and readability of a head that says its clip's held-out frames, and of null rows.

    Lips come from the sound by what is usual among people; head, eyes and brows go as tracked. "other sound" is that
    of half a clip later, "recorded" the clip's own pictures.
    """
    start, still, built = _photographed(capture, steps)
    voice, sound, frames = voice_of(built.actor), capture.audio(), capture.test_frames
    fps, T = capture.fps, capture.num_frames
    mouths = {
        "head": voice.predict(sound, fps, T, close_in_silence=False),
        "other sound": voice.predict(np.roll(sound, len(sound) // 2), fps, T, close_in_silence=False),
        "still mouth": voice.predict(np.zeros_like(sound), fps, T),
    }
    marks, judged = capture.landmarks[frames].numpy(), judge_of_pictures(capture, frames)
    found = {"recorded": detect_landmarks([capture.frame(t).image for t in frames.tolist()])}
    for name, units in mouths.items():
        moments = [following(built, capture, start, t) for t in frames.tolist()]
        said = [
            replace(moment, units=moment.units.index_copy(0, MOUTH, units[t, MOUTH]))
            for t, moment in zip(frames.tolist(), moments, strict=True)
        ]
        found[name] = detect_landmarks([drawn_like(built.actor.head.gaussians_at(m), built, still) for m in said])
    scores: dict[str, dict[str, float]] = {}
    for name, seen in found.items():
        sync = None if judged is None else judged(seen)
        scores[name] = {"mouth_lmd_px": landmark_distance(marks, seen)}
        scores[name] |= {} if sync is None else {"readability": sync.readability, "sync": sync.confidence}
    return scores


def _turned(built: BuiltHead, embed: FaceIdentity, whose: np.ndarray | None) -> dict[str, float]:
    """Embedding distance of the head, seen from so many degrees beside the photograph, to the photograph."""
    found: dict[str, list[float]] = {}
    gaussians = built.actor.head.gaussians_at(moment_of(built.fit.photos[0]))
    for turn in TURNED_DEG:
        camera = orbit_view(built.actor.head, math.radians(turn))
        rgb = render_gaussians(gaussians, camera, background=torch.full((3,), 0.6)).rgb
        picture = (rgb.clamp(0, 1) * 255 + 0.5).byte().numpy()
        found.setdefault(str(abs(turn)), []).append(distance(whose, embed(picture, detect_landmarks([picture])[0])))
    return {turn: float(np.nanmean(values)) for turn, values in found.items()}


def _means(table: dict[str, Any]) -> dict[str, Any]:
    """Means over people by kind and turn, and over clips."""
    kinds: dict[str, list[dict[str, float]]] = {}
    for person in table["people"].values():
        for kind, scores in person.items():
            if isinstance(scores, dict):
                kinds.setdefault(kind, []).append(scores)
    means: dict[str, Any] = {
        kind: {"people": len(rows)} | {turn: round(float(np.mean([r[turn] for r in rows])), 2) for turn in rows[0]}
        for kind, rows in kinds.items()
    }
    for name in ("head", "still", "still warped by the motion", "warped still", "turned"):
        rows = [clip[name] for clip in table["clips"].values() if name in clip]
        if rows:
            means[f"clips, {name}"] = {key: round(float(np.mean([r[key] for r in rows])), 4) for key in rows[0]}
    return means


def _write(out: Path, table: dict[str, Any]) -> None:
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main)
