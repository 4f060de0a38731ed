"""`gaussian-head upgrade`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import PathLike

if TYPE_CHECKING:
    from ..capture import Capture


EXAMPLES = ("gaussian-head upgrade runs/me/capture",)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Bring a capture of an older version to the present one, in place, without tracking again."""

    capture: Positional[PathLike] = field(kw_only=False)
    """Folder that an older `track` wrote."""


def run(options: Options, listener: Listener = ignore) -> Capture:
    """The capture, loaded; InputError where it is none, or of a version that cannot be upgraded."""
    from ..tracking import upgrade

    capture = upgrade(options.capture)
    listener(Said(message=f"capture: {capture.path}"))
    return capture


upgrade = function_of(Options, run)
