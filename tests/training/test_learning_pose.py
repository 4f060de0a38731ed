"""A generator of head movement learns from recordings; made-up acts and what an observer finds are its tokens."""

import random

import pytest
import torch

from gaussian_head.motion import Motion, Pose
from gaussian_head.motion.act_tokens import NAMES
from gaussian_head.motion.found_acts import find_acts
from gaussian_head.motion.own_track import CHANNELS, OwnTrack
from gaussian_head.motion.pose_flow import LATENTS, RATE
from gaussian_head.smoothing import blurred
from gaussian_head.speech.prosody import prosody_of
from gaussian_head.training import pose_flow
from gaussian_head.training.pose_flow import Moved, acted, learn_pose_flow, made_up_acts, run_of, spreads
from gaussian_head.transforms import rotvec_to_quat

FPS = 25.0


def moved(seed: int, T: int = 150) -> Moved:
    generator = torch.Generator().manual_seed(seed)

    def wander(columns: int, size: float) -> torch.Tensor:
        return size * blurred(torch.randn(T, columns, generator=generator), 8)

    head, torso = (
        Pose(quats=rotvec_to_quat(wander(3, size)), positions=wander(3, 0.02) + torch.tensor([0.0, 0.0, 0.6]))
        for size in (0.1, 0.01)
    )
    motion = Motion(
        fps=FPS,
        head=head,
        torso=torso,
        units=wander(52, 0.3).abs(),
        gaze=wander(2, 0.2),
        residual=torch.zeros(T, 0),
    )
    samples = torch.randn(round(T / FPS * 16000), generator=generator).numpy() * 0.1
    return Moved(name=f"clip{seed}", person=str(seed), motion=motion, heard=prosody_of(samples, FPS, T))


def test_made_up_acts_are_found_in_a_calm_head_that_does_them():
    recording = moved(0, 1500)
    acts = made_up_acts(recording.motion.duration, random.Random(1))
    found = find_acts(*[getattr(acted(recording.motion, acts, 0.02), name) for name in ("head", "gaze", "fps")])
    asked = [(act.kind, act.side, act.begin) for act in acts if act.begin > 0]
    near = [any((f.kind, f.side) == (k, s) and abs(f.begin - at) < 0.5 for f in found) for k, s, at in asked]
    assert len(asked) > 10
    assert sum(near) >= 0.8 * len(near)


def test_a_run_holds_movement_and_tokens_as_they_are_and_mirrored():
    recording = moved(1)
    own = OwnTrack.of(recording.motion, spreads([recording]))
    acts = [act for act in made_up_acts(6.0, random.Random(0)) if act.kind == "turn"][:1]
    run = run_of(recording, own, recording.motion, acts, 0.5)
    assert run.track.shape == (2, int(recording.motion.duration * RATE), len(CHANNELS))
    yaw, pitch = CHANNELS.index("head_yaw"), CHANNELS.index("head_pitch")
    assert torch.equal(run.track[0, :, yaw], -run.track[1, :, yaw])
    assert torch.equal(run.track[0, :, pitch], run.track[1, :, pitch])
    assert float(run.track[0].std()) == pytest.approx(0.5, rel=0.2)
    assert run.told.shape[:2] == run.track.shape[:2]
    assert len(NAMES) == 14


def test_a_few_steps_make_a_generator_and_the_same_ones_for_the_same_seed(monkeypatch):
    monkeypatch.setattr(pose_flow, "STEPS", 4)
    recordings = [moved(seed) for seed in range(3)]
    state = torch.get_rng_state()
    flow, again = (learn_pose_flow(recordings, seed=2) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert flow.basis.shape == (LATENTS, len(CHANNELS))
    assert bool((flow.usual > 0).all())
    for a, b in zip(flow.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(a, b)
    rows = flow.basis @ flow.basis.T
    assert torch.allclose(rows, torch.diag(rows.diagonal()), atol=1e-4)


def test_a_generator_learns_to_move_as_far_as_its_people(monkeypatch):
    monkeypatch.setattr(pose_flow, "STEPS", 150)
    recordings = [moved(seed, 400) for seed in range(4)]
    losses = []
    real = pose_flow._loss

    def noted(*arguments):
        loss = real(*arguments)
        losses.append(float(loss.detach()))
        return loss

    monkeypatch.setattr(pose_flow, "_loss", noted)
    learn_pose_flow(recordings)
    first, last = (sum(part) / len(part) for part in (losses[:10], losses[-10:]))
    assert last < 0.8 * first
