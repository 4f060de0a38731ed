"""A live head by an offline clock: what it says, when, and what it does when nothing is said."""

import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from support_head import make_actor
from support_voices import recording

import gaussian_head
from gaussian_head.actor.speak import voice_of
from gaussian_head.checks import InputError
from gaussian_head.live import Talker
from gaussian_head.media.arriving import ArrivingSound
from gaussian_head.motion import CONTROLS
from gaussian_head.voice import CausalVoice
from gaussian_head.voice.causal import Manner
from gaussian_head.voice.mouth import COLUMNS
from gaussian_head.voice.own import OwnVoice

RATE, FPS = 16000, 25
JAW = CONTROLS.index("jawOpen")


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_gaussians=600, size=64)


@pytest.fixture(scope="module")
def said():
    return recording(1, 4).samples


def streamed(talker, samples, milliseconds, seconds):
    """Moments of a clock that runs while chunks come as they are spoken, and how late each one is said."""
    size = RATE * milliseconds // 1000
    chunks = [samples[start : start + size] for start in range(0, len(samples), size)]
    moments, arrived, placed, delays = [], [], 0, []
    for frame in range(round(seconds * FPS)):
        while len(arrived) < len(chunks) and (len(arrived) + 1) * size <= frame * RATE // FPS:
            talker.hear(chunks[len(arrived)])
            arrived.append(frame / FPS)
        moment = talker.tell()
        if moment.speaking or placed:
            placed += len(moment.samples)
        while len(delays) < len(arrived) and (len(delays) + 1) * size <= placed:
            delays.append((frame + 1) / FPS - arrived[len(delays)])
        moments.append(moment)
    return moments, delays


def mouth(moments):
    return torch.cat([moment.motion.units for moment in moments])[:, COLUMNS]


def whole(talker, samples):
    """The causal form on the whole sound, and its first moment among what was told."""
    actor = talker.person.actor
    own = voice_of(replace(actor, voice=None))
    assert isinstance(own, OwnVoice)
    voice = CausalVoice(manner=Manner.of(own))
    return torch.cat([voice.hear(samples), voice.finish()])[:, COLUMNS]


def compare_with_whole(actor, said, milliseconds, seconds):
    talker = Talker(actor)
    moments, delays = streamed(talker, said, milliseconds, seconds)
    first = next(i for i, moment in enumerate(moments) if moment.speaking)
    wanted = whole(talker, said)
    assert torch.equal(mouth(moments[first:])[: len(wanted)], wanted)
    sound = np.concatenate([moment.samples for moment in moments[first:]])
    assert np.array_equal(sound[: len(said)], said)
    assert not sound[len(said) :].any()
    return delays


@pytest.mark.parametrize("milliseconds", [20, 40, 200])
def test_speech_that_comes_in_chunks_is_said_as_if_it_were_whole(actor, said, milliseconds):
    delays = compare_with_whole(actor, said, milliseconds, 6)
    assert len(delays) == len(said) * 1000 // RATE // milliseconds
    # Of a chunk of 200 ms the first sample is 200 ms old when it comes, and the last is said as long after it.
    assert max(delays) <= (0.25 if milliseconds <= 40 else 0.25 + milliseconds / 1000)


@pytest.mark.exhaustive
@pytest.mark.parametrize("milliseconds", [20, 40, 200])
def test_a_minute_of_it(actor, milliseconds):
    long = np.concatenate([recording(seed, 6).samples for seed in range(10)])
    compare_with_whole(actor, long, milliseconds, 62)


@pytest.mark.parametrize("rate", [24000, 44100, 48000])
def test_what_came_with_more_is_played_with_more(actor, rate):
    """A tone above what the voice hears, in step with one that it hears, whatever the chunks."""
    at = np.arange(2 * rate) / rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * at) + 0.3 * np.sin(2 * np.pi * 10_500 * at) * (at > 1)
    played = []
    for size in (rate // 50, rate // 7, len(tone)):
        talker, arriving = Talker(actor), ArrivingSound()
        for start in range(0, len(tone), size):
            talker.hear(arriving.hear_pcm((tone[start : start + size] * 32767).astype(np.int16), rate))
        moments = [talker.tell() for _ in range(60)]
        sound = np.concatenate([moment.played for moment in moments])
        heard = np.concatenate([moment.samples for moment in moments])
        assert len(sound) == 3 * len(heard)
        played.append(sound / 32768)
    assert np.array_equal(played[0], played[1])
    assert np.array_equal(played[0], played[2])
    begins = np.flatnonzero(np.abs(np.diff(played[0], 8)) > 2)[0] / 48000  # only the high tone bends that much
    assert begins == pytest.approx(1.0, abs=0.003)
    assert np.abs(played[0][60_000:90_000]).max() > 0.55
    low = np.fft.rfft(heard[20_000:28_000])
    assert np.abs(low[2000:]).max() < 1e-2 * np.abs(low).max(), "the voice hears up to 8 kHz"


def test_other_frame_rates_keep_picture_and_sound_in_step(said):
    actor = make_actor(num_gaussians=300, size=64)
    actor = replace(actor, clip=replace(actor.clip, motion=replace(actor.clip.motion, fps=29.97)))
    talker = Talker(actor)
    talker.hear(said)
    moments = [talker.tell() for _ in range(90)]
    sound = np.concatenate([moment.samples for moment in moments])
    assert np.array_equal(sound, said[: len(sound)])
    assert abs(len(sound) - 90 / 29.97 * RATE) <= 1
    wanted = whole(talker, said)[:, COLUMNS.index(JAW)].numpy()
    told = mouth(moments)[:, COLUMNS.index(JAW)].numpy()
    assert np.allclose(told, np.interp(np.arange(90) / 29.97 * 25, np.arange(len(wanted)), wanted), atol=1e-5)


def test_a_file_begins_with_the_next_frame(actor, said):
    talker = Talker(actor)
    assert not talker.tell().speaking
    talker.hear((said * 32767).astype(np.int16))
    moment = talker.tell()
    assert moment.speaking
    assert np.allclose(moment.samples, said[:640], atol=1e-4)
    talker.hear(said[:700])
    assert talker.waiting == pytest.approx((len(said) + 700 - 640) / RATE)


def test_interrupted_it_is_silent_and_shut_within_a_fifth_of_a_second(actor, said):
    undisturbed, talker = Talker(actor), Talker(actor)
    undisturbed.hear(said)
    spoken = [undisturbed.tell() for _ in range(len(said) * FPS // RATE - 5)]
    widest = int(mouth(spoken)[:, COLUMNS.index(JAW)].argmax())
    talker.hear(said)
    for _ in range(widest + 1):
        talker.tell()
    talker.interrupt()
    after = [talker.tell() for _ in range(50)]
    heard = np.concatenate([moment.samples for moment in after])
    assert not heard[round(0.005 * RATE) + 1 :].any()
    assert not np.concatenate([moment.played for moment in after])[round(0.005 * 48000) + 1 :].any()
    assert np.abs(np.diff(heard)).max() <= np.abs(np.diff(said)).max() + 0.02  # no click
    shut = mouth([Talker(actor).tell()])[0]
    assert torch.equal(mouth(after)[4], shut)  # the frame that begins 160 ms later
    assert talker.waiting == 0
    talker.hear(said)
    assert talker.tell().speaking
    assert torch.equal(mouth([talker.tell()])[0], whole(talker, said)[1])


def test_too_little_sound_is_said_all_the_same_and_late_sound_waits_for_a_cushion(actor, said):
    talker = Talker(actor)
    talker.hear(said[:800])
    moments = [talker.tell() for _ in range(60)]
    sound = np.concatenate([moment.samples for moment in moments])
    assert np.count_nonzero(sound) == np.count_nonzero(said[:800])
    talker.hear(said[:8000])
    moments = [talker.tell() for _ in range(16)]
    talker.hear(said[8000:16000])
    moments += [talker.tell() for _ in range(60)]
    sound = np.concatenate([moment.samples for moment in moments])
    assert np.array_equal(sound[:8000], said[:8000])
    late = np.trim_zeros(said[8000:16000])
    assert np.array_equal(np.trim_zeros(sound[8000:]), late)
    assert not sound[8000:9600].any()


def test_who_speaks_this_moment_is_not_heard_ever_later(actor, said):
    """After playing stood still for half a second pauses are cut short; speech that was made ahead is left as it is."""
    talker, chunk = Talker(actor), np.concatenate([said[:480], np.zeros(160, np.float32)])
    pause = np.zeros(640, np.float32)
    for _ in range(12):
        talker.hear(pause)
    waited = []
    for frame in range(6 * FPS):
        talker.hear(pause if frame // 10 % 2 else chunk)
        talker.tell()
        waited.append(talker.waiting)
    assert min(waited[20:40]) > 0.45
    assert max(waited[-40:]) < 0.35
    ahead = Talker(actor)
    spoken = np.concatenate([chunk, pause] * 100)
    ahead.hear(spoken)
    sound = np.concatenate([ahead.tell().samples for _ in range(200)])
    assert np.array_equal(sound, spoken)


def test_idle_it_lives_and_its_mouth_is_shut(actor):
    talker = Talker(actor)
    moments = [talker.tell() for _ in range(FPS * 20)]
    motion = {name: torch.cat([m.motion.tensors()[name] for m in moments]) for name in moments[0].motion.tensors()}
    assert not any(moment.samples.any() or moment.speaking for moment in moments)
    assert torch.equal(mouth(moments), mouth(moments)[:1].expand(len(moments), -1))
    lids = motion["units"][:, CONTROLS.index("eyeBlinkLeft")]
    blinks = (lids.diff().sign().diff() < 0).sum()
    assert 2 <= int(blinks) <= 12
    assert motion["gaze"].std(0).min() > 0.01
    assert motion["torso_positions"][:, 1].std() > 2e-4
    steps = motion["head_positions"].diff(dim=0).norm(dim=1)
    assert 0 < float(steps.max()) < 0.004
    again = Talker(actor)
    assert all(torch.equal(again.tell().motion.units, moment.motion.units) for moment in moments[:200])
    other = Talker(actor, seed=1)
    assert any(not torch.equal(other.tell().motion.units, moment.motion.units) for moment in moments[:200])


def test_memory_stays_as_it_is(actor, said):
    talker = Talker(actor)

    def size():
        ear, feelings = talker._ear, talker._feelings
        kept = vars(ear) | {"_voice": vars(ear._voice), "_arriving": ear._arriving._left}
        return len(pickle.dumps([kept, feelings._now]))

    sizes = []
    for _ in range(3):
        talker.hear(said[:RATE])
        for _ in range(60):
            talker.tell()
        sizes.append(size())
    assert max(sizes[1:]) - min(sizes[1:]) <= 512
    talker.hear(np.zeros(599 * RATE, np.float32))
    with pytest.raises(InputError, match="interrupt"):
        talker.hear(np.zeros(2 * RATE, np.float32))


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "gaussian_head.live.app", raising=False)
    with pytest.raises(InputError, match=r"gaussian-head\[live\]"):
        gaussian_head.serve("nowhere", block=False)


def test_it_is_posed_directed_and_felt(actor):
    talker, plain = Talker(actor), Talker(actor)
    talker.pose(turn=20.0)
    talker.feel("happy:0.8")
    pairs = [(talker.tell(), plain.tell()) for _ in range(40)]
    turned, straight = (pair.motion.head.quats[0] for pair in pairs[-1])
    angle = 2 * torch.rad2deg(torch.acos((turned @ straight).abs().clamp(max=1)))
    assert 15 < float(angle) < 26
    smile = CONTROLS.index("mouthSmileLeft")
    steps = torch.cat([pair[0].motion.units[:, smile] for pair in pairs])
    assert float(steps[-1]) > 0.1
    assert float(steps.diff().abs().max()) < 0.1
    talker.feel("")
    talker.pose(turn=0.0)
    talker.act("nods twice")
    nodding = [talker.tell().motion.head.quats[0] for _ in range(40)]
    assert float(torch.stack(nodding).diff(dim=0).norm(dim=1).max()) > 0.01
    for wrong in (lambda: talker.feel("furious:3"), lambda: talker.act("flies"), lambda: talker.pose(nod=float("nan"))):
        with pytest.raises(InputError):
            wrong()


def test_the_camera_goes_about_it(actor):
    talker = Talker(actor, size=64)
    moment = talker.tell()
    front = talker.picture(moment)
    assert front.shape == (64, 64, 3)
    talker.look_from(yaw=40.0, pitch=-10.0, distance=1.2)
    side = talker.picture(moment)
    assert np.abs(front.astype(int) - side).mean() > 2
    assert talker.picture(moment, 0.5).shape == (32, 32, 3)
    talker.look_from(yaw=1e9)
    with pytest.raises(InputError, match="finite"):
        talker.look_from(yaw=float("inf"))
    frame = next(talker.frames())
    assert frame.image.shape == (64, 64, 3)
    assert frame.number == 1
