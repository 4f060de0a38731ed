"""The judge of lips on pictures: units are read back from what was drawn, never from what drew it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..capture import Capture
from ..checks import InputError
from ..lips import LipJudge
from ..lips.judge import REACH_SECONDS
from ..metrics.lips import LipSync
from ..speech import encode_speech
from ..speech.whisper import is_installed
from ..tracking.seen_units import UnitReader

SYNC = (
    "units of the mouth tracked anew in the pictures, judged against the sound of these frames by the package's judge "
    "(lips/judge.json says whom it learnt from): readability is the mean cosine over windows of 5 frames at 25 Hz; "
    "offset, positive where the sound is late, and confidence are those of SyncNet's formula on the judge's embeddings"
)
NO_EARS = "not judged: the judge hears with Whisper, `pip install 'gaussian-head[whisper]'`"


@dataclass(frozen=True, kw_only=True)
class LipsBesideSound:
    """Judges units against one sound."""

    judge: LipJudge
    """Who judges."""
    fps: float
    """Frames per second of the units."""
    sound: Tensor
    """``[T2, 32]`` the judge's embeddings of the sound, from the first of these frames on."""

    @staticmethod
    def of(samples: np.ndarray, fps: float, num_frames: int, *, start: float = 0.0) -> LipsBesideSound:
        """The package's judge on ``num_frames`` that begin ``start`` seconds into a sound ``[S]``, 16 kHz mono.

        Raises:
            InputError: the judge cannot hear on this machine, or the sound cannot be used.
        """
        judge = LipJudge.load()
        first = round(start * judge.hearing.rate)
        count = max(int(num_frames / fps * judge.hearing.rate), 2)
        sound = judge.embed_sound(encode_speech(samples, encoder=judge.hearing.encoder), first + count)
        return LipsBesideSound(judge=judge, fps=fps, sound=sound[first:])

    def shuffled(self) -> LipsBesideSound:
        """Beside the sound of half its length later, wrapped."""
        return replace(self, sound=self.sound.roll(len(self.sound) // 2, 0))

    def score(self, units: Tensor) -> LipSync:
        """What the judge says of units ``[T, 52]``."""
        lips = self.judge.embed_lips(units, self.fps)
        pair = lips, self.sound[: len(lips)]
        readability = float(self.judge.readability_of(*pair).mean())
        if len(lips) < 2 * round(REACH_SECONDS * self.judge.hearing.rate):
            return LipSync(readability=readability, offset=float("nan"), confidence=float("nan"))
        curve = self.judge.sync_of(*pair)
        return LipSync(readability=readability, offset=curve.offset, confidence=curve.confidence)


def judge_of_pictures(capture: Capture, frames: Tensor) -> Callable[[np.ndarray], LipSync | None] | None:
    """What judges landmarks ``[T, 478, 2]`` found in pictures of some ``frames [T]`` of a capture beside its own sound.

    It says None where too few faces were found. Itself it is None where the judge cannot hear.
    """
    if not capture.info.has_audio or not is_installed("whisper"):
        return None
    reader, head = UnitReader(capture), capture.motion.head[frames]
    beside = LipsBesideSound.of(capture.audio(), capture.fps, len(frames), start=int(frames[0]) / capture.fps)

    def judged(landmarks: np.ndarray) -> LipSync | None:
        try:
            return beside.score(reader.read(landmarks, head, capture.fps))
        except InputError:
            return None

    return judged
