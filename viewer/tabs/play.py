"""Who speaks and what: heads, performances, uploads, how lively."""

from __future__ import annotations

from typing import Any

from ..session import Session
from .common import guarded, on_user

SOUND_FILES = "audio/*,video/mp4,.wav,.mp3,.mp4,.m4a,.flac,.ogg"
KEYS = "**Space** play · **← →** frame · **R** reset view · **1** to **5** views · **L** loop · **M** mute"


def build(session: Session, gui: Any) -> None:
    """Fill the tab."""
    if len(session.shelf.names) > 1:
        people = gui.add_dropdown("Head", session.shelf.names)
        on_user(people, lambda: guarded(session, lambda: session.choose_person(people.value)))
    performances = gui.add_dropdown("Performance", _names(session), initial_value=session.scene.performance.name)
    on_user(performances, lambda: _choose(session, performances.value))

    def refresh() -> None:
        performances.options = _names(session)
        performances.value = session.scene.performance.name

    session.on_performances = refresh
    upload = gui.add_upload_button(
        "Give it a voice …", icon="microphone", mime_type=SOUND_FILES, hint="wav, mp3, mp4 …: the head will say it"
    )
    upload.on_upload(lambda _: session.give_voice(upload.value.name, upload.value.content))
    pose = gui.add_dropdown("Head pose", ("captured", "still"), hint="still holds head and shoulders at their mean")
    on_user(pose, lambda: session.edit(still=pose.value == "still"))
    amplify = gui.add_slider("Exaggerate", 0.0, 2.0, 0.05, 1.0, hint="factor on all motion; 0 is a statue")
    on_user(amplify, lambda: session.edit(amplify=amplify.value))
    gui.add_markdown(KEYS)


def _names(session: Session) -> tuple[str, ...]:
    return tuple(p.name for p in session.performances)


def _choose(session: Session, name: str) -> None:
    chosen = next((p for p in session.performances if p.name == name), None)
    if chosen is not None and chosen is not session.scene.performance:
        session.perform(chosen)
