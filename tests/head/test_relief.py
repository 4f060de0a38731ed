"""How much deeper than its landmarks a face is, asked of its frames: on a face whose depth is known."""

import numpy as np
import pytest
import torch
from support_bust import make_bust

from gaussian_head.face import FaceModel
from gaussian_head.face.fitting import read_offsets
from gaussian_head.facenet import NUM_MESH
from gaussian_head.head import relief
from gaussian_head.head.relief import TRIED, USUAL, laid_of, offsets_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("relief")


def bust(folder, astray):
    return make_bust(folder / f"{astray}", num_frames=15, size=384, astray=astray, freckles=0.4)


def shares(capture):
    offsets, table = offsets_of(capture), read_offsets()
    assert torch.equal(offsets[:, :2], table[:, :2])
    told = table[:, 2].abs() > 1e-3
    return (offsets[told, 2] / table[told, 2]).numpy()


@pytest.mark.parametrize("astray", [0.0, 1.0])
def test_turned_frames_say_how_deep_the_face_is(folder, astray):
    found = bust(folder, astray)
    face = FaceModel.load()
    of_region = relief._shares(found.capture, face, relief._regions(face))
    assert np.abs(of_region - astray).max() < 0.25
    skin = laid_of(found.capture).skin[:NUM_MESH, 2]
    true = face.landmarks(found.vertices)[:NUM_MESH, 2].numpy()
    assert np.abs(skin - true).mean() < 0.001
    usual = true + (astray - USUAL) * read_offsets()[:, 2].numpy()
    assert np.abs(skin - true).mean() < 0.5 * np.abs(usual - true).mean()


def test_a_face_that_never_turns_is_as_deep_as_usual(folder):
    still = make_bust(folder / "still", num_frames=6, size=384, yaw=0.0, freckles=0.4)
    assert np.allclose(shares(still.capture), USUAL, atol=0.02)


def test_the_best_share_lies_between_those_tried_and_within_them():
    tried = np.array(TRIED)
    assert relief._best(8 * (tried - 0.6) ** 2) == pytest.approx(0.6, abs=0.01)
    assert relief._best(3 - tried) == TRIED[-1]
    assert relief._best(3 + tried) == TRIED[0]
    assert relief._best(np.full(len(tried), 3.0)) == pytest.approx(USUAL)
    assert relief._best(0.03 * (tried - 1.5) ** 2) == pytest.approx(1.0, abs=0.05)  # little said: half the way


def test_nose_and_eyes_are_regions_of_their_own():
    face = FaceModel.load()
    regions = relief._regions(face)
    assert regions[4] == regions[6] == 0
    assert regions[33] == regions[263] == 1
    assert regions[152] == regions[10] == regions[61] == 2
