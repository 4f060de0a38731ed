"""A verb as a plain function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
O = TypeVar("O")
R = TypeVar("R")


def function_of(options: Callable[P, O], run: Callable[[O], R]) -> Callable[P, R]:
    """``run`` that takes the fields of ``options`` as its own arguments; their meaning stands beside the fields."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return run(options(*args, **kwargs))

    call.__module__ = options.__module__
    call.__name__ = call.__qualname__ = options.__module__.rpartition(".")[2]
    call.__doc__ = f"{options.__doc__}\n\nArguments: the fields of `{options.__module__}.Options`. {run.__doc__}"
    call.__signature__ = inspect.signature(options)  # type: ignore[attr-defined]
    return call
