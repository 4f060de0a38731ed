"""One browser: what it looks at, what is played to it and what its sliders say."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from gaussian_head.checks import InputError
from gaussian_head.rendering import CameraPath
from gaussian_head.transforms import quat_to_rotmat

from .bridge import Bridge, Caption, Report
from .clock import Playback
from .compare import RECORDED, Versus
from .edits import CLOSING, OPENING, Edits, blink_pulse
from .keyframes import Keyframe
from .links import Link, parse_link
from .performances import Performance, spoken
from .rivals import compared, still_comparable
from .scene import Scene as Scene
from .scheduler import Scheduler
from .shelf import Shelf, ShelvedHead
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
        self.voices = Voices(
            notify=lambda title, body: client.add_notification(title, body, loading=True),
            complain=self.complain,
            call_player=self.call_player,
            give=self.give_voice,
            gone=lambda: self.stopped,
        )
        self._number = 1
        self._sending = threading.Lock()
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
        self._change(lambda scene: {"edits": replace(scene.edits, **changes)})

    def relax(self) -> None:
        """All sliders and switches of motion back to where they were at the start."""
        self._change(lambda _: {"edits": Edits()})
        self.refresh()

    def push(self, channels: tuple[str, ...], amount: float) -> None:
        """Shift channels by ``amount`` of their range."""
        pushed = dict.fromkeys(channels, amount)
        self._change(lambda scene: {"edits": replace(scene.edits, push={**scene.edits.push, **pushed})})

    def restyle(self, **changes: Any) -> None:
        """Change fields of Look."""
        self._change(lambda scene: {"look": replace(scene.look, **changes)})

    def draw_in_browser(self, yes: bool) -> None:
        """Let the browser draw the Gaussians, or show pictures rendered here."""
        self._change(lambda _: {"client_splats": yes})

    def resize(self, size: int) -> None:
        """Height of the full picture in pixels."""
        self._change(lambda _: {"size": size})

    def perform(self, performance: Performance) -> None:
        """Play another performance, from its start, when the user presses play."""
        with self.changed:
            self._play(performance)
        self._send_performance()
        self.refresh()

    def choose_performance(self, name: str) -> None:
        """Play one of ``performances``; nothing where there is none of this name or it is played already."""
        with self.changed:
            chosen = next((p for p in self.performances if p.name == name), None)
            if chosen is None or chosen is self.scene.performance:
                return
            self._play(chosen)
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
        while True:
            scene = self.scene
            rival = None if mode is None or other == RECORDED else self.shelf.get(other)
            versus = None if mode is None else Versus(mode=mode, other=other, split=self._split)
            # Another head may take its time to learn what is played.
            if self._change_as_seen(scene, compared(scene, versus, rival)):
                break
        self.refresh()

    def split(self, at: float) -> None:
        """Move the line between two pictures to ``at`` in [0, 1]."""
        with self.changed:
            self._split = at
            self._change(lambda scene: {"versus": scene.versus and replace(scene.versus, split=at)})

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
        person = self.shelf.get(name)
        # Speaking takes its time, in which another voice may come.
        known: list[Performance] = []
        while not self._enter_stage(person, known):
            voices = [p for p in self._voices() if not any(k.samples is p.samples for k in known)]
            known += [spoken(person.head, p.samples, p.name) for p in voices if p.samples is not None]
        self._send_performance()
        self.refresh()
        self.go_to(0)

    def give_voice(self, name: str, content: bytes) -> None:
        """Let the head speak a sound or video file that the browser sent; failures become notifications."""

        def speak(samples: np.ndarray) -> Callable[[], bool]:
            person = self.scene.person
            performance = spoken(person.head, samples, name)
            return lambda: self._take_voice(person, performance)

        if self.voices.give(name, content, speak):
            self._send_performance()
            self.refresh()
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
        with self.changed:
            return self.scheduler.playback.frame(time.monotonic())

    def follow(self, path_of: Callable[[Scene], CameraPath] | None) -> None:
        """Let the picture follow the camera path for what is played, or the browser's camera again."""
        while True:
            scene = self.scene
            if self._change_as_seen(scene, {"path": path_of and path_of(scene)}):
                return

    def follow_link(self, link: Link) -> None:
        """Go where an address leads, as far as it says and as far as there is such a head and performance."""
        try:
            if link.head is not None and link.head in self.shelf.names and link.head != self.scene.person.name:
                self.choose_person(link.head)
        except InputError as error:
            self.complain("The link leads nowhere", str(error))
        if link.performance is not None:
            self.choose_performance(link.performance)
        if link.yaw is not None or link.pitch is not None or link.distance != 1.0 or link.fov is not None:
            fov = None if link.fov is None else math.radians(link.fov)
            self.look_from(link.yaw or 0.0, link.pitch or 0.0, distance=link.distance, fov=fov)
        if link.t is not None:
            self.call_player("seek", link.t)

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
        self._steer(on_server, in_browser)

    def seek(self, seconds: float) -> None:
        """Go to a moment of the performance."""
        self._steer(lambda: self.scheduler.playback.seek(seconds, time.monotonic()), ("seek", seconds))

    def pause(self) -> None:
        """Stop the player, wherever its clock is."""
        self._bridge.call("pause")

    def _steer(self, on_server: Callable[[], None], in_browser: tuple[Any, ...]) -> None:
        """Let whoever has the clock act: the browser's player, or this one where none answers."""
        with self.changed:
            if not self.scheduler.playback.bridged:
                on_server()
                self.changed.notify_all()
                return
        self._bridge.call(*in_browser)

    def _change(self, change: Callable[[Scene], Mapping[str, Any]]) -> None:
        """Change fields of the scene, as decided from what it is at that moment."""
        with self.changed:
            self.scene = replace(self.scene, **change(self.scene))
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()

    def _change_as_seen(self, seen: Scene, changes: Mapping[str, Any]) -> bool:
        """Change fields, unless they were worked out for a person or a performance that is no longer on stage."""
        with self.changed:
            if self.scene.person is not seen.person or self.scene.performance is not seen.performance:
                return False
            self._change(lambda _: changes)
            return True

    def _play(self, performance: Performance, **changes: Any) -> None:
        """Put a performance on stage, together with other changes; ``changed`` is held."""
        more = {"performance": performance, "path": None, **still_comparable(self.scene, performance), **changes}
        self._number += 1
        self.scheduler.playback.load(len(performance.motion), performance.motion.fps)
        self._change(lambda _: more)

    def _enter_stage(self, person: ShelvedHead, known: Sequence[Performance]) -> bool:
        """Exchange the head and all that it says at once; False while some voice is not among ``known``."""
        with self.changed:
            voices = [next((k for k in known if k.samples is p.samples), None) for p in self._voices()]
            heard = [p for p in voices if p is not None]
            if len(heard) < len(voices):
                return False
            played = None if self.scene.performance is self.scene.person.clip else self.scene.performance.name
            self.performances = [person.clip, *heard]
            chosen = next((p for p in heard if p.name == played), person.clip)
            self._play(chosen, person=person, versus=None, rival=None, rival_performance=None)
            return True

    def _take_voice(self, person: ShelvedHead, performance: Performance) -> bool:
        """Play a new voice; False where another head than the one that speaks it has been chosen meanwhile."""
        with self.changed:
            if self.scene.person is not person:
                return False
            self.performances = [p for p in self.performances if p.name != performance.name] + [performance]
            self._play(performance)
            return True

    def _voices(self) -> list[Performance]:
        """The performances that any head could speak."""
        with self.changed:
            return [p for p in self.performances if p.samples is not None and p is not self.scene.person.clip]

    def _send_performance(self) -> None:
        """Hand the player what is on stage; one at a time, so that the last one sent is the newest."""
        with self._sending:
            with self.changed:
                number, performance = self._number, self.scene.performance
            self._bridge.call("load", performance.payload(number))

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
            threading.Thread(target=self.follow_link, args=(parse_link(report.text),), daemon=True).start()
        with self.changed:
            if report.performance == self._number:
                self.scheduler.playback.report(report.position, report.playing, report.rate, report.loop, now)
            if report.kind == "hello":
                self.scheduler.touch(now)
            if report.kind == "shown":
                self.scheduler.shown(now, report.position, report.playing)
            self.changed.notify_all()
