"""`gaussian-head evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..checks import InputError
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import ActorLike, CaptureLike, PathLike, Split

if TYPE_CHECKING:
    from ..metrics import Report


EXAMPLES = (
    "gaussian-head evaluate runs/me/head --out report",
    "gaussian-head evaluate runs/me/head --out report --hold-out left",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure a head on the frames it never saw: numbers as JSON, contact sheet as PNG, a page to look at."""

    head: Positional[ActorLike] = field(kw_only=False)
    """Folder that `train` wrote."""
    out: PathLike = field(kw_only=False)
    """Folder of the report."""
    capture: CaptureLike | None = None
    """The capture it was trained on; by default the one it remembers."""
    split: Split | None = None
    """Frames to measure on: the last tenth (tail) or the 15 % most turned; a head trained with others is refused."""
    hold_out: str | None = None
    """Measure on this camera of several instead (named as its video), which `--hold-out` kept from training."""
    lpips: PathLike | None = None
    """Folder with squeeze.backbone.pth and squeeze.pth, to measure LPIPS-squeeze."""
    device: str = "auto"
    """Where it is drawn: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that can run."""


def run(options: Options, listener: Listener = ignore) -> Report:
    """The report, one prediction for each driver that the head has."""
    from ..kernels import drawing_on

    with drawing_on(options.device):
        report = _measured(options, listener)
    lines = [
        f"{name:>28}  " + "  ".join(f"{key} {value:.3f}" for key, value in values.items())
        for name, values in report.summary().items()
    ]
    listener(Said(message="\n".join([*lines, f"report: {options.out}"])))
    return report


def _measured(options: Options, listener: Listener) -> Report:
    given = {"capture": options.capture, "lpips": options.lpips, "listener": listener}
    if options.hold_out is None:
        from ..evaluation.held_out import evaluate

        return evaluate(options.head, options.out, split=options.split, **given)
    from ..evaluation.held_camera import evaluate_camera

    if options.split is not None:
        raise InputError("--split chooses frames of the leading camera, --hold-out another camera; give one of them.")
    return evaluate_camera(options.head, options.out, options.hold_out, **given)


evaluate = function_of(Options, run)
