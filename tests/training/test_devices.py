"""Where a head is trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support_capture import make_capture
from test_train import CONFIG

from gaussian_head.checks import InputError
from gaussian_head.training import train

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
