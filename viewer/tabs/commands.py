"""The command palette: reaches the server even where the browser's player does not run."""

from __future__ import annotations

from typing import Any

from ..session import Session


def build(session: Session, gui: Any) -> None:
    """Register the commands."""
    commands = (
        ("Play or pause", lambda: session.command("toggle")),
        ("Next frame", lambda: session.command("next")),
        ("Previous frame", lambda: session.command("previous")),
        ("Back to the start", lambda: session.command("restart")),
        ("Reset view", lambda: session.go_to(0)),
    )
    for label, action in commands:
        gui.add_command(label).on_trigger(lambda _, act=action: act())
