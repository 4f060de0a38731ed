"""All that decides a picture, save the moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..motion import Motion, Performance
from ..rendering import CameraPath
from .compare import Versus
from .edits import Edits, edited
from .performances import NamedPerformance
from .pictures import Look
from .shelf import ShelvedHead


@dataclass(frozen=True, kw_only=True)
class Staging:
    """An immutable snapshot that the worker renders from."""

    person: ShelvedHead
    """Who."""
    performance: NamedPerformance
    """What is played."""
    edits: Edits = field(default_factory=Edits)
    """The sliders."""
    look: Look = field(default_factory=Look)
    """Parts, mode and backdrop."""
    size: int = 512
    """Height of the full picture, pixels."""
    path: CameraPath | None = None
    """One camera a frame in place of the browser's; None for the browser's own."""
    versus: Versus | None = None
    """What the picture is held against; None for nothing."""
    rival: ShelvedHead | None = None
    """The other head, where ``versus`` is one."""
    rival_performance: NamedPerformance | None = None
    """What the other head plays."""
    client_splats: bool = False
    """The browser draws the Gaussians itself, where it can: colour only, and one picture at a time."""

    @property
    def splatted(self) -> bool:
        """The browser draws the Gaussians itself, now."""
        return self.client_splats and self.look.mode == "rgb" and self.versus is None

    def motion(self) -> Motion:
        """The whole performance as the sliders want it."""
        return self._edited(self.performance, self.person, slice(None), 0.0)

    def edited_performance(self) -> Performance:
        """The whole performance as the sliders want it, with its sound."""
        return Performance(motion=self.motion(), samples=self.performance.samples)

    def moment(self, t: int, pulse: float = 0.0) -> Motion:
        """Frame ``t`` of ``motion`` as a motion of one frame, held at the last; ``pulse`` closes the eyes further."""
        return self._edited(self.performance, self.person, _frame(self.performance, t), pulse)

    def rival_moment(self, t: int, pulse: float = 0.0) -> Motion:
        """``moment`` of the other head."""
        assert self.rival is not None
        assert self.rival_performance is not None
        return self._edited(self.rival_performance, self.rival, _frame(self.rival_performance, t), pulse)

    def _edited(self, performance: NamedPerformance, person: ShelvedHead, frames: slice, pulse: float) -> Motion:
        closing = performance.blinks[frames] if self.edits.blink == "generated" else None
        motion = performance.motion.select(frames)
        return edited(motion, self.edits, person.actor.clip, person.mean, closing=closing, pulse=pulse)


def _frame(performance: NamedPerformance, t: int) -> slice:
    # The performance may have been exchanged for a shorter one since somebody chose the frame.
    t = min(t, len(performance.motion) - 1)
    return slice(t, t + 1)
