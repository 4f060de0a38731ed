import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.metrics.motion import FlickerMeter, SilhouetteMeter, pose_jitter
from gaussian_head.transforms import rotvec_to_quat


def test_smooth_motion_has_no_jitter():
    t = torch.arange(50.0)[:, None]
    jitter = pose_jitter(rotvec_to_quat(t * torch.tensor([[0.01, 0.0, 0.0]])), t * torch.tensor([[0.001, 0.002, 0.0]]))
    assert jitter.degrees == pytest.approx(0, abs=1e-3)
    assert jitter.millimetres == pytest.approx(0, abs=1e-3)


def test_alternating_poses_by_hand():
    sign = torch.tensor([1.0, -1.0] * 20)[:, None]
    angle = torch.deg2rad(torch.tensor(0.5))
    jitter = pose_jitter(rotvec_to_quat(sign * torch.tensor([[0.0, angle, 0.0]])), sign * torch.tensor([[0.001, 0, 0]]))
    assert jitter.degrees == pytest.approx(1.0, rel=1e-3)  # each pose is 1 degree from the mean of its neighbours
    assert jitter.millimetres == pytest.approx(2.0, rel=1e-3)


def test_two_frames_are_refused():
    with pytest.raises(InputError, match="3 frames"):
        pose_jitter(torch.zeros(2, 4), torch.zeros(2, 3))


def test_flicker_counts_only_still_pixels():
    meter = FlickerMeter()
    truth = np.full((8, 8, 3), 100, np.uint8)
    region = np.ones((8, 8), bool)
    region[:, :2] = False
    for t in range(4):
        moving = truth.copy()
        moving[:, 6:] = 50 * t  # the truth moves here: nothing may count
        predicted = np.full((8, 8, 3), 100 + 6 * (t % 2), np.uint8)
        predicted[:, :2] = 60 * t
        meter.update(moving, predicted, region)
    result = meter.result()
    assert result.truth == 0
    assert result.predicted == pytest.approx(6)
    assert result.pixels == 3 * 8 * 4


def test_flicker_without_frames_is_nan():
    assert np.isnan(FlickerMeter().result().predicted)


def square(left, size=10):
    mask = np.zeros((40, 40), bool)
    mask[10 : 10 + size, left : left + size] = True
    return mask


def test_silhouette_that_follows_the_truth_does_not_flicker():
    meter = SilhouetteMeter()
    for left in (5, 7, 6):
        meter.update(square(left), square(left))
    assert meter.result().pixels == 0


def test_silhouette_flicker_by_hand():
    meter = SilhouetteMeter()
    meter.update(square(10), square(10))
    meter.update(square(10), square(11))  # two columns of 10 change; the outline is 36 pixels
    assert meter.result().pixels == pytest.approx(20 / 36)
    assert meter.result().frames == 1
