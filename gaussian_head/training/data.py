"""Training frames as tensors, drawn in a seeded order and prepared ahead in one thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ..capture import Capture
from ..conventions import MOUTH, NECK, TORSO
from ..kernels import CPU
from ..tracking.background import MOVES, clear_of, own_background, unlike
from .config import LossWeights

LIPS = (61, 291, 0, 17, 37, 267, 84, 314)
EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Landmarks that span the boxes around lips and eyes (MediaPipe's face mesh numbering)."""
LOOKED_AT = 24
"""Frames that tell whether camera or scene move."""
KEPT_BYTES = 3 * 2**30
"""Of frames that a device keeps at most: 2457 of 512 x 512."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What one step looks at."""

    camera: int
    """0 the leading one."""
    frame: int
    """Frame number in that camera's capture."""


@dataclass(frozen=True, kw_only=True)
class TrainFrame:
    """What one step compares with."""

    index: int
    """Frame number in the capture."""
    at: Tensor
    """``[1]`` int64 the same number, where the pictures lie."""
    camera: int = 0
    """Whose capture, 0 the leading camera's."""
    rgb: Tensor
    """``[H, W, 3]``."""
    alpha: Tensor
    """``[H, W]`` person matte."""
    parts: Tensor
    """``[H, W, 2]`` share of mouth interior and of torso with neck."""
    weight: Tensor
    """``[H, W]`` pixel weights of mean 1."""
    entered: Tensor | None = None
    """``[H, W]`` bool, what is not the person's head and torso and teaches nothing; None where nothing ever is."""
    background: Tensor | None = None
    """``[H, W, 3]`` what is behind the person in this frame, where camera or scene move; None where the plate is."""


class Recorded:
    """The frames of a capture as bytes on a device, which keeps those that were used in its memory."""

    def __init__(
        self,
        capture: Capture,
        device: torch.device = CPU,
        *,
        keep_bytes: int = KEPT_BYTES,
        entered: Tensor | None = None,
        moves: bool = False,
    ) -> None:
        self.moves = moves
        """What is behind the person differs from frame to frame."""
        self.entered = entered.to(device) if entered is not None and entered.any() else None
        """``[T, C, C]`` bool, see ``entering``; None where nothing has."""
        self.capture, self._device, self._room = capture, device, keep_bytes if device.type != "cpu" else 0
        self._kept: dict[int, Tensor] = {}
        self.numbers = torch.arange(capture.num_frames, device=device)
        """``[T]`` the frames' numbers."""

    def pixels(self, t: int) -> Tensor:
        """``[H, W, 5]`` uint8: colour, matte and label of frame ``t``."""
        if t in self._kept:
            return self._kept[t]
        frame = self.capture.frame(t)
        planes = (frame.image, frame.alpha[..., None], frame.labels[..., None])
        pixels = torch.cat([torch.as_tensor(plane) for plane in planes], dim=2).to(self._device)
        if pixels.nbytes <= self._room:  # a capture on the CPU keeps its frames itself
            self._room -= pixels.nbytes
            self._kept[t] = pixels
        return pixels


def load_frame(recorded: Recorded, t: int, resolution: float, weights: LossWeights, camera: int = 0) -> TrainFrame:
    """Frame ``t`` at a share of its resolution (area-averaged); ``camera`` says whose it is."""
    pixels, capture = recorded.pixels(t), recorded.capture
    labels = pixels[..., 4]
    mouth = labels == MOUTH
    stack = torch.cat(
        [
            pixels[..., :4].float() / 255,
            mouth.float()[..., None],
            ((labels == TORSO) | (labels == NECK)).float()[..., None],
            _pixel_weight(capture.landmarks[t], mouth, weights)[..., None],
        ],
        dim=2,
    )
    if resolution != 1.0:
        size = frame_size(capture, resolution)
        stack = torch.nn.functional.interpolate(stack.permute(2, 0, 1)[None], size=size[::-1], mode="area")
        stack = stack[0].permute(1, 2, 0).contiguous()
    entered = recorded.entered
    if entered is not None:
        cells = entered[t][None, None].float()
        entered = torch.nn.functional.interpolate(cells, size=stack.shape[:2], mode="nearest")[0, 0] > 0
    rgb, alpha, parts, weight = stack.split([3, 1, 2, 1], dim=2)
    background = _background(rgb, alpha) if recorded.moves else None
    return TrainFrame(
        index=t,
        at=recorded.numbers[t : t + 1],
        camera=camera,
        rgb=rgb.contiguous(),
        alpha=alpha[..., 0].contiguous(),
        parts=parts.contiguous(),
        weight=(weight[..., 0] / weight.mean()).contiguous(),
        entered=entered,
        background=background,
    )


def _background(rgb: Tensor, alpha: Tensor) -> Tensor:
    image, matte = ((255 * plane).round().byte().cpu().numpy() for plane in (rgb, alpha[..., 0]))
    clear = clear_of(matte)
    behind = torch.from_numpy(own_background(image, clear)).to(rgb.device) / 255
    return torch.where(torch.from_numpy(clear).to(rgb.device)[..., None], rgb, behind)


def moving(capture: Capture) -> float:
    """Share of what is behind the person that is not as on the plate, where that is so much that camera or scene move.

    0 where they stand still.
    """
    frames = capture.train_frames
    chosen = frames[torch.linspace(0, len(frames) - 1, min(LOOKED_AT, len(frames))).round().long()].tolist()
    pictures = ((frame.image, frame.alpha) for frame in map(capture.frame, chosen))
    plate = np.round(255 * capture.background).astype(np.uint8)
    share = unlike(pictures, plate)
    return share if share > MOVES else 0.0


def frame_size(capture: Capture, resolution: float) -> tuple[int, int]:
    """Width and height in pixels at a share of the capture's resolution."""
    return round(capture.camera.width * resolution), round(capture.camera.height * resolution)


def _pixel_weight(landmarks: Tensor, mouth: Tensor, weights: LossWeights) -> Tensor:
    weight = 1 + weights.mouth * mouth.float()
    for box, extra in ((LIPS, weights.lips), *((eye, weights.eyes) for eye in EYES)):
        points = landmarks[list(box)]
        low, high = points.min(0).values, points.max(0).values
        margin = 0.15 * (high - low).max()
        x0, y0 = (low - margin).floor().int().clamp(min=0).tolist()
        x1, y1 = (high + margin).ceil().int().clamp(min=0).tolist()
        weight[y0:y1, x0:x1] += extra
    return weight


def draw_weights(capture: Capture, busy: float) -> Tensor:
    """Probability of drawing each training frame: uniform, with a share for open mouths and closing eyes."""
    busyness = torch.zeros(len(capture.train_frames))
    for name in ("jaw_open", "blink_l", "blink_r"):
        value = capture.coded(name)[capture.train_frames]
        low, high = torch.quantile(value, 0.5), torch.quantile(value, 0.98)
        busyness += ((value - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    uniform = torch.full_like(busyness, 1 / len(busyness))
    return (1 - busy) * uniform + busy * busyness / busyness.sum().clamp(min=1e-6)


def prefetched(
    captures: Sequence[Recorded], shots: Sequence[Shot], resolution: float, weights: LossWeights, ahead: int = 4
) -> Iterator[TrainFrame]:
    """Yield what is to be looked at in order, ``ahead`` frames prepared in a background thread."""

    def load(shot: Shot) -> TrainFrame:
        return load_frame(captures[shot.camera], shot.frame, resolution, weights, shot.camera)

    with ThreadPoolExecutor(1) as pool:
        pending = [pool.submit(load, shot) for shot in shots[:ahead]]
        for i in range(len(shots)):
            frame = pending.pop(0).result()
            if i + ahead < len(shots):
                pending.append(pool.submit(load, shots[i + ahead]))
            yield frame


def batches(frames: Iterable[TrainFrame], size: int) -> Iterator[list[TrainFrame]]:
    """The frames in groups of ``size``; fewer in the last."""
    rest = iter(frames)
    while group := list(islice(rest, size)):
        yield group
