"""Head acts asked for in words are understood, done to the side that was meant, and found again by an observer."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.motion import Pose, act_words
from gaussian_head.motion.act_words import LAG, parse_acts
from gaussian_head.motion.acts import acted_poses, perform
from gaussian_head.motion.found_acts import find_acts
from gaussian_head.motion.idle import sway
from gaussian_head.transforms import quat_to_rotmat, rotvec_to_quat

FPS = 25.0


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch):
    """Words alone, whatever is installed."""
    monkeypatch.setattr(act_words, "is_installed", lambda: False)


NOSE = torch.tensor([0.0, 0.02, -0.1])


def calm(num_frames: int, seed: int = 0) -> Pose:
    """A head at rest that is never quite still."""
    quats = rotvec_to_quat(sway(num_frames, FPS, seed, angle=0.015))
    return Pose(quats=quats, positions=torch.tensor([0.0, 0.0, 0.8]).expand(num_frames, 3))


def test_sequence_and_simultaneity() -> None:
    nod, look = parse_acts("He nods twice, then looks slowly to the left.".removeprefix("He "))
    assert (nod.kind, nod.count, look.kind, look.side) == ("nod", 2, "look", "left")
    assert look.begin > nod.begin + nod.seconds
    assert look.pace > 1
    shake, lean, tilt = parse_acts("shakes her head 3 times while leaning back slightly, and tilts right for 2 s")
    assert (shake.count, lean.side, lean.begin) == (3, "back", shake.begin)
    assert lean.size < 1
    assert tilt.begin > max(shake.begin + shake.seconds, lean.begin + lean.seconds)
    assert tilt.hold == 2
    (late,) = parse_acts("nods slowly and deeply, twice, at 4.5 s")
    assert (late.begin, late.count, late.pace > 1, late.size > 1) == (4.5, 2, True, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jumps", "'jumps'.*verbs nod, shake"),
        ("noding fast, then shrug", "'shrug' in"),
        ("nods quickyl", "did you mean 'quickly'.*gaussian-head\\[sentences\\]"),
        ("nods left", "nod left.*it has no direction"),
        ("leans up", "lean up.*forward or back was wanted"),
        ("twice", "says no movement"),
        ("", "asks for no movement"),
    ],
)
def test_what_is_not_understood_is_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_acts(text)


@pytest.mark.parametrize(
    ("text", "axis", "sign"),
    [
        ("nods", 1, 1),
        ("turns left", 0, 1),
        ("turns right", 0, -1),
        ("looks up", 1, -1),
        ("looks down", 1, 1),
        ("leans forward", 2, -1),
        ("leans back", 2, 1),
    ],
)
def test_the_nose_goes_where_it_was_told(text: str, axis: int, sign: int) -> None:
    acts = parse_acts(text)
    still = Pose(quats=torch.tensor([1.0, 0, 0, 0]).expand(75, 4), positions=torch.zeros(75, 3))
    moved = acted_poses(still, still, perform(acts, 75, FPS))["head"]
    nose = (quat_to_rotmat(moved.quats) @ NOSE + moved.positions - NOSE)[:, axis] * sign
    assert nose.max() > 0.01
    assert nose.min() > -0.004
    assert abs(nose[0]) < 1e-6
    assert abs(nose[-1]) < 1e-6


def test_a_tilt_lowers_the_crown_to_its_own_side() -> None:
    still = Pose(quats=torch.tensor([1.0, 0, 0, 0]).expand(75, 4), positions=torch.zeros(75, 3))
    moved = acted_poses(still, still, perform(parse_acts("tilts left"), 75, FPS))["head"]
    crown = (quat_to_rotmat(moved.quats) @ torch.tensor([0.0, -0.1, 0.0]))[:, 0]
    assert crown.max() > 0.01


def prompt(rng: random.Random) -> str:
    """One to three acts in words."""
    acts = []
    for _ in range(rng.choice([1, 2, 2, 3])):
        verb, sides = rng.choice(
            [
                ("nods", ["once", "twice", "3 times"]),
                ("shakes", ["once", "twice"]),
                ("tilts", ["left", "right"]),
                ("turns", ["left", "right", "up", "down"]),
                ("looks", ["left", "right", "up", "down"]),
                ("leans", ["forward", "back"]),
            ]
        )
        words = [verb, rng.choice(["", "slowly", "quickly"]), rng.choice(["", "widely"]), rng.choice(sides)]
        acts.append(" ".join(word for word in words if word))
    return ", then ".join(acts)


def test_an_observer_finds_what_was_asked_for_and_little_else() -> None:
    rng, right, asked, found = random.Random(0), 0, 0, 0
    for trial in range(60):
        acts = parse_acts(prompt(rng))
        T = round(FPS * (acts[-1].begin + acts[-1].seconds + 3))
        acted, base = perform(acts, T, FPS), calm(T, trial)
        seen = list(find_acts(acted_poses(base, base, acted)["head"], acted.gaze, FPS))
        asked, found = asked + len(acts), found + len(seen)
        for act in acts:
            match = [s for s in seen if (s.kind, s.side) == (act.kind, act.side) and abs(s.begin - act.begin) < 0.4]
            if match:
                right += 1
                seen.remove(match[0])
    assert right / asked >= 0.9
    assert right / found >= 0.9


def test_an_observer_finds_nothing_in_a_calm_head() -> None:
    assert [a for seed in range(10) for a in find_acts(calm(250, seed), torch.zeros(250, 2), FPS)] == []


@pytest.mark.parametrize("text", ["looks left", "looks up", "turns right", "turns down"])
def test_how_far_a_head_turns_tells_looks_from_turns_where_eyes_are_not_seen(text: str) -> None:
    acts = parse_acts(f"{text} at 2 s")
    base = calm(200)
    (seen,) = find_acts(acted_poses(base, base, perform(acts, 200, FPS))["head"], torch.zeros(200, 2), FPS)
    assert (seen.kind, seen.side) == (acts[0].kind, acts[0].side)


def test_a_turned_head_whose_depth_is_misjudged_does_not_lean() -> None:
    acted = perform(parse_acts("turns left widely at 2 s"), 200, FPS)
    base = calm(200)
    head = acted_poses(base, base, acted)["head"]
    away = 0.085 * acted.turn.norm(dim=1, keepdim=True) * torch.tensor([0.0, 0.0, 1.0])
    assert [act.kind for act in find_acts(replace(head, positions=head.positions + away), acted.gaze, FPS)] == ["turn"]
    leaning = perform(parse_acts("leans back at 2 s"), 200, FPS)
    assert [act.kind for act in find_acts(acted_poses(base, base, leaning)["head"], leaning.gaze, FPS)] == ["lean"]


def seen_in(text: str, num_frames: int = 300) -> list[tuple[str, int]]:
    """Kind and repetitions of what an observer finds of a text."""
    acted, base = perform(parse_acts(text), num_frames, FPS), calm(num_frames)
    return [(a.kind, a.count) for a in find_acts(acted_poses(base, base, acted)["head"], acted.gaze, FPS)]


@pytest.mark.parametrize("verb", ["nods", "shakes"])
@pytest.mark.parametrize("speed", ["", "slowly", "quickly"])
def test_the_same_again_is_seen_as_two_acts(verb: str, speed: str) -> None:
    kind = verb.removesuffix("s")
    first, again = parse_acts(f"{verb} twice, then {verb} {speed} twice")
    assert again.begin - first.begin - first.seconds > 2 * LAG
    assert seen_in(f"{verb} twice, then {verb} {speed} twice") == [(kind, 2)] * 2
    assert seen_in(f"{verb} {speed} 4 times") == [(kind, 4)]
    nod, shake = parse_acts("nods, then shakes")
    assert shake.begin - nod.begin - nod.seconds == pytest.approx(LAG)


def test_a_head_that_bends_as_it_leans_forward_does_not_nod_and_one_that_nods_meanwhile_does() -> None:
    for size in ("", "widely"):
        assert [kind for kind, _ in seen_in(f"leans forward {size} for 3 s at 2 s")] == ["lean"]
    assert [kind for kind, _ in seen_in("leans forward for 4 s at 2 s, nods twice at 4 s")] == ["lean", "nod"]
