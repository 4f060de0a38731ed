"""The verbs: one file each with its options and what it does, shared by command line, scripts and notebooks.

A new verb is a file with a frozen ``Options`` dataclass, ``EXAMPLES`` of its command line and
``run(options, listener)``, and its row in ``VERBS``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One row of the table; its file is loaded on first use."""

    name: str
    """As typed."""
    file: str
    """Module in this folder, and script of the same name."""
    draws: bool = False
    """Whether it draws Gaussians, which takes the compiled kernels to be quick."""

    @property
    def options(self) -> type:
        """Its Options."""
        return self._module.Options

    @property
    def examples(self) -> tuple[str, ...]:
        """Command lines to begin with."""
        return self._module.EXAMPLES

    @property
    def help(self) -> str:
        """What it does, and examples of it."""
        return "\n".join((inspect.getdoc(self.options) or "", "", "For example:", *(f"  {e}" for e in self.examples)))

    @property
    def run(self) -> Callable[..., Any]:
        """Its ``run(options, listener)``."""
        return self._module.run

    @property
    def in_parts(self) -> Any:
        """What has ``begin``, ``draw`` and ``finish`` where several workers can make one output; else None."""
        return self._module if hasattr(self._module, "draw") else None

    def again(self, options: Any) -> Any:
        """``options`` that go on with what an interrupted run of the same left, or begin anew where nothing can."""
        if hasattr(self._module, "again"):
            return self._module.again(options)
        for name in ("resume", "overwrite"):
            if any(field.name == name for field in fields(options)):
                return replace(options, **{name: True})
        return options

    @property
    def _module(self) -> Any:
        return import_module(f".{self.file}", __name__)


def _row(name: str, file: str | None = None, *, draws: bool = False) -> Verb:
    return Verb(name=name, file=file or name, draws=draws)


VERBS: dict[str, Verb] = {
    row.name: row
    for row in (
        _row("demo", draws=True),
        _row("reconstruct", draws=True),
        _row("track"),
        _row("import", "import_capture"),
        _row("upgrade"),
        _row("train", draws=True),
        _row("direct"),
        _row("render", draws=True),
        _row("dub", draws=True),
        _row("edit", draws=True),
        _row("voice", "give_voice"),
        _row("evaluate", draws=True),
        _row("view", draws=True),
        _row("serve", draws=True),
        _row("export"),
        _row("batch", draws=True),
        _row("doctor"),
    )
}
"""By name, in the order in which help and README tell of them."""
