"""A capture of version 1 becomes one of the present version: nothing of it moves, and a damaged one stays as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_capture import make_capture

from gaussian_head import InputError, upgrade
from gaussian_head.capture import Capture, CaptureInfo
from gaussian_head.cli import main
from gaussian_head.motion import read_take

NEW = ("units", "gaze", "residual", "code_weights", "code_bias", "code_bounds", "reprojection")


@pytest.fixture(scope="module")
def present(tmp_path_factory) -> Path:
    return make_capture(tmp_path_factory.mktemp("captures") / "present", num_frames=20, size=32)[0].path


@pytest.fixture
def old(present, tmp_path) -> Path:
    """The same clip as version 1 wrote it: a code of its own in place of units, gaze and what they leave."""
    folder = Path(shutil.copytree(present, tmp_path / "old"))
    capture = Capture.load(present)
    tensors = load_file(present / "tracking.safetensors")
    rest = {name: value for name, value in tensors.items() if name not in NEW}
    write(folder, rest | {"expression": capture.code, "residual": tensors["reprojection"]})
    values = json.loads((folder / "capture.json").read_text())
    values |= {"version": 1, "channels": values.pop("code")}
    (folder / "capture.json").write_text(json.dumps(values))
    return folder


def write(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "tracking.safetensors")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_an_older_capture_says_how_it_is_upgraded(old):
    with pytest.raises(InputError, match=f"version 1.*`gaussian-head upgrade {old}`"):
        Capture.load(old)


def test_an_upgraded_capture_shows_the_same_face_in_the_same_place(old, present, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gaussian-head", "upgrade", str(old)])
    main()
    assert f"capture: {old}" in capsys.readouterr().out
    before, after = Capture.load(present), Capture.load(old)
    torch.testing.assert_close(after.code, before.code, atol=1e-5, rtol=0)
    for name in ("landmarks", "reprojection", "tracked"):
        assert torch.equal(getattr(after, name), getattr(before, name)), name
    for part in ("head", "torso"):
        pose, was = getattr(after.motion, part), getattr(before.motion, part)
        assert torch.equal(pose.quats, was.quats)
        assert torch.equal(pose.positions, was.positions)
    assert after.motion.units.amin() >= 0
    opening, jaw = after.motion.control("jawOpen"), before.coded("jaw_open")
    assert float(torch.corrcoef(torch.stack([opening, jaw]))[0, 1]) > 0.9
    assert len(read_take(old / "arkit.csv")) == 20


def test_an_upgraded_capture_and_one_of_the_present_version_stay_as_they_are(old):
    upgrade(old)
    before = content(old)
    upgrade(old)
    assert content(old) == before


def test_an_upgrade_cut_off_between_its_files_is_finished_by_the_next(old, present, monkeypatch):
    def cut_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CaptureInfo, "to_json", cut_off)
        with pytest.raises(KeyboardInterrupt):
            upgrade(old)
    torch.testing.assert_close(upgrade(old).code, Capture.load(present).code, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"landmarks": None}, "lacks landmarks"),
        ({"tracked": None}, "tracked"),
        ({"expression": torch.zeros(19, 22)}, r"expression has shape \[19, 22\]; \[20, 22\]"),
        ({"shape": torch.zeros(3, 3)}, r"shape has shape \[3, 3\]"),
        ({"torso_quats": torch.zeros(20, 3)}, r"torso_quats has shape \[20, 3\]"),
        ({"head_positions": torch.full((20, 3), float("nan"))}, "track the video again"),
    ],
)
def test_a_damaged_capture_is_refused_in_words_and_stays_as_it_was(old, change, words):
    tensors = load_file(old / "tracking.safetensors") | change
    write(old, {name: value for name, value in tensors.items() if value is not None})
    before = content(old)
    with pytest.raises(InputError, match=words):
        upgrade(old)
    assert content(old) == before


def test_what_is_no_capture_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"capture\.json does not exist"):
        upgrade(tmp_path)
