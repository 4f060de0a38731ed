# ruff: noqa: RUF001  the International Phonetic Alphabet looks like other letters
"""Text to speech by a program of its own: espeak-ng, or Piper where a voice is given. Neither is ever linked in."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import InputError, require_file
from ..conventions import SAMPLE_RATE
from ..lips import LipJudge
from ..media import read_audio
from .language import require_language
from .world import require_world

ESPEAK = "espeak-ng"
"""The program that says a text and tells its sounds."""
SECONDS = 120
"""A program that takes longer is ended."""
LONGEST = 2000
"""Letters of a text."""
ARPABET = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɛə": "EH R",
    "ɪə": "IH R", "ʊə": "UH R", "ɑː": "AA", "iː": "IY", "uː": "UW", "ɔː": "AO", "ɜː": "ER", "ɚ": "ER", "ɝ": "ER",
    "ɐ": "AH", "a": "AA", "ɑ": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɔ": "AO", "ɒ": "AA", "ɛ": "EH", "e": "EH",
    "ɪ": "IH", "i": "IY", "ᵻ": "IH", "o": "OW", "ʊ": "UH", "u": "UW", "y": "UW", "ø": "ER", "œ": "ER", "ɨ": "IH",
    "b": "B", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "ç": "HH", "x": "HH", "j": "Y", "k": "K",
    "l": "L", "ɫ": "L", "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "ʁ": "R", "ɾ": "D", "s": "S",
    "ʃ": "SH", "t": "T", "θ": "TH", "v": "V", "w": "W", "z": "Z", "ʒ": "ZH", "β": "V", "ɲ": "N", "ʔ": "",
}  # fmt: skip
"""The nearest of the acoustic model's English phones to each sound of the International Phonetic Alphabet."""
_LONGEST_SYMBOL = max(map(len, ARPABET))


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A text, said by a machine."""

    text: str
    """The words."""
    words: tuple[str, ...]
    """As the program took them apart."""
    phones: tuple[tuple[str, ...], ...]
    """Of each word, ARPABET."""
    samples: np.ndarray
    """``[S]`` f32 mono, 16 kHz."""


def can_say() -> bool:
    """Whether a program is installed that ``speak_text`` can use."""
    return shutil.which(ESPEAK) is not None


def require_programs(*, words: bool) -> None:
    """InputError where something is missing that gives lips a voice: the vocoder, and for ``words`` a program that says
    them and the encoder that the judge of lips listens with."""
    require_world()
    if words:
        _program(ESPEAK)
        LipJudge.load().require_ears()


def speak_text(text: str, *, language: str = "en-us", piper_voice: str | Path | None = None) -> Spoken:
    """Let a program say ``text``; espeak-ng tells its phones in either case.

    Args:
        text: one line or several.
        language: as espeak-ng names it: ``en-us``, ``de``, ``fr-fr``.
        piper_voice: an ``.onnx`` voice for Piper, run as ``piper``; espeak-ng's own voice where absent.

    Raises:
        InputError: no text, or in another language; a program is missing or fails, or it does not know the language.
    """
    text = " ".join(text.split())
    if not text or len(text) > LONGEST or not any(letter.isalnum() for letter in text):
        raise InputError(f"the text has {len(text)} letters; words, up to {LONGEST} letters, were wanted.")
    require_language(text, language, piper_voice)
    words = phones_of(text, language=language)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "said.wav"
        if piper_voice is None:
            _run([ESPEAK, "-v", language, "-w", str(sound), "--", text])
        else:
            voice = require_file(piper_voice, "Piper voice")
            _run(["piper", "--model", str(voice), "--output_file", str(sound)], said=text)
        samples = read_audio(sound, sample_rate=SAMPLE_RATE)
    return Spoken(text=text, words=tuple(w for w, _ in words), phones=tuple(p for _, p in words), samples=samples)


def phones_of(text: str, *, language: str = "en-us") -> list[tuple[str, tuple[str, ...]]]:
    """Words of a text, as espeak-ng spells their sounds, each with its ARPABET phones."""
    spelled = _run([ESPEAK, "-v", language, "-q", "--ipa", "--", text])
    found = [(word, arpabet(word)) for word in spelled.split()]
    found = [(word, phones) for word, phones in found if phones]
    if not found:
        raise InputError(f"espeak-ng finds no sounds in {text!r} as {language}; is the text in that language?")
    return found


def arpabet(ipa: str) -> tuple[str, ...]:
    """The nearest English phones to a word in IPA; marks of stress and length are passed over."""
    ipa = re.sub(r"[ˈˌ̩̃'\-‿]", "", ipa)
    phones: list[str] = []
    at = 0
    while at < len(ipa):
        for size in range(_LONGEST_SYMBOL, 0, -1):
            symbol = ipa[at : at + size]
            if len(symbol) == size and symbol in ARPABET:
                phones += ARPABET[symbol].split()
                break
        else:
            size = 1
        at += size
    return tuple(phones)


def _run(command: list[str], said: str | None = None) -> str:
    """What a program writes to its output; InputError where it is missing or fails."""
    _program(command[0])
    try:
        done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{command[0]} did not end within {SECONDS} s; try a shorter text.") from error
    if done.returncode:
        raise InputError(f"{command[0]} failed ({done.stderr.strip() or done.returncode}).")
    return done.stdout


def _program(name: str) -> None:
    """InputError where a program is not installed."""
    if shutil.which(name) is None:
        how = "`apt-get install espeak-ng`" if name == ESPEAK else "`pipx install piper-tts`"
        raise InputError(f"{name} is not installed; {how} puts it there.")
