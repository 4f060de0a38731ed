"""What a file is, its content says: playlists open nothing, names mislead nobody, a colon is a letter like others."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.media import VideoWriter, join_videos, probe, read_audio, read_frames, read_long_audio, write_audio


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video with sound that nobody gave us."""
    path = tmp_path_factory.mktemp("server") / "secret.mp4"
    return video(path)


def video(path: Path, frames: int = 10) -> Path:
    sound = (0.3 * np.sin(np.arange(frames * 640) * 0.2)).astype(np.float32)
    with VideoWriter(path, width=64, height=64, fps=25, audio=sound) as writer:
        for k in range(frames):
            writer.write(np.full((64, 64, 3), 20 * k, np.uint8))
    return path


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
    "hls by address": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "hls by network": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-'
    'demand:2011" type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "text": "once upon a time\n" * 100,
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", [".m3u8", ".mp4", ".wav", ".ffconcat", ""])
def test_playlists_open_nothing_whatever_their_name(tmp_path: Path, secret: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"upload{suffix}"
    path.write_text(PLAYLISTS[kind].replace("{path}", str(secret)))
    for read in (read_audio, read_long_audio, probe, lambda p: next(iter(read_frames(p)))):
        with pytest.raises(InputError, match="upload"):
            read(path)


@pytest.mark.parametrize("name", ["a.m3u8", "a.txt", "a.png", "a%03d.mp4", "clip", "a.sdp", "file:a.mp4", "pipe:0"])
def test_a_video_is_one_under_any_name(tmp_path: Path, secret: Path, name: str) -> None:
    path = Path(shutil.copy(secret, tmp_path / name))
    assert probe(path).num_frames == len(list(read_frames(path))) == 10
    assert len(read_audio(path)) == 6400


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".wav"])
def test_a_colon_is_a_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """In relative names, in and out, where FFmpeg takes what stands before it for a protocol."""
    monkeypatch.chdir(tmp_path)
    name = Path(f"12:30 interview{suffix}")
    if suffix == ".wav":
        write_audio(name, np.zeros(1600, np.float32))
        assert len(read_audio(name)) == len(read_long_audio(name)) == 1600
        return
    with VideoWriter(name, width=64, height=64, fps=25) as writer:
        for k in range(5):
            writer.write(np.full((64, 64, 3), 40 * k, np.uint8))
    assert probe(name).num_frames == len(list(read_frames(name))) == 5
    sound = np.zeros(1600, np.float32)
    assert join_videos([name, name], Path(f"10:11{suffix}"), fps=25.0, audio=sound) == 10
    assert len(list(read_frames(f"10:11{suffix}"))) == 10


def test_every_demuxer_let_in_is_known() -> None:
    from gaussian_head.media._containers import DEMUXERS

    known = {name for names in av.format.formats_available for name in names.split(",")}
    assert set(DEMUXERS.split(",")) <= known | {"vvc", "obu", "ircam", "qcp"}
    assert not set(DEMUXERS.split(",")) & {"hls", "dash", "concat", "image2", "sdp", "rtsp", "tty", "lavfi", "imf"}
