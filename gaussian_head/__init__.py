"""A talking head of 3D Gaussians from one short video. Everything below loads on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .actor import Actor as Actor
    from .actor import speak as speak
    from .camera import Camera as Camera
    from .capture import Capture as Capture
    from .checks import InputError as InputError
    from .gaussians import Frame as Frame
    from .gaussians import Gaussians as Gaussians
    from .head import Head as Head
    from .motion import Motion as Motion
    from .motion import Performance as Performance
    from .motion import Pose as Pose
    from .raster import RasterOutput as RasterOutput
    from .raster import rasterize as rasterize
    from .rendering import render_frame as render_frame
    from .verbs.batch import batch as batch
    from .verbs.direct import direct as direct
    from .verbs.dub import dub as dub
    from .verbs.edit import edit as edit
    from .verbs.evaluate import evaluate as evaluate
    from .verbs.export import export as export
    from .verbs.give_voice import give_voice as give_voice
    from .verbs.import_capture import import_capture as import_capture
    from .verbs.reconstruct import reconstruct as reconstruct
    from .verbs.render import render as render
    from .verbs.serve import serve as serve
    from .verbs.track import track as track
    from .verbs.train import train as train
    from .verbs.upgrade import upgrade as upgrade
    from .verbs.view import view as view

__version__ = "0.1.0"

_HOME = {
    "Actor": "actor",
    "Camera": "camera",
    "Capture": "capture",
    "Frame": "gaussians",
    "Gaussians": "gaussians",
    "Head": "head",
    "InputError": "checks",
    "Motion": "motion",
    "Performance": "motion",
    "Pose": "motion",
    "RasterOutput": "raster",
    "rasterize": "raster",
    "render_frame": "rendering",
    "speak": "actor",
    **{
        name: f"verbs.{name}"
        for name in (
            *(
                "batch",
                "direct",
                "dub",
                "edit",
                "evaluate",
                "export",
                "give_voice",
                "import_capture",
                "reconstruct",
                "render",
                "serve",
                "track",
                "train",
            ),
            *("upgrade", "view"),
        )
    },
}

__all__ = [
    "Actor",
    "Camera",
    "Capture",
    "Frame",
    "Gaussians",
    "Head",
    "InputError",
    "Motion",
    "Performance",
    "Pose",
    "RasterOutput",
    "__version__",
    "batch",
    "direct",
    "dub",
    "edit",
    "evaluate",
    "export",
    "give_voice",
    "import_capture",
    "rasterize",
    "reconstruct",
    "render",
    "render_frame",
    "serve",
    "speak",
    "track",
    "train",
    "upgrade",
    "view",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
