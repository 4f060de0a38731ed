"""The parametric head: what its file promises, and what identity, units and gaze do to it."""

from __future__ import annotations

import time

import pytest
import torch

from gaussian_head import InputError
from gaussian_head.face import JOINTS, REGIONS, UNITS, FaceModel, mirrored
from gaussian_head.face.model import DATA

MM = 1000.0


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load()


def unit(**weights: float) -> torch.Tensor:
    values = torch.zeros(len(UNITS))
    for name, weight in weights.items():
        values[UNITS.index(name)] = weight
    return values


def moved(model: FaceModel, region: str, **weights: float) -> torch.Tensor:
    """Mean offset ``[3]`` of a region in millimetres."""
    rows = model.of_region(region)
    return MM * (model.vertices(torch.zeros(1), unit(**weights)) - model.mean)[rows].mean(0)


def test_file_is_small_and_names_its_licence():
    from safetensors import safe_open

    assert DATA.stat().st_size <= 4_000_000
    with safe_open(DATA, "pt") as file:
        assert "CC0" in file.metadata()["licence"]
    assert "CC0" in (DATA.parent / "LICENSE.md").read_text(encoding="utf-8")


def test_the_mean_head_has_the_size_and_place_of_a_head(model):
    skull = model.mean[model.of_region("face", "scalp", "ears")]
    width, height, depth = (MM * (skull.amax(0) - skull.amin(0))).tolist()
    assert 140 < width < 200
    assert 200 < height < 270
    assert 170 < depth < 240
    assert (MM * model.mean[model.of_region("ears")].mean(0)).abs().max() < 1
    nose_side = model.mean[model.of_region("lips")].mean(0)
    assert nose_side[1] > 0.03, "lips lie below the ears' centre: +y is down"
    assert nose_side[2] < -0.05, "the face looks towards -z"


def test_every_region_has_vertices_and_every_triangle_has_three(model):
    assert set(model.regions.tolist()) == set(range(len(REGIONS)))
    assert model.triangles.min() == 0
    assert model.triangles.max() == len(model.mean) - 1
    assert model.uv_triangles.shape == model.triangles.shape
    assert model.uv_triangles.max() == len(model.uvs) - 1
    assert 0 <= float(model.uvs.min()) <= float(model.uvs.max()) <= 1


def test_skin_is_wound_counter_clockwise_seen_from_outside(model):
    corners = model.mean[model.triangles]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    on_skull = torch.isin(model.regions[model.triangles], torch.tensor([REGIONS.index("scalp")])).all(1)
    outwards = corners.mean(1) - torch.tensor([0.0, -0.03, 0.02])
    # +y is down and +z away from the viewer, which keeps the handedness: outside is where the normal points.
    assert ((normal * outwards).sum(1)[on_skull] > 0).float().mean() > 0.99


def test_left_is_the_subjects_left_and_units_mirror_each_other(model):
    lids = model.of_region("lids")
    for name in ("eyeBlinkLeft", "mouthSmileLeft", "browDownLeft"):
        rows = model.units[UNITS.index(name)].norm(dim=1)
        assert float((rows * model.mean[:, 0]).sum()) > 0, "the subject's left is the picture's right, +x"
        other = model.units[UNITS.index(mirrored(name))].norm(dim=1)
        assert float(rows.sum() / other.sum()) == pytest.approx(1, rel=0.02)
    assert float(model.units[UNITS.index("eyeBlinkLeft")][lids].norm(dim=1).max()) > 0.004
    assert mirrored("jawOpen") == "jawOpen"
    assert {mirrored(name) for name in UNITS} == set(UNITS)


def test_there_are_fifty_two_units_in_alphabetical_order():
    assert len(UNITS) == 52
    assert list(UNITS) == sorted(UNITS)
    assert {"jawOpen", "mouthPucker", "eyeBlinkLeft", "tongueOut"} < set(UNITS)
    assert "neutral" not in UNITS


def test_jaw_carries_the_lower_teeth_and_leaves_the_upper_to_the_skull(model):
    assert float(moved(model, "upper_teeth", jawOpen=1).norm()) < 0.1
    assert float(moved(model, "lower_teeth", jawOpen=1)[1]) > 10
    assert float(moved(model, "tongue", tongueOut=1)[2]) < -5


def test_pucker_comes_forward_and_smile_widens(model):
    lips = model.of_region("lips")

    def width(**weights: float) -> float:
        x = model.vertices(torch.zeros(1), unit(**weights))[lips, 0]
        return float(MM * (x.max() - x.min()))

    assert moved(model, "lips", mouthPucker=1)[2] < -1
    assert width(mouthSmileLeft=1, mouthSmileRight=1) > width() + 5
    assert width(mouthPucker=1) < width() - 3


def test_gaze_turns_the_eyeballs_about_their_centres_and_nothing_else(model):
    gaze = torch.tensor([[0.3, 0.0], [0.0, 0.2]])
    turned = model.vertices(torch.zeros(1), gaze=gaze)
    change = (turned - model.mean).norm(dim=1)
    eyes = model.of_region("eye_left", "eye_right")
    others = torch.ones(len(model.mean), dtype=torch.bool).index_fill(0, eyes, False)
    assert float(change[others].max()) == 0
    for name, axis in (("eye_left", 0), ("eye_right", 1)):
        rows = model.of_region(name)
        centre = model.mean[rows].mean(0)
        assert torch.allclose(turned[rows].mean(0), centre, atol=1e-6)
        front = rows[model.mean[rows, 2].argmin()]
        assert float((turned - model.mean)[front, axis]) > 0.002


def test_batches_broadcast_and_equal_single_frames(model):
    generator = torch.Generator().manual_seed(0)
    identity = torch.randn(1, 12, generator=generator)
    units, gaze = torch.rand(5, 52, generator=generator), torch.randn(5, 2, 2, generator=generator) * 0.1
    together = model.vertices(identity, units, gaze)
    assert together.shape == (5, len(model.mean), 3)
    alone = model.vertices(identity[0], units[3], gaze[3])
    assert torch.allclose(together[3], alone, atol=1e-6)
    assert model.joints(identity).shape == (1, len(JOINTS), 3)


def test_gradients_reach_identity_units_and_gaze(model):
    inputs = [torch.zeros(8), torch.full((52,), 0.1), torch.zeros(2, 2)]
    inputs = [value.requires_grad_() for value in inputs]
    model.vertices(*inputs).square().sum().backward()
    for value in inputs:
        assert value.grad is not None
        assert value.grad.abs().max() > 0


def test_modes_are_ordered_and_plausible_at_two_deviations(model):
    strength = model.modes[:, model.regions != REGIONS.index("shoulders")].square().sum((1, 2))
    assert float(strength[:5].mean()) > 10 * float(strength[40:].mean())
    generator = torch.Generator().manual_seed(1)
    heads = model.neutral(torch.randn(50, model.num_identity, generator=generator))
    skull = heads[:, model.of_region("face", "scalp")]
    height = MM * (skull.amax(1) - skull.amin(1))[:, 1]
    assert float(height.min()) > 180
    assert float(height.max()) < 300


def test_a_frame_takes_at_most_two_milliseconds(model):
    identity, units, gaze = torch.zeros(80), torch.rand(52), torch.zeros(2, 2)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        model.vertices(identity, units, gaze)
        times.append(time.perf_counter() - start)
    assert min(times) < 2e-3


@pytest.mark.parametrize(
    ("identity", "units", "gaze", "said"),
    [
        (torch.zeros(81), None, None, "identity has shape"),
        (torch.zeros(3), torch.zeros(51), None, "units has shape"),
        (torch.zeros(3), None, torch.zeros(2), "gaze has shape"),
    ],
)
def test_other_sizes_are_refused_in_words(model, identity, units, gaze, said):
    with pytest.raises(ValueError, match=said):
        model.vertices(identity, units, gaze)


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="does not exist"):
        FaceModel.load(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(DATA.read_bytes()[:5000])
    with pytest.raises(InputError, match="cannot be read"):
        FaceModel.load(tmp_path / "cut.safetensors")
    save_file({"mean": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="was wanted"):
        FaceModel.load(tmp_path / "other.safetensors")


def test_landmarks_lie_where_the_face_has_them(model):
    places = model.landmarks(model.mean)
    assert places.shape == (478, 3)
    nose, chin, forehead = places[1], places[152], places[10]
    assert nose[2] < chin[2]
    assert forehead[1] < nose[1] < chin[1]
    upper, lower = places[13], places[14]
    assert (MM * (lower - upper)).abs().max() < 4, "inner lips meet on the closed mouth"
    for iris, eye in ((468, "eye_right"), (473, "eye_left")):
        rows = model.of_region(eye)
        front = model.mean[rows][model.mean[rows, 2].argmin()]
        assert float(MM * (places[iris] - front).norm()) < 4
    width = float(MM * (places[469] - places[471]).norm())
    assert 8 < width < 15, "an iris is 11.7 mm wide"


def test_landmarks_mirror_each_other_and_follow_the_units(model):
    from gaussian_head.facenet import mirror

    places = model.landmarks(model.mean)
    flipped = places[torch.from_numpy(mirror())] * torch.tensor([-1.0, 1.0, 1.0])
    assert float(MM * (flipped - places).norm(dim=1).mean()) < 1
    opened = model.landmarks(model.vertices(torch.zeros(1), unit(jawOpen=0.5)))
    assert float(MM * (opened[14] - opened[13]).norm()) > 8
    assert float(MM * (opened - places)[10].norm()) < 0.5
