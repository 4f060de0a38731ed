"""`gaussian-head demo`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checks import InputError
from ..events import Listener, ignore
from . import reconstruct, render
from ._values import PathLike, Preset

EXAMPLES = (
    "gaussian-head demo --out runs/demo",
    "gaussian-head demo --out runs/demo --seconds 20 --preset standard",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Make a talking clip from a public-domain photograph, reconstruct it and let it speak: no footage needed."""

    out: PathLike = Path("runs/demo")
    """Folder for the clip, the capture, the head and talk.mp4."""
    seconds: float = 12.0
    """Length of the clip to make, in seconds."""
    preset: Preset = "preview"
    """How long to train."""
    seed: int = 0
    """Seed of the clip's motion and of training."""
    device: str = "auto"
    """Where it is trained and drawn: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that \
can run."""


def run(options: Options, listener: Listener = ignore) -> Path:
    """The video of the demo subject, talking.

    Raises:
        InputError: ``out`` holds somebody else's capture, head or video, which would be replaced.
    """
    from ..demo import make_demo_clip

    out = Path(options.out)
    if not (out / "clip" / "truth.npz").exists():
        for name in ("capture", "head", "talk.mp4"):
            if (out / name).exists():
                raise InputError(f"{out / name} is not the demo's and would be replaced; choose another --out.")
    clip = make_demo_clip(out / "clip", seconds=options.seconds, seed=options.seed, listener=listener)
    training = reconstruct.Options(
        clip.video, out=out, preset=options.preset, seed=options.seed, overwrite=True, device=options.device
    )
    reconstruct.run(training, listener)
    talk = render.Options(out / "head", out=out / "talk.mp4", audio=clip.speech, camera="orbit", device=options.device)
    return render.run(talk, listener)
