"""A listener breathes, is calmer than a speaker, nods where the other pauses, and never while speaking."""

import torch
from motion_fixtures import wandering

from gaussian_head.metrics.movement import movement_of
from gaussian_head.motion.edit import still_pose
from gaussian_head.motion.found_acts import find_acts
from gaussian_head.motion.listening import listening, nods_to
from gaussian_head.motion.recall_state import pose_track
from gaussian_head.speech.prosody import Prosody

FPS, T = 25.0, 3000
NOBODY = torch.zeros(T, dtype=torch.bool)


def voice(said: float = 2.0, pause: float = 1.0) -> Prosody:
    """Two seconds of speech, one of silence, over and over."""
    speaking = (torch.arange(T) / FPS) % (said + pause) < said
    flat = torch.zeros(T)
    return Prosody(fps=FPS, energy=torch.where(speaking, flat, flat - 4), pitch=flat, speaking=speaking, stress=flat)


def test_nods_answer_the_ends_of_phrases_and_none_is_made_while_speaking():
    nods = nods_to(voice(), NOBODY, 0)
    assert 0.4 * T / 75 < len(nods) < 0.9 * T / 75
    for nod in nods:
        assert 2.1 < nod.begin % 3.0 < 2.65
        assert nod.size < 0.6
    assert nods_to(voice(), NOBODY, 0) == nods
    assert nods_to(voice(), NOBODY, 1) != nods
    busy = torch.arange(T) < T // 2
    assert all(nod.begin >= T / 2 / FPS for nod in nods_to(voice(), busy, 0))
    assert not nods_to(voice(), ~NOBODY, 0)


def test_nods_are_seen_in_the_motion():
    still = still_pose(wandering(T, FPS, private=0))
    moved = listening(still, voice(), seed=0)
    wanted = [nod for nod in nods_to(voice(), NOBODY, 0) if nod.size > 0.45]
    found = [act for act in find_acts(moved.head, moved.gaze, FPS) if act.kind == "nod"]
    assert sum(any(abs(act.begin - nod.begin) < 0.4 for act in found) for nod in wanted) >= 0.8 * len(wanted)
    nothing = listening(still, voice(said=0.0, pause=3.0), seed=0)
    assert not [act for act in find_acts(nothing.head, nothing.gaze, FPS) if act.kind == "nod"]


def test_a_breath_lifts_the_shoulders_slowly():
    still = still_pose(wandering(T, FPS, private=0))
    silent = voice(said=0.0, pause=3.0)
    up = -(listening(still, silent).torso.positions - still.torso.positions)[:, 1]
    assert 0.001 < float(up.max() - up.min()) < 0.004
    power = torch.fft.rfft(up - up.mean()).abs()
    breaths = float(torch.fft.rfftfreq(T, 1 / FPS)[power.argmax()])
    assert 0.18 < breaths < 0.36


def test_a_listener_is_calmer_than_a_speaker_who_listens_in_pauses():
    motion = wandering(T, FPS, private=0)
    silent = voice(said=0.0, pause=3.0)
    sizes = [
        movement_of(pose_track(m.head), FPS).speed[:3].norm()
        for m in (listening(motion, silent), listening(motion, silent, NOBODY), motion)
    ]
    assert sizes[0] < 0.8 * sizes[2]
    assert 0.95 < float(sizes[1] / sizes[2]) < 1.05
