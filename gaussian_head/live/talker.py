"""A head that is there and says what it hears: one frame after the other, for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor
from ..actor.speak import voice_of
from ..checks import InputError
from ..face import UNITS
from ..motion import Motion
from ..motion.act_words import parse_acts
from ..motion.acts import Act, Acted, perform
from ..motion.drive import with_spoken
from ..motion.presence import Bearing, Presence
from ..playing import Edits, Look, ShelvedHead
from ..playing.edits import edited
from ..playing.pictures import shown
from ..playing.stage import Backdrops
from ..playing.views import camera_of, turned_view
from ..voice import BlendedVoice, CausalVoice, VoicePrior
from ..voice.causal import Manner
from ..voice.mouth import COLUMNS
from .ear import Ear
from .feeling import Feelings, acted_together

EASE = 0.22
"""Share of the way to what the sliders ask for that is gone in a frame."""
FARTHEST_DEG = 40.0
"""Most that a head is turned by a slider."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One frame of a live head, before it is drawn."""

    number: int
    """Of the frame, from 0."""
    motion: Motion
    """Of one frame."""
    samples: np.ndarray
    """``[S]`` f32 mono at 16 kHz, the sound of the frame as the voice hears it."""
    played: np.ndarray
    """``[3 S]`` int16 mono at 48 kHz, the same sound as it came."""
    speaking: bool
    """Whether something is said."""


@dataclass(frozen=True, kw_only=True)
class LiveFrame(Moment):
    """One frame of a live head."""

    image: np.ndarray
    """``[H, W, 3]`` uint8."""


class Talker:
    """One live head; every method may be called from any thread.

    It has no clock: each ``tell`` is the next frame, 1 / fps after the one before, and what is heard before it is said
    from then on. So the same calls in the same order give the same frames.
    """

    def __init__(
        self,
        actor: Actor | ShelvedHead,
        *,
        size: int = 512,
        aspect: float | None = None,
        seed: int = 0,
        prior: VoicePrior | None = None,
    ) -> None:
        """Put a head there, idle.

        Args:
            actor: whose head.
            size: height of pictures.
            aspect: width over height; that of the recording by default.
            seed: of blinks, glances and movement at rest.
            prior: what hears, learnt with ``causal=True``; the package's own by default.

        Raises:
            InputError: the prior is none for sounds that are still coming.
        """
        self.person = actor if isinstance(actor, ShelvedHead) else ShelvedHead.of(actor, "head")
        actor, camera = self.person.actor, self.person.head.camera
        self.size, self._aspect = size, camera.width / camera.height if aspect is None else aspect
        own = actor.voice.own if isinstance(actor.voice, BlendedVoice) else voice_of(replace(actor, voice=None))
        manner = Manner.of(own)  # type: ignore[arg-type]
        closed = torch.zeros(len(UNITS))
        closed[COLUMNS] = manner.closed
        self.fps = actor.clip.motion.fps
        self._lips = own.lips if len(own.lips) else torch.zeros(actor.clip.motion.residual.shape[1], dtype=torch.bool)
        self._ear = Ear(CausalVoice(prior, manner=manner), closed, self.fps)
        self._presence = Presence(Bearing.of(actor.clip.motion), seed)
        self._feelings = Feelings(actor)
        self._acts: tuple[Act, ...] = ()
        self._acted, self._act_frame = _nothing(0), 0
        self._edits, self._eased = Edits(), (0.0, 0.0, 0.0)
        self._view = turned_view(self.person.head, aspect=self._aspect)
        self._look, self._backdrops = Look(), Backdrops()
        self._number = 0
        self._lock = threading.Lock()

    @property
    def delay(self) -> float:
        """Seconds after which what is heard now is said at the latest, where chunks are short."""
        return self._ear.waiting + CausalVoice.delay + 2 / self.fps

    @property
    def waiting(self) -> float:
        """Seconds of sound that are still to be said."""
        return self._ear.waiting

    def hear(self, samples: np.ndarray) -> None:
        """Say a piece of sound after what came before it.

        Args:
            samples: ``[S]`` mono at 16 kHz, float in [-1, 1] or int16; pieces of any length. Sound of other rates as
                the rows that `media.arriving` makes of it, which is then played with all that was in it.

        Raises:
            InputError: no such sound, or ten minutes of it wait already.
        """
        with self._lock:
            self._ear.hear(samples)

    def interrupt(self) -> None:
        """Fall silent with the next frame; what waits is forgotten."""
        with self._lock:
            self._ear.interrupt()

    def pose(self, *, turn: float | None = None, nod: float | None = None, tilt: float | None = None) -> None:
        """Turn the head on top of its own movement, in degrees as `playing.Edits` has them; None leaves as it is.

        Raises:
            InputError: not finite, or more than FARTHEST_DEG.
        """
        asked = {
            f"{name}_deg": value for name, value in (("turn", turn), ("nod", nod), ("tilt", tilt)) if value is not None
        }
        for name, value in asked.items():
            if not abs(value) <= FARTHEST_DEG:
                raise InputError(f"{name} is {value}; at most {FARTHEST_DEG:g} degrees either way were wanted.")
        with self._lock:
            self._edits = replace(self._edits, **asked)

    def act(self, words: str) -> None:
        """Do what words say, "nods twice", from now on; see `motion.act_words`.

        Raises:
            InputError: words that are no movement.
        """
        acts = parse_acts(words)
        frames = round(max(act.begin + act.seconds for act in acts) * self.fps) + 1
        if frames > 60 * self.fps:
            raise InputError(f"{words!r} takes {frames / self.fps:.0f} s; at most a minute was wanted.")
        acted = perform(acts, frames, self.fps)
        with self._lock:
            self._acted, self._act_frame = acted, 0

    def feel(self, words: str) -> None:
        """Be in a mood, "happy:0.6"; "" for none.

        Raises:
            InputError: an unknown mood or strength.
        """
        with self._lock:
            self._feelings.tell(words)

    def look_from(self, yaw: float = 0.0, pitch: float = 0.0, distance: float = 1.0) -> None:
        """Move the camera about the head; degrees, and multiples of the recording's distance; held in `views`' bounds.

        Raises:
            InputError: not finite.
        """
        self._view = turned_view(self.person.head, yaw, pitch, distance, aspect=self._aspect)

    def tell(self) -> Moment:
        """The next frame, not drawn."""
        with self._lock:
            said = self._ear.next()
            feelings = self._feelings.next()
            motion = self._presence.next(said.speaking, acted_together(self._next_act(), feelings))
            motion = with_spoken(motion, said.units, self._lips)
            motion = self._feelings.shown(motion, feelings)
            motion = edited(motion, self._next_edits(), self.person.actor.clip, self.person.mean)
            self._number += 1
            number = self._number - 1
        heard, played = said.rows["heard"].copy(), said.rows["played"].reshape(-1)
        return Moment(number=number, motion=motion, samples=heard, played=played, speaking=said.speaking)

    def picture(self, moment: Moment, scale: float = 1.0) -> np.ndarray:
        """A moment as ``[H, W, 3]`` uint8, seen from where the camera is now, at a share of the full size."""
        person, view = self.person, self._view
        camera = camera_of(view, person.head, max(round(self.size * scale), 16))
        background = self._backdrops.get(person, camera, self._look)
        return shown(person.head, moment.motion, 0, camera, self._look, background, person.draw).image

    def warm(self) -> None:
        """Paint a picture that nobody sees: the first takes longest, which would look like a slow machine."""
        still, silence = self.person.actor.clip.motion, np.zeros(3, np.float32)
        self.picture(
            Moment(number=-1, motion=still, samples=silence[:1], played=silence.astype(np.int16), speaking=False)
        )

    def frames(self) -> Iterator[LiveFrame]:
        """Picture and sound, frame by frame, without end."""
        while True:
            moment = self.tell()
            yield LiveFrame(**vars(moment), image=self.picture(moment))

    def _next_act(self) -> Acted:
        at = self._act_frame
        if at >= len(self._acted.turn):
            return _nothing(1)
        self._act_frame += 1
        now = slice(at, at + 1)
        return Acted(turn=self._acted.turn[now], shift=self._acted.shift[now], gaze=self._acted.gaze[now])

    def _next_edits(self) -> Edits:
        """The sliders on their way to where they were put."""
        goal = (self._edits.turn_deg, self._edits.nod_deg, self._edits.tilt_deg)
        self._eased = tuple(at + EASE * (aim - at) for at, aim in zip(self._eased, goal, strict=True))
        turn, nod, tilt = self._eased
        return replace(self._edits, turn_deg=turn, nod_deg=nod, tilt_deg=tilt)


def _nothing(frames: int) -> Acted:
    def zeros(size: int) -> Tensor:
        return torch.zeros(frames, size)

    return Acted(turn=zeros(3), shift=zeros(3), gaze=zeros(2))
