"""Head acts that a free sentence means: the described act whose vector is nearest, see `speech.sentences`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..speech.sentences import sentence_encoder

Encoder = Callable[[Sequence[str]], Tensor]
"""Unit vectors ``[n, A]`` of n sentences."""
LEAST = 0.35
"""Likeness to the nearest description below which a sentence means no act."""
OTHER = "something else"
"""Kind of what a head does not do."""
DESCRIBED: dict[tuple[str, str], tuple[str, ...]] = {
    ("nod", ""): (
        "nods",
        "agrees",
        "says yes with the head",
        "approves of what was said",
        "confirms it",
        "gives a sign of consent",
        "accepts",
        "is convinced",
        "makes an affirmative movement of the head",
        "bobs the head up and down",
    ),
    ("shake", ""): (
        "shakes the head",
        "disagrees",
        "says no with the head",
        "is not convinced, doubts it",
        "refuses",
        "objects",
        "denies it",
        "shows disapproval with the head",
        "makes a negative movement of the head",
        "moves the head from side to side",
    ),
    ("tilt", "{}"): (
        "tilts the head to the {}",
        "brings the {} ear to the {} shoulder",
        "rests the head on the {} shoulder",
        "inclines the head sideways to the {}",
    ),
    ("tilt", ""): (
        "tilts the head",
        "holds the head at an angle",
        "inclines the head curiously",
        "listens with the head on one side",
    ),
    ("turn", "{}"): ("turns the head to the {}", "faces {}", "rotates the face to the {}", "swivels to the {}"),
    ("turn", "up"): ("raises the chin", "lifts the head", "turns the face up", "throws the head back"),
    ("turn", "down"): ("hangs the head", "drops the chin to the chest", "bows the head", "lowers the head"),
    ("look", "{}"): ("looks to the {}", "glances to the {}", "peeks at something on the {}", "the eyes go {}"),
    ("look", ""): ("looks away", "averts the eyes", "glances aside"),
    ("look", "up"): ("looks up", "looks at the ceiling", "gazes at the sky", "rolls the eyes upwards"),
    ("look", "down"): ("looks down", "looks at the floor", "stares at the ground", "lowers the eyes"),
    ("lean", "forward"): (
        "leans forward",
        "leans in",
        "comes closer to the camera",
        "bends towards the listener",
        "moves nearer",
    ),
    ("lean", "back"): (
        "leans back",
        "sits back",
        "recoils",
        "shrinks back in fear",
        "pulls away from the camera",
        "draws back",
        "withdraws",
    ),
    ("hold", ""): (
        "stays still",
        "does not move",
        "keeps quiet",
        "waits for a moment",
        "freezes like a statue",
        "rests motionless",
    ),
    (OTHER, ""): (
        "shrugs the shoulders",
        "waves a hand",
        "points with a finger",
        "jumps",
        "walks away",
        "sits down",
        "stands up",
        "dances",
        "smiles",
        "frowns",
        "laughs",
        "cries",
        "blinks",
        "sings",
        "says a word",
        "eats and drinks",
        "reads and writes",
        "buys and sells",
        "the weather",
        "a machine",
    ),
}
"""Kind and side of an act, and how one would say it; ``{}`` stands for left and for right, "" for the usual side."""
SIDED = {
    "left": r"left(wards?)?",
    "right": r"right(wards?)?",
    "up": r"up(wards?)?",
    "down": r"down(wards?)?",
    "forward": r"forwards?",
    "back": r"back(wards?)?",
}
"""Words for sides."""


@dataclass(frozen=True, kw_only=True)
class Meant:
    """The act that is nearest to a sentence."""

    kind: str
    side: str
    likeness: float
    """Cosine to its nearest description."""
    described: str
    """That description."""


def meant(sentence: str, encoder: Encoder | None = None) -> Meant:
    """The act that is nearest to what a sentence says; it means none where ``likeness`` is below LEAST.

    Args:
        sentence: one thing that a head does, in English; a side that it names is kept.
        encoder: that of the installed package where absent.
    """
    encoder = sentence_encoder() if encoder is None else encoder
    named = {side for side, words in SIDED.items() if re.search(rf"\b{words}\b", sentence.lower())}
    vectors, rows = _bank(encoder)
    likeness = vectors @ encoder([sentence])[0]
    told = len(named) == 1
    fits = [side in named if told else side not in ("left", "right") for _, side, _ in rows]
    best = int(likeness.where(torch.tensor(fits), -1.0).argmax())
    kind, side, described = rows[best]
    return Meant(kind=kind, side=side, likeness=float(likeness[best]), described=described)


@lru_cache(maxsize=2)
def _bank(encoder: Encoder) -> tuple[Tensor, list[tuple[str, str, str]]]:
    """Vectors ``[n, A]`` of all descriptions, and the act of each."""
    rows = []
    for (kind, side), texts in DESCRIBED.items():
        for text in texts:
            sides = ("left", "right") if side == "{}" else (side,)
            rows += [(kind, one, text.replace("{}", one)) for one in sides]
    return encoder([text for _, _, text in rows]).clone(), rows
