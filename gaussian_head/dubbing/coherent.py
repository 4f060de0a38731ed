"""Which recorded frame shows when: paths through footage that fit what is wanted and hardly ever jump.

Dynamic programming over recorded frames (Viterbi). A frame may be followed by the next one for nothing, by itself for
little, or by one of a few others that look much like the next one. Sources: Bregler et al., "Video Rewrite" (1997);
Schödl et al., "Video textures" (2000).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..motion import Motion
from ..transforms import quat_to_rotvec

CANDIDATES = 24
"""Jumps considered into each frame."""
SHORTEST_JUMP = 3
"""Frames; nearer ones are no jump worth having."""
ANGLE, WAY = 0.01, 0.002
"""Radians and metres of a head's pose that count as one in the cost of a jump."""
LIDS = 0.25
"""How far lids close that counts as one."""
ROOM = 0.3
"""Share of the footage by which a re-timed picture may be ahead of or behind an even pace at a cost of one a second."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """From which frames each frame may be reached, and at what cost."""

    sources: np.ndarray
    """``[N, P]`` frames; the frame before in column 0, the frame itself in column 1, jumps in the others."""
    costs: np.ndarray
    """``[N, P]``."""


def ways(features: np.ndarray, *, hold: float = 2.0, jump: float = 1.0, candidates: int = CANDIDATES) -> Ways:
    """Ways through footage.

    Args:
        features: ``[N, D]`` of the frames, in units of a just visible difference.
        hold: cost of showing a frame once more.
        jump: least cost of a jump; the squared distance of its target from the frame that would come next is added.
        candidates: P - 2, jumps considered into each frame.
    """
    N = len(features)
    places = np.arange(N)
    following = np.concatenate([features[1:], features[-1:]])  # what would come after each frame
    count = min(candidates, max(N - 1, 0))
    sources = np.zeros((N, 2 + count), int)
    costs = np.full((N, 2 + count), np.inf)
    sources[:, 0], sources[:, 1] = np.maximum(places - 1, 0), places
    costs[1:, 0], costs[:, 1] = 0, hold
    for k in range(N):
        apart = np.linalg.norm(following - features[k], axis=1)
        apart[np.abs(places + 1 - k) < SHORTEST_JUMP] = np.inf
        nearest = np.argsort(apart, kind="stable")[:count]
        sources[k, 2:], costs[k, 2:] = nearest, jump + apart[nearest] ** 2
    return Ways(sources=sources, costs=costs)


def best_path(unary: Callable[[int], np.ndarray], length: int, through: Ways) -> np.ndarray:
    """The cheapest path ``[T]`` of frames.

    Args:
        unary: cost ``[N]`` of showing each frame at moment ``t``.
        length: T.
        through: from where each frame may be reached.
    """
    N, P = through.sources.shape
    total = np.asarray(unary(0), float).copy()
    back = np.zeros((length, N), np.int8 if P < 128 else np.int32)
    rows = np.arange(N)
    for t in range(1, length):
        reached = total[through.sources] + through.costs
        back[t] = reached.argmin(1)
        total = reached[rows, back[t]] + unary(t)
    path = np.zeros(length, int)
    path[-1] = int(total.argmin())
    for t in range(length - 1, 0, -1):
        path[t - 1] = through.sources[path[t], back[t, path[t]]]
    return path


def retimed(recorded: Motion, pictures: np.ndarray, length: int) -> np.ndarray:
    """Frames ``[T]`` of footage of N that show when it lasts T instead, from the first on.

    Args:
        recorded: N frames of motion; what the mouth does does not matter, for it will do something else.
        pictures: ``[N, D]`` small pictures in units of a just visible difference.
        length: T.
    """
    N = len(recorded)
    places = np.arange(N)

    def pace(t: int) -> np.ndarray:
        even = t / max(length - 1, 1) * (N - 1)
        cost = np.square((places - even) / (ROOM * N)) / recorded.fps
        return np.where(places == 0, cost, cost + (1e3 if t == 0 else 0))

    features = np.concatenate([pose_features(recorded), pictures], 1)
    return best_path(pace, length, ways(features))


def pose_features(motion: Motion) -> np.ndarray:
    """Head poses, their speeds and lids ``[N, 13]``, each in units of a just visible difference."""
    turn = quat_to_rotvec(motion.head.quats).numpy() / ANGLE
    place = motion.head.positions.numpy() / WAY
    pose = np.concatenate([turn, place], 1)
    speed = np.gradient(pose, axis=0) if len(pose) > 1 else np.zeros_like(pose)
    lids = (motion.control("eyeBlinkLeft") + motion.control("eyeBlinkRight")).numpy()[:, None] / 2 / LIDS
    return np.concatenate([pose, speed, lids], 1).astype(np.float64)


def runs(path: np.ndarray) -> list[tuple[int, int]]:
    """First frame and length of every stretch of ``path`` that goes on one frame at a time; holds are runs of one."""
    edges = np.flatnonzero(np.diff(path) != 1) + 1
    starts = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(path)]])
    return [(int(path[a]), int(b - a)) for a, b in zip(starts, ends, strict=True)]
