"""Sound made slower or faster without changing its pitch, by FFmpeg's ``atempo``."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

BLOCK = 4096
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def stretched(samples: np.ndarray, rate: int, factor: float) -> np.ndarray:
    """``samples [S, C]`` played ``factor`` times as fast.

    Args:
        samples: f32 with 1, 2, 6 or 8 channels.
        rate: Hz.
        factor: 0.5 to 2; below 1 is slower.
    """
    import av
    from av.filter import Graph

    layout = LAYOUTS[samples.shape[1]]
    graph = Graph()
    source = graph.add_abuffer(format="fltp", sample_rate=rate, layout=layout, time_base=Fraction(1, rate))
    steps = [graph.add("atempo", f"{factor:.6f}"), graph.add("aformat", "sample_fmts=fltp")]
    graph.link_nodes(source, *steps, graph.add("abuffersink")).configure()
    out: list[np.ndarray] = []

    def drain() -> None:
        while True:
            try:
                out.append(graph.pull().to_ndarray().T)
            except (BlockingIOError, EOFError):
                return

    for first in range(0, len(samples), BLOCK):
        block = np.ascontiguousarray(samples[first : first + BLOCK].T, np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, first
        graph.push(frame)
        drain()
    graph.push(None)
    drain()
    return np.concatenate(out) if out else samples[:0]
