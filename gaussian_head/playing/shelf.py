"""The heads on offer, loaded when first asked for and shared by all browsers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ..actor import Actor
from ..checks import InputError
from ..head import Head
from ..rendering.drawing import Draw, drawing
from ..rendering.ends import with_soft_ends
from .edits import MeanPose
from .footage import Footage
from .performances import NamedPerformance, captured
from .views import head_width


@dataclass(frozen=True, kw_only=True)
class ShelvedHead:
    """A loaded head and what the viewer derives from it once."""

    name: str
    """Shown to the user."""
    actor: Actor
    """The person as shown: the torso fades out where the recording ended."""
    source: Actor
    """The person as trained."""
    mean: MeanPose
    """Mean pose of the captured clip."""
    clip: NamedPerformance
    """The captured clip."""
    footage: Footage = field(default_factory=Footage)
    """Its recorded frames."""

    @staticmethod
    def of(actor: Actor, name: str) -> ShelvedHead:
        """An actor under a name."""
        return ShelvedHead(
            name=name,
            actor=replace(actor, head=with_soft_ends(actor.head)),
            source=actor,
            mean=MeanPose.of(actor.clip.motion),
            clip=captured(actor.clip),
            footage=Footage.of(actor.clip),
        )

    @property
    def head(self) -> Head:
        """What is seen of the person."""
        return self.actor.head

    @cached_property
    def width(self) -> float:
        """Of the head over the recorded picture's height."""
        return head_width(self.head)

    @cached_property
    def draw(self) -> Draw:
        """What draws the head as trained, again and again."""
        return drawing(self.head)


class Shelf:
    """Names of heads in the order given, each loaded once."""

    def __init__(self, heads: Path | str | Actor | Sequence[Path | str | Actor]) -> None:
        if isinstance(heads, Path | str | Actor):
            heads = (heads,)
        if not heads:
            raise InputError("no head came; give the folder of one or more heads that `train` wrote.")
        self._sources = dict(zip(_unique([_name(h) for h in heads]), heads, strict=True))
        self._loaded: dict[str, ShelvedHead] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """What the heads are called."""
        return tuple(self._sources)

    def get(self, name: str) -> ShelvedHead:
        """The head called ``name``.

        Raises:
            InputError: its folder is not one of a head.
        """
        with self._lock:
            if name not in self._loaded:
                source = self._sources[name]
                actor = source if isinstance(source, Actor) else Actor.load(source)
                self._loaded[name] = ShelvedHead.of(actor, name)
            return self._loaded[name]


def _name(source: Path | str | Actor) -> str:
    if isinstance(source, Actor):
        return "head"
    path = Path(source).resolve()
    # `reconstruct` calls every head folder "head"; the folder around it tells people apart.
    return path.parent.name if path.name == "head" else path.name


def _unique(names: list[str]) -> list[str]:
    """Names with `` 2``, `` 3`` … appended where they repeat."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return result
