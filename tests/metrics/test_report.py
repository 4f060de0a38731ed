import base64
import json
import re

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.metrics import write_report
from gaussian_head.metrics.evaluate import evaluate_frames
from gaussian_head.metrics.lpips import Lpips
from gaussian_head.metrics.regions import composited, region_masks

T, H, W = 8, 60, 80


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small pictures gain nothing from threads, and lose much where other programs hold the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def labels():
    label = np.zeros((H, W), np.uint8)
    label[45:, 10:70] = 1
    label[8:45, 20:60] = 3
    label[15:45, 25:55] = 4
    label[35:40, 35:45] = 5
    return label


def truth(t):
    rng = np.random.default_rng(7)
    base = rng.integers(60, 180, (H, W, 3))
    base[20:30] += t
    matte = np.where(labels() > 0, 255, 0)[..., None]
    return np.concatenate([base, matte], -1).astype(np.uint8)


def plus(t, amount, where=None):
    picture = truth(t)
    mask = np.ones((H, W), bool) if where is None else where
    picture[mask, :3] = picture[mask, :3] + amount
    return picture


@pytest.fixture(scope="module")
def report(one_thread):
    label = labels()
    predicted = {
        "even": (plus(t, 16 if t == 5 else 8) for t in range(T)),
        "torso <wrong>": (plus(t, 30, label == 1) for t in range(T)),
        "equal": (truth(t) for t in range(T)),
    }
    return evaluate_frames(
        (truth(t) for t in range(T)), predicted, (label for _ in range(T)), num_frames=T, fps=25, lips=False
    )


def decibels(error):
    return 20 * np.log10(255 / error)


def test_regions_by_hand(report):
    even, torso, equal = report.predictions
    assert even.psnr_per_frame[0] == pytest.approx(decibels(8), abs=1e-3)
    assert even.regions["face"].psnr == pytest.approx((7 * decibels(8) + decibels(16)) / 8, abs=1e-3)
    assert even.regions["full"].psnr_worst == pytest.approx(decibels(16), abs=1e-3)
    assert even.worst_frame == 5
    gain = -10 * np.log10(np.isin(labels(), (3, 4, 5)).mean())
    assert even.regions["head_composited"].psnr == pytest.approx(even.regions["full"].psnr + gain, abs=1e-3)
    assert torso.regions["head"].psnr == 100
    assert torso.regions["head_composited"].psnr == 100
    assert torso.regions["full"].psnr == pytest.approx(decibels(30) - 10 * np.log10((labels() == 1).mean()), abs=1e-3)
    assert equal.regions["mouth"].psnr == 100
    assert equal.regions["full"].ssim == pytest.approx(1, abs=1e-5)
    assert equal.flip == pytest.approx(0, abs=1e-4)
    assert torso.regions["full"].ssim < 0.99


def test_flicker_and_silhouette(report):
    even, torso, equal = report.predictions
    assert equal.flicker.predicted == equal.flicker.truth
    assert torso.flicker.predicted == pytest.approx(equal.flicker.predicted)
    assert even.flicker.predicted > 2 * equal.flicker.predicted  # one frame is brighter than its neighbours
    assert even.silhouette.pixels == 0


def test_written_report(report, tmp_path):
    write_report(report, tmp_path / "out")
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert data["format"] == "gaussian-head-evaluation"
    assert data["predictions"][0]["regions"]["full"]["frames"] == T
    assert data["predictions"][0]["ms_ssim"] is None  # too small a picture: said, not invented
    assert "no network weights" in data["protocol"]["lpips"]
    assert data["summary"]["even"]["psnr_full"] == pytest.approx(report.predictions[0].regions["full"].psnr)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "torso &lt;wrong&gt;" in page
    assert "<wrong>" not in page
    assert not re.search(r"(src|href)=\"?http", page)
    picture = base64.b64decode(re.search(r"base64,([A-Za-z0-9+/=]+)", page).group(1))
    assert picture.startswith(b"\x89PNG")
    assert (tmp_path / "out" / "sheet.png").exists()


def test_sheet_shows_error_times_four(report):
    sheet = report.sheet.astype(int)
    assert sheet.shape == (22 + (H + 4) * 7, 92 + 7 * (W + 4), 3)  # frames 0, 1, 3, 4, 6, 7 and 5, the worst
    left = 92 + 2 * (W + 4)
    assert (sheet[22 + 5, left + 5] == 32).all()


def test_regions_without_mouth_or_head():
    label = np.zeros((H, W), np.uint8)
    masks = region_masks(label)
    assert masks["head"] is None
    assert masks["mouth"] is None
    assert masks["full"].all()
    points = np.full((478, 2), np.nan)
    assert region_masks(labels(), points)["mouth"][37, 40]
    points = np.random.default_rng(0).uniform([30, 20], [50, 30], (478, 2))
    box = region_masks(label, points)["mouth"]
    assert box[25, 40]
    assert not box[45, 40]


def test_composite_takes_only_the_head():
    out = composited(truth(0)[..., :3], np.zeros((H, W, 3), np.uint8), labels())
    assert (out[20, 40] == 0).all()
    assert (out[50, 40] == truth(0)[50, 40, :3]).all()


def test_bad_input_is_named():
    frames = [truth(t) for t in range(3)]
    label = [labels()] * 3
    with pytest.raises(InputError, match="'p' ended after 2 frames; 3 were promised"):
        evaluate_frames(frames, {"p": frames[:2]}, label, num_frames=3, fps=25, lips=False)
    with pytest.raises(InputError, match="frame 0 of 'p'"):
        evaluate_frames(frames, {"p": [f[:-1] for f in frames]}, label, num_frames=3, fps=25, lips=False)
    with pytest.raises(InputError, match="float64"):
        evaluate_frames(frames, {"p": [f / 255 for f in frames]}, label, num_frames=3, fps=25, lips=False)
    with pytest.raises(InputError, match="at least one"):
        evaluate_frames(frames, {}, label, num_frames=3, fps=25, lips=False)


def test_lpips_is_reported_where_supplied():
    frames = [truth(t) for t in range(2)]
    report = evaluate_frames(
        frames, {"p": [plus(t, 9) for t in range(2)]}, [labels()] * 2, num_frames=2, fps=25, lips=False, lpips=Lpips()
    )
    assert report.predictions[0].lpips > 0
    assert "alex" in report.protocol["lpips"]
    assert "lpips" in report.summary()["p"]


def test_lips_on_real_footage(footage, tmp_path):
    from gaussian_head.media import read_audio, read_frames

    clip = footage / "clips" / "obama.mp4"
    frames = [np.ascontiguousarray(f[::2, ::2]) for f in read_frames(clip, start=2, duration=0.4)]
    late = frames[:1] * 2 + frames[:-2]
    n = len(frames)
    report = evaluate_frames(
        frames,
        {"same": frames, "late": late},
        [np.zeros(frames[0].shape[:2], np.uint8)] * n,
        num_frames=n,
        fps=25,
        audio=read_audio(clip)[32000 : 32000 + n * 640],
    )
    same, late = (p.lips for p in report.predictions)
    assert same.lmd == 0
    assert same.detected == 1
    assert late.lmd > 0.05
    assert late.opening_lag.seconds > 0.02
    write_report(report, tmp_path)
    assert "Mouth opening" in (tmp_path / "index.html").read_text()
