"""Where a head finds its capture again, and what it never opens."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from support_capture import make_capture

from gaussian_head import Head
from gaussian_head.checkpoint import MANIFEST
from gaussian_head.head.storage import MODEL


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project folder with a capture and the head of it."""
    folder = tmp_path_factory.mktemp("project")
    capture, head = make_capture(folder / "capture", num_frames=6, size=32, sound=False)
    replace(head, audio_model=None, capture_path=str(capture.path)).save(folder / "head")
    return folder


def recorded(folder) -> str:
    return json.loads((folder / "head" / MODEL / MANIFEST).read_text())["meta"]["capture"]


def record(folder, path: str) -> None:
    """Let the head name ``path``, as heads of older versions or strangers do."""
    manifest = folder / "head" / MODEL / MANIFEST
    content = json.loads(manifest.read_text())
    content["meta"]["capture"] = path
    manifest.write_text(json.dumps(content))


def test_a_saved_head_names_nothing_of_the_machine(project):
    assert recorded(project) == "../capture"
    assert str(project) not in (project / "head" / MODEL / MANIFEST).read_text()


def test_a_copied_project_takes_its_own_capture_though_the_other_is_there(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    record(tmp_path / "copy", str(project / "capture"))
    assert Head.load(tmp_path / "copy" / "head").capture_path == str(tmp_path / "copy" / "capture")


def test_a_head_apart_from_its_capture_finds_it_after_both_moved(project, tmp_path):
    head = Head.load(project / "head")
    shutil.copytree(project / "capture", tmp_path / "old" / "captures" / "anna")
    replace(head, capture_path=str(tmp_path / "old" / "captures" / "anna")).save(tmp_path / "old" / "heads" / "anna")
    (tmp_path / "old").rename(tmp_path / "new")
    assert Head.load(tmp_path / "new" / "heads" / "anna").capture_path == str(tmp_path / "new" / "captures" / "anna")


def test_a_head_of_an_older_version_finds_the_capture_that_it_names(project, tmp_path):
    shutil.copytree(project / "head", tmp_path / "head")
    record(tmp_path, str(project / "capture"))
    assert Head.load(tmp_path / "head").capture_path == str(project / "capture")


def test_what_a_head_names_or_has_beside_it_is_not_taken_for_its_capture(project, tmp_path):
    shutil.copytree(project / "head", tmp_path / "head")
    other, _ = make_capture(tmp_path / "capture", num_frames=7, size=32, sound=False)
    for path in (str(other.path), "/etc", "", "../nothing"):
        record(tmp_path, path)
        assert Head.load(tmp_path / "head").capture_path == ""
