"""`gaussian-head export` from the command line."""

import sys
from dataclasses import replace

import pytest
from support_head import make_actor

from gaussian_head.cli import main
from gaussian_head.exporting import FORMATS
from gaussian_head.io import read_ply


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("head") / "head"
    replace(make_actor(6, num_gaussians=60, size=32), voice=None).save(folder)
    return folder


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["gaussian-head", "export", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_help_names_every_format(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for name, row in FORMATS.items():
        assert f"{name} (" in words
        assert row.description.split()[0] in words


@pytest.mark.parametrize("name", ["ply", "splat", "compressed-ply", "spz", "motion-json", "motion-csv", "cameras-json"])
def test_a_format_is_one_command(saved, tmp_path, monkeypatch, capsys, name):
    out = tmp_path / f"out{FORMATS[name].endings[0]}"
    assert run(monkeypatch, saved, "--format", name, "--out", out) == 0
    assert out.stat().st_size > 100
    assert str(out) in capsys.readouterr().out


def test_frames_become_a_folder(saved, tmp_path, monkeypatch):
    assert run(monkeypatch, saved, "--frames", "0:6:2", "--out", tmp_path / "seq") == 0
    assert len(read_ply(tmp_path / "seq" / "000002.ply")) == 60


def test_mistakes_end_in_one_line(saved, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, saved, "--format", "fbx", "--out", tmp_path / "a.fbx") == 2
    assert "choose among ply, splat" in capsys.readouterr().err
    assert run(monkeypatch, saved, "--audio", tmp_path / "none.wav", "--out", tmp_path / "seq") == 2
    assert "none.wav" in capsys.readouterr().err
    assert run(monkeypatch, saved, "--format", "glb", "--out", tmp_path / "a.glb") == 2
    assert "--capture" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "out"), [("html", "talk.mp4"), ("baked", "talk.safetensors"), ("motion-csv", "m.json")]
)
def test_a_file_ends_as_its_format_also_for_many_frames(saved, tmp_path, monkeypatch, capsys, name, out):
    assert run(monkeypatch, saved, "--format", name, "--frames", "0:3", "--out", tmp_path / out) == 2
    assert f"ends in {FORMATS[name].endings[0]}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
