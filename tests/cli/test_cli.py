"""The command line: every verb explains itself, and mistakes end in one clear line."""

import errno
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest
from support_head import make_head

from gaussian_head.cli import main
from gaussian_head.events import Progress, Warned
from gaussian_head.verbs import VERBS
from gaussian_head.verbs.bars import ProgressBars

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS, README = ROOT / "scripts", ROOT / "README.md"


def run(*arguments: str, capsys, monkeypatch) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["gaussian-head", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("verb", VERBS)
def test_help_explains_every_field(verb, capsys, monkeypatch):
    code, out, _ = run(verb, "--help", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 0
    assert len(out.splitlines()) > 3


def test_scripts_and_readme_have_the_verbs_of_the_table():
    scripts = {name: path.stem for path in SCRIPTS.glob("*.py") for name in called(path.read_text())}
    assert scripts == {name: verb.file for name, verb in VERBS.items()}
    rows = re.findall(r"^\| `([a-z]+)` \|", README.read_text(encoding="utf-8").split("| verb |")[1], re.MULTILINE)
    assert rows[: len(VERBS)] == list(VERBS)


def called(script: str) -> list[str]:
    return re.findall(r'run_verb\("(\w+)"\)', script)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_every_verb_is_explained(verb, capsys, monkeypatch):
    _, out, _ = run(verb, "--help", capsys=capsys, monkeypatch=monkeypatch)
    names = [field.name for field in fields(VERBS[verb].options) if field.name != "live"]
    bare = [line for line in out.splitlines() if re.fullmatch(r"│ (-\S+|PATH)\s+(\(required\))?\s*│", line)]
    assert not bare
    assert all(f"--{name}" in out or name in ("head", "heads", "video", "capture", "folder", "block") for name in names)


def test_a_script_runs():
    done = subprocess.run([sys.executable, str(SCRIPTS / "doctor.py")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "compiled kernels" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("track", "{tmp}/missing.mp4", "--out", "{tmp}/out"), "missing.mp4 does not exist"),
        (("track", "{tmp}/text.mp4", "--out", "{tmp}/out"), "text.mp4"),
        (("train", "{tmp}/nothing", "--out", "{tmp}/out"), "not a folder"),
        (("render", "{tmp}", "--out", "{tmp}/a.mp4"), "holds no trained head"),
        (("evaluate", "{tmp}", "--out", "{tmp}/report"), "holds no trained head"),
        (("export", "{tmp}", "--out", "{tmp}/a.ply"), "holds no trained head"),
        (("train", "{tmp}", "--out", "{tmp}/text.mp4/inside"), "cannot be written"),
    ],
)
def test_mistakes_end_in_one_line(arguments, words, tmp_path, capsys, monkeypatch):
    (tmp_path / "text.mp4").write_text("this is no video")
    filled = [a.replace("{tmp}", str(tmp_path)) for a in arguments]
    code, _, err = run(*filled, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert err.startswith("error: ")
    assert words in err
    assert not (tmp_path / "out" / "capture.json").exists()
    assert not (tmp_path / "a.mp4").exists()


def test_a_full_disk_ends_in_one_line(tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "a.ply"))

    monkeypatch.setattr("gaussian_head.verbs.export.run", full)
    code, _, err = run(
        "export", str(tmp_path), "--out", str(tmp_path / "a.ply"), capsys=capsys, monkeypatch=monkeypatch
    )
    assert code == 2
    assert "No space left on device" in err
    assert "a.ply" in err


def test_bars_follow_stages_and_warnings_are_printed(capsys):
    bars = ProgressBars()
    bars(Progress(stage="one", done=1, total=2))
    bars(Warned(message="two faces; the larger is taken"))
    bars(Progress(stage="two", done=5, total=5, values={"psnr": 31.25}))
    bars.close()
    err = capsys.readouterr().err
    assert "warning: two faces" in err
    assert "two" in err
    assert "31.25" in err


def test_evaluate_makes_nothing_without_a_head(tmp_path, capsys, monkeypatch):
    arguments = ("evaluate", str(tmp_path / "nothing"), "--out", str(tmp_path / "out"))
    code, _, _ = run(*arguments, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert not (tmp_path / "out").exists()


def test_an_impossible_port_is_refused(capsys, monkeypatch, tmp_path):
    replace(make_head(num_gaussians=50, size=32), audio_model=None).save(tmp_path / "head")
    code, _, err = run("view", str(tmp_path / "head"), "--port", "99999999", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "port is 99999999" in err
