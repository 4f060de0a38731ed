"""What is said to users."""

from __future__ import annotations

import re


def without_paths(text: str) -> str:
    """``text`` with every absolute path cut down to its last name."""
    return re.sub(r"(?<![\w:/.])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\":;,]+)*[/\\]([^\s/\\'\":;,]+)", r"\1", text)
