"""What of a recording may be carried to where its surface shall be: not what was hidden, torn, or lay at an outline.

All of it is told on pictures in which a face is about RENDERED pixels wide, whatever the film's size.
"""

from __future__ import annotations

import numpy as np

from ..smoothing import smoothstep

RENDERED = 240
"""Pixels that a face is wide at most in the renderings; heads know no more than that."""
HIDDEN = (0.006, 0.014)
"""Metres by which something lies in front between which it hides what is behind."""
TORN = (0.5, 1.2)
"""Change of the flow from pixel to pixel between which a surface begins to be torn or folded."""
UNLIKE = (0.25, 0.7)
"""Difference of the share of skin between which two places begin to be unlike."""
STEP = (0.006, 0.015)
"""Metres of depth within 5 pixels between which an edge begins."""
FLOW_SMOOTH = 3.0
"""Standard deviation, pixels, that flow is smoothed by: skin stretches evenly, single Gaussians do not."""
AT_REST = (0.15, 0.6)
"""Pixels of way between which an outline begins to be another than recorded."""
INSIDE_MOVES = (1.0, 4.0)
"""Pixels of motion near by between which what is seen inside the mouth begins to be another."""


def trusted(depths: list[np.ndarray], skins: list[np.ndarray], flow: np.ndarray, came_from: np.ndarray) -> np.ndarray:
    """How far, in [0, 1], what shall be seen at a pixel was to be seen as recorded.

    Args:
        depths: metres ``[H, W]`` to the old surface and to the new one.
        skins: share ``[H, W]`` of what is seen that is no mouth interior, old and new.
        flow: ``[H, W, 2]`` pixels from where it shall be to where it was.
        came_from: metres ``[H, W]`` that it was away.
    """
    seen = 1 - hidden_behind(depths[0], came_from, flow)
    edged = np.maximum(edged_alike(depths, flow), 1 - rising(length(flow), AT_REST))
    return seen * unbroken(flow) * alike(skins, flow) * edged * still_inside(skins[1], flow)


def hidden_behind(known: np.ndarray, depth: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """How far, in [0, 1], what lies ``depth`` metres away was hidden where ``flow`` leads.

    Args:
        known: ``[H, W]`` metres to what was seen.
        depth: ``[H, W]`` metres that the surface of each pixel was away, wherever it was.
        flow: ``[H, W, 2]`` pixels to where that was.
    """
    return widened(rising(depth - warped(known, flow), HIDDEN))


def unbroken(flow: np.ndarray) -> np.ndarray:
    """How far, in [0, 1], the surface around a pixel moves as one piece."""
    across, down = np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1])
    steps = [np.abs(np.gradient(way, axis=axis)) for way in (across, down) for axis in (0, 1)]
    return 1 - widened(rising(np.maximum.reduce(steps), TORN))


def alike(skins: list[np.ndarray], flow: np.ndarray) -> np.ndarray:
    """How far, in [0, 1], skin was where skin shall be, and interior where interior shall be."""
    return 1 - widened(rising(np.abs(skins[1] - warped(skins[0], flow)), UNLIKE))


def edged_alike(depths: list[np.ndarray], flow: np.ndarray) -> np.ndarray:
    """How far, in [0, 1], a pixel shall lie at an outline where it did: renderings are least true there."""
    import cv2

    cell = np.ones((5, 5), np.uint8)
    before, after = (rising(cv2.dilate(depth, cell) - cv2.erode(depth, cell), STEP) for depth in depths)
    return 1 - (widened(warped(before, flow)) - widened(after)).clip(0, 1)


def still_inside(skin: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """1 on skin; inside the mouth it falls with the way that anything near moves: teeth are told only roughly."""
    import cv2

    near = cv2.dilate(length(flow), np.ones((9, 9), np.uint8))
    return 1 - widened(1 - skin.clip(0, 1)) * rising(near, INSIDE_MOVES)


def length(flow: np.ndarray) -> np.ndarray:
    """How long a ``flow [H, W, 2]`` is, f32 ``[H, W]``."""
    return np.hypot(flow[..., 0], flow[..., 1]).astype(np.float32)


def steadied(flow: np.ndarray) -> np.ndarray:
    """``flow [H, W, 2]`` without the stray Gaussians' part in it."""
    import cv2

    flow = np.ascontiguousarray(flow, np.float32)
    for _ in range(2):
        flow = np.stack([cv2.medianBlur(np.ascontiguousarray(flow[..., k]), 5) for k in range(2)], 2)
    return cv2.GaussianBlur(flow, (0, 0), FLOW_SMOOTH)


def warped(picture: np.ndarray, flow: np.ndarray, *, sharp: bool = False) -> np.ndarray:
    """``picture [H, W, ..]`` read at every pixel plus its ``flow [H, W, 2]``; ``sharp`` keeps fine grain."""
    import cv2

    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    method = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    at = (x + flow[..., 0].astype(np.float32), y + flow[..., 1].astype(np.float32))
    return cv2.remap(picture.astype(np.float32), *at, method, borderMode=cv2.BORDER_REPLICATE)


def rising(values: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """0 below the first of two values, 1 above the second, smooth in between, f32."""
    return smoothstep(((values - between[0]) / (between[1] - between[0])).clip(0, 1)).astype(np.float32)


def widened(share: np.ndarray) -> np.ndarray:
    """``share [H, W]`` grown by a pixel or two and softened."""
    import cv2

    return cv2.GaussianBlur(cv2.dilate(share, np.ones((3, 3), np.uint8)), (0, 0), 1.0)
