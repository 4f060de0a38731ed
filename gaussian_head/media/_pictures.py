"""From decoded frames to upright RGB arrays, every colour conversion spelled out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from ._hdr import colour_table, needs_conversion

MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
"""FFmpeg's name of each matrix from RGB to luma and chroma, by its H.273 number."""
FULL_RANGE = 2
SCALING = "bilinear"
STAMPS = Fraction(1, 90_000)
"""Time base of frames that come without a time."""
UPRIGHT = ((1, 0), (0, 1))


def source_colours(frame: Any) -> dict[str, str]:
    """Matrix and range of a decoded frame as options of FFmpeg's ``scale``; unmarked ones as players take them."""
    full = frame.color_range == FULL_RANGE or "j" in frame.format.name
    options = {"in_range": "pc" if full or frame.format.is_rgb else "tv"}
    if not frame.format.is_rgb:
        large = frame.width >= 1280 or frame.height > 576
        options["in_color_matrix"] = MATRICES.get(int(frame.colorspace), "bt709" if large else "bt601")
    return options


class Converter:
    """Turns the frames of one stream into RGB of one size."""

    def __init__(self, width: int, height: int, orientation: np.ndarray, transfer: int, primaries: int) -> None:
        """Give pictures of ``width`` × ``height``, turned by ``orientation`` (of ``orientation_of``).

        ``transfer`` and ``primaries`` (H.273 numbers) are those of the stream.
        """
        self._size = (width, height) if orientation[0, 0] else (height, width)
        self._orientation = orientation
        self._colours = (int(transfer), int(primaries))
        self._graph: Any = None
        self._made_for: object = None

    def __call__(self, frame: Any) -> np.ndarray:
        """Upright RGB, ``[H, W, 3]`` u8."""
        kind = (frame.width, frame.height, frame.format.name, *source_colours(frame).values())
        if kind != self._made_for:
            self._graph, self._made_for = self._filters(frame), kind
        self._graph.vpush(frame)
        return np.ascontiguousarray(turned(self._graph.vpull().to_ndarray(), self._orientation))

    def _filters(self, frame: Any) -> Any:
        size = {"width": str(self._size[0]), "height": str(self._size[1])}
        scale = ("scale", size | {"flags": SCALING, "out_range": "pc"} | source_colours(frame))
        if not needs_conversion(*self._colours):
            return graph_of(frame, [scale, ("format", "rgb24")])
        with colour_table(*self._colours) as table:
            steps = [scale, ("format", "gbrp12"), ("lut3d", {"file": str(table), "interp": "tetrahedral"})]
            return graph_of(frame, [*steps, ("format", "rgb24")])


class Encodable:
    """Turns RGB into frames of a pixel format that encoders take, BT.709 in limited range."""

    def __init__(self, pixels: str) -> None:
        """``pixels`` is FFmpeg's name of the format."""
        self._pixels = pixels
        self._graph: Any = None

    def __call__(self, picture: np.ndarray) -> Any:
        """A frame of u8 RGB ``[H, W, 3]`` or RGBA ``[H, W, 4]``, always of one shape."""
        import av

        frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")
        frame.pts, frame.time_base = 0, STAMPS
        if self._graph is None:
            options = {"flags": SCALING, "in_range": "pc", "out_range": "tv", "out_color_matrix": "bt709"}
            self._graph = graph_of(frame, [("scale", options), ("format", self._pixels)])
        self._graph.vpush(frame)
        return self._graph.vpull()


def deinterlaced(frames: Iterable[Any]) -> Iterator[Any]:
    """Frames as they are until one is interlaced; from there on one picture of one moment for each, by bwdif."""
    graph: Any = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            graph = graph_of(frame, [("bwdif", {"mode": "send_frame", "parity": "auto", "deint": "interlaced"})])
        if graph is None:
            yield frame
            continue
        graph.vpush(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.vpush(None)
        yield from _ready(graph)


def orientation_of(frame: Any) -> np.ndarray:
    """The ``[2, 2]`` signed permutation that brings picture coordinates (x right, y down) upright."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return np.array(UPRIGHT)
    m = np.frombuffer(bytes(data), np.int32).astype(np.int64)
    shown = np.array([[m[0], m[3]], [m[1], m[4]]])
    straight = np.abs(shown[0, 0]) + np.abs(shown[1, 1]) >= np.abs(shown[0, 1]) + np.abs(shown[1, 0])
    kept = np.eye(2, dtype=int) if straight else np.array([[0, 1], [1, 0]])
    return kept * np.where(shown < 0, -1, 1)


def turned(picture: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """A view of ``picture [H, W, ..]`` with its coordinates moved by ``orientation``."""
    if orientation[0, 0] == 0:
        picture = picture.swapaxes(0, 1)
    return picture[:: int(orientation[1].sum()), :: int(orientation[0].sum())]


def graph_of(frame: Any, steps: list[tuple[str, Any]]) -> Any:
    """A chain of FFmpeg filters for frames like ``frame``."""
    from av.filter import Graph

    graph = Graph()
    size = {"width": frame.width, "height": frame.height}
    links = [graph.add_buffer(**size, format=frame.format, time_base=frame.time_base)]
    for name, options in steps:
        links.append(graph.add(name, **options) if isinstance(options, dict) else graph.add(name, options))
    graph.link_nodes(*links, graph.add("buffersink")).configure()
    return graph


def _ready(graph: Any) -> Iterator[Any]:
    """Frames that have come out of a graph."""
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return
