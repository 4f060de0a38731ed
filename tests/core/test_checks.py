"""Bad paths and files are named."""

import pytest

from gaussian_head.checks import InputError, read_json, require_file, require_writable_folder


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"video .*nothing\.mp4 does not exist"):
        require_file(tmp_path / "nothing.mp4", "video")
    with pytest.raises(InputError, match="is a folder"):
        require_file(tmp_path, "video")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        require_writable_folder(tmp_path / "file" / "inside", "output")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_of_any_editor_is_read(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_bytes('{"name": "Jörg"}'.encode(encoding))
    assert read_json(path, "settings") == {"name": "Jörg"}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\xfa", b"[" * 100_000])
def test_what_is_no_json_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"settings .*a\.json is no JSON"):
        read_json(path, "settings")
