"""What a broken disk, a bad program or somebody unkind does to a file."""

from __future__ import annotations

import contextlib
import copy
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from gaussian_head.checks import InputError

NASTY = (0, -1, 1, 10**14, 10**400, 1e308, -1e-300, float("nan"), float("inf"), True, None, "many", "", [], {}, [[]])
"""Values that take the place of others in JSON."""
ROOM = 3 << 29
"""Bytes of address space that a reader may ask for beyond what is there."""

damages = st.lists(
    st.tuples(
        st.sampled_from(("flip", "cut", "double", "zero", "digits")),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=3,
)
"""Damage to bytes: what, where, and a number."""


def damaged(data: bytes, steps: list[tuple[str, float, int]], first: int = 0) -> bytes:
    """``data`` after the steps, all of them from byte ``first`` on."""
    for what, where, number in steps:
        if len(data) <= first:
            return data
        i = first + int(where * (len(data) - first))
        if what == "flip":
            data = data[:i] + bytes([data[i] ^ (1 << number % 8)]) + data[i + 1 :]
        elif what == "cut":
            data = data[:i]
        elif what == "double":
            data = data[: i + number] + data[i:]
        elif what == "zero":
            data = data[:i] + bytes(number) + data[i + number :]
        else:
            data = data[:i] + b"99999999999999" + data[i + 1 :]
    return data


nasty_edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from((*range(len(NASTY)), "drop"))), min_size=1, max_size=3
)
"""Edits of a JSON value: which place, and which of NASTY comes there or that it goes."""


def edited(value: Any, edits: list[tuple[int, Any]]) -> Any:
    """A copy of a JSON value with some of its parts replaced or dropped."""
    value = json.loads(json.dumps(value))
    for which, what in edits:
        places = list(_places(value))
        if not places:
            return value
        holder, key = places[which % len(places)]
        if what == "drop":
            del holder[key]
        else:
            holder[key] = copy.deepcopy(NASTY[what])
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, containers before what they hold; of long lists the first few."""
    keys = list(value) if isinstance(value, dict) else list(range(min(len(value), 4)))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


TENSOR_EDITS: dict[str, Callable[[Tensor], Tensor]] = {
    "one row": lambda x: x[:1],
    "no row": lambda x: x[:0],
    "one more": lambda x: torch.cat([x, x[:1]]),
    "one column": lambda x: x[..., :1],
    "another axis": lambda x: x[None],
    "one axis less": lambda x: x.flatten(),
    "a number": lambda x: x.new_zeros(()),
    "NaN": lambda x: torch.full_like(x.float(), float("nan")),
    "huge": lambda x: torch.full_like(x.double(), 1e30).to(x.dtype if x.is_floating_point() else torch.int64),
    "negative": lambda x: -torch.ones_like(x.to(torch.int64)) * 10**12,
    "double": lambda x: x.double(),
    "bytes": lambda x: x.to(torch.uint8),
    "half": lambda x: x.half(),
    "no numbers, many rows": lambda x: torch.empty(10**12, *([0] * max(x.ndim - 1, 1))),
    "truth": lambda x: x.bool(),
}

tensor_edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from((*TENSOR_EDITS, "gone"))), min_size=1, max_size=2
)
"""Edits of named tensors: which, and how."""


def altered(tensors: dict[str, Tensor], edits: list[tuple[int, str]]) -> dict[str, Tensor]:
    """The tensors with some of them altered or gone."""
    tensors = dict(tensors)
    for which, how in edits:
        name = sorted(tensors)[which % len(tensors)]
        tensor = tensors.pop(name)
        if how != "gone" and (tensor.ndim or how not in ("one row", "no row", "one more", "one column")):
            tensors[name] = TENSOR_EDITS[how](tensor).contiguous().clone()
    return tensors


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Whoever asks for absurd memory inside gets none."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def read_and_use(read: Callable[[], Any], use: Callable[[Any], object]) -> None:
    """The reader refuses in words, or what it gives can be used."""
    with little_memory(), contextlib.suppress(InputError):
        use(read())
