"""LPIPS with weights that the user supplies; none come with this package and none are fetched.

Source: Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric" (CVPR 2018). Written
from the paper and the published layouts of the weights.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checks import InputError, require_file

# ("conv", index in torchvision's `features`, in, out, kernel, stride, padding), ("fire", index, in, squeezed, half
# of out), ("pool", kernel, stride) or "tap".
_ALEX = (
    ("conv", 0, 3, 64, 11, 4, 2),
    "tap",
    ("pool", 3, 2),
    ("conv", 3, 64, 192, 5, 1, 2),
    "tap",
    ("pool", 3, 2),
    ("conv", 6, 192, 384, 3, 1, 1),
    "tap",
    ("conv", 8, 384, 256, 3, 1, 1),
    "tap",
    ("conv", 10, 256, 256, 3, 1, 1),
    "tap",
)
_VGG_BLOCKS = ((64, (0, 2)), (128, (5, 7)), (256, (10, 12, 14)), (512, (17, 19, 21)), (512, (24, 26, 28)))


def _vgg_layers() -> tuple:
    layers: list = []
    incoming = 3
    for width, indices in _VGG_BLOCKS:
        if layers:
            layers.append(("pool", 2, 2))
        for index in indices:
            layers.append(("conv", index, incoming, width, 3, 1, 1))
            incoming = width
        layers.append("tap")
    return tuple(layers)


_SQUEEZE = (
    ("conv", 0, 3, 64, 3, 2, 0),
    "tap",
    ("pool", 3, 2),
    ("fire", 3, 64, 16, 64),
    ("fire", 4, 128, 16, 64),
    "tap",
    ("pool", 3, 2),
    ("fire", 6, 128, 32, 128),
    ("fire", 7, 256, 32, 128),
    "tap",
    ("pool", 3, 2),
    ("fire", 9, 256, 48, 192),
    "tap",
    ("fire", 10, 384, 48, 192),
    "tap",
    ("fire", 11, 384, 64, 256),
    "tap",
    ("fire", 12, 512, 64, 256),
    "tap",
)
"""SqueezeNet 1.1 (Iandola et al., 2016)."""
_NETWORKS = {"alex": _ALEX, "vgg": _vgg_layers(), "squeeze": _SQUEEZE}
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class Lpips(nn.Module):
    """Perceptual distance of pictures; make one with :meth:`load`."""

    def __init__(self, network: str = "alex") -> None:
        super().__init__()
        if network not in _NETWORKS:
            raise InputError(f"LPIPS network {network!r} is unknown; choose one of {', '.join(_NETWORKS)}.")
        self.network = network
        self.layers = _NETWORKS[network]
        self.convolutions = nn.ModuleDict()
        widths, width = [], 0
        for layer in self.layers:
            if layer == "tap":
                widths.append(width)
            elif layer[0] == "conv":
                _, index, incoming, width, kernel, stride, padding = layer
                self.convolutions[str(index)] = nn.Conv2d(incoming, width, kernel, stride, padding)
            elif layer[0] == "fire":
                _, index, incoming, squeezed, half = layer
                width = 2 * half
                self.convolutions[f"{index}_squeeze"] = nn.Conv2d(incoming, squeezed, 1)
                self.convolutions[f"{index}_expand1x1"] = nn.Conv2d(squeezed, half, 1)
                self.convolutions[f"{index}_expand3x3"] = nn.Conv2d(squeezed, half, 3, padding=1)
        self.weights = nn.ParameterList([torch.ones(width) / width for width in widths])
        self.requires_grad_(False)

    @staticmethod
    def load(backbone: str | Path, linear: str | Path, *, network: str = "alex") -> Lpips:
        """Read weights from ``.safetensors``, or from ``.pth`` files without running any code they may hold.

        Args:
            backbone: torchvision's AlexNet, VGG16 or SqueezeNet 1.1 weights (``features.<i>.weight`` …).
            linear: The calibration of LPIPS 0.1 (``lin<i>.model.1.weight``).
            network: ``"alex"``, ``"vgg"`` or ``"squeeze"``.

        Raises:
            InputError: A file is missing, is not plain weights, or does not fit the network.
        """
        model = Lpips(network)
        features = _read_weights(backbone)
        for name, convolution in model.convolutions.items():
            place = name.replace("_", r"\.")
            for part in ("weight", "bias"):
                _fill(getattr(convolution, part), features, rf"(^|features\.){place}\.{part}$", backbone)
        calibration = _read_weights(linear)
        for index, weight in enumerate(model.weights):
            _fill(weight, calibration, rf"(^|\.)lin{index}\.(model\.1\.)?weight$", linear)
        return model.eval()

    @staticmethod
    def from_folder(folder: str | Path) -> Lpips:
        """The squeeze network from ``squeeze.backbone.pth`` and ``squeeze.pth`` in ``folder``; raises as ``load``."""
        return Lpips.load(Path(folder) / "squeeze.backbone.pth", Path(folder) / "squeeze.pth", network="squeeze")

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distance of two pictures ``[H, W, 3]`` in [0, 1], scalar; 0 for equal pictures, differentiable."""
        if a.shape != b.shape or a.ndim != 3 or a.shape[-1] != 3:
            raise InputError(f"LPIPS wants two equal [H, W, 3]; {tuple(a.shape)} and {tuple(b.shape)} came.")
        if min(a.shape[:2]) < 35:
            raise InputError(f"LPIPS wants pictures of at least 35x35; {tuple(a.shape[:2])} came.")
        pair = torch.stack([a, b]).permute(0, 3, 1, 2) * 2 - 1
        shift, scale = (pair.new_tensor(v).view(1, 3, 1, 1) for v in (_SHIFT, _SCALE))
        x = (pair - shift) / scale
        distance, tap = x.new_zeros(()), 0
        for layer in self.layers:
            if layer == "tap":
                unit = x / (x.norm(dim=1, keepdim=True) + 1e-10)
                distance = distance + ((unit[0] - unit[1]).square() * self.weights[tap][:, None, None]).sum(0).mean()
                tap += 1
            elif layer[0] == "pool":
                x = F.max_pool2d(x, layer[1], layer[2], ceil_mode=self.network == "squeeze")
            elif layer[0] == "fire":
                x = F.relu(self.convolutions[f"{layer[1]}_squeeze"](x))
                halves = [self.convolutions[f"{layer[1]}_expand{size}"](x) for size in ("1x1", "3x3")]
                x = F.relu(torch.cat(halves, 1))
            else:
                x = F.relu(self.convolutions[str(layer[1])](x))
        return distance


def _read_weights(path: str | Path) -> dict[str, Tensor]:
    path = require_file(path, "LPIPS weights")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"{path} is not a file of plain weights ({error}); save it as .safetensors.") from error
    if not isinstance(weights, dict):
        raise InputError(f"{path} holds {type(weights).__name__}; a dict of named weights was wanted.")
    return weights


def _fill(parameter: Tensor, weights: dict[str, Tensor], pattern: str, path: str | Path) -> None:
    names = [name for name in weights if re.search(pattern, name)]
    if not names:
        raise InputError(f"{path} has no weight that matches {pattern}; is it the file of another network?")
    value = weights[names[0]]
    if value.numel() != parameter.numel() or value.shape[0] not in (1, parameter.shape[0]):
        raise InputError(f"{path}: {names[0]} has shape {tuple(value.shape)}; {tuple(parameter.shape)} was wanted.")
    with torch.no_grad():
        parameter.copy_(value.reshape(parameter.shape).to(parameter.dtype))
