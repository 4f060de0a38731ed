"""One browser: what it looks at, what is played to it and what its sliders say."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gaussian_head.checks import InputError

from .bridge import Bridge, Report
from .clock import Playback
from .edits import Edits
from .performances import Performance, spoken, uploaded_samples
from .pictures import Look
from .scheduler import Scheduler
from .shelf import Shelf, ShelvedHead
from .views import PRESETS, View, placement

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that decides a picture, save the moment: an immutable snapshot that the worker renders from."""

    person: ShelvedHead
    """Who."""
    performance: Performance
    """What is played."""
    edits: Edits = field(default_factory=Edits)
    """The sliders."""
    look: Look = field(default_factory=Look)
    """Parts, mode and backdrop."""
    size: int = 512
    """Height of the full picture, pixels."""


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
        self.on_performances: Callable[[], None] = lambda: None
        self._number = 1
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

    def push(self, channels: tuple[str, ...], amount: float) -> None:
        """Shift channels by ``amount`` of their range."""
        self.edit(push={**self.scene.edits.push, **dict.fromkeys(channels, amount)})

    def restyle(self, **changes: Any) -> None:
        """Change fields of Look."""
        self._set(look=replace(self.scene.look, **changes))

    def resize(self, size: int) -> None:
        """Height of the full picture in pixels."""
        self._set(size=size)

    def perform(self, performance: Performance) -> None:
        """Play another performance, from its start, when the user presses play."""
        with self.changed:
            self.scene = replace(self.scene, performance=performance)
            self._number += 1
            self.scheduler.playback.load(len(performance.motion), performance.motion.fps)
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()
        self._send_performance()

    def choose_person(self, name: str) -> None:
        """Show another head; voices given so far are spoken by it too.

        Raises:
            InputError: its folder is not one of a head.
        """
        person = self.shelf.get(name)
        voices = [p for p in self.performances if p.samples is not None and p is not self.scene.person.clip]
        heard = [spoken(person.head, p.samples, p.name) for p in voices if p.samples is not None]
        with self.changed:
            self.performances = [person.clip, *heard]
            self.scene = replace(self.scene, person=person)
        self.perform(self.performances[-1])
        self.on_performances()
        self.go_to(0)

    def give_voice(self, name: str, content: bytes) -> None:
        """Let the head speak a sound or video file that the browser sent; failures become notifications."""
        if not content:
            return
        notice = self.client.add_notification("Listening", f"Working out how to say {name} …", loading=True)
        try:
            samples = uploaded_samples(name, content)
            performance = spoken(self.scene.person.head, samples, name)
        except InputError as error:
            notice.remove()
            self.complain("This cannot be spoken", str(error))
            return
        except Exception:
            notice.remove()
            log.exception("driving by an upload failed")
            self.complain("This cannot be spoken", "An unexpected error happened; the server's log has the details.")
            return
        notice.remove()
        with self.changed:
            self.performances = [p for p in self.performances if p.name != name] + [performance]
        self.perform(performance)
        self.on_performances()
        self.hint(f"{name} is ready: press play")

    def go_to(self, preset: int) -> None:
        """Move the camera to a preset by its index."""
        yaw, pitch = list(PRESETS.values())[preset % len(PRESETS)]
        place = placement(self.scene.person.head, yaw, pitch)
        with self.client.atomic():
            self.client.camera.up_direction = (0.0, -1.0, 0.0)
            self.client.camera.position = place.position
            self.client.camera.look_at = place.look_at
            self.client.camera.fov = place.fov
        self.touch()

    def complain(self, title: str, body: str) -> None:
        """Tell the user that something failed."""
        self.client.add_notification(title, body, color="red", auto_close_seconds=10.0)

    def show(self, image: np.ndarray, quality: int) -> None:
        """Put a picture ``[H, W, 3]`` uint8 on the screen."""
        self._bridge.show(image, quality)

    def hint(self, text: str) -> None:
        """A passing line above the player."""
        self._bridge.call("hint", text)

    def status(self, text: str) -> None:
        """The line of numbers in the corner."""
        self._bridge.call("status", text)

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
        with self.changed:
            if report.performance == self._number:
                self.scheduler.playback.report(report.position, report.playing, report.rate, report.loop, now)
            if report.kind == "hello":
                self.scheduler.touch(now)
            if report.kind == "shown":
                self.scheduler.shown(now, report.position, report.playing)
            self.changed.notify_all()
