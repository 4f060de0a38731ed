"""What measures directed performances: prompts, learned movement against null rows, marks found again in a video."""

from itertools import pairwise

import torch
from support_capture import make_capture

from gaussian_head.evaluation.acted import NEAR, matched, one_after_another, prompts
from gaussian_head.evaluation.learned_pose import measure_learned
from gaussian_head.motion.act_words import parse_acts
from gaussian_head.motion.acts import Act


def test_prompts_are_understood_and_come_one_after_another():
    texts = prompts(200)
    assert texts == prompts(200)
    assert {act.kind for text in texts for act in parse_acts(text)} == {"nod", "shake", "tilt", "turn", "look", "lean"}
    whole, seconds = one_after_another(texts[:20])
    acts = parse_acts(whole)
    assert len(acts) == sum(len(parse_acts(text)) for text in texts[:20])
    assert all(b.begin > a.begin + a.seconds for a, b in pairwise(acts))
    assert acts[-1].begin + acts[-1].seconds < seconds


def test_acts_are_matched_once_by_kind_side_and_time():
    asked = [Act(kind="nod", begin=1.0), Act(kind="nod", begin=1.2), Act(kind="turn", side="left", begin=3.0)]
    seen = [Act(kind="nod", begin=1.1), Act(kind="turn", side="right", begin=3.0), Act(kind="tilt", side="left")]
    scores = matched(asked, seen)
    assert (scores.asked, scores.found, scores.right) == (3, 3, 1)
    assert abs(scores.late[0]) < NEAR
    assert scores.by_kind == {"nod": [2, 1, 1], "turn": [1, 1, 0], "tilt": [0, 1, 0]}


def test_a_recording_is_nearest_to_itself(tmp_path):
    capture, _ = make_capture(tmp_path / "capture", num_frames=200)
    rows = measure_learned({"somebody": capture}, seeds=2)["somebody"]
    truth = rows["second half"]
    assert truth.spread == truth.speed == [1.0] * 6
    assert truth.spectrum == 0
    assert {"learned, seed 0", "learned, seed 1", "loop", "first half"} < set(rows)
    assert all(row.nearest == "somebody" for row in rows.values())
    assert torch.tensor(rows["learned, seed 0"].spread_learnt).isfinite().all()
