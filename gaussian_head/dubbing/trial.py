"""Trying how far lips shall move before a film is made: a few seconds at five reaches, on one page."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..durable import replacing
from ..events import Listener, Progress, Said
from ..media import VideoWriter
from .compose import Made, Part, dubbed_frames
from .planning import Plan, Wish, spoken
from .retime import frames_along
from .sound import heard

REACHES = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Of the lips."""
SECONDS = 4.0
"""That are tried: those in which the new lips are furthest from the recorded ones."""
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto}video{max-width:100%}[hidden]{display:none}
"""
SCRIPT = """
const all=[...document.querySelectorAll('video')],shown=()=>all.find(v=>!v.hidden);
document.getElementById('lips').oninput=e=>{const old=shown(),k=Math.round(2*e.target.value),now=all[k];
document.getElementById('at').textContent=e.target.value;if(now===old)return;
now.currentTime=old.currentTime;if(!old.paused){old.pause();now.play()}old.hidden=true;now.hidden=false};
"""


def write_trial(plan: Plan, scripted: bool, folder: Path, wish: Wish, listener: Listener) -> Path:
    """Write ``trial.html`` and its videos.

    Args:
        plan: of the dub.
        scripted: its lines are some among others.
        folder: where the page goes.
        wish: how to dub.
        listener: receives Progress and Said.

    Returns:
        The page.
    """
    fps, film = plan.film.info.fps, plan.film
    first, last = furthest(plan.parts, round(SECONDS * fps))
    sound = heard(film.path, film.info.has_audio, plan.lines, plan.seconds, wish.keep, scripted, folder)
    samples = np.asarray(sound.samples[round(first / fps * sound.rate) : round(last / fps * sound.rate)])
    place = folder / "trial"
    place.mkdir(exist_ok=True)
    for k, reach in enumerate(REACHES):
        parts = [
            _reaching(part, plan, scripted, replace(wish, exaggerate=reach), folder, listener) for part in plan.parts
        ]
        frames = ((t, image) for t, image in frames_along(film, plan.path, first) if t < last)
        path = place / f"lips_{k}.mp4"
        width, height = film.info.width, film.info.height
        with VideoWriter(path, width=width, height=height, fps=fps, audio=samples, sample_rate=sound.rate) as writer:
            for t, made in enumerate(_until(dubbed_frames(frames, parts, wish.seed), last - first), start=1):
                writer.write(made.image)
                done, total = k * (last - first) + t, len(REACHES) * (last - first)
                listener(Progress(stage="trying lips", done=done, total=total))
    page = folder / "trial.html"
    with replacing(page) as temporary:
        temporary.write_text(_page(film.path.name), encoding="utf-8")
    listener(Said(message=f"page: {page}; take what looks right with --lips"))
    return page


def furthest(parts: tuple[Part, ...], count: int) -> tuple[int, int]:
    """First frame, and the one after the last, of the ``count`` frames in which lips change most."""
    best = (-1.0, 0, 1)
    for part in parts:
        apart = (part.wanted.units - part.stretch.recorded.units).abs().sum(1).numpy()
        length = min(count, len(apart))
        sums = np.convolve(apart, np.ones(length), "valid")
        at = int(sums.argmax())
        best = max(best, (float(sums[at]), part.stretch.first + at, part.stretch.first + at + length))
    return best[1:]


def _reaching(part: Part, plan: Plan, scripted: bool, wish: Wish, folder: Path, listener: Listener) -> Part:
    person = part.stretch.person
    named = {line.person for line in plan.lines}
    lines = [line for line in plan.lines if line.person == (person if person in named else 0)]
    speech = plan.people[person].speech
    return replace(part, wanted=spoken(part.stretch, speech, lines, scripted, wish, folder, listener))


def _until(frames: Iterator[Made], count: int) -> Iterator[Made]:
    """The first ``count``, the rest not made."""
    for _, made in zip(range(count), frames, strict=False):
        yield made


def _page(name: str) -> str:
    videos = "".join(
        f'<video src="trial/lips_{k}.mp4" controls loop playsinline{"" if reach == 1 else " hidden"}></video>'
        for k, reach in enumerate(REACHES)
    )
    return f"""<!doctype html><meta charset="utf-8"><title>{html.escape(name)}: lips</title><style>{STYLE}</style>
<h1>{html.escape(name)}</h1><p>How far the lips move. Synthetic: lips were changed.</p>{videos}
<p><label>lips <input id="lips" type="range" min="0" max="2" step="0.5" value="1"></label> <b id="at">1</b></p>
<script>{SCRIPT}</script>
"""
