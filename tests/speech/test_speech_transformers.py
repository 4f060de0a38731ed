"""Transformer encoders on tiny models with random weights; nothing is ever downloaded."""

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.speech import encode_speech

transformers = pytest.importorskip("transformers", reason="the optional package transformers is not installed")

WAVE = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


def save_tiny(name: str, folder) -> str:
    if name == "whisper":
        config = transformers.WhisperConfig(
            d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=1,
        )  # fmt: skip
        model = transformers.WhisperModel(config)
    else:
        kinds = {"hubert": "Hubert", "wav2vec2": "Wav2Vec2", "wavlm": "WavLM"}
        config = getattr(transformers, kinds[name] + "Config")(**WAVE)
        model = getattr(transformers, kinds[name] + "Model")(config)
    model.save_pretrained(folder)
    return f"{name}:{folder}"


@pytest.mark.parametrize("name", ["hubert", "wav2vec2", "wavlm", "whisper"])
def test_local_weights_are_used(name, tmp_path):
    samples = (0.1 * np.random.default_rng(0).standard_normal(40000)).astype(np.float32)
    features = encode_speech(samples, encoder=save_tiny(name, tmp_path))
    assert features.values.shape == (250, 16)
    assert features.values.isfinite().all()
    assert len(features.version) == 8
    assert encode_speech(samples[:50], encoder=f"{name}:{tmp_path}").values.shape == (1, 16)


def test_chunks_join_without_a_gap(tmp_path, monkeypatch):
    monkeypatch.setattr("gaussian_head.speech.transformer.CHUNK_SECONDS", 2)
    encoder = save_tiny("hubert", tmp_path)
    samples = (0.1 * np.random.default_rng(0).standard_normal(16000 * 5 + 37)).astype(np.float32)
    assert encode_speech(samples, encoder=encoder).values.shape == (501, 16)


def test_missing_weights_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="default"):
        encode_speech(np.zeros(1600, np.float32), encoder=f"hubert:{tmp_path / 'nowhere'}")
    encoder = save_tiny("hubert", tmp_path).replace("hubert:", "wavlm:")
    with pytest.raises(InputError, match="'hubert' model, not of 'wavlm'"):
        encode_speech(np.zeros(1600, np.float32), encoder=encoder)
