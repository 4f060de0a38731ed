"""`gaussian-head voice`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..checks import InputError, require_file
from ..events import Listener, Said, Warned, ignore
from ._calling import function_of
from ._values import ActorLike, CaptureLike, PathLike

if TYPE_CHECKING:
    import numpy as np

    from ..capture import Capture
    from ..revoicing import Spoken

MOST_PHRASES = 500


EXAMPLES = ('gaussian-head voice silent.mp4 --like runs/me/head --text "what they say" --out voice.wav',)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Speech for silent lips: a known text in step with them, one of several phrases, or what can be guessed."""

    film: Positional[CaptureLike] = field(kw_only=False)
    """The silent video, or the capture that `track` made of it."""
    out: PathLike = field(kw_only=False)
    """The sound to write (.wav)."""
    like: ActorLike | None = None
    """A head of the person, whose clip lends the voice's pitch and colour."""
    text: str = ""
    """What is said."""
    phrases: PathLike | None = None
    """A text file; one of its lines is said."""
    reader: PathLike | None = None
    """A lip reader of your own (torchscript or onnx, trained with connectionist temporal classification) that tells the
    text; see `gaussian_head/lips/user_nets.py`."""
    symbols: PathLike | None = None
    """A text file with the reader's symbols, one a line, the first its blank, an empty line a space."""
    language: str = "en-us"
    """Of the text, as espeak-ng names it: en-us, de, fr-fr, …"""
    piper_voice: PathLike | None = None
    """An .onnx voice for Piper, which then speaks in place of espeak-ng."""
    mux: PathLike | None = None
    """Write the film's pictures with the sound too (.mp4)."""


def run(options: Options, listener: Listener = ignore) -> Path:
    """Where the sound is.

    Raises:
        InputError: no text and no head to guess by, none of the phrases, a program that is missing, lips that
            tracking cannot find, …
    """
    from ..media import write_audio
    from ..revoicing import read_text, require_lips, require_programs
    from ..tracking import track

    if sum((bool(options.text), options.phrases is not None, options.reader is not None)) > 1:
        raise InputError("of text, phrases and reader more than one was given; give what tells what is said.")
    if not options.text and options.phrases is None and options.reader is None and options.like is None:
        raise InputError("nothing is known of what is said; give --text, --phrases, or --like to guess by a clip.")
    if (options.reader is None) != (options.symbols is None):
        raise InputError("a lip reader and its symbols come together; give both --reader and --symbols.")
    if Path(options.out).suffix.lower() != ".wav":
        raise InputError(f"{options.out} is to hold a sound; name a .wav file.")
    texts, film = _texts(options), _captured(options.film)
    if not isinstance(film, Path):
        require_lips(film)
    # Tracking takes a minute: what would fail after it fails before.
    require_programs(words=bool(texts) or options.reader is not None)
    spoken = [_spoken(text, options) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(film, Path):
            film = track(film, Path(folder) / "capture", listener=listener)
            require_lips(film)
        if options.reader is not None and options.symbols is not None:
            spoken = [_spoken(read_text(film, options.reader, options.symbols), options)]
            listener(Said(message=f"the reader reads: {spoken[0].text!r}"))
        samples = _made(options, film, spoken, listener)
        if options.mux is not None:
            _muxed(film, samples, options.mux)
    write_audio(options.out, samples)
    listener(Said(message=f"sound: {options.out}"))
    return Path(options.out)


def _captured(film: CaptureLike) -> Capture | Path:
    """The capture that was given, or the video that is to be tracked."""
    from ..capture import Capture

    if isinstance(film, Capture):
        return film
    return Capture.load(film) if Path(film).is_dir() else require_file(film, "film")


def _texts(options: Options) -> list[str]:
    """What may be said; nothing where nobody knows."""
    if options.phrases is None:
        return [options.text] if options.text else []
    lines = require_file(options.phrases, "list of phrases").read_text(encoding="utf-8", errors="replace").splitlines()
    texts = [line.strip() for line in lines if line.strip()]
    if not 2 <= len(texts) <= MOST_PHRASES:
        raise InputError(f"{options.phrases} has {len(texts)} phrases; 2 to {MOST_PHRASES}, one a line, were wanted.")
    return texts


def _spoken(text: str, options: Options) -> Spoken:
    from ..revoicing import speak_text

    return speak_text(text, language=options.language, piper_voice=options.piper_voice)


def _made(options: Options, film: Capture, spoken: list[Spoken], listener: Listener) -> np.ndarray:
    """The sound ``[S]`` of the film, 16 kHz."""
    from ..actor import Actor, captured_sound
    from ..revoicing import ORDINARY, LipVoice, choose, in_step

    actor = options.like if options.like is None or isinstance(options.like, Actor) else Actor.load(options.like)
    like = None if actor is None else captured_sound(actor.clip)
    if actor is not None and like is None:
        listener(Warned(message="the clip of --like has no sound, or was moved away; its voice is not known."))
    units, fps = film.motion.units, film.fps
    if not spoken:
        if actor is None or like is None:
            raise InputError("without a text the clip of --like teaches how lips sound, and it has no sound.")
        listener(Warned(message="no text is known: the sound has the lips' rhythm and vowels, and no words."))
        return LipVoice.learnt(actor.clip.motion.units, actor.clip.motion.fps, like).say(units, fps)
    best = 0
    if len(spoken) > 1:
        ordinary = ORDINARY.get(options.language.split("-")[0].lower(), ())
        choice = choose(units, fps, spoken, ordinary=[_spoken(text, options) for text in ordinary])
        best = choice.best
        listener(Said(message=f"phrase: {spoken[best].text!r}, confidence {choice.confidence:.1f} standard deviations"))
        if not choice.fits:
            raise InputError(
                f"none of the {len(spoken)} phrases fits these lips (the nearest: {spoken[best].text!r}); add what is"
                " said."
            )
    return in_step(units, fps, spoken[best], like).samples


def _muxed(film: Capture, samples: np.ndarray, out: PathLike) -> None:
    """The film's pictures with the sound; it says that it is synthetic."""
    from ..media import VideoWriter
    from ..media.joining import join_videos
    from ..rendering.video import SYNTHETIC

    with tempfile.TemporaryDirectory() as folder:
        silent = Path(folder) / Path(out).name
        with VideoWriter(silent, width=film.info.width, height=film.info.height, fps=film.fps, shown=out) as writer:
            for t in range(film.num_frames):
                writer.write(film.frame(t).image)
        join_videos([silent], out, fps=film.fps, audio=samples, comment=SYNTHETIC)


give_voice = function_of(Options, run)
