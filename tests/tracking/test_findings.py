"""Doubts about a clip are told in words, with the frames; good material raises none."""

import re

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.media import BadFrames, VideoInfo, VideoWriter
from gaussian_head.tracking.channels import eyes_never_open, find_neutral, measure
from gaussian_head.tracking.crop import _choose_shot, survey
from gaussian_head.tracking.findings import Findings, spoken
from gaussian_head.tracking.footage import Footage, best_turn
from gaussian_head.tracking.people import Person, choose_person, note_faces
from gaussian_head.tracking.shots import SIDE, difference, find_shots
from gaussian_head.tracking.sync import read_sound, sound_in_step
from gaussian_head.tracking.visible import foreign_patch, judge_border, judge_cover, judge_light
from gaussian_head.tracking.watch import require_frames

FPS = 25.0


@pytest.fixture
def findings(tmp_path):
    return Findings(tmp_path / "clip.mp4", FPS)


def told(findings):
    """Kind, severity, first and last frame of everything found."""
    return [(f.kind, f.severity, f.frames[:1], f.frames[-1:]) for f in findings.all]


def video_info(**changes):
    values = dict(fps=FPS, width=400, height=400, duration=4.0, num_frames=100)
    return VideoInfo(**{**values, "has_audio": True, "variable_frame_rate": False, **changes})


def film(path, frames):
    frames = [np.ascontiguousarray(frame) for frame in frames]
    with VideoWriter(path, width=frames[0].shape[1], height=frames[0].shape[0], fps=FPS) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def test_frames_are_named_in_words():
    assert spoken([40, 41, 42, 90], 25.0) == "frames 40 to 42 (1.6 to 1.7 s), frame 90 (3.6 s)"
    assert spoken(range(0, 20, 2), 25.0).endswith("frame 4 (0.2 s) and 7 more such stretches")


def test_findings_count_from_the_first_picture_of_the_video(findings):
    findings.first = 50
    findings.add("dark", "Left out are", severity="left out", frames=[3, 4])
    assert findings.all[0].frames == (53, 54)
    assert findings.all[0].words == "Left out are frames 53 to 54 (2.1 to 2.2 s)."
    assert findings.left_out(100).tolist() == [3, 4]
    assert findings.as_json()[0]["severity"] == "left out"
    with pytest.raises(InputError, match=r"clip\.mp4: no\."):
        findings.add("bad", "no.", severity="refused")


# --- shots


def scene(seed, count, *, sway=0.4):
    """Small pictures of something smooth that moves a little."""
    import cv2

    rng = np.random.default_rng(seed)
    wide = cv2.resize(rng.uniform(30, 220, (8, 8)).astype(np.float32), (64, 64), interpolation=cv2.INTER_CUBIC)
    pictures = []
    for t in range(count):
        matrix = np.array([[1, 0, -20 + sway * np.sin(t / 4)], [0, 1, -20 + sway * np.cos(t / 3)]], np.float32)
        pictures.append(cv2.warpAffine(wide, matrix, (SIDE, SIDE)) + rng.normal(0, 1, (SIDE, SIDE)))
    return np.clip(pictures, 0, 255).astype(np.uint8)


def test_one_scene_is_one_shot_whatever_light_hands_and_camera_do():
    calm = scene(0, 100)
    assert find_shots(calm, FPS).bounds == ((0, 100),)
    dimmed = (calm * np.linspace(1.0, 0.5, 100)[:, None, None]).astype(np.uint8)
    assert find_shots(dimmed, FPS).bounds == ((0, 100),)
    waving = calm.copy()
    waving[40:60, 14:20, 2:7] = 200
    assert find_shots(waving, FPS).bounds == ((0, 100),)
    assert find_shots(scene(1, 100, sway=6), FPS).bounds == ((0, 100),)


def test_cuts_flashes_and_fades_are_told_apart():
    a, b = scene(2, 75), scene(3, 75)
    assert difference(a[-1], b[0]) > 0.4
    assert find_shots(np.concatenate([a, b]), FPS).bounds == ((0, 75), (75, 150))
    back = find_shots(np.concatenate([a, b[:30], a]), FPS)
    assert (back.bounds, back.scenes) == (((0, 75), (75, 105), (105, 180)), (0, 1, 0))
    flash = a.copy()
    flash[30] = 255
    flash[50:53] = b[:3]
    found = find_shots(flash, FPS)
    assert (found.bounds, found.disturbed.tolist()) == (((0, 75),), [30, 50, 51, 52])
    share = np.linspace(0, 1, 25)[:, None, None]
    faded = np.concatenate([a, ((1 - share) * a[-1] + share * b[0]).astype(np.uint8), b])
    (_, start), (_, stop), _ = find_shots(faded, FPS).bounds
    assert start <= 80
    assert stop >= 95


def seen_at(*ranges):
    person = Person()
    person.samples = [t // 6 for r in ranges for t in range(0, 400, 6) if t in r]
    return person


def test_the_longest_shot_with_a_face_is_kept_and_the_rest_named(findings):
    pictures = np.concatenate([scene(4, 200), scene(5, 80), scene(6, 100)])
    shots = find_shots(pictures, FPS)
    assert _choose_shot(shots, [seen_at(range(200, 380))], 6, FPS, findings) == range(280, 380)
    assert findings.first == 280
    (finding,) = findings.all
    assert (finding.kind, finding.frames[0], finding.frames[-1]) == ("several shots", 0, 279)
    assert "frames 0 to 279 (0.0 to 11.2 s)" in finding.words
    assert findings.left_out(100).tolist() == []


def test_a_picture_cut_in_is_left_out_and_the_scene_goes_on(findings):
    a = scene(7, 200)
    shots = find_shots(np.concatenate([a[:100], scene(8, 15), a[100:]]), FPS)
    assert _choose_shot(shots, [seen_at(range(400))], 6, FPS, findings) == range(215)
    assert findings.left_out(215).tolist() == list(range(100, 115))


def test_a_clip_cut_to_pieces_is_refused(findings):
    shots = find_shots(np.concatenate([scene(seed, 40) for seed in range(10, 15)]), FPS)
    with pytest.raises(InputError, match=r"cut so often .* cuts are at frame 40 \(1\.6 s\), frame 80"):
        _choose_shot(shots, [seen_at(range(200))], 6, FPS, findings)


# --- which way is up


def test_a_turned_clip_is_put_upright(portrait, tmp_path, findings):
    frames = [np.rot90(portrait, -1)[:, :360]] * 100
    video = film(tmp_path / "clip.mp4", frames)
    info = video_info(width=360, height=400)
    footage = survey(Footage(video=video, info=info), findings).footage
    assert (footage.turn, footage.width, footage.height) == (1, 400, 360)
    assert told(findings) == [("turned", "warning", (), ())]
    first = next(footage.frames()).astype(float)
    assert np.abs(first - np.rot90(frames[0])).mean() < 6


@pytest.mark.parametrize(
    ("scores", "turn"),
    [
        ([[0.9, 0.4, 0.3, 0.4]] * 5, 0),
        ([[0.7, 0.4, 0.9, 0.4]] * 5, 2),
        ([[0.90, 0.4, 0.92, 0.4]] * 5, 0),
        ([[0.9, 0.4, 0.3, 0.4]] * 3 + [[0.3, 0.4, 0.95, 0.4]] * 4, 0),
        ([[0.4, 0.4, 0.3, 0.7]] * 5, 0),
        ([[0.0, 0.0, 0.0, 0.0]] * 5, 0),
        ([[0.0, 0.0, 0.0, 0.0]] * 3 + [[0.0, 0.0, 0.0, 0.8]] * 4, 3),
    ],
    ids=["upright", "upside down", "too near", "not agreed", "half a face", "no face", "seen only when turned"],
)
def test_up_is_where_the_detector_is_surest(scores, turn):
    assert best_turn(np.array(scores)) == turn


# --- people


def alive(portrait, t):
    """The portrait with its mouth region pulled open and shut and its eyes darkened now and then."""
    picture = portrait.copy()
    rows = 8 + int(8 * np.sin(t))
    picture[150 : 150 + rows, 175:215] = (60, 20, 20)
    if t % 3 == 0:
        picture[95:110, 160:230] = picture[115:130, 160:230]
    return picture


def test_a_face_on_the_wall_is_not_taken_for_the_speaker(portrait):
    import cv2

    people: list[Person] = []
    for t in range(20):
        shake = np.array([np.sin(t), np.cos(2 * t)] * 2) * 3
        wall = np.full((500, 900, 3), 120, np.uint8)
        x, y = (20 + shake[:2]).round().astype(int)
        wall[y : y + 400, x : x + 400] = portrait
        wall[180:420, 560:800] = cv2.resize(alive(portrait, t), (240, 240), interpolation=cv2.INTER_AREA)
        poster = np.array([130, 60, 260, 200]) + [x, y, x, y]
        speaker = np.array([560 + 78, 180 + 36, 560 + 156, 180 + 120])
        note_faces(people, t, np.array([poster, speaker], float), wall)
    assert len(people) == 2
    chosen, pictures = choose_person(people)
    assert chosen is people[1]
    assert pictures == [people[0]]
    chosen, pictures = choose_person([people[1]])
    assert (chosen, pictures) == (people[1], [])


def test_one_who_walks_past_is_not_taken_for_the_speaker():
    """The speaker hardly changes; the face of one who passes behind changes with every step."""
    rng, people = np.random.default_rng(0), []
    steady, lips = rng.integers(0, 255, (90, 90, 3), np.uint8), rng.integers(0, 255, (8, 30, 3), np.uint8)
    for t in range(12):
        wall = np.full((400, 1200, 3), 120, np.uint8)
        speaker = steady.copy()
        speaker[60 : 60 + len(lips), 30:60] = np.roll(lips, t % 3, axis=0)
        wall[200:290, 300:390] = speaker
        wall[100:170, 90 * t : 90 * t + 70] = rng.integers(0, 255, (70, 70, 3), np.uint8)
        boxes = [[300, 200, 390, 290], [90 * t, 100, 90 * t + 70, 170]]
        note_faces(people, t, np.array(boxes, float), wall)
    assert len(people) == 2
    speaker, passing = people
    assert speaker.liveliness < 0.25 * passing.liveliness, "the trap that this is about"
    assert choose_person(people) == (speaker, [])
    assert choose_person([passing]) == (passing, [])


# --- what is seen of the face


@pytest.fixture(scope="module")
def talking(portrait_landmarks):
    """Colours of 100 frames at the landmarks, and the landmarks: noise, changing light, a mouth that darkens."""
    rng = np.random.default_rng(1)
    points = np.repeat(portrait_landmarks[None, :, :2], 100, axis=0)
    base = rng.uniform(90, 180, (468, 1)) * [1.1, 0.9, 0.8]
    colours = base[None] * (1 + 0.1 * np.sin(np.arange(100) / 9))[:, None, None] + rng.normal(0, 4, (100, 468, 3))
    lips = np.linalg.norm(points[0, :468] - points[0, 13], axis=1) < 12
    colours[:, lips] *= rng.uniform(0.4, 1.0, (100, 1, 1))
    return colours, points


def test_a_hand_before_the_mouth_is_named_and_left_out(talking, findings):
    colours, points = talking
    tracked = np.ones(100, bool)
    judge_cover(colours.clip(0, 255).astype(np.uint8), points, tracked, findings)
    assert findings.all == []
    hidden = colours.copy()
    near = np.linalg.norm(points[0, :468] - points[0, 13], axis=1) < 30
    hidden[40:65, near] = hidden[40:65, near].mean(1, keepdims=True) * [0.65, 0.5, 0.45]
    tracked[80] = False
    judge_cover(hidden.clip(0, 255).astype(np.uint8), points, tracked, findings)
    assert told(findings) == [("covered", "left out", (39,), (65,))]
    assert "covers the face" in findings.all[0].words


def test_a_hand_of_the_faces_own_colour_is_told_by_the_missing_lips(talking, findings):
    colours, points = talking
    face = colours.copy()
    face *= (face.mean((0, 1)) / face.mean(0, keepdims=True)) ** 0.8  # an even skin
    lips = np.linalg.norm(points[0, :468] - points[0, 13], axis=1) < 12
    face[:, lips] *= [0.8, 0.55, 0.55]
    hidden = face.copy()
    near = np.linalg.norm(points[0, :468] - points[0, 13], axis=1) < 30
    rng = np.random.default_rng(5)
    hidden[40:65, near] = face[0, 50] + rng.normal(0, 3, (25, near.sum(), 3))
    judge_cover(face.clip(0, 255).astype(np.uint8), points, np.ones(100, bool), findings)
    assert findings.all == []
    judge_cover(hidden.clip(0, 255).astype(np.uint8), points, np.ones(100, bool), findings)
    ((kind, severity, first, last),) = told(findings)
    assert (kind, severity) == ("covered", "left out")
    assert abs(first[0] - 40) <= 2
    assert abs(last[0] - 64) <= 2


def test_a_mouth_wide_open_for_a_moment_is_no_cover(portrait_landmarks, findings):
    rng = np.random.default_rng(2)
    points = np.repeat(portrait_landmarks[None, :, :2], 100, axis=0)
    colours = 225 + rng.choice([-14, 14], (1, 468, 1)) + rng.normal(0, 2, (100, 468, 3))
    away = np.linalg.norm(points[0, :468] - points[0, 13], axis=1)
    mouth = away < 0.5 * np.linalg.norm(points[0, 263] - points[0, 33])
    for start in (5, 20, 75):  # light where it is dark when shut, for a quarter of a second each
        colours[start : start + 6, mouth] = 450 - colours[start : start + 6, mouth]
    judge_cover(colours.astype(np.uint8), points, np.ones(100, bool), findings)
    assert findings.all == []
    colours[40:60, mouth] = 450 - colours[40:60, mouth]
    judge_cover(colours.astype(np.uint8), points, np.ones(100, bool), findings)
    assert told(findings) == [("covered", "left out", (40,), (59,))]


@pytest.mark.parametrize(("skin", "depth", "turned"), [(45, 15, (-1, 0)), (80, 26, (0, 1))])
def test_shade_that_turns_with_a_dark_face_is_no_cover(portrait_landmarks, findings, skin, depth, turned):
    """Under a lamp at one side, where an eye has less contrast than what surrounds it."""
    points = np.repeat(portrait_landmarks[None, :, :2], 100, axis=0)
    away = points[0, :468] - points[0, [145, 159]].mean(0)
    away /= 0.45 * np.linalg.norm(points[0, 263] - points[0, 33])
    away[np.linalg.norm(away, axis=1) > 1] = 0
    later = (np.arange(100) >= 40) & (np.arange(100) < 60)
    shade = np.where(later[:, None], away @ turned, away[:, 0])
    colours = skin + (depth * shade)[..., None] * [1.2, 0.8, 0.7]
    colours += np.random.default_rng(3).normal(0, 2, colours.shape)
    judge_cover(colours.clip(0, 255).astype(np.uint8), points, np.ones(100, bool), findings)
    assert findings.all == []


def test_light_on_the_face_is_no_cover(talking):
    colours, points = talking
    halved = colours * np.where(np.arange(100) < 60, 1.0, 0.6)[:, None, None]
    assert foreign_patch(halved.clip(0, 255).astype(np.uint8), points).max() < 0.3


def test_a_face_cut_by_the_border_is_left_out_or_refused(portrait_landmarks, findings):
    points = np.repeat(portrait_landmarks[None, :, :2], 100, axis=0)
    tracked = np.ones(100, bool)
    judge_border(points, tracked, 400, 400, findings)
    assert findings.all == []
    middle = points[0, :468, 0].mean()
    points[70:, :, 0] -= middle
    judge_border(points, tracked, 400, 400, findings)
    assert told(findings) == [("outside", "left out", (70,), (99,))]
    points[:70, :, 0] -= middle
    with pytest.raises(InputError, match=r"border of the picture cuts the face.* frames 0 to 99 \(0\.0 to 4\.0 s\)"):
        judge_border(points, tracked, 400, 400, findings)


def test_darkness_is_said(findings):
    bright = np.full(100, 160.0)
    judge_light(bright, findings)
    assert findings.all == []
    judge_light(np.where(np.arange(100) // 10 == 5, 45.0, bright), findings)
    assert told(findings) == [("dark", "left out", (50,), (59,))]
    judge_light(np.full(100, 60.0), findings)
    assert told(findings)[1:] == [("dark", "warning", (), ())]
    with pytest.raises(InputError, match="nearly black: its brightest parts reach 15 of 255"):
        judge_light(np.full(100, 15.0), findings)


def test_eyes_shut_throughout_are_no_blinks(face):
    rng = np.random.default_rng(2)
    still = np.repeat(face[None], 60, axis=0)
    assert not eyes_never_open(still)
    shut = still.copy()
    for upper, lower in ((160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380)):
        gap = shut[:, lower, 1] - shut[:, upper, 1]
        shut[:, upper, 1] += gap * rng.uniform(0.8, 0.97, 60)
    assert eyes_never_open(shut)
    blinks = measure(shut, find_neutral(shut))[:, 3:5]
    assert blinks.min() > 0.5


# --- lengths and sound


def test_too_few_pictures_are_said_in_words(findings):
    require_frames(5.0, 125, 112, FPS, findings)
    with pytest.raises(InputError, match=r"only 22 of its 25 pictures, 5 a second.* at least 30"):
        require_frames(5.0, 25, 22.5, 5.0, findings)
    with pytest.raises(InputError, match=r"lasts 1\.0 s"):
        require_frames(1.0, 25, 22, FPS, findings)


def test_missing_silent_and_short_sound_is_said(findings):
    assert read_sound("clip.mp4", video_info(has_audio=False), findings) is None
    opening = np.abs(np.sin(np.arange(100) / 3))
    assert not sound_in_step(np.zeros(64000, np.float32), opening, FPS, 90, findings).samples.any()
    noise = np.random.default_rng(3).normal(0, 0.1, 32000).astype(np.float32)
    sound = sound_in_step(noise, opening, FPS, 90, findings)
    assert len(sound.samples) == 64000
    assert [f.kind for f in findings.all] == ["no sound", "silent", "sync unknown", "short sound"]


def test_sound_starts_with_the_shot(findings):
    samples = np.random.default_rng(4).normal(0, 0.1, 160000).astype(np.float32)
    opening = np.abs(np.sin(np.arange(100) / 3))
    sound = sound_in_step(samples, opening, FPS, 90, findings, start=2.0)
    first = 32000 + round(sound.offset * 16000)
    assert np.array_equal(sound.samples[:1000], samples[first : first + 1000])


# --- whole films


def test_a_cut_between_two_people_is_found_in_a_film(portrait, tmp_path, findings):
    other = np.full((400, 400, 3), (40, 90, 120), np.uint8)
    other[60:380, 40:360] = portrait[:320, 60:380, ::-1]
    video = film(tmp_path / "two.mp4", [portrait] * 80 + [other] * 60)
    footage = Footage(video=video, info=video_info(duration=5.6, num_frames=140))
    found = survey(footage, findings)
    assert (found.footage.first, found.footage.count) == (0, 80)
    assert len(list(found.footage.frames())) == 80
    assert told(findings) == [("several shots", "left out", (80,), (139,))]


def test_of_two_people_the_larger_is_taken_and_that_is_said(portrait, tmp_path, findings):
    import cv2

    def both(t):
        picture = np.full((400, 700, 3), 120, np.uint8)
        picture[:, :400] = alive(portrait, t)
        picture[120:400, 410:690] = cv2.resize(alive(portrait, t + 1), (280, 280), interpolation=cv2.INTER_AREA)
        return picture

    video = film(tmp_path / "two.mp4", [both(t // 6) for t in range(80)])
    info = video_info(duration=3.2, num_frames=80, width=700)
    found = survey(Footage(video=video, info=info), findings)
    assert np.nanmedian(found.boxes[:, 2]) < 400
    (finding,) = findings.all
    assert finding.kind == "several people"
    assert re.search(r"the largest that moves \(\d+ px wide\) is tracked. Where another is meant, cut", finding.words)


def test_damage_told_in_reading_is_left_out(portrait, tmp_path, findings, monkeypatch):
    def frames(footage, listener=lambda event: None):
        yield from [portrait] * 100
        listener(BadFrames(message="video clip.mp4: parts of it are damaged (frames 20 to 22).", frames=(20, 21, 22)))

    monkeypatch.setattr(Footage, "frames", frames)
    survey(Footage(video=tmp_path / "clip.mp4", info=video_info()), findings)
    assert told(findings) == [("damaged", "left out", (20,), (22,))]
    assert findings.left_out(100).tolist() == [20, 21, 22]
