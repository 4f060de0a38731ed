"""A folder preprocessed for AD-NeRF, checked and read."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from support_prepared import COLOUR_OF, make_prepared

from gaussian_head.capture.ad_nerf import labels_of_colours, read_prepared
from gaussian_head.checks import InputError


def synthetic(num_frames=11, size=32):
    """Frames whose labels are six vertical bars and whose head turns a little more in every frame."""
    bars = np.repeat(np.arange(6, dtype=np.uint8), [7, 5, 5, 5, 5, 5])[None].repeat(size, 0)
    angles = 0.05 * np.arange(num_frames)
    rotations = [np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]) for a in angles]
    return SimpleNamespace(
        images=[np.full((size, size, 3), 20 * t, np.uint8) for t in range(num_frames)],
        labels=[bars] * num_frames,
        rotations=rotations,
        positions=[np.array([0.0, 0.0, 1.0])] * num_frames,
        plate=np.full((size, size, 3), 77, np.uint8),
        sound=np.sin(np.arange(16000 * num_frames // 25) * 0.1).astype(np.float32),
        focal=1200.0,
    )


@pytest.fixture
def folder(tmp_path):
    return make_prepared(tmp_path / "data", synthetic())


def test_what_was_written_is_read(folder):
    clip, truth = read_prepared(folder), synthetic()
    assert (clip.first, clip.num_frames, clip.num_train) == (0, 11, 10)
    assert clip.posed.all()
    assert clip.focal == 1200
    np.testing.assert_allclose(clip.rotations, truth.rotations, atol=1e-9)
    np.testing.assert_array_equal(clip.labels(4), truth.labels[4])
    assert abs(int(clip.image(5).mean()) - 100) <= 2


def test_colours_are_labels_and_near_colours_count_as_them():
    parsing = np.array([[COLOUR_OF[k] for k in range(6)]], np.uint8)
    assert labels_of_colours(parsing).tolist() == [[0, 1, 2, 3, 4, 5]]
    assert labels_of_colours(np.array([[[250, 4, 3], [3, 2, 240]]], np.uint8)).tolist() == [[1, 4]]


def test_a_later_first_number_and_unposed_frames_are_understood(folder):
    for t in reversed(range(11)):
        (folder / "ori_imgs" / f"{t}.jpg").rename(folder / "ori_imgs" / f"{t + 1}.jpg")
        (folder / "parsing" / f"{t}.png").rename(folder / "parsing" / f"{t + 1}.png")
    data = json.loads((folder / "transforms_train.json").read_text())
    data["frames"] = data["frames"][2:]
    (folder / "transforms_train.json").write_text(json.dumps(data))
    clip = read_prepared(folder)
    assert clip.first == 1
    assert clip.posed.tolist() == [False] + [True] * 9 + [False]
    assert clip.num_train == 9


@pytest.mark.parametrize(
    "name", ["transforms_train.json", "transforms_val.json", "bc.jpg", "aud.wav", "parsing/3.png", "ori_imgs/4.jpg"]
)
def test_each_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        read_prepared(folder)


def test_several_missing_files_are_named_together(folder, tmp_path):
    (folder / "bc.jpg").unlink()
    (folder / "aud.wav").unlink()
    with pytest.raises(InputError, match=r"bc\.jpg, aud\.wav"):
        read_prepared(folder)
    with pytest.raises(InputError, match="no folder"):
        read_prepared(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("focal_len"), "focal_len"),
        (lambda d: d["frames"][0].update(transform_matrix=[[1, 2]]), "4x4"),
        (lambda d: d["frames"][0].update(img_id=99), "frame 99"),
        (lambda d: d.update(frames="none"), "no transforms file"),
    ],
)
def test_damaged_transforms_are_refused(folder, change, words):
    path = folder / "transforms_train.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=words):
        read_prepared(folder)


def test_the_pickle_is_never_opened(folder, tmp_path):
    opened = tmp_path / "opened"
    payload = f"cos\nsystem\n(S'touch {opened}'\ntR.".encode()
    (folder / "track_params.pt").write_bytes(payload)
    read_prepared(folder)
    assert not opened.exists()
