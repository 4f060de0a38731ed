"""Where camera or scene move, frames are compared before their own backgrounds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaussian_head.conventions import BACKGROUND, FACE
from gaussian_head.training.config import LossWeights
from gaussian_head.training.data import Recorded, load_frame, moving
from gaussian_head.training.stepping import behind

SIZE, T = 96, 30


def clip(step):
    """A face before a chequered wall that moves by ``step`` pixels a frame."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]

    def frame(t):
        image = np.repeat(np.where(((x + step * t) // 8 + y // 8) % 2, 200, 60)[..., None], 3, 2).astype(np.uint8)
        labels = np.full((SIZE, SIZE), BACKGROUND, np.uint8)
        image[30:80, 30:66], labels[30:80, 30:66] = (220, 30, 30), FACE
        return SimpleNamespace(image=image, labels=labels, alpha=np.where(labels == FACE, 255, 0).astype(np.uint8))

    plate = np.repeat(np.where((x // 8 + y // 8) % 2, 200, 60)[..., None], 3, 2) / 255
    return SimpleNamespace(
        num_frames=T, train_frames=torch.arange(T - 3), frame=frame, landmarks=torch.full((T, 478, 2), 50.0),
        camera=SimpleNamespace(width=SIZE, height=SIZE), background=plate.astype(np.float32)
    )  # fmt: skip


def test_only_what_moves_has_backgrounds_of_its_own():
    assert moving(clip(0)) == 0
    assert moving(clip(1)) > 0.2


@pytest.mark.parametrize("resolution", [1.0, 0.5])
def test_a_head_that_shows_nothing_but_the_person_is_as_recorded(resolution):
    """Composited before its own background a frame's own person is the frame; before the plate it is not."""
    capture = clip(1)
    kept, moved = (load_frame(Recorded(capture, moves=moves), 5, resolution, LossWeights()) for moves in (False, True))
    size = round(SIZE * resolution)
    plate = SimpleNamespace(
        background=torch.as_tensor(np.asarray(capture.background)[:: SIZE // size, :: SIZE // size])
    )
    assert behind(kept, plate) is plate.background

    def error(frame):
        shown = frame.alpha[..., None] * frame.rgb + (1 - frame.alpha[..., None]) * behind(frame, plate)
        return float((shown - frame.rgb).abs().mean())

    assert error(moved) < 0.01
    assert error(kept) > 0.05
