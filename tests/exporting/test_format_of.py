"""The ending of a name says what to write where nothing else does."""

from pathlib import Path

import pytest

from gaussian_head.checks import InputError
from gaussian_head.exporting import FORMATS, format_of


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("head.ply", "ply"),
        ("HEAD.PLY", "ply"),
        ("head.compressed.ply", "compressed-ply"),
        ("head.splat", "splat"),
        ("head.glb", "glb"),
        ("head.obj", "obj"),
        ("motion.json", "motion-json"),
        ("motion.csv", "motion-csv"),
        ("talk.html", "html"),
        ("frames", "ply"),
    ],
)
def test_a_name_stands_for_a_format(name: str, format: str) -> None:
    assert format_of(Path("some.folder") / name) == format


def test_an_unknown_ending_is_answered_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'\.fbx', which is no format; .*\.glb.*\.splat"):
        format_of(Path("head.fbx"))


def test_one_format_at_most_is_meant_by_an_ending() -> None:
    usual = [row.endings[0] for row in FORMATS.values() if row.by_ending]
    assert len(usual) == len(set(usual))
