"""Films that are halting, damaged, deep in colour or mute, and people who are not those of the head."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from support_dub import synthetic, write_film
from test_dub import hum, staged

from gaussian_head.checks import InputError
from gaussian_head.dubbing import Wish, casting, dub
from gaussian_head.dubbing.identity import Likeness
from gaussian_head.dubbing.pipeline import require_colours
from gaussian_head.dubbing.shots import Appearance, Film, Shot, look_over
from gaussian_head.dubbing.writing import MASK
from gaussian_head.media import VideoWriter, probe, read_frames


@pytest.fixture(scope="module")
def actor():
    return synthetic(num_frames=30)


@pytest.fixture(scope="module")
def film(actor, tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", actor)


def encoded(path: Path, *, pixels: str = "yuv420p", transfer: int = 1, times=range(12)) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = pixels
        stream.codec_context.color_trc = transfer
        for t in times:
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 5 * t, np.uint8)).reformat(format=pixels)
            frame.pts = t
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("more", "words"), [({"pixels": "yuv420p10le"}, "10 bits"), ({"pixels": "yuv420p10le", "transfer": 18}, "dynamic")]
)
def test_colours_that_would_be_lost_are_refused_unless_they_may_be(tmp_path, more, words):
    film = encoded(tmp_path / "film.mp4", **more)
    with pytest.raises(InputError, match=rf"{words}.*--flatten"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 0.4))
    require_colours(film, True)
    with pytest.raises(InputError, match="shows no face"):
        dub(film, tmp_path / "out.mp4", audio=tmp_path / "new.wav", wish=Wish(flatten=True))


def test_an_ordinary_film_passes(film):
    require_colours(film, False)


def test_a_variable_frame_rate_is_told_and_made_even(monkeypatch, actor, tmp_path):
    times = [t for t in range(40) if t % 4 != 2]
    path = encoded(tmp_path / "film.mp4", times=times)
    assert probe(path).variable_frame_rate
    staged(monkeypatch, actor, path)
    told: list[str] = []
    note = lambda event: told.append(getattr(event, "message", ""))  # noqa: E731
    out = dub(path, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.2), listener=note)
    assert any("frame rate varies" in words for words in told)
    assert not probe(out).variable_frame_rate
    assert abs(probe(out).duration - probe(path).duration) < 0.05


def test_damaged_frames_are_no_frames_to_dub():
    info = type("Info", (), {"fps": 25.0})
    film = Film(path=Path("f"), info=info, num_frames=9, shots=(), likeness={}, small=np.zeros(0), bad=frozenset({4}))
    assert film.whole(3, 3).tolist() == [True, False, True]


def test_frames_that_a_damaged_recording_lost_are_told_and_not_dubbed(footage):
    clip = footage / "faults" / "damaged_bytes" / "clip.mp4"
    if not clip.exists():
        pytest.skip(f"no clip at {clip}")
    film = look_over(clip)
    whole = film.whole(0, film.num_frames)
    assert whole[:10].all()
    assert 67 <= (~whole).sum() <= 115
    assert [a.person for a in film.shots[0].people] == [1]


def test_high_dynamic_range_of_a_telephone_is_refused(footage):
    clip = footage / "faults" / "hdr_hlg" / "clip.mov"
    if not clip.exists():
        pytest.skip(f"no clip at {clip}")
    with pytest.raises(InputError, match=r"dynamic range.*--flatten"):
        require_colours(clip, False)


def test_a_mute_film_gets_the_new_sound_alone(monkeypatch, actor, film, tmp_path):
    assert not probe(film).has_audio
    staged(monkeypatch, actor, film)
    for keep in ("mix", "keep"):
        out = dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.2), wish=Wish(keep=keep))
        with av.open(str(out)) as file:
            assert len(file.streams.audio) == 1
    (row,) = json.loads((tmp_path / "out_dub" / "report.json").read_text())["stretches"]
    assert row["sync_before"] is None


def test_an_unknown_codec_is_named(tmp_path):
    film = encoded(tmp_path / "film.mp4")
    data = film.read_bytes()
    assert b"avc1" in data
    film.write_bytes(data.replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    with pytest.raises(InputError, match=r"film\.mp4"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 0.4))


def test_the_head_of_somebody_else_is_warned_of(monkeypatch, film):
    def face(seed: int) -> Likeness:
        noise = np.random.default_rng(seed)
        likeness = Likeness()
        look = noise.normal(size=(32, 40))
        likeness.shapes.append(noise.normal(size=(478, 3)))
        likeness.looks.append(look / np.linalg.norm(look))
        likeness.weights.append(1.0)
        return likeness

    there = Appearance(person=1, boxes=np.array([[30.0, 30, 90, 100]]), frames=np.array([0]))
    shot = Shot(first=0, last=30, people=(there,))
    seen = Film(
        path=film, info=probe(film), num_frames=30, shots=(shot,), likeness={1: face(1)}, small=np.zeros((30, 4, 4))
    )
    for seed, warned in ((1, 0), (2, 1)):
        monkeypatch.setattr(casting, "likeness_of", lambda capture, seed=seed: face(seed))
        told: list[str] = []
        assert casting.chosen(seen, None, object(), lambda event, told=told: told.append(event.message)) == 1
        assert len(told) == warned
    assert "does not look like person 1" in told[0]


def test_a_back_of_a_head_is_nobody(tmp_path):
    film = tmp_path / "back.mp4"
    y, x = np.mgrid[:200, :200]
    ball = ((x - 100) / 55) ** 2 + ((y - 90) / 70) ** 2 < 1
    with VideoWriter(film, width=200, height=200, fps=10) as writer:
        for t in range(8):
            hair = 40 + 10 * np.sin(x / 3 + t) * ball
            picture = np.where(ball[..., None], hair[..., None] * [1.0, 0.8, 0.6], [150.0, 160, 170])
            writer.write(picture.astype(np.uint8))
    with pytest.raises(InputError, match="shows no face"):
        dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 0.5))


def test_old_tracks_are_kept_and_the_mask_is_shown(monkeypatch, actor, film, tmp_path):
    spoken = tmp_path / "spoken.mp4"
    sound = 0.2 * np.sin(np.arange(19200) / 5).astype(np.float32)
    with VideoWriter(spoken, width=128, height=128, fps=25, audio=sound) as writer:
        for picture in read_frames(film):
            writer.write(picture)
    staged(monkeypatch, actor, spoken)
    out = dub(spoken, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.2), wish=Wish(keep="keep"))
    with av.open(str(out)) as file:
        assert len(file.streams.audio) == 2
    masks = np.stack(list(read_frames(tmp_path / "out_dub" / MASK)))
    assert len(masks) == probe(out).num_frames
    assert (masks[..., 1] > 100).mean() > 0.02
    assert masks[:, :40, :, 1].max() < 40


def test_lips_are_tried_before_the_film_is_made(monkeypatch, actor, film, tmp_path):
    staged(monkeypatch, actor, film)
    page = dub(film, tmp_path / "out.mp4", audio=hum(tmp_path / "new.wav", 1.2), wish=Wish(trial=True))
    assert not (tmp_path / "out.mp4").exists()
    videos = sorted((page.parent / "trial").glob("*.mp4"))
    assert len(videos) == 5
    still, wide = (np.stack(list(read_frames(videos[k]))).astype(float) for k in (0, 4))
    assert np.abs(still - wide)[:, 64:90, 50:80].mean() > 3 * np.abs(still - wide)[:, :50].mean()
