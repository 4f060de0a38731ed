"""What stands behind the person, as a user names it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..checks import InputError
from ..head import Head
from ..media import read_image
from .framing import cover, fit_background

CAPTURED, TRANSPARENT = "captured", "transparent"
Background = Tensor | str | Path | Sequence[float] | None
"""Ways to say what stands behind a person."""


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


def as_background(head: Head, value: Background, camera: Camera) -> Tensor | None:
    """What pictures are drawn over, however it was given.

    Args:
        head: the person, for the recorded plate.
        value: a name that ``backdrop`` takes; three numbers in [0, 1]; ``[3]`` or ``[H, W, 3]``; None for nothing.
        camera: the view.

    Returns:
        ``[3]`` colour or ``[H, W, 3]`` plate in [0, 1]; None for nothing, so that colours are premultiplied.

    Raises:
        InputError: none of these, or numbers up to 255.
    """
    if value is None or isinstance(value, Tensor):
        return value
    if isinstance(value, str | Path):
        return backdrop(head, value, camera)
    numbers = value if isinstance(value, Sequence) else ()
    if len(numbers) != 3 or not all(isinstance(x, int | float) and 0 <= x <= 1 for x in numbers):
        raise InputError(
            f"background is {value!r}; a colour's name, '#rrggbb', red, green and blue in [0, 1], a tensor or None was "
            "wanted."
        )
    return torch.tensor(numbers, dtype=torch.float32)
