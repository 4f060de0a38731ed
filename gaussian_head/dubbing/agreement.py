"""How well lips and sound agreed before and agree after a dub, by the judge of lips."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..conventions import SAMPLE_RATE
from ..lips import LipJudge
from ..media import read_long_audio
from ..motion import Motion
from ..speech.whisper import WHISPERS, is_installed
from .compose import Part
from .planning import Plan
from .sound import Heard, resampled

MOST_SECONDS = 60.0
"""Of every stretch that are judged, from its beginning."""
LEAST_SECONDS = 2.0


def agreements(plan: Plan, sound: Heard) -> list[dict[str, Any]]:
    """For each part of ``plan`` the judge's confidence, 0 for lips that have nothing to do with the sound.

    ``sync_before`` is of the recorded lips and the recorded sound, ``sync_after`` of the lips that were asked for and
    the new ``sound``: it tells motion, not pictures. None where there is no sound, too little of it, where the
    picture was re-timed, or the judge's ears are not installed.
    """
    judge, fps = LipJudge.load(), plan.film.info.fps
    if judge.hearing.encoder in WHISPERS and not is_installed(judge.hearing.encoder):
        return [{"sync_before": None, "sync_after": None} for _ in plan.parts]
    old = read_long_audio(plan.film.path) if plan.film.info.has_audio and plan.path is None else None
    rows = []
    for part in plan.parts:
        begin, end = _span(part, fps)
        new = np.asarray(sound.samples[round(begin * sound.rate) : round(end * sound.rate)], np.float32)
        new = resampled(new.reshape(len(new), -1).mean(1, keepdims=True), sound.rate, SAMPLE_RATE)[:, 0]
        before = None if old is None else np.asarray(old[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)])
        rows.append(
            {
                "sync_before": _confidence(judge, part.stretch.recorded, before, end - begin),
                "sync_after": _confidence(judge, part.wanted, new, end - begin),
            }
        )
    return rows


def _span(part: Part, fps: float) -> tuple[float, float]:
    begin = part.stretch.first / fps
    return begin, begin + min(len(part.wanted) / fps, MOST_SECONDS)


def _confidence(judge: LipJudge, motion: Motion, samples: np.ndarray | None, seconds: float) -> float | None:
    count = round(seconds * motion.fps)
    if samples is None or seconds < LEAST_SECONDS or len(samples) < LEAST_SECONDS * SAMPLE_RATE:
        return None
    if not np.abs(samples).max() > 0:
        return None
    return round(judge.sync(motion.units[:count], motion.fps, samples).confidence, 3)
