"""Speech transformers (HuBERT, wav2vec2, WavLM, Whisper) from weights that are already on this machine."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from .frames import FEATURE_RATE, SAMPLE_RATE, num_feature_frames

TRANSFORMERS = {
    "hubert": "facebook/hubert-base-ls960",
    "wav2vec2": "facebook/wav2vec2-base-960h",
    "wavlm": "microsoft/wavlm-base-plus",
    "whisper": "openai/whisper-base",
}
"""Encoder name to the model looked for among the local weights when no folder is given (Whisper needs a folder)."""

CHUNK_SECONDS = 20
CONTEXT_SECONDS = 2
"""Sound heard on either side of a chunk, so that chunks join without a seam."""

WAVE_STRIDE = 320
WAVE_CENTRE = 200
"""Samples between two outputs of the wave encoders, and the centre of the first."""


def encode_with_transformer(samples: np.ndarray, name: str, folder: str = "") -> tuple[np.ndarray, str]:
    """Last hidden layer of a speech transformer on the 100 Hz clock.

    Args:
        samples: ``[S]`` mono f32 at 16 kHz.
        name: a key of TRANSFORMERS.
        folder: where the weights are; empty to look in the local cache of transformers.

    Returns:
        ``[F, A]`` f32 and a fingerprint of the weights.

    Raises:
        InputError: the package or the weights are missing.
    """
    model, version = _load(name, folder)
    F = num_feature_frames(len(samples))
    chunk, context = CHUNK_SECONDS * SAMPLE_RATE, CONTEXT_SECONDS * SAMPLE_RATE
    parts = []
    for start in range(0, F * SAMPLE_RATE // int(FEATURE_RATE), chunk):
        begin = max(start - context, 0)
        heard = samples[begin : start + chunk + context]
        hidden, centres = _whisper(model, heard) if name == "whisper" else _wave(model, heard)
        first = start * int(FEATURE_RATE) // SAMPLE_RATE
        wanted = np.arange(first, min(first + CHUNK_SECONDS * int(FEATURE_RATE), F)) / FEATURE_RATE
        parts.append(_resampled(hidden, centres + begin / SAMPLE_RATE, wanted))
    return np.concatenate(parts), version


@lru_cache(maxsize=1)
def _load(name: str, folder: str) -> tuple[Any, str]:
    """The encoder in evaluation mode and a fingerprint of its weights."""
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"the speech encoder {name!r} needs the package transformers; `pip install transformers`, "
            "or use the encoder 'default'."
        ) from error
    source = str(Path(folder).expanduser()) if folder else TRANSFORMERS[name]
    try:
        model = transformers.AutoModel.from_pretrained(source, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(
            f"the weights of the speech encoder {name!r} ({source}) are not on this machine; nothing is downloaded; "
            f"fetch them with `hf download {TRANSFORMERS[name]}`, give their folder as '{name}:FOLDER', "
            "or use the encoder 'default'."
        ) from error
    if model.config.model_type != name:
        raise InputError(f"the weights in {source} are of a {model.config.model_type!r} model, not of {name!r}.")
    model = (model.encoder if name == "whisper" else model).eval()
    model.requires_grad_(False)
    return model, _fingerprint(model)


def _fingerprint(model: torch.nn.Module) -> str:
    """Short checksum of all weights."""
    checksum = 0
    for _, value in sorted(model.state_dict().items()):
        checksum = zlib.crc32(value.contiguous().flatten().view(torch.uint8).numpy().tobytes(), checksum)
    return f"{checksum:08x}"


@torch.inference_mode()
def _wave(model: Any, samples: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Hidden states ``[n, A]`` and their centres in seconds, of models that hear the wave itself."""
    sound = torch.from_numpy(np.pad(samples, (0, max(2 * WAVE_STRIDE - len(samples), 0) + WAVE_STRIDE)))
    sound = (sound - sound.mean()) / (sound.var(unbiased=False) + 1e-7).sqrt()
    hidden = model(sound[None]).last_hidden_state[0]
    return hidden, (WAVE_CENTRE + WAVE_STRIDE * np.arange(len(hidden))) / SAMPLE_RATE


@torch.inference_mode()
def _whisper(model: Any, samples: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Hidden states ``[n, A]`` and their centres in seconds, of Whisper's encoder (30 s at a time)."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
    mel = extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    hidden = model(mel[..., : 2 * model.config.max_source_positions]).last_hidden_state[0]
    hidden = hidden[: max(-(-len(samples) // WAVE_STRIDE), 1)]
    return hidden, WAVE_STRIDE * np.arange(len(hidden)) / SAMPLE_RATE


def _resampled(hidden: Tensor, centres: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows of ``hidden [n, A]`` at the times ``wanted``, linear in between, held at the ends."""
    values = hidden.numpy()
    position = np.interp(wanted, centres, np.arange(len(centres)))
    low = position.astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    weight = (position - low)[:, None].astype(np.float32)
    return (values[low] * (1 - weight) + values[high] * weight).astype(np.float32)
