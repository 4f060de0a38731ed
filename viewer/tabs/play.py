"""Who speaks and what: heads, performances, voices given to them, how lively."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.revoicing import can_say

from ..session import Session
from .common import guarded, on_user

if TYPE_CHECKING:
    from viser import GuiApi


SOUND_FILES = "audio/*,video/mp4,.wav,.mp3,.mp4,.m4a,.flac,.ogg,.webm"
KEYS = (
    "**Space** play · **← →** frame · **< >** second · **Home** start · **L** loop · **M** mute · **B** blink · "
    "**R** reset view · **F** full screen · **1** to **5** views · drop a sound on the picture to have it spoken"
)
EXAMPLE = "Hello! I can say whatever you type."
LANGUAGES = {
    "English (US)": "en-us",
    "English (UK)": "en-gb",
    "German": "de",
    "French": "fr-fr",
    "Spanish": "es",
    "Italian": "it",
    "Portuguese (Brazil)": "pt-br",
    "Polish": "pl",
    "Russian": "ru",
    "Turkish": "tr",
    "Hindi": "hi",
    "Chinese (Mandarin)": "cmn",
}
"""Of a text, as espeak-ng names them."""
POSES = {"captured": False, "still": True}
BLINKS = {"as performed": "natural", "none": "off", "generated": "generated"}


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    people = gui.add_dropdown("Head", session.shelf.names, visible=len(session.shelf.names) > 1)
    on_user(people, lambda: guarded(session, lambda: session.choose_person(people.value)))
    performances = gui.add_dropdown("Audio / clip", _names(session), initial_value=session.staging.performance.name)
    on_user(performances, lambda: guarded(session, lambda: session.choose_performance(performances.value)))

    def refresh() -> None:
        people.value = session.staging.person.name
        performances.options = _names(session)
        performances.value = session.staging.performance.name

    session.refreshers.append(refresh)
    _voice(session, gui)
    _liveliness(session, gui)
    gui.add_markdown(KEYS)


def _voice(session: Session, gui: GuiApi) -> None:
    upload = gui.add_upload_button(
        "Upload audio", icon=Icon.UPLOAD, mime_type=SOUND_FILES, hint="wav, mp3, mp4 …: the head will say it"
    )
    upload.on_upload(lambda _: session.give_voice(upload.value.name, upload.value.content))
    what = gui.add_markdown("", visible=False)
    bar = gui.add_progress_bar(0.0, visible=False)
    cancel = gui.add_button("Cancel", icon=Icon.X, color="red", visible=False)
    cancel.on_click(lambda _: session.voices.cancel())

    def tell(text: str, share: float | None) -> None:
        busy = share is not None
        for widget in (what, bar, cancel):
            widget.visible = busy
        if share is not None:
            what.content, bar.value = f"{_escaped(text)} …", round(100 * share)

    session.voices.on_progress = tell
    if can_say():
        _words(session, gui)


def _words(session: Session, gui: GuiApi) -> None:
    with gui.add_folder("Text", expand_by_default=False):
        text = gui.add_text(
            "Say", initial_value=EXAMPLE, multiline=True, hint="spoken by espeak-ng, in a machine's voice"
        )
        language = gui.add_dropdown("Language", tuple(LANGUAGES))
        say = gui.add_button("Speak this text", icon=Icon.MESSAGE, color="gray")
    say.on_click(lambda _: session.say(text.value, LANGUAGES[language.value]))


def _liveliness(session: Session, gui: GuiApi) -> None:
    pose = gui.add_dropdown("Head pose", tuple(POSES), hint="still holds head and shoulders at their mean")
    on_user(pose, lambda: session.edit(still=POSES[pose.value]))
    blink = gui.add_dropdown("Blinks", tuple(BLINKS), hint="those of the performance, none, or others in their place")
    on_user(blink, lambda: session.edit(blink=BLINKS[blink.value]))
    amplify = gui.add_slider("Exaggerate", 0.0, 2.0, 0.05, 1.0, hint="factor on all motion; 0 is a statue")
    on_user(amplify, lambda: session.edit(amplify=amplify.value))

    def refresh() -> None:
        edits = session.staging.edits
        pose.value = next(label for label, still in POSES.items() if still == edits.still)
        blink.value = next(label for label, name in BLINKS.items() if name == edits.blink)
        amplify.value = edits.amplify

    session.refreshers.append(refresh)


def _names(session: Session) -> tuple[str, ...]:
    return tuple(p.name for p in session.performances)


def _escaped(text: str) -> str:
    """A file's name as plain text in markdown."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-!|~$" else c for c in text)
