"""Keys over time become what the command line reads; what tells nothing is refused."""

import pytest
from gaussian_head.viewer.keyed import MOST, Key, added, moods_of, moved, pose_of

from gaussian_head.checks import InputError
from gaussian_head.motion.act_words import parse_acts
from gaussian_head.motion.mood_words import read_moods

KEYS = (
    Key(at=3.0, what="happy", strength=0.6),
    Key(at=1.0, what="neutral", strength=1.0),
    Key(at=3.0, what="surprised", strength=0.2),
    Key(at=2.5, what="turns left for 0.5 s", strength=None),
    Key(at=0.5, what="nods twice", strength=None),
)


def all_of(keys=KEYS):
    told = ()
    for key in keys:
        told = added(told, key)
    return told


def test_keys_are_read_by_what_reads_files_and_words(tmp_path):
    keys = all_of()
    assert [key.at for key in keys] == [0.5, 1.0, 2.5, 3.0, 3.0]
    (tmp_path / "moods.json").write_text(moods_of(keys), encoding="utf-8")
    score = read_moods(tmp_path / "moods.json")
    assert [(key.at, key.strengths) for key in score.keys] == [(1.0, {}), (3.0, {"happy": 0.6, "surprised": 0.2})]
    acts = parse_acts(pose_of(keys))
    assert [(act.kind, act.begin, act.count) for act in acts] == [("nod", 0.5, 2), ("turn", 2.5, 1)]
    assert acts[1].hold == 0.5
    assert moods_of(keys[:1]) == pose_of(keys[1:2]) == ""


def test_a_dragged_key_changes_its_place_and_within_bounds_its_strength():
    keys = moved(all_of(), 3, 0.2, 1.7)
    assert (keys[0].what, keys[0].at, keys[0].strength) == ("happy", 0.2, 1.0)
    assert moved(keys, 1, -4.0, 0.3)[0] == Key(at=0.0, what="nods twice", strength=None)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (Key(at=0.0, what="hapy", strength=0.5), "did you mean 'happy'"),
        (Key(at=0.0, what="flies away", strength=None), "not understood|means no movement"),
        (Key(at=0.0, what="nods, then turns left", strength=None), "several movements"),
        (Key(at=float("nan"), what="happy", strength=0.5), "seconds from the beginning"),
        (Key(at=1.0, what="happy", strength=1.5), "from 0 to 1"),
    ],
)
def test_what_tells_nothing_is_refused(key, words):
    with pytest.raises(InputError, match=words):
        added((), key)


def test_there_are_not_too_many():
    with pytest.raises(InputError, match=f"{MOST} are the most"):
        added((KEYS[0],) * MOST, KEYS[1])
