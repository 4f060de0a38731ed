"""Whether a text is in the language in which it is to be said."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ..checks import InputError, read_json

LATIN = "af ca cs cy da de en es et eu fi fr ga hr hu id is it lt lv ms nb nl pl pt ro sk sl sq sv sw tr vi"
"""Languages that are written in Latin letters."""
COMMON = {
    "de": "ich und nicht das ist der die wir ein mit auf sie auch es zu",
    "en": "the and is of to that you it was for are this have with we",
    "es": "que el los las una por es con para no como está yo muy del",
    "fr": "les est une que je vous dans pas des qui nous il pour sur avec",
    "it": "che il una non sono per di gli con della questo anche è più",
    "nl": "het een van ik niet dat zijn met voor op te aan ook maar wij",
    "pt": "que não uma os com para é você do da em mais isso como eu",
}
"""Frequent words by language."""
FEWEST = 3
"""Frequent words of another language, and none of its own, from which on a text is taken for that language."""


def require_language(text: str, language: str, piper_voice: str | Path | None = None) -> None:
    """InputError where a text is plainly not in the language named, or a Piper voice speaks another one.

    Args:
        text: what is to be said.
        language: as espeak-ng names it: ``en-us``, ``de``.
        piper_voice: an ``.onnx`` voice, whose language stands in the ``.onnx.json`` beside it.
    """
    family = language.split("-")[0].lower()
    spoken = "" if piper_voice is None else _spoken_by(Path(piper_voice))
    if spoken and spoken != family:
        raise InputError(f"the voice {piper_voice} speaks {spoken!r} and the text is {language!r}; they must agree.")
    letters = [unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha()]
    foreign = [script for script in letters if script != "LATIN"]
    if family in LATIN.split() and 2 * len(foreign) > len(letters):
        script = max(set(foreign), key=foreign.count).capitalize()
        raise InputError(f"the text is written in {script} and is to be said in {language!r}; give its own --language.")
    words = set(re.findall(r"[^\W\d_]+", text.lower()))
    own = words & set(COMMON.get(family, "").split())
    found = {name: sorted(words & set(frequent.split())) for name, frequent in COMMON.items() if name != family}
    best = max(found, key=lambda name: len(found[name]))
    if family in COMMON and not own and len(found[best]) >= FEWEST:
        raise InputError(
            f"the text looks like {best!r} ({', '.join(found[best])}) and is to be said in {language!r}; give"
            f" --language {best}."
        )


def _spoken_by(voice: Path) -> str:
    """Family of the language of a Piper voice; empty where nothing tells it."""
    card = voice.with_name(voice.name + ".json")
    if not card.is_file():
        return ""
    said = read_json(card, "card of the Piper voice")
    espeak = said.get("espeak") if isinstance(said, dict) else None
    told = espeak.get("voice") if isinstance(espeak, dict) else None
    return str(told or "").split("-")[0].lower()
