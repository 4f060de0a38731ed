"""A head in other colours, at once: what belongs to hair, skin and clothes is found out only once."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from torch import Tensor

from ..actor import Actor
from ..capture import Capture
from ..checks import InputError
from ..editing import Recolour, recoloured
from ..editing.recolour import regions_of
from .shelf import ShelvedHead


class Wardrobe:
    """The colours that one person can be given."""

    def __init__(self, person: ShelvedHead) -> None:
        """Of a person as they are."""
        self.person = person

    def dressed(self, how: Recolour) -> ShelvedHead:
        """The person in other colours.

        Raises:
            InputError: regions were named and the capture is not there to tell them.
        """
        if how == Recolour():
            return self.person
        actor = self._coloured(self.person.actor, how)
        return replace(self.person, actor=actor)

    def actor(self, how: Recolour) -> Actor:
        """The actor as it was loaded, in other colours: what is saved."""
        return self._coloured(self.person.source, how)

    def _coloured(self, actor: Actor, how: Recolour) -> Actor:
        belongs = self._belongs if how.regions else None
        return replace(actor, head=recoloured(actor.head, how, actor.clip.motion, belongs=belongs))

    @cached_property
    def _belongs(self) -> list[Tensor]:
        clip = self.person.actor.clip
        if clip.capture_path is None:
            raise InputError("what is hair and what is skin stands in the capture, which this head does not have.")
        return regions_of(self.person.source.head, clip.motion, Capture.load(clip.capture_path))
