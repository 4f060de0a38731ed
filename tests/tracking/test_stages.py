"""People that a studio recorded with many cameras: two layouts are read, cameras placed, what is amiss is told."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from test_calibrating import filmed, lively, mistracked  # noqa: F401  a fixture

from gaussian_head import import_capture
from gaussian_head.capture import Capture, views_of
from gaussian_head.capture.stages import is_stage, read_stage
from gaussian_head.checkpoint import save_tensors
from gaussian_head.checks import InputError
from gaussian_head.media import write_audio, write_image
from gaussian_head.tracking import several
from gaussian_head.tracking.importing_stages import import_stage

SERIALS = ("222200037", "222200036", "220700191")
LENS = np.array([[2200.0, 0, 540], [0, 2200, 790], [0, 0, 1]])
"""Of pictures of 1100 x 1600."""


def views():
    """World to camera, in metres, of three cameras about a head."""
    told = []
    for yaw in (0.0, 0.5, -0.9):
        view = np.eye(4)
        view[:3, :3] = [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
        view[:3, 3] = [0.1, 0.02, 1.1]
        told.append(view)
    return dict(zip(SERIALS, told, strict=True))


@pytest.fixture
def nersemble(tmp_path):
    person = tmp_path / "017"
    for serial in SERIALS:
        for t in range(5):
            write_image(person / f"EXP-1-head/images/cam_{serial}_{t:06d}.jpg", np.full((400, 275, 3), 90, np.uint8))
    params = {"world_2_cam": {s: v.tolist() for s, v in views().items()}, "intrinsics": LENS.tolist()}
    (person / "camera_params.json").write_text(json.dumps(params))
    return person


@pytest.fixture
def multiface(tmp_path):
    person, lines = tmp_path / "m--20180227", []
    for i, view in enumerate(views().values()):
        for t in range(102, 117, 3):
            write_image(person / f"images/SEN_a/40000{i}/{t:06d}.png", np.full((400, 274, 3), 90, np.uint8))
        rows = [*LENS, np.zeros(5), *np.hstack([view[:3, :3], 1000 * view[:3, 3:]])]
        lines += [f"40000{i}", *(" ".join(map(str, row)) for row in rows), ""]
    (person / "KRT").write_text("\n".join(lines))
    write_audio(person / "audio/SEN_a.wav", np.zeros(16000, np.float32), 16000)
    return person


def test_nersemble_is_read(nersemble):
    stage = read_stage(nersemble)
    assert stage.name == "EXP-1-head"
    assert list(stage.taken) == sorted(f"cam_{s}" for s in SERIALS)
    assert [path.name for path in stage.taken["cam_222200037"]] == [f"cam_222200037_{t:06d}.jpg" for t in range(5)]
    camera = stage.camera("cam_222200036", 275, 400)
    assert torch.allclose(camera.K, torch.tensor([[550.0, 0, 135], [0, 550, 197.5], [0, 0, 1]]))
    assert np.allclose(camera.viewmat, views()["222200036"])
    with pytest.raises(InputError, match="pictures of camera 'cam_222200036' are 400x275, its lens looks at pixel 540"):
        stage.camera("cam_222200036", 400, 275)


def test_moments_in_folders_and_films_are_read_too(nersemble):
    inside = nersemble / "sequences" / "SEN-01"
    for t in (0, 3, 6):
        (inside / f"timesteps/frame_{t:05d}/images-2fps").mkdir(parents=True)
        for serial in SERIALS[:2]:
            shutil.copy(
                nersemble / f"EXP-1-head/images/cam_{serial}_000000.jpg",
                inside / f"timesteps/frame_{t:05d}/images-2fps/cam_{serial}.jpg",
            )
    assert [len(pictures) for pictures in read_stage(nersemble, "SEN-01").taken.values()] == [3, 3]
    (nersemble / "sequences/EMO-1/images").mkdir(parents=True)
    for serial in SERIALS:
        (nersemble / f"sequences/EMO-1/images/cam_{serial}.mp4").touch()
    (nersemble / "calibration").mkdir()
    (nersemble / "camera_params.json").rename(nersemble / "calibration/camera_params.json")
    assert is_stage(nersemble)
    assert read_stage(nersemble, "EMO-1").taken["cam_222200037"].suffix == ".mp4"
    with pytest.raises(InputError, match=r"holds 2 sequences \(EMO-1, SEN-01\); choose one with --sequence"):
        read_stage(nersemble)


def test_multiface_is_read(multiface):
    stage = read_stage(multiface)
    assert (stage.name, stage.fps) == ("SEN_a", 30.0)
    assert stage.sound == multiface / "audio/SEN_a.wav"
    assert [path.name for path in stage.taken["400001"]][:2] == ["000102.png", "000105.png"]
    assert np.allclose(stage.lenses["400002"][0][:3, 3], [100, 20, 1100])


def test_what_is_amiss_is_told(nersemble, multiface, tmp_path):
    with pytest.raises(InputError, match=r"there is no sequence 'EXP-9' in .*; there are EXP-1-head"):
        read_stage(nersemble, "EXP-9")
    for t in range(1, 5):
        (multiface / f"images/SEN_a/400001/{102 + 3 * t:06d}.png").unlink()
    with pytest.raises(InputError, match="share 1 moments; '400001' has the fewest pictures"):
        read_stage(multiface)
    (multiface / "KRT").write_text("400000\n1 0 0\n")
    with pytest.raises(InputError, match="holds no cameras of multiface"):
        read_stage(multiface)
    (nersemble / "camera_params.json").write_text('{"world_2_cam": {"1": [[1]]}, "intrinsics": [[1]]}')
    with pytest.raises(InputError, match="camera 'cam_1' is no rotation with a place and a lens"):
        read_stage(nersemble)
    with pytest.raises(InputError, match="are for a person that many cameras recorded"):
        import_capture(tmp_path, tmp_path / "out", sequence="SEN_a")


def test_given_cameras_keep_one_size_of_the_world(nersemble, filmed, monkeypatch, tmp_path):  # noqa: F811
    """No sound is asked for, and all cameras of the rig get the same metres a unit."""
    leader, _, own = filmed
    asked = []

    def track(video, out, *, size, listener, overwrite=False, most_lost=None):
        asked.append(video.stem)
        source = leader if len(asked) == 1 else own
        shutil.copytree(source.path, out)
        save_tensors(out / "tracking.safetensors", {k: v.contiguous() for k, v in source._tensors.items()})
        (out / "capture.json").write_text(source.info.to_json())
        (out / "report.json").write_text("{}")
        return Capture.load(out)

    monkeypatch.setattr(several, "track", track)
    monkeypatch.setattr("gaussian_head.tracking.importing_stages.FaceLandmarks", lambda: lambda image: [])
    with pytest.raises(InputError, match="none of the 3 cameras of sequence 'EXP-1-head' sees a face"):
        import_stage(nersemble, tmp_path / "out", size=64)
    chosen = [f"cam_{serial}" for serial in SERIALS]
    with pytest.raises(InputError, match="has no camera 'cam_9' with pictures and lens"):
        import_stage(nersemble, tmp_path / "out", cameras=["cam_9"], size=64)
    capture = import_stage(nersemble, tmp_path / "out", cameras=chosen, size=64)
    assert asked == chosen
    cameras = {view.name: view.camera.viewmat.double() for view in views_of(capture)[1:]}
    lead = torch.from_numpy(views()[SERIALS[0]])
    scales = []
    for serial in SERIALS[1:]:
        told = torch.from_numpy(views()[serial]) @ torch.linalg.inv(lead)
        assert torch.allclose(cameras[f"cam_{serial}"][:3, :3], told[:3, :3], atol=1e-5)
        scales.append(float(cameras[f"cam_{serial}"][:3, 3].norm() / told[:3, 3].norm()))
    assert scales[0] == pytest.approx(scales[1], rel=1e-4)
