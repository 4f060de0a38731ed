import os
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gaussian_head.checks import InputError
from gaussian_head.metrics.lpips import Lpips

ALEX_TAPS = {1: 64, 4: 192, 7: 384, 9: 256, 11: 256}


def alex() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU()),
        *(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1)),
        *(nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    )


@pytest.fixture
def weights(tmp_path):
    net = alex()
    linear = {f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1) for i, width in enumerate(ALEX_TAPS.values())}
    save_file({f"features.{k}": v for k, v in net.state_dict().items()}, tmp_path / "alex.safetensors")
    torch.save(linear, tmp_path / "lin.pth")
    return net, linear, tmp_path / "alex.safetensors", tmp_path / "lin.pth"


def by_hand(net, linear, a, b):
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1)
    x, y = (((p.permute(2, 0, 1) * 2 - 1) - shift) / scale for p in (a, b))
    total, tap = 0.0, 0
    for index, layer in enumerate(net):
        x, y = layer(x), layer(y)
        if index in ALEX_TAPS:
            nx, ny = x / x.pow(2).sum(0).sqrt(), y / y.pow(2).sum(0).sqrt()
            total += torch.einsum("chw,c->hw", (nx - ny) ** 2, linear[f"lin{tap}.model.1.weight"].flatten()).mean()
            tap += 1
    return total.item()


def test_lpips_matches_a_second_implementation(weights):
    net, linear, backbone, calibration = weights
    model = Lpips.load(backbone, calibration)
    a, b = torch.rand(70, 90, 3), torch.rand(70, 90, 3)
    assert model(a, b).item() == pytest.approx(by_hand(net, linear, a, b), rel=1e-4)
    assert model(a, a).item() == 0


def test_lpips_gives_a_gradient_but_trains_no_weight(weights):
    model = Lpips.load(*weights[2:])
    a = torch.rand(64, 64, 3, requires_grad=True)
    model(a, torch.rand(64, 64, 3)).backward()
    assert a.grad is not None
    assert a.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in model.parameters())


def test_vgg_layout():
    model = Lpips("vgg")
    assert sum(p.numel() for p in model.convolutions.parameters()) == 14_714_688
    assert sorted(map(int, model.convolutions)) == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert model(torch.rand(40, 40, 3), torch.rand(40, 40, 3)) > 0


def test_wrong_files_are_refused(weights, tmp_path):
    _, _, backbone, calibration = weights
    with pytest.raises(InputError, match="another network"):
        Lpips.load(calibration, calibration)
    with pytest.raises(InputError, match=r"\(64, 3, 3, 3\) was wanted"):
        Lpips.load(backbone, calibration, network="vgg")
    with pytest.raises(InputError, match="does not exist"):
        Lpips.load(tmp_path / "none.pth", calibration)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_pickled_code_is_never_run(weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bomb.pth").write_bytes(pickle.dumps({"lin0.model.1.weight": Bomb()}))
    torch.save({"lin0.model.1.weight": Bomb()}, tmp_path / "bomb2.pth")
    for name in ("bomb.pth", "bomb2.pth"):
        with pytest.raises(InputError, match="plain weights"):
            Lpips.load(weights[2], tmp_path / name)
    assert not (tmp_path / "exploded").exists()
