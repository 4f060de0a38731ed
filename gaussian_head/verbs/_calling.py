"""A verb as a plain function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from ..events import Listener, ignore

P = ParamSpec("P")
O = TypeVar("O")
R = TypeVar("R", covariant=True)


class Called(Protocol[P, R]):
    """What takes the fields of a verb's options, and perhaps who listens to its progress."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, listener: Listener, **kwargs: Any) -> R: ...


def function_of(options: Callable[P, O], run: Callable[[O, Listener], R]) -> Called[P, R]:
    """``run`` that takes the fields of ``options`` as its own arguments; their meaning stands beside the fields."""

    fields = inspect.signature(options)

    def call(*args: Any, listener: Listener = ignore, **kwargs: Any) -> R:
        try:
            fields.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{call.__name__}(): {error}; it takes {', '.join(fields.parameters)}.") from None
        return run(options(*args, **kwargs), listener)

    heard = inspect.Parameter("listener", inspect.Parameter.KEYWORD_ONLY, default=ignore, annotation=Listener)
    call.__module__ = options.__module__
    call.__name__ = call.__qualname__ = options.__module__.rpartition(".")[2]
    call.__doc__ = (
        f"{options.__doc__}\n\nArguments: the fields of `{options.__module__}.Options`; ``listener`` is called with"
        f" Progress, Warned and Said while it works. {run.__doc__}"
    )
    call.__signature__ = fields.replace(parameters=[*fields.parameters.values(), heard])  # type: ignore[attr-defined]
    return call
