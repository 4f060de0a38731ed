"""How what is said is performed: movement, moods, takes; and the performance as a file to edit."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.actor import Direction
from gaussian_head.actor.speak import Lips
from gaussian_head.checks import InputError
from gaussian_head.events import Event, Warned
from gaussian_head.io.motion_file import write_motion
from gaussian_head.motion.act_words import parse_acts
from gaussian_head.motion.moods import MOODS

from ..keyed import moods_of, pose_of
from ..session import Session
from . import over_time
from .common import guarded, on_user, send

if TYPE_CHECKING:
    from viser import GuiApi


MOVEMENTS = {
    "as this person when saying such things": "learned",
    "as people do, drawn by chance": "sampled",
    "as in the clip": "captured",
    "still": "still",
    "straight ahead": "frontal",
    "in words": "",
}
"""Label and pose; "" takes the text field."""
EXAMPLE = "nods twice, then looks slowly to the left"
LIPS: dict[str, Lips] = {"as this voice usually says it": "mean", "one of the ways people say it": "sampled"}
OWN = "their own"
"""Whose way of speaking: that of the head itself."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    gui.add_markdown("Direct what is played: it is performed anew, as a performance of its own.")
    movement = gui.add_dropdown("Movement", tuple(MOVEMENTS))
    words = gui.add_text(
        "Words", initial_value=EXAMPLE, visible=False, hint="nod, shake, tilt, turn, look, lean, hold; then, while"
    )
    on_user(movement, lambda: setattr(words, "visible", not MOVEMENTS[movement.value]))
    with gui.add_folder("Mood"):
        moods = {name: gui.add_slider(name.capitalize(), 0.0, 1.0, 0.05, 0.0) for name in MOODS if name != "neutral"}
    with gui.add_folder("Over time", expand_by_default=False):
        over_time.build(session, gui, lambda: keyed())
    lips = gui.add_dropdown("Lips", tuple(LIPS), hint="the second differs from take to take")
    people = session.shelf.names
    style = gui.add_dropdown("Way of speaking", (OWN, *people), visible=len(people) > 1, hint="lent by another head")
    blink = gui.add_checkbox("Blink", True)
    take = gui.add_number("Take", 1, min=1, max=9999, step=1, hint="another number is another take of the same words")
    play = gui.add_button("Perform", icon=Icon.MOVIE)
    again = gui.add_button("Another take", icon=Icon.REFRESH, color="gray")
    shown = gui.add_checkbox("Tracks over the waveform", False, hint="head, brows, lids, smile and mouth over time")
    on_user(shown, lambda: session.call_player("tracks", shown.value))
    save = gui.add_button(
        "Save as motion file", icon=Icon.DOWNLOAD, color="gray", hint="what is played; `render --motion` plays it too"
    )

    def keyed() -> None:
        """Acts that have keys are the words of the movement."""
        text = pose_of(session.keys)
        if text:
            movement.value, words.value, words.visible = "in words", text, True

    def direction(folder: Path) -> Direction:
        if not MOVEMENTS[movement.value]:
            parse_acts(words.value)  # whoever sits at a browser names no file of this machine
        strengths = {name: slider.value for name, slider in moods.items() if slider.value > 0}
        return Direction(
            pose=MOVEMENTS[movement.value] or words.value,
            emotion=keyed_moods(session, folder) or " ".join(f"{n}:{strength:g}" for n, strength in strengths.items()),
            blink=blink.value,
            lips=LIPS[lips.value],
            style="" if style.value in (OWN, session.staging.person.name) else capture_of(session, style.value),
            seed=int(take.value) - 1,
        )

    busy = threading.Lock()

    def tell(event: Event) -> None:
        if isinstance(event, Warned):
            session.hint(event.message)

    def perform() -> None:
        if not busy.acquire(blocking=False):
            return
        play.disabled = again.disabled = True
        try:
            with tempfile.TemporaryDirectory(prefix="gaussian-head-") as folder:
                guarded(session, lambda: session.direct(direction(Path(folder)), listener=tell))
            shown.value = True
            session.call_player("tracks", True)
        finally:
            play.disabled = again.disabled = False
            busy.release()

    def once_more() -> None:
        take.value = int(take.value) + 1
        perform()

    play.on_click(lambda _: perform())
    again.on_click(lambda _: once_more())
    save.on_click(lambda _: guarded(session, lambda: send(session, "json", motion_file(session))))


def keyed_moods(session: Session, folder: Path) -> Path | None:
    """A file of the moods that have keys, which come before those of the sliders; None without any."""
    text = moods_of(session.keys)
    if not text:
        return None
    path = folder / "moods-over-time.json"
    path.write_text(text, encoding="utf-8")
    return path


def capture_of(session: Session, name: str) -> str:
    """The capture that a head of the shelf was learnt from; InputError where it is no longer there."""
    place = session.shelf.get(name).actor.clip.capture_path
    if not place or not Path(place).is_dir():
        raise InputError(f"the capture of {name} is no longer beside it, so their way of speaking is not known.")
    return place


def motion_file(session: Session) -> bytes:
    """What is played, as `render --motion` reads it."""
    with tempfile.TemporaryDirectory(prefix="gaussian-head-") as folder:
        path = Path(folder) / "performance.json"
        write_motion(path, session.staging.performance.motion)
        return path.read_bytes()
