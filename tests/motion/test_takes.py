"""Takes of Live Link Face and MediaPipe's blendshapes: written, read back, and refused in words."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from motion_fixtures import wandering
from support_head import make_actor

from gaussian_head import InputError
from gaussian_head.actor import lent
from gaussian_head.face import UNITS, with_looks
from gaussian_head.io import read_motion
from gaussian_head.motion import Motion, Pose, read_take, write_take
from gaussian_head.motion.arkit import COLUMNS, HEAD
from gaussian_head.transforms import quat_conjugate, quat_multiply, quat_to_rotmat, quat_to_rotvec, rotvec_to_quat


def played() -> Motion:
    """Forty frames at 30 fps; the head turns far about all axes, and rests often."""
    motion = wandering(40, fps=30.0)
    turn = 0.4 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    turn[::2] = 0
    units, gaze = motion.units.clamp(0, 1), motion.gaze.clamp(-0.4, 0.4)
    return replace(motion, head=replace(motion.head, quats=rotvec_to_quat(turn)), units=units, gaze=gaze)


@pytest.fixture
def take(tmp_path) -> Path:
    write_take(tmp_path / "take.csv", played())
    return tmp_path / "take.csv"


def edited(take: Path, line: int, column: str, value: str) -> None:
    lines = take.read_text(encoding="utf-8").split("\n")
    cells = lines[line].split(",")
    cells[lines[0].split(",").index(column)] = value
    lines[line] = ",".join(cells)
    take.write_text("\n".join(lines), encoding="utf-8")


def test_a_take_reads_back(take):
    motion, read = played(), read_take(take)
    assert read.fps == 30
    torch.testing.assert_close(read.units, with_looks(motion.units, motion.gaze), atol=1e-6, rtol=0)
    torch.testing.assert_close(read.gaze, motion.gaze, atol=1e-6, rtol=0)
    torch.testing.assert_close(quat_to_rotmat(read.head.quats), quat_to_rotmat(motion.head.quats), atol=1e-5, rtol=0)
    assert read.residual.shape == (40, 0)
    assert read.is_unplaced


def test_columns_are_named_and_ordered_as_the_app_does(take):
    rows = list(csv.reader(take.open(encoding="utf-8")))
    assert rows[0][:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"]
    assert rows[0][-9:-6] == list(HEAD)
    assert len(rows[0]) == 63
    assert {name[0].lower() + name[1:] for name in COLUMNS[:52]} == set(UNITS)
    assert [rows[i][0] for i in (1, 2, 31)] == ["00:00:00:00.000", "00:00:00:01.000", "00:00:01:00.000"]
    assert {row[1] for row in rows[1:]} == {"61"}


@pytest.mark.parametrize(("axis", "angle"), [(0, 0.2), (1, -0.3), (2, 0.1)], ids=["nod", "shake", "tilt"])
def test_angles_are_to_the_subjects_right_down_and_clockwise(tmp_path, axis, angle):
    turn = torch.zeros(5, 3)
    turn[4, axis] = angle
    motion = replace(wandering(5), head=Pose(quats=rotvec_to_quat(turn), positions=torch.zeros(5, 3)))
    write_take(tmp_path / "t.csv", motion)
    last = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8")))[4]
    got = [float(last[name]) for name in ("HeadPitch", "HeadYaw", "HeadRoll")]
    assert got == pytest.approx([angle * (k == axis) for k in range(3)], abs=1e-6)


def test_dropped_and_doubled_frames_keep_the_time(take):
    lines = take.read_text(encoding="utf-8").split("\n")
    take.write_text("\n".join([*lines[:10], lines[9], *lines[13:]]), encoding="utf-8")
    whole, read = with_looks(played().units, played().gaze), read_take(take)
    assert read.fps == 30
    assert len(read) == 40
    torch.testing.assert_close(read.units[20:], whole[20:], atol=1e-4, rtol=0)
    assert len(read_take(take)) == 40


def test_a_take_moves_a_head_from_its_own_place(take):
    clip = make_actor(30, num_gaussians=60, size=16).clip
    driven = lent(clip, take)
    assert float(driven.head.positions.std(0).max()) < 1e-6
    assert float((driven.head.positions[0] - clip.motion.head.positions.median(0).values).norm()) < 0.01
    turn = quat_multiply(driven.head.quats, quat_conjugate(driven.head.quats[0]).expand(40, 4))
    torch.testing.assert_close(quat_to_rotvec(turn), quat_to_rotvec(played().head.quats), atol=1e-4, rtol=0)


def test_a_real_take_is_read(footage):
    path = footage / "people" / "arkit" / "livelink_take.csv"
    if not path.is_file():
        pytest.skip(f"no take at {path}")
    motion = read_take(path)
    assert motion.fps == 30, "the app counts sixtieths and filmed every other one"
    assert 0 <= float(motion.units.min()) <= float(motion.units.max()) < 1.05
    eyes = [column for column in csv.DictReader(path.open(encoding="utf-8-sig"))]
    for angle, column, sign in ((0, "LeftEyeYaw", -1), (1, "LeftEyePitch", 1)):
        told = torch.tensor([sign * float(row[column]) for row in eyes])
        n = min(len(told), len(motion)) // 2
        pair = torch.stack([motion.gaze[:n, angle], told[:n]])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.95


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("JawOpen", "Jaw"), "line 1: the columns JawOpen are missing"),
        (lambda text: text.replace("Timecode", "Time"), "columns Timecode are missing"),
        (lambda text: text.replace(",", ";"), "line 1: columns are separated by ';'; commas were wanted"),
        (lambda text: text.replace(",", "\t"), "separated by '.t'"),
        (lambda text: text.split("\n")[0], "no frame"),
        (lambda text: text[: len(text) - 30], "line 41: 6. values came; 63"),
        (lambda text: "", "columns Timecode"),
        (lambda text: text.replace("00:00:01:00.000", "1.0"), "line 32, column Timecode: '1.0' came"),
        (lambda text: text.replace("00:00:01:00.000", "00:00:00:00.000"), "line 32, column Timecode: it goes back"),
    ],
)
def test_other_files_are_refused_with_what_is_wrong(take, change, said):
    take.write_text(change(take.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_motion(take)


@pytest.mark.parametrize("value", ["nan", "inf", "", "open", "57.3"])
def test_a_value_that_is_no_unit_is_named_with_its_place(take, value):
    edited(take, 7, "JawOpen", value)
    with pytest.raises(InputError, match=f"line 8, column JawOpen: '{value}' came"):
        read_take(take)


CATEGORIES = [
    {"index": 0, "categoryName": "_neutral", "score": 1e-5},
    {"index": 25, "categoryName": "jawOpen", "score": 0.4},
]
TURNED = [0.8, 0.0, -0.6, 0, 0, 1, 0, 0, 0.6, 0.0, 0.8, 0, 1, 2, 3, 1]
"""Column by column, OpenGL's axes: about +y (up) by 0.6435."""


@pytest.mark.parametrize(
    "content",
    [
        {"fps": 25, "frames": [{"jawOpen": 0.4}, {"jawOpen": 0.4}]},
        [{"timestamp": 40 * t, "blendshapes": {"jawOpen": 0.4}} for t in range(2)],
        [{"timestampMs": 40 * t, "faceBlendshapes": [{"categories": CATEGORIES}]} for t in range(2)],
        [
            {"timestamp_ms": 40 * t, "face_blendshapes": [[{"category_name": "jawOpen", "score": 0.4}]]}
            for t in range(2)
        ],
        {"fps": 25, "frames": [{"blendshapes": {"jawOpen": 0.4}}, {"blendshapes": {}}]},
    ],
    ids=["plain", "named", "JavaScript", "Python", "no face in one"],
)
def test_blendshapes_are_read_as_mediapipe_gives_them(tmp_path, content):
    (tmp_path / "b.json").write_text(json.dumps(content))
    motion = read_motion(tmp_path / "b.json")
    assert motion.fps == 25
    assert motion.control("jawOpen").tolist() == pytest.approx([0.4, 0.4])
    assert motion.is_unplaced


def test_mediapipes_matrix_turns_the_head(tmp_path):
    frame = {
        "blendshapes": {"jawOpen": 0.1},
        "facialTransformationMatrixes": [{"rows": 4, "columns": 4, "data": TURNED}],
    }
    (tmp_path / "b.json").write_text(json.dumps({"fps": 30, "frames": [frame]}))
    turn = quat_to_rotvec(read_motion(tmp_path / "b.json").head.quats[0])
    assert turn.tolist() == pytest.approx([0, -0.6435, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"jawOpen": 0.4}, {"jawOpen": 0.4}], "says no rate"),
        ({"fps": 30, "frames": [{"jawOpen": 0.4}, {"jawOpen": "wide"}]}, "frame 1, jawOpen"),
        ({"fps": 30, "frames": [{"jawOpen": 0.4, "jawOpne": 0.4}]}, "frame 0: 'jawOpne' is no blendshape"),
        ({"fps": 1e9, "frames": [{"jawOpen": 0.4}]}, "fps"),
        ({"fps": 30, "frames": [{"jawOpen": 0.4, "facialTransformationMatrixes": [[1, 2]]}]}, "frame 0: its transf"),
        ({"fps": 30, "frames": []}, "blendshapes were wanted"),
    ],
)
def test_bad_blendshapes_are_refused_in_words(tmp_path, content, said):
    (tmp_path / "b.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=said):
        read_motion(tmp_path / "b.json")
