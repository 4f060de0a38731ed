"""What a prior may learn from: captures with sound; the rest is named with its reason."""

import torch
from support_capture import make_capture

from gaussian_head.training.recordings import read_recordings


def test_captures_without_sound_or_too_short_are_left_out_in_words(tmp_path):
    long, _ = make_capture(tmp_path / "long", num_frames=60)
    make_capture(tmp_path / "short", num_frames=30)
    make_capture(tmp_path / "silent", num_frames=30, sound=False)
    kept, rejected = read_recordings({"one": [tmp_path / "long", tmp_path / "short"], "two": [tmp_path / "silent"]})
    assert [(one.name, one.person) for one in kept] == [("long", "one")]
    assert torch.equal(kept[0].units, long.motion.units)
    assert {one.name: one.why for one in rejected} == {"short": "it is only 1.2 s long.", "silent": "it has no sound."}
