"""What is said, when, by whom, and what is then heard."""

from pathlib import Path

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.dubbing.lines import TO_THE_END, Line, read_lines, seconds_of
from gaussian_head.dubbing.sound import UNDER, heard, require_length
from gaussian_head.media import read_recorded_audio, write_audio

RATE = 8000


def tone(path: Path, seconds: float, value: float, *, rate: int = RATE, channels: int = 1) -> Path:
    write_audio(path, np.full((round(seconds * rate), channels), value, np.float32), rate)
    return path


def script(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_lines(tmp_path):
    tone(tmp_path / "a.wav", 1, 0.5)
    table = script(tmp_path / "lines.csv", "Start, End, Sound, Person\n0:01.5,3,a.wav,2\n4,,a.wav,\n")
    assert read_lines(table) == (
        Line(start=1.5, end=3.0, sound=tmp_path / "a.wav", person=2),
        Line(start=4.0, end=TO_THE_END, sound=tmp_path / "a.wav", person=1),
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("start,end,sound\nsoon,,a.wav\n", "row 2"),
        ("start,end,sound\n3,2,a.wav\n", "row 2"),
        ("start,end,sound,person\n0,1,a.wav,0\n", "row 2"),
        ("start,end,sound\n0,1,none.wav\n", "none.wav"),
        ("start,end,sound\n0,1,\n", "names no sound"),
        ("when,what\n0,a.wav\n", "columns"),
        ("", "columns"),
        ("start,end,sound\n0,2,a.wav\n1,3,a.wav\n", "two lines at once"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path, rows, words):
    tone(tmp_path / "a.wav", 1, 0.5)
    with pytest.raises(InputError, match=words):
        read_lines(script(tmp_path / "lines.csv", rows))


def test_times():
    assert seconds_of("1:02:03.5") == 3723.5
    for bad in ("", "a", "-1", "1:2:3:4", "nan"):
        with pytest.raises(ValueError, match=r"time|convert|float"):
            seconds_of(bad)


def test_one_sound_keeps_its_channels_and_rate(tmp_path):
    sound = tone(tmp_path / "a.wav", 1, 0.5, rate=22050, channels=2)
    line = Line(start=0, end=TO_THE_END, sound=sound, person=1)
    out = heard(tmp_path / "none.mp4", False, [line], 2.0, "replace", False, tmp_path)
    assert out.rate == 22050
    assert out.samples.shape == (22050, 2)
    assert np.array_equal(out.samples, read_recorded_audio(sound)[0])


def test_lines_lie_over_the_old_sound(tmp_path):
    old = tone(tmp_path / "old.wav", 4, 0.4)
    new = tone(tmp_path / "new.wav", 1, -0.2, rate=2 * RATE)
    line = Line(start=1, end=TO_THE_END, sound=new, person=1)
    out = heard(old, True, [line], 4.0, "replace", True, tmp_path)
    level = out.samples[:, 0]
    assert out.rate == RATE
    assert len(level) == 4 * RATE
    assert level[RATE // 2] == pytest.approx(0.4, abs=1e-3)
    assert level[3 * RATE] == pytest.approx(0.4, abs=1e-3)
    assert level[RATE * 3 // 2] == pytest.approx(-0.2, abs=1e-2)
    assert np.abs(np.diff(level)).max() < 0.02, "it clicks"
    mixed = heard(old, True, [line], 4.0, "mix", True, tmp_path).samples[:, 0]
    assert mixed[RATE * 3 // 2] == pytest.approx(-0.2 + UNDER * 0.4, abs=1e-2)


def test_the_old_sound_stays_under_the_new(tmp_path):
    old = tone(tmp_path / "old.wav", 2, 0.4)
    new = tone(tmp_path / "new.wav", 1, 0.1, channels=2)
    line = Line(start=0, end=TO_THE_END, sound=new, person=1)
    out = heard(old, True, [line], 2.0, "mix", False, tmp_path).samples
    assert out.shape == (2 * RATE, 2)
    assert out[RATE // 2] == pytest.approx([0.1 + UNDER * 0.4] * 2, abs=1e-2)


def test_a_sound_that_outlasts_the_film_is_refused(tmp_path):
    line = Line(start=0, end=TO_THE_END, sound=tone(tmp_path / "a.wav", 3, 0.5), person=1)
    require_length([line], 2.8, tmp_path)
    with pytest.raises(InputError, match=r"3.00 s .* --fit"):
        require_length([line], 2.0, tmp_path)
    late = Line(start=5, end=6, sound=line.sound, person=1)
    with pytest.raises(InputError, match="begins at 5 s"):
        require_length([late], 2.0, tmp_path)
