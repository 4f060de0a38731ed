"""Cameras about a head: given in any unit, by azimuths in names, and pictures that cannot be used."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gaussian_head.camera import Camera
from gaussian_head.checks import InputError
from gaussian_head.media import write_image
from gaussian_head.motion import Pose
from gaussian_head.photo.fitting import FittedPhoto
from gaussian_head.scanning import reconstruct_views
from gaussian_head.scanning.optimising import Picture, optimise, still
from gaussian_head.scanning.placing import azimuths, cropped, given_cameras, place_about, place_given, squared
from gaussian_head.transforms import quat_to_rotmat, rotmat_to_quat, rotvec_to_quat

CENTRE = torch.tensor([0.02, 0.01, 1.1])


def around(yaw, pitch=0.0):
    """A camera of 400 x 300 pixels turned about the head."""
    turn = quat_to_rotmat(rotvec_to_quat(torch.tensor([pitch, yaw, 0.0])))
    view = torch.eye(4)
    view[:3, :3], view[:3, 3] = turn, CENTRE - turn @ CENTRE
    return Camera.from_focal(600.0, 400, 300).with_view(view)


def seen(camera, head):
    """The head as a fit of that camera's picture tells it."""
    turn = camera.viewmat[:3, :3]
    pose = Pose(
        quats=rotmat_to_quat(turn @ quat_to_rotmat(head.quats)), positions=turn @ head.positions + camera.viewmat[:3, 3]
    )
    zeros = torch.zeros(52).double()
    return FittedPhoto(
        pose=pose, units=zeros, gaze=zeros[:2], focal=600.0, centre=torch.tensor([200.0, 150.0]).double(), error=0.0
    )


@pytest.fixture
def ring():
    cameras = {f"v{i}": around(a, 0.1 * i) for i, a in enumerate((0.0, 0.5, -0.5, 2.0, 3.0))}
    head = Pose(quats=rotvec_to_quat(torch.tensor([0.05, 0.2, 0.0])), positions=CENTRE)
    return cameras, head


def test_given_cameras_get_metres_from_the_faces(ring):
    cameras, head = ring
    faces = {name: seen(cameras[name], head) for name in ("v0", "v1", "v2")}
    odd = {}
    for name, camera in cameras.items():
        view = camera.viewmat.clone()
        view[:3, 3] *= 4.2
        odd[name] = camera.with_view(view)
    placed = place_given(odd, faces, "v0")
    for name, camera in cameras.items():
        assert torch.allclose(placed.cameras[name].viewmat, camera.viewmat, atol=1e-4), name
    assert torch.allclose(placed.head.positions, head.positions, atol=1e-4)
    with pytest.raises(InputError, match="1 of the pictures show the face well"):
        place_given(odd, {"v0": faces["v0"]}, "v0")
    with pytest.raises(InputError, match="cameras contradict the faces: heads turn"):
        place_given(odd, {"v0": faces["v1"], "v1": faces["v2"], "v2": faces["v0"], "v3": faces["v0"]}, "v0")


def test_azimuths_in_names(ring):
    assert azimuths(["me_-45", "me_0", "me_090"]) == {
        "me_-45": math.radians(-45),
        "me_0": 0.0,
        "me_090": math.radians(90),
    }
    assert azimuths(["az030", "az060deg", "az120"]) is not None
    assert azimuths(["left", "me_0", "me_90"]) is None
    assert azimuths(["img_0", "img_360", "img_720"]) is None
    lead = seen(around(0.0), Pose(quats=torch.tensor([1.0, 0, 0, 0]), positions=CENTRE))
    angles = {"a": 0.0, "b": 0.6}
    placed = place_about(angles, dict.fromkeys(angles, (400, 300)), {"a": lead}, "a", {"a": 1.0})
    assert torch.allclose(placed.cameras["b"].viewmat, around(0.6).viewmat, atol=1e-5)


def test_the_faces_tell_the_middle_of_the_circle():
    head = Pose(
        quats=rotvec_to_quat(torch.tensor([0.05, 0.2, 0.0])), positions=CENTRE + torch.tensor([0.01, 0.0, -0.02])
    )
    angles = {"a": 0.0, "b": 0.5, "c": -0.7, "d": math.pi}
    faces = {name: seen(around(angles[name]), head) for name in "abc"}
    for name, off in (("a", 1.3), ("b", 0.8), ("c", 1 / 1.3 / 0.8)):
        pose = faces[name].pose
        far = pose.positions * torch.tensor([1.0, 1.0, off])
        faces[name] = replace(faces[name], focal=600.0 * off, pose=replace(pose, positions=far))
    scales = dict.fromkeys(faces, 1.0)
    placed = place_about(angles, dict.fromkeys(angles, (400, 300)), faces, "a", scales)
    for name, angle in angles.items():
        assert torch.allclose(placed.cameras[name].viewmat, around(angle).viewmat, atol=2e-3), name
    assert torch.allclose(placed.head.positions, head.positions, atol=2e-3)
    assert torch.allclose(placed.cameras["d"].K[0, 0], torch.tensor(600.0), rtol=1e-4)
    alone = place_about(angles, dict.fromkeys(angles, (400, 300)), {"a": faces["a"]}, "a", scales)
    assert (alone.cameras["d"].viewmat - around(math.pi).viewmat).abs().max() > 0.02


def test_squares_hold_the_head(ring):
    cameras, head = ring
    for camera in cameras.values():
        left, top, side = square = squared(camera, head)
        assert 0 <= left <= camera.width - side
        assert 0 <= top <= camera.height - side
        small = cropped(camera, square, 64)
        x, y = small.project(head.positions).tolist()
        assert 20 < x < 44
        assert 15 < y < 44


def test_folders_that_cannot_be_used(tmp_path):
    for i in range(4):
        write_image(tmp_path / f"v{i}.png", np.zeros((80, 80, 3), np.uint8))
    with pytest.raises(InputError, match="holds 4 pictures to learn from; 6 to 32"):
        reconstruct_views(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="no picture 'rear' to hold out"):
        reconstruct_views(tmp_path, tmp_path / "out", hold_out=["rear"])
    with pytest.raises(InputError, match="is no folder"):
        reconstruct_views(tmp_path / "none", tmp_path / "out")
    for i in range(4, 7):
        write_image(tmp_path / f"v{i}.png", np.zeros((80, 80, 3), np.uint8))
    with pytest.raises(InputError, match=r"none of the pictures in .* shows a face"):
        reconstruct_views(tmp_path, tmp_path / "out")
    frame = {"file_path": "v0.png", "transform_matrix": torch.eye(4).tolist()}
    (tmp_path / "transforms.json").write_text(json.dumps({"w": 80, "h": 80, "fl_x": 90, "frames": [frame]}))
    with pytest.raises(InputError, match="but not the pictures v1, v2"):
        given_cameras(tmp_path, ["v0", "v1", "v2"])


def test_a_head_grows_like_all_its_pictures():
    from support_head import make_actor

    from gaussian_head.rendering import orbit_view
    from gaussian_head.rendering.frames import render_moment

    actor = make_actor(num_frames=4, num_gaussians=800, size=48)
    moment, truth = actor.clip.motion.at(0), actor.head
    pictures = []
    for i, yaw in enumerate((0.0, 1.2, 2.4, 3.6, 4.8, 6.0)):
        camera = orbit_view(truth, yaw)
        frame = render_moment(truth, moment, camera, background=truth.background)
        pictures.append(Picture(name=str(i), rgb=frame.rgb, alpha=frame.alpha, plate=truth.background, camera=camera))
    start = truth.with_branches(tuple(replace(b, sh0=b.sh0 * 0.2) for b in truth.branches))

    def error(head):
        shown = [render_moment(head, moment, p.camera, background=p.plate).rgb for p in pictures]
        return float(torch.stack([(s - p.rgb).square().mean() for s, p in zip(shown, pictures, strict=True)]).mean())

    trained = optimise(start, moment, pictures, steps=240, max_gaussians=1000)
    assert error(trained) < 0.5 * error(start)
    assert len(still(moment)) == 1
