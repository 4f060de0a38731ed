"""Judges that the user brings: SyncNet and a lip reader, as torchscript or onnx files. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, require_file
from ..conventions import SAMPLE_RATE
from .judge import SyncCurve

RATE = 25.0
"""Pictures a second that these nets know."""
MOST_SHIFT = 15
"""Pictures by which SyncNet's sound is shifted."""
SEEN, HEARD = 5, 20
"""Pictures, and rows of cepstra at 100 Hz, that SyncNet takes at once."""
AT_ONCE = 20
WINDOW, HOP, FFT, FILTERS, CEPSTRA, LIFTER, PRE_EMPHASIS = 400, 160, 512, 26, 13, 22, 0.97
"""Of SyncNet's cepstra: those of python_speech_features' defaults."""
READER_SIZE, READER_MEAN, READER_STD = 88, 0.421, 0.165
"""Pixels that a lip reader sees of a mouth, mean and standard deviation of their grey (Ma et al. 2022)."""
BLANK = 0
"""Symbol of nothing in connectionist temporal classification."""

Net = Callable[[Tensor], Tensor]


def load_net(path: str | Path) -> Net:
    """A net of one input and one output from a torchscript (``.pt``, ``.pth``, ``.ts``) or onnx (``.onnx``) file.

    Raises:
        InputError: no such file, another ending, not such a net, or onnxruntime is not installed.
    """
    path = require_file(Path(path), "net")
    if path.suffix == ".onnx":
        return _onnx(path)
    if path.suffix not in (".pt", ".pth", ".ts"):
        raise InputError(f"{path} ends in {path.suffix!r}; a torchscript (.pt, .pth, .ts) or .onnx file was wanted.")
    try:
        net = torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} is no torchscript file ({str(error).splitlines()[0]}); save it by torch.jit.save."
        ) from error
    return net


def _onnx(path: Path) -> Net:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"{path} wants onnxruntime; `pip install onnxruntime`, or give a torchscript file.") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base that it exports
        raise InputError(f"{path} is no onnx file that onnxruntime can run ({error}).") from error
    name = session.get_inputs()[0].name

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(session.run(None, {name: x.numpy()})[0]))

    return run


@dataclass(frozen=True, kw_only=True)
class UserSyncNet:
    """SyncNet (Chung & Zisserman 2016) from the user's own weights."""

    lips: Net
    """``[B, 3, 5, 224, 224]`` f32, BGR in 0 to 255, to ``[B, E]``."""
    sound: Net
    """``[B, 1, 13, 20]`` f32 cepstra to ``[B, E]``."""

    @staticmethod
    def load(lips: str | Path, sound: str | Path) -> UserSyncNet:
        """From two files, see ``load_net``."""
        return UserSyncNet(lips=load_net(lips), sound=load_net(sound))

    def sync(self, faces: np.ndarray, samples: np.ndarray) -> SyncCurve:
        """Sync-C, Sync-D and the offset.

        Args:
            faces: ``[T, 224, 224, 3]`` u8 RGB at 25 pictures a second, see `crops.faces`.
            samples: ``[S]`` mono f32 at 16 kHz.

        Raises:
            InputError: fewer than six pictures with sound, or nets that take or give something else.
        """
        cepstra = torch.from_numpy(syncnet_cepstra(samples))
        count = min(len(faces) - SEEN, (len(cepstra) - HEARD) // 4 + 1)
        if count < 1:
            seconds = len(samples) / SAMPLE_RATE
            raise InputError(f"{len(faces)} pictures and {seconds:.1f} s of sound came; more than {SEEN} were wanted.")
        pictures = torch.from_numpy(np.ascontiguousarray(faces[..., ::-1])).permute(3, 0, 1, 2)
        seen = self._embedded(self.lips, [pictures[:, t : t + SEEN].float() for t in range(count)], "lips")
        heard = self._embedded(self.sound, [cepstra[4 * t : 4 * t + HEARD].T[None] for t in range(count)], "sound")
        if seen.shape != heard.shape:
            raise InputError(f"the nets give {tuple(seen.shape)} and {tuple(heard.shape)}; equal shapes were wanted.")
        around = torch.nn.functional.pad(heard, (0, 0, MOST_SHIFT, MOST_SHIFT))
        shifts = range(2 * MOST_SHIFT + 1)
        distances = torch.stack(
            [torch.nn.functional.pairwise_distance(seen, around[s : s + count]).mean() for s in shifts]
        )
        return SyncCurve(offsets=torch.tensor([(s - MOST_SHIFT) / RATE for s in shifts]), distances=distances)

    @staticmethod
    @torch.inference_mode()
    def _embedded(net: Net, parts: Sequence[Tensor], name: str) -> Tensor:
        try:
            rows = [net(torch.stack(list(parts[i : i + AT_ONCE]))) for i in range(0, len(parts), AT_ONCE)]
        except Exception as error:  # whatever a foreign net raises
            raise InputError(f"the net for {name} does not take {tuple(parts[0].shape)} ({error}).") from error
        return torch.cat(rows).flatten(1)


@dataclass(frozen=True, kw_only=True)
class UserLipReader:
    """A lip reader trained with connectionist temporal classification, from the user's own weights."""

    net: Net
    """``[1, 1, T, 88, 88]`` standardised grey mouths to ``[1, T, V]`` or ``[T, V]`` scores of symbols."""
    symbols: tuple[str, ...]
    """V symbols; the first is the blank."""

    @staticmethod
    def load(net: str | Path, symbols: Sequence[str]) -> UserLipReader:
        """From a file, see ``load_net``, and the V symbols that it tells."""
        return UserLipReader(net=load_net(net), symbols=tuple(symbols))

    @torch.inference_mode()
    def scores(self, mouths: np.ndarray) -> Tensor:
        """Log-probabilities ``[T, V]``.

        Args:
            mouths: ``[T, 96, 96]`` u8 at 25 pictures a second, see `crops.mouths`.

        Raises:
            InputError: the net takes or gives something else.
        """
        edge = (mouths.shape[-1] - READER_SIZE) // 2
        inner = mouths[:, edge : edge + READER_SIZE, edge : edge + READER_SIZE].astype(np.float32) / 255
        try:
            told = self.net(torch.from_numpy((inner - READER_MEAN) / READER_STD)[None, None])
        except Exception as error:  # whatever a foreign net raises
            raise InputError(f"the lip reader does not take [1, 1, {len(mouths)}, 88, 88] ({error}).") from error
        told = told.reshape(-1, told.shape[-1])
        if told.shape[1] != len(self.symbols):
            raise InputError(f"the lip reader tells {told.shape[1]} symbols; {len(self.symbols)} were named.")
        return told.log_softmax(-1)

    def read(self, mouths: np.ndarray) -> str:
        """What the lips say: the likeliest symbol of each moment, repeats and blanks left out."""
        best = self.scores(mouths).argmax(-1).tolist()
        return "".join(
            self.symbols[b] for b, before in zip(best, [BLANK, *best], strict=False) if b not in (before, BLANK)
        )


def edit_distance(said: Sequence, wanted: Sequence) -> int:
    """Fewest insertions, deletions and exchanges that make one of the other (Levenshtein 1966)."""
    row = list(range(len(wanted) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(wanted, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def syncnet_cepstra(samples: np.ndarray) -> np.ndarray:
    """Cepstra ``[F, 13]`` f32 at 100 Hz as SyncNet was taught on: of samples ``[S]`` on the scale of 16 bits."""
    from scipy.fft import dct

    signal = np.asarray(samples, np.float64) * 32768
    signal = np.concatenate([signal[:1], signal[1:] - PRE_EMPHASIS * signal[:-1]])
    count = 1 + max(-(-(len(signal) - WINDOW) // HOP), 0)
    padded = np.pad(signal, (0, max((count - 1) * HOP + WINDOW - len(signal), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT
    energy, smallest = power.sum(1), np.finfo(float).eps
    bands = power @ _filters()
    values = np.asarray(dct(np.log(np.where(bands == 0, smallest, bands)), type=2, axis=1, norm="ortho"))[:, :CEPSTRA]
    values *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / LIFTER)
    values[:, 0] = np.log(np.where(energy == 0, smallest, energy))
    return values.astype(np.float32)


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """Triangular mel filters ``[257, 26]`` whose corners lie on bins."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hz = 700 * (10 ** (np.linspace(0, highest, FILTERS + 2) / 2595) - 1)
    edges = np.floor((FFT + 1) * hz / SAMPLE_RATE)
    bins = np.arange(FFT // 2 + 1)[:, None]
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return np.where(bins < middle, rise, fall).clip(0, None) * (bins < right)
