"""What pictures of known units teach: a correction that was put in comes out, in spite of everybody's own places."""

from __future__ import annotations

import numpy as np
import torch

from gaussian_head.face import UNITS, FaceModel
from gaussian_head.facenet.contours import LIPS
from gaussian_head.tracking.rendered_units import (
    FOCAL,
    SIZE,
    Pictures,
    pictures_of_people,
    random_expressions,
    unit_evidence,
)
from gaussian_head.tracking.residuals import project
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat


def test_a_wrong_unit_is_told_from_a_persons_own_place_of_a_landmark():
    face, generator = FaceModel.load(), np.random.default_rng(0)
    people = []
    wrong = torch.zeros(52, 478, 3)
    wrong[UNITS.index("jawOpen"), list(LIPS), 1] = 0.005
    for _ in range(3):
        identity = torch.from_numpy(generator.normal(size=20)).float()
        units, _ = random_expressions(40, generator)
        turns = quat_to_rotmat(rotvec_to_quat(torch.from_numpy(generator.normal(0, 0.15, (40, 3))))).double()
        places = torch.tensor([[0.0, 0.0, 0.8]], dtype=torch.float64).expand(40, 3)
        own = torch.from_numpy(generator.normal(0, 0.002, (478, 3)))
        head = face.landmarks(face.neutral(identity)) + own
        head = head + torch.einsum("tk,klc->tlc", units, face.landmarks(face.units) + wrong)
        marks = project(head.double() @ turns.mT + places[:, None], FOCAL * SIZE, torch.full((2,), SIZE / 2))
        people.append(Pictures(identity=identity, units=units, rotations=turns, positions=places, marks=marks))
    evidence = unit_evidence(face, people)
    normal = evidence.normal + 10 * torch.eye(156, dtype=torch.float64)
    found = torch.cholesky_solve(evidence.right[..., None], torch.linalg.cholesky(normal))[..., 0]
    found = found.unflatten(1, (52, 3)).permute(1, 0, 2)
    at_lips = found[UNITS.index("jawOpen"), list(LIPS)]
    assert float((at_lips[:, 1] - 0.005).abs().max()) < 0.0006
    assert float(found[UNITS.index("jawOpen"), 10].norm()) < 0.0005


def test_expressions_are_possible_faces():
    units, gaze = random_expressions(200, np.random.default_rng(1))
    assert float(units.min()) >= 0
    assert float(units.max()) <= 0.8 + 1e-6
    assert bool((units[:, UNITS.index("mouthClose")] <= units[:, UNITS.index("jawOpen")]).all())
    assert (units.amax(0) > 0).all()
    assert float(gaze.abs().max()) <= 0.3


def test_the_net_marks_painted_heads():
    (person,) = pictures_of_people(people=1, pictures=4, seed=1)
    assert person.marks.shape == (4, 478, 2)
    assert float(person.marks.min()) > 0
    assert float(person.marks.max()) < SIZE
    spread = person.marks.std(1).mean(0)
    assert float(spread.min()) > 20
