"""What units are solved from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..capture import Capture, CaptureInfo
from ..motion import Pose


@dataclass(frozen=True, kw_only=True)
class FilmedFace:
    """What units are solved from: a clip's landmarks and what bundle adjustment made of them."""

    landmarks: Tensor
    """``[T, 478, 2]`` detected, pixels."""
    neutral: Tensor
    """``[478, 3]`` neutral face, metres."""
    head: Pose
    """T_world_head, T moments."""
    closed: Tensor
    """``[T, 2]`` how far the subject's left and right lids are closed, 0 to 1."""
    looked: Tensor
    """``[T, 2]`` offset of the irises over half the eye's width, to the picture's right and down."""
    used: Tensor
    """``[T]`` bool, False where no face is believed."""
    num_train: int
    """The first held-out frame."""
    K: Tensor
    """``[3, 3]`` pinhole matrix, pixels."""
    fps: float
    """Frames per second."""

    @staticmethod
    def of(capture: Capture) -> FilmedFace:
        """The face of a capture."""
        tensors = {"landmarks": capture.landmarks, "shape": capture.shape.vertices} | capture.motion.tensors()
        return FilmedFace.told(tensors, capture.code, capture.info)

    @staticmethod
    def told(tensors: Mapping[str, Tensor], code: Tensor, info: CaptureInfo) -> FilmedFace:
        """The face of a capture's arrays (landmarks, shape, head's poses) and its inner code ``[T, K]``."""
        used = torch.ones(len(code), dtype=torch.bool)
        used[info.bad_frames] = False
        return FilmedFace(
            landmarks=tensors["landmarks"],
            neutral=tensors["shape"],
            head=Pose(quats=tensors["head_quats"], positions=tensors["head_positions"]),
            closed=code[:, [info.code.index("blink_l"), info.code.index("blink_r")]],
            looked=code[:, [info.code.index("gaze_x"), info.code.index("gaze_y")]],
            used=used,
            num_train=info.num_train,
            K=torch.tensor(info.K),
            fps=info.fps,
        )
