"""The page as a text: whole, self-contained, and only of what it can play."""

import base64
import gzip
import re

import numpy as np
import pytest
from support_head import make_actor, make_motion

from gaussian_head import export
from gaussian_head.checks import InputError
from gaussian_head.exporting import FORMATS
from gaussian_head.io.baked import read_baked
from gaussian_head.io.baked_make import bake
from gaussian_head.io.page import page, write_page
from gaussian_head.media import read_audio, write_audio
from gaussian_head.motion import Performance

MOTION = make_motion()


@pytest.fixture(scope="module")
def actor():
    return make_actor(num_gaussians=300, size=64)


@pytest.fixture(scope="module")
def head(actor):
    return actor.head


def carried(text):
    """The baked sequence inside a page."""
    data = re.search(r'<script type="text/plain" id="baked">(.*?)</script>', text, re.DOTALL)
    assert data
    return gzip.decompress(base64.b64decode(data.group(1)))


def test_the_page_carries_the_sequence(head):
    baked = bake(head, Performance(motion=MOTION))
    assert carried(page(baked)) == baked.to_bytes()


def test_nothing_is_left_open_and_nothing_is_fetched(head):
    text = page(bake(head, Performance(motion=MOTION)))
    assert not re.search(r"@[A-Z]+@", text)
    assert not re.search(r"""https?://|src=|import\(|fetch\(|XMLHttp|<link(?! rel="icon" href="data:,")""", text)
    assert "default-src 'none'" in text
    assert text.count("<script") == text.count("</script>") == 2


def test_a_title_is_text_not_markup(head):
    text = page(bake(head, Performance(motion=MOTION)), title='</title><script>alert("x")</script>')
    assert "alert(&quot;x&quot;)" in text
    assert "<script>alert" not in text


def test_the_same_head_gives_the_same_page(head):
    assert page(bake(head, Performance(motion=MOTION))) == page(bake(head, Performance(motion=MOTION)))


def test_only_small_sequences_become_pages(head, tmp_path):
    with pytest.raises(InputError, match="float32"):
        write_page(tmp_path / "talk.html", bake(head, Performance(motion=MOTION), precision="float32"))
    assert list(tmp_path.iterdir()) == []


def test_exports_are_driven_and_cut_with_their_sound(actor, tmp_path):
    sound = np.zeros(16000 * 2, np.float32)
    sound[16000 : 16000 + 800] = 0.5
    write_audio(tmp_path / "speech.wav", sound)
    export(actor, tmp_path / "a.ghb", format="baked", audio=tmp_path / "speech.wav", frames="-25:")
    baked = read_baked(tmp_path / "a.ghb")
    assert len(baked) == 25
    assert baked.header["sound"]["seconds"] == 1.0
    (tmp_path / "a.mp4").write_bytes(baked.tensors["sound"].tobytes())
    heard = np.abs(read_audio(tmp_path / "a.mp4"))
    assert heard[:800].mean() > 5 * heard[4000:].mean()


def test_exports_without_sound_are_silent(actor, tmp_path):
    export(actor, tmp_path / "a.html", format="html", frames="0:10")
    (tmp_path / "a.ghb").write_bytes(carried((tmp_path / "a.html").read_text(encoding="utf-8")))
    assert "sound" not in read_baked(tmp_path / "a.ghb").header


def test_exports_keep_the_precision_asked_for(actor, tmp_path):
    export(actor, tmp_path / "a.ghb", format="baked", precision="float32", frames=":3")
    assert read_baked(tmp_path / "a.ghb").header["precision"] == "float32"
    export(actor, tmp_path / "a.html", format="html", precision="float32", frames=":3")  # which has but one


@pytest.mark.parametrize("format", ["baked", "html"])
def test_one_moment_is_no_sequence(actor, tmp_path, format):
    with pytest.raises(InputError, match="use frames"):
        export(actor, tmp_path / "a", format=format, frame=3)
    assert FORMATS[format].endings[0] in (".ghb", ".html")
