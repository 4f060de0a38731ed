"""The stage of ``gpu_check.sh`` that trains: with launches of graphs and without, time, bits and memory."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
from gpu_check import ROOT, require_gpu, say

if TYPE_CHECKING:
    from torch import Tensor

    from gaussian_head.capture import Capture
    from gaussian_head.training import TrainConfig


def main() -> None:
    """300 frames on a made-up person by 1, 4 and 8 a step: twice by graphs, once without; time, bits and memory."""
    require_gpu()
    import torch

    sys.path.insert(0, str(ROOT / "tests"))
    from support_capture import make_capture

    from gaussian_head.head import InitConfig
    from gaussian_head.training import Stage, TrainConfig, planned_memory

    stage = Stage(name="x", iterations=300, resolution=1.0, densify=True, refine_pose=True)
    init = InitConfig(face_stride=1.0, torso_stride=2.0, mouth_frames=1)
    with tempfile.TemporaryDirectory() as folder:
        capture, _ = make_capture(Path(folder) / "capture", size=256, sound=False)
        for batch in (1, 4, 8):
            config = TrainConfig(stages=(stage,), init=init, batch=batch, densify_every=100)
            runs = [trained(capture, config, by_graphs) for by_graphs in (True, True, False)]
            same = [all(torch.equal(value, run[0][name]) for name, value in runs[0][0].items()) for run in runs[1:]]
            peak, size = torch.cuda.max_memory_allocated() / 2**20, capture.camera.width
            say(
                batch=batch,
                ms_a_frame=runs[1][1],
                ms_without_graphs=runs[2][1],
                launches=runs[1][2],
                same_bits_again=same[0],
                same_bits_without_graphs=same[1],
                peak_mib_of_torch=round(peak),
                planned_mib=round(planned_memory(config, size, size, capture.num_frames).total / 2**20),
                held_mib_after_growths=runs[1][3],
            )


def trained(capture: Capture, config: TrainConfig, by_graphs: bool) -> tuple[dict[str, Tensor], float, int, list[int]]:
    """The state after a run, milliseconds a frame, how many steps were launches of a graph, and MiB held by growths."""
    import torch

    from gaussian_head.head import initial_head
    from gaussian_head.training import graphs, loop, steps
    from gaussian_head.training.state import new_state, pack

    launches: list[int] = []
    held: list[int] = []

    class Counted(steps.Steps):
        def resized(self) -> None:
            super().resized()
            held.append(round(torch.cuda.memory_allocated() / 2**20))

        def close(self) -> None:
            launches.append(self.replays)
            super().close()

    state = new_state(initial_head(capture, config.init), capture.num_frames, config.rates, device=torch.device("cuda"))
    with mock.patch.object(loop, "Steps", Counted), mock.patch.object(graphs, "WARM", 2 if by_graphs else 10**9):
        begun = time.perf_counter()
        loop.run(state, capture, config, save=lambda state: None)
        torch.cuda.synchronize()
    took = (time.perf_counter() - begun) / config.iterations
    return pack(state), round(took * 1e3, 3), sum(launches), held


if __name__ == "__main__":
    main()
