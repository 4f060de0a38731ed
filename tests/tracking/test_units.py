"""Units of a clip whose truth is known: a head of the parametric model before a camera."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gaussian_head.capture import Capture, CaptureInfo
from gaussian_head.face import UNITS, FaceModel
from gaussian_head.facenet import triangles
from gaussian_head.facenet.contours import LEFT_BROW, LIPS, RIGHT_BROW
from gaussian_head.motion import CONTROLS
from gaussian_head.tracking.code_map import fit_code_map
from gaussian_head.tracking.filmed import FilmedFace
from gaussian_head.tracking.learnt_units import learn_correction
from gaussian_head.tracking.solve import CODE
from gaussian_head.tracking.unit_rows import read_correction
from gaussian_head.tracking.unit_solver import UnitSolver
from gaussian_head.tracking.units import units_of
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat

FRAMES, TRAIN, FPS, FOCAL, SIZE = 120, 100, 25.0, 1500.0, 512
SPOKEN = ("jawOpen", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight")
NO_CORRECTION = torch.zeros(52, 478, 3, dtype=torch.float64)


def bumps(seed: int, count: int = FRAMES, width: float = 4.0) -> Tensor:
    """A few smooth rises to 0.6 and back ``[T]``."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(5, generator=generator) * count
    return (0.6 * torch.exp(-(((torch.arange(count) - centres[:, None]) / width) ** 2))).sum(0).clamp(max=0.8)


def made_capture(correction: Tensor = NO_CORRECTION, seed: int = 0) -> tuple[Capture, Tensor]:
    """A capture whose neutral face, poses and units are exact, landmarks with a little noise; and its units."""
    face, generator = FaceModel.load(), torch.Generator().manual_seed(seed)
    identity = 0.7 * torch.randn(20, generator=generator)
    units = torch.zeros(FRAMES, len(UNITS))
    for k, name in enumerate(SPOKEN):
        units[:, UNITS.index(name)] = bumps(100 * seed + k, width=1.5 if "Blink" in name else 4.0)
    neutral = face.landmarks(face.neutral(identity))
    rows = face.landmarks(face.units) + correction.float()
    head = neutral + torch.einsum("tk,klc->tlc", units, rows)
    quats = rotvec_to_quat(0.15 * torch.stack([bumps(7), bumps(8), bumps(9)], 1))
    positions = torch.tensor([0.0, 0.0, 0.9]) + 0.01 * torch.stack([bumps(4), bumps(5), bumps(6)], 1)
    cam = torch.einsum("tij,tlj->tli", quat_to_rotmat(quats), head) + positions[:, None]
    landmarks = cam[..., :2] / cam[..., 2:] * FOCAL + SIZE / 2
    landmarks = landmarks + 0.1 * torch.randn(landmarks.shape, generator=generator)
    K = len(CODE)
    info = CaptureInfo(
        fps=FPS, num_frames=FRAMES, width=SIZE, height=SIZE, num_train=TRAIN, source={}, has_audio=False,
        audio_offset=0.0, code=list(CODE), K=[[FOCAL, 0, SIZE / 2], [0, FOCAL, SIZE / 2], [0, 0, 1]],
    )  # fmt: skip
    code = torch.zeros(FRAMES, K)
    code[:, CODE.index("blink_l")] = units[:, UNITS.index("eyeBlinkLeft")]
    code[:, CODE.index("blink_r")] = units[:, UNITS.index("eyeBlinkRight")]
    tensors = {
        "landmarks": landmarks, "shape": neutral, "basis": torch.zeros(K, 478, 3),
        "units": torch.zeros(FRAMES, 52), "gaze": torch.zeros(FRAMES, 2), "residual": code,
        "code_weights": torch.zeros(54, K), "code_bias": torch.zeros(K),
        "code_bounds": torch.tensor([[-9.0], [9.0]]).repeat(1, K),
        "head_quats": quats, "head_positions": positions, "torso_quats": quats, "torso_positions": positions,
        "triangles": torch.from_numpy(triangles()), "reprojection": torch.zeros(FRAMES),
        "tracked": torch.ones(FRAMES, dtype=torch.uint8),
    }  # fmt: skip
    return Capture(Path("made"), info, tensors, 0), units


def agreement(found: Tensor, true: Tensor, name: str) -> float:
    k = UNITS.index(name)
    return float(torch.corrcoef(torch.stack([found[:, k], true[:, k]]))[0, 1])


def test_units_of_a_known_face_are_found_and_the_silent_ones_stay_still():
    capture, true = made_capture()
    found = units_of(FilmedFace.of(capture), correction=NO_CORRECTION)
    assert found.units.shape == (FRAMES, 52)
    assert float(found.units.min()) >= 0
    assert float(found.units.max()) <= 1
    scores = {name: round(agreement(found.units, true, name), 2) for name in SPOKEN}
    assert min(scores.values()) > 0.85, scores
    assert sum(scores.values()) / len(scores) > 0.93, scores
    silent = [k for k, name in enumerate(UNITS) if name not in SPOKEN]
    assert float(found.units[:, silent].mean()) < 0.03
    assert float(found.residual.mean()) < 0.3


def test_held_out_frames_teach_nothing():
    capture, _ = made_capture()
    spoilt, _ = made_capture()
    spoilt.landmarks[TRAIN + 5 :] += 3
    spoilt.motion.head.positions[TRAIN + 5 :, 2] += 9
    near, far = (UnitSolver(FilmedFace.of(c), FaceModel.load(), NO_CORRECTION) for c in (capture, spoilt))
    assert near.pixel == far.pixel
    near, far = (units_of(FilmedFace.of(c), correction=NO_CORRECTION) for c in (capture, spoilt))
    assert torch.equal(near.rows.identity, far.rows.identity)
    assert float((near.units - far.units)[: TRAIN - 25].abs().max()) < 0.02


def test_what_the_mesh_gets_wrong_at_landmarks_is_learnt_from_other_people():
    wrong = torch.zeros_like(NO_CORRECTION)
    wrong[UNITS.index("jawOpen"), list(LIPS), 1] = 0.006
    wrong[UNITS.index("browInnerUp"), [*LEFT_BROW, *RIGHT_BROW], 1] = -0.003
    people = [made_capture(wrong, seed)[0] for seed in (1, 2, 3)]
    learnt = learn_correction(people)
    stranger, _ = made_capture(wrong, 4)
    before = units_of(FilmedFace.of(stranger), correction=NO_CORRECTION).residual.mean()
    after = units_of(FilmedFace.of(stranger), correction=learnt).residual.mean()
    assert float(after) < 0.8 * float(before)


def test_what_a_clip_shows_is_learnt_and_what_it_never_shows_moves_as_on_anybody():
    generator = torch.Generator().manual_seed(0)
    rows = 0.01 * torch.randn(52, 60, 3, generator=generator)
    shown, names = UNITS.index("jawOpen"), ("jaw_open", "gaze_x", "gaze_y", "lip_0")
    basis = torch.zeros(4, 60, 3)
    basis[0], basis[3] = 2 * rows[shown], rows[UNITS.index("mouthPucker")]
    controls, code = torch.zeros(200, 54), torch.zeros(200, 4)
    controls[:, shown] = torch.rand(200, generator=generator)
    controls[:, CONTROLS.index("eyeLookUpLeft")] = torch.rand(200, generator=generator)
    code[:, 0] = 0.3 + 0.8 * controls[:, shown]
    code[:, 3] = 0.1 * torch.randn(200, generator=generator)
    fitted = fit_code_map(code, names, controls, torch.arange(150), basis, rows)
    assert float(fitted.weights[shown, 0]) == pytest.approx(0.8, abs=0.02), "the clip says 0.8, the model 0.5"
    assert float(fitted.bias[0]) == pytest.approx(0.3, abs=0.02)
    assert float(fitted.weights[UNITS.index("mouthPucker"), 3]) == pytest.approx(1, abs=0.1)
    assert float(fitted.weights[CONTROLS.index("gaze_right"), 1]) > 0.5
    assert float(fitted.weights[[name.startswith("eyeLook") for name in CONTROLS]].abs().max()) == 0
    low, high = fitted.bounds
    assert float(high[0]) == pytest.approx(1.1 + 0.2, abs=0.05), (
        "what is measured may go a quarter of its range further"
    )
    assert float(code[:150, 3].min()) <= float(low[3]) < float(high[3]) <= float(code[:150, 3].max())


def test_eyes_that_always_blink_together_can_wink():
    generator = torch.Generator().manual_seed(0)
    rows, names = 0.01 * torch.randn(52, 60, 3, generator=generator), ("blink_l", "blink_r", "gaze_x", "gaze_y")
    left, right = (UNITS.index(f"eyeBlink{side}") for side in ("Left", "Right"))
    basis = torch.zeros(4, 60, 3)
    basis[0], basis[1] = rows[left], rows[right]
    controls, code = torch.zeros(200, 54), torch.zeros(200, 4)
    controls[:, [left, right]] = torch.rand(200, 1, generator=generator)
    code[:, 0], code[:, 1] = 1.6 * controls[:, left], 1.4 * controls[:, right]
    weights = fit_code_map(code, names, controls, torch.arange(150), basis, rows).weights
    assert weights[[left, right]][:, :2] == pytest.approx(torch.tensor([[1.6, 0.0], [0.0, 1.4]]), abs=0.03)


def test_the_shipped_table_is_small_and_its_own_mirror_image():
    from gaussian_head.face import mirrored
    from gaussian_head.facenet import mirror

    table = read_correction()
    assert table.shape == (52, 478, 3)
    assert float(table.abs().max()) < 0.02
    units = torch.tensor([UNITS.index(mirrored(name)) for name in UNITS])
    flipped = table[units][:, torch.from_numpy(mirror())] * torch.tensor([-1.0, 1.0, 1.0])
    assert float((flipped - table).abs().max()) < 1e-4


@pytest.mark.slow
def test_units_alone_explain_real_footage(german):
    found = units_of(FilmedFace.of(german))
    assert float(found.residual[german.num_train :].mean()) < 0.26
