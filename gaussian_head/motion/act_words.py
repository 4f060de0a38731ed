"""Head acts asked for in words: "nods twice, then looks slowly to the left". A small closed grammar.

Where a sentence encoder is installed, what the grammar does not know is understood by what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from ..checks import InputError
from ..speech.sentences import REQUIREMENT, is_installed
from .acts import HOLD, KINDS, Act
from .meant_acts import LEAST, OTHER, meant

LAG, AGAIN = 0.3, 0.8
"""Seconds of rest before the first act, and between one and the next; and before the same swing about rest again, which
without a rest that is seen would be one act of more repetitions."""
SPEEDS = {"slowly": 1.8, "slow": 1.8, "gently": 1.4, "quickly": 0.6, "quick": 0.6, "fast": 0.6}
"""By how much longer an act takes."""
SIZES = {"slightly": 0.5, "little": 0.5, "bit": 0.5, "strongly": 1.6, "widely": 1.6, "deeply": 1.6, "far": 1.6}
"""By how much larger an act is."""
COUNTS = {"once": 1, "twice": 2, "thrice": 3, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
SIDES = {
    "left": "left",
    "right": "right",
    "up": "up",
    "upwards": "up",
    "down": "down",
    "downwards": "down",
    "forward": "forward",
    "forwards": "forward",
    "in": "forward",
    "back": "back",
    "backwards": "back",
    "out": "back",
}
FILLERS = frozenset(
    ("a", "the", "to", "with", "his", "her", "their", "its", "head", "eyes", "side", "still", "time", "times")
    + ("towards", "toward", "he", "she", "they")
)
"""Words that change nothing."""
ALIASES = {"wait": "hold", "pause": "hold", "stay": "hold", "glance": "look", "rotate": "turn", "cock": "tilt"}


def parse_acts(text: str) -> tuple[Act, ...]:
    """The acts that a text asks for, with their times.

    Acts are separated by commas, "then" or "while"; each is a verb (nod, shake, tilt, turn, look, lean, hold) with any
    of: a direction, how often (twice, 3 times), how fast (slowly, quickly), how far (slightly, widely), for how long
    ("for 2 s") and when ("at 4.5 s"). Parts in other words ("pulls back in fear") do what they mean, where the encoder
    of `speech.sentences` is installed.

    Raises:
        InputError: a word that is none of these, a part without a verb, a direction that the verb cannot have; with
            the encoder, a part that means no movement of a head.
    """
    acts: list[Act] = []
    clock, free = 0.0, 0.0
    for joined, part in _parts(text):
        act, at = _parsed(part, text)
        together = joined == "while" and bool(acts)
        if at is None:
            repeated = bool(acts) and not KINDS[act.kind].sides and act.kind == acts[-1].kind != "hold"
            at = clock if together else free + (AGAIN if repeated else LAG)
        acts.append(replace(act, begin=at))
        clock, free = at, max(free if together else 0.0, at + act.seconds)
    if not acts:
        raise InputError(f"{text!r} asks for no movement; one of {', '.join(KINDS)} was wanted.")
    return tuple(acts)


def _parts(text: str) -> list[tuple[str, str]]:
    """Each act's words, and what stood before them; what has no verb of its own belongs to the part before."""
    pieces = re.split(r"(,|;|\.\s|\bthen\b|\bwhile\b|\band\b)", text.lower().strip().rstrip("."))
    found: list[tuple[str, str]] = []
    joined = ""
    for piece in pieces:
        if piece in (",", ";", "then", "while", "and") or piece.startswith("."):
            joined = "while" if "while" in (piece, joined) else piece
        elif piece.strip():
            if found and joined in (",", "and") and not _is_an_act(piece):
                found[-1] = (found[-1][0], f"{found[-1][1]} {piece}")
            else:
                found.append((joined, piece))
            joined = ""
    return found


@dataclass
class _Words:
    """What was found in one part of a text."""

    kind: str = ""
    side: str = ""
    count: int = 1
    size: float = 1.0
    pace: float = 1.0
    hold: float = HOLD
    unknown: list[str] = field(default_factory=list)


def _parsed(part: str, text: str) -> tuple[Act, float | None]:
    """One part of ``text``, and when it shall begin where it says so."""
    at, part = _seconds(r"\bat\s+(\d+(?:\.\d+)?)\s*(?:seconds?|s)?\b", part)
    hold, part = _seconds(r"\b(?:for\s+)?(\d+(?:\.\d+)?)\s*(?:seconds?|s)\b", part)
    found = _understood(part, text)
    kind = KINDS[found.kind]
    if found.side and found.side not in kind.sides:
        wanted = f"{' or '.join(kind.sides)} was wanted" if kind.sides else "it has no direction"
        raise InputError(f"{found.kind} {found.side} in {text!r} is no movement; {wanted}.")
    side = found.side or (kind.sides[0] if kind.sides else "")
    held = found.hold if hold is None else hold
    act = Act(kind=found.kind, side=side, count=found.count, size=found.size, pace=found.pace, hold=held)
    return act, at


def _is_an_act(piece: str) -> bool:
    """Whether a part has a verb of its own, or means an act."""
    words = re.findall(r"[\w']+", piece)
    if any(_verb(word) for word in words):
        return True
    return is_installed() and not all(_is_known(word) for word in words) and _meaning(piece) is not None


def _is_known(word: str) -> bool:
    tables = (SIDES, COUNTS, SPEEDS, SIZES, FILLERS)
    return word.isdigit() or bool(_verb(word)) or any(word in table for table in tables)


def _understood(part: str, text: str) -> _Words:
    """What one part of ``text`` asks for: by its words, or by its meaning where these are not all known."""
    found = _Words()
    for word in re.findall(r"[\w']+", part):
        _take(found, word)
    if found.kind and not found.unknown:
        return found
    if found.unknown and is_installed():
        meaning = _meaning(part)
        if meaning is None:
            raise InputError(
                f"{part.strip()!r} in {text!r} means no movement of a head that is known; one of {', '.join(KINDS)} was"
                " wanted."
            )
        found.kind, side = meaning
        sides = KINDS[found.kind].sides
        found.side = side or (found.side if found.side in sides else "")
        return found
    if found.unknown:
        raise InputError(_unknown_words(found.unknown, text))
    raise InputError(f"{part.strip()!r} in {text!r} says no movement; one of {', '.join(KINDS)} was wanted.")


def _meaning(part: str) -> tuple[str, str] | None:
    """Kind and side of the act that a free sentence means; None where it means none."""
    act = meant(part.strip())
    return None if act.kind == OTHER or act.likeness < LEAST else (act.kind, act.side)


def _take(found: _Words, word: str) -> None:
    """Note what one word means."""
    verb = _verb(word)
    if verb:
        found.kind = found.kind or verb
        if found.kind != verb:
            found.unknown.append(word)
    elif word in SIDES:
        found.side = SIDES[word]
    elif word in COUNTS or word.isdigit():
        found.count = COUNTS.get(word) or max(int(word), 1)
    elif word in SPEEDS:
        found.pace *= SPEEDS[word]
    elif word in SIZES:
        found.size *= SIZES[word]
    elif word not in FILLERS:
        found.unknown.append(word)


def _verb(word: str) -> str:
    """The kind that a word or its -s or -ing form names, else ""."""
    for stem in (
        word,
        word.removesuffix("s"),
        word.removesuffix("ing"),
        word.removesuffix("ding"),
        word.removesuffix("es"),
    ):
        for known in (stem, f"{stem}e"):
            if known in KINDS or known in ALIASES:
                return ALIASES.get(known, known)
    return ""


def _seconds(pattern: str, part: str) -> tuple[float | None, str]:
    """The number that ``pattern`` finds, and the rest of the text."""
    found = re.search(pattern, part)
    return (None, part) if found is None else (float(found[1]), part[: found.start()] + part[found.end() :])


def _unknown_words(unknown: list[str], text: str) -> str:
    known = [*KINDS, *ALIASES, *SIDES, *SPEEDS, *SIZES, *COUNTS]
    near = get_close_matches(unknown[0], known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    listed = "; ".join(
        (
            f"verbs {', '.join(KINDS)}",
            "directions left, right, up, down, forward, back",
            f"how fast {', '.join(SPEEDS)}",
            f"how far {', '.join(SIZES)}",
            "how often once, twice, 3 times",
            "when at 2 s, for 1.5 s, then, while",
        )
    )
    return (
        f"{', '.join(map(repr, unknown))} in {text!r} is not understood{hint}; known are {listed}. Free sentences need"
        f" `pip install '{REQUIREMENT}'`."
    )
