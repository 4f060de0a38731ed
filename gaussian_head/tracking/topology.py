"""Names of MediaPipe's 478 face landmarks: contours and the regions that channels move.

"Left" and "right" are the subject's own; the subject's left eye lies at the right of the picture.
"""

from __future__ import annotations

import numpy as np

from ..facenet.mesh import NUM_MESH
from ..smoothing import smoothstep

# fmt: off
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
"""Outline of the face, a loop from the top of the forehead."""
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""Inner edge of the lips, a loop."""
OUTER_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""Outer edge of the lips, a loop."""
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""Eyelid edges, loops from the outer corner over the upper lid."""
RIGHT_BROW = (46, 52, 53, 55, 63, 65, 66, 70, 105, 107)
LEFT_BROW = (276, 282, 283, 285, 293, 295, 296, 300, 334, 336)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
"""Centre, then the picture's right, top, left and bottom of each iris."""
RIGID = (168, 6, 197, 195, 5, 33, 133, 362, 263, 10, 151, 108, 337, 69, 299, 104, 333, 67, 297, 103, 332,
         54, 284, 21, 251, 162, 389, 127, 356, 234, 454, 93, 323, 143, 372, 116, 345, 122, 351, 193, 417)
"""Landmarks that hardly move with expression: bridge of the nose, eye corners, forehead, temples."""
# fmt: on
RIGHT_LIDS = ((160, 144), (159, 145), (158, 153))
LEFT_LIDS = ((387, 373), (386, 374), (385, 380))
"""Upper and lower lid pairs across each eye."""
INNER_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
"""Upper and lower inner lip across the middle of the mouth."""
LIPS = tuple(sorted({*INNER_LIPS, *OUTER_LIPS}))


def _between(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return smoothstep(np.clip((x - low) / (high - low), 0, 1))


def channel_support(shape: np.ndarray, channels: tuple[str, ...]) -> np.ndarray:
    """How far each channel may move each landmark, ``[K, L]`` in [0, 1].

    Args:
        shape: ``[L, 3]`` neutral face, any unit, +x to the picture's right and +y down.
        channels: K channel names.
    """
    eyes = {"r": shape[list(RIGHT_EYE)].mean(0), "l": shape[list(LEFT_EYE)].mean(0)}
    eye_width = np.linalg.norm(shape[33] - shape[133])
    eye_line = (eyes["r"][1] + eyes["l"][1]) / 2
    down = (shape[:, 1] - eye_line) / (shape[list(LIPS), 1].mean() - eye_line)
    near = {
        side: _between(np.linalg.norm((shape - at)[:, :2] * [1, 1.2], axis=1) / eye_width, 1.5, 0.75)
        for side, at in eyes.items()
    }
    is_iris = np.arange(len(shape)) >= NUM_MESH
    lower = _between(down, 0.12, 0.5) * ~is_iris
    upper = _between(down, 0.75, 0.4) * ~is_iris
    brow = _between(down, 0.1, -0.15) * ~is_iris
    gaze = np.maximum(np.maximum(near["r"], near["l"]), is_iris)
    named = {"blink_l": near["l"] * ~is_iris, "blink_r": near["r"] * ~is_iris, "brow_up": brow}
    named |= {"gaze_x": gaze, "gaze_y": gaze}
    rows = [named.get(name, upper if name.startswith("face_") else lower) for name in channels]
    return np.stack(rows).astype(np.float64)
