"""The control panel of one browser, on viser's public widgets; every callback only tells the session.

One file per tab, each with ``build(session, gui)``, called inside the tab that it fills.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..session import Session
from . import camera, commands, direct, face, look, play, save

if TYPE_CHECKING:
    from viser import GuiApi


TABS = {
    "Play": play.build,
    "Direct": direct.build,
    "Face": face.build,
    "Look": look.build,
    "Camera": camera.build,
    "Save": save.build,
}
"""Titles in the order shown, and what fills each tab."""


def build(session: Session, first: Mapping[str, Callable[[Session, GuiApi], None]] | None = None) -> None:
    """Fill the browser's control panel; ``first`` are tabs before the usual ones."""
    gui = session.client.gui
    save.progress(session, gui)
    tabs = gui.add_tab_group()
    for title, fill in {**(first or {}), **TABS}.items():
        with tabs.add_tab(title):
            fill(session, gui)
    commands.build(session, gui)
