"""`gaussian-head doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Listener, Said, ignore

if TYPE_CHECKING:
    from ..doctor import Finding


EXAMPLES = ("gaussian-head doctor",)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Say what is installed, what is missing and how to get it."""


def run(options: Options, listener: Listener = ignore) -> list[Finding]:
    """What was found."""
    from ..doctor import diagnose

    findings = diagnose()
    for finding in findings:
        remedy = f"\n       {finding.remedy}" if finding.remedy and not finding.ok else ""
        listener(Said(message=f"[{'ok' if finding.ok else '--'}] {finding.name}: {finding.detail}{remedy}"))
    return findings
