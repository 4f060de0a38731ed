"""Recordings that real people brought: each is read right, or told in words with its frames, before any training.

They lie in ``faults`` of the shared footage, and are skipped where that is not.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.events import Warned
from gaussian_head.media import probe, read_audio, read_frames, read_image
from gaussian_head.tracking import watch as module
from gaussian_head.tracking.crop import Crop, Survey, choose_crop, survey
from gaussian_head.tracking.findings import Finding, Findings
from gaussian_head.tracking.footage import Footage


@pytest.fixture
def fault(footage: Path):
    """A file of one of them."""

    def find(name: str) -> Path:
        found = sorted(path for path in (footage / "faults" / name).glob("*") if path.name != "README")
        if not found:
            pytest.skip(f"no recording in {footage / 'faults' / name}")
        return found[0]

    return find


class NoMattes:
    """In place of the thread that makes mattes, which nothing here looks at."""

    def __init__(self, writer: object) -> None: ...

    def __enter__(self) -> NoMattes:
        return self

    def __exit__(self, *_: object) -> None: ...

    def put(self, image: np.ndarray) -> None: ...


@pytest.fixture
def looked_at(fault, monkeypatch: pytest.MonkeyPatch):
    """What tracking finds before it solves anything: the survey, the crop, frames that are usable, and all doubts."""
    monkeypatch.setattr(module, "MatteThread", NoMattes)

    def look(name: str | Path) -> Any:
        clip = name if isinstance(name, Path) else fault(name)
        info = probe(clip)
        findings = Findings(clip, info.fps)
        for note in info.notes:
            findings.add("recording", note)
        found = survey(Footage(video=clip, info=info), findings)
        crop = choose_crop(found)
        seen = module.watch(found, crop, 512, None, findings, lambda event: None)  # type: ignore[arg-type]
        return SimpleNamespace(survey=found, crop=crop, seen=seen, doubts=findings.all)

    return look


def doubt(doubts: list[Finding], kind: str) -> Finding:
    (found,) = [doubt for doubt in doubts if doubt.kind == kind]
    return found


def eyes_above_mouth(found: Survey, crop: Crop, landmarks: np.ndarray) -> bool:
    return bool((landmarks[:, [33, 263], 1].mean(1) < landmarks[:, 13, 1]).all())


@pytest.mark.parametrize("name", ["upside_down", "mirrored_matrix"])
def test_pictures_stand_upright(looked_at, name):
    result = looked_at(name)
    assert eyes_above_mouth(result.survey, result.crop, result.seen.landmarks)
    assert result.seen.tracked.all()
    if name == "upside_down":
        assert "upside down" in doubt(result.doubts, "turned").words
    else:
        assert not result.doubts


def test_a_cut_between_two_people_leaves_one(looked_at):
    result = looked_at("scene_cut")
    assert len(result.seen.tracked) == 75
    words = doubt(result.doubts, "several shots").words
    assert "left out are frames 75 to 149 (3.0 to 6.0 s)" in words


def test_a_hand_before_the_mouth_is_left_out(looked_at):
    result = looked_at("hand_over_mouth")
    frames = doubt(result.doubts, "covered").frames
    assert set(range(41, 64)) <= set(frames) <= set(range(36, 69))
    assert not result.seen.tracked[list(frames)].any()


@pytest.mark.parametrize("name", ["lp_d3", "tv_e_African_3", "latentsync_demo2", "lp_d19"])
def test_nobody_is_covered_by_a_frown_a_shadow_or_shut_eyes(footage, looked_at, name):
    """Those whom the limits are nearest to, of 45 clips of people with nothing before their face."""
    clip = footage / "people" / "measure" / f"{name}.mp4"
    if not clip.is_file():
        pytest.skip(f"no {clip}")
    result = looked_at(clip)
    assert not [doubt for doubt in result.doubts if doubt.kind in ("covered", "changing look", "dark")]


@pytest.mark.parametrize(
    ("name", "words"), [("half_face_outside", "border of the picture cuts the face"), ("low_light", "nearly black")]
)
def test_what_nothing_can_be_learnt_from_is_refused(looked_at, name, words):
    with pytest.raises(InputError, match=words):
        looked_at(name)


def test_a_small_face_in_a_square_picture_is_cropped_to(looked_at):
    result = looked_at("square_small_face")
    points = result.seen.landmarks[:, :468, 0]
    assert np.median(np.ptp(points, axis=1)) > 120
    assert result.crop.size < 540


@pytest.mark.parametrize(("name", "words"), [("interlaced", "interlaced"), ("hdr_hlg", "high dynamic range (HLG)")])
def test_what_was_mended_in_reading_is_said(fault, name, words):
    assert any(words in note for note in probe(fault(name)).notes)


def test_no_picture_is_combed(fault):
    """Rows of one field beside rows of the other: neighbours differ more than rows two apart."""
    combed = []
    for frame in read_frames(fault("interlaced"), duration=2.0):
        grey = frame.astype(float).mean(-1)
        combed.append(np.abs(np.diff(grey, axis=0)).mean() / np.abs(grey[2:] - grey[:-2]).mean())
    assert max(combed) < 1.0


def test_a_bare_stream_has_all_its_pictures(fault):
    clip = fault("raw_h264")
    assert probe(clip).num_frames == sum(1 for _ in read_frames(clip)) == 125


def test_a_colon_in_a_name_is_a_letter(fault, monkeypatch):
    clip = fault("colon_in_name")
    monkeypatch.chdir(clip.parent)
    assert probe(clip.name).num_frames == sum(1 for _ in read_frames(Path(clip.name)))


@pytest.mark.parametrize(("name", "words"), [("out_of_phase", "out of phase"), ("two_sound_tracks", "track 2 of 2")])
def test_speech_is_heard_and_said_how(fault, name, words):
    told: list[Any] = []
    samples = read_audio(fault(name), listener=told.append)
    assert np.abs(samples).max() > 0.1
    (warned,) = [event for event in told if isinstance(event, Warned)]
    assert words in warned.message


def test_numbers_that_are_none_are_placed(fault):
    with pytest.raises(InputError, match=r"0\.37 s from its beginning.*\(NaN or infinity\)"):
        read_audio(fault("nan_sound"))


def test_sixteen_bits_of_grey_keep_their_shades(fault):
    grey = read_image(fault("gray16_background"), mode="L")
    assert len(np.unique(grey)) > 100
    assert grey.mean() == pytest.approx(128, abs=4)
