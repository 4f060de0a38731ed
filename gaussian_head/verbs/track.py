"""`gaussian-head track`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import PathLike

if TYPE_CHECKING:
    from ..capture import Capture


EXAMPLES = (
    "gaussian-head track me.mp4 --out runs/me/capture",
    "gaussian-head track me.mp4 --out runs/me/capture --lips read",
    "gaussian-head track me.mp4 --out runs/me/capture --refine photometric",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Find the face, its shape, pose and expression in every frame; write a capture and a quality report."""

    video: Positional[PathLike] = field(kw_only=False)
    """Video file with one person talking."""
    out: PathLike = field(kw_only=False)
    """Folder of the capture."""
    size: int = 512
    """Width and height of the square picture to work at, in pixels."""
    lips: Literal["seen", "read"] = "seen"
    """`read` moves lips, within the noise of what was seen, to where they say the sound: p, b and m shut. Needs \
`pip install -e ".[whisper]"`."""
    refine: Literal["none", "photometric"] = "none"
    """`photometric` asks pixels beside the landmarks for the units of brows, cheeks, jaw and mouth. Better on painted \
people, whom the landmark net misreads; on the real clip tried a shut mouth stood ajar: compare the two."""
    overwrite: bool = False
    """Begin anew where `out` holds a capture."""


def run(options: Options, listener: Listener = ignore) -> Capture:
    """The capture, loaded."""
    from ..tracking import track

    out = Path(options.out)
    given = {"size": options.size, "lips": options.lips, "refine": options.refine, "overwrite": options.overwrite}
    capture = track(options.video, out, **given, listener=listener)
    listener(Said(message=f"capture: {out}\nquality report: {out / 'report.png'}"))
    refined = capture.report.get("refined")
    if refined:
        before, after = (100 * refined[name] for name in ("colours_off_seen", "colours_off"))
        listener(
            Said(message=f"pixels asked: what the face leaves of their colours went from {before:.2f} to {after:.2f} %")
        )
    read = capture.report.get("lips_read")
    if read:
        listener(
            Said(
                message=f"lips read: p, b, m shut in {read['met']} of {read['meeting']} frames (seen:"
                f" {read['met_seen']}), lips moved by {read['gap_moved_mm']:.2f} mm"
            )
        )
    return capture


track = function_of(Options, run)
