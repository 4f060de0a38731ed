"""The whole of `gaussian-head dub`: a film and new words in, the film with them out."""

from __future__ import annotations

from pathlib import Path

from .. import __version__
from ..actor import Actor
from ..checks import InputError, require_file
from ..durable import require_replaceable
from ..events import Listener, Said, Warned, ignore
from ..media import probe, video_format
from ..media.parts import PartsFolder
from .agreement import agreements
from .keeping import kept, request_of
from .lines import TO_THE_END, Line, read_lines
from .planning import Wish, planned
from .report import Watcher, write_report
from .shots import Film, look_over
from .sound import heard
from .trial import write_trial
from .writing import write_videos

SYNTHETIC = f"Synthetic: lips changed by gaussian-head {__version__}; not what was said in the recording."
"""What a dubbed film says about itself in its metadata."""


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
        ``out``; with ``wish.trial`` the page on which the lips' reach can be tried.

    Raises:
        InputError: no face, no such person, too little to learn from, sound that outlasts the film, a format that
            cannot be written, or a disk that is full. Nothing is left of the output then.
    """
    wish, film, out = wish or Wish(), require_file(film, "video"), Path(out)
    require_output(film, out)
    lines, scripted = _lines(audio, script, person, wish)
    require_colours(film, wish.flatten)
    seen = look_over(film, listener)
    _tell(seen, listener)
    folder = work_folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    plan = planned(seen, lines, head, scripted, wish, folder, listener)
    if wish.trial:
        return write_trial(plan, scripted, folder, wish, listener)
    sound = heard(film, seen.info.has_audio, plan.lines, plan.seconds, wish.keep, scripted, folder)
    watcher = Watcher(plan)
    with PartsFolder(out, request_of(plan, wish), resume=resume) as store:
        plan = kept(store, plan, resume=resume, listener=listener)
        write_videos(plan, sound, out, folder, store, wish, SYNTHETIC if wish.label else "", watcher, listener)
    write_report(folder, out, plan, watcher, agreements(plan, sound))
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


def require_colours(film: Path, flatten: bool) -> None:
    """InputError where a film has colours that what is written cannot have, unless they may be ``flatten``-ed."""
    info = probe(film)
    if flatten or (info.standard_colours and info.bits <= 8):
        return
    kind = f"{info.bits} bits a colour" if info.standard_colours else "high dynamic range or a wide gamut"
    raise InputError(
        f"video {film} is in {kind}; a dub is written in ordinary colours of 8 bits (BT.709), and the whole film would "
        "lose the rest. Allow that with --flatten."
    )


def _lines(
    audio: str | Path | None, script: str | Path | None, person: int | None, wish: Wish
) -> tuple[tuple[Line, ...], bool]:
    """What is said, and whether it is some lines among others."""
    if (audio is None) == (script is None):
        raise InputError("either a sound (--audio) or a table of lines (--script) was wanted, and not both.")
    if script is not None:
        if wish.fit is not None:
            raise InputError("--fit is for one sound over the whole film; the lines of a script say when they begin.")
        return read_lines(script), True
    sound = require_file(str(audio), "sound")
    return (Line(start=0.0, end=TO_THE_END, sound=sound, person=person or 0),), False


def _tell(film: Film, listener: Listener) -> None:
    seconds = {p: sum(len(s) for s in film.shots_of(p)) / film.info.fps for p in film.people}
    people = ", ".join(f"person {p} for {s:.1f} s" for p, s in seconds.items())
    for note in film.info.notes:
        listener(Warned(message=note))
    if film.info.variable_frame_rate:
        words = f"The frame rate varies; the dub has an even one, {film.info.fps:g} a second, and stays in step."
        listener(Warned(message=words))
    if film.bad:
        words = f"{len(film.bad)} frames are damaged or missing, the first at {min(film.bad) / film.info.fps:.2f} s; "
        listener(Warned(message=words + "they stay as they are."))
    listener(Said(message=f"shots: {len(film.shots)}; {people}"))
