"""Lips and sound in one space: how near they are tells whether they belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import InputError, require_names, require_shapes
from ..conventions import SAMPLE_RATE
from ..motion.lip_model import LipNet, apply_net
from ..speech import SpeechFeatures, encode_speech
from ..speech.windows import interpolated
from ..taught import TaughtFile
from ..voice.hearing import Hearing
from ..voice.mouth import COLUMNS, MOUTH, lip_measures, symmetric

FILE = TaughtFile(what="lip judge", script="learn_judge.py", format="gaussian-head-judge", version=1)
DATA = Path(__file__).parent / "judge.safetensors"
"""The judge of the package; what it was taught with stands beside it in ``judge.json``."""
SECOND = Path(__file__).parent / "second.safetensors"
"""Another judge, taught from other seeds and tracks: two agree on the right phrase more often than one finds it."""
EMBEDDED = 32
"""Dimensions in which lips and sound meet."""
LIP_DILATIONS, SOUND_DILATIONS = (1, 1), (1, 2, 4)
"""Of 3-tap convolutions: lips are seen 5 frames at a time, sound is heard 15."""
WIDTH = 64
WINDOW = 5
"""Frames over which readability is told."""
REACH_SECONDS = 0.6
"""Farthest offset tried."""


@dataclass(frozen=True, kw_only=True)
class SyncCurve:
    """How far lips are from the sound of each moment around."""

    offsets: Tensor
    """``[n]`` seconds by which the sound is taken later."""
    distances: Tensor
    """``[n]`` mean Euclidean distance of unit vectors, 0 to 2."""

    @property
    def offset(self) -> float:
        """Seconds by which the sound lags the lips: where they are nearest."""
        return float(self.offsets[self.distances.argmin()])

    @property
    def confidence(self) -> float:
        """Median less least distance: Sync-C of Chung & Zisserman (2016), on this judge's embeddings."""
        return float(self.distances.median() - self.distances.min())

    @property
    def distance(self) -> float:
        """Least distance: their Sync-D."""
        return float(self.distances.min())


@dataclass(frozen=True, kw_only=True)
class LipJudge:
    """Two small nets whose outputs are near where lips and sound belong together."""

    hearing: Hearing
    """From features to what the sound's net takes."""
    scale: Tensor
    """``[M + 4]`` usual standard deviations of the units of the mouth, and of what they do together."""
    lips: LipNet
    """From units about their mean, and their changes, to embeddings."""
    sound: LipNet
    """From sound to embeddings."""

    def require_ears(self) -> None:
        """InputError where the speech encoder that it listens with is not installed."""
        encode_speech(np.zeros(SAMPLE_RATE, np.float32), encoder=self.hearing.encoder)

    def embed_lips(self, units: Tensor, fps: float) -> Tensor:
        """Unit vectors ``[T, 32]`` at the judge's rate of ``units [T2, 52]`` at ``fps``."""
        return F.normalize(apply_net(self.lips, self._looks(units[:, COLUMNS].float(), fps)), dim=-1)

    def lips_of(self, mouth: Tensor, fps: float) -> Tensor:
        """As ``embed_lips``, of the mouth's units ``[T2, M]`` alone, with gradients."""
        return F.normalize(self.lips(self._looks(mouth, fps).T[None])[0].T, dim=-1)

    def of_lips(self, moved: Tensor) -> Tensor:
        """Unit vectors ``[B, T, 32]`` of the mouth's units ``[B, T, M]`` about their mean, at the judge's rate, with
        gradients."""
        looks = seen(moved, torch.zeros(moved.shape[-1]), self.scale)
        return F.normalize(self.lips(looks.mT).mT, dim=-1)

    def of_sound(self, values: Tensor, usual: Tensor) -> Tensor:
        """Unit vectors ``[T, 32]`` of features ``[T, A]`` at the judge's rate, whose mean is ``usual [A]``."""
        return F.normalize(apply_net(self.sound, self.hearing.standard(values, usual)), dim=-1)

    def _looks(self, mouth: Tensor, fps: float) -> Tensor:
        times = torch.arange(max(int(len(mouth) / fps * self.hearing.rate), 2), dtype=torch.float64)
        mouth = interpolated(mouth, times / self.hearing.rate * fps)
        return seen(mouth, mouth.mean(0), self.scale)

    def embed_sound(self, features: SpeechFeatures, num_frames: int) -> Tensor:
        """Unit vectors ``[T, 32]`` of a sound at the judge's rate; InputError where another encoder heard it."""
        return F.normalize(apply_net(self.sound, self.hearing.inputs(features, num_frames)), dim=-1)

    def sync(self, units: Tensor, fps: float, samples: np.ndarray) -> SyncCurve:
        """Offset of sound to lips, and how sure it is.

        Args:
            units: ``[T, 52]``.
            fps: their frames per second.
            samples: ``[S]`` mono f32 at 16 kHz.

        Raises:
            InputError: the sound cannot be used, or is too short for any offset.
        """
        return self.sync_of(*self.embedded(units, fps, encode_speech(samples, encoder=self.hearing.encoder)))

    def embedded(self, units: Tensor, fps: float, features: SpeechFeatures) -> tuple[Tensor, Tensor]:
        """Embeddings ``[T, 32]`` of lips and of the sound beside them, of the same length."""
        lips = self.embed_lips(units, fps)
        return lips, self.embed_sound(features, len(lips))

    def sync_of(self, lips: Tensor, sound: Tensor) -> SyncCurve:
        """As ``sync``, from embeddings ``[T, 32]``."""
        T, reach = len(lips), round(REACH_SECONDS * self.hearing.rate)
        if 2 * reach > T:
            raise InputError(f"{T / self.hearing.rate:.1f} s came; at least {2 * REACH_SECONDS:g} s were wanted.")
        lags = range(-reach, reach + 1)
        far = [(lips[max(0, -lag) : T - max(0, lag)] - sound[max(0, lag) : T - max(0, -lag)]) for lag in lags]
        distances = torch.stack([apart.norm(dim=-1).mean() for apart in far])
        return SyncCurve(offsets=torch.tensor([lag / self.hearing.rate for lag in lags]), distances=distances)

    def readability(self, units: Tensor, fps: float, samples: np.ndarray) -> Tensor:
        """How well the lips say the sound, ``[T // 5]`` in [-1, 1]: cosine over windows of 5 frames at 25 Hz.

        Args:
            units: ``[T, 52]``.
            fps: their frames per second.
            samples: ``[S]`` mono f32 at 16 kHz.
        """
        features = encode_speech(samples, encoder=self.hearing.encoder)
        return self.readability_of(*self.embedded(units, fps, features))

    def readability_of(self, lips: Tensor, sound: Tensor) -> Tensor:
        """As ``readability``, from embeddings ``[T, 32]``."""
        return (lips * sound).sum(-1)[: len(lips) // WINDOW * WINDOW].unflatten(0, (-1, WINDOW)).mean(1)

    def save(self, path: str | Path, card: dict) -> None:
        """Write ``<path>.safetensors`` and, with what it was taught with, ``<path>.json``."""
        nets = {f"{name}.{k}": v for name in ("lips", "sound") for k, v in getattr(self, name).state_dict().items()}
        tensors = self.hearing.tensors() | nets | {"scale": self.scale}
        FILE.save(path, tensors, {"units": MOUTH} | self.hearing.described(), card)

    @staticmethod
    def load(path: str | Path = DATA) -> LipJudge:
        """Read what ``save`` wrote; by default the package's own, which is read once.

        Raises:
            InputError: files are missing or damaged, or of another format, version or shape.
        """
        return _load(Path(path).with_suffix(".safetensors"))


def seen(mouth: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """What the lips' net takes, ``[..., T, 2 (M + 4)]``: units ``mouth [..., T, M]`` about ``mean [M]``, what they do
    together, and changes."""
    away = symmetric(mouth - mean)
    values = torch.cat([away, away @ lip_measures()], -1) / scale
    return torch.cat([values, torch.diff(values, dim=-2, prepend=values[..., :1, :])], -1)


def lip_net() -> LipNet:
    """A net for lips with new weights."""
    return LipNet(2 * (len(MOUTH) + lip_measures().shape[1]), EMBEDDED, LIP_DILATIONS, WIDTH)


def sound_net(inputs: int) -> LipNet:
    """A net for sound with new weights."""
    return LipNet(inputs, EMBEDDED, SOUND_DILATIONS, WIDTH)


@lru_cache(maxsize=4)
def _load(path: Path) -> LipJudge:
    return FILE.read(path, _built)


def _built(meta: dict[str, Any], tensors: dict[str, Tensor]) -> LipJudge:
    if require_names(meta["units"], "units") != MOUTH:
        raise InputError("it reads other units.")
    hearing = Hearing.read(tensors, meta)
    nets = {"lips": lip_net(), "sound": sound_net(hearing.projection.shape[1])}
    require_shapes(tensors, {"scale": (len(MOUTH) + lip_measures().shape[1],)}, "the judge")
    for name, net in nets.items():
        net.load_state_dict({k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")})
        net.eval().requires_grad_(False)
    return LipJudge(hearing=hearing, scale=tensors["scale"], **nets)
