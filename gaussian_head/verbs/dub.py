"""`gaussian-head dub`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from ..checks import require_count, require_number
from ..events import Listener, ignore
from ._calling import function_of
from ._values import ActorLike, PathLike, Preset

EXAMPLES = (
    "gaussian-head dub film.mp4 --audio other.wav --out dubbed.mp4",
    "gaussian-head dub film.mp4 --script lines.csv --fit audio --out dubbed.mp4",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Put new words into recorded footage: lips and jaw follow the sound, every other pixel stays as recorded."""

    film: Positional[PathLike] = field(kw_only=False)
    """The recording: any number of shots and people, any size and frame rate."""
    out: PathLike = field(kw_only=False)
    """The video to write (.mp4, .mov or .webm), as large and fast as the film; a folder beside it, with `_dub` in its \
name, gets the report and what is learnt."""
    audio: PathLike | None = None
    """What is said, from the film's beginning on; a sound or video file."""
    script: PathLike | None = None
    """Many lines instead: a table (CSV) with the columns start, end, sound, person."""
    head: ActorLike | None = None
    """Folder of the person's head, trained before; without it they are learnt from the film."""
    person: int | None = None
    """Whom to dub, by number: 1 is seen longest. By default whom the head shows, else 1."""
    fit: Literal["audio", "video"] | None = None
    """Words longer or shorter than the film: `audio` re-times the picture of a film without cuts by frames that \
follow each other well, `video` makes the sound slower or faster."""
    mouth: Literal["drawn", "recorded"] = "drawn"
    """`drawn` anew by a head, or `recorded` mouths of the film in another order, for which nothing is trained."""
    sound: Literal["replace", "mix", "keep"] = "replace"
    """`replace` takes the old sound away, `mix` keeps it quietly under the new, `keep` lets it stand as a further \
track behind the new. Other sound tracks, subtitles, chapters and tags are always carried over."""
    flatten: bool = False
    """Take a film in high dynamic range, a wide gamut or more than 8 bits as one in ordinary colours; without it such \
a film is refused, for what is written has ordinary colours."""
    lips: float | Literal["sampled"] = 1.0
    """How far the lips move, 0 to 2: 1 as spoken, more exaggerates; or `sampled`: one of the ways in which \
people say it, another with each seed."""
    trial: bool = False
    """Write no film but a page on which four seconds of it can be seen with lips at 0, 0.5, 1, 1.5 and 2."""
    compare: bool = False
    """Write a second video with recording and dub side by side."""
    preset: Preset = "standard"
    """How long to learn where there is no head."""
    label: bool = True
    """Let the video say in its metadata that it is synthetic."""
    credentials: PathLike | None = None
    """Folder with `chain.pem` and `key.pem` (ES256) of a certificate of yours, which signs the video's C2PA content \
credentials."""
    seed: int = 0
    """Seed of the grain and of sampled lips."""
    device: str = "auto"
    """Where it is trained and drawn: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that \
can run."""
    resume: bool = False
    """Go on where an interrupted dub of the same film stopped; the result is the same."""


def run(options: Options, listener: Listener = ignore) -> Path:
    """Where the video is, or with ``trial`` the page.

    Raises:
        InputError: no face or no such person in the film, too little to learn from, a sound that outlasts the film, or
            an output that cannot be written.
    """
    from ..dubbing import Wish, dub
    from ..kernels import drawing_on
    from ..media.credentials import Credentials

    sampled = options.lips == "sampled"
    wish = Wish(
        fit=options.fit,
        mouth=options.mouth,
        keep=options.sound,
        exaggerate=1.0 if sampled else require_number(options.lips, "lips", least=0.0, most=2.0),
        sampled=sampled,
        preset=options.preset,
        flatten=options.flatten,
        trial=options.trial,
        compare=options.compare,
        label=options.label,
        seed=require_count(options.seed, "seed"),
    )
    if options.person is not None:
        require_count(options.person, "person", least=1)
    signing = None if options.credentials is None else Credentials.load(options.credentials, options.out)
    with drawing_on(options.device):
        video = dub(
            options.film,
            options.out,
            audio=options.audio,
            script=options.script,
            head=options.head,
            person=options.person,
            wish=wish,
            resume=options.resume,
            listener=listener,
        )
    if signing is not None:
        signing.sign(video, "dubbed")
    return video


dub = function_of(Options, run)
