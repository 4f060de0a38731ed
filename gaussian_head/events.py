"""Typed events that long work emits; the command line and the viewer draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Work moved on."""

    stage: str
    """Name shown to the user, for example ``"tracking: landmarks"``."""
    done: int
    """Steps finished."""
    total: int | None = None
    """Steps in all, None where unknown."""
    values: dict[str, float] = field(default_factory=dict)
    """Numbers worth showing beside the bar (loss, psnr)."""


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something the user should know that does not stop the work."""

    message: str
    """One sentence that says what was seen and what to do."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What whoever gave the command should read: where a result is, where to look."""

    message: str
    """One line or several."""


Event = Progress | Warned | Said
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that drops every event; the default of every verb."""


def both(first: Listener, second: Listener) -> Listener:
    """A listener that hands every event to two."""

    def listen(event: Event) -> None:
        first(event)
        second(event)

    return listen


def tracked(items: Iterable[T], stage: str, total: int | None, listener: Listener) -> Iterator[T]:
    """Yield ``items`` and emit a Progress after each."""
    for done, item in enumerate(items, start=1):
        yield item
        listener(Progress(stage=stage, done=done, total=total))
