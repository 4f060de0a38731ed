"""Where the camera stands: presets, field of view, and a path of keyframes for it to fly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from viser import Icon

from gaussian_head.playing import keyframes
from gaussian_head.playing.keyframes import Keyframe
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import PRESETS, View, recorded_fov, view_of
from gaussian_head.rendering import CameraPath

from ..session import Session
from .common import guarded, on_user

if TYPE_CHECKING:
    from viser import GuiApi, GuiDropdownHandle


FOV_DEG = (5.0, 70.0)
"""Limits of the field of view."""
NONE_YET: str = "no keyframe yet"
TURNED = 1e-3
"""Change of a quaternion that counts as turned by hand."""


def build(session: Session, gui: GuiApi) -> None:
    """Fill the tab."""
    _views(session, gui)
    with gui.add_folder("Keyframes"):
        _Keyframes(session, gui)


def _views(session: Session, gui: GuiApi) -> None:
    names = tuple(PRESETS)
    groups = [gui.add_button_group(label, part) for label, part in (("View", names[:3]), ("Side", names[3:]))]
    filmed = session.staging.person.footage.cameras()
    if filmed:
        recorded = gui.add_dropdown("Recorded by", tuple(filmed), hint="stand where one of the cameras stood")
        on_user(recorded, lambda: stand(recorded.value))
    reset = gui.add_button("Reset view", icon=Icon.HOME, color="gray", hint="the recording camera, as at the start")
    first = round(2 * math.degrees(recorded_fov(session.staging.person.head))) / 2
    fov = gui.add_slider("Field of view °", *FOV_DEG, 0.5, first)

    round_ = gui.add_checkbox(
        "All the way round", False, hint="let a drag go on beyond what the clip shows: the back of a head is a guess"
    )
    on_user(round_, lambda: session.roam(round_.value))

    def go(name: str) -> None:
        session.follow(None)
        session.go_to(names.index(name))
        fov.value = min(max(math.degrees(session.client.camera.fov), FOV_DEG[0]), FOV_DEG[1])

    def stand(name: str) -> None:
        session.follow(None)
        session.look(view_of(filmed[name]))
        fov.value = min(max(math.degrees(session.client.camera.fov), FOV_DEG[0]), FOV_DEG[1])

    def zoom() -> None:
        session.client.camera.fov = math.radians(fov.value)
        session.touch()

    for group in groups:
        group.on_click(lambda _, g=group: go(g.value))
    reset.on_click(lambda _: go(names[0]))
    on_user(fov, zoom)


class _Keyframes:
    """The list of keyframes and what can be done with it."""

    def __init__(self, session: Session, gui: GuiApi) -> None:
        self._session = session
        self._noted: View | None = None
        add = gui.add_button("Add keyframe", icon=Icon.PLUS, hint="the camera as it stands now, at the moment shown")
        self._list: GuiDropdownHandle[str] = gui.add_dropdown("Keyframe", (NONE_YET,))
        change = gui.add_button_group("Chosen one", ("Go there", "Delete"))
        self._follow = gui.add_checkbox("Preview path", False, hint="the picture follows the keyframes while it plays")
        save = gui.add_button(
            "Save path", icon=Icon.DOWNLOAD, color="gray", hint="JSON, also for `gaussian-head render --camera`"
        )
        load = gui.add_upload_button("Load path", icon=Icon.UPLOAD, color="gray", mime_type=".json,application/json")
        clear = gui.add_button("Delete all", icon=Icon.TRASH, color="gray")
        add.on_click(lambda _: guarded(session, self._add))
        change.on_click(lambda _: guarded(session, self._go if change.value == "Go there" else self._delete))
        on_user(self._list, lambda: guarded(session, self._go))
        on_user(self._follow, lambda: guarded(session, lambda: self._fly(self._follow.value)))
        save.on_click(lambda _: guarded(session, self._save))
        load.on_upload(lambda _: guarded(session, lambda: self._load(load.value.name, load.value.content)))
        clear.on_click(lambda _: self._set((), 0))
        session.client.camera.on_update(lambda _: self._turned())

    def _add(self) -> None:
        key = Keyframe(time=self._moment(), view=self._session.view())
        with self._session.changed:
            keys = keyframes.with_key(self._session.keyframes, key)
            self._set(keys, keys.index(key))

    def _go(self) -> None:
        if self._session.keyframes:
            self._fly(False)
            key = self._session.keyframes[self._chosen()]
            self._session.look(key.view)
            self._session.seek(key.time)

    def _delete(self) -> None:
        with self._session.changed:
            index = self._chosen()
            self._set(keyframes.without_key(self._session.keyframes, index), index - 1)

    def _save(self) -> None:
        text = keyframes.to_json(self._session.keyframes, self._session.staging.person.head)
        name = f"{self._session.staging.person.name}-camera.json".replace(" ", "-")
        self._session.client.send_file_download(name, text.encode(), save_immediately=True)

    def _load(self, name: str, content: bytes) -> None:
        text = content.decode("utf-8", errors="replace")
        self._set(keyframes.from_json(text, self._session.staging.person.head, name), 0)
        self._session.hint(f"{len(self._session.keyframes)} keyframes from {name}")

    def _fly(self, on: bool) -> None:
        """Follow the path, or let go of it; what cannot be followed leaves the box unticked."""
        self._follow.value = False
        if not on:
            self._session.follow(None)
            return
        self._noted = self._session.view()
        self._session.follow(self._path)
        self._follow.value = True

    def _path(self, staging: Staging) -> CameraPath:
        motion = staging.performance.motion
        return keyframes.path_of(self._session.keyframes, staging.person.head, len(motion), fps=motion.fps)

    def _set(self, keys: tuple[Keyframe, ...], chosen: int) -> None:
        self._session.keep_keyframes(keys)
        self._list.options = tuple(_label(i, key) for i, key in enumerate(keys)) or (NONE_YET,)
        self._list.value = self._list.options[min(max(chosen, 0), len(self._list.options) - 1)]
        if self._follow.value:
            self._fly(bool(keys))

    def _chosen(self) -> int:
        return self._list.options.index(self._list.value)

    def _moment(self) -> float:
        return self._session.frame() / self._session.staging.performance.motion.fps

    def _turned(self) -> None:
        """Who drags wants to look around: the path is left."""
        if self._session.staging.path is None:
            self._follow.value = False
        elif self._noted is not None:
            now = self._session.view()
            moved = np.abs(np.array(now.wxyz + now.position) - np.array(self._noted.wxyz + self._noted.position))
            if moved.max() > TURNED:
                self._fly(False)


def _label(index: int, key: Keyframe) -> str:
    return f"{index + 1}: at {key.time:.2f} s"
