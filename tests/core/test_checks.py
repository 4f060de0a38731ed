"""Files appear whole or not at all, and bad paths are named."""

import pytest

from gaussian_head.checks import InputError, replacing, require_file, require_writable_folder


def test_replacing_writes_only_on_success(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_replacing_swaps_whole_folders(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "stale").write_text("old")
    with replacing(target) as temporary:
        temporary.mkdir()
        (temporary / "fresh").write_text("new")
    assert [p.name for p in target.iterdir()] == ["fresh"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"video .*nothing\.mp4 does not exist"):
        require_file(tmp_path / "nothing.mp4", "video")
    with pytest.raises(InputError, match="is a folder"):
        require_file(tmp_path, "video")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        require_writable_folder(tmp_path / "file" / "inside", "output")


def test_a_file_is_not_written_over_a_folder_or_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), replacing(tmp_path / "file" / "inside.txt"):
        pass
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match="folder is a folder"), replacing(folder) as temporary:
        temporary.write_text("a file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
