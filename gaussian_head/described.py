"""One line about a value that holds large arrays, for notebooks and the interpreter."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from torch import Tensor

LONGEST = 60
"""Characters of a field that is printed as it is; longer ones are cut."""


def described(value: object) -> str:
    """What ``__repr__`` of a dataclass gives: arrays by type and shape, everything else shortened."""
    inside = ", ".join(f"{field.name}={_brief(getattr(value, field.name))}" for field in fields(value))  # type: ignore[arg-type]
    return f"{type(value).__name__}({inside})"


def _brief(value: object) -> str:
    if isinstance(value, Tensor | np.ndarray):
        kind = str(value.dtype).removeprefix("torch.")
        return f"{kind}{list(value.shape)}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_brief(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, tuple) and len(value) > 4:
        return f"({_brief(value[0])}, … {len(value)} in all)"
    text = repr(value)
    return text if len(text) <= LONGEST or hasattr(value, "__dataclass_fields__") else f"{text[: LONGEST - 1]}…"
