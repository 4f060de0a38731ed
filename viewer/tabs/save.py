"""What the browser can take away: pictures, videos, Gaussians, and every format that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.events import Listener
from gaussian_head.exporting import FORMATS

from .. import exports
from ..jobs import State, Work
from ..live_run import duration
from ..session import Session
from .common import SIZES, guarded, on_user, send

if TYPE_CHECKING:
    from viser import GuiApi


VIDEO_KINDS = {"mp4": ".mp4", "mov, transparent": ".mov", "webm, transparent": ".webm"}
"""Name and file ending."""
FILMED = {"in orbit": "orbit", "this view": "view", "the keyframes": "keyframes"}
"""What is offered, of `exports.CAMERAS`."""
WINDOW = "as this window"
SHAPES = {"as recorded": None, WINDOW: None, "16 : 9": 16 / 9, "1 : 1": 1.0, "4 : 5": 4 / 5, "9 : 16": 9 / 16}
"""Width over height; None where something else says it."""
SPANS = {"moment": "this frame", "clip": "whole performance"}
"""What a format can hold, and how that is called."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    with gui.add_folder("Video with sound"):
        _videos(session, gui)
    with gui.add_folder("Picture"):
        _pictures(session, gui)
    with gui.add_folder("For other programs"):
        _files(session, gui)


def progress(session: Session, gui: GuiApi) -> None:
    """The line above the tabs while something is being made."""
    text = gui.add_markdown("", visible=False)
    bar = gui.add_progress_bar(0.0, visible=False)
    cancel = gui.add_button("Cancel saving", icon=Icon.X, color="red", visible=False)

    def show(state: State | None) -> None:
        if state is not None:
            text.content, bar.value = _words(state), 100 * state.share
        for widget in (text, bar, cancel):
            widget.visible = state is not None

    session.on_saving = show
    cancel.on_click(lambda _: session.jobs.cancel())


def _pictures(session: Session, gui: GuiApi) -> None:
    height = gui.add_dropdown("Picture height", tuple(SIZES), initial_value="1024")
    transparent = gui.add_checkbox("Transparent", False)
    shot = gui.add_button("Screenshot", icon=Icon.CAMERA, color="gray")

    def take() -> None:
        content = exports.screenshot(
            session.staging, session.view(), session.frame(), height=SIZES[height.value], transparent=transparent.value
        )
        send(session, "png", content)

    shot.on_click(lambda _: guarded(session, take))


def _videos(session: Session, gui: GuiApi) -> None:
    sizes = {**SIZES, str(session.staging.size): session.staging.size}
    camera = gui.add_dropdown("Filmed from", tuple(FILMED))
    shape = gui.add_dropdown("Shape", tuple(SHAPES), hint="wider than the recording shows its surround out of focus")
    height = gui.add_dropdown("Video height", tuple(sizes), initial_value=str(session.staging.size))
    kind = gui.add_dropdown("Video format", tuple(VIDEO_KINDS))
    save = gui.add_button("Save video", icon=Icon.MOVIE)

    def film() -> None:
        staging, view, how = session.staging, session.view(), FILMED[camera.value]
        aspect = view.aspect if shape.value == WINDOW else SHAPES[shape.value]
        path = exports.cameras(staging, view, how, session.keyframes, sizes[height.value], aspect)
        name = f"{_name(session)}-{how}{VIDEO_KINDS[kind.value]}"

        def work(folder: Path, listener: Listener) -> Path:
            return exports.video(staging, path, folder / name, listener=listener)

        begin(session, name, work)

    save.on_click(lambda _: guarded(session, film))


def _files(session: Session, gui: GuiApi) -> None:
    format = gui.add_dropdown("File format", tuple(FORMATS))
    of = gui.add_dropdown("Of", tuple(SPANS.values()))
    says = gui.add_markdown("")
    save = gui.add_button("Save file", icon=Icon.DOWNLOAD, color="gray")

    def describe() -> None:
        row = FORMATS[format.value]
        says.content = row.description
        of.options = tuple(SPANS[span] for span in row.holds)
        of.value = of.options[0]
        of.disabled = len(of.options) == 1

    def write(chosen: str, t: int | None) -> None:
        staging, keys, name = session.staging, session.keyframes, _name(session)
        name = name if t is None else f"{name}-{t:05d}"

        def work(folder: Path, listener: Listener) -> Path:
            return exports.exported(staging, keys, t, folder / name, format=chosen, listener=listener)

        begin(session, f"{chosen} file", work)

    def frame() -> int | None:
        return session.frame() if of.value == SPANS["moment"] else None

    describe()
    on_user(format, describe)
    save.on_click(lambda _: guarded(session, lambda: write(format.value, frame())))


def begin(session: Session, title: str, work: Work) -> None:
    """Make a file for the browser, one at a time."""
    if not session.jobs.start(title, work):
        session.hint("Something is being saved already; wait for it or cancel it")


def _name(session: Session) -> str:
    """A file name of the person and what is performed."""
    staging = session.staging
    return re.sub(r"[^\w.-]+", "-", f"{staging.person.name}-{Path(staging.performance.name).stem}").strip("-")


def _words(state: State) -> str:
    left = "" if state.seconds_left is None else f" · {duration(state.seconds_left)} left"
    return f"**{state.title}** · {100 * state.share:.0f} %{left}"
