"""An actor in moods: told in words, keyed in a file, or learnt from a second clip of theirs."""

from __future__ import annotations

from pathlib import Path

from ..capture import Capture
from ..checks import InputError
from ..events import Listener, Warned, ignore
from ..io.motion_file import read_motion
from ..motion import Motion
from ..motion.emotion import felt, range_of
from ..motion.mood_words import MoodScore, parse_moods, read_moods
from ..motion.moods import Mood
from ..motion.own_mood import own_mood
from ._actor import Actor
from .speak import is_there

WELL_SHOWN = 0.85
"""Share of a full mood below which it is said that the head shows less."""


def in_mood(actor: Actor, motion: Motion, emotion: str | Path, seed: int = 0, *, listener: Listener = ignore) -> Motion:
    """``motion`` of an actor in the moods that ``emotion`` tells; "" leaves it as it is.

    Args:
        actor: the person.
        motion: any of theirs.
        emotion: moods in words, or a file of moods keyed in time, see `motion.mood_words`.
        seed: of blinks that come or go.
        listener: receives Warned where the head shows less than a full mood, with the share that it shows.

    Raises:
        InputError: an unknown mood, a strength that is none, or a mood file with gaps.
    """
    if not str(emotion).strip():
        return motion
    score = moods_of(actor, emotion)
    usual = actor.clip.motion.controls.median(0).values
    ranges = {name: range_of(actor.head.code_map, usual, mood) for name, mood in score.moods.items()}
    beyond = actor.head.anchors is not None
    for name, strength in score.strongest().items():
        if strength and ranges[name].shown < WELL_SHOWN:
            words = "the rest moves as faces usually do" if beyond else "strength 1 is that much"
            listener(
                Warned(
                    message=f"this head's clip showed {ranges[name].shown:.0%} of a full {name!r}; {words}, and"
                    f" {strength:g} was asked for."
                )
            )
    if beyond:
        ranges = {name: reach.unbounded for name, reach in ranges.items()}
    feelings = score.feelings(len(motion), motion.fps, ranges)
    return felt(motion, feelings, actor.head.code_map, seed)


def moods_of(actor: Actor, emotion: str | Path) -> MoodScore:
    """The moods that ``emotion`` tells; InputError where it tells none."""

    def own(name: str) -> Mood | None:
        if not is_there(name):
            return None
        place = Path(name)
        moody = Capture.load(place).motion if place.is_dir() else read_motion(place)
        return own_mood(actor.clip.motion, moody)

    place = Path(emotion)
    if place.suffix.lower() == ".json" and (" " not in str(emotion) or is_there(place)):
        return read_moods(place, own)
    try:
        return parse_moods(str(emotion), own)
    except InputError as error:
        raise InputError(f"emotion {str(emotion)!r}: {error}") from error
