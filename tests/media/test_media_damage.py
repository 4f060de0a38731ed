"""Pictures of two moments are told apart, and those that a damaged stream spoils are named."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head.events import Event
from gaussian_head.media import BadFrames, probe, read_frames

SIZE = 128


def texture(k: float, size: int = SIZE) -> np.ndarray:
    """A textured picture with a bar, four pixels further to the right at each ``k``."""
    y, x = np.mgrid[:size, :size]
    wash = 90 + 40 * np.sin(x / 9 + k / 3) + 30 * np.sin(y / 7 - k / 5)
    bar = (x - 4 * k) % size < 12
    return np.stack([np.where(bar, 250, wash), wash, 200 - wash], -1).clip(0, 255).astype(np.uint8)


def write(path: Path, pictures: list[np.ndarray], codec: str, options: dict[str, str], *, woven: bool = False) -> Path:
    """A video; ``woven``: coded as interlaced, top field first."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        graph = av.filter.Graph()
        links = [
            graph.add_buffer(width=stream.width, height=stream.height, format="rgb24", time_base=stream.time_base or 1),
            graph.add("format", "yuv420p"),
            *([graph.add("setfield", "tff")] if woven else []),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*links).configure()
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = k
            graph.vpush(frame)
            ready = graph.vpull()
            ready.pts, ready.time_base = k, 1 / stream.average_rate
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


INTERLACED = {
    "libx264": {"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "12"},
    "mpeg2video": {"flags": "+ildct+ilme", "b": "8M", "q:v": "2"},
}


def combing(picture: np.ndarray) -> float:
    """How far neighbouring lines differ more than lines two apart."""
    grey = picture.astype(float).mean(-1)
    return float(np.abs(np.diff(grey, axis=0)).mean() / (np.abs(grey[2:] - grey[:-2]).mean() + 1))


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mkv"), ("libx264", ".mp4"), ("mpeg2video", ".ts")])
def test_interlaced_pictures_show_one_moment_and_it_is_said(tmp_path: Path, codec: str, suffix: str) -> None:
    fields = [texture(k / 2)[..., 1:2].repeat(3, -1) for k in range(60)]  # grey: halved chroma would mix the moments
    woven = []
    for top, bottom in zip(fields[::2], fields[1::2], strict=True):
        picture = top.copy()
        picture[1::2] = bottom[1::2]
        woven.append(picture)
    path = write(tmp_path / f"a{suffix}", woven, codec, INTERLACED[codec], woven=True)
    frames = list(read_frames(path))
    assert len(frames) == 30
    assert [("interlaced" in note) for note in probe(path).notes] == [True]
    for k in range(3, 27):
        usual, worst = combing(fields[2 * k]), combing(woven[k])
        assert worst > 1.5 * usual
        assert combing(frames[k]) < usual + 0.2 * (worst - usual)
        own = np.abs(frames[k].astype(int) - fields[2 * k]).mean()
        other = np.abs(frames[k].astype(int) - fields[2 * k + 1]).mean()
        assert own < 0.5 * other
    times = [f[20, 60:70] for f in read_frames(path, start=0.4, duration=0.2)]
    np.testing.assert_array_equal(times, [f[20, 60:70] for f in frames[10:15]])


def test_progressive_pictures_are_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [texture(k) for k in range(10)], "libx264", {"qp": "0"})
    assert probe(path).notes == ()
    with av.open(str(path)) as container:
        planes = [np.frombuffer(f.planes[0], np.uint8).reshape(SIZE, -1)[:, :SIZE] for f in container.decode(video=0)]
    for frame, luma in zip(read_frames(path), planes, strict=True):
        grey = frame @ [0.299, 0.587, 0.114] * 219 / 255 + 16
        assert np.abs(grey - luma).mean() < 1.5


def flipped(path: Path, out: Path, count: int, seed: int) -> Path:
    """A copy with bits flipped inside packets of pictures."""
    with av.open(str(path)) as container:
        spans = [(p.pos, p.size) for p in container.demux(video=0) if p.pos is not None and p.size > 40]
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for position, size in [spans[k] for k in rng.choice(np.arange(5, len(spans)), count, replace=False)]:
        data[position + int(rng.integers(16, size // 2))] ^= 0xFF
    out.write_bytes(data)
    return out


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        ("libx264", ".mp4", {"g": "25"}),
        ("libx264", ".mkv", {}),
        ("mpeg2video", ".ts", {"b": "3M", "g": "12"}),
    ],
)
def test_smeared_pictures_are_named(tmp_path: Path, codec: str, suffix: str, options: dict, seed: int) -> None:
    whole = write(tmp_path / f"a{suffix}", [texture(k) for k in range(100)], codec, options)
    clean = list(read_frames(whole))
    events: list[Event] = []
    frames = list(read_frames(flipped(whole, tmp_path / f"b{suffix}", 5, seed), listener=events.append))
    assert len(frames) == pytest.approx(len(clean), abs=1)
    wrong = np.array([np.abs(a.astype(int) - b).mean() for a, b in zip(frames, clean, strict=False)])
    named = {k for event in events if isinstance(event, BadFrames) for k in event.frames}
    smeared = set(np.flatnonzero(wrong > 2).tolist())
    assert smeared <= named
    assert smeared
    assert min(named) >= min(smeared) - 4
    if "g" in options:  # a key picture ends the damage
        assert len(named) < 100


def test_a_whole_video_has_no_bad_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [texture(k) for k in range(50)], "libx264", {})
    events: list[Event] = []
    assert len(list(read_frames(path, listener=events.append))) == 50
    assert len(list(read_frames(path, fps=60, listener=events.append))) == 120
    assert events == []


def test_a_video_that_ends_before_its_time_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [texture(k) for k in range(50)], "libx264", {"g": "10", "bf": "0"})
    with av.open(str(path)) as container:
        spans = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for position, size in spans[30:]:
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    events: list[Event] = []
    assert len(list(read_frames(path, listener=events.append))) < 50
    assert any("only the first" in event.message for event in events)


def test_all_that_bytes_spoilt_in_real_footage_is_named(footage: Path) -> None:
    clip = footage / "faults" / "damaged_bytes" / "clip.mp4"
    if not clip.exists():
        pytest.skip(f"no clip at {clip}")
    events: list[Event] = []
    assert sum(1 for _ in read_frames(clip, listener=events.append)) == 125
    (bad,) = events
    assert isinstance(bad, BadFrames)
    assert 67 <= len(bad.frames) <= 115
