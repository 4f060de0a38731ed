"""Free sentences do what they mean, where an encoder is there; what means no act is refused."""

import re

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.motion import act_words, meant_acts
from gaussian_head.motion.act_words import parse_acts
from gaussian_head.speech import sentences

WORDS = ("yes", "agrees", "no", "disagrees", "left", "right", "look", "glances", "weather", "closer")


def of_words(texts):
    """An encoder that hears nothing but WORDS; where it hears none, nothing is alike."""
    rows = torch.tensor([[float(word in re.findall(r"\w+", text)) for word in WORDS] for text in texts])
    return torch.nn.functional.normalize(rows, dim=1)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(act_words, "is_installed", lambda: True)
    monkeypatch.setattr(meant_acts, "sentence_encoder", lambda: of_words)


def test_what_the_grammar_does_not_know_is_understood_by_its_meaning():
    agreed, gone = parse_acts("she certainly agrees twice, then somehow comes closer for 2 s")
    assert (agreed.kind, agreed.count) == ("nod", 2)
    assert (gone.kind, gone.side, gone.hold) == ("lean", "forward", 2)
    assert gone.begin > agreed.seconds


def test_a_side_that_is_named_is_kept():
    for side in ("left", "right"):
        (act,) = parse_acts(f"suddenly glances to the {side}")
        assert (act.kind, act.side) == ("look", side)


def test_acts_in_other_words_begin_parts_of_their_own():
    assert [act.kind for act in parse_acts("nods and wholly disagrees, slowly")] == ["nod", "shake"]


@pytest.mark.parametrize("text", ["the weather is fine", "bakes bread"])
def test_what_means_no_act_is_refused(text):
    with pytest.raises(InputError, match="means no movement of a head"):
        parse_acts(text)


def test_words_of_the_grammar_never_ask_the_encoder(monkeypatch):
    def refuse():
        raise AssertionError("asked")

    monkeypatch.setattr(meant_acts, "sentence_encoder", refuse)
    assert len(parse_acts("nods twice, then looks slowly to the left while leaning back")) == 3


@pytest.mark.skipif(not sentences.is_installed(), reason="the sentence encoder is not installed")
def test_the_installed_encoder_understands_more_than_words_in_common(monkeypatch):
    from gaussian_head.evaluation.free_sentences import measure_sentences

    scores = measure_sentences(sentences.sentence_encoder())
    assert scores.understood > 0.6
    assert scores.refused > 0.9
