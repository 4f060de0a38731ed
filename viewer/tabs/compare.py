"""Holding the picture against the recorded frame or another head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaussian_head.playing.compare import MODES, RECORDED
from gaussian_head.playing.rivals import why_not_recorded

from ..session import Session
from .common import guarded, on_user

if TYPE_CHECKING:
    from viser import GuiApi


OFF = "Off"
LABELS: dict[str, str] = dict(zip(("Side by side", "Wipe", "Difference x4"), MODES, strict=True))


def build(session: Session, gui: GuiApi) -> None:
    """Fill the folder."""
    others = (RECORDED, *session.shelf.names)
    modes: tuple[str, ...] = (OFF, *LABELS)
    mode = gui.add_dropdown("Compare", modes, hint="with the recorded frame, or another head")
    other = gui.add_dropdown("With", others, visible=len(session.shelf.names) > 1)
    split = gui.add_slider("Split", 0.0, 1.0, 0.01, 0.5, visible=False, hint="or drag the line in the picture")
    reason = gui.add_markdown("", visible=False)

    def choose() -> None:
        try:
            guarded(session, lambda: session.compare(LABELS.get(mode.value), other.value))
        finally:
            refresh()

    def refresh() -> None:
        versus = session.staging.versus
        mode.value = next((label for label, name in LABELS.items() if versus and name == versus.mode), OFF)
        if versus is not None:
            other.value = versus.other
        why_not = why_not_recorded(session.staging) if other.value == RECORDED else None
        mode.disabled = why_not is not None
        reason.content, reason.visible = f"*{why_not}*", why_not is not None
        split.visible = versus is not None and versus.mode == "wipe"

    def pick() -> None:
        if session.staging.versus is not None:
            choose()
        else:
            refresh()

    on_user(mode, choose)
    on_user(other, pick)
    on_user(split, lambda: session.split(split.value))
    session.refreshers.append(refresh)
    refresh()
