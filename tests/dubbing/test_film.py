"""A made film of two people and a picture without any, cuts at known frames: who is where, and where a face goes."""

import cv2
import numpy as np
import pytest
import torch
from support_head import make_motion

from gaussian_head.checks import InputError
from gaussian_head.dubbing.casting import chosen
from gaussian_head.dubbing.shots import look_over
from gaussian_head.media import VideoWriter, read_frames
from gaussian_head.motion import Pose
from gaussian_head.tracking.follow import torso_beneath, within_reach

SIZE = 360


def pictures(path, start: float, count: int) -> list[np.ndarray]:
    frames = read_frames(path, fps=25, start=start, duration=count / 25)
    return [cv2.resize(f, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for f in frames]


@pytest.fixture(scope="module")
def film(footage, tmp_path_factory):
    y, x = np.mgrid[:SIZE, :SIZE]
    wall = np.stack([x * 255 // SIZE, y * 255 // SIZE, 0 * x + 90], 2).astype(np.uint8)
    german, french = footage / "clips" / "german.mp4", footage / "clips" / "french.mp4"
    frames = pictures(german, 0, 40) + [wall] * 12 + pictures(french, 5, 33) + pictures(german, 9, 30)
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with VideoWriter(path, width=SIZE, height=SIZE, fps=25, crf=10) as writer:
        for frame in frames:
            writer.write(frame)
    return look_over(path)


def test_shots_and_people_are_told_apart(film):
    assert [(shot.first, shot.last) for shot in film.shots] == [(0, 40), (40, 52), (52, 85), (85, 115)]
    assert [[a.person for a in shot.people] for shot in film.shots] == [[1], [], [2], [1]]
    assert film.num_frames == 115
    assert [shot.first for shot in film.shots_of(1)] == [0, 85]


def test_a_person_who_is_not_there_is_told_with_those_who_are(film):
    assert chosen(film, None, None) == 1
    assert chosen(film, 2, None) == 2
    with pytest.raises(InputError, match=r"shows 1 \(2\.8 s.*2 \(1\.3 s"):
        chosen(film, 3, None)


def test_codes_stay_within_reach():
    known = torch.linspace(0, 1, 101)[:, None]
    out = within_reach(torch.tensor([[-5.0], [0.5], [5.0]]), known)
    assert out[1] == 0.5
    assert -0.3 < float(out[0]) < 0
    assert 1 < float(out[2]) < 1.3


def test_a_torso_stays_beneath_a_head_that_turns():
    clip = make_motion(60)
    there = Pose(quats=clip.head.quats, positions=clip.head.positions + torch.tensor([0.3, 0.1, 0.2]))
    torso = torso_beneath(there, clip, 25.0)
    moved = torso.positions - clip.torso.positions - torch.tensor([0.3, 0.1, 0.2])
    assert moved.norm(dim=1).max() < 0.02
    assert (torso.quats - torso.quats[0]).abs().max() < 1e-6
