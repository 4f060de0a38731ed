"""The prior over people, on synthetic ones: it speaks for somebody it never heard, and says what it cannot use."""

import json
import math

import numpy as np
import pytest
import torch
from support_voices import FPS, JAW, recording

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS, mirrored
from gaussian_head.motion.articulation import lasting
from gaussian_head.motion.lip_model import apply_net
from gaussian_head.speech import encode_speech
from gaussian_head.training.left_out import ROWS, out_of_step, scored, told_by_others
from gaussian_head.training.recordings import examples_of
from gaussian_head.training.voice import learn_voice
from gaussian_head.voice import MOUTH, VoicePrior
from gaussian_head.voice.augment import SPEEDS, heard_otherwise
from gaussian_head.voice.learning import learn_prior
from gaussian_head.voice.mouth import COLUMNS, GAP, JAW_OPEN, MIRROR, lip_measures
from gaussian_head.voice.prior import CLOSES_AFTER, NEARLY, OPENS_BEFORE, articulated
from gaussian_head.voice.scores import correlation, scores


@pytest.fixture(scope="module", autouse=True)
def short_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gaussian_head.voice.net.STEPS", 40)
        patch.setattr("gaussian_head.lips.learning.STEPS", 20)
        patch.setattr("gaussian_head.training.recordings.FOLDS", 2)
        yield


@pytest.fixture(scope="module")
def taught(short_training):
    return learn_voice([recording(seed) for seed in range(4)], encoder="mel", nets=1, copies=3)


def test_a_person_never_heard_is_spoken_for(taught):
    prior, _ = taught
    stranger = recording(77)
    told = prior.predict(stranger.samples, FPS, len(stranger.units))
    assert told.shape == stranger.units.shape
    assert 0 <= float(told.min()) <= float(told.max()) <= 1
    assert correlation(told[:, JAW], stranger.units[:, JAW]) > 0.8
    assert correlation(told.roll(50, 0)[:, JAW], stranger.units[:, JAW]) < 0.5
    upper = [k for k in range(len(UNITS)) if k not in COLUMNS]
    assert not told[:, upper].any()


class Opener:
    """A teacher to whom every sound says that the jaw is open."""

    def of_sound(self, values, usual):
        return torch.tensor([1.0, 0.0]).expand(len(values), 2)

    def of_lips(self, moved):
        jaw = moved[..., JAW_OPEN] * 10
        return torch.stack([jaw.sin(), jaw.cos()], -1)


def test_a_teacher_pulls_lips_to_where_they_say_the_sound(short_training):
    heard = examples_of([recording(seed) for seed in range(2)], encoder="mel", copies=1)
    made = {"encoder": "mel", "encoder_version": heard[0][1].version, "nets": 1}
    jaws = []
    for teacher in (None, Opener()):
        prior = learn_prior([example for example, _ in heard], **made, teacher=teacher)
        (net,) = prior.nets
        jaws.append(float(apply_net(net, prior.hearing.inputs(heard[0][1], 100))[:, JAW_OPEN].mean()))
    assert abs(jaws[0]) < 0.3  # about what is usual
    assert jaws[1] > jaws[0] + 0.3


def test_loudness_of_a_recording_and_frame_rate_change_nothing(taught):
    prior, _ = taught
    samples = recording(78, 4).samples
    told = prior.predict(samples, FPS, 100)
    assert torch.allclose(prior.predict(0.1 * samples, FPS, 100), told, atol=0.02)
    assert torch.allclose(prior.predict(samples, 2 * FPS, 200)[::2], told, atol=1e-5)


def test_silence_shuts_the_mouth_and_frames_past_the_end_too(taught):
    prior, _ = taught
    samples = np.concatenate([recording(79, 2).samples, np.zeros(32000, np.float32)])
    told = prior.predict(samples, FPS, 125)
    gap = (told[:, COLUMNS] - prior.closed) @ lip_measures()[:, GAP]
    assert gap[70:].abs().max() < 1e-6
    assert gap[:45].max() > 1e-3
    closed = torch.zeros(len(UNITS))
    closed[UNITS.index("mouthSmileLeft")] = 0.5
    assert prior.predict(samples, FPS, 125, closed=closed)[110, UNITS.index("mouthSmileLeft")] == 0.5


def test_the_card_names_scores_beside_null_rows(taught):
    _, card = taught
    rows = card["scores"]
    assert set(rows) == {*ROWS, "ridge regression alone"}
    assert rows["prior"]["jaw"] > 0.7 > rows["shuffled sound"]["jaw"]
    assert rows["still mouth"]["jaw"] == 0
    assert 0.4 < card["liveliness_of_units"]["jawOpen"] < 2
    assert len(card["recordings"]) == 4


def test_what_is_written_is_read_again(taught, tmp_path):
    prior, card = taught
    prior.save(tmp_path / "own", card)
    again = VoicePrior.load(tmp_path / "own")
    samples = recording(80, 2).samples
    assert torch.equal(again.predict(samples, FPS, 50), prior.predict(samples, FPS, 50))
    assert (tmp_path / "own.safetensors").stat().st_size < 8e6
    described = json.loads((tmp_path / "own.json").read_text())
    assert described["scores"] == card["scores"]
    (tmp_path / "own.json").write_text(json.dumps(described | {"nets": 7}))
    (tmp_path / "other.json").write_text(json.dumps(described | {"version": 99}))
    (tmp_path / "own.safetensors").rename(tmp_path / "copy.safetensors")
    with pytest.raises(InputError, match="does not exist"):
        VoicePrior.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no voice prior"):
        VoicePrior.load(tmp_path / "other")
    (tmp_path / "copy.json").write_text((tmp_path / "own.json").read_text())
    with pytest.raises(InputError, match="damaged"):
        VoicePrior.load(tmp_path / "copy")


def test_features_of_another_encoder_are_refused(taught):
    prior, _ = taught
    with pytest.raises(InputError, match=r"'default'.*takes 'mel'"):
        prior.predict_from(encode_speech(recording(81, 2).samples), FPS, 50)


def test_recordings_out_of_step_and_strange_sounds_are_rejected():
    people = [recording(seed) for seed in range(4)] + [recording(4, late=0.24)]
    strange = recording(5)
    noise = (0.1 * np.random.default_rng(0).standard_normal(len(strange.samples))).astype(np.float32)
    people.append(type(strange)(**{**vars(strange), "samples": noise}))
    heard = examples_of(people, encoder="mel", copies=1)
    rejected = {one.name: one.why for one in out_of_step(told_by_others(heard, nets=0))}
    assert set(rejected) == {"clip4", "clip5"}
    assert "0.24 s late" in rejected["clip4"]
    assert "does not tell" in rejected["clip5"]


def test_nobody_is_judged_by_a_prior_that_knows_them():
    heard = examples_of([recording(seed, 4) for seed in range(3)], encoder="mel", copies=1)
    twice = [*heard, (type(heard[0][0])(name="again", person="person0", copies=heard[0][0].copies), heard[0][1])]
    judged = told_by_others(twice, nets=0)
    priors = {one.example.name: one.prior for one in judged}
    assert priors["again"] is priors["clip0"]
    assert priors["clip1"] is not priors["clip0"] or priors["clip2"] is not priors["clip0"]
    assert set(scored(judged)["prior"]) == {"clip0", "clip1", "clip2", "again"}


def test_sides_are_each_others_mirror():
    assert [MOUTH[k] for k in MIRROR] == [mirrored(name) for name in MOUTH]
    assert torch.allclose(lip_measures()[MIRROR], lip_measures(), atol=2e-4)
    opening = lip_measures()[MOUTH.index("jawOpen"), GAP] + lip_measures()[MOUTH.index("mouthClose"), GAP]
    assert abs(float(opening)) < 2e-3 < float(lip_measures()[MOUTH.index("jawOpen"), GAP])


def test_lips_meet_where_the_sound_says_so():
    features = encode_speech(recording(82, 2).samples, encoder="mel")
    closure = torch.zeros_like(features.closure)
    closure[90:110] = 1
    features = type(features)(**{**vars(features), "closure": closure, "activity": torch.ones_like(closure)})
    rest, moved = torch.zeros(len(MOUTH)), torch.zeros(50, len(MOUTH))
    moved[:, MOUTH.index("jawOpen")] = 0.3
    parting = torch.zeros(len(MOUTH))
    parting[MOUTH.index("jawOpen")] = 1 / lip_measures()[MOUTH.index("jawOpen"), GAP]
    units = articulated(rest, moved, parting, features, torch.arange(50) / FPS, True)
    assert units[24, MOUTH.index("jawOpen")] < 1e-6
    told = 0.3 * float(lip_measures()[MOUTH.index("jawOpen"), GAP])
    apart = told**2 / (told + NEARLY)
    assert 0.75 * told < apart
    assert float(units[10] @ lip_measures()[:, GAP]) == pytest.approx(apart, rel=1e-4)
    moved[:, MOUTH.index("jawOpen")], moved[:, MOUTH.index("mouthClose")] = 0.1, 0.3
    units = articulated(rest, moved, parting, features, torch.arange(50) / FPS, True)
    assert (units @ lip_measures()[:, GAP]).abs().max() < 1e-4, "lips pass through each other"


def test_lips_part_before_speech_and_corners_rest_later_than_they_shut():
    features = encode_speech(recording(82, 4).samples, encoder="mel")
    activity = torch.zeros_like(features.activity)
    activity[100:200] = 1  # the second second of four
    none = torch.zeros_like(activity)
    features = type(features)(**{**vars(features), "closure": none, "activity": activity})
    jaw, smile = MOUTH.index("jawOpen"), MOUTH.index("mouthSmileLeft")
    rest, moved, parting = torch.zeros(len(MOUTH)), torch.zeros(100, len(MOUTH)), torch.zeros(len(MOUTH))
    moved[:, jaw], moved[:, smile] = 0.3, 0.4
    parting[jaw] = 1 / lip_measures()[jaw, GAP]
    units = articulated(rest, moved, parting, features, torch.arange(100) / FPS, True)
    gap = units @ lip_measures()[:, GAP]
    before, after = 25 - math.ceil(OPENS_BEFORE * FPS), 50 + math.ceil(CLOSES_AFTER * FPS)
    assert gap[: before + 1].max() < 1e-6 < gap[before + 2]
    assert gap[after:].max() < 1e-6 < gap[after - 2]
    assert 0.1 < units[after, smile] < 0.4
    assert units[99, smile] < 1e-6
    free = articulated(rest, moved, parting, features, torch.arange(100) / FPS, False)
    torch.testing.assert_close(free, free[:1].expand(100, -1))


def test_scores_tell_right_from_late_still_and_flat():
    seen = recording(83).units[:, COLUMNS]
    active, rest = torch.ones(len(seen)), torch.zeros(len(MOUTH))
    right = scores(seen, seen, active, rest, rest)
    assert right.jaw == pytest.approx(1)
    assert right.closures == 1
    assert right.liveliness == pytest.approx(1)
    assert scores(seen.roll(8, 0), seen, active, rest, rest).jaw < 0.8
    assert scores(0.5 * seen, seen, active, rest, rest).liveliness == pytest.approx(0.5)
    still = scores(rest.expand(len(seen), -1), seen, torch.zeros(len(seen)), rest, rest)
    assert still.jaw == 0
    assert still.shut == 1


@pytest.mark.parametrize("copy", range(len(SPEEDS)))
def test_copies_are_the_same_speech_heard_otherwise(copy):
    samples = recording(84, 2).samples
    heard, speed = heard_otherwise(samples, copy, np.random.default_rng(0), [recording(85, 1).samples])
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert len(heard) == pytest.approx(len(samples) / speed, abs=2)
    assert copy == 0 or len(heard) != len(samples) or np.abs(heard - samples).max() > 1e-3


def test_flashes_of_activity_are_not_speech():
    activity = torch.zeros(400)
    activity[50:60] = 1  # a tenth of a second in a pause
    activity[200:225] = 1  # a short word
    kept = lasting(activity, 100.0)
    assert not kept[:100].any()
    assert torch.equal(kept[150:], activity[150:])
