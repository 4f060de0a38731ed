"""Where a head is trained, and with how many frames a step."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from support_capture import make_capture
from test_train import CONFIG

from gaussian_head import dubbing, training
from gaussian_head.checks import InputError
from gaussian_head.dubbing import learning
from gaussian_head.events import ignore
from gaussian_head.kernels import _device
from gaussian_head.training import PRESETS, preset_on, train
from gaussian_head.verbs import demo, dub, reconstruct
from gaussian_head.verbs import train as train_verb

CHECKS = Path(__file__).with_name("on_a_device.py")


def test_training_runs_whole_on_a_device_that_is_not_the_cpu():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CHECKS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKS.parents[2])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_without_cuda_training_on_it_is_refused_with_the_reason(tmp_path):
    silent, _ = make_capture(tmp_path / "capture", sound=False)
    with pytest.raises(InputError, match=r"device 'cuda' cannot be used: .*(nvcc|CPU build).*--device cpu"):
        train(silent, tmp_path / "head", CONFIG, device="cuda")
    assert not (tmp_path / "head").exists()
    with pytest.raises(InputError, match="'gpu' came; auto, cpu, cuda"):
        train(silent, tmp_path / "head", CONFIG, device="gpu")


class Begun(Exception):
    """Training would begin now."""


FILM, OUT = {"preset": "preview"}, "head"
VERBS = {
    "train": lambda out, **given: train_verb.run(train_verb.Options(out / "capture", out=out / OUT, **FILM, **given)),
    "reconstruct": lambda out, **given: reconstruct.run(
        reconstruct.Options(out / "me.mp4", out=out, **FILM, **given), ignore
    ),
    "demo": lambda out, **given: demo.run(demo.Options(out=out, **FILM, **given), ignore),
    "dub": lambda out, **given: dub.run(
        dub.Options(out / "me.mp4", out=out / "dubbed.mp4", audio=out / "a.wav", **FILM, **given), ignore
    ),
}


@pytest.mark.parametrize(("device", "batch"), [("cuda", 4), ("cuda:1", 4), ("cpu", 1)])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_trains_takes_the_preset_of_its_device(verb, device, batch, tmp_path, monkeypatch):
    begun = {}

    def begins(capture, out, config, *, device, **_):
        begun.update(config=config, device=torch.device(device))
        raise Begun

    monkeypatch.setattr(_device, "why_no_cuda", lambda index=None: None)  # two GPUs, say
    monkeypatch.setattr(training, "train", begins)
    monkeypatch.setattr(learning, "train", begins)
    monkeypatch.setattr(reconstruct, "_track", lambda *_: None)
    monkeypatch.setattr(
        "gaussian_head.demo.make_demo_clip", lambda *_, **__: SimpleNamespace(video=tmp_path / "me.mp4")
    )
    monkeypatch.setattr(dubbing, "dub", lambda *_, wish, **__: learning.trained(tmp_path, wish.preset, ignore))
    with pytest.raises(Begun):
        VERBS[verb](tmp_path, device=device)
    assert begun["device"] == torch.device(device)
    assert begun["config"].batch == batch
    assert begun["config"] == preset_on("preview", device)
    assert replace(begun["config"], batch=1) == PRESETS["preview"]


def test_what_is_made_of_pictures_alone_refuses_a_device(tmp_path):
    with pytest.raises(InputError, match="on the CPU"):
        reconstruct.run(reconstruct.Options(tmp_path, out=tmp_path / "out", views=True, device="cuda"), ignore)
    with pytest.raises(InputError, match="on the CPU"):
        reconstruct.run(reconstruct.Options(tmp_path / "me.jpg", out=tmp_path / "out", device="cuda"), ignore)
