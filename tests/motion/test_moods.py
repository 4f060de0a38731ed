"""Moods: told in words or keyed in a file, strong as asked, and the lips keep speaking."""

import json
from dataclasses import replace

import pytest
import torch
from motion_fixtures import wandering
from support_head import make_code_map

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS, is_mouth_unit
from gaussian_head.metrics.movement import movement_of
from gaussian_head.motion import CONTROLS
from gaussian_head.motion.emotion import LOWER, Feeling, Range, felt, range_of
from gaussian_head.motion.learned import blinks_of
from gaussian_head.motion.mood_words import parse_moods, read_moods
from gaussian_head.motion.moods import MOODS
from gaussian_head.motion.own_mood import own_mood
from gaussian_head.motion.recall_state import pose_track

T = 300
FULL = dict.fromkeys(MOODS, Range(shown=1.0, upper=torch.linspace(0, 1, 21), lower=torch.linspace(0, 1, 21)))


def talking(T: int = T, seed: int = 0):
    """A face at rest whose jaw opens and shuts."""
    motion = wandering(T, seed=seed, private=0)
    units = torch.zeros(T, len(UNITS))
    units[:, UNITS.index("jawOpen")] = 0.2 * (1 - torch.cos(torch.arange(T) * 0.5)).clamp(0.4) - 0.08
    return replace(motion, units=units, gaze=torch.zeros(T, 2))


def code_map(**moves: float):
    """A face that shows all, whose lips part by ``moves``."""
    made = make_code_map()
    weights = made.weights.clone()
    for name, value in moves.items():
        weights[CONTROLS.index(name), 0] = value
    return replace(made, weights=weights, bounds=torch.tensor([[-9.0], [9.0]]).expand(2, len(made.names)).clone())


def feeling(name: str, strength: float, T: int = T) -> tuple[Feeling, ...]:
    full = torch.full((T,), strength)
    return (Feeling(mood=MOODS[name], strength=full, lower=full),)


@pytest.mark.parametrize("name", [name for name in MOODS if name != "neutral"])
def test_a_mood_is_as_strong_as_asked_and_like_itself(name):
    motion, shown = talking(), []
    upper = ~LOWER
    direction = MOODS[name].direction.clamp(min=0) * upper
    for strength in (0.25, 0.5, 1.0):
        added = (felt(motion, feeling(name, strength), code_map()).units - motion.units)[:, upper].median(0).values
        shown.append(float(added @ direction[upper] / direction.square().sum()))
    assert shown == pytest.approx([0.25, 0.5, 1.0], abs=0.02)
    every = {other: MOODS[other].direction for other in MOODS if other != "neutral"}
    cosines = {other: float(torch.cosine_similarity(every[name], d, dim=0)) for other, d in every.items()}
    assert max((value for other, value in cosines.items() if other != name), default=0) < 0.8


@pytest.mark.parametrize("name", list(MOODS))
def test_shut_lips_stay_shut_and_open_ones_open(name):
    motion = talking()
    face = code_map(mouthUpperUpLeft=0.2, mouthLowerDownLeft=0.2, mouthSmileLeft=-0.1, mouthClose=-0.3)
    moved = felt(motion, feeling(name, 1.0), face)
    before, after = (m.units @ face.weights[: len(UNITS), 0] for m in (motion, moved))
    shut = before <= before.quantile(0.1) + 1e-4
    assert float((after - before)[shut].max()) < 0.01
    wide = before > before.quantile(0.8)
    assert float((after - before)[wide].min()) > -0.01


def test_rounded_lips_are_left_to_speech():
    motion, smile = talking(), UNITS.index("mouthSmileLeft")
    wide = felt(motion, feeling("happy", 1.0), code_map()).units[:, smile]
    motion.units[:, UNITS.index("mouthPucker")] = 1.0
    rounded = felt(motion, feeling("happy", 1.0), code_map()).units[:, smile]
    assert torch.allclose(rounded, 0.5 * wide, atol=1e-5)
    assert float(wide.max()) == pytest.approx(0.9, abs=0.04)


def test_posture_and_liveliness_belong_to_a_mood():
    motion = talking(600)
    calm, lively = (felt(motion, feeling(name, 1.0, 600), code_map()) for name in ("sad", "angry"))
    speeds = [movement_of(pose_track(m.head), m.fps).speed[:3].norm() for m in (calm, motion, lively)]
    assert speeds[0] < 0.85 * speeds[1] < 0.85 * speeds[2] / 1.1
    assert float(calm.gaze[:, 1].mean()) == pytest.approx(0.05)


def test_moods_blink_more_or_less_often():
    motion = talking(3000)
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        motion.units[10::60, UNITS.index(name)] = 0.8
    count = {name: len(blinks_of(felt(motion, feeling(name, 1.0, 3000), code_map()))) for name in MOODS}
    assert count["neutral"] == 50
    assert 15 < count["surprised"] < 37
    assert 60 < count["afraid"] < 100


def test_neutral_changes_nothing():
    motion = talking()
    moved = felt(motion, parse_moods("neutral").feelings(T, 25.0, FULL), code_map())
    assert torch.equal(moved.units, motion.units)
    assert torch.equal(moved.head.quats, motion.head.quats)


def test_a_narrow_head_says_how_little_it_shows_and_shows_it_evenly():
    usual, mood = torch.zeros(len(CONTROLS)), MOODS["surprised"]
    wide = range_of(code_map(), usual, mood)
    assert wide.shown > 0.95
    strengths = wide.feeling(mood, torch.tensor([0.0, 0.5, 1.0])).strength
    assert strengths.tolist() == pytest.approx([0.0, 0.48, 0.96], abs=0.03)
    made = code_map()
    narrow = replace(made, bounds=torch.stack([made.bias - 0.08, made.bias + 0.08]))
    less = range_of(narrow, usual, mood)
    assert less.shown < 0.7
    asked = less.feeling(mood, torch.tensor([0.25, 0.5, 0.75, 1.0]))
    share = torch.where(LOWER, asked.lower[:, None], asked.strength[:, None])
    wanted = torch.cat([share * mood.direction, torch.zeros(4, 2)], 1).clamp(0, 1)
    seen = narrow.mapped(wanted[:, :-2], wanted[:, -2:]) - narrow.mapped(usual[:-2], usual[-2:])
    sizes = seen @ (wanted[-1] @ made.weights) / (seen[-1] @ (wanted[-1] @ made.weights))
    assert sizes.tolist() == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.12)


def test_words_are_read():
    score = parse_moods("happy:0.6, Surprised:.2 sad")
    assert score.strongest() == {"happy": 0.6, "surprised": 0.2, "sad": 1.0}
    assert {len(f.strength) for f in score.feelings(7, 25.0, FULL)} == {7}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hapy:0.5", "did you mean 'happy'?"),
        ("furious", "choose from neutral, happy"),
        ("happy:2", "a number from 0 to 1"),
        ("happy:-1", "a number from 0 to 1"),
        ("happy:nan", "a number from 0 to 1"),
        (" ", "no mood was named"),
    ],
)
def test_words_that_are_no_mood_end_in_a_sentence(text, words):
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        parse_moods(text)


def written(tmp_path, keys):
    path = tmp_path / "moods.json"
    path.write_text(json.dumps({"format": "gaussian-head-moods", "keys": keys}))
    return path


def test_moods_are_keyed_in_time(tmp_path):
    keys = [{"at": 1, "mood": "neutral"}, {"at": 3, "mood": "happy:0.8"}, {"at": 4, "mood": "happy:0.8 sad:0.1"}]
    score = read_moods(written(tmp_path, keys))
    happy = next(f.strength for f in score.feelings(150, 25.0, FULL) if f.mood is MOODS["happy"])
    assert happy[[0, 25, 50, 75, 149]].tolist() == pytest.approx([0, 0, 0.4, 0.8, 0.8], abs=1e-5)
    assert float(happy.diff().abs().max()) < 0.03


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([], "no mood file"),
        ([{"at": 0}], "key 1: it has no mood"),
        ([{"at": 0, "mood": "happy"}, {"mood": "sad"}], "key 2: it has no at"),
        ([{"at": 0, "mood": "happy"}, None], "key 2: it has no at and no mood"),
        ([{"at": 2, "mood": "happy"}, {"at": 1, "mood": "sad"}], "key 2: its time 1 does not come after 2"),
        ([{"at": "soon", "mood": "happy"}], "its time is 'soon'"),
        ([{"at": 0, "mood": 3}], "its mood is 3"),
        ([{"at": 0, "mood": "glad:0.5"}], "key 1: the mood 'glad' is unknown"),
    ],
)
def test_a_mood_file_with_gaps_ends_in_a_sentence(keys, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read_moods(written(tmp_path, keys))


def test_a_second_clip_teaches_its_mood():
    usual = talking(600, 1)
    moody = felt(talking(600, 2), feeling("angry", 0.8, 600), code_map())
    learnt = own_mood(usual, moody)
    upper = torch.tensor([not is_mouth_unit(unit) for unit in UNITS])
    asked = (0.8 * MOODS["angry"].direction).clamp(min=0)[upper]
    # A sneer yields where lips meet.
    assert float(torch.cosine_similarity(learnt.direction[upper], asked, dim=0)) > 0.97
    assert learnt.quick > 1.1
    assert 0.5 <= learnt.blinks <= 2
