"""Hands that enter the picture teach a torso nothing."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaussian_head.conventions import BACKGROUND, FACE, TORSO
from gaussian_head.training.config import PRESETS, LossWeights
from gaussian_head.training.data import Recorded, TrainFrame, load_frame
from gaussian_head.training.entering import CELLS, entering, in_words
from gaussian_head.training.stepping import picture_loss

SIZE, T = 128, 40


def clip(hand, sway=0):
    """A head over a striped torso that sways; ``hand`` gives rows and columns that are red in a frame, or None."""
    rng = np.random.default_rng(0)
    wall = np.full((SIZE, SIZE, 3), 90, np.uint8)

    def frame(t):
        image, labels = wall.copy(), np.full((SIZE, SIZE), BACKGROUND, np.uint8)
        x = 30 + round(sway * np.sin(t))
        image[80:, x : x + 68], labels[80:, x : x + 68] = (30, 60, 120), TORSO
        image[20:70, 40:88], labels[20:70, 40:88] = (200, 150, 120), FACE
        if (where := hand(t)) is not None:
            image[where] = (210, 140, 120)
        noisy = image.astype(int) + rng.integers(-6, 7, image.shape)
        return SimpleNamespace(image=noisy.clip(0, 255).astype(np.uint8), labels=labels, alpha=labels * 0 + 255)

    frames = [frame(t) for t in range(T)]
    landmarks = torch.full((T, 478, 2), 60.0)
    camera = SimpleNamespace(width=SIZE, height=SIZE)
    return SimpleNamespace(
        num_frames=T, train_frames=torch.arange(T - 4), frame=frames.__getitem__, landmarks=landmarks, camera=camera
    )


def from_below(t):
    return np.s_[96:, 40:64] if 10 <= t < 16 else None


def test_a_hand_that_comes_from_the_border_is_found_where_and_when_it_is_there():
    found = entering(clip(from_below, sway=2))
    there = torch.zeros(T, dtype=torch.bool)
    there[10:16] = True
    assert torch.equal(found.flatten(1).any(1), there)
    cells = found[12]
    assert cells[50:, 21:31].all()
    assert not cells[:44].any()
    assert not cells[:, :16].any()


@pytest.mark.parametrize(
    ("hand", "sway"),
    [
        (lambda t: None, 3),  # the torso alone
        (lambda t: np.s_[96:, 40:64], 0),  # always there
        (lambda t: np.s_[90:110, 40:64] if 10 <= t < 16 else None, 0),  # not from the border: a tie in the light
        (lambda t: np.s_[124:, 40:44] if 10 <= t < 16 else None, 0),  # small
        (lambda t: np.s_[96:, 2 * t : 2 * t + 30] if t % 5 else None, 0),  # nothing is usual
    ],
)
def test_what_is_usual_small_or_within_is_no_hand(hand, sway):
    assert not entering(clip(hand, sway)).any()


def test_held_out_frames_are_not_looked_at():
    assert not entering(clip(lambda t: np.s_[96:, 40:64] if t >= T - 4 else None)).any()


def test_it_is_told_how_many_and_when():
    assert in_words(torch.zeros(3, CELLS, CELLS, dtype=torch.bool), 25.0) == ""
    found = torch.zeros(50, CELLS, CELLS, dtype=torch.bool)
    found[20:30, :4] = True
    found[25, :32] = True
    assert "10 frames, most at 1.0 s, where they cover 50% of it" in in_words(found, 25.0)


def loss_gradient(frame: TrainFrame):
    config = replace(PRESETS["preview"], weights=LossWeights(ssim=0.0))
    rgb, alpha, parts = (torch.full((*frame.alpha.shape, n), 0.5, requires_grad=True) for n in (3, 1, 2))
    picture_loss(rgb, alpha[..., 0], parts, frame, config).backward()
    return [t.grad for t in (rgb, alpha, parts)]


@pytest.mark.parametrize("resolution", [1.0, 0.5])
def test_training_looks_past_it_and_sees_all_else_as_before(resolution):
    capture = clip(from_below)
    found = entering(capture)
    plain, masked = (
        load_frame(Recorded(capture, entered=entered), 12, resolution, LossWeights()) for entered in (None, found)
    )
    assert plain.entered is None
    hidden = masked.entered
    assert hidden.shape == plain.alpha.shape
    assert 0.02 < hidden.float().mean() < 0.2
    for before, after in zip(loss_gradient(plain), loss_gradient(masked), strict=True):
        assert torch.equal(after[~hidden], before[~hidden])
        assert before[hidden].abs().sum() > 0
        assert not after[hidden].any()
    assert load_frame(Recorded(capture, entered=found & False), 12, resolution, LossWeights()).entered is None
