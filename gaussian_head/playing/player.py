"""What one onlooker is shown: who, what, how and when; shared by every way of showing it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..actor import Direction
from ..checks import InputError
from ..events import Listener, ignore
from ..rendering import CameraPath
from .clock import Playback
from .compare import RECORDED, Versus
from .edits import CLOSING, OPENING, Edits, blink_pulse
from .performances import NamedPerformance, spoken
from .rivals import compared, still_comparable
from .scheduler import Moving, Scheduler
from .shelf import Shelf, ShelvedHead
from .staging import Staging

DIRECTED = ", directed: "
"""Between the name of what is played and how it is performed anew."""


class Player:
    """The state of one onlooker, changed from any thread.

    Every change happens under ``changed`` and wakes whoever renders. Changes that need a head to learn something first
    work it out beside the lock, and put it on stage only where it still fits what is played by then.
    """

    def __init__(self, shelf: Shelf, start: NamedPerformance | None, size: int) -> None:
        """Put the first head on stage.

        Args:
            shelf: the heads on offer.
            start: what it plays, paused; its captured clip where absent.
            size: height of the full picture, pixels.
        """
        self.shelf = shelf
        person = shelf.get(shelf.names[0])
        self.performances = [person.clip] + ([start] if start else [])
        """What the person on stage can play."""
        self.staging = Staging(person=person, performance=self.performances[-1], size=size)
        """All that decides a picture, save the moment."""
        motion = self.staging.performance.motion
        self.scheduler = Scheduler(Playback(len(motion), motion.fps))
        self.changed = threading.Condition()
        self.stopped = False
        self.number = 1
        """Counts the performances put on stage."""
        self.refreshers: list[Callable[[], None]] = []
        """Called whenever person, performance or what is compared changed."""
        self.on_performance: Callable[[NamedPerformance, int], None] = lambda performance, number: None
        """Called with what went on stage and its number, one call at a time, the newest last."""
        self._blinked_at = float("-inf")
        self._split = 0.5
        self._announcing = threading.Lock()

    def stop(self) -> None:
        """The onlooker is gone: lets whoever renders or saves for it end."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def touch(self) -> None:
        """The camera moved, or something else that is drawn and not kept here."""
        with self.changed:
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()

    def edit(self, **changes: Any) -> None:
        """Change fields of Edits."""
        self._change(lambda now: {"edits": replace(now.edits, **changes)})

    def relax(self) -> None:
        """All sliders and switches of motion back to where they were at the start."""
        self._change(lambda _: {"edits": Edits()})
        self.refresh()

    def push(self, pushed: Mapping[str, float]) -> None:
        """Add to units and angles of gaze, by name, in place of what was added to them before."""
        self._change(lambda now: {"edits": replace(now.edits, push={**now.edits.push, **pushed})})

    def restyle(self, **changes: Any) -> None:
        """Change fields of Look."""
        self._change(lambda now: {"look": replace(now.look, **changes)})

    def draw_in_browser(self, yes: bool) -> None:
        """Let the browser draw the Gaussians, or show pictures rendered here."""
        self._change(lambda _: {"client_splats": yes})

    def resize(self, size: int) -> None:
        """Height of the full picture in pixels."""
        self._change(lambda _: {"size": size})

    def move_at(self, moving: Moving) -> None:
        """How large pictures are while something moves, as in Scheduler."""
        with self.changed:
            self.scheduler.moving = moving
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()

    def perform(self, performance: NamedPerformance) -> None:
        """Play another performance, from its start, when the user presses play."""
        with self.changed:
            self._play(performance)
        self._announce()

    def choose_performance(self, name: str) -> None:
        """Play one of ``performances``; nothing where there is none of this name or it is played already."""
        with self.changed:
            chosen = next((p for p in self.performances if p.name == name), None)
            if chosen is None or chosen is self.staging.performance:
                return
            self._play(chosen)
        self._announce()

    def speak(self, samples: np.ndarray, name: str) -> Callable[[], bool]:
        """Work out how the person on stage says mono 16 kHz samples ``[S]``.

        Returns:
            What puts that on stage; it gives False where another person has come on meanwhile: speak once more then.

        Raises:
            InputError: the sound is empty or too long.
        """
        person = self.staging.person
        performance = spoken(person.actor, samples, name)
        return lambda: self._take_voice(person, performance)

    def direct(self, direction: Direction, *, listener: Listener = ignore) -> None:
        """Perform the sound of what is played anew, as directed; it becomes a performance of its own.

        Raises:
            InputError: what is played has no sound, or the direction names something that there is not.
        """
        while True:
            person, played = self.staging.person, self.staging.performance
            if played.samples is None:
                raise InputError(f"{played.name} has no sound; give the head a voice, then direct what it says.")
            name = f"{played.name.partition(DIRECTED)[0]}{DIRECTED}{_told(direction)}"
            # A copy: performances of one sound are told apart by it.
            samples = np.array(played.samples)
            performance = spoken(person.actor, samples, name, direction=direction, listener=listener)
            if self._take_voice(person, performance):
                return

    def refresh(self) -> None:
        """Tell whoever shows the state that it has changed."""
        for refresher in self.refreshers:
            refresher()

    def compare(self, mode: str | None, other: str = RECORDED) -> None:
        """Hold the picture against the recorded frame or another head; None for nothing.

        Raises:
            InputError: there is nothing recorded of what is played, or no such head.
        """
        while True:
            staging = self.staging
            rival = None if mode is None or other == RECORDED else self.shelf.get(other)
            versus = None if mode is None else Versus(mode=mode, other=other, split=self._split)
            # Another head may take its time to learn what is played.
            if self._change_as_seen(staging, compared(staging, versus, rival)):
                break
        self.refresh()

    def split(self, at: float) -> None:
        """Move the line between two pictures to ``at`` in [0, 1]."""
        with self.changed:
            self._split = at
            self._change(lambda now: {"versus": now.versus and replace(now.versus, split=at)})

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
        known: list[NamedPerformance] = []
        while not self._enter_stage(person, known):
            voices = [p for p in self._voices() if not any(k.samples is p.samples for k in known)]
            known += [
                spoken(person.actor, p.samples, p.name, direction=p.direction) for p in voices if p.samples is not None
            ]
        self._announce()

    def renew(self, person: ShelvedHead) -> None:
        """Show another copy of the head on stage, at the same moment; nothing where another has come on meanwhile."""
        with self.changed:
            old = self.staging.person
            if old.name != person.name:
                return
            self.performances = [person.clip if p is old.clip else p for p in self.performances]
            performance = person.clip if self.staging.performance is old.clip else self.staging.performance
            rival = person if self.staging.rival is old else self.staging.rival
            self.staging = replace(self.staging, person=person, performance=performance, rival=rival)
            # Not a touch of the user's: the picture need not be drawn small first.
            self.scheduler.version += 1
            self.changed.notify_all()

    def frame(self) -> int:
        """The frame that the player stands at."""
        with self.changed:
            return self.scheduler.playback.frame(time.monotonic())

    def follow(self, path_of: Callable[[Staging], CameraPath] | None) -> None:
        """Let the picture follow the camera path for what is played, or the browser's camera again."""
        while True:
            staging = self.staging
            if self._change_as_seen(staging, {"path": path_of and path_of(staging)}):
                return

    def _change(self, change: Callable[[Staging], Mapping[str, Any]]) -> None:
        """Change fields of the staging, as decided from what it is at that moment."""
        with self.changed:
            self.staging = replace(self.staging, **change(self.staging))
            self.scheduler.touch(time.monotonic())
            self.changed.notify_all()

    def _change_as_seen(self, seen: Staging, changes: Mapping[str, Any]) -> bool:
        """Change fields, unless they were worked out for a person or a performance that is no longer on stage."""
        with self.changed:
            if self.staging.person is not seen.person or self.staging.performance is not seen.performance:
                return False
            self._change(lambda _: changes)
            return True

    def _play(self, performance: NamedPerformance, **changes: Any) -> None:
        """Put a performance on stage, together with other changes; ``changed`` is held."""
        more = {"performance": performance, "path": None, **still_comparable(self.staging, performance), **changes}
        self.number += 1
        self.scheduler.playback.load(len(performance.motion), performance.motion.fps)
        self._change(lambda _: more)

    def _enter_stage(self, person: ShelvedHead, known: Sequence[NamedPerformance]) -> bool:
        """Exchange the head and all that it says at once; False while some voice is not among ``known``."""
        with self.changed:
            voices = [next((k for k in known if k.samples is p.samples), None) for p in self._voices()]
            heard = [p for p in voices if p is not None]
            if len(heard) < len(voices):
                return False
            played = None if self.staging.performance is self.staging.person.clip else self.staging.performance.name
            self.performances = [person.clip, *heard]
            chosen = next((p for p in heard if p.name == played), person.clip)
            self._play(chosen, person=person, versus=None, rival=None, rival_performance=None)
            return True

    def _take_voice(self, person: ShelvedHead, performance: NamedPerformance) -> bool:
        """Play a new voice; False where another head than the one that speaks it has been chosen meanwhile."""
        with self.changed:
            if self.staging.person is not person:
                return False
            self.performances = [p for p in self.performances if p.name != performance.name] + [performance]
            self._play(performance)
        self._announce()
        return True

    def _voices(self) -> list[NamedPerformance]:
        """The performances that any head could speak."""
        with self.changed:
            return [p for p in self.performances if p.samples is not None and p is not self.staging.person.clip]

    def _announce(self) -> None:
        """Tell what is on stage; one at a time, so that the last one told is the newest."""
        with self._announcing:
            with self.changed:
                number, performance = self.number, self.staging.performance
            self.on_performance(performance, number)
        self.refresh()


def _told(direction: Direction) -> str:
    """A direction in a few words."""
    emotion = direction.emotion.stem if isinstance(direction.emotion, Path) else direction.emotion
    words = [str(direction.pose), *([emotion] if emotion else [])]
    words += [] if direction.lips == "mean" else [f"lips {direction.lips}"]
    words += ["another's way of speaking"] if direction.style else []
    return ", ".join([*words, f"take {direction.seed + 1}"])
