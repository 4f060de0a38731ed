"""A talking head as one HTML page: no server, no network, with sound, to be looked at from all sides.

The page carries the baked sequence inside and draws it with WebGL2; its sources lie in the folder ``page``.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from importlib.resources import files
from pathlib import Path

from ..checks import InputError
from ..durable import replacing
from .baked import Baked

SCRIPTS = (
    "algebra.js",
    "baked.js",
    "gl.js",
    "renderer.js",
    "order.js",
    "camera.js",
    "clock.js",
    "gestures.js",
    "controls.js",
    "main.js",
)
"""In the order in which the page runs them."""
SHADERS = ("full.vert", "prepare.frag", "splat.vert", "splat.frag", "compose.frag")


def page(baked: Baked, *, title: str = "Talking head") -> str:
    """The page as text.

    Args:
        baked: the sequence, of precision int8.
        title: name of the page.

    Raises:
        InputError: another precision, which the page's tables cannot hold.
    """
    if baked.header["precision"] != "int8":
        raise InputError(f"the sequence has precision {baked.header['precision']}; a page takes int8: bake it again.")
    camera = baked.header["camera"]
    packed = base64.b64encode(gzip.compress(baked.to_bytes(), 9, mtime=0)).decode()
    fields = {
        "TITLE": html.escape(title),
        "STYLE": _source("page.css"),
        "WIDTH": str(camera["width"]),
        "HEIGHT": str(camera["height"]),
        "SCRIPT": _script(),
        "BAKED": packed,
    }
    text = _source("page.html")
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    return text


def write_page(path: str | Path, baked: Baked, *, title: str = "Talking head") -> None:
    """Write the page, at once or not at all; arguments as in `page`."""
    text = page(baked, title=title)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _script() -> str:
    """All scripts in one function, so that the page has no globals but its player."""
    shaders = json.dumps({name: _source(name) for name in SHADERS}).replace("</", "<\\/")
    return "(() => {\n'use strict';\nconst SHADERS = " + shaders + ";\n" + "".join(map(_source, SCRIPTS)) + "})();"


def _source(name: str) -> str:
    return (files("gaussian_head.io") / "page" / name).read_text(encoding="utf-8")
