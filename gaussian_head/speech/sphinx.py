"""Reads the acoustic model inside the pocketsphinx wheel: one Gaussian mixture per state of each English phone.

Only the context-independent states are read. File formats: CMU Sphinx, `s3` parameter files, binary
`mdef` and `sendump` (https://cmusphinx.github.io).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..carried import carried_file
from ..checks import InputError

VARIANCE_FLOOR = 1e-4
WEIGHT_LOG_STEP = 1024 * np.log(1.0001)
"""A stored mixture weight ``w`` (u8) stands for ``exp(-w * WEIGHT_LOG_STEP)``."""


@dataclass(frozen=True, kw_only=True)
class AcousticModel:
    """Phonetically tied mixtures: the three states of a phone share 128 densities in each of 3 streams."""

    phones: tuple[str, ...]
    """P phone names (ARPABET, ``SIL`` and two kinds of noise)."""
    means: np.ndarray
    """``[P, 3, 128, 13]`` f32 means of cepstra, their slopes and their curvatures."""
    variances: np.ndarray
    """``[P, 3, 128, 13]`` f32."""
    log_weights: np.ndarray
    """``[P, 3 streams, 128, 3 states]`` f32 mixture weights."""
    stay: np.ndarray
    """``[P, 3]`` f32 probability of remaining in a state for another frame."""


@lru_cache(maxsize=1)
def acoustic_model() -> AcousticModel:
    """The en-us model that the pocketsphinx wheel carries.

    Raises:
        InputError: it is not on this machine and cannot be fetched.
    """
    parts = ("mdef", "means", "variances", "sendump", "transition_matrices")
    try:
        return read_acoustic_model(**{part: carried_file(f"sphinx_{part}").read_bytes() for part in parts})
    except InputError as error:
        raise InputError(f"{error} Or choose the encoder 'mel'.") from error


def read_acoustic_model(
    *, mdef: bytes, means: bytes, variances: bytes, sendump: bytes, transition_matrices: bytes
) -> AcousticModel:
    """Read the context-independent part of a Sphinx PTM model from its files; InputError where it is none."""
    try:
        phones, num_senones = _read_phones(mdef)
        P = len(phones)
        centres, spreads = _read_gaussians(means), _read_gaussians(variances)
        weights = _read_weights(sendump, num_senones)[..., : 3 * P]
        stay = _read_stay(transition_matrices)
        log_weights = weights.reshape(3, 128, P, 3).transpose(2, 0, 1, 3)
        if centres.shape != (P, 3, 128, 13) or spreads.shape != centres.shape or stay.shape != (P, 3):
            raise ValueError(f"its means have shape {centres.shape}")
    except (ValueError, struct.error) as error:
        raise InputError(f"the acoustic model cannot be used ({error}); a Sphinx PTM model was wanted.") from error
    return AcousticModel(
        phones=phones,
        means=centres,
        variances=np.maximum(spreads, VARIANCE_FLOOR),
        log_weights=np.ascontiguousarray(-WEIGHT_LOG_STEP * log_weights.astype(np.float32)),
        stay=stay,
    )


def _read_phones(data: bytes) -> tuple[tuple[str, ...], int]:
    """Phone names and the number of senones in a binary ``mdef``."""
    if data[:4] != b"BMDF":
        raise ValueError("its mdef is not binary")
    skip = struct.unpack_from("<i", data, 8)[0]
    num_phones, _, num_states, num_ci, num_senones = struct.unpack_from("<5i", data, 12 + skip)
    if num_states != 3 or num_ci != 3 * num_phones:
        raise ValueError("its phones have not three states each")
    names = data[12 + skip + 40 :].split(b"\0", num_phones)[:num_phones]
    return tuple(name.decode("ascii") for name in names), num_senones


def _s3_body(data: bytes) -> bytes:
    """What follows the text header and the byte-order mark of an ``s3`` file."""
    start = data.index(b"endhdr\n") + len(b"endhdr\n")
    if struct.unpack_from("<I", data, start)[0] != 0x11223344:
        raise ValueError("its byte order is not little-endian")
    return data[start + 4 :]


def _read_gaussians(data: bytes) -> np.ndarray:
    """Means or variances ``[P, streams, densities, 13]``."""
    body = _s3_body(data)
    books, streams, densities = struct.unpack_from("<3i", body)
    length = struct.unpack_from("<i", body, 12)[0]
    count = books * streams * densities * length
    values = np.frombuffer(body, "<f4", count, 12 + 4 * streams + 4)
    return values.reshape(books, streams, densities, length)


def _read_weights(data: bytes, num_senones: int) -> np.ndarray:
    """Quantised mixture weights ``[3, 128, num_senones]`` u8 of an uncompressed ``sendump``."""
    count = 3 * 128 * num_senones
    if b"cluster_count 0" not in data[:2000] or len(data) < count:
        raise ValueError("its mixture weights are clustered")
    return np.frombuffer(data, np.uint8, count, len(data) - count).reshape(3, 128, num_senones)


def _read_stay(data: bytes) -> np.ndarray:
    """Self-transition probabilities ``[P, 3]``."""
    body = _s3_body(data)
    books, rows, columns, count = struct.unpack_from("<4i", body)
    matrix = np.frombuffer(body, "<f4", count, 16).reshape(books, rows, columns)
    probability = matrix / matrix.sum(-1, keepdims=True)
    return probability[:, np.arange(rows), np.arange(rows)].astype(np.float32)
