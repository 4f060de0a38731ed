"""What goes along from a film into a new one: further sound tracks, subtitles, chapters and tags."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head.media import Carried, VideoWriter, join_videos

LINES = ((0.4, 0.5, "Guten <i>Tag</i>"), (1.2, 2.0, "two\r\nlines"))


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """A Matroska film of two seconds with two tones, text subtitles, a chapter and tags."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    with av.open(str(path), "w") as out:
        out.metadata.update({"title": "A film", "comment": "old words"})
        picture = out.add_stream("libx264", rate=25)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        tones = [out.add_stream("aac", rate=16000, layout="mono") for _ in range(2)]
        tones[1].metadata["language"] = "fra"
        texts = out.add_stream("subrip")
        texts.metadata["language"] = "deu"
        from gaussian_head.media.carrying import STYLE

        texts.codec_context.subtitle_header = STYLE
        texts.time_base = Fraction(1, 1000)
        out.set_chapters([{"id": 1, "start": 500, "end": 1500, "time_base": Fraction(1, 1000), "metadata": {}}])
        for t in range(50):
            out.mux(picture.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 4 * t, np.uint8))))
        out.mux(picture.encode(None))
        for tone, hz in zip(tones, (300, 700), strict=True):
            wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(32000) / 16000).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, 0
            out.mux(tone.encode(frame))
            out.mux(tone.encode(None))
        for start, seconds, text in LINES:
            packet = av.Packet(text.encode())
            packet.pts = packet.dts = round(1000 * start)
            packet.duration, packet.time_base, packet.stream = round(1000 * seconds), Fraction(1, 1000), texts
            out.mux(packet)
    return path


def joined(tmp_path: Path, suffix: str, carried: Carried, told: list) -> Path:
    part = tmp_path / f"part{suffix}"
    with VideoWriter(part, width=64, height=64, fps=25) as writer:
        for t in range(50):
            writer.write(np.full((64, 64, 3), 5 * t, np.uint8))
    out = tmp_path / f"out{suffix}"
    sound = np.zeros(32000, np.float32)
    join_videos([part], out, fps=25, audio=sound, comment="synthetic", carried=carried, listener=told.append)
    return out


def spoken(path: Path) -> list[tuple[float, str]]:
    with av.open(str(path)) as file:
        (track,) = file.streams.subtitles
        skip = 2 if track.codec_context.name == "mov_text" else 0
        found = [(round(float(p.pts * p.time_base), 2), bytes(p)[skip:].decode()) for p in file.demux(track) if p.size]
    return [(start, text.rstrip("\0")) for start, text in found if text.strip("\0")]


@pytest.mark.parametrize(("heard", "tracks"), [(False, 2), (True, 3)])
def test_further_tracks_subtitles_chapters_and_tags_go_along(film, tmp_path, heard, tracks):
    told: list = []
    out = joined(tmp_path, ".mp4", Carried(film=film, heard=heard), told)
    assert not told
    with av.open(str(out)) as file:
        assert file.metadata["title"] == "A film"
        assert file.metadata["comment"] == "synthetic old words"
        assert len(file.streams.audio) == tracks
        assert file.streams.audio[-1].metadata["language"] == "fra"
        assert file.streams.subtitles[0].metadata["language"] == "deu"
        (chapter,) = file.chapters()
        assert float(chapter["start"] * chapter["time_base"]) == pytest.approx(0.5)
        last = np.concatenate([f.to_ndarray()[0] for f in file.decode(audio=tracks - 1)])
    spectrum = np.abs(np.fft.rfft(last[:16000]))
    assert abs(int(spectrum.argmax()) - 700) < 5
    assert spoken(out) == [(0.4, "Guten Tag"), (1.2, "two\nlines")]


def test_subtitles_end_with_the_picture(film, tmp_path):
    with av.open(str(joined(tmp_path, ".mp4", Carried(film=film), []))) as file:
        (track,) = file.streams.subtitles
        ends = [float((p.pts + p.duration) * p.time_base) for p in file.demux(track) if p.size]
    assert max(ends) <= 2.0 + 1e-3


def test_what_the_container_cannot_hold_is_told(film, tmp_path):
    told: list = []
    out = joined(tmp_path, ".webm", Carried(film=film), told)
    assert "sound track 2 (aac)" in told[0].message
    assert [text for _, text in spoken(out)] == ["Guten Tag", "two\nlines"]


def test_tags_alone_go_along_where_the_picture_was_re_timed(film, tmp_path):
    with av.open(str(joined(tmp_path, ".mp4", Carried(film=film, tracks=False), []))) as file:
        assert (len(file.streams.audio), len(file.streams.subtitles)) == (1, 0)
        assert not file.chapters()
        assert file.metadata["title"] == "A film"
