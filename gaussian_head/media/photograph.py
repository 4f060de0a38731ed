"""Photographs as people have them: upright, in eight bits of sRGB, with what was done to them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..checks import InputError, require_file
from .image import eight_bit

PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".gif", ".jfif")
"""Endings by which a file is taken for a photograph."""
MOST_PIXELS = 100_000_000
"""Larger pictures are refused before they are decoded."""
FILM_WIDTH = 36.0
"""Millimetres that a 35 mm equivalent focal length refers to."""
FOCAL_TAG = 0xA405
"""EXIF's FocalLengthIn35mmFilm."""
OPAQUE = 250
"""Alpha above which a picture counts as having no transparency."""


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A picture ready to look at."""

    rgb: np.ndarray
    """``[H, W, 3]`` u8, upright."""
    alpha: np.ndarray | None
    """``[H, W]`` u8 where the file is transparent in places, else None."""
    focal: float | None
    """Focal length in pixels that the camera wrote into the file, None where it did not."""
    name: str
    """File name."""
    notes: tuple[str, ...]
    """What had to be done to it, each a sentence."""


def is_photograph(path: str | Path) -> bool:
    """Whether a file's ending is that of a picture."""
    return Path(path).suffix.lower() in PHOTOGRAPHS


def read_photograph(path: str | Path) -> Photograph:
    """Read a photograph.

    Raises:
        InputError: no picture, damaged, too large, or of a kind that nothing here decodes.
    """
    path = require_file(path, "photograph")
    if find_spec("pillow_heif") is not None:
        importlib.import_module("pillow_heif").register_heif_opener()
    try:
        with Image.open(path) as image:
            return _read(image, path.name)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        if path.suffix.lower() in (".heic", ".heif") or _is_heic(path):
            raise InputError(
                f"{path.name} is a HEIC photograph, which needs a decoder: `pip install pillow-heif`, or save it as "
                "jpg on the phone (Settings, Camera, Formats, Most Compatible)."
            ) from error
        raise InputError(f"{path.name} cannot be read ({error}); a whole jpg, png, webp or tif was wanted.") from error


def _read(image: Image.Image, name: str) -> Photograph:
    if image.width * image.height > MOST_PIXELS:
        raise InputError(f"{name} has {image.width}x{image.height} pixels; at most {MOST_PIXELS // 10**6} million.")
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"{name} is animated: its first picture is taken.")
        image.seek(0)
    focal = _focal(image)
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) not in (0, 1):
        notes.append(f"{name} was turned upright as its camera noted.")
    profile = image.info.get("icc_profile")
    if upright.mode.startswith("I"):
        notes.append(f"{name} has 16 bits a colour; 8 are used.")
    plain = eight_bit(upright)
    alpha = None
    if "A" in plain.getbands() or "transparency" in plain.info:
        plain = plain.convert("RGBA")
        alpha = np.array(plain.getchannel("A"))
        if (alpha > OPAQUE).all() or not (alpha > OPAQUE).any():
            alpha = None
        else:
            notes.append(f"{name} is transparent in places: that is taken for the background.")
    if plain.mode == "CMYK":
        notes.append(f"{name} is in CMYK; it was converted to RGB.")
    rgb = _in_srgb(plain, profile)
    return Photograph(rgb=np.array(rgb), alpha=alpha, focal=focal, name=name, notes=tuple(notes))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, by the file's own colour profile where it has a usable one."""
    import io

    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return image.convert("RGB") if turned is None else turned
        except ImageCms.PyCMSError:
            pass
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, (128, 128, 128, 255))
        return Image.alpha_composite(ground, image).convert("RGB")
    return image.convert("RGB")


def _focal(image: Image.Image) -> float | None:
    """Focal length in pixels by EXIF, where it says one."""
    millimetres = image.getexif().get_ifd(0x8769).get(FOCAL_TAG)
    if not isinstance(millimetres, (int, float)) or not 8 <= millimetres <= 1000:
        return None
    return float(millimetres) / FILM_WIDTH * max(image.size)


def _is_heic(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc")
