"""Words that are understood: errors are counted, numbers spelled out, a grammar is read off embeddings."""

import sys

import pytest
import torch

from gaussian_head import InputError
from gaussian_head.evaluation import words
from gaussian_head.evaluation.words import WordEars, error_rate, likeliest, plain_words


def unit(*shape, seed=0):
    return torch.nn.functional.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_words_are_made_plain():
    assert plain_words(" Lay blue at X4, now.") == ["lay", "blue", "at", "x", "four", "now"]


def test_errors_are_edits_over_words():
    assert error_rate([(["a", "b"], ["a", "b"])]) == 0
    assert error_rate([(["a"], ["a", "b"]), (["c", "d", "e"], ["c", "x"])]) == 0.75


def test_a_sentence_of_a_grammar_is_read_at_another_tempo():
    slots = [[unit(5 + i, 16, seed=10 * k + i) for i in range(4)] for k in range(3)]
    silence = unit(1, 16, seed=99)
    for told in ([2, 0, 3], [1, 1, 0]):
        spoken = [slots[k][i] for k, i in enumerate(told)]
        slower = torch.cat([spoken[0].repeat_interleave(2, 0), spoken[1], spoken[2][::2]])
        lips = torch.cat([silence.expand(6, -1), slower, silence.expand(4, -1)])
        assert likeliest(lips, slots, silence) == told


def test_missing_ears_are_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(InputError, match="`pip install ctranslate2` puts it there"):
        WordEars.load()


def test_missing_weights_are_told(monkeypatch):
    pytest.importorskip("ctranslate2")
    monkeypatch.setattr(words, "place_of", lambda package, inside: None)
    with pytest.raises(InputError, match="Whisper's weights are not on this machine"):
        WordEars.load()
