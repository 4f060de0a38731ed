"""Whisper's encoder from flat files, on a tiny one with random weights."""

import hashlib
import struct

import numpy as np
import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.speech import encode_speech
from gaussian_head.speech.flat_file import read_arrays
from gaussian_head.speech.whisper import WHISPERS, CarriedWhisper, encode_layers, read_encoder

WIDTH, LAYERS, HEADS = 16, 2, 2
CODES = {"float32": 0, "int16": 2, "float16": 4}


def tiny_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.3, shape).astype(np.float16)

    arrays = {
        "decoder/num_heads": np.array(HEADS, np.int16),
        "encoder/num_heads": np.array(HEADS, np.int16),
        "encoder/conv1/weight": some(WIDTH, 80, 3), "encoder/conv1/bias": some(WIDTH),
        "encoder/conv2/weight": some(WIDTH, WIDTH, 3), "encoder/conv2/bias": some(WIDTH),
        "encoder/position_encodings/encodings": some(1500, WIDTH),
        "encoder/layer_norm/gamma": some(WIDTH), "encoder/layer_norm/beta": some(WIDTH),
    }  # fmt: skip
    for layer in range(LAYERS):
        for part, inner in (("self_attention", 3 * WIDTH), ("ffn", 32)):
            out = WIDTH if part == "self_attention" else 32
            at = f"encoder/layer_{layer}/{part}"
            arrays |= {f"{at}/layer_norm/gamma": some(WIDTH), f"{at}/layer_norm/beta": some(WIDTH)}
            arrays |= {f"{at}/linear_0/weight": some(inner, WIDTH), f"{at}/linear_0/bias": some(inner)}
            arrays |= {f"{at}/linear_1/weight": some(WIDTH, out), f"{at}/linear_1/bias": some(WIDTH)}
    return arrays


def flat_file(arrays: dict[str, np.ndarray], version: int = 6) -> bytes:
    def text(name: str) -> bytes:
        return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"

    data = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, array in arrays.items():
        sizes = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        data += text(name) + sizes + struct.pack("<BI", CODES[array.dtype.name], array.nbytes) + array.tobytes()
    return data + struct.pack("<I", 0)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that carries the tiny encoder, under the name ``whisper``."""
    data = flat_file(tiny_arrays())
    (tmp_path / "carrying_whisper").mkdir()
    (tmp_path / "carrying_whisper" / "a.part1").write_bytes(data[:5000])
    (tmp_path / "carrying_whisper" / "b.part2").write_bytes(data[5000:])
    monkeypatch.syspath_prepend(str(tmp_path))
    source = CarriedWhisper(
        parts=(("carrying_whisper", "a.part1"), ("carrying_whisper", "b.part2")),
        sha256=hashlib.sha256(data).hexdigest(),
        layers=(0, 1),
        requirement="some-package",
    )
    monkeypatch.setitem(WHISPERS, "whisper", source)
    monkeypatch.setattr("gaussian_head.speech.whisper._encoder", read_uncached)
    return tmp_path / "carrying_whisper"


def read_uncached(name: str):
    from gaussian_head.speech import whisper

    return whisper.read_carried(WHISPERS[name], name)


def sound(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(1).standard_normal(round(seconds * 16000))).astype(np.float32)


def test_arrays_come_out_as_they_went_in():
    arrays = tiny_arrays()
    read = read_arrays(flat_file(arrays), lambda name: name.startswith("encoder/"), "it")
    assert set(read) == set(arrays) - {"decoder/num_heads"}
    assert all(np.array_equal(read[name], arrays[name]) for name in read)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (flat_file(tiny_arrays())[:3000], "damaged"),
        (flat_file(tiny_arrays(), version=9), "version 9"),
        (b"PK\x03\x04" + bytes(100), "version"),
        (b"", "damaged"),
    ],
)
def test_hostile_files_are_refused_in_words(data, words):
    with pytest.raises(InputError, match=words):
        read_arrays(data, lambda name: True, "the file")


def test_the_encoder_is_whispers():
    """Against transformers' own, with the same weights."""
    transformers = pytest.importorskip("transformers", reason="the optional package transformers is not installed")
    arrays = tiny_arrays()
    config = transformers.WhisperConfig(
        d_model=WIDTH, encoder_layers=LAYERS, encoder_attention_heads=HEADS, encoder_ffn_dim=32, num_mel_bins=80
    )
    theirs = transformers.models.whisper.modeling_whisper.WhisperEncoder(config).eval()
    state = {"embed_positions.weight": arrays["encoder/position_encodings/encodings"]}
    for name in ("conv1", "conv2"):
        state |= {f"{name}.{part}": arrays[f"encoder/{name}/{part}"] for part in ("weight", "bias")}
    norm = {"weight": "gamma", "bias": "beta"}
    state |= {f"layer_norm.{part}": arrays[f"encoder/layer_norm/{ours}"] for part, ours in norm.items()}
    for layer in range(LAYERS):
        at, there = f"encoder/layer_{layer}", f"layers.{layer}"
        for part, ours in norm.items():
            state[f"{there}.self_attn_layer_norm.{part}"] = arrays[f"{at}/self_attention/layer_norm/{ours}"]
            state[f"{there}.final_layer_norm.{part}"] = arrays[f"{at}/ffn/layer_norm/{ours}"]
        for part in ("weight", "bias"):
            query, key, value = np.split(arrays[f"{at}/self_attention/linear_0/{part}"], 3)
            state[f"{there}.self_attn.q_proj.{part}"], state[f"{there}.self_attn.v_proj.{part}"] = query, value
            if part == "weight":
                state[f"{there}.self_attn.k_proj.weight"] = key
            state[f"{there}.self_attn.out_proj.{part}"] = arrays[f"{at}/self_attention/linear_1/{part}"]
            state[f"{there}.fc1.{part}"] = arrays[f"{at}/ffn/linear_0/{part}"]
            state[f"{there}.fc2.{part}"] = arrays[f"{at}/ffn/linear_1/{part}"]
        arrays[f"{at}/self_attention/linear_0/bias"][WIDTH : 2 * WIDTH] = 0  # Whisper's keys have none
    theirs.load_state_dict({name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()})
    mel = torch.randn(80, 3000)
    with torch.inference_mode():
        wanted = theirs(mel[None], output_hidden_states=True).hidden_states
        got = read_encoder(flat_file(arrays), "it")(mel, (0, 1))
    assert torch.allclose(got[0], wanted[0][0], atol=1e-5)
    assert torch.allclose(got[1], wanted[1][0], atol=1e-4)


def test_encode_speech_takes_a_middle_layer_from_an_installed_package(installed):
    features = encode_speech(sound(2.505), encoder="whisper")
    assert features.values.shape == (251, 2 * WIDTH)
    assert features.version.startswith("layers 0+1 of ")
    assert features.values.isfinite().all()
    assert encode_speech(sound(0.001), encoder="whisper").values.shape == (1, 2 * WIDTH)


def test_what_is_missing_or_another_file_says_what_to_do(installed, monkeypatch):
    (installed / "b.part2").write_bytes(b"other")
    with pytest.raises(InputError, match="sha256"):
        encode_speech(sound(0.1), encoder="whisper")
    (installed / "b.part2").unlink()
    with pytest.raises(InputError, match="pip install 'some-package'"):
        encode_speech(sound(0.1), encoder="whisper")


def test_windows_join_without_a_seam(monkeypatch):
    """Sounds longer than a window: what is heard does not depend on where windows begin, but for far attention."""
    encoder = read_encoder(flat_file(tiny_arrays()), "it")
    long = sound(33)
    (whole,) = encode_layers(encoder, long, (0,))
    assert whole.shape == (3300, WIDTH)
    places = torch.from_numpy(np.array(tiny_arrays()["encoder/position_encodings/encodings"], np.float32)).numpy()
    (later,) = encode_layers(encoder, long[26 * 16000 :], (0,))
    second = slice(2600 + 300, 3290)
    ours = whole[second][::2] - places[100 + 150 : 100 + 345]
    assert np.abs(ours - (later[300:690][::2] - places[150:345])).max() < 0.05
