"""Adapters for a user's own SyncNet and lip reader, on tiny random nets."""

import numpy as np
import pytest
import torch
from torch import nn

from gaussian_head.checks import InputError
from gaussian_head.lips.crops import faces, mouths
from gaussian_head.lips.user_nets import (
    UserLipReader,
    UserSyncNet,
    edit_distance,
    load_net,
    syncnet_cepstra,
)

SYMBOLS = ("-", "a", "b", "c")
EXPECTED_CEPSTRA = (
    *(20.542, 12.956, -21.289, -2.509, 2.605, -46.014, -55.706),
    *(-1.067, 19.32, -8.258, 2.071, 35.473, 20.605),
)
"""Of the fifth row of two tones, by python_speech_features 0.6."""


class Pooled(nn.Module):
    """Means over time and space, then a linear map."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.last = nn.Linear(channels, outputs)

    def forward(self, x):
        return self.last(x.flatten(2).mean(-1))


class Reader(nn.Module):
    """Scores of symbols from the mean grey of each mouth."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(1, len(SYMBOLS))

    def forward(self, x):
        return self.last(x.mean((-1, -2))[:, 0, :, None])


def saved(net, example, path):
    torch.jit.save(torch.jit.trace(net.eval(), example), str(path))
    return path


@pytest.fixture
def syncnet(tmp_path):
    lips = saved(Pooled(3, 8), torch.zeros(2, 3, 5, 224, 224), tmp_path / "lips.pt")
    return lips, saved(Pooled(1, 8), torch.zeros(2, 1, 13, 20), tmp_path / "sound.pt")


def picture(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures ``[9, 120, 100, 3]`` and landmarks with the eyes level, 40 pixels apart."""
    rng = np.random.default_rng(seed)
    points = np.tile(rng.uniform([20, 20], [80, 100], (478, 2)), (9, 1, 1))
    points[:, 33], points[:, 263], points[:, [61, 291, 13, 14]] = [30, 40], [70, 40], [50, 80]
    frames = np.zeros((9, 120, 100, 3), np.uint8)
    frames[:, 75:85, 45:55] = 255
    return frames, points


def test_a_users_syncnet_gives_a_curve(syncnet):
    net = UserSyncNet.load(*syncnet)
    shown = np.random.default_rng(1).integers(0, 255, (30, 224, 224, 3), dtype=np.uint8)
    curve = net.sync(shown, np.random.default_rng(2).normal(0, 0.1, 20000).astype(np.float32))
    assert len(curve.offsets) == len(curve.distances) == 31
    assert curve.confidence >= 0
    assert abs(curve.offset) < 0.601
    with pytest.raises(InputError, match="more than 5"):
        net.sync(shown[:4], np.zeros(16000, np.float32))


def test_the_right_shift_has_the_least_distance():
    heard = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))
    told = {"lips": iter([heard[3:23]]), "sound": iter([heard[:20]])}
    net = UserSyncNet(lips=lambda x: next(told["lips"]), sound=lambda x: next(told["sound"]))
    curve = net.sync(np.zeros((25, 224, 224, 3), np.uint8), np.zeros(16000, np.float32)[: 160 * 96 + 400])
    assert curve.offset == pytest.approx(3 / 25)


def test_cepstra_are_those_of_python_speech_features():
    time = np.arange(1600) / 16000
    got = syncnet_cepstra(0.3 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 1900 * time))
    assert got.shape == (9, 13)
    assert np.allclose(got[4], EXPECTED_CEPSTRA, atol=2e-3)


def test_mouths_and_faces_are_cut_around_landmarks():
    frames, points = picture()
    cut = mouths(frames, points)
    assert cut.shape == (9, 96, 96)
    assert cut[4, 48, 48] == 255
    assert cut[4, 5, 5] == 0
    shown = faces(frames, points)
    assert shown.shape == (9, 224, 224, 3)
    points[3] = np.nan
    assert np.array_equal(mouths(frames, points), cut)
    with pytest.raises(InputError, match="no face"):
        mouths(frames, points * np.nan)


def test_a_users_lip_reader_reads(tmp_path):
    reader = UserLipReader.load(saved(Reader(), torch.zeros(1, 1, 6, 88, 88), tmp_path / "reader.pt"), SYMBOLS)
    assert reader.scores(np.zeros((7, 96, 96), np.uint8)).exp().sum(-1).allclose(torch.ones(7))
    best = torch.eye(4)[[0, 1, 1, 0, 1, 2, 2, 3]]
    assert UserLipReader(net=lambda x: 9 * best, symbols=SYMBOLS).read(np.zeros((8, 96, 96), np.uint8)) == "aabc"
    with pytest.raises(InputError, match="4 symbols"):
        UserLipReader(net=reader.net, symbols=("-", "a")).scores(np.zeros((7, 96, 96), np.uint8))
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance([], ["a"]) == 1


def test_onnx_files_run_where_onnxruntime_is(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("Flatten", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(n, kind, ["b", *d]) for n, d in (("x", (1, 13, 20)), ("y", (260,)))]
    graph = helper.make_graph([node], "flat", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(tmp_path / "net.onnx"))
    assert load_net(tmp_path / "net.onnx")(torch.ones(3, 1, 13, 20)).shape == (3, 260)
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no onnx"):
        load_net(tmp_path / "bad.onnx")


def test_what_is_no_net_is_refused(tmp_path):
    with pytest.raises(InputError):
        load_net(tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no torchscript"):
        load_net(tmp_path / "bad.pt")
    (tmp_path / "bad.bin").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"\.onnx"):
        load_net(tmp_path / "bad.bin")
