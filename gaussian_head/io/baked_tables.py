"""Number tables of a baked sequence in fewer bytes: integers with a scale, chosen so that errors stay invisible."""

from __future__ import annotations

from typing import Any

import numpy as np

TABLE_TYPES = {
    "means": np.uint16,
    "quats": np.int16,
    "log_scales": np.uint16,
    "opacities": np.uint8,
    "sh": np.uint8,
    "head_weights": np.uint8,
}
"""Integer type of every static table in the quantised file."""
BASIS_STEP = 1e-6
"""Metres; a Gaussian's basis is never stored finer than this."""
STRETCH_STEP = 2e-4
"""Radians and log-scale; the same for the stretch."""
OPACITY_STEP = 2e-3
"""Logit units; the same for what changes opacities."""
USUAL_COEFFICIENT = 0.5
"""Columns keep their precision for coefficients up to this, however still the baked motion is."""


def affine_table(values: np.ndarray, dtype: type[np.integer]) -> tuple[np.ndarray, dict[str, Any]]:
    """Integers over the whole range of ``values``: ``value = stored * scale + offset``, one pair per last index.

    Args:
        values: ``[..., C]`` finite numbers; ``[N]`` counts as one column.
        dtype: integer type to store.

    Returns:
        The integers in the shape of ``values``, and ``{"scale": [C], "offset": [C]}``.
    """
    flat = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1).astype(np.float64)
    info = np.iinfo(dtype)
    low, high = (flat.min(0), flat.max(0)) if len(flat) else (np.zeros(flat.shape[1]), np.ones(flat.shape[1]))
    scale = np.where(high > low, (high - low) / (float(info.max) - float(info.min)), 1.0)
    offset = low - info.min * scale
    stored = np.clip(np.round((flat - offset) / scale), info.min, info.max).astype(dtype)
    return stored.reshape(values.shape), {"scale": scale.tolist(), "offset": offset.tolist()}


def basis_table(planes: np.ndarray, largest: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A basis as signed bytes: ``value = stored * row * column``.

    Every Gaussian has its own step, so that those which hardly move lose as little as those which move far.

    Args:
        planes: ``[J, N, C]`` change per unit coefficient.
        largest: ``[J]`` largest magnitude of each coefficient in the baked motion.
        step: finest step worth storing, in the unit of ``planes``.

    Returns:
        Stored int8 ``[J, N, C]``, row float32 ``[N]``, column float32 ``[J]``.
    """
    reach = np.maximum(largest, USUAL_COEFFICIENT).astype(np.float64)
    change = planes.astype(np.float64) * reach[:, None, None]
    row = np.maximum(np.abs(change).max((0, 2), initial=0.0) / 127, step)
    stored = np.round(change / row[None, :, None]).astype(np.int8)
    return stored, row.astype(np.float32), (1 / reach).astype(np.float32)
