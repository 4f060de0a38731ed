"""Speech features of a sound that is still coming: a fixed look-ahead, a fixed price for each frame, constant memory.

Frame ``k`` belongs to ``k / 25`` seconds and is told as soon as LOOK_AHEAD_SECONDS after it are heard, however the
sound is cut into chunks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ..checks import InputError
from . import activity
from .activity import ActivityStream
from .encoders import OWN_VERSION, QUIET, evidence
from .frames import HOP, SAMPLE_RATE, checked_sound, framed
from .mel import QUIETEST, WINDOW, loudness_of, mel_energies, relative_to, root_mean_square
from .phone_stream import PhoneStream
from .phones import LIPS_MEET, SILENT, probability_of
from .phones import WINDOW as PHONE_WINDOW
from .whisper import FFT, TAIL_ROWS, WHISPERS, WhisperTail

RATE = 25.0
"""Frames per second."""
FRAME_ROWS = 4
"""Rows of 10 ms in a frame."""
LOOK_AHEAD_ROWS = 12
"""Rows heard after a frame before it is told."""
LOOK_AHEAD_SECONDS = LOOK_AHEAD_ROWS * HOP / SAMPLE_RATE
KEPT_ROWS = 2
"""Rows of sound kept before the next one, half a window and more."""
LEVEL_ROWS = 1000
"""Rows, ten seconds, over which the loudness of speech is told."""
USUAL_LEVEL, USUAL_ROWS = 0.01, 25
"""Loudness taken for that of speech before anything is heard, and as how many rows it counts."""
BLUR_ROWS = 1.5
"""Standard deviation, in rows, of the Gaussian over features at 100 Hz (see `windows.at_frame_rate`)."""
MEET_ROW = 4
"""Lips are ahead of the phone they form by 4.5 rows: read between this row after the frame and the next."""
STREAMED = ("whisper", "default")
"""Encoders that hear a sound as it comes."""


@dataclass(frozen=True, kw_only=True)
class HeardFrame:
    """What is known of one frame."""

    values: np.ndarray
    """``[A]`` f32 features."""
    activity: np.ndarray
    """``[8]`` probability of speech in the 10 ms rows from the frame on."""
    closure: float
    """Probability of p, b or m at the moment for which the lips now form."""


class SpeechStream:
    """Features of one sound as it comes."""

    def __init__(self, encoder: str) -> None:
        """For an encoder, one of STREAMED.

        Raises:
            InputError: another encoder, or its weights are not on this machine.
        """
        if encoder not in STREAMED:
            raise InputError(f"{encoder!r} does not hear a sound as it comes; choose one of {', '.join(STREAMED)}.")
        self._tail = WhisperTail(encoder) if encoder in WHISPERS else None
        self.version = WHISPERS[encoder].version if encoder in WHISPERS else OWN_VERSION
        """Of the encoder."""
        self._phones = PhoneStream()
        self._activity = ActivityStream() if activity.is_installed() else None
        self._sound = np.zeros(KEPT_ROWS * HOP, np.float32)
        self._heard = 0
        self._rows = 0
        self._levels: deque[float] = deque([USUAL_LEVEL] * USUAL_ROWS, maxlen=LEVEL_ROWS)
        self._mel: deque[np.ndarray] = deque(maxlen=FRAME_ROWS + TAIL_ROWS + 1)
        self._before: np.ndarray | None = None

    def hear(self, samples: np.ndarray) -> list[HeardFrame]:
        """The frames that can be told now; often none.

        Args:
            samples: ``[S]`` mono f32 at 16 kHz that follow those heard before; may be empty.

        Raises:
            InputError: not one-dimensional floats, or not finite.
        """
        if not np.size(samples):
            return []
        samples = checked_sound(samples)
        frames = []
        for piece in np.split(samples, np.arange(FRAME_ROWS * HOP, len(samples), FRAME_ROWS * HOP)):
            self._sound = np.concatenate([self._sound, piece])
            if self._activity is not None:
                self._activity.hear(piece)
            self._heard += len(piece)
            while self._heard >= (self._newest() + LOOK_AHEAD_ROWS - TAIL_ROWS) * HOP:
                frames.append(self._told(self._newest() + 1))
        return frames

    def _newest(self) -> int:
        """The newest row that the next frame needs."""
        return self._rows + FRAME_ROWS - 1 if self._rows else TAIL_ROWS

    def _told(self, stop: int) -> HeardFrame:
        """The next frame, from rows up to ``stop``."""
        count, behind = stop - self._rows, KEPT_ROWS

        def around(width: int) -> np.ndarray:
            return framed(self._sound, behind, behind + count, width)

        short = around(WINDOW)
        self._levels.extend(root_mean_square(short).tolist())
        level = max(loudness_of(np.array(self._levels)), QUIETEST)
        told = self._phones.hear(around(PHONE_WINDOW + 1))
        before = np.repeat(told[:1], FRAME_ROWS, 0) if self._before is None else self._before
        self._before = told[:FRAME_ROWS]
        soft = np.concatenate([before, told])[:, 0]
        if self._tail is None:
            self._mel.extend(mel_energies(short))
            values = self._own(soft, level)
        else:
            values = self._tail.hear(around(FFT))
        audible = np.array(self._levels)[-TAIL_ROWS - 1 :][: len(told)] > QUIET * level
        meets = (probability_of(told[:, 1], LIPS_MEET) * audible)[MEET_ROW : MEET_ROW + 2]
        self._sound, self._rows = self._sound[count * HOP :], stop
        if self._activity is None:
            spoken = 1 - probability_of(told[:, 0], SILENT)
        else:
            spoken = self._activity.at(stop - TAIL_ROWS - 1 + np.arange(len(told)))
        return HeardFrame(
            values=values,
            activity=audible * spoken,
            closure=float(meets.mean()),
        )

    def _own(self, soft: np.ndarray, level: float) -> np.ndarray:
        """Mel energies and phones around the frame, ``soft`` from FRAME_ROWS before it on, blurred; and 40 ms later."""
        rows = np.arange(-FRAME_ROWS, FRAME_ROWS + 1)
        weights = np.exp(-0.5 * (rows / BLUR_ROWS) ** 2)
        mel = list(self._mel)
        mel = relative_to(level, np.stack([mel[0]] * (FRAME_ROWS + TAIL_ROWS + 1 - len(mel)) + mel))
        phones = evidence(np.concatenate([soft, soft[-1:]]))
        parts = [part[at : at + len(rows)] for at in (0, FRAME_ROWS) for part in (mel, phones)]
        return ((weights / weights.sum()) @ np.concatenate(parts, 1)).astype(np.float32)
