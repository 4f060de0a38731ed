# ruff: noqa: RUF001  the International Phonetic Alphabet looks like other letters
"""Speech for silent lips: phones of a text, its timing from lips, a voice's colours, and mistakes in words."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support_capture import make_capture

from gaussian_head import InputError, give_voice
from gaussian_head.capture import Capture
from gaussian_head.cli import main
from gaussian_head.revoicing import speaking
from gaussian_head.revoicing.aligning import LONGEST, SHORTEST, STEPS, Alignment, Heard, by_words, cheapest
from gaussian_head.revoicing.language import require_language
from gaussian_head.revoicing.phoning import words_in_sound
from gaussian_head.revoicing.saying import choice_of, costs_of
from gaussian_head.revoicing.speaking import arpabet, speak_text
from gaussian_head.revoicing.splicing import spliced
from gaussian_head.revoicing.watching import read_text, require_lips
from gaussian_head.revoicing.world import WorldVoice

ESPEAK = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def sounds():
    """Unit vectors that differ from moment to moment, as a judge makes of speech, with silence around."""
    generator = torch.Generator().manual_seed(1)
    quiet = torch.randn(1, 32, generator=generator)
    speech = torch.randn(30, 32, generator=generator)
    return torch.nn.functional.normalize(torch.cat([quiet.expand(10, -1), speech, quiet.expand(10, -1)]), dim=1)


def test_lips_that_say_it_slower_are_followed(sounds):
    moments = np.concatenate([np.zeros(12), np.arange(10, 40, 0.6), np.full(9, 45)]).astype(int)
    path, cost = cheapest(sounds[torch.from_numpy(moments)], Heard(sound=sounds, begin=10, end=39))
    spoken = (moments >= 10) & (moments < 40)
    assert np.abs(path - moments)[spoken].max() <= 1
    assert set(np.diff(path)) <= set(STEPS)
    assert cost < 0.2


def test_words_keep_a_tempo_and_pauses_lie_between_them():
    starts, ends = np.array([0.5, 0.8, 1.2]), np.array([0.8, 1.2, 1.5])
    said = np.array([0.0, 0.5, 0.62, 0.65, 0.8, 0.81, 1.2, 1.5, 2.0])
    film = np.array([0.0, 1.0, 1.3, 1.31, 1.36, 2.0, 2.4, 2.5, 3.0])
    found = by_words(Alignment(film=film, said=said, cost=0.1), starts, ends)
    assert found.said.tolist() == np.stack([starts, ends], 1).ravel().tolist()
    tempo = np.diff(found.film)[::2] / (ends - starts)
    assert (tempo > SHORTEST - 1e-6).all()
    assert (tempo < LONGEST + 1e-6).all()
    assert np.abs(found.film - [1.0, 1.36, 2.0, 2.4, 2.4, 2.5]).max() < 0.1
    assert found.film[2] - found.film[1] > 0.5, "the pause is kept"
    assert (np.diff(found.film) >= 0).all()


def test_what_is_said_is_chosen_and_what_is_not_is_none_of_these(sounds):
    generator = torch.Generator().manual_seed(2)
    heard = []
    for _ in range(5):
        other = sounds.clone()
        other[10:40] = torch.nn.functional.normalize(torch.randn(30, 32, generator=generator), dim=1)
        heard.append(Heard(sound=other, begin=10, end=39))
    right = Heard(sound=sounds, begin=10, end=39)
    choice = choice_of(costs_of(sounds, [*heard[:3], right, *heard[3:]]))
    assert choice.best == 3
    assert choice.fits
    assert choice.confidence > 3
    assert not choice_of(costs_of(sounds, heard)).fits
    assert not choice_of(costs_of(sounds, [right, right, *heard])).fits, "two alike: nobody can tell"
    ordinary = costs_of(sounds, heard[3:])[0]
    assert choice_of(costs_of(sounds, [*heard[:3], right]), ordinary).fits
    assert not choice_of(costs_of(sounds, heard[:3]), ordinary).fits


def test_ipa_becomes_the_nearest_english_phones():
    assert arpabet("bˈɪn") == ("B", "IH", "N")
    assert arpabet("tʃˈɜːtʃ") == ("CH", "ER", "CH")
    assert arpabet("ʃˈøːn") == ("SH", "ER", "N")
    assert arpabet("‿ˈ") == ()


def test_a_voice_takes_on_anothers_pitch_and_colour():
    pytest.importorskip("pyworld")
    time = np.arange(16000) / 16000
    low, high = (
        sum(np.sin(2 * np.pi * pitch * k * time) / k**tilt for k in range(1, 12)).astype(np.float32) * 0.1
        for pitch, tilt in ((110, 2.0), (190, 1.0))
    )
    changed = WorldVoice.of(low).coloured_like(WorldVoice.of(high))
    assert abs(np.median(changed.pitch[changed.pitch > 0]) - 190) < 6
    assert len(changed.samples()) == pytest.approx(16000, abs=200)


@pytest.mark.parametrize("slower", [0.6, 1.0, 1.6])
def test_a_sound_is_laid_at_another_tempo_with_its_own_pitch(slower):
    time = np.arange(16000) / 16000
    sound = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 9)).astype(np.float32) * 0.1
    moments = np.arange(0, slower, 0.005) / slower
    moments[len(moments) // 2 :][:20] = -1
    out = spliced(sound, moments, 200.0)
    assert len(out) == pytest.approx(16000 * slower, abs=80)
    middle = (len(moments) // 2 + 10) * 80
    assert np.abs(out[middle - 300 : middle + 300]).max() == 0, "nothing is heard in a pause"
    for part in (out[800 : middle - 1600], out[middle + 1600 : -800]):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 16000))
        assert abs(int(spectrum[:300].argmax()) - 150) <= 2
        assert part.std() == pytest.approx(sound.std(), rel=0.06)
    if slower == 1:
        assert np.abs(out[800:4000] - sound[800:4000]).max() < 1e-3


@ESPEAK
def test_words_of_a_said_text_are_found_in_its_sound():
    spoken = speak_text("bin blue at f two now", language="en-gb")
    words = words_in_sound(spoken.samples, spoken.phones)
    starts = [word.start for word in words]
    assert len(words) == 6
    assert starts == sorted(starts)
    assert 0 <= starts[0] < 0.15
    assert 0.5 < words[-1].start < words[-1].end <= len(spoken.samples) / 16000 + 0.02


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["gaussian-head", "voice", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "v.wav"), "nothing is known of what is said"),
        (
            ("--text", "a", "--phrases", "p.txt", "--out", "v.wav"),
            "phrases and reader more than one was given",
        ),
        (("--text", "hello", "--out", "v.mp3"), "name a .wav file"),
        (("--phrases", "none.txt", "--out", "v.wav"), "none.txt"),
        (("--text", "hello", "--out", "v.wav"), "film.mp4"),
        (("--reader", "r.pt", "--out", "v.wav"), "a lip reader and its symbols come together"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "film.mp4", *arguments) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "missing", "words"),
    [
        (("--text", "hello there"), "programs", "espeak-ng is not installed"),
        (("--text", "hello there"), "pyworld", "the vocoder pyworld cannot be imported"),
        (("--like", "head"), "pyworld", "the vocoder pyworld cannot be imported"),
    ],
)
def test_what_is_missing_is_told_before_a_film_is_tracked(tmp_path, monkeypatch, capsys, arguments, missing, words):
    monkeypatch.chdir(tmp_path)
    Path("film.mp4").write_bytes(b"tracking would say that this is no film")
    if missing == "programs":
        monkeypatch.setattr(speaking, "require_world", lambda: None)
        monkeypatch.setenv("PATH", "")
    else:
        monkeypatch.setitem(sys.modules, "pyworld", None)
    assert run(monkeypatch, "film.mp4", *arguments, "--out", "v.wav") == 2
    assert words in capsys.readouterr().err


def test_a_list_of_one_phrase_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / "p.txt").write_text("only this\n\n")
    assert run(monkeypatch, "film.mp4", "--phrases", tmp_path / "p.txt", "--out", tmp_path / "v.wav") == 2
    assert "has 1 phrases; 2 to 500" in capsys.readouterr().err


def test_text_without_words_and_missing_programs_are_told(monkeypatch):
    with pytest.raises(InputError, match="words, up to 2000 letters, were wanted"):
        speak_text("  ...  ")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="espeak-ng is not installed; `apt-get install espeak-ng`"):
        speak_text("hello")


@ESPEAK
def test_a_language_that_the_program_does_not_know_is_told():
    with pytest.raises(InputError, match="espeak-ng failed"):
        speak_text("hello", language="xx-nowhere")


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Привет, как дела?", "en-us", "is written in Cyrillic and is to be said in 'en-us'"),
        ("Ich weiß nicht, und das ist gut.", "en-gb", "looks like 'de' (das, ich, ist, nicht, und)"),
        ("I have been to this and that", "de", "looks like 'en' (and, have, that, this, to)"),
        ("Je ne suis pas dans les rues", "es", "give --language fr"),
    ],
)
def test_a_text_in_another_language_than_the_voice_is_told(text, language, words):
    with pytest.raises(InputError) as caught:
        require_language(text, language)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("bin blue at f two now", "en-gb"),
        ("Ich weiß nicht, und das ist gut.", "de"),
        ("Berlin, Paris, 1999!", "en-us"),
        ("Привет", "ru"),
        ("你好", "cmn"),
        ("The queue at das Boot and die Welt", "en-us"),
    ],
)
def test_a_text_in_its_language_is_said(text, language):
    require_language(text, language)


def test_a_piper_voice_of_another_language_is_told(tmp_path):
    (tmp_path / "v.onnx.json").write_text('{"espeak": {"voice": "de"}}')
    with pytest.raises(InputError, match=r"v\.onnx speaks 'de' and the text is 'en-us'; they must agree"):
        require_language("hello", "en-us", tmp_path / "v.onnx")
    require_language("hallo", "de", tmp_path / "v.onnx")


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("lips") / "capture", num_frames=30, size=96)[0]


def test_lips_that_are_covered_or_still_are_told(filmed, tmp_path):
    still = filmed.motion.units[:1].expand(30, -1).contiguous()
    tensors = dict(filmed._tensors) | {"units": still}
    capture = Capture(filmed.path, filmed.info, tensors, 2**20)
    with pytest.raises(InputError, match=r"the lips part by 0\.0 mm only: something covers them, or nobody speaks"):
        give_voice(capture, tmp_path / "v.wav", text="hello")
    hidden = Capture(filmed.path, replace(filmed.info, bad_frames=list(range(18))), dict(filmed._tensors), 2**20)
    with pytest.raises(InputError, match="the face is hidden or lost in 60 % of the film"):
        give_voice(hidden, tmp_path / "v.wav", text="hello")
    require_lips(filmed)


class Reader(torch.nn.Module):
    """Random scores of symbols from the mean grey of each mouth."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.nn.Linear(1, 4)

    def forward(self, x):
        return self.last(x.mean((-1, -2))[:, 0, :, None])


def test_a_lip_reader_of_ones_own_tells_the_text(filmed, tmp_path):
    torch.manual_seed(0)
    net = Reader().eval()
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 1, 5, 88, 88)), str(tmp_path / "r.pt"))
    (tmp_path / "symbols.txt").write_text("-\nha\nho\n\n")
    texts = set()
    for chosen in range(1, 3):
        net.last.bias.data = torch.nn.functional.one_hot(torch.tensor(chosen), 4) * 50.0
        torch.jit.save(torch.jit.trace(net, torch.zeros(1, 1, 5, 88, 88)), str(tmp_path / "r.pt"))
        texts.add(read_text(filmed, tmp_path / "r.pt", tmp_path / "symbols.txt"))
    assert texts == {"ha", "ho"}
    net.last.bias.data = torch.tensor([50.0, 0, 0, 0])
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 1, 5, 88, 88)), str(tmp_path / "r.pt"))
    with pytest.raises(InputError, match="reads nothing in this film"):
        read_text(filmed, tmp_path / "r.pt", tmp_path / "symbols.txt")
    (tmp_path / "few.txt").write_text("-\nha\n")
    with pytest.raises(InputError, match="tells 4 symbols; 2 were named"):
        read_text(filmed, tmp_path / "r.pt", tmp_path / "few.txt")
