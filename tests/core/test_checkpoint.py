import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import torch

from gaussian_head.checkpoint import load_checkpoint, read_manifest, save_checkpoint
from gaussian_head.checks import InputError
from gaussian_head.strict_json import config_from_json, config_to_json

KIND = {"format": "test-format", "version": 2}


def save(folder, value=1.0, **kind):
    tensors = {"a": torch.full((3, 2), value), "b": torch.arange(5)[::2], "n": torch.tensor(7)}
    save_checkpoint(folder, tensors, {"note": "hello", "value": value}, **(KIND | kind))
    return tensors


def test_round_trip(tmp_path):
    tensors = save(tmp_path / "x" / "head")
    loaded, meta = load_checkpoint(tmp_path / "x" / "head", **KIND)
    assert meta == {"note": "hello", "value": 1.0}
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(loaded[name], tensor)
        assert loaded[name].dtype == tensor.dtype
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == ["head"]


def test_shared_memory_and_gradients_are_written_plainly(tmp_path):
    x = torch.rand(4, 4, requires_grad=True)
    save_checkpoint(tmp_path / "head", {"x": x, "view": x[:, 1], "same": x}, {}, **KIND)
    loaded, _ = load_checkpoint(tmp_path / "head", **KIND)
    assert torch.equal(loaded["view"], x.detach()[:, 1])
    assert not loaded["x"].requires_grad


def test_overwriting_replaces_the_old(tmp_path):
    save(tmp_path / "head", 1.0)
    save(tmp_path / "head", 2.0)
    assert load_checkpoint(tmp_path / "head", **KIND)[1]["value"] == 2.0
    assert [p.name for p in tmp_path.iterdir()] == ["head"]


@pytest.mark.parametrize("file", ["tensors.safetensors", "checkpoint.json"])
def test_disk_full_leaves_the_old_one_intact(tmp_path, file):
    resource = pytest.importorskip("resource")
    save(tmp_path / "head", 1.0)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "head").iterdir()}
    assert sizes["tensors.safetensors"] < sizes["checkpoint.json"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (sizes[file] - 1, hard))  # a real refusal of the system, not ours
    try:
        with pytest.raises(OSError, match="File too large"):
            save(tmp_path / "head", 2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(tmp_path / "head", **KIND)[1]["value"] == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ["head"]


def test_truncated_file(tmp_path):
    save(tmp_path / "head")
    path = tmp_path / "head" / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="cut short"):
        load_checkpoint(tmp_path / "head", **KIND)


def test_flipped_bit(tmp_path):
    save(tmp_path / "head")
    path = tmp_path / "head" / "tensors.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint(tmp_path / "head", **KIND)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format":"test-format","version":"2","meta":{},"files":{}}'])
def test_broken_manifest(tmp_path, text):
    save(tmp_path / "head")
    (tmp_path / "head" / "checkpoint.json").write_text(text)
    with pytest.raises(InputError, match="checkpoint description"):
        load_checkpoint(tmp_path / "head", **KIND)


def test_missing_pieces(tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        load_checkpoint(tmp_path / "none", **KIND)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="does not exist"):
        load_checkpoint(tmp_path / "empty", **KIND)
    save(tmp_path / "head")
    (tmp_path / "head" / "tensors.safetensors").unlink()
    with pytest.raises(InputError, match="does not exist"):
        load_checkpoint(tmp_path / "head", **KIND)


def test_format_and_version(tmp_path):
    save(tmp_path / "head", version=3)
    with pytest.raises(InputError, match=r"version 3 .* up to 2"):
        load_checkpoint(tmp_path / "head", **KIND)
    with pytest.raises(InputError, match="'test-format'; a 'other' was wanted"):
        load_checkpoint(tmp_path / "head", format="other", version=3)
    assert read_manifest(tmp_path / "head")["version"] == 3


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(InputError, match="will not be overwritten"):
        save(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    steps: int = 10
    rate: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Config:
    stages: tuple[Stage, ...] = (Stage(name="a"), Stage(name="b", steps=3))
    size: tuple[int, int] = (4, 5)
    mode: Literal["fast", "slow"] = "fast"
    limit: int | None = None
    folder: Path = Path("x")
    weights: dict[str, float] = field(default_factory=lambda: {"l1": 1.0})
    nested: Stage = Stage(name="c")
    on: bool = True


def test_config_round_trip():
    config = Config(limit=3, weights={"ssim": 0.2}, folder=Path("/tmp/x"))
    assert config_from_json(Config, json.loads(json.dumps(config_to_json(config)))) == config


def test_unknown_keys_are_named_with_the_nearest():
    data = config_to_json(Config())
    data["nested"]["stepz"] = 5
    with pytest.raises(InputError, match=r"config\.nested has unknown key 'stepz' \(nearest valid: 'steps'\)"):
        config_from_json(Config, data)
    with pytest.raises(InputError, match=r"'stagez'.*'stages'.*'moed'.*'mode'"):
        config_from_json(Config, {"stagez": [], "moed": "fast"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "medium"}, "choose one of 'fast', 'slow'"),
        ({"size": [1, 2, 3]}, "3 entries; 2 were wanted"),
        ({"limit": "many"}, "config.limit is 'many'; int was wanted"),
        ({"limit": True}, "config.limit is True; int was wanted"),
        ({"on": 1}, "config.on is 1; bool was wanted"),
        ({"stages": [{"steps": 2}]}, r"config.stages\[0\] lacks name"),
        ({"weights": {"l1": "x"}}, "config.weights.l1 is 'x'; float was wanted"),
        ({"nested": 3}, "fields of Stage"),
    ],
)
def test_wrong_values(change, message):
    with pytest.raises(InputError, match=message):
        config_from_json(Config, config_to_json(Config()) | change)


def test_whole_numbers_become_floats():
    assert config_from_json(Stage, {"name": "x", "rate": 1}).rate == 1.0


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError, match="Tensor"):
        config_to_json({"x": torch.zeros(1)})


def test_every_file_may_be_read_by_whom_new_files_may(tmp_path):
    save(tmp_path / "head")
    (tmp_path / "plain").write_text("")
    wanted = (tmp_path / "plain").stat().st_mode
    assert {path.stat().st_mode for path in (tmp_path / "head").iterdir()} == {wanted}
