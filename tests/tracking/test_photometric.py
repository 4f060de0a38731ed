"""Units told by pixels: a painted head whose landmarks do not show all that it does."""

import numpy as np
import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.conventions import FACE
from gaussian_head.face import UNITS, FaceModel
from gaussian_head.face.fitting import read_offsets
from gaussian_head.face.looks import Look
from gaussian_head.face.painted import Painter
from gaussian_head.motion import Pose
from gaussian_head.tracking import photometric
from gaussian_head.tracking.filmed import FilmedFace
from gaussian_head.tracking.photometric import PixelWitness
from gaussian_head.tracking.unit_rows import rows_of
from gaussian_head.tracking.units import units_of
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat

FRAMES, FOCAL, SIZE = 24, 800.0, 256
SHOWN, HIDDEN = ("jawOpen",), ("mouthLeft", "browInnerUp")
NO_CORRECTION = torch.zeros(52, 478, 3, dtype=torch.float64)


def waves(turns: float, phase: float) -> torch.Tensor:
    return 0.3 - 0.3 * torch.cos(2 * torch.pi * turns * torch.arange(FRAMES) / FRAMES + phase)


@pytest.fixture(scope="module")
def made():
    """A filmed face whose landmarks never heard of HIDDEN units, its pictures, and its true units."""
    face, generator = FaceModel.load(), torch.Generator().manual_seed(1)
    identity = 0.6 * torch.randn(20, generator=generator)
    units = torch.zeros(FRAMES, 52)
    for k, name in enumerate((*SHOWN, *HIDDEN)):
        units[:, UNITS.index(name)] = waves(2 + k, k)
    quats = rotvec_to_quat(0.12 * torch.stack([waves(1, 0), waves(1.5, 1), waves(1, 2)], 1))
    positions = torch.tensor([0.0, 0.02, 0.75]).repeat(FRAMES, 1)
    seen = units.clone()
    seen[:, [UNITS.index(name) for name in HIDDEN]] = 0
    neutral = face.landmarks(face.neutral(identity))
    neutral[:468] += read_offsets().float()
    head = neutral + torch.einsum("tk,klc->tlc", seen, face.landmarks(face.units))
    cam = head @ quat_to_rotmat(quats).mT + positions[:, None]
    filmed = FilmedFace(
        landmarks=cam[..., :2] / cam[..., 2:] * FOCAL + SIZE / 2,
        neutral=neutral,
        head=Pose(quats=quats, positions=positions),
        closed=torch.zeros(FRAMES, 2),
        looked=torch.zeros(FRAMES, 2),
        used=torch.ones(FRAMES, dtype=torch.bool),
        num_train=FRAMES - 4,
        K=torch.tensor([[FOCAL, 0, SIZE / 2], [0, FOCAL, SIZE / 2], [0, 0, 1]]),
        fps=25.0,
    )
    camera, painter = Camera.from_focal(FOCAL, SIZE, SIZE), Painter(face, Look(mottling=0.03, seed=3))
    mesh = face.vertices(identity, units) @ quat_to_rotmat(quats).mT + positions[:, None]
    images = [painter.paint(points, camera) for points in mesh]
    return filmed, images, units


def reader(images, later=0):
    labels = np.full((SIZE, SIZE), FACE, np.uint8)
    return lambda t: (images[(t + later) % FRAMES], labels)


def agreement(found, true, name):
    k = UNITS.index(name)
    moved = float(found[:, k].std()) > 1e-6
    return float(torch.corrcoef(torch.stack([found[:, k], true[:, k]]))[0, 1]) if moved else 0.0


def test_pixels_tell_what_landmarks_do_not_show(made):
    filmed, images, true = made
    blind = units_of(filmed, correction=NO_CORRECTION)
    told = units_of(filmed, correction=NO_CORRECTION, pictures=reader(images))
    other = units_of(filmed, correction=NO_CORRECTION, pictures=reader(images, later=FRAMES // 3))
    assert blind.figures == {}
    assert told.figures["colours_off"] < 0.9 * told.figures["colours_off_seen"]
    assert told.figures["units_moved"] > 0.005
    for name in HIDDEN:
        assert abs(agreement(blind.units, true, name)) < 0.3
        assert agreement(told.units, true, name) > 0.75
        assert agreement(other.units, true, name) < 0.5
    assert agreement(told.units, true, "jawOpen") > 0.95
    eyes = [k for k, name in enumerate(UNITS) if name.startswith("eye")]
    assert float((told.units - blind.units)[:, eyes].abs().max()) < 0.15


def test_a_step_undoes_what_was_added_to_the_truth(made):
    filmed, images, true = made
    face = FaceModel.load()
    witness = PixelWitness(filmed, rows_of(face, filmed.neutral.double(), NO_CORRECTION), face, reader(images))
    still = torch.zeros(FRAMES, 6, dtype=torch.float64)
    assert witness.learn(true.double(), still, 0.7) < 0.02
    k = UNITS.index("mouthLeft")
    moved = true.double().clone()
    moved[:, k] += 0.1
    hessian, right = witness.normals(moved, still)
    step = right[:, 6 + k] / hessian[:, 6 + k, 6 + k]
    assert float(step.mean()) == pytest.approx(-0.1, abs=0.05)
    hessian, right = witness.normals(true.double(), still)
    assert abs(float((right[:, 6 + k] / hessian[:, 6 + k, 6 + k]).mean())) < 0.04


def test_held_out_pictures_teach_no_colours(made):
    filmed, images, true = made
    face = FaceModel.load()
    rows, still = rows_of(face, filmed.neutral.double(), NO_CORRECTION), torch.zeros(FRAMES, 6, dtype=torch.float64)
    spoilt = [*images[: FRAMES - 4], *[np.zeros_like(image) for image in images[FRAMES - 4 :]]]
    left = [PixelWitness(filmed, rows, face, reader(i)).learn(true.double(), still, 0.7) for i in (images, spoilt)]
    assert left[0] == left[1]


def test_places_lie_on_skin_and_not_on_lids():
    face = FaceModel.load()
    triangles, weights = photometric._places(face)
    regions = face.regions[face.triangles[triangles]]
    assert set(regions.unique().tolist()) == {0, 1}  # face, lips
    torch.testing.assert_close(weights.sum(1), torch.ones(len(weights)))
    assert float(weights.min()) >= 0
