"""Baked sequences: a reader written from the documented layout alone sees the Gaussians that the head has."""

import dataclasses
import json
import struct

import numpy as np
import pytest
import torch
from support_head import make_head, make_motion

from gaussian_head.checks import InputError
from gaussian_head.gaussians import Gaussians
from gaussian_head.io.baked import read_baked, write_baked
from gaussian_head.io.baked_make import bake
from gaussian_head.media import read_audio
from gaussian_head.metrics.image import psnr
from gaussian_head.motion import Performance
from gaussian_head.rendering import orbit_view, render_gaussians

PLAIN = make_motion()
MOTION = dataclasses.replace(PLAIN, torso=dataclasses.replace(PLAIN.torso, quats=-PLAIN.torso.quats))
"""Head and torso lie on different halves of the sphere of quaternions."""
TYPES = {"F32": "<f4", "F16": "<f2", "I16": "<i2", "U16": "<u2", "I8": "i1", "U8": "u1"}


def plain_read(path):
    """Header and arrays of the file with nothing but struct, json and numpy."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    index = json.loads(data[8 : 8 + length])
    header = json.loads(index.pop("__metadata__")["gaussian_head_baked"])
    arrays = {}
    for name, entry in index.items():
        begin, end = entry["data_offsets"]
        kind = np.dtype(TYPES[entry["dtype"]])
        assert (8 + length + begin) % kind.itemsize == 0
        arrays[name] = np.frombuffer(data[8 + length + begin : 8 + length + end], kind).reshape(entry["shape"])
    return header, arrays


def plain_gaussians(header, arrays, t):
    """Means, quaternions, scales, opacities and turned SH of frame ``t`` in float64."""
    static = {}
    for name in ("means", "quats", "log_scales", "opacities", "sh", "head_weights"):
        static[name] = arrays[name].astype(float)
        rule = header["decode"].get(name)
        if rule:
            static[name] = (static[name] * rule["scale"] + rule["offset"]).reshape(static[name].shape)
    c, poses = arrays["coefficients"][t].astype(float), arrays["poses"][t].astype(float)
    H, h, T, p = poses[:4], poses[4:7], poses[7:11], poses[11:]
    out = []
    for branch in header["branches"]:
        rows = slice(branch["start"], branch["start"] + branch["count"])
        moved = []
        for kind, size in (("basis", 3), ("stretch", 6), ("opacity", 1)):
            change = np.zeros((branch["count"], size))
            for j, column in enumerate(branch[f"{kind}_columns"]):
                name = f"{branch['name']}.{kind}"
                plane = arrays[name][j].astype(float)
                if f"{name}.row" in arrays:
                    plane = plane * arrays[f"{name}.row"][:, None] * arrays[f"{name}.column"][j]
                change += c[column] * plane
            moved.append(change)
        m = static["means"][rows] + moved[0]
        w = static["head_weights"][rows, None]
        spin = np.concatenate([np.ones_like(w), moved[1][:, :3] / 2], 1)
        bone = w * H + (1 - w) * T
        quat = hamilton(hamilton(bone, spin), static["quats"][rows])
        turn = matrix(T if branch["name"] == "torso" else H)
        out.append(
            (
                w * (m @ matrix(H).T + h) + (1 - w) * (m @ matrix(T).T + p),
                quat / np.linalg.norm(quat, axis=1, keepdims=True),
                np.exp(static["log_scales"][rows] + moved[1][:, 3:]),
                faded(static["opacities"][rows], moved[2][:, 0]),
                turned(static["sh"][rows], turn),
            )
        )
    return [np.concatenate(parts) for parts in zip(*out, strict=True)]


def faded(opacities, change):
    """Opacities with a change of what they are before the sigmoid."""
    with np.errstate(divide="ignore"):
        return 1 / (1 + (1 / opacities - 1) * np.exp(-change))


def turned(sh, R):
    """Coefficients whose colour along d is that of ``sh`` along R^T d."""
    if sh.shape[1] == 1:
        return sh
    vector = np.stack([-sh[:, 3], -sh[:, 1], sh[:, 2]], 1)  # colour = C0 sh0 + C1 <vector, d>
    x, y, z = np.einsum("ij,njc->nic", R, vector).transpose(1, 0, 2)
    return np.stack([sh[:, 0], -y, z, -x], 1)


def matrix(q):
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def hamilton(a, b):
    aw, av, bw, bv = a[:, :1], a[:, 1:], b[:, :1], b[:, 1:]
    return np.concatenate([aw * bw - (av * bv).sum(1, keepdims=True), aw * bv + bw * av + np.cross(av, bv)], 1)


@pytest.fixture(scope="module")
def head():
    """A head in which every term of the formula is at work."""
    head, generator = make_head(num_gaussians=1500, size=96), torch.Generator().manual_seed(1)

    def noise(shape, size):
        return size * torch.randn(shape, generator=generator)

    branches = tuple(
        dataclasses.replace(
            b,
            basis=b.basis + noise(b.basis.shape, 2e-4),
            stretch=noise(b.stretch.shape, 0.01) if b.name == "face" else b.stretch,
            shN=noise(b.shN.shape, 0.1),
            opacity_uses=torch.arange(3) if b.name == "face" else b.opacity_uses,
            opacity_basis=noise((len(b), 3), 0.3) if b.name == "face" else b.opacity_basis,
            quats=b.quats * 3,
        )
        for b in head.branches
    )
    return head.with_branches(branches)


def tone(seconds, rate=16000):
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("precision", "millimetres", "decibels"), [("float32", 1e-3, 90), ("float16", 0.05, 55), ("int8", 0.5, 46)]
)
def test_a_plain_reader_sees_the_same_gaussians(head, tmp_path, precision, millimetres, decibels):
    write_baked(tmp_path / "talk.ghb", bake(head, Performance(motion=MOTION), precision=precision))
    header, arrays = plain_read(tmp_path / "talk.ghb")
    assert (header["num_frames"], header["num_gaussians"], header["fps"]) == (50, 1500, 25.0)
    for t in (0, 13, 49):
        truth = head.gaussians(MOTION, t)
        mean, quat, scale, opacity, sh = plain_gaussians(header, arrays, t)
        assert np.linalg.norm(mean - truth.means.numpy(), axis=1).max() < 1e-3 * millimetres
        if precision == "float32":
            like = (quat * torch.nn.functional.normalize(truth.quats, dim=1).numpy()).sum(1)
            np.testing.assert_allclose(np.abs(like), 1, atol=1e-5)
            np.testing.assert_allclose(scale, truth.scales, rtol=1e-4)
            np.testing.assert_allclose(opacity, truth.opacities, atol=1e-6)
            np.testing.assert_allclose(sh, truth.colors, atol=1e-5)
        tensors = [torch.from_numpy(x.astype(np.float32)) for x in (mean, quat, scale, opacity, sh)]
        seen = Gaussians(**dict(zip(("means", "quats", "scales", "opacities", "colors"), tensors, strict=True)))
        for camera in (head.camera, orbit_view(head, 0.5, 0.2)):
            ours = render_gaussians(truth, camera, background=head.background).rgb
            theirs = render_gaussians(seen, camera, background=head.background).rgb
            assert float(psnr(theirs, ours)) > decibels


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_our_reader_agrees_with_the_plain_one(head, tmp_path, precision):
    write_baked(tmp_path / "talk.ghb", bake(head, Performance(motion=MOTION), precision=precision))
    baked = read_baked(tmp_path / "talk.ghb")
    mean, _, scale, opacity, sh = plain_gaussians(*plain_read(tmp_path / "talk.ghb"), 7)
    ours = baked.gaussians(7)
    np.testing.assert_allclose(ours.means, mean, atol=1e-6)
    np.testing.assert_allclose(ours.scales, scale, rtol=1e-4)
    np.testing.assert_allclose(ours.opacities, opacity, atol=1e-6)
    np.testing.assert_allclose(ours.colors, sh, atol=1e-5)
    assert len(baked) == 50


def test_a_head_without_view_dependence(head, tmp_path):
    flat = head.with_branches(tuple(dataclasses.replace(b, shN=b.shN[:, :0]) for b in head.branches))
    write_baked(tmp_path / "talk.ghb", bake(flat, Performance(motion=MOTION), precision="float32"))
    header, arrays = plain_read(tmp_path / "talk.ghb")
    assert arrays["sh"].shape == (1500, 1, 3)
    np.testing.assert_allclose(plain_gaussians(header, arrays, 3)[4], flat.gaussians(MOTION, 3).colors)


def test_columns_that_do_nothing_are_left_out(head):
    header = bake(head, Performance(motion=MOTION)).header
    mouth = next(b for b in header["branches"] if b["name"] == "mouth")
    assert mouth["stretch_columns"] == []
    assert "mouth.stretch" not in bake(head, Performance(motion=MOTION)).tensors


def test_a_sequence_of_before_opacities_changed_is_read(head, tmp_path):
    baked = bake(head, Performance(motion=MOTION), precision="float32")
    old = json.loads(json.dumps(dict(baked.header))) | {"version": 1}
    for branch in old["branches"]:
        del branch["opacity_columns"]
    tensors = {name: tensor for name, tensor in baked.tensors.items() if not name.endswith(".opacity")}
    write_baked(tmp_path / "old.ghb", dataclasses.replace(baked, header=old, tensors=tensors))
    seen = read_baked(tmp_path / "old.ghb").gaussians(5)
    face = slice(0, len(head.branch("face")))
    torch.testing.assert_close(seen.opacities[face], torch.sigmoid(head.branch("face").logit_opacities))
    assert not torch.equal(seen.opacities, baked.gaussians(5).opacities)
    write_baked(tmp_path / "new.ghb", dataclasses.replace(baked, header=old | {"version": 2}))
    with pytest.raises(InputError, match="opacity_columns"):
        read_baked(tmp_path / "new.ghb")


def test_a_gaussian_that_is_not_finite_is_invisible(head):
    face = head.branch("face")
    means = face.means.clone()
    means[3, 1] = float("nan")
    broken = head.with_branches((dataclasses.replace(face, means=means), *head.branches[1:]))
    seen = bake(broken, Performance(motion=MOTION)).gaussians(0)
    assert seen.opacities[3] < 1e-6
    assert seen.means.isfinite().all()


def test_sound_is_as_long_as_the_picture_and_in_step(head, tmp_path):
    click = np.zeros(16000 * 5, np.float32)
    click[16000:16400] = tone(0.025)
    baked = bake(head, Performance(motion=MOTION, samples=click))
    (tmp_path / "sound.mp4").write_bytes(baked.tensors["sound"].tobytes())
    heard = read_audio(tmp_path / "sound.mp4")
    assert len(heard) / 16000 == pytest.approx(2.0, abs=0.01)
    assert np.abs(heard).argmax() / 16000 == pytest.approx(1.0125, abs=0.015)
    assert baked.header["sound"] == {"type": "audio/mp4", "seconds": 2.0}


def test_the_background_is_a_jpeg_of_the_plate(head):
    import io

    from PIL import Image

    baked = bake(head, Performance(motion=MOTION))
    picture = np.asarray(Image.open(io.BytesIO(baked.tensors["background"].tobytes())))
    assert np.abs(picture / 255 - head.background.numpy()).mean() < 0.01
    assert "sound" not in baked.header


def test_bytes_are_fewer(head):
    sizes = [
        len(bake(head, Performance(motion=MOTION), precision=p).to_bytes()) for p in ("float32", "float16", "int8")
    ]
    assert sizes[0] > 1.7 * sizes[1] > 2.5 * sizes[2]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-10], "cut short"),
        (lambda data: b"hello" * 9, "no baked sequence"),
        (lambda data: data.replace(b"gaussian_head_baked", b"gaussian_head_taken"), "no baked sequence"),
        (lambda data: data.replace(b'"version\\":2', b'"version\\":9'), "version 9"),
        (lambda data: data.replace(b'"means":', b'"mean5":'), "lacks means"),
    ],
)
def test_damaged_files_are_named(head, tmp_path, damage, words):
    write_baked(tmp_path / "talk.ghb", bake(head, Performance(motion=MOTION)))
    data = (tmp_path / "talk.ghb").read_bytes()
    assert damage(data) != data
    (tmp_path / "talk.ghb").write_bytes(damage(data))
    with pytest.raises(InputError, match=words):
        read_baked(tmp_path / "talk.ghb")


def test_bad_requests(head, tmp_path):
    with pytest.raises(InputError, match="int4"):
        bake(head, Performance(motion=MOTION), precision="int4")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no frame"):
        bake(head, Performance(motion=MOTION.select(slice(0, 0))))
    with pytest.raises(InputError, match="does not exist"):
        read_baked(tmp_path / "none.ghb")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        read_baked(tmp_path / "folder")
