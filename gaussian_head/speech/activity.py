"""Whether somebody speaks, in any language: silero-vad's net, read from the package that carries its weights."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks import InputError
from .frames import FEATURE_RATE, SAMPLE_RATE, num_feature_frames
from .installed import place_of, read_known

PACKAGE, INSIDE = "silero_vad", "data/silero_vad_16k.safetensors"
SHA256 = "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1"
"""Of the weights in silero-vad 6.2.3 (MIT)."""
REQUIREMENT = "gaussian-head[vad]"
CHUNK, CONTEXT, MIRRORED = 512, 64, 64
"""Samples told at a time, heard before them, and mirrored after them."""
FFT, HOP = 256, 128
KEPT = 6
"""Newest chunks whose probabilities a stream keeps: as much as its reader looks back."""
BLOCK = 4096
"""Chunks whose spectra are held at once; a longer sound needs no more memory."""


class ActivityNet(nn.Module):
    """Magnitudes of a short Fourier transform, four convolutions, a recurrent cell: one probability a chunk."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, FFT + 2, FFT, stride=HOP, bias=False)
        self.conv1 = nn.Conv1d(FFT // 2 + 1, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, chunks: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Probabilities ``[n]`` of consecutive chunks ``[n, CONTEXT + CHUNK]``, and the state after them."""
        x = self.stft_conv(F.pad(chunks, (0, MIRRORED), "reflect")[:, None])
        real, imaginary = x.chunk(2, 1)
        x = (real.square() + imaginary.square()).sqrt()
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = layer(x).relu()
        told, now = [], (torch.zeros(1, 128), torch.zeros(1, 128)) if state is None else state
        for row in x.flatten(1).split(1):
            now = self.lstm_cell(row, now)
            told.append(now[0])
        return self.final_conv(torch.cat(told).relu()[..., None]).sigmoid().flatten(), now


def is_installed() -> bool:
    """Whether the package that carries the weights is on this machine."""
    return _place() is not None


@torch.inference_mode()
def speech_activity(samples: np.ndarray) -> np.ndarray:
    """Probability that somebody speaks.

    Args:
        samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.

    Returns:
        ``[F]`` f32 in [0, 1] at 100 Hz.

    Raises:
        InputError: the package is not installed, or its file is not the one it should be.
    """
    net, count = _net(), max(-(-len(samples) // CHUNK), 1)
    padded = np.zeros(CONTEXT + count * CHUNK, np.float32)
    padded[CONTEXT : CONTEXT + len(samples)] = samples
    chunks = torch.from_numpy(padded).unfold(0, CONTEXT + CHUNK, CHUNK)
    told, state = [], None
    for part in chunks.split(BLOCK):
        probabilities, state = net(part, state)
        told.append(probabilities)
    middles = (np.arange(count) + 0.5) * CHUNK / SAMPLE_RATE
    rows = np.arange(num_feature_frames(len(samples))) / FEATURE_RATE
    return np.interp(rows, middles, torch.cat(told).numpy()).astype(np.float32)


class ActivityStream:
    """``speech_activity`` of a sound that is still coming: the same numbers, up to half a chunk behind it."""

    def __init__(self) -> None:
        """InputError as ``speech_activity`` raises it."""
        self._net = _net()
        self._sound = np.zeros(CONTEXT, np.float32)
        self._state: tuple[Tensor, Tensor] | None = None
        self._told: deque[float] = deque(maxlen=KEPT)
        self._count = 0

    @torch.inference_mode()
    def hear(self, samples: np.ndarray) -> None:
        """Listen to ``[S]`` mono f32 at 16 kHz that follow those heard before."""
        self._sound = np.concatenate([self._sound, samples])
        while len(self._sound) >= CONTEXT + CHUNK:  # one by one: whatever the pieces are, the bits are the same
            told, self._state = self._net(torch.from_numpy(self._sound[None, : CONTEXT + CHUNK]), self._state)
            self._told.append(float(told))
            self._sound, self._count = self._sound[CHUNK:], self._count + 1

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities ``[n]`` f32 at rows of 10 ms, of the last tenth of a second heard; 0 before any chunk is."""
        if not self._told:
            return np.zeros(len(rows), np.float32)
        middles = (np.arange(self._count - len(self._told), self._count) + 0.5) * CHUNK / SAMPLE_RATE
        return np.interp(np.asarray(rows) / FEATURE_RATE, middles, np.array(self._told)).astype(np.float32)


@lru_cache(maxsize=1)
def _net() -> ActivityNet:
    from safetensors.torch import load

    place = _place()
    if place is None:
        raise InputError(f"the weights of voice activity are not on this machine; `pip install '{REQUIREMENT}'`.")
    net = ActivityNet()
    net.load_state_dict(load(read_known([place], SHA256, REQUIREMENT)))
    return net.eval().requires_grad_(False)


def _place() -> Path | None:
    """The weights inside the installed package; None where there are none."""
    return place_of(PACKAGE, INSIDE)
