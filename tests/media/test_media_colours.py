"""Colours come out right whatever matrix, range and transfer a file has; what is written looks the same elsewhere."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gaussian_head.media import VideoWriter, probe, read_frames, read_image
from gaussian_head.media._hdr import HLG, PQ, to_standard

BT601, BT709, BT2020 = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)
NUMBERS = {BT601: 6, BT709: 1, BT2020: 9}
COLOURS = ((200, 60, 40), (250, 250, 250), (30, 90, 220), (3, 3, 3))


def yuv(rgb: np.ndarray, weights: tuple[float, float], *, full: bool, bits: int = 8) -> np.ndarray:
    """Luma and chroma codes of an RGB signal ``[.., 3]`` in [0, 1], by the textbook."""
    kr, kb = weights
    y = rgb @ [kr, 1 - kr - kb, kb]
    cb, cr = (rgb[..., 2] - y) / (2 - 2 * kb), (rgb[..., 0] - y) / (2 - 2 * kr)
    if full:
        return np.stack([y, cb + 0.5, cr + 0.5], -1) * (2**bits - 1)
    return np.stack([16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr], -1) * 2 ** (bits - 8)


def write_tagged(
    path: Path,
    signals: np.ndarray,
    weights: tuple[float, float] | None,
    *,
    full: bool = False,
    bits: int = 8,
    transfer: int = 1,
    primaries: int = 1,
    size: int = 64,
) -> Path:
    """A lossless video of one frame for each RGB signal ``[F, 3]``; ``weights`` None leaves all marks out."""
    pixels = "yuv444p" if bits == 8 else "yuv444p10le"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width = stream.height = size
        stream.pix_fmt = pixels
        if weights is not None:
            context = stream.codec_context
            context.colorspace, context.color_range = NUMBERS[weights], 2 if full else 1
            context.color_trc, context.color_primaries = transfer, primaries
        for signal in np.asarray(signals, float):
            codes = yuv(signal, weights or BT601, full=full, bits=bits).round()
            planes = np.broadcast_to(codes[:, None, None], (3, size, size))
            kind = np.uint8 if bits == 8 else np.uint16
            frame = av.VideoFrame(size, size, pixels)
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.zeros((size, plane.line_size // np.dtype(kind).itemsize), kind)
                rows[:, :size] = values
                plane.update(rows)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("weights", [BT601, BT709, BT2020])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])  # of 8 bits in full range the pixel format's name tells, of 10 the mark alone
def test_matrix_and_range_are_the_files(tmp_path: Path, weights: tuple[float, float], full: bool, bits: int) -> None:
    path = write_tagged(tmp_path / "a.mp4", np.array(COLOURS) / 255, weights, full=full, bits=bits)
    got = [frame[20, 20] for frame in read_frames(path)]
    np.testing.assert_allclose(got, COLOURS, atol=3)
    assert probe(path).notes == ()


@pytest.mark.parametrize(("size", "weights"), [(64, BT601), (720, BT709)])
def test_unmarked_colours_are_taken_as_players_do(tmp_path: Path, size: int, weights: tuple[float, float]) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        codes = yuv(np.array(COLOURS[0]) / 255, weights, full=False).round().astype(np.uint8)
        sides = [size, size // 2, size // 2]
        planes = [
            np.full((side, side), code, np.uint8).reshape(-1, size) for code, side in zip(codes, sides, strict=True)
        ]
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.concatenate(planes), format="yuv420p")))
        container.mux(stream.encode(None))
    np.testing.assert_allclose(next(read_frames(path))[20, 20], COLOURS[0], atol=3)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm"])
def test_what_is_written_says_what_it_is_and_is_that(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with VideoWriter(path, width=64, height=64, fps=25, crf=1) as writer:
        for colour in COLOURS:
            for _ in range(3):
                writer.write(np.full((64, 64, 3), colour, np.uint8))
    np.testing.assert_allclose([frame[20, 20] for frame in read_frames(path)][1::3], COLOURS, atol=4)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert context.colorspace == 1
        assert context.color_range in ((0, 1) if suffix == ".mov" else (1,))  # older FFmpeg: ProRes is never full
        if suffix != ".webm":  # VP9 itself has no room for the others
            assert (context.color_trc, context.color_primaries) == (1, 1)
        frame = next(container.decode(stream))
        kind, bits = (
            (np.uint8, 8) if "10" not in frame.format.name and "12" not in frame.format.name else (np.uint16, 10)
        )
        bits = 12 if "12" in frame.format.name else bits
        codes = [np.frombuffer(plane, kind)[0] / 2 ** (bits - 8) for plane in frame.planes]
    np.testing.assert_allclose(codes, yuv(np.array(COLOURS[0]) / 255, BT709, full=False), atol=2)


def hdr_signal(sdr: np.ndarray, transfer: int) -> np.ndarray:
    """An ordinary picture's RGB ``[.., 3]`` as a broadcaster puts it into high dynamic range: white at 203 nits."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087
    nits = 203 * sdr**2.4 @ to_2020.T
    if transfer == PQ:
        power = (nits / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    luminance = (nits @ [0.2627, 0.6780, 0.0593])[..., None] / 1000
    scene = nits / 1000 * np.maximum(luminance, 1e-9) ** (1 / 1.2 - 1)
    low = np.sqrt(3 * scene)
    return np.where(scene <= 1 / 12, low, 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073)


@pytest.mark.parametrize(("transfer", "name"), [(HLG, "HLG"), (PQ, "PQ")])
def test_high_dynamic_range_becomes_ordinary_colours_and_says_so(tmp_path: Path, transfer: int, name: str) -> None:
    rng = np.random.default_rng(0)
    colours = np.concatenate(
        [np.array(COLOURS[:3]), [[255, 255, 255], [128, 128, 128]], rng.integers(30, 255, (20, 3))]
    )
    signals = hdr_signal(colours / 255, transfer)
    path = write_tagged(tmp_path / "a.mov", signals, BT2020, bits=10, transfer=transfer, primaries=9)
    got = np.array([frame[20, 20] for frame in read_frames(path)], float)
    assert np.abs(got - colours).max() <= 8
    assert np.abs(got - colours).mean() < 1.5
    assert np.abs(got[3] - 255).max() <= 3
    assert [name in note and "high dynamic range" in note for note in probe(path).notes] == [True]


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_brighter_than_white_stays_white(transfer: int) -> None:
    signals = np.linspace(0, 1, 50)[:, None].repeat(3, 1)
    grey = to_standard(signals, transfer, 9)
    assert (np.diff(grey[:, 0]) >= 0).all()
    np.testing.assert_allclose(grey[-1], 1)
    np.testing.assert_allclose(grey, grey[:, :1].repeat(3, 1), atol=1e-3)


def test_wide_gamut_without_high_dynamic_range(tmp_path: Path) -> None:
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    colours = np.array([(200, 60, 40), (120, 90, 70), (250, 250, 250)])
    signals = ((colours / 255) ** 2.4 @ to_2020.T) ** (1 / 2.4)
    path = write_tagged(tmp_path / "a.mov", signals, BT2020, bits=10, transfer=14, primaries=9)
    np.testing.assert_allclose([frame[20, 20] for frame in read_frames(path)], colours, atol=4)
    assert any("wide gamut" in note for note in probe(path).notes)


def test_a_phones_hdr_clip_has_the_colours_of_its_ordinary_twin(footage: Path) -> None:
    clip = footage / "faults" / "hdr_hlg" / "clip.mov"
    if not clip.exists():
        pytest.skip(f"no clip at {clip}")
    frame = next(read_frames(clip, start=1.0)).astype(float)
    saturation = 255 * (1 - frame.min(-1) / np.maximum(frame.max(-1), 1))
    assert saturation.mean() == pytest.approx(143, abs=3)
    assert np.percentile(frame, 99.5) > 250


def test_sixteen_bit_grey_pictures_keep_their_shades(tmp_path: Path) -> None:
    from PIL import Image

    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(8, 0)
    for name in ("a.png", "a.tiff"):
        Image.fromarray(ramp).save(tmp_path / name)
        for mode in ("RGB", "L"):
            got = read_image(tmp_path / name, mode=mode).reshape(8, 256, -1)
            np.testing.assert_array_equal(got[0, :, 0], np.arange(256))
