"""The speech-to-lips predictor and the whole drive, on a synthetic speaker whose mouth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from motion_fixtures import wandering
from support_head import CODE, make_code_map

from gaussian_head.checks import InputError
from gaussian_head.events import Progress, Warned
from gaussian_head.face import UNITS, is_mouth_unit
from gaussian_head.motion import drive, drive_by_audio
from gaussian_head.motion.articulation import speech_gate
from gaussian_head.motion.audio_model import AudioToMotion
from gaussian_head.motion.drive import num_frames_of
from gaussian_head.motion.from_audio import train_audio_to_motion
from gaussian_head.speech import encode_speech

FPS = 25.0
SECONDS = 16
JAW = UNITS.index("jawOpen")
MAP = make_code_map()


def voice(seconds: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A buzz whose loudness follows a mouth, and that mouth ``[T]`` in 0 to 1."""
    rng = np.random.default_rng(seed)
    knots = rng.random(int(seconds * 5) + 8)

    def opening(t: np.ndarray) -> np.ndarray:
        return np.interp(t, np.arange(len(knots)) / 5, knots)

    t = np.arange(int(seconds * 16000)) / 16000
    buzz = np.sign(np.sin(2 * np.pi * 120 * t)) + 0.1 * rng.standard_normal(len(t))
    mouth = opening(np.arange(round(seconds * FPS)) / FPS)
    return (0.2 * (0.05 + opening(t)) * buzz).astype(np.float32), mouth


@pytest.fixture(scope="module", autouse=True)
def short_training():
    """The relation to be learnt is simple; a fifth of the usual steps learn it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gaussian_head.motion.lip_model.STEPS", 80)
        patch.setattr("gaussian_head.motion.from_audio.STEPS", 80)
        yield


@pytest.fixture(scope="module")
def speaker(short_training):
    samples, mouth = voice(SECONDS, 0)
    motion = wandering(len(mouth), private=len(CODE))
    motion.residual.mul_(0.1)
    motion.units[:, JAW] = torch.from_numpy(mouth)
    features = encode_speech(samples, encoder="mel")
    events = []
    frames = torch.arange(round(0.8 * len(motion)))
    model = train_audio_to_motion(features, motion, frames, MAP, fps=FPS, seed=0, listener=events.append)
    return model, motion, samples, features, events


def test_known_relation_is_recovered(speaker):
    model, motion, _, features, events = speaker
    units = model.predict_from(features, FPS, len(motion))
    assert units.shape == motion.units.shape
    unseen = slice(round(0.8 * len(motion)), len(motion))
    got, wanted = units[unseen, JAW], motion.units[unseen, JAW]
    assert torch.corrcoef(torch.stack([got, wanted]))[0, 1] > 0.9
    assert (got - wanted).abs().mean() < 0.2
    assert model.correlation > 0.9
    assert model.units[0] == "jawOpen"
    assert {name for name in UNITS if is_mouth_unit(name)} == set(model.units)
    assert all(units[:, k].abs().max() == 0 for k, name in enumerate(UNITS) if not is_mouth_unit(name))
    assert events[-1].done == events[-1].total
    assert not any(isinstance(event, Warned) for event in events)


def test_another_sound_at_another_rate(speaker):
    model = speaker[0]
    samples, mouth = voice(6, 5)
    units = model.predict(0.3 * samples, 50.0, 300)
    at_25 = units[::2, JAW]
    assert torch.corrcoef(torch.stack([at_25, torch.from_numpy(mouth).float()]))[0, 1] > 0.85


def test_silence_closes_the_mouth(speaker):
    model = speaker[0]
    samples, _ = voice(6, 5)
    samples[2 * 16000 : 4 * 16000] = 0
    code = model.predict(samples, FPS, 200)[:, JAW]
    closed = code <= model.closed[0] + 1e-6
    assert closed[50:98].float().mean() >= 0.97
    assert closed[152:].all()
    assert code[10:45].max() > 0.5
    assert code.diff().abs().max() < 0.8
    breathing = model.predict(samples, FPS, 150, close_in_silence=False)[:, JAW]
    assert not torch.equal(breathing, code[:150])
    still = model.predict(np.zeros(16000, np.float32), FPS, 25)
    assert torch.equal(still[:, JAW], model.closed[0].expand(25))


def test_lips_meet_for_closures(speaker):
    model, motion, _, features, _ = speaker
    closure = torch.zeros_like(features.closure)
    closure[800:810] = 1
    units = model.predict_from(replace(features, closure=closure), FPS, len(motion))
    columns = [UNITS.index(name) for name in model.units]
    apart = (units[:, columns] - model.closed) @ model.opening
    assert apart[199:201].max() < 0.01
    assert apart.max() > 0.2


def test_gate_opens_before_speech_and_is_smooth():
    activity = torch.zeros(400)
    activity[100:200] = 1
    activity[210:300] = 1
    gate = speech_gate(activity, 100.0, torch.arange(400) / 100)
    assert gate[:85].max() == 0
    assert gate[95] > 0
    assert gate[110:280].min() == 1
    assert gate[306:].max() == 0
    assert gate.diff().abs().max() < 0.15


def test_same_seed_same_model(speaker):
    model, motion, _, features, _ = speaker
    state = torch.random.get_rng_state()
    again = train_audio_to_motion(features, motion, torch.arange(round(0.8 * len(motion))), MAP, seed=0)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.testing.assert_close(
        again.predict_from(features, FPS, 100), model.predict_from(features, FPS, 100), atol=1e-5, rtol=0
    )


def test_save_and_load(speaker, tmp_path):
    model, _, _, features, _ = speaker
    model.save(tmp_path / "lips")
    again = AudioToMotion.load(tmp_path / "lips")
    same = again.predict_from(features, FPS, 80), model.predict_from(features, FPS, 80)
    assert torch.allclose(*same, atol=1e-6)  # sums in another order where memory lies otherwise
    assert torch.equal(again.lips, MAP.lips)
    with pytest.raises(InputError, match="encoder"):
        again.predict_from(encode_speech(np.zeros(1600, np.float32)), FPS, 3)
    path = tmp_path / "lips" / "lips.json"
    meta = json.loads(path.read_text())
    for key, value, match in (
        ("version", 99, "99"),
        ("format", "x", "no speech predictor"),
        ("units", ["jawOpen", "a"], "damaged"),
        ("units", ["mouthClose"], "damaged"),
    ):
        path.write_text(json.dumps(meta | {key: value}))
        with pytest.raises(InputError, match=match):
            AudioToMotion.load(tmp_path / "lips")
    path.write_text(json.dumps(meta))
    (tmp_path / "lips" / "lips.safetensors").write_bytes(b"123")
    with pytest.raises(InputError, match="damaged"):
        AudioToMotion.load(tmp_path / "lips")
    with pytest.raises(InputError, match="does not exist"):
        AudioToMotion.load(tmp_path / "none")


def test_too_little_to_learn_from(speaker):
    _, motion, _, features, _ = speaker
    with pytest.raises(InputError, match="at least"):
        train_audio_to_motion(features, motion, torch.arange(30), MAP)
    with pytest.raises(InputError, match="fps"):
        train_audio_to_motion(features, motion, torch.arange(300), MAP, fps=30.0)


@pytest.mark.parametrize("samples", [1, 639, 16000, 100001])
def test_drive_is_as_long_as_the_sound(speaker, samples):
    model, motion, sound, _, _ = speaker
    driven = drive_by_audio(model, motion, sound[:samples], fps=30.0)
    assert len(driven) == num_frames_of(sound[:samples], 30.0) == max(round(samples / 16000 * 30), 1)
    assert driven.fps == 30.0
    assert driven.controls.isfinite().all()
    assert driven.residual.shape == (len(driven), len(CODE))
    assert driven.residual[:, MAP.lips].abs().max() == 0


def test_drive_poses_blinks_and_seeds(speaker):
    model, motion, sound, _, _ = speaker
    driven = drive_by_audio(model, motion, sound, fps=FPS, seed=3)
    blink = driven.control("eyeBlinkLeft")
    assert torch.corrcoef(torch.stack([blink, driven.control("eyeBlinkRight")]))[0, 1] > 0.999
    assert blink.max() > blink.median() + 0.2
    assert torch.equal(drive_by_audio(model, motion, sound, fps=FPS, seed=3).controls, driven.controls)
    still = drive_by_audio(model, motion, sound, fps=FPS, pose="still", blink=False)
    assert still.head.quats.diff(dim=0).abs().max() == 0
    assert still.control("eyeBlinkLeft").unique().numel() == 1
    with pytest.raises(InputError, match="captured"):
        drive_by_audio(model, motion, sound, fps=FPS, pose="dancing")
    with pytest.raises(InputError, match="no samples"):
        drive_by_audio(model, motion, np.zeros(0, np.float32), fps=FPS)


def test_a_long_sound_is_heard_in_blocks_that_join_and_keep_the_level(speaker, monkeypatch):
    model, motion, sound, _, _ = speaker
    hush = 2e-4 * np.random.default_rng(1).standard_normal(8 * 16000).astype(np.float32)
    long = np.concatenate([sound, hush, sound])
    whole = drive_by_audio(model, motion, long, fps=FPS)
    monkeypatch.setattr(drive, "BLOCK_SECONDS", 8.0)
    events = []
    blocks = drive_by_audio(model, motion, long, fps=FPS, listener=events.append)
    assert [event.done for event in events] == [200, 400, 600, 800, 1000]
    a, b = whole.control("jawOpen"), blocks.control("jawOpen")
    assert torch.corrcoef(torch.stack([a, b]))[0, 1] > 0.95
    assert b.diff().abs().max() < 1.3 * a.diff().abs().max()
    quiet = slice(17 * 25, 23 * 25)
    torch.testing.assert_close(b[quiet], a[quiet], atol=1e-4, rtol=0)
    torch.testing.assert_close(blocks.head.quats, whole.head.quats)


def test_sound_that_says_nothing_about_the_mouth_is_reported(speaker):
    _, motion, _, features, _ = speaker
    events = []
    deaf = wandering(len(motion), seed=77)
    train_audio_to_motion(features, deaf, torch.arange(len(deaf)), MAP, listener=events.append)
    assert any(isinstance(event, Warned) for event in events)
    assert any(isinstance(event, Progress) for event in events)


class Gaper:
    """A voice that leaves the mouth open in pauses of whatever is said."""

    encoder, basis_id, lips = "mel", "", MAP.lips

    def predict(self, samples, fps, num_frames, *, close_in_silence=True):
        units = torch.zeros(num_frames, len(UNITS))
        units[:, JAW] = 0.6 if samples.any() else 0.1
        return units


def test_pauses_too_short_for_the_voice_are_shut_too(speaker):
    samples, _ = voice(6, 4)
    samples[32000 : 32000 + 5600] = 0  # 0.35 s
    shut, open = (
        drive_by_audio(Gaper(), speaker[1], samples, fps=FPS, blink=False, close_in_silence=close).units[:, JAW]
        for close in (True, False)
    )
    torch.testing.assert_close(shut[53:56], torch.full((3,), 0.1))
    torch.testing.assert_close(open, torch.full_like(open, 0.6))
    torch.testing.assert_close(shut[10:45], open[10:45])
