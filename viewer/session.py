"""One browser: a player's state, its camera, its panel and its page."""

from __future__ import annotations

import math
import textwrap
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gaussian_head.checks import InputError
from gaussian_head.playing.keyframes import Keyframe
from gaussian_head.playing.performances import NamedPerformance
from gaussian_head.playing.player import Player
from gaussian_head.playing.shelf import Shelf
from gaussian_head.playing.views import FARTHEST, NEAREST, PRESETS, REACH_DEG, View, fitted_fov, placement
from gaussian_head.revoicing import speak_text
from gaussian_head.transforms import quat_to_rotmat

from .bridge import Bridge, Caption, PlayerMessage, payload
from .jobs import Jobs, State
from .keyed import Key
from .links import Link, parse_link
from .voices import Voices
from .words import without_paths

if TYPE_CHECKING:
    from viser import ClientHandle


class Session(Player):
    """What one browser is shown, and how it is told."""

    def __init__(self, client: ClientHandle, shelf: Shelf, start: NamedPerformance | None, size: int) -> None:
        super().__init__(shelf, start, size)
        self.client = client
        self._fitted: tuple[float, float] | None = None
        self.keyframes: tuple[Keyframe, ...] = ()
        self.keys: tuple[Key, ...] = ()
        """Moods and head acts over time, for the next performance."""
        self.on_dragged: Callable[[int, float, float], None] = lambda index, at, up: None
        """Called with a key's number, seconds and strength where it was dragged to."""
        self.voices = Voices(
            notify=lambda title, body: client.add_notification(title, body, loading=True),
            complain=self.complain,
            call_player=self.call_player,
            give=self.give_voice,
            gone=lambda: self.stopped,
        )
        self.on_saving: Callable[[State | None], None] = lambda state: None
        """Called with how far the file is that is being saved; None when none is."""
        self.jobs = Jobs(
            show=self._show_saving,
            deliver=self._deliver,
            complain=lambda words: self.complain("This could not be saved", words),
            gone=lambda: self.stopped,
        )
        # Before the browser can ask for another view.
        self.go_to(0)
        self._opened = threading.Event()
        self._bridge = Bridge(client, self._heard)
        self._settle()
        self.on_performance = lambda performance, number: self._bridge.call("load", payload(performance, number))
        self._announce()
        self._opened.set()

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

    def choose_person(self, name: str) -> None:
        """Show another head from the front, playing what is played now; voices given so far are spoken by it too.

        Raises:
            InputError: its folder is not one of a head.
        """
        super().choose_person(name)
        self.go_to(0)
        self._settle()

    def give_voice(self, name: str, content: bytes) -> None:
        """Let the head speak a sound or video file that the browser sent; failures become notifications."""
        if self.voices.give(name, content, lambda samples: self.speak(samples, name)):
            self.hint(f"{name} is ready: press play")

    def say(self, text: str, language: str) -> None:
        """Let the head speak a text with a machine's voice; failures become notifications."""
        name = f"“{textwrap.shorten(text, 40, placeholder=' …')}”"

        def sound() -> np.ndarray:
            return speak_text(text, language=language).samples

        if self.voices.let(name, sound, lambda samples: self.speak(samples, name)):
            self.hint("The text is ready: press play")

    def go_to(self, preset: int) -> None:
        """Move the camera to a preset by its index; the head fits into the window's width."""
        aspect = float(self.client.camera.aspect)
        fov = self.fov_for(aspect)
        self.look_from(*list(PRESETS.values())[preset % len(PRESETS)], fov=fov)
        self._fitted = (aspect, fov)

    def fov_for(self, aspect: float) -> float:
        """Field of view, radians, at which the person on stage fits into a window of this shape."""
        person = self.staging.person
        return fitted_fov(person.head, aspect, person.width)

    def moved(self) -> None:
        """The browser's camera is another: turned, or its window has another shape and the head is fitted again."""
        aspect, fov = float(self.client.camera.aspect), float(self.client.camera.fov)
        if self._fitted is not None and abs(aspect - self._fitted[0]) > 1e-3:
            as_fitted = abs(fov - self._fitted[1]) < 1e-3
            fitting = self.fov_for(aspect)
            self._fitted = (aspect, fitting) if as_fitted else None
            if as_fitted and abs(fitting - fov) > 1e-3:
                self.client.camera.fov = fitting
        self.touch()

    def roam(self, on: bool) -> None:
        """Let drags turn the camera all the way round, or only as far as a head holds up to."""
        self._bridge.call("roam", on)

    def look_from(self, yaw_deg: float, pitch_deg: float, *, distance: float = 1.0, fov: float | None = None) -> None:
        """Put the camera around the head, at a distance relative to the recording's; ``fov`` in radians."""
        place = placement(self.staging.person.head, yaw_deg, pitch_deg, distance)
        self._fitted = None
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
        ahead = max(float((self.staging.person.head.centre - position) @ turn[:, 2]), 0.05)
        with self.client.atomic():
            self.client.camera.up_direction = (-turn[:, 1]).numpy()
            self.client.camera.position = position.numpy()
            self.client.camera.look_at = (position + ahead * turn[:, 2]).numpy()
            self.client.camera.fov = view.fov
        self.touch()

    def follow_link(self, link: Link) -> None:
        """Go where an address leads, as far as it says and as far as there is such a head and performance."""
        try:
            if link.head is not None and link.head != self.staging.person.name:
                if link.head not in self.shelf.names:
                    raise InputError(f"there is no head {link.head!r} here, only {', '.join(self.shelf.names)}.")
                self.choose_person(link.head)
            if link.performance is not None:
                if link.performance not in {p.name for p in self.performances}:
                    raise InputError(f"{link.performance!r} is not among what can be played; give its sound once more.")
                self.choose_performance(link.performance)
        except InputError as error:
            self.complain("Not all of this link could be followed", str(error))
        if link.yaw is not None or link.pitch is not None or link.distance != 1.0 or link.fov is not None:
            fov = None if link.fov is None else math.radians(link.fov)
            self.look_from(link.yaw or 0.0, link.pitch or 0.0, distance=link.distance, fov=fov)
        if link.t is not None:
            self.call_player("seek", link.t)

    def _arrive(self, query: str) -> None:
        """Follow the address that a browser came by, once it has its first performance, which begins at 0 s."""
        self._opened.wait()
        self.follow_link(parse_link(query))

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

    def keep_keyframes(self, keys: tuple[Keyframe, ...]) -> None:
        """Have these keyframes, and show their moments on the timeline."""
        self.keyframes = keys
        self._bridge.call("ticks", [key.time for key in keys])

    def pause(self) -> None:
        """Stop the player, wherever its clock is."""
        self._bridge.call("pause")

    def _show_saving(self, state: State | None) -> None:
        """Tell how far a file is; a browser that wants to leave meanwhile is asked first, for that ends it."""
        if not self.stopped:
            self._bridge.call("saving", state is not None)
            self.on_saving(state)

    def _deliver(self, name: str, content: bytes) -> None:
        self.client.send_file_download(name, content, save_immediately=True)
        self.hint(f"{name} is in your downloads")

    def _settle(self) -> None:
        """From the camera in front, where it stands now, drags are counted and limited."""
        camera = self.client.camera
        distance = float(np.linalg.norm(np.asarray(camera.position) - np.asarray(camera.look_at)))
        camera.min_orbit_distance, camera.max_orbit_distance = NEAREST * distance, FARTHEST * distance
        self._bridge.call("home", *REACH_DEG)

    def _steer(self, on_server: Callable[[], None], in_browser: tuple[Any, ...]) -> None:
        """Let whoever has the clock act: the browser's player, or this one where none answers."""
        with self.changed:
            if not self.scheduler.playback.bridged:
                on_server()
                self.changed.notify_all()
                return
        self._bridge.call(*in_browser)

    def _heard(self, message: PlayerMessage) -> None:
        now = time.monotonic()
        if message.kind == "preset":
            self.go_to(message.index)
        elif message.kind == "reset":
            self.go_to(0)
        elif message.kind == "blink":
            self.blink()
        elif message.kind == "split":
            self.split(message.value)
        elif message.kind == "mark":
            self.on_dragged(message.index, message.position, message.value)
        elif message.kind in ("upload", "toolarge", "lost"):
            self.voices.receive(message)
        elif message.kind == "hello" and message.text:
            # Loading a head takes its time, and this is the thread that all browsers are heard on.
            threading.Thread(target=self._arrive, args=(message.text,), daemon=True).start()
        with self.changed:
            if message.performance == self.number and message.kind != "mark":
                self.scheduler.playback.report(message.position, message.playing, message.rate, message.loop, now)
            if message.kind == "hello":
                self.scheduler.touch(now)
            if message.kind == "shown":
                self.scheduler.shown(now, message.position, message.playing, message.busy)
            self.changed.notify_all()
