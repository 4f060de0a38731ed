"""Types of options: what the command line reads as a path may be handed over in memory from Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal


class MayBePlace:
    """Marks texts that are a word or the name of a file."""

    may_be_a_place = True


if TYPE_CHECKING:
    from ..actor import Actor
    from ..capture import Capture
    from ..training import TrainConfig

    PathLike = Named = str | Path
    ActorLike = str | Path | Actor
    CaptureLike = str | Path | Capture
    ConfigLike = str | Path | TrainConfig
    SourceLike = str | Path | tuple[str | Path, ...]
else:
    PathLike = ActorLike = CaptureLike = ConfigLike = Path
    Named = Annotated[str, MayBePlace()]
    SourceLike = tuple[Path, ...]

Preset = Literal["preview", "standard", "full"]
Split = Literal["tail", "turned"]
