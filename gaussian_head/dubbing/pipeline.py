"""The whole of `gaussian-head dub`: a film and new words in, the film with them out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..actor import Actor
from ..checkpoint import save_tensors
from ..checks import InputError, fingerprint, require_file
from ..conventions import SAMPLE_RATE
from ..durable import replacing, require_replaceable
from ..events import Listener, Progress, Said, Warned, ignore
from ..media import read_frames, read_long_audio, video_format
from ..media.parts import PartsFolder, VideoParts
from ..motion import Motion
from ..rendering._behind import Behind
from .casting import chosen
from .compose import Made, Part, dubbed_frames
from .learning import Learnt, known, learn
from .lines import TO_THE_END, Line, read_lines
from .lips import said
from .report import Watcher, write_report
from .shots import Film, look_over
from .sound import Heard, Keep, heard, require_length
from .stretches import Stretch, stretches_of
from .surface import LowerFace

PART_SECONDS = 5.0
"""Seconds of video in a part: what an interruption loses at most."""
SYNTHETIC = f"Synthetic: lips changed by gaussian-head {version('gaussian-head')}; not what was said in the recording."
"""What a dubbed film says about itself in its metadata."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How to dub."""

    keep: Keep = "replace"
    """What becomes of the old sound."""
    exaggerate: float = 1.0
    """Factor on how far the lips leave the closed mouth."""
    preset: str = "standard"
    """Of training, where somebody is learnt."""
    compare: bool = False
    """Write a second video, recorded and dubbed side by side."""
    label: bool = True
    """Let the film say in its metadata that it is synthetic."""
    seed: int = 0
    """Of the grain."""


def dub(
    film: str | Path,
    out: str | Path,
    *,
    audio: str | Path | None = None,
    script: str | Path | None = None,
    head: str | Path | Actor | None = None,
    person: int | None = None,
    wish: Wish | None = None,
    resume: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Write a film in which somebody says something else.

    Args:
        film: the recording, with any number of shots and people.
        out: the video to write; beside it a folder of the same name with ``_dub`` gets report, page and what is learnt.
        audio: what is said; either this or ``script``.
        script: a table of lines (see ``read_lines``).
        head: of the person, trained before; by default they are learnt from the film.
        person: whom to dub, by number; by default whom the head shows, else who is seen longest.
        wish: how to dub.
        resume: go on where an interrupted dub stopped; the result is the same.
        listener: receives Progress, Said and Warned.

    Returns:
        ``out``.

    Raises:
        InputError: no face, no such person, too little to learn from, sound that outlasts the film, a format that
            cannot be written, or a disk that is full. Nothing is left of the output then.
    """
    wish, film, out = wish or Wish(), require_file(film, "video"), Path(out)
    require_output(film, out)
    lines, scripted = _lines(audio, script, person)
    seen = look_over(film, listener)
    for note in seen.info.notes:
        listener(Warned(message=note))
    _tell(seen, listener)
    folder = work_folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    require_length(lines, seen.num_frames / seen.info.fps, folder)
    parts, cast = _cast(seen, lines, head, scripted, wish, folder, listener)
    seconds = seen.num_frames / seen.info.fps
    sound = heard(film, seen.info.has_audio, lines, seconds, wish.keep, scripted, folder)
    watcher = Watcher(seen, parts)
    with PartsFolder(out, _request(seen, lines, cast, wish), resume=resume) as store:
        parts = _kept(store, parts, listener if resume else ignore)
        _write(seen, parts, sound, out, store, wish, watcher, listener)
    write_report(folder, out, seen, parts, lines, watcher, listener)
    listener(Said(message=f"video: {out}\nreport: {folder / 'index.html'}"))
    return out


def work_folder(out: Path) -> Path:
    """Where what belongs to a dubbed film lies."""
    return out.with_name(f"{out.stem}_dub")


def require_output(film: Path, out: Path) -> None:
    """InputError where ``out`` could not be written, or is the recording itself."""
    video_format(out)
    require_replaceable(out, folder=False)
    if out.exists() and out.resolve() == film.resolve():
        raise InputError(f"output {out} is the recording itself; name another file.")


def _lines(audio: str | Path | None, script: str | Path | None, person: int | None) -> tuple[tuple[Line, ...], bool]:
    """What is said, and whether it is some lines among others."""
    if (audio is None) == (script is None):
        raise InputError("either a sound (--audio) or a table of lines (--script) was wanted, and not both.")
    if script is not None:
        return read_lines(script), True
    sound = require_file(str(audio), "sound")
    return (Line(start=0.0, end=TO_THE_END, sound=sound, person=person or 0),), False


def _tell(film: Film, listener: Listener) -> None:
    seconds = {p: sum(len(s) for s in film.shots_of(p)) / film.info.fps for p in film.people}
    people = ", ".join(f"person {p} for {s:.1f} s" for p, s in seconds.items())
    listener(Said(message=f"{len(film.shots)} shots; {people}"))


def _cast(
    film: Film,
    lines: Sequence[Line],
    head: str | Path | Actor | None,
    scripted: bool,
    wish: Wish,
    folder: Path,
    listener: Listener,
) -> tuple[list[Part], dict[int, Learnt]]:
    """Everybody who speaks, learnt, and what their mouths shall do."""
    given = None if head is None else known(film, head)
    parts: list[Part] = []
    cast: dict[int, Learnt] = {}
    for number in sorted({line.person for line in lines}):
        person = chosen(film, number or None, None if given is None else given.capture, listener)
        learnt = given
        if learnt is None:
            learnt = learn(film, person, folder / f"person_{person}", preset=wish.preset, listener=listener)
        cast[person] = learnt
        own = [line for line in lines if line.person == number]
        face = LowerFace(learnt.actor.head, learnt.actor.clip.motion)
        for stretch in stretches_of(film, person, learnt, listener):
            wanted = spoken(stretch, learnt.actor, own, scripted, wish.exaggerate, folder, listener)
            parts.append(Part(stretch=stretch, wanted=wanted, face=face))
    return parts, cast


def spoken(
    stretch: Stretch,
    actor: Actor,
    lines: Sequence[Line],
    scripted: bool,
    exaggerate: float,
    folder: Path,
    listener: Listener,
) -> Motion:
    """What the mouth of a stretch does while its person says ``lines``."""
    fps, T = stretch.recorded.fps, len(stretch.recorded)
    wanted, begin = stretch.recorded, stretch.first / fps
    for line in lines:
        samples = read_long_audio(line.sound, folder=folder)
        end = min(line.end, line.start + len(samples) / SAMPLE_RATE) if scripted else TO_THE_END
        if end <= begin or line.start >= begin + T / fps:
            continue
        samples = samples[: round((min(end, begin + T / fps) - line.start) * SAMPLE_RATE)]
        skipped = round((begin - line.start) * SAMPLE_RATE)
        now = samples[skipped:] if skipped >= 0 else np.pad(samples, (-skipped, 0))
        within = stretch.share * during(T, fps, line.start - begin, end - begin)
        wanted = said(actor, wanted, now, spoken_in=within, exaggerate=exaggerate, listener=listener)
    return wanted


def during(num_frames: int, fps: float, start: float, end: float):
    """``[T]`` share in [0, 1] of the frames between two times, seconds, with soft edges of 0.15 s outside them."""
    import torch

    times = (torch.arange(num_frames) + 0.5) / fps
    away = torch.maximum(start - times, times - end).clamp(min=0)
    return (1 - away / 0.15).clamp(0, 1).float()


def _request(film: Film, lines: Sequence[Line], cast: dict[int, Learnt], wish: Wish) -> str:
    """A fingerprint of everything that the frames depend on."""
    import av

    digest = hashlib.sha256()
    digest.update(
        repr((fingerprint(film.path), film.num_frames, wish, version("gaussian-head"), av.__version__)).encode()
    )
    for line in lines:
        digest.update(repr((line.start, line.end, line.person, fingerprint(line.sound))).encode())
    for person, learnt in sorted(cast.items()):
        digest.update(repr(person).encode())
        for branch in learnt.actor.head.branches:
            digest.update(branch.means.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _kept(store: PartsFolder, parts: list[Part], listener: Listener) -> list[Part]:
    """Parts with the motion of the interrupted run where there is one: rounding differs from run to run."""
    from safetensors.torch import load_file

    path = store.path / "wanted.safetensors"
    given = {}
    for i, part in enumerate(parts):
        for name, motion in (("old", part.stretch.recorded), ("new", part.wanted)):
            given |= {f"{i}.{name}.{key}": value for key, value in motion.tensors().items()}
    if store.resumed and path.is_file():
        kept = load_file(path)
        if {k: v.shape for k, v in kept.items()} == {k: v.shape for k, v in given.items()}:
            return [_with_kept(part, kept, f"{i}.") for i, part in enumerate(parts)]
    store.start_over()
    listener(Warned(message="nothing of this dub was there to resume; it starts from the beginning."))
    with replacing(path) as temporary:
        save_tensors(temporary, given)
    return parts


def _with_kept(part: Part, kept: dict, prefix: str) -> Part:
    from dataclasses import replace

    fps, basis = part.wanted.fps, part.wanted.basis_id

    def motion(name: str) -> Motion:
        start = f"{prefix}{name}."
        own = {key.removeprefix(start): value for key, value in kept.items() if key.startswith(start)}
        return Motion.from_tensors(own, fps=fps, basis_id=basis)

    return replace(part, stretch=replace(part.stretch, recorded=motion("old")), wanted=motion("new"))


def _write(
    film: Film,
    parts: Sequence[Part],
    sound: Heard,
    out: Path,
    store: PartsFolder,
    wish: Wish,
    watcher: Watcher,
    listener: Listener,
) -> None:
    """Compose and encode what is not there yet, then join it with its sound."""
    info, count = film.info, film.num_frames
    length = max(round(PART_SECONDS * info.fps), 1)
    video = VideoParts(
        store.path,
        out,
        width=info.width,
        height=info.height,
        fps=info.fps,
        num_frames=count,
        alpha=False,
        length=length,
        comment=SYNTHETIC if wish.label else "",
    )
    first = video.done()
    try:
        with Behind[tuple[int, Made]](lambda item: video.write(item[0], item[1].image)) as encoder:
            frames = numbered_frames(film, first)
            recorded: list[np.ndarray] = []
            for t, made in enumerate(dubbed_frames(_remembering(frames, recorded), parts, wish.seed), start=first):
                watcher.update(t, recorded.pop(), made)
                encoder.put((t, made))
                listener(Progress(stage="dubbing", done=t + 1, total=count))
        video.finish(sound.samples, sound.rate)
    except KeyboardInterrupt as stop:
        raise type(stop)(f"stopped; {video.done()} of {count} frames are kept, --resume goes on from there") from stop
    finally:
        video.abandon()


def numbered_frames(film: Film, first: int) -> Iterator[tuple[int, np.ndarray]]:
    """The frames of a film from ``first`` on, each with its number."""
    fps = film.info.fps
    if first < film.num_frames:
        left = (film.num_frames - first) / fps
        yield from enumerate(read_frames(film.path, fps=fps, start=first / fps, duration=left), start=first)


def _remembering(frames: Iterator[tuple[int, np.ndarray]], last: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
    for t, image in frames:
        last.append(image)
        yield t, image
