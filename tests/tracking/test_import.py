"""From a prepared folder to a capture that trains. The tracker's answer is the truth here, so that seconds suffice."""

from types import SimpleNamespace

import numpy as np
import pytest
from support_capture import make_capture
from support_prepared import make_prepared

from gaussian_head.checks import InputError
from gaussian_head.events import Warned
from gaussian_head.media import probe, read_frames
from gaussian_head.tracking.importing import import_capture, outlined
from gaussian_head.transforms import quat_to_rotmat

FRAMES, SIZE = 30, 96
TURN = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
"""From our head frame to the one of the prepared folder."""


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("filmed") / "capture", num_frames=FRAMES, size=SIZE)[0]


def prepared_clip(filmed, wobble_deg=0.0):
    """The filmed clip as the other systems keep it, its head frame turned, its rotations off by ``wobble_deg``."""
    frames = [filmed.frame(t) for t in range(filmed.num_frames)]
    ours = quat_to_rotmat(filmed.motion.head.quats.double()).numpy()
    angle = np.radians(wobble_deg) * np.where(np.arange(filmed.num_frames) % 2, 1, -1)
    off = [np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) for a in angle]
    return SimpleNamespace(
        images=[frame.image for frame in frames],
        labels=[frame.labels for frame in frames],
        rotations=[o @ r @ TURN for o, r in zip(off, ours, strict=True)],
        positions=filmed.motion.head.positions.double().numpy(),
        plate=(filmed.background * 255).round().astype(np.uint8),
        sound=filmed.audio(),
        focal=500.0,
    )


@pytest.fixture
def tracker(monkeypatch):
    """Stands in for the tracker: looks at the video it is given and answers with the truth."""
    asked = {}

    def track(video, out, **options):
        info = probe(video)
        asked.update(options, frames=len(list(read_frames(video, fps=info.fps))), fps=info.fps, sound=info.has_audio)
        return make_capture(out, num_frames=asked["frames"], size=options["size"])[0]

    monkeypatch.setattr("gaussian_head.tracking.pipeline.track", track)
    return asked


@pytest.fixture
def folder(filmed, tmp_path):
    return make_prepared(tmp_path / "somebody", prepared_clip(filmed))


def test_the_tracker_gets_all_pictures_with_sound(folder, tmp_path, tracker):
    import_capture(folder, tmp_path / "capture")
    assert (tracker["frames"], tracker["fps"], tracker["sound"], tracker["size"]) == (FRAMES, 25.0, True, SIZE)
    assert "train_seconds" not in tracker  # ten elevenths hold less out than we do anyway


def test_an_earlier_split_is_told_to_the_tracker(filmed, tmp_path, tracker):
    folder = make_prepared(tmp_path / "data", prepared_clip(filmed), num_train=20)
    capture = import_capture(folder, tmp_path / "capture")
    assert tracker["train_seconds"] == pytest.approx(0.8)
    assert capture.train_frames.tolist() == list(range(20))
    assert capture.test_frames.tolist() == list(range(20, 30))


def test_what_was_given_is_kept(filmed, folder, tmp_path, tracker):
    capture = import_capture(folder, tmp_path / "capture")
    assert capture.num_train == 27
    assert capture.info.source["name"] == "somebody"
    assert "given" in capture.info.labels
    assert (capture.path / "images/000012.jpg").read_bytes() == (folder / "ori_imgs/12.jpg").read_bytes()
    assert np.abs(capture.background - filmed.background).mean() < 0.01
    for t in (0, 15, 29):
        ours, truth = capture.frame(t), filmed.frame(t)
        assert ((ours.labels > 0) == (truth.labels > 0)).mean() > 0.97
        assert ((ours.labels == 1) == (truth.labels == 1)).mean() > 0.97
        assert np.abs(ours.alpha.astype(float) - truth.alpha).mean() < 8


def test_frames_that_neither_set_names_are_not_used(filmed, folder, tmp_path, tracker):
    import json

    path = folder / "transforms_train.json"
    data = json.loads(path.read_text())
    data["frames"] = [f for f in data["frames"] if f["img_id"] not in (3, 4)]
    path.write_text(json.dumps(data))
    capture = import_capture(folder, tmp_path / "capture")
    assert capture.info.bad_frames == [3, 4]


@pytest.mark.parametrize(("wobble", "warned"), [(0.0, False), (9.0, True)])
def test_disagreeing_poses_are_reported_in_words(filmed, tmp_path, tracker, wobble, warned):
    folder = make_prepared(tmp_path / "data", prepared_clip(filmed, wobble))
    events = []
    capture = import_capture(folder, tmp_path / "capture", listener=events.append)
    check = capture.report["imported"]
    assert check["rotation_deg"] == pytest.approx(wobble, abs=0.7)
    assert f"{check['rotation_deg']:.1f} degrees" in check["in_words"]
    assert "500 px" in check["in_words"]
    assert warned == any(isinstance(e, Warned) and "head rotations" in e.message for e in events)


def test_an_imported_capture_trains(tmp_path, tracker):
    from gaussian_head.head import InitConfig
    from gaussian_head.training import Stage, TrainConfig, train

    long_enough, _ = make_capture(tmp_path / "filmed", num_frames=60, size=48)  # two seconds to learn speech from
    folder = make_prepared(tmp_path / "data", prepared_clip(long_enough))
    import_capture(folder, tmp_path / "capture")
    config = TrainConfig(
        init=InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2),
        stages=(Stage(name="short", iterations=8, resolution=0.5, densify=False, refine_pose=True),),
    )
    actor = train(tmp_path / "capture", tmp_path / "head", config)
    assert len(actor.head) > 50
    assert actor.clip.num_train == 54
    assert actor.voice is not None


def test_pictures_of_another_size_are_named_and_nothing_is_left(folder, tmp_path, tracker):
    from gaussian_head.media import write_image

    write_image(folder / "bc.jpg", np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(InputError, match=r"bc\.jpg is 60x50"):
        import_capture(folder, tmp_path / "capture")
    write_image(folder / "ori_imgs" / "7.jpg", np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(InputError, match=r"7\.jpg is 60x50"):
        import_capture(folder, tmp_path / "capture")
    assert [p.name for p in tmp_path.iterdir()] == ["somebody"]


def test_missing_files_are_named_before_anything_is_made(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match=r"transforms_train\.json, .*aud\.wav"):
        import_capture(tmp_path / "data", tmp_path / "capture")
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_ears_leave_the_face_and_the_mouth_is_outlined():
    from gaussian_head.facenet.contours import INNER_LIPS, OVAL

    landmarks = np.full((478, 2), 50.0)
    for points, radius in ((OVAL, 25), (INNER_LIPS, 6)):
        turn = np.linspace(0, 2 * np.pi, len(points), endpoint=False)
        landmarks[list(points)] = 50 + radius * np.stack([np.cos(turn), np.sin(turn)], 1)
    theirs = np.full((100, 100), 4, np.uint8)
    theirs[80:] = 1
    alpha = np.full((100, 100), 255, np.uint8)
    alpha[:, :5] = 0
    ours = outlined(theirs, alpha, landmarks)
    assert ours[50, 50] == 5
    assert ours[50, 65] == 4
    assert ours[50, 90] == 3  # an ear
    assert ours[90, 50] == 1
    assert (ours[:, :5] == 0).all()
