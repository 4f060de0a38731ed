"""One browser: what it looks at, what is played to it and what its sliders say."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gaussian_head.rendering import CameraPath
from gaussian_head.transforms import quat_to_rotmat

from .bridge import Bridge, Caption, Report
from .clock import Playback
from .compare import RECORDED, Versus
from .edits import CLOSING, OPENING, Edits, blink_pulse
from .keyframes import Keyframe
from .links import follow_link, parse_link
from .performances import Performance, spoken
from .rivals import compared, still_comparable
from .scene import Scene as Scene
from .scheduler import Scheduler
from .shelf import Shelf
from .views import PRESETS, View, placement
from .voices import Voices
from .words import without_paths

log = logging.getLogger(__name__)


class Session:
    """State of one browser; every change happens under ``changed`` and wakes the worker."""

    def __init__(self, client: Any, shelf: Shelf, start: Performance | None, size: int) -> None:
        self.client, self.shelf = client, shelf
        person = shelf.get(shelf.names[0])
        self.performances = [person.clip] + ([start] if start else [])
        self.scene = Scene(person=person, performance=self.performances[-1], size=size)
        motion = self.scene.performance.motion
        self.scheduler = Scheduler(Playback(len(motion), motion.fps))
        self.changed = threading.Condition()
        self.stopped = False
        self.keyframes: tuple[Keyframe, ...] = ()
        self.refreshers: list[Callable[[], None]] = []
        """Called whenever person, performance or what is compared changed, to bring the panel up to date."""
        self._blinked_at = float("-inf")
        self._split = 0.5
        self.voices = Voices(self)
        self._number = 1
        # Before the browser can ask for another view.
        self.go_to(0)
        self._bridge = Bridge(client, self._heard)
        self._send_performance()

    def stop(self) -> None:
        """The browser is gone: lets the worker and the exports end."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def view(self) -> View:
        """The browser's camera now."""
        camera = self.client.camera
        w, x, y, z = map(float, camera.wxyz)
        px, py, pz = map(float, camera.position)
        return View(
            wxyz=(w, x, y, z),
            position=(px, py, pz),
            fov=float(camera.fov),
            aspect=float(camera.aspect),
        )

    def touch(self) -> None:
        """The camera moved."""
        with self.changed:
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()

    def edit(self, **changes: Any) -> None:
        """Change fields of Edits."""
        self._set(edits=replace(self.scene.edits, **changes))

    def relax(self) -> None:
        """All sliders and switches of motion back to where they were at the start."""
        self._set(edits=Edits())
        self.refresh()

    def push(self, channels: tuple[str, ...], amount: float) -> None:
        """Shift channels by ``amount`` of their range."""
        self.edit(push={**self.scene.edits.push, **dict.fromkeys(channels, amount)})

    def restyle(self, **changes: Any) -> None:
        """Change fields of Look."""
        self._set(look=replace(self.scene.look, **changes))

    def draw_in_browser(self, yes: bool) -> None:
        """Let the browser draw the Gaussians, or show pictures rendered here."""
        self._set(client_splats=yes)

    def resize(self, size: int) -> None:
        """Height of the full picture in pixels."""
        self._set(size=size)

    def perform(self, performance: Performance) -> None:
        """Play another performance, from its start, when the user presses play."""
        with self.changed:
            self.scene = replace(
                self.scene, performance=performance, path=None, **still_comparable(self.scene, performance)
            )
            self._number += 1
            self.scheduler.playback.load(len(performance.motion), performance.motion.fps)
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()
        self._send_performance()
        self.refresh()

    def refresh(self) -> None:
        """Bring the panel up to date."""
        for refresher in self.refreshers:
            refresher()

    def compare(self, mode: str | None, other: str = RECORDED) -> None:
        """Hold the picture against the recorded frame or another head; None for nothing.

        Raises:
            InputError: there is nothing recorded of what is played, or no such head.
        """
        scene = self.scene
        rival = None if mode is None or other == RECORDED else self.shelf.get(other)
        versus = None if mode is None else Versus(mode=mode, other=other, split=self._split)
        self._set(**compared(scene, versus, rival))
        self.refresh()

    def split(self, at: float) -> None:
        """Move the line between two pictures to ``at`` in [0, 1]."""
        self._split = at
        if self.scene.versus is not None:
            self._set(versus=replace(self.scene.versus, split=at))

    def blink(self) -> None:
        """Close the eyes once, now."""
        with self.changed:
            self._blinked_at = time.monotonic()
            self.scheduler.animate(CLOSING + OPENING, self._blinked_at)
            self.changed.notify_all()

    def blink_pulse(self, now: float) -> float:
        """How far that blink has closed the eyes, in [0, 1]."""
        return blink_pulse(now - self._blinked_at)

    def choose_person(self, name: str) -> None:
        """Show another head playing what is played now; voices given so far are spoken by it too.

        Raises:
            InputError: its folder is not one of a head.
        """
        person, played, before = self.shelf.get(name), self.scene.performance, self.scene.person.clip
        voices = [p for p in self.performances if p.samples is not None and p is not before]
        heard = [spoken(person.head, p.samples, p.name) for p in voices if p.samples is not None]
        with self.changed:
            self.performances = [person.clip, *heard]
            self.scene = replace(self.scene, person=person, versus=None, rival=None, rival_performance=None)
        same = [p for p in heard if p.name == played.name and played is not before]
        self.perform(same[0] if same else person.clip)
        self.go_to(0)

    def give_voice(self, name: str, content: bytes) -> None:
        """Let the head speak a sound or video file that the browser sent; failures become notifications."""
        if not content:
            return
        performance = self.voices.give(name, content)
        if performance is None:
            return
        with self.changed:
            self.performances = [p for p in self.performances if p.name != name] + [performance]
        self.perform(performance)
        self.hint(f"{name} is ready: press play")

    def go_to(self, preset: int) -> None:
        """Move the camera to a preset by its index."""
        self.look_from(*list(PRESETS.values())[preset % len(PRESETS)])

    def look_from(self, yaw_deg: float, pitch_deg: float, *, distance: float = 1.0, fov: float | None = None) -> None:
        """Put the camera around the head, at a distance relative to the recording's; ``fov`` in radians."""
        place = placement(self.scene.person.head, yaw_deg, pitch_deg, distance)
        with self.client.atomic():
            self.client.camera.up_direction = (0.0, -1.0, 0.0)
            self.client.camera.position = place.position
            self.client.camera.look_at = place.look_at
            self.client.camera.fov = place.fov if fov is None else fov
        self.touch()

    def look(self, view: View) -> None:
        """Move the camera to a view; dragging then turns about the point in front of it that is nearest the head."""
        turn = quat_to_rotmat(torch.tensor(view.wxyz).float())
        position = torch.tensor(view.position).float()
        ahead = max(float((self.scene.person.head.centre - position) @ turn[:, 2]), 0.05)
        with self.client.atomic():
            self.client.camera.up_direction = (-turn[:, 1]).numpy()
            self.client.camera.position = position.numpy()
            self.client.camera.look_at = (position + ahead * turn[:, 2]).numpy()
            self.client.camera.fov = view.fov
        self.touch()

    def frame(self) -> int:
        """The frame that the player stands at."""
        return self.scheduler.playback.frame(time.monotonic())

    def follow(self, path: CameraPath | None) -> None:
        """Let the picture follow a camera path, or the browser's camera again."""
        self._set(path=path)

    def complain(self, title: str, body: str) -> None:
        """Tell the user that something failed; folders of this machine are nobody's business."""
        self.client.add_notification(title, without_paths(body), color="red", auto_close_seconds=10.0)

    def show(self, image: np.ndarray, quality: int, caption: Caption) -> None:
        """Put a picture ``[H, W, 3]`` uint8 on the screen."""
        self._bridge.show(image, quality, caption)

    def drawn(self, caption: Caption) -> None:
        """What was put into the browser's own scene is to be seen."""
        self._bridge.drawn(caption)

    def hint(self, text: str) -> None:
        """A passing line above the player."""
        self._bridge.call("hint", text)

    def call_player(self, method: str, *arguments: Any) -> None:
        """Call a function of the browser's player."""
        self._bridge.call(method, *arguments)

    def command(self, name: str) -> None:
        """``toggle``, ``next``, ``previous`` or ``restart`` from the command palette, with or without a player."""
        playback, now = self.scheduler.playback, time.monotonic()
        actions: dict[str, tuple[Callable[[], None], tuple[Any, ...]]] = {
            "toggle": (lambda: playback.toggle(now), ("toggle",)),
            "next": (lambda: playback.step(1, now), ("step", 1)),
            "previous": (lambda: playback.step(-1, now), ("step", -1)),
            "restart": (lambda: playback.seek(0.0, now), ("seek", 0.0)),
        }
        on_server, in_browser = actions[name]
        if playback.bridged:
            self._bridge.call(*in_browser)
            return
        with self.changed:
            on_server()
            self.changed.notify_all()

    def seek(self, seconds: float) -> None:
        """Go to a moment of the performance."""
        playback = self.scheduler.playback
        if playback.bridged:
            self._bridge.call("seek", seconds)
            return
        with self.changed:
            playback.seek(seconds, time.monotonic())
            self.changed.notify_all()

    def pause(self) -> None:
        """Stop the player, wherever its clock is."""
        self._bridge.call("pause")

    def _set(self, **changes: Any) -> None:
        with self.changed:
            self.scene = replace(self.scene, **changes)
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()

    def _send_performance(self) -> None:
        self._bridge.call("load", self.scene.performance.payload(self._number))

    def _heard(self, report: Report) -> None:
        now = time.monotonic()
        if report.kind == "preset":
            self.go_to(report.index)
        elif report.kind == "reset":
            self.go_to(0)
        elif report.kind == "blink":
            self.blink()
        elif report.kind == "split":
            self.split(report.value)
        elif report.kind in ("upload", "toolarge", "lost"):
            self.voices.receive(report)
        elif report.kind == "hello" and report.text:
            # Loading a head takes its time, and this is the thread that all browsers are heard on.
            threading.Thread(target=follow_link, args=(self, parse_link(report.text)), daemon=True).start()
        with self.changed:
            if report.performance == self._number:
                self.scheduler.playback.report(report.position, report.playing, report.rate, report.loop, now)
            if report.kind == "hello":
                self.scheduler.touch(now)
            if report.kind == "shown":
                self.scheduler.shown(now, report.position, report.playing)
            self.changed.notify_all()
