"""Measuring a head on frames it never saw: the whole of `gaussian-head evaluate`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, speak
from ..capture import SPLITS, Capture, Split, capture_of
from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, Progress, ignore
from ..head import Head
from ..metrics.evaluate import evaluate_frames
from ..metrics.identity import FaceIdentity, is_installed
from ..metrics.lips import LandmarkDetector, SilenceScores, mouth_opening, silence_scores
from ..metrics.lpips import Lpips
from ..metrics.report import Report
from ..metrics.written import require_report_folder, write_report
from ..motion import Motion
from ..motion.drive import with_spoken
from ..motion.pose_share import fit_pose_share
from ..quiet import silent_frames
from ..rendering import render_frame, to_uint8
from .known_truth import find_truth, measure_geometry
from .lip_sync import NO_EARS, SYNC, judge_of_pictures

MOST_SILENT = 80
"""Silent frames rendered to see whether the mouth is closed."""
DRIVERS = {
    "tracked": "pose and face from the tracker, which looked at the frame itself",
    "audio": (
        "units of the mouth from sound alone, pauses left to the speaker's habit; poses, brows, blinks and gaze "
        "as tracked, as the papers do"
    ),
    "audio_only": (
        "the whole face from sound alone (eyes and brows at rest, the residual of the face as is usual at the pose); "
        "only the poses as tracked"
    ),
}
NULLS = {
    "other_sound": "as audio, but from the clip's sound of half its length later, wrapped: what any speech scores",
    "still_mouth": "as audio, but with the lips at rest: what no speech scores",
    "recording": "the recording against itself: what the scores of a perfect prediction are",
    "nearest_frame": "the training frame most alike in pose and face, as it was recorded: what a copy scores",
}
"""Yardsticks beside the rows of DRIVERS: a score of ``audio`` says something where it is better than the first two, one
of ``tracked`` where it is better than the last."""
SOUNDLESS = ("tracked", "nearest_frame")
"""Those of both that need no sound and no frames that follow each other."""
ALIKE = (0.01, 0.05)
"""Metres and quaternion that are as unlike as one standard deviation of the face's code."""

GEOMETRY = (
    "the demo subject's own mesh, ray-cast. Both cameras are turned from the recorded view about the head; depth is "
    "taken from the head's centre on and in millimetres of the truth; rotation and position without the constant "
    "offset of the two head frames, which training frames tell; vertices after one similarity over all held-out frames."
)
SILENCE = (
    "the whole clip's sound drives the head as `render --audio` does; at most "
    f"{MOST_SILENT} silent frames (25 dB below the loud parts for 0.1 s around), evenly spread, are rendered; a mouth "
    "is closed below 25 % of the range of the recorded opening."
)


def evaluate(
    actor: str | Path | Actor,
    out: str | Path,
    *,
    capture: str | Path | Capture | None = None,
    split: Split | None = None,
    lpips: str | Path | None = None,
    drivers: Sequence[str] = (),
    listener: Listener = ignore,
) -> Report:
    """Render the held-out frames of a head's clip and compare them with the truth.

    Args:
        actor: an Actor or its folder; of a demo clip whose truth lies beside it, shape and pose are measured too.
        out: folder for report.json, the contact sheet and the page.
        capture: the clip; by default where it lay when the head was trained.
        split: what is held out, by default what training left out; anything else is refused.
        lpips: folder with the weights of LPIPS-squeeze (``squeeze.backbone.pth``, ``squeeze.pth``).
        drivers: of DRIVERS and NULLS those to measure; by default all.
        listener: receives Progress.

    Returns:
        The report, one prediction for each of DRIVERS that the head can do, for ``nearest_frame``, and for each of the
        other NULLS beside ``audio``. Of turned frames, which do not follow each other, there are those of SOUNDLESS
        alone.

    Raises:
        InputError: no such head or capture, a folder that cannot be written or holds something else of such a name;
            nothing was held out, or other frames than ``split``.
    """
    if not isinstance(actor, Actor):
        actor = Actor.load(actor)
    capture = _split_capture(actor, capture, split)
    out, perceptual = require_report_folder(out), None if lpips is None else Lpips.from_folder(lpips)
    frames = capture.test_frames
    if len(frames) == 0:
        raise InputError(f"capture {capture.path} holds out no frame that was tracked; there is nothing to measure.")
    in_time = capture.split == "tail"
    wanted = set(drivers or DRIVERS | NULLS)
    unknown = wanted - set(DRIVERS | NULLS)
    if unknown:
        raise InputError(f"drivers {', '.join(sorted(unknown))} are unknown; choose of {', '.join(DRIVERS | NULLS)}.")
    if not in_time:
        wanted = {"tracked"} | wanted.intersection(SOUNDLESS)
    silent = wanted.issubset(SOUNDLESS)
    known = {"tracked": actor.clip.motion} if silent else held_out_motions(actor, capture)
    motions = {name: motion.select(frames) for name, motion in known.items() if name in wanted}
    audio = _audio_from(capture, int(frames[0])) if capture.info.has_audio and in_time else None
    predicted = {name: _rendered(actor.head, motion) for name, motion in motions.items()}
    if "audio" in motions:
        predicted["recording"] = _recorded(capture, frames)
    if "nearest_frame" in wanted:
        predicted["nearest_frame"] = _recorded(capture, nearest_frames(capture))
    judge = judge_of_pictures(capture, frames) if "audio" in motions else None
    report = evaluate_frames(
        _recorded(capture, frames),
        predicted,
        (capture.frame(t).labels for t in frames.tolist()),
        num_frames=len(frames),
        fps=capture.fps,
        split=_split(capture),
        frames=frames.tolist(),
        landmarks=capture.landmarks[frames].numpy(),
        audio=audio,
        lpips=perceptual,
        identity=FaceIdentity() if is_installed() else None,
        judge=judge,
        nulls=tuple(NULLS),
        listener=listener,
    )
    rows = {f"driver {name}": (DRIVERS | NULLS)[name] for name in predicted}
    rows["lip judge"] = NO_EARS if judge is None else SYNC
    report = replace(report, protocol={**report.protocol, **rows})
    if "audio" in motions:
        report = replace(
            report,
            silence=measure_silence(actor, capture, listener=listener),
            protocol={**report.protocol, "silence": SILENCE},
        )
    truth = find_truth(capture)
    if truth is not None:
        geometry = measure_geometry(actor, capture, truth, listener=listener)
        report = replace(report, geometry=geometry, protocol={**report.protocol, "geometry": GEOMETRY})
    write_report(report, out)
    return report


def held_out_motions(actor: Actor, capture: Capture) -> dict[str, Motion]:
    """The whole clip's motion under each of DRIVERS and of those NULLS that move; without sound only ``"tracked"``."""
    tracked, voice = actor.clip.motion, actor.voice
    if voice is None or not capture.info.has_audio:
        return {"tracked": tracked}
    samples, rest = capture.audio(), resting(tracked, capture.train_frames, ~actor.head.code_map.lips)

    def said(sound: np.ndarray) -> Tensor:
        return voice.predict(sound, tracked.fps, len(tracked), close_in_silence=False)

    spoken = said(samples)
    return {
        "tracked": tracked,
        "audio": with_spoken(tracked, spoken, voice.lips),
        "audio_only": with_spoken(rest, spoken, voice.lips),
        "other_sound": with_spoken(tracked, said(np.roll(samples, len(samples) // 2)), voice.lips),
        "still_mouth": with_spoken(tracked, rest.units, voice.lips),
    }


def measure_silence(actor: Actor, capture: Capture, *, listener: Listener = ignore) -> SilenceScores:
    """Let an actor speak the sound of its own clip and look at its mouth in the silences."""
    samples = capture.audio()
    motion = speak(actor, samples, blink=False)
    count = min(len(motion), capture.num_frames)
    silent = np.flatnonzero(silent_frames(samples, capture.fps, len(motion))[:count])
    silent = silent[np.unique(np.linspace(0, len(silent) - 1, min(len(silent), MOST_SILENT)).round().astype(int))]
    opening = mouth_opening(capture.landmarks.numpy())
    driven = np.full(len(silent), np.nan)
    detector = LandmarkDetector()
    for i, t in enumerate(silent.tolist()):
        picture = to_uint8(render_frame(actor.head, motion, t, background=actor.head.background))
        driven[i] = mouth_opening(detector(picture)[None])[0]
        listener(Progress(stage="silence", done=i + 1, total=len(silent)))
    return silence_scores(opening[capture.train_frames.numpy()], driven, opening[silent])


def resting(motion: Motion, frames: Tensor, upper: Tensor) -> Motion:
    """The motion's poses with the median face of its training ``frames [n]``: eyes open, brows and lips at rest.

    Where the residual of the upper face (``[R]`` bool) goes with the head's pose there, it does so here: a tracked face
    leans as the head turns, and a head that turns without it would be nobody's.
    """
    seen = motion.select(frames).tensors()
    usual = {name: seen[name].median(0).values.expand(len(motion), -1) for name in ("units", "gaze", "residual")}
    residual = usual.pop("residual") + fit_pose_share(motion, frames, upper).of(motion)
    return replace(motion, residual=residual, **usual)


def nearest_frames(capture: Capture) -> Tensor:
    """For each held-out frame the training frame most alike in the head's pose and the face's code, ``[n]`` int64."""
    head, train = capture.motion.head, capture.train_frames
    code = capture.code / capture.code[train].std(0).clamp(min=1e-6) / math.sqrt(capture.code.shape[1])
    like = torch.cat([head.positions / ALIKE[0], head.quats / ALIKE[1], code], 1)
    return train[torch.cdist(like[capture.test_frames], like[train]).argmin(1)]


def _split_capture(actor: Actor, capture: str | Path | Capture | None, split: Split | None) -> Capture:
    """The clip of an actor with the frames held out that its training left out; InputError where ``split`` is other."""
    own = actor.clip.split
    if split is not None and split != own:
        raise InputError(
            f"this head was trained with {own!r} held out ({SPLITS[own]}); it has seen frames of {split!r}. Train "
            f"another with `train --split {split}`."
        )
    return capture_of(actor.clip.motion, capture or actor.clip.capture_path).held_out_by(own)


def _split(capture: Capture) -> str:
    if capture.split != "tail":
        return f"{len(capture.test_frames)} of {capture.num_frames} frames, {SPLITS[capture.split]}"
    first = int(capture.test_frames[0])
    learnt = f"the first {capture.num_train}" if capture.num_train < first else "the earlier ones"
    return (
        f"the last {capture.num_frames - first} of {capture.num_frames} frames; "
        f"tracked shape and basis, background, training and audio model saw only {learnt}"
    )


def _audio_from(capture: Capture, frame: int) -> np.ndarray:
    return capture.audio()[round(frame / capture.fps * SAMPLE_RATE) :]


def _recorded(capture: Capture, frames: Tensor) -> Iterator[np.ndarray]:
    for t in frames.tolist():
        frame = capture.frame(t)
        yield np.concatenate([frame.image, frame.alpha[..., None]], axis=2)


def _rendered(head: Head, motion: Motion) -> Iterator[np.ndarray]:
    for t in range(len(motion)):
        frame = render_frame(head, motion, t, background=head.background)
        picture = torch.cat([frame.rgb, frame.alpha[..., None]], dim=2)
        yield (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
