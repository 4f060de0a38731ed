"""What stands behind the person, as a user names it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..head import Head
from ..media import read_image
from .framing import cover, fit_background

CAPTURED, TRANSPARENT = "captured", "transparent"


def backdrop(head: Head, name: str | Path, camera: Camera) -> Tensor | None:
    """The background of pictures by ``camera``.

    Args:
        head: the person, for the recorded plate.
        name: ``"captured"`` for the recorded plate; a colour, ``"#rrggbb"`` or a CSS name; a picture file, scaled
            until it covers the picture; or ``"transparent"``.
        camera: any camera of the path, for the size.

    Returns:
        ``[3]`` colour or ``[H, W, 3]`` plate in [0, 1]; None for a transparent one.

    Raises:
        InputError: none of these.
    """
    from PIL import ImageColor

    text = str(name)
    if text == TRANSPARENT:
        return None
    if text == CAPTURED:
        return fit_background(head.background, camera)
    if Path(name).is_file():
        return cover(read_image(name), camera.width, camera.height)
    try:
        return torch.tensor(ImageColor.getrgb(text)[:3]) / 255
    except ValueError as error:
        raise InputError(
            f"background {text!r} is neither a colour nor a picture file; choose {CAPTURED}, {TRANSPARENT}, "
            "a colour (#rrggbb or a CSS name) or a file."
        ) from error
