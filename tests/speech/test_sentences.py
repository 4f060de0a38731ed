"""A sentence's vector from the weights of another package, on a tiny net with random weights."""

import hashlib

import pytest
import torch
from safetensors.torch import save

from gaussian_head.checks import InputError
from gaussian_head.speech import sentences
from gaussian_head.speech.sentences import SentenceEncoder, sentence_encoder

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "nod", "##s", "head", "the", ".", "cafe"]
WIDTH, HIDDEN = 24, 32


def tiny_weights(layers: int = 2) -> dict[str, torch.Tensor]:
    """A net of BERT's names and small random numbers."""
    torch.manual_seed(0)
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
        "embeddings.position_embeddings.weight": (300, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    linear = [("attention.self.query", WIDTH, WIDTH), ("attention.self.key", WIDTH, WIDTH)]
    linear += [("attention.self.value", WIDTH, WIDTH), ("attention.output.dense", WIDTH, WIDTH)]
    linear += [("intermediate.dense", HIDDEN, WIDTH), ("output.dense", WIDTH, HIDDEN)]
    norms = ["embeddings.LayerNorm"]
    for layer in range(layers):
        name = f"encoder.layer.{layer}"
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
        for part, rows, columns in linear:
            shapes |= {f"{name}.{part}.weight": (rows, columns), f"{name}.{part}.bias": (rows,)}
    weights = {name: 0.3 * torch.randn(shape) for name, shape in shapes.items()}
    for name in norms:
        weights |= {f"{name}.weight": torch.ones(WIDTH), f"{name}.bias": torch.zeros(WIDTH)}
    return weights


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that carries such weights."""
    data = {"model.safetensors": save(tiny_weights()), "vocab.txt": "\n".join(VOCABULARY).encode()}
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(sentences, "_folder", lambda: tmp_path)
    monkeypatch.setattr(sentences, "FILES", {name: hashlib.sha256(c).hexdigest() for name, c in data.items()})
    sentence_encoder.cache_clear()
    yield tmp_path
    sentence_encoder.cache_clear()


def test_words_are_cut_into_the_longest_known_pieces(installed):
    pieces = sentence_encoder().pieces
    assert pieces("Nods.") == [2, 4, 5, 8, 3]
    assert pieces("the Café head") == [2, 7, 9, 6, 3]
    assert pieces("nodded") == [2, 1, 3]
    assert len(pieces("head " * 1000)) == sentences.LONGEST


def test_vectors_are_of_length_one_and_heed_the_order_of_words(installed):
    vectors = sentence_encoder()(["the head nods", "nods the head", "the head nods"])
    assert vectors.shape == (3, WIDTH)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    assert torch.equal(vectors[0], vectors[2])
    assert float((vectors[0] - vectors[1]).norm()) > 1e-3


def test_the_net_is_torchs_own_post_norm_transformer():
    weights = tiny_weights(layers=1)
    ours = SentenceEncoder(vocabulary={word: row for row, word in enumerate(VOCABULARY)}, weights=weights)
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH, sentences.HEADS, HIDDEN, 0.0, "gelu", layer_norm_eps=sentences.EPSILON, batch_first=True
    ).eval()
    name = "encoder.layer.0"
    parts = [[weights[f"{name}.attention.self.{p}.{k}"] for p in ("query", "key", "value")] for k in ("weight", "bias")]
    state = {"self_attn.in_proj_weight": torch.cat(parts[0]), "self_attn.in_proj_bias": torch.cat(parts[1])}
    for theirs, own in (
        ("self_attn.out_proj", "attention.output.dense"),
        ("linear1", "intermediate.dense"),
        ("linear2", "output.dense"),
        ("norm1", "attention.output.LayerNorm"),
        ("norm2", "output.LayerNorm"),
    ):
        state |= {f"{theirs}.{kind}": weights[f"{name}.{own}.{kind}"] for kind in ("weight", "bias")}
    layer.load_state_dict(state)
    rows = torch.tensor(ours.pieces("the head nods."))
    table = "embeddings.{}_embeddings.weight"
    x = weights[table.format("word")][rows] + weights[table.format("position")][: len(rows)]
    x = x + weights[table.format("token_type")][0]
    x = torch.nn.functional.layer_norm(x, (WIDTH,), eps=sentences.EPSILON)
    expected = torch.nn.functional.normalize(layer(x[None])[0].mean(0), dim=0)
    torch.testing.assert_close(ours(["the head nods."])[0], expected, atol=1e-5, rtol=1e-4)


def test_another_file_or_none_is_refused_in_words(installed, monkeypatch):
    (installed / "vocab.txt").write_bytes(b"another file")
    with pytest.raises(InputError, match=r"vocab\.txt is not the file.*sha256"):
        sentence_encoder()
    monkeypatch.setattr(sentences, "_folder", lambda: None)
    assert not sentences.is_installed()
    with pytest.raises(InputError, match="pip install"):
        sentence_encoder()
