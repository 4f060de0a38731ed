"""Keys of moods and head acts over time: added at the moment shown, dragged over the waveform, removed, saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.checks import InputError
from gaussian_head.motion.moods import MOODS

from ..keyed import Key, added, moods_of, moved, pose_of
from ..session import Session
from .common import guarded, on_user, send

if TYPE_CHECKING:
    from viser import GuiApi, GuiDropdownHandle

ACT = "a movement of the head"
NONE: str = "none yet"


def build(session: Session, gui: GuiApi, changed: Callable[[], None]) -> None:
    """Fill the folder; ``changed`` is called after every change of ``session.keys``."""
    what = gui.add_dropdown("Key", (*MOODS, ACT), hint="moods go smoothly from key to key")
    strength = gui.add_slider("Strength", 0.0, 1.0, 0.05, 0.6)
    words = gui.add_text("One movement", initial_value="nods twice", visible=False, hint="as in Words")
    add = gui.add_button("Add at this moment", icon=Icon.PLUS)
    listed: GuiDropdownHandle[str] = gui.add_dropdown(
        "Keys", (NONE,), hint="drag them over the waveform: aside for time, up for strength"
    )
    remove = gui.add_button("Remove this key", icon=Icon.TRASH, color="gray")
    save = gui.add_button(
        "Save the moods' keys", icon=Icon.DOWNLOAD, color="gray", hint="`render --emotion` reads the file"
    )

    save_acts = gui.add_button(
        "Save the acts' keys", icon=Icon.DOWNLOAD, color="gray", hint="`render --pose` reads the file"
    )

    def told() -> None:
        labels = tuple(f"{number}. {key.label}" for number, key in enumerate(session.keys, 1)) or (NONE,)
        chosen = labels.index(listed.value) if listed.value in labels else len(labels) - 1
        listed.options, listed.value = labels, labels[chosen]
        rows = [{"at": key.at, "what": key.what, "strength": key.strength} for key in session.keys]
        session.call_player("mark", rows)
        session.call_player("tracks", True)
        changed()

    def put() -> None:
        act = what.value == ACT
        key = Key(
            at=round(session.frame() / session.staging.performance.motion.fps, 2),
            what=words.value.strip() if act else what.value,
            strength=None if act else float(strength.value),
        )
        session.keys = added(session.keys, key)
        told()
        listed.value = listed.options[session.keys.index(key)]

    def drop() -> None:
        if not session.keys:
            raise InputError("there is no key to remove; add one first.")
        index = listed.options.index(listed.value)
        session.keys = session.keys[:index] + session.keys[index + 1 :]
        told()

    def dragged(index: int, at: float, up: float) -> None:
        if 0 <= index < len(session.keys):
            session.keys = moved(session.keys, index, min(at, session.staging.performance.motion.duration), up)
        told()

    def saved(text: str, kind: str, suffix: str) -> None:
        if not text:
            raise InputError(f"no {kind} has a key yet; add one at a moment first.")
        send(session, suffix, text.encode())

    def shape() -> None:
        strength.visible, words.visible = what.value != ACT, what.value == ACT

    on_user(what, shape)
    add.on_click(lambda _: guarded(session, put))
    remove.on_click(lambda _: guarded(session, drop))
    save.on_click(lambda _: guarded(session, lambda: saved(moods_of(session.keys), "mood", "json")))
    save_acts.on_click(lambda _: guarded(session, lambda: saved(pose_of(session.keys), "head act", "txt")))
    session.on_dragged = lambda index, at, up: guarded(session, lambda: dragged(index, at, up))
