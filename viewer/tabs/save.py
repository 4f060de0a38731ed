"""What the browser can take away: pictures, videos, Gaussians, and every format that there is."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from viser import Icon

from gaussian_head.events import Listener
from gaussian_head.exporting import FORMATS

from .. import exports
from ..jobs import Jobs, State, Work
from ..live_run import duration
from ..session import Session
from .common import SIZES, guarded, on_user, send

if TYPE_CHECKING:
    from viser import GuiApi


VIDEO_KINDS = {"mp4": ".mp4", "mov, transparent": ".mov", "webm, transparent": ".webm"}
"""Name and file ending."""
SPANS = {"moment": "this frame", "clip": "whole performance"}
"""What a format can hold, and how that is called."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    jobs = _progress(session, gui)
    with gui.add_folder("Picture"):
        _pictures(session, gui)
    with gui.add_folder("Video with sound"):
        _videos(session, gui, jobs)
    with gui.add_folder("For other programs"):
        _files(session, gui, jobs)


def _progress(session: Session, gui: GuiApi) -> Jobs:
    """The line at the top while something is being made."""
    text = gui.add_markdown("", visible=False)
    bar = gui.add_progress_bar(0.0, visible=False)
    cancel = gui.add_button("Cancel", icon=Icon.X, color="red", visible=False)

    def show(state: State | None) -> None:
        if session.stopped:
            return
        if state is not None:
            text.content, bar.value = _words(state), 100 * state.share
        for widget in (text, bar, cancel):
            widget.visible = state is not None

    def deliver(name: str, content: bytes) -> None:
        session.client.send_file_download(name, content, save_immediately=True)
        session.hint(f"{name} is in your downloads")

    jobs = Jobs(
        show=show,
        deliver=deliver,
        complain=lambda words: session.complain("This could not be saved", words),
        gone=lambda: session.stopped,
    )
    cancel.on_click(lambda _: jobs.cancel())
    return jobs


def _pictures(session: Session, gui: GuiApi) -> None:
    height = gui.add_dropdown("Picture height", tuple(SIZES), initial_value="1024")
    transparent = gui.add_checkbox("Transparent", False)
    shot = gui.add_button("Screenshot", icon=Icon.CAMERA)

    def take() -> None:
        content = exports.screenshot(
            session.staging, session.view(), session.frame(), height=SIZES[height.value], transparent=transparent.value
        )
        send(session, "png", content)

    shot.on_click(lambda _: guarded(session, take))


def _videos(session: Session, gui: GuiApi, jobs: Jobs) -> None:
    sizes = {**SIZES, str(session.staging.size): session.staging.size}
    height = gui.add_dropdown("Video height", tuple(sizes), initial_value=str(session.staging.size))
    kind = gui.add_dropdown("Video format", tuple(VIDEO_KINDS))

    def film(camera: str) -> None:
        staging = session.staging
        path = exports.cameras(staging, session.view(), camera, session.keyframes, sizes[height.value])
        name = f"{_name(session)}-{camera}{VIDEO_KINDS[kind.value]}"

        def work(folder: Path, listener: Listener) -> Path:
            return exports.video(staging, path, folder / name, listener=listener)

        _begin(session, jobs, name, work)

    for label, camera, icon in (
        ("Video from this view", "view", Icon.MOVIE),
        ("Video in orbit", "orbit", Icon.ROTATE_360),
        ("Video along keyframes", "keyframes", Icon.ROUTE),
    ):
        button = gui.add_button(label, icon=icon)
        button.on_click(lambda _, c=camera: guarded(session, partial(film, c)))


def _files(session: Session, gui: GuiApi, jobs: Jobs) -> None:
    gaussians = gui.add_button("Gaussians of this frame (PLY)", icon=Icon.GRAIN)
    format = gui.add_dropdown("File format", tuple(FORMATS))
    of = gui.add_dropdown("Of", tuple(SPANS.values()))
    says = gui.add_markdown("")
    save = gui.add_button("Save file", icon=Icon.DOWNLOAD)

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

        _begin(session, jobs, f"{chosen} file", work)

    def frame() -> int | None:
        return session.frame() if of.value == SPANS["moment"] else None

    describe()
    on_user(format, describe)
    save.on_click(lambda _: guarded(session, lambda: write(format.value, frame())))
    gaussians.on_click(
        lambda _: guarded(session, lambda: send(session, "ply", exports.ply(session.staging, session.frame())))
    )


def _begin(session: Session, jobs: Jobs, title: str, work: Work) -> None:
    if not jobs.start(title, work):
        session.hint("Something is being saved already; wait for it or cancel it")


def _name(session: Session) -> str:
    """A file name of the person and what is performed."""
    staging = session.staging
    return re.sub(r"[^\w.-]+", "-", f"{staging.person.name}-{Path(staging.performance.name).stem}").strip("-")


def _words(state: State) -> str:
    left = "" if state.seconds_left is None else f" · {duration(state.seconds_left)} left"
    return f"**{state.title}** · {100 * state.share:.0f} %{left}"
