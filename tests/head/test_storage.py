"""Where a head finds its capture again."""

from __future__ import annotations

from dataclasses import replace

from support_head import make_head

from gaussian_head import Head


def test_a_capture_moved_with_its_head_is_found(tmp_path):
    recorded = str(tmp_path / "old" / "capture")
    head = replace(make_head(num_gaussians=50, size=32), audio_model=None, capture_path=recorded)
    head.save(tmp_path / "new" / "head")
    assert Head.load(tmp_path / "new" / "head").capture_path == recorded
    (tmp_path / "new" / "capture").mkdir()
    assert Head.load(tmp_path / "new" / "head").capture_path == str(tmp_path / "new" / "capture")
    (tmp_path / "old" / "capture").mkdir(parents=True)
    assert Head.load(tmp_path / "new" / "head").capture_path == recorded
