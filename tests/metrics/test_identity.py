"""The distance of faces: nothing for the same picture, more for another person; gaps in time are no motion."""

import numpy as np
import pytest

from gaussian_head.metrics.identity import FaceIdentity, distance, is_installed
from gaussian_head.metrics.motion import FlickerMeter
from gaussian_head.metrics.steadiness import SteadinessMeter


def test_another_person_is_farther_than_another_frame(footage):
    if not is_installed():
        pytest.skip("the extra `identity` is not installed")
    from gaussian_head.media import read_frames
    from gaussian_head.metrics.lips import LandmarkDetector

    net, find = FaceIdentity(), LandmarkDetector()

    def embedded(name: str, start: float) -> np.ndarray | None:
        picture = next(iter(read_frames(footage / "clips" / name, start=start)))
        return net(picture, find(picture))

    one, later, other = embedded("german.mp4", 1.0), embedded("german.mp4", 3.0), embedded("obama.mp4", 1.0)
    assert distance(one, one) == 0
    assert distance(one, later) < 0.4 < distance(one, other)


def test_no_face_has_no_distance():
    assert np.isnan(distance(None, np.zeros(128)))


def test_across_a_gap_nothing_flickers():
    still = np.full((8, 8, 3), 100, np.uint8)
    everywhere = np.ones((8, 8), bool)
    for meter in (FlickerMeter(), SteadinessMeter(10.0)):
        for t in range(16):
            if t == 8:
                meter.cut()
            shown = still + np.uint8(40 * (t >= 8))
            meter.update(still, shown, everywhere)
        assert meter.result().predicted == 0
        assert meter.result().pixels > 0
