"""Pictures in and out, as u8 arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..checks import InputError, require_file
from ..durable import replacing
from ._containers import reporting_writes


def read_image(path: str | Path, *, mode: str = "RGB") -> np.ndarray:
    """Read a picture upright as u8: ``[H, W, 3]`` for mode "RGB", ``[H, W]`` for "L", ``[H, W, 4]`` for "RGBA"."""
    path = require_file(path, "picture")
    try:
        with Image.open(path) as image:
            return np.array(eight_bit(ImageOps.exif_transpose(image)).convert(mode))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"picture {path} cannot be read ({error}); a whole png, jpg or webp was wanted.") from error


def eight_bit(image: Image.Image) -> Image.Image:
    """``image`` as it is, or grey of 16 bit scaled to 8, where Pillow would clip it."""
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(np.clip(np.round(values / 257), 0, 255).astype(np.uint8))


def write_image(path: str | Path, image: np.ndarray, *, quality: int = 98) -> None:
    """Write u8 ``[H, W]``, ``[H, W, 3]`` or ``[H, W, 4]`` as the suffix says; jpg keeps full colour (4:4:4)."""
    path = Path(path)
    image = np.asarray(image)
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise InputError(f"image has shape {image.shape}, type {image.dtype}; u8 [H,W], [H,W,3] or [H,W,4] was wanted.")
    suffix = path.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InputError(f"picture {path} ends in {suffix!r}; .png, .jpg or .webp was wanted.")
    if suffix in (".jpg", ".jpeg") and image.ndim == 3 and image.shape[2] == 4:
        raise InputError(f"picture {path}: jpg has no transparency; write a .png or drop the fourth channel.")
    options: dict[str, Any] = {"compress_level": 4} if suffix == ".png" else {"quality": quality, "subsampling": 0}
    if suffix == ".webp":
        options = {"quality": quality}
    with reporting_writes(path), replacing(path) as temporary:
        Image.fromarray(image).save(temporary, **options)


def resize_image(image: np.ndarray, width: int, height: int, *, nearest: bool = False) -> np.ndarray:
    """Resize u8 ``[H, W]`` or ``[H, W, C]``: Lanczos, anti-aliased when shrinking, or ``nearest`` for labels."""
    if image.shape[:2] == (height, width):
        return image.copy()
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
    return np.array(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), method))
