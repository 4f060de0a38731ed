"""What is looked at before lips get a voice: whether they can be seen speaking, and what a user's lip reader reads."""

from __future__ import annotations

from pathlib import Path

import torch

from ..capture import Capture
from ..checks import InputError, require_file
from ..lips.crops import mouths
from ..lips.user_nets import RATE, UserLipReader
from ..voice.mouth import COLUMNS, GAP, lip_measures

MOST_HIDDEN = 0.5
"""Share of the film's frames in which no face may be seen."""
STILL_MM = 1.2
"""Standard deviation of the lips' gap below which nobody is seen speaking: lips under a painted mask are told to move
by .8 mm."""


def require_lips(film: Capture) -> None:
    """InputError where the lips of a film cannot be seen speaking."""
    hidden = len(film.info.bad_frames) / film.num_frames
    if hidden > MOST_HIDDEN:
        raise InputError(
            f"the face is hidden or lost in {100 * hidden:.0f} % of the film; lips that are seen were wanted."
        )
    gap = (film.motion.units[:, COLUMNS] @ lip_measures())[:, GAP]
    moved = 1000 * float(gap.std(correction=0))
    if moved < STILL_MM:
        raise InputError(
            f"the lips part by {moved:.1f} mm only: something covers them, or nobody speaks; a film of visible,"
            " speaking lips was wanted."
        )


def read_text(film: Capture, net: str | Path, symbols: str | Path) -> str:
    """What a user's lip reader reads of a film.

    Args:
        film: tracked.
        net: torchscript or onnx, see `lips.user_nets.UserLipReader`.
        symbols: text file, one symbol a line, the first the blank; an empty line is a space between words.

    Raises:
        InputError: files that cannot be used, or nothing is read.
    """
    lines = require_file(symbols, "list of symbols").read_text(encoding="utf-8").splitlines()
    reader = UserLipReader.load(net, [line if line.strip() else " " for line in lines])
    count = int(film.num_frames / film.fps * RATE)
    frames = (torch.arange(count) / RATE * film.fps).round().long().clamp(max=film.num_frames - 1)
    seen = mouths((film.frame(t).image for t in frames.tolist()), film.landmarks[frames].numpy())
    text = reader.read(seen).strip()
    if not text:
        raise InputError(f"the lip reader {net} reads nothing in this film; give --text, or another reader.")
    return text
