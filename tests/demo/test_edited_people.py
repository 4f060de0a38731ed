"""Made-up people who wear what an edit shall give a head."""

import numpy as np
import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.demo.edited import NAMES, EditedPerson
from gaussian_head.demo.population import PersonTruth, random_person


@pytest.fixture(scope="module")
def truth():
    person = random_person(np.random.default_rng([5, 7]))
    still = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(2, 1)
    units = torch.zeros(2, 52)
    units[1, 17:19] = 0.4
    place = torch.tensor([[0.0, 0.03, 1.2]]).repeat(2, 1)
    return PersonTruth(
        person=person,
        fps=25.0,
        cameras=(Camera.from_focal(480.0, 160, 160),),
        units=units,
        gaze=torch.zeros(2, 2),
        head_quats=still,
        head_positions=place,
        torso_quats=still,
        torso_positions=place,
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_changes_a_part_of_the_face_and_nothing_else(truth, name):
    person = EditedPerson(truth, name)
    plain, edited = person.plain(0, truth.cameras[0]), person.edited(0, truth.cameras[0])
    changed = np.abs(plain.astype(int) - edited).max(2) > 6
    assert 10 < changed.sum() < 0.15 * changed.size
    rows, columns = np.nonzero(changed)
    assert rows.min() > 40
    assert columns.min() > 20
    assert columns.max() < 140


def test_glasses_hide_what_is_behind_them_and_the_nose_hides_them_from_behind(truth):
    person = EditedPerson(truth, "glasses")
    camera = truth.cameras[0]
    behind = camera.with_view(torch.diag(torch.tensor([-1.0, 1.0, -1.0, 1.0])))
    behind.viewmat[2, 3] = 2.4
    dark = (person.edited(0, camera).max(2) < 40) & (person.plain(0, camera).max(2) > 60)
    assert dark.sum() > 30
    seen = np.abs(person.edited(0, behind).astype(int) - person.plain(0, behind)).max(2) > 6
    assert seen.sum() < 0.3 * dark.sum()
