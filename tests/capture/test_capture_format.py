"""The capture folder: what is written is read back, and damage is named."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gaussian_head.capture import Capture, CaptureInfo, CaptureWriter
from gaussian_head.checks import InputError

N, SIZE, L, CODE = 5, 24, 7, ["jaw_open", "lip_0"]


def images(t):
    rng = np.random.default_rng(t)
    image = np.full((SIZE, SIZE, 3), 40 * t, np.uint8)
    labels = rng.integers(0, 6, (SIZE, SIZE), dtype=np.uint8)
    alpha = rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
    return image, labels, alpha


def tensors():
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    unit = torch.nn.functional.normalize(random(N, 4), dim=1)
    return {
        "landmarks": random(N, L, 2),
        "head_quats": unit,
        "head_positions": random(N, 3),
        "torso_quats": unit,
        "torso_positions": random(N, 3),
        "units": random(N, 52),
        "gaze": random(N, 2),
        "residual": random(N, len(CODE)),
        "code_weights": random(54, len(CODE)),
        "code_bias": random(len(CODE)),
        "code_bounds": torch.tensor([-1e3, 1e3])[:, None].repeat(1, len(CODE)),
        "shape": random(L, 3),
        "basis": random(len(CODE), L, 3),
        "triangles": torch.tensor([[0, 1, 2], [2, 3, 4]], dtype=torch.int32),
        "reprojection": random(N).abs(),
        "tracked": torch.tensor([1, 1, 0, 1, 1], dtype=torch.uint8),
    }


def info(**changes):
    values = {
        "fps": 25.0,
        "num_frames": N,
        "width": SIZE,
        "height": SIZE,
        "K": [[50.0, 0, 12], [0, 50.0, 12], [0, 0, 1]],
        "num_train": 4,
        "source": {"name": "clip.mp4", "fps": 25.0, "width": SIZE, "height": SIZE, "crop": [0, 0, SIZE]},
        "has_audio": True,
        "audio_offset": 0.04,
        "code": CODE,
        "bad_frames": [2],
    }
    return CaptureInfo(**{**values, **changes})


def write(path, *, overwrite=False, **changes):
    description = info(**changes)
    with CaptureWriter(path, overwrite=overwrite) as writer:
        for t in range(N):
            image, labels, alpha = images(t)
            writer.write_image(t, image)
            writer.write_labels(t, labels)
            writer.write_alpha(t, alpha)
        audio = np.linspace(-0.5, 0.5, 3200, dtype=np.float32) if description.has_audio else None
        plate = np.full((SIZE, SIZE, 3), 128, np.uint8)
        writer.finish(description, tensors(), background=plate, audio=audio, report={"advice": []})
    return path


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "capture")


def test_round_trip(folder):
    capture = Capture.load(folder)
    assert capture.info == info()
    for name, value in tensors().items():
        assert torch.equal(capture._tensors[name], value), name
    for t in range(N):
        image, labels, alpha = images(t)
        frame = capture.frame(t)
        assert np.array_equal(frame.labels, labels)
        assert np.array_equal(frame.alpha, alpha)
        assert np.abs(frame.image.astype(int) - image).max() <= 2
    assert np.allclose(capture.audio(), np.linspace(-0.5, 0.5, 3200), atol=1e-4)
    assert np.allclose(capture.background, 128 / 255)


def test_views_of_the_tracking(folder):
    capture = Capture.load(folder)
    assert capture.train_frames.tolist() == [0, 1, 3]
    assert capture.test_frames.tolist() == [4]
    assert capture.code_map.names == tuple(CODE)
    assert len(capture.motion) == N
    assert capture.camera.K[0, 0] == 50
    assert capture.tracked.tolist() == [True, True, False, True, True]
    code = capture.code[3]
    posed = capture.shape.posed(code)
    expected = capture.shape.vertices + code[0] * capture.shape.basis[0] + code[1] * capture.shape.basis[1]
    assert torch.allclose(posed, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 3}, "version 3"),
        ({"version": 1}, "gaussian-head upgrade"),
        ({"format": "something"}, "gaussian-head-capture"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_foreign_description_is_refused(folder, change, says):
    path = folder / "capture.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=says):
        Capture.load(folder)


def test_missing_key_is_named(folder):
    path = folder / "capture.json"
    values = json.loads(path.read_text())
    del values["num_train"]
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match="num_train"):
        Capture.load(folder)


@pytest.mark.parametrize("name", ["images/000003.jpg", "labels/000000.png", "alpha/000004.png", "audio.wav"])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        Capture.load(folder)


@pytest.mark.parametrize("keep", [0, 5, 400])
def test_truncated_tracking_is_refused(folder, keep):
    path = folder / "tracking.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"tracking\.safetensors"):
        Capture.load(folder)


def test_truncated_description_is_refused(folder):
    path = folder / "capture.json"
    path.write_text(path.read_text()[:50])
    with pytest.raises(InputError, match="JSON"):
        Capture.load(folder)


def test_truncated_picture_is_refused_when_read(folder):
    path = folder / "images/000001.jpg"
    path.write_bytes(path.read_bytes()[:200])
    capture = Capture.load(folder)
    with pytest.raises(InputError, match="000001"):
        capture.frame(1)


def test_arrays_of_another_length_are_refused(folder):
    path = folder / "capture.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_frames": 4}))
    with pytest.raises(InputError, match="landmarks"):
        Capture.load(folder)


@pytest.mark.parametrize("name", ["head_quats", "torso_positions", "units", "gaze", "residual", "code_weights"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_motion_that_is_not_finite_is_refused(folder, name, value):
    values = load_file(folder / "tracking.safetensors")
    values[name][1, 0] = value
    save_file(values, folder / "tracking.safetensors")
    with pytest.raises(InputError, match=f"{name} hold no such numbers as tracking writes"):
        Capture.load(folder)


def test_no_folder_and_no_frame(folder, tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        Capture.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no capture"):
        Capture.load(tmp_path)
    with pytest.raises(IndexError, match="0 to 4"):
        Capture.load(folder).frame(N)


def test_silent_capture(tmp_path):
    capture = Capture.load(write(tmp_path / "silent", has_audio=False))
    with pytest.raises(InputError, match="no sound"):
        capture.audio()


def test_cache_stays_within_its_bytes(folder):
    one = SIZE * SIZE * 5
    capture = Capture.load(folder, cache_bytes=2 * one)
    frames = [capture.frame(t) for t in range(N)]
    assert capture._cache.used == 2 * one
    assert capture.frame(4) is frames[4]
    assert capture.frame(0) is not frames[0]


def test_cache_is_shared_between_threads(folder):
    capture = Capture.load(folder)
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(capture.frame, [t % N for t in range(80)]))
    assert all(frame is capture.frame(t % N) for t, frame in enumerate(frames))


def test_nothing_appears_without_finish(tmp_path):
    with CaptureWriter(tmp_path / "half") as writer:
        writer.write_image(0, images(0)[0])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), CaptureWriter(tmp_path / "half"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_failed_rewrite_keeps_the_old_capture(folder):
    with pytest.raises(RuntimeError), CaptureWriter(folder, overwrite=True):
        raise RuntimeError
    assert Capture.load(folder).num_frames == N
    write(folder, overwrite=True, audio_offset=0.5)
    assert Capture.load(folder).info.audio_offset == 0.5
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_an_older_capture_is_replaced_only_when_that_is_asked_for(folder):
    with pytest.raises(InputError, match="which would be replaced; give --overwrite"), CaptureWriter(folder):
        pytest.fail("work was begun")
    assert Capture.load(folder).num_frames == N


def test_foreign_folder_is_not_replaced(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(InputError, match="no capture"), CaptureWriter(tmp_path / "photos"):
        pass
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"meow"


def test_wrong_use_of_finish(tmp_path):
    with pytest.raises(ValueError, match="has_audio"), CaptureWriter(tmp_path / "c") as writer:
        writer.finish(info(), tensors(), background=np.zeros((SIZE, SIZE, 3), np.uint8))
    with pytest.raises(ValueError, match="wanted"), CaptureWriter(tmp_path / "c") as writer:
        writer.finish(info(has_audio=False), {}, background=np.zeros((SIZE, SIZE, 3), np.uint8))


def test_a_capture_that_holds_somebody_else_s_files_is_not_replaced(folder):
    (folder / "model").mkdir()
    (folder / "model" / "a head").write_text("kept")
    with pytest.raises(InputError, match="holds other files"), CaptureWriter(folder):
        pass
    assert (folder / "model" / "a head").read_text() == "kept"
