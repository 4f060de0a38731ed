"""The face mesh's constants agree with each other."""

from collections import Counter

import numpy as np

from gaussian_head.facenet import NUM_MESH, contours, mirror, triangles
from gaussian_head.tracking import topology as top
from gaussian_head.tracking.channels import MEASURED


def test_triangles_form_one_sheet_with_eyes_and_mouth_open():
    faces = triangles()
    assert faces.shape == (852, 3)
    edges = Counter(frozenset(pair) for f in faces.tolist() for pair in zip(f, f[1:] + f[:1], strict=True))
    assert set(edges.values()) == {1, 2}
    assert NUM_MESH - len(edges) + len(faces) == 1 - 3
    rim = {i for edge, count in edges.items() if count == 1 for i in edge}
    assert rim == {*contours.OVAL, *contours.INNER_LIPS, *contours.LEFT_EYE, *contours.RIGHT_EYE}


def test_triangles_face_the_camera(face):
    a, b, c = (face[triangles()[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] < 0).mean() > 0.97


def test_mirror_pairs(face):
    partner = mirror()
    assert np.array_equal(partner[partner], np.arange(478))
    assert partner[33] == 263
    assert partner[61] == 291
    assert partner[10] == 10
    assert {partner[i] for i in contours.LEFT_EYE} == set(contours.RIGHT_EYE)
    assert np.abs(face[partner] * [-1, 1, 1] - face)[:, :2].max() < 0.02


def test_channels_move_only_their_own_region(face):
    names = (*MEASURED, "lip_0", "face_0")
    support = dict(zip(names, top.channel_support(face, names), strict=True))
    assert support["jaw_open"][152] == 1
    assert support["jaw_open"][[33, 10, 159, 468]].max() == 0
    assert support["blink_l"][386] == 1
    assert support["blink_l"][[159, 61, 473]].max() == 0
    assert support["gaze_x"][[468, 473]].min() == 1
    assert support["brow_up"][[105, 334]].min() > 0.5
    assert support["lip_0"][13] == 1
    assert support["face_0"][[13, 152]].max() == 0
