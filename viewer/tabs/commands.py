"""The command palette: reaches the server even where the browser's player does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..session import Session

if TYPE_CHECKING:
    from viser import GuiApi


def build(session: Session, gui: GuiApi) -> None:
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
