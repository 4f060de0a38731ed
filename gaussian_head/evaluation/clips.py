"""One table over many clips: each is tracked, trained on and measured alike; what was done already is kept.

No change to tracking or training should be judged on one kind of recording.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from pathlib import Path

import torch

from ..actor import Actor
from ..capture import Capture, Split, turns
from ..checks import InputError, require_file
from ..conventions import SAMPLE_RATE
from ..durable import replacing
from ..events import Listener, Said, ignore
from ..media import VideoWriter, probe, read_audio, read_frames
from ..metrics import Report
from ..tracking import track
from ..training import TrainConfig, train
from .held_out import SOUNDLESS, evaluate

CRF = 10
"""Quality at which a clip that is too long is written again, shorter."""
SETTINGS = "bench.json"


@dataclass(frozen=True, kw_only=True)
class ClipScores:
    """One row of the table: a clip, how it was measured, and what came out."""

    clip: str
    """Name of its file."""
    label: str
    """What was tried."""
    split: str
    """What was held out, see ``capture.SPLITS``."""
    driver: str
    """See ``held_out.DRIVERS`` and ``held_out.NULLS``."""
    size: int
    """Width and height of the pictures, pixels."""
    frames: int
    """Frames of the clip."""
    held_out: int
    """Frames measured."""
    turn_usual_deg: float
    """Root mean square of how far the head faces away from its typical pose, degrees."""
    turn_most_deg: float
    """The largest of these."""
    psnr_head_composited: float
    """dB, see ``metrics.regions.REGIONS``; likewise the next four."""
    psnr_head: float
    psnr_face: float
    psnr_full: float
    psnr_mouth: float
    ssim_full: float
    lpips: float
    """LPIPS-squeeze of the whole frame; NaN without weights."""
    lpips_head: float
    """The same of the head over the truth."""
    identity: float
    """Distance of face embeddings; NaN without the net."""
    still_person: float
    """Variance over the truth's where that stands still."""
    still_head: float
    outline_px: float
    """Motion of the outline that the truth's does not share, pixels a frame."""
    gaussians: int
    """Gaussians of the head."""
    train_cpu_s: float
    """Processor seconds that training took; NaN where it went on from a checkpoint."""


def bench_clips(
    clips: Sequence[str | Path],
    work: str | Path,
    config: TrainConfig,
    *,
    label: str,
    splits: Sequence[Split] = ("tail", "turned"),
    drivers: Sequence[str] = SOUNDLESS,
    seconds: float | None = None,
    size: int = 512,
    turned_from_deg: float = 12.0,
    lpips: str | Path | None = None,
    listener: Listener = ignore,
) -> list[ClipScores]:
    """Track, train and evaluate every clip, or take what ``work`` holds of an earlier call.

    Args:
        clips: video files.
        work: folder for captures and heads; ``work/NAME/capture`` is shared by all labels.
        config: the run; its split is replaced.
        label: what is tried; heads and reports lie under it. Changed code needs another one.
        splits: what to hold out, a head for each.
        drivers: rows of each report, of ``held_out.DRIVERS`` and ``held_out.NULLS``; of turned frames the SOUNDLESS.
        seconds: what is longer is cut there (and encoded once more, hardly compressed).
        size: pictures' width and height, pixels.
        turned_from_deg: clips whose largest turn stays below are not split by turns.
        lpips: folder with the weights of LPIPS-squeeze.
        listener: hears of every step.

    Raises:
        InputError: two clips of one name, or whatever tracking, training and evaluation refuse.
    """
    names = [Path(clip).stem for clip in clips]
    if len(set(names)) < len(names):
        raise InputError(f"clips are called {', '.join(names)}; each a name of its own was wanted.")
    rows = []
    for name, clip in zip(names, clips, strict=True):
        capture = _capture_of(require_file(clip, "clip"), Path(work) / name, seconds, size, listener)
        away = torch.rad2deg(turns(capture.motion)[capture.tracked])
        for split in splits:
            if split == "turned" and float(away.max()) < turned_from_deg:
                listener(Said(message=f"{name}: turns stay below {turned_from_deg:g} degrees, no split by turns"))
                continue
            place = Path(work) / name / label / split
            actor, spent = _trained(capture, place / "head", replace(config, split=split), listener)
            report = _report(actor, capture, place, drivers, lpips, listener)
            for driver, scores in report.items():
                rows.append(_row(name, label, split, driver, capture, away, actor, spent, scores))
                listener(Said(message="  ".join(f"{k} {_short(v)}" for k, v in asdict(rows[-1]).items())))
    return rows


def write_table(rows: Sequence[ClipScores], path: str | Path) -> None:
    """Write rows as CSV beside those that ``path`` holds; older ones of the same clip, label, split and driver go."""
    header, path = [f.name for f in fields(ClipScores)], Path(path)
    kept: dict[tuple[str, ...], list[str]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            first, *old = list(csv.reader(file)) or [[]]
        if first != header:
            raise InputError(f"{path} has other columns than this table; choose another file.")
        kept = {tuple(row[:4]): row for row in old}
    new = [[_short(value) for value in astuple(row)] for row in rows]
    kept |= {tuple(row[:4]): row for row in new}
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept.values()])


def _capture_of(clip: Path, folder: Path, seconds: float | None, size: int, listener: Listener) -> Capture:
    if (folder / "capture" / "capture.json").exists():
        return Capture.load(folder / "capture")
    folder.mkdir(parents=True, exist_ok=True)
    return track(_cut(clip, folder, seconds), folder / "capture", size=size, listener=listener)


def _cut(clip: Path, folder: Path, seconds: float | None) -> Path:
    """The clip, or its first seconds as a file in ``folder``."""
    info = probe(clip)
    if seconds is None or info.duration <= seconds:
        return clip
    out = folder / f"{clip.stem}.mp4"
    sound = read_audio(clip)[: round(seconds * SAMPLE_RATE)] if info.has_audio else None
    frames = read_frames(clip, duration=seconds)
    with VideoWriter(out, width=info.width, height=info.height, fps=info.fps, audio=sound, crf=CRF) as writer:
        for frame in frames:
            writer.write(frame)
    return out


def _trained(capture: Capture, out: Path, config: TrainConfig, listener: Listener) -> tuple[Actor, float]:
    """The head in ``out``, trained if need be, and the processor seconds that took."""
    note, begun = out.parent / SETTINGS, (out / "checkpoint").exists()
    if note.exists():
        return Actor.load(out), json.loads(note.read_text())["train_cpu_s"] or math.nan
    before = time.process_time()
    actor = train(capture, out, config, resume=True, listener=listener)
    spent = math.nan if begun else time.process_time() - before
    with replacing(note) as temporary:
        temporary.write_text(json.dumps({"train_cpu_s": None if math.isnan(spent) else spent}))
    return actor, spent


def _report(
    actor: Actor,
    capture: Capture,
    place: Path,
    drivers: Sequence[str],
    lpips: str | Path | None,
    listener: Listener,
) -> dict[str, dict]:
    """Scores by driver as the report's JSON has them, measured if need be."""
    written = place / "report" / "report.json"
    if not written.exists():
        report: Report = evaluate(
            actor, place / "report", capture=capture, lpips=lpips, drivers=drivers, listener=listener
        )
        return _by_driver(json.loads(json.dumps(report.to_json())), drivers)
    return _by_driver(json.loads(written.read_text()), drivers)


def _by_driver(report: dict, drivers: Sequence[str]) -> dict[str, dict]:
    return {p["name"]: p for p in report["predictions"] if p["name"] in drivers or p["name"] not in report["nulls"]}


def _row(
    name: str,
    label: str,
    split: str,
    driver: str,
    capture: Capture,
    away: torch.Tensor,
    actor: Actor,
    spent: float,
    scores: dict,
) -> ClipScores:
    def number(value: float | None) -> float:
        return math.nan if value is None else value

    regions, still = scores["regions"], scores["steadiness"]
    return ClipScores(
        clip=name,
        label=label,
        split=split,
        driver=driver,
        size=capture.info.width,
        frames=capture.num_frames,
        held_out=len(capture.held_out_by(actor.clip.split).test_frames),
        turn_usual_deg=float(away.square().mean().sqrt()),
        turn_most_deg=float(away.max()),
        **{f"psnr_{part}": number(regions[part]["psnr"]) for part in regions},
        ssim_full=number(regions["full"]["ssim"]),
        lpips=number(scores["lpips"]),
        lpips_head=number(scores["lpips_head_composited"]),
        identity=number(scores["identity"]),
        still_person=number(still["person"]["ratio"]),
        still_head=number(still["head"]["ratio"]),
        outline_px=number((scores["silhouette"] or {}).get("pixels")),
        gaussians=len(actor.head),
        train_cpu_s=spent,
    )


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
