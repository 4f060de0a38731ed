"""The control panel of one browser, on viser's public widgets; every callback only tells the session."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from gaussian_head.checks import InputError
from gaussian_head.events import Event, Progress
from gaussian_head.head import PARTS

from . import exports
from .pictures import MODES, PLAIN
from .session import Session
from .views import PRESETS, recorded_fov

log = logging.getLogger(__name__)
POSE_SLIDERS = (("Turn", "turn_deg", 45), ("Nod", "nod_deg", 30), ("Tilt", "tilt_deg", 30))
"""Label, field of Edits and limit in degrees."""
FACE_SLIDERS = (
    ("Open mouth", ("jaw_open",), -0.5, 1.5),
    ("Widen lips", ("lip_width",), -1.0, 1.0),
    ("Pucker", ("lip_pucker",), -1.0, 1.0),
    ("Raise brows", ("brow_up",), -1.0, 1.0),
    ("Close left eye", ("blink_l",), 0.0, 1.0),
    ("Close right eye", ("blink_r",), 0.0, 1.0),
    ("Look sideways", ("gaze_x",), -1.0, 1.0),
    ("Look down", ("gaze_y",), -1.0, 1.0),
)
"""Label, channels pushed, and limits in units of the channel's captured range."""
MODE_LABELS = dict(zip(("Colour", "Depth", "Opacity", "Parts"), MODES, strict=True))
SIZES = {"256": 256, "384": 384, "512": 512, "768": 768, "1024": 1024}
SOUND_FILES = "audio/*,video/mp4,.wav,.mp3,.mp4,.m4a,.flac,.ogg"
KEYS = "**Space** play · **← →** frame · **R** reset view · **1** to **5** views · **L** loop · **M** mute"


class Cancelled(Exception):
    """The user, or a browser that left, ended an export."""


def build(session: Session) -> None:
    """Fill the browser's control panel."""
    gui = session.client.gui
    tabs = gui.add_tab_group()
    with tabs.add_tab("Play"):
        _play(session, gui)
    with tabs.add_tab("Face"):
        _face(session, gui)
    with tabs.add_tab("Look"):
        _look(session, gui)
    with tabs.add_tab("Save"):
        _save(session, gui)
    _commands(session, gui)


def _play(session: Session, gui: Any) -> None:
    if len(session.shelf.names) > 1:
        people = gui.add_dropdown("Head", session.shelf.names)
        _on_user(people, lambda: _guarded(session, lambda: session.choose_person(people.value)))
    performances = gui.add_dropdown("Performance", _names(session), initial_value=session.scene.performance.name)
    _on_user(performances, lambda: _choose(session, performances.value))

    def refresh() -> None:
        performances.options = _names(session)
        performances.value = session.scene.performance.name

    session.on_performances = refresh
    upload = gui.add_upload_button(
        "Give it a voice …", icon="microphone", mime_type=SOUND_FILES, hint="wav, mp3, mp4 …: the head will say it"
    )
    upload.on_upload(lambda _: session.give_voice(upload.value.name, upload.value.content))
    pose = gui.add_dropdown("Head pose", ("captured", "still"), hint="still holds head and shoulders at their mean")
    _on_user(pose, lambda: session.edit(still=pose.value == "still"))
    amplify = gui.add_slider("Exaggerate", 0.0, 2.0, 0.05, 1.0, hint="factor on all motion; 0 is a statue")
    _on_user(amplify, lambda: session.edit(amplify=amplify.value))
    _camera(session, gui)
    gui.add_markdown(KEYS)


def _camera(session: Session, gui: Any) -> None:
    views = gui.add_button_group("View", tuple(PRESETS))
    fov = gui.add_slider(
        "Field of view", 5.0, 70.0, 0.5, round(2 * math.degrees(recorded_fov(session.scene.person.head))) / 2
    )

    def go() -> None:
        session.go_to(list(PRESETS).index(views.value))
        fov.value = min(max(math.degrees(session.client.camera.fov), 5.0), 70.0)

    def zoom() -> None:
        session.client.camera.fov = math.radians(fov.value)
        session.touch()

    views.on_click(lambda _: go())
    _on_user(fov, zoom)


def _face(session: Session, gui: Any) -> None:
    sliders = []
    with gui.add_folder("Head"):
        for label, name, limit in POSE_SLIDERS:
            slider = gui.add_slider(label, -float(limit), float(limit), 0.5, 0.0)
            _on_user(slider, lambda s=slider, n=name: session.edit(**{n: s.value}))
            sliders.append(slider)
    with gui.add_folder("Expression"):
        for label, channels, low, high in FACE_SLIDERS:
            slider = gui.add_slider(label, low, high, 0.02, 0.0)
            _on_user(slider, lambda s=slider, c=channels: session.push(c, s.value))
            sliders.append(slider)
    reset = gui.add_button("Relax", icon="rotate-2", hint="all sliders back to zero")

    def relax() -> None:
        for slider in sliders:
            slider.value = 0.0
        session.edit(turn_deg=0.0, nod_deg=0.0, tilt_deg=0.0, push={})

    reset.on_click(lambda _: relax())


def _look(session: Session, gui: Any) -> None:
    mode = gui.add_dropdown("Show", tuple(MODE_LABELS))
    _on_user(mode, lambda: session.restyle(mode=MODE_LABELS[mode.value]))
    boxes = {part: gui.add_checkbox(part.capitalize(), True) for part in PARTS}
    for box in boxes.values():
        _on_user(box, lambda: session.restyle(parts=frozenset(p for p, b in boxes.items() if b.value)))
    plate = gui.add_checkbox("Background", True, hint="the recorded background, or a plain colour")
    _on_user(plate, lambda: session.restyle(plate=plate.value))
    color = gui.add_rgb("Plain colour", tuple(round(255 * c) for c in PLAIN))
    _on_user(color, lambda: session.restyle(color=tuple(c / 255 for c in color.value)))
    scale = gui.add_slider("Gaussian size", 0.05, 1.5, 0.05, 1.0)
    _on_user(scale, lambda: session.restyle(splat_scale=scale.value))
    sizes = {**SIZES, str(session.scene.size): session.scene.size}
    size = gui.add_dropdown("Picture height", tuple(sizes), initial_value=str(session.scene.size))
    _on_user(size, lambda: session.resize(sizes[size.value]))


def _save(session: Session, gui: Any) -> None:
    height = gui.add_dropdown("Screenshot height", tuple(SIZES), initial_value="1024")
    transparent = gui.add_checkbox("Transparent", False)
    shot = gui.add_button("Screenshot", icon="camera")
    gui.add_divider()
    still = gui.add_button("Video from this view", icon="movie")
    around = gui.add_button("Video in orbit", icon="rotate-360")
    cancel = gui.add_button("Cancel video", icon="x", color="red", visible=False)
    gui.add_divider()
    gaussians = gui.add_button("Gaussians of this frame (PLY)", icon="grain")
    stopping = threading.Event()
    busy = threading.Lock()

    def take() -> None:
        content = exports.screenshot(
            session.scene, session.view(), _now(session), height=SIZES[height.value], transparent=transparent.value
        )
        _send(session, "png", content)

    def film(orbiting: bool) -> None:
        if not busy.acquire(blocking=False):
            session.hint("A video is being written already")
            return
        stopping.clear()
        cancel.visible = True
        try:
            _film(session, orbiting, stopping)
        finally:
            cancel.visible = False
            busy.release()

    shot.on_click(lambda _: _guarded(session, take))
    still.on_click(lambda _: _guarded(session, lambda: film(False)))
    around.on_click(lambda _: _guarded(session, lambda: film(True)))
    cancel.on_click(lambda _: stopping.set())
    gaussians.on_click(
        lambda _: _guarded(session, lambda: _send(session, "ply", exports.ply(session.scene, _now(session))))
    )


def _film(session: Session, orbiting: bool, stopping: threading.Event) -> None:
    notice = session.client.add_notification("Writing video", "0 %", loading=True, with_close_button=False)
    last = 0.0

    def listen(event: Event) -> None:
        nonlocal last
        if stopping.is_set() or session.stopped:
            raise Cancelled
        if isinstance(event, Progress) and event.total and time.monotonic() - last > 0.5:
            last = time.monotonic()
            notice.body = f"{100 * event.done // event.total} %"

    try:
        content = exports.video(session.scene, session.view(), orbiting=orbiting, listener=listen)
        _send(session, "mp4", content)
    except Cancelled:
        log.info("a video was cancelled")
    finally:
        notice.remove()


def _commands(session: Session, gui: Any) -> None:
    """The command palette: reaches the server even where the browser's player does not run."""
    commands = (
        ("Play or pause", lambda: session.command("toggle")),
        ("Next frame", lambda: session.command("next")),
        ("Previous frame", lambda: session.command("previous")),
        ("Back to the start", lambda: session.command("restart")),
        ("Reset view", lambda: session.go_to(0)),
    )
    for label, action in commands:
        gui.add_command(label).on_trigger(lambda _, act=action: act())


def _names(session: Session) -> tuple[str, ...]:
    return tuple(p.name for p in session.performances)


def _choose(session: Session, name: str) -> None:
    chosen = next((p for p in session.performances if p.name == name), None)
    if chosen is not None and chosen is not session.scene.performance:
        session.perform(chosen)


def _now(session: Session) -> int:
    return session.scheduler.playback.frame(time.monotonic())


def _send(session: Session, suffix: str, content: bytes) -> None:
    name = f"{session.scene.person.name}-{_now(session):05d}.{suffix}".replace(" ", "-")
    session.client.send_file_download(name, content, save_immediately=True)


def _on_user(handle: Any, action: Callable[[], None]) -> None:
    """Call ``action`` when the user changes a widget, not when the server does."""
    handle.on_update(lambda event: action() if event.client_id is not None else None)


def _guarded(session: Session, action: Callable[[], None]) -> None:
    """Run an action whose failure the user must hear of."""
    try:
        action()
    except InputError as error:
        session.complain("This did not work", str(error))
    except Exception:
        log.exception("an action of the control panel failed")
        session.complain("This did not work", "An unexpected error happened; the server's log has the details.")
