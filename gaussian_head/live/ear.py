"""What a live head is told to say: sound that waits, the part of it that is heard ahead, and the mouth for each frame.

An utterance begins when enough of it waits that its frames can be told without a gap, and ends some time after the last
of its sound. In between the voice hears LOOK_AHEAD before what is played, silence where nothing waits. Between
utterances nothing is heard, so that every one begins as the voice was taught, and being idle costs nothing.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from torch import Tensor

from ..checks import InputError
from ..conventions import SAMPLE_RATE
from ..media.arriving import PLAYED_EACH, ROW, ArrivingSound
from ..playing.performances import MAX_SECONDS
from ..speech.frames import checked_sound
from ..voice import CausalVoice

CUSHION_SECONDS = 0.04
"""Sound that waits beyond what a frame needs before an utterance begins, so that chunks may come unevenly."""
LONGEST_CHUNK = 0.25
"""Seconds of sound at once beyond which nobody is speaking this moment: a file, or speech that was made ahead."""
PATIENCE_SECONDS = 0.2
"""How long too little sound may wait: then there is no more of it."""
ENDING_SECONDS = 1.0
"""Silence after the last sound with which an utterance ends; by then the voice has shut the mouth."""
SHUTTING_SECONDS = 0.12
"""How long the mouth takes to shut when it is interrupted."""
AS_SPOKEN = (0.9, 1.5)
"""Seconds of sound that come in a second from somebody who speaks this moment, while playing may falter."""
WATCHED_SECONDS, SLACK_SECONDS, MOST_LAG = 2.0, 0.2, 1.0
"""Their sound may wait SLACK_SECONDS all of that time; beyond it pauses are cut short, beyond MOST_LAG all else."""
PAUSE = 0.01
"""Greatest sample of a pause."""
FADE = 80
"""Samples, 5 ms, over which sound that is interrupted fades."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """One frame of what is said."""

    rows: np.ndarray
    """``[S]`` ROW, as long as the frame."""
    units: Tensor
    """``[1, 52]`` of the mouth; others are 0."""
    speaking: bool
    """False between utterances and in their last silence."""


class Ear:
    """The sound of one live head; constant memory save what waits, which is bounded."""

    def __init__(self, voice: CausalVoice, closed: Tensor, fps: float) -> None:
        """Nothing said yet.

        Args:
            voice: tells the mouth.
            closed: ``[52]`` units of the shut mouth.
            fps: frames per second.
        """
        self._voice, self._closed = voice, closed[None]
        self._fps = Fraction(fps).limit_denominator(10_000)
        self._arriving = ArrivingSound()
        self._waiting: deque[np.ndarray] = deque()
        self._waiting_samples, self._chunk, self._patience = 0, 0, 0.0
        self._tail = np.zeros(0, ROW)
        self._last = self._fade_from = self._closed
        self._fade = 0.0
        self._watched, self._came, self._least, self._excess = 0, 0, 0, 0
        self._rest()

    _cushion = round(CUSHION_SECONDS * SAMPLE_RATE)

    @property
    def waiting(self) -> float:
        """Seconds of sound that are still to be played."""
        return (self._waiting_samples + max(self._sound_end - self._at(self._frame), 0)) / SAMPLE_RATE

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._uttering

    def hear(self, sound: np.ndarray) -> None:
        """Say ``sound [S]``, ROW or 16 kHz mono, float in [-1, 1] or int16, after what waits already.

        Raises:
            InputError: no such sound, or more waits than MAX_SECONDS.
        """
        if not np.size(sound):
            return
        sound = np.asarray(sound)
        if sound.dtype == np.int16:
            sound = sound.astype(np.float32) / 32768
        if sound.dtype != ROW:
            sound = checked_sound(sound)
        if self.waiting + len(sound) / SAMPLE_RATE > MAX_SECONDS:
            raise InputError(
                f"{self.waiting:.0f} s of sound wait to be said and {len(sound) / SAMPLE_RATE:.1f} s more came; at "
                f"most {MAX_SECONDS} s may wait, so send it later or interrupt."
            )
        rows = np.array(sound) if sound.dtype == ROW else self._arriving.hear_pcm(sound, SAMPLE_RATE)
        self._waiting.append(rows)
        self._waiting_samples += len(rows)
        self._came += len(rows)
        self._chunk = min(len(rows), round(LONGEST_CHUNK * SAMPLE_RATE))

    def interrupt(self) -> None:
        """Stop saying: silent from the next frame on, the mouth shut SHUTTING_SECONDS later."""
        self._arriving = ArrivingSound()
        self._waiting.clear()
        self._waiting_samples, self._patience, self._excess = 0, 0.0, 0
        if self._uttering:
            begin = self._at(self._frame) - self._base
            self._tail = _faded(self._sound[begin : begin + FADE])
            self._fade_from, self._fade = self._last, 1.0
            self._rest()

    def next(self) -> Said:
        """The next frame."""
        self._watch()
        if not self._uttering and self._ready():
            self._uttering = True
        said = self._uttered() if self._uttering else self._silence()
        self._fade = max(self._fade - 1 / (SHUTTING_SECONDS * float(self._fps)), 0.0)
        units = said.units.lerp(self._fade_from, self._fade) if self._fade else said.units
        rows = said.rows
        if len(self._tail):
            rows = _mixed(rows, self._tail)
            self._tail = self._tail[:0]
        self._last = units
        return Said(rows=rows, units=units, speaking=said.speaking)

    def _rest(self) -> None:
        """Between utterances."""
        self._voice.restart()
        self._uttering, self._flowing = False, True
        self._frame, self._heard, self._sound_end = 0, 0, 0
        self._sound, self._base = np.zeros(0, ROW), 0
        self._told: deque[Tensor] = deque()
        self._first_told = 0

    def _silence(self) -> Said:
        rows = np.zeros(self._at(1), ROW)
        self._patience = self._patience + 1 / float(self._fps) if self._waiting_samples else 0.0
        return Said(rows=rows, units=self._closed, speaking=False)

    def _ready(self) -> bool:
        """Whether an utterance can begin: its first frames are there, and so is what bridges the time to more sound."""
        needed, waiting = self._needed(0) + self._cushion, self._waiting_samples
        bridged = waiting >= needed + self._chunk or self._patience >= CausalVoice.delay
        return (waiting >= needed and bridged) or (waiting > 0 and self._patience >= PATIENCE_SECONDS)

    def _uttered(self) -> Said:
        """The next frame of an utterance, which ends with it where it was the last."""
        begin, end = self._at(self._frame), self._at(self._frame + 1)
        self._hear_until(self._needed(self._frame))
        moment = self._frame * Fraction(round(CausalVoice.rate)) / self._fps
        low, high = math.floor(moment), math.ceil(moment)
        while self._first_told < low:
            self._told.popleft()
            self._first_told += 1
        units = self._told[0].lerp(self._told[high - low], float(moment - low))[None]
        rows = self._sound[begin - self._base : end - self._base]
        self._sound, self._base = self._sound[end - self._base :], end
        speaking = begin < self._sound_end
        self._frame += 1
        if end > self._sound_end + ENDING_SECONDS * SAMPLE_RATE and not self._waiting_samples:
            self._rest()
        return Said(rows=rows, units=units, speaking=speaking)

    def _needed(self, frame: int) -> int:
        """Samples of the utterance that must be heard before a frame can be told."""
        newest = math.ceil(frame * Fraction(round(CausalVoice.rate)) / self._fps)
        ahead = math.ceil((newest / CausalVoice.rate + CausalVoice.delay) * SAMPLE_RATE)
        return max(ahead, self._at(frame + 1))

    def _hear_until(self, stop: int) -> None:
        """Let the voice hear up to sample ``stop``: what waits, and silence where nothing does."""
        count = stop - self._heard
        if count <= 0:
            return
        if not self._flowing and self._waiting_samples and self._patience < PATIENCE_SECONDS:
            # What came late begins anew, with a cushion.
            self._flowing = self._waiting_samples >= count + max(self._cushion, self._chunk)
            self._patience += 1 / float(self._fps)
        self._cut()
        taken = self._taken(count) if self._flowing or self._patience >= PATIENCE_SECONDS else np.zeros(0, ROW)
        if len(taken):
            self._sound_end, self._patience, self._flowing = self._heard + len(taken), 0.0, len(taken) == count
        piece = np.concatenate([taken, np.zeros(count - len(taken), ROW)])
        self._sound = np.concatenate([self._sound, piece])
        self._heard = stop
        self._told.extend(self._voice.hear(np.ascontiguousarray(piece["heard"])))

    def _watch(self) -> None:
        """See whether somebody who speaks this moment is heard ever later, as after playing faltered."""
        self._least = min(self._least, self._waiting_samples) if self._watched else self._waiting_samples
        self._watched += 1
        seconds = self._watched / float(self._fps)
        if seconds < WATCHED_SECONDS:
            return
        pace = self._came / SAMPLE_RATE / seconds
        slack = round(SLACK_SECONDS * SAMPLE_RATE)
        live = AS_SPOKEN[0] < pace < AS_SPOKEN[1] and self._least > slack
        self._excess = self._least - slack // 2 if live else 0
        self._watched, self._came = 0, 0

    def _cut(self) -> None:
        """Leave out what waits too much, where it is a pause."""
        while self._excess > 0 and self._waiting:
            first = self._waiting[0][: self._excess]
            if self._excess < MOST_LAG * SAMPLE_RATE and np.abs(first["heard"]).max() > PAUSE:
                return
            self._excess -= len(self._taken(len(first)))

    def _taken(self, count: int) -> np.ndarray:
        """Up to ``count`` samples of what waits."""
        parts = []
        while count and self._waiting:
            first = self._waiting.popleft()
            parts.append(first[:count])
            if len(first) > count:
                self._waiting.appendleft(first[count:])
            count -= len(parts[-1])
        self._waiting_samples -= sum(map(len, parts))
        return np.concatenate(parts) if parts else np.zeros(0, ROW)

    def _at(self, frame: int) -> int:
        """Sample at which a frame of the utterance begins."""
        return math.floor(frame * SAMPLE_RATE / self._fps)


def _faded(rows: np.ndarray) -> np.ndarray:
    """Rows that end in silence."""
    faded = rows.copy()
    faded["heard"] *= np.linspace(1, 0, len(rows), dtype=np.float32)
    slope = np.linspace(1, 0, len(rows) * PLAYED_EACH).reshape(-1, PLAYED_EACH)
    faded["played"] = np.rint(rows["played"] * slope)
    return faded


def _mixed(rows: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """``rows`` with ``tail`` over their beginning."""
    mixed, count = rows.copy(), min(len(rows), len(tail))
    mixed["heard"][:count] += tail["heard"][:count]
    both = rows["played"][:count].astype(np.int32) + tail["played"][:count]
    mixed["played"][:count] = both.clip(-(2**15), 2**15 - 1)
    return mixed
