"""The command line: every verb explains itself, and mistakes end in one clear line."""

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support_capture import make_capture
from support_head import make_actor

import gaussian_head
from gaussian_head import __version__, cli
from gaussian_head.capture import Capture, require_source
from gaussian_head.checks import fingerprint
from gaussian_head.cli import main
from gaussian_head.events import Progress, Warned
from gaussian_head.media import VideoWriter, _sound_source, write_audio
from gaussian_head.training import PRESETS
from gaussian_head.training.pipeline import save_config
from gaussian_head.verbs import VERBS
from gaussian_head.verbs.bars import ProgressBars
from gaussian_head.verbs.train import train

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
    assert all(
        f"--{name.replace('_', '-')}" in out
        or name in ("head", "heads", "video", "film", "source", "capture", "folder", "block", "jobs")
        for name in names
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_examples_that_the_command_line_reads(verb, capsys, monkeypatch):
    _, out, _ = run(verb, "--help", capsys=capsys, monkeypatch=monkeypatch)
    examples = VERBS[verb].examples
    assert examples
    for example in examples:
        assert f"  {example}\n" in out
        program, name, *words = shlex.split(example)
        assert (program, name) == ("gaussian-head", verb)
        assert isinstance(cli._parsed(verb, words), VERBS[verb].options)


@pytest.mark.parametrize(
    ("word", "near"),
    [("trian", "did you mean 'train'?"), ("exprot", "did you mean 'export'?"), ("xyz", "verb; There are")],
)
def test_a_misspelt_verb_ends_in_one_line_with_the_nearest(word, near, capsys, monkeypatch):
    code, _, err = run(word, "capture", "--out", "head", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert f"'{word}' is no verb" in err
    assert near in err


@pytest.mark.parametrize(("verb", "warned"), [("train", True), ("render", True), ("track", False)])
def test_without_kernels_slow_work_is_told_with_the_remedy(verb, warned, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gaussian_head.doctor.importlib.util.find_spec", lambda name: None)
    code, _, err = run(verb, str(tmp_path / "none"), "--out", "out", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2  # nothing is there to work on
    words = "warning: the compiled kernels are not built; the slow torch reference is used, a hundred times slower"
    assert (words in err) == warned
    assert ("apt-get install g++ python3-dev" in err) == warned


def test_a_verb_called_with_a_misspelt_option_names_itself_and_its_options():
    with pytest.raises(TypeError, match=r"^render\(\): .*'siz'; it takes head, out, .*size"):
        gaussian_head.render("head", "talk.mp4", siz=(640, 480))


def test_the_package_runs_as_the_command_does_and_says_its_version():
    command = [sys.executable, "-m", "gaussian_head", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"gaussian-head {__version__}\n"


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
    replace(make_actor(num_gaussians=50, size=32), voice=None).save(tmp_path / "head")
    code, _, err = run("view", str(tmp_path / "head"), "--port", "99999999", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "port is 99999999" in err


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EADDRINUSE, "--port"), (errno.EROFS, "permissions"), (errno.ENOSPC, "free some space"), (errno.EIO, "")],
)
def test_what_the_system_reports_is_told_as_what_it_was(number, words, capsys):
    with pytest.raises(SystemExit):
        cli._guarded(lambda: raise_(OSError(number, os.strerror(number))))
    err = capsys.readouterr().err
    assert os.strerror(number) in err
    assert words in err
    assert ("free some space" in err) == (number == errno.ENOSPC)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ending_a_viewer_is_no_failure(name, tmp_path):
    replace(make_actor(num_gaussians=50, size=32), voice=None).save(tmp_path / "head")
    heard = partial(signal.signal, getattr(signal, name), signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-m", "gaussian_head", "view", str(tmp_path / "head"), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard if os.name == "posix" else None,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("viewer: "):
            break
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "the viewer is closed" in out
    assert "Traceback" not in err


def raise_(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(("kind", "code"), [(KeyboardInterrupt, 130), (cli.Terminated, 143)])
@pytest.mark.parametrize("words", ["stopped at step 812 of 2500; --resume goes on from there", ""])
def test_a_stopped_run_says_what_is_kept_and_promises_nothing_else(kind, code, words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli._guarded(lambda: raise_(kind(words)))
    assert ended.value.code == code
    err = capsys.readouterr().err
    assert words in err
    assert ("--resume" in err) == bool(words)


WORK = """
import sys, time
from gaussian_head import __version__, cli
from gaussian_head.durable import replacing

def work():
    with replacing(sys.argv[1], folder=True) as temporary:
        temporary.mkdir()
        print("begun", flush=True)
        time.sleep(60)

cli._guarded(work)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_terminated_command_leaves_nothing_behind(tmp_path, name):
    command = [sys.executable, "-c", WORK, str(tmp_path / "capture")]
    heard = partial(signal.signal, getattr(signal, name), signal.SIG_DFL)  # jobs in the background ignore some
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard if os.name == "posix" else None,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "begun"
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=30)
    assert process.returncode == (130 if name == "SIGINT" else 143)
    assert err == "stopped; nothing was left half-written\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_the_letters_is_no_error(encoding):
    code = "from gaussian_head import cli; cli._guarded(lambda: print('head: runs/Łódź 東京'))"
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"head: runs/")
    assert rb"\u6771\u4eac" in done.stdout


def test_who_reads_the_first_line_only_is_not_told_of_an_error():
    command = [
        sys.executable,
        "-c",
        "from gaussian_head import cli; cli._guarded(lambda: print('a line\\n' * 100_000))",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"a line\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 141


def test_reconstruct_says_what_it_would_lose_before_it_tracks(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"a video")
    replace(make_actor(num_gaussians=50, size=32), voice=None).save(tmp_path / "out" / "head")
    arguments = ("reconstruct", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out"))
    code, _, err = run(*arguments, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "finished head, which would be replaced; give --overwrite" in err


@pytest.mark.parametrize("verb", ["track", "reconstruct"])
def test_an_older_capture_is_not_lost_to_another_video(verb, tmp_path, capsys, monkeypatch):
    with VideoWriter(tmp_path / "a.mp4", width=64, height=64, fps=25) as writer:
        for _ in range(100):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    kept, _ = make_capture(tmp_path / "out" / "capture", num_frames=6, size=32, sound=False)
    out = kept.path if verb == "track" else tmp_path / "out"
    code, _, err = run(verb, str(tmp_path / "a.mp4"), "--out", str(out), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "holds a capture, which would be replaced; give --overwrite" in err
    assert Capture.load(kept.path).num_frames == 6


@pytest.mark.parametrize("name", ["capture", "head", "talk.mp4"])
def test_the_demo_replaces_nobody_else_s_work(name, tmp_path, capsys, monkeypatch):
    (tmp_path / name).mkdir()
    code, _, err = run("demo", "--out", str(tmp_path), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert f"{tmp_path / name} is not the demo's" in err
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("seed", ["-1", "9" * 30])
@pytest.mark.parametrize("verb", [("demo",), ("reconstruct", "me.mp4"), ("train", "capture"), ("render", "head")])
def test_a_seed_that_is_none_is_told_before_any_work(verb, seed, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    replace(make_actor(num_gaussians=50, size=32), voice=None).save(tmp_path / "head")
    code, _, err = run(*verb, "--out", "new/out", "--seed", seed, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert re.search(rf"seed is {seed}; a whole number", err)
    assert not (tmp_path / "new" / "out").exists()


@pytest.mark.parametrize(("given", "used"), [(None, 7), (3, 3)])
def test_the_seed_of_a_config_stays_unless_another_is_given(given, used, tmp_path, monkeypatch):
    save_config(replace(PRESETS["preview"], seed=7), tmp_path / "config.json")
    asked = []
    monkeypatch.setattr("gaussian_head.training.train", lambda capture, out, config, **_: asked.append(config.seed))
    options = {} if given is None else {"seed": given}
    train("a capture", tmp_path / "head", config=tmp_path / "config.json", **options)
    assert asked == [used]


@pytest.mark.parametrize("change", ["video", "size"])
def test_reconstruct_does_not_resume_with_the_capture_of_another_video(tmp_path, capsys, monkeypatch, change):
    (tmp_path / "a.mp4").write_bytes(b"one video")
    capture, _ = make_capture(tmp_path / "out" / "capture", num_frames=6, size=32, sound=False)
    meta = capture.path / "capture.json"
    content = json.loads(meta.read_text())
    content["source"] |= {"name": "a.mp4", "sha256": fingerprint(tmp_path / "a.mp4")}
    meta.write_text(json.dumps(content))
    require_source(capture.path, tmp_path / "a.mp4", 32)
    if change == "video":
        (tmp_path / "a.mp4").write_bytes(b"another, of the same name")
    size = "32" if change == "video" else "64"
    arguments = ("reconstruct", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out"), "--resume", "--size", size)
    code, _, err = run(*arguments, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert "was tracked from a.mp4 at 32 pixels" in err


@pytest.mark.parametrize(
    ("verb", "name"),
    [(gaussian_head.render, "a.mp4"), (gaussian_head.export, "a.html"), (gaussian_head.export, "a.ply")],
)
def test_a_given_sound_is_decoded_once_and_told_of(verb, name, tmp_path, monkeypatch):
    tone = 0.3 * np.sin(np.arange(8000) * 0.2).astype(np.float32)
    write_audio(tmp_path / "a.wav", np.stack([tone, -tone], 1), 16000)
    decoded, planar, seen = [], _sound_source.planar, []
    monkeypatch.setattr(_sound_source, "planar", lambda frame: decoded.append(frame.samples) or planar(frame))
    verb(make_actor(10, num_gaussians=50, size=32), tmp_path / name, audio=tmp_path / "a.wav", listener=seen.append)
    assert (tmp_path / name).exists()
    assert sum(decoded) == 2 * 8000, "once to hear whether the channels go together, once for good"
    (warned,) = [event.message for event in seen if isinstance(event, Warned)]
    assert "its channels cancel each other" in warned


@pytest.mark.parametrize("verb", [("render",), ("export", "--format", "html")])
def test_what_cannot_be_written_is_told_before_the_sound_is_listened_to(verb, tmp_path, capsys, monkeypatch):
    name = "taken.html" if "html" in verb else "taken.mp4"
    (tmp_path / name).mkdir()
    replace(make_actor(num_gaussians=50, size=32), voice=None).save(tmp_path / "head")
    arguments = (*verb, str(tmp_path / "head"), "--out", str(tmp_path / name), "--audio", str(tmp_path / "no.wav"))
    code, _, err = run(*arguments, capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2
    assert f"{name} is a folder" in err
