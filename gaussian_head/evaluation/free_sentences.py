"""Free sentences about heads with what each means: written after the descriptions of acts, which stayed the same."""

from __future__ import annotations

from dataclasses import dataclass

from ..motion.meant_acts import LEAST, OTHER, Encoder, meant

SENTENCES: tuple[tuple[str, str, str], ...] = (
    ("gives the thumbs-up with his head", "nod", ""),
    ("thinks it is a good idea and shows it", "nod", ""),
    ("greets the visitor with a small bob", "nod", ""),
    ("lets him know that he is right", "nod", ""),
    ("answers in the affirmative", "nod", ""),
    ("understands and shows it", "nod", ""),
    ("signals that this is wrong", "shake", ""),
    ("answers in the negative", "shake", ""),
    ("cannot believe it", "shake", ""),
    ("turns the proposal down", "shake", ""),
    ("swivels the head to and fro, meaning no", "shake", ""),
    ("forbids it", "shake", ""),
    ("bends the neck sideways toward the left shoulder", "tilt", "left"),
    ("lays the head over to the right", "tilt", "right"),
    ("cocks an ear to the left", "tilt", "left"),
    ("drops the right ear to the shoulder", "tilt", "right"),
    ("slants the head like a curious dog", "tilt", ""),
    ("swings the face over to the left", "turn", "left"),
    ("spins round toward the right", "turn", "right"),
    ("directs the nose to the left", "turn", "left"),
    ("presents the face to the people on the right", "turn", "right"),
    ("sticks the chin up in the air", "turn", "up"),
    ("tips the head backwards as if to sneeze", "turn", "up"),
    ("slumps the head forward, asleep", "turn", "down"),
    ("tucks the chin in", "turn", "down"),
    ("checks the clock on the left wall", "look", "left"),
    ("spies on the neighbour on the right", "look", "right"),
    ("lets the eyes wander to the left", "look", "left"),
    ("notices somebody at the right", "look", "right"),
    ("watches a bird overhead", "look", "up"),
    ("searches the sky for planes", "look", "up"),
    ("reads the paper on the desk below", "look", "down"),
    ("inspects the carpet", "look", "down"),
    ("avoids eye contact", "look", ""),
    ("brings the face close to the screen", "lean", "forward"),
    ("bends over the table to hear better", "lean", "forward"),
    ("approaches the viewer", "lean", "forward"),
    ("reclines", "lean", "back"),
    ("jerks away from the camera in surprise", "lean", "back"),
    ("takes distance from the screen", "lean", "back"),
    ("retreats a little", "lean", "back"),
    ("holds the pose", "hold", ""),
    ("does nothing", "hold", ""),
    ("is as still as a stone", "hold", ""),
)
"""Sentence, kind and side of the act; "" where any side will do."""
NONSENSE = (
    "cooks a soup",
    "the stock market fell",
    "rides a bicycle",
    "plays the piano",
    "claps her hands",
    "calls her mother",
    "installs the update",
    "the river is deep",
    "paints the fence green",
    "whistles a tune",
    "bakes bread",
    "snow fell in the night",
)
"""Sentences that tell of no act of a head."""


@dataclass(frozen=True, kw_only=True)
class SentenceScores:
    """How free sentences are understood."""

    understood: float
    """Share of SENTENCES that get their kind and side."""
    unheard: float
    """Share of SENTENCES that are taken for no act."""
    refused: float
    """Share of NONSENSE that is taken for no act."""


def measure_sentences(encoder: Encoder | None = None) -> SentenceScores:
    """Scores of an encoder, by default the installed one."""
    found = [meant(text, encoder) for text, *_ in SENTENCES]
    acts = [act.kind != OTHER and act.likeness >= LEAST for act in found]
    right = [
        act and (m.kind, side or m.side) == (kind, m.side)
        for act, m, (_, kind, side) in zip(acts, found, SENTENCES, strict=True)
    ]
    other = [m.kind == OTHER or m.likeness < LEAST for m in map(lambda text: meant(text, encoder), NONSENSE)]
    return SentenceScores(
        understood=round(sum(right) / len(right), 3),
        unheard=round(1 - sum(acts) / len(acts), 3),
        refused=round(sum(other) / len(other), 3),
    )
