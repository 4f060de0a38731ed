import numpy as np
import pytest
import torch
from plyfile import PlyData

from gaussian_head.checks import InputError
from gaussian_head.gaussians import Gaussians
from gaussian_head.io.ply import read_ply, write_ply
from gaussian_head.io.splat import read_splat, write_splat


def make(N=40, B=9, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Gaussians(
        means=torch.randn(N, 3, generator=g),
        quats=torch.nn.functional.normalize(torch.randn(N, 4, generator=g), dim=-1),
        scales=torch.rand(N, 3, generator=g) * 0.1 + 1e-4,
        opacities=torch.rand(N, generator=g) * 0.98 + 0.01,
        colors=torch.randn(N, B, 3, generator=g) * 0.3 if B else torch.rand(N, 3, generator=g),
    )


@pytest.mark.parametrize("B", [1, 4, 9, 16])
def test_ply_round_trip(tmp_path, B):
    made = make(B=B)
    write_ply(tmp_path / "a.ply", made)
    read = read_ply(tmp_path / "a.ply")
    for name in ("means", "quats", "scales", "opacities", "colors"):
        torch.testing.assert_close(getattr(read, name), getattr(made, name), atol=2e-6, rtol=2e-6)


def test_ply_header_and_channel_major_order(tmp_path):
    made = make(N=3, B=4)
    write_ply(tmp_path / "a.ply", made)
    assert (tmp_path / "a.ply").read_bytes().startswith(b"ply\nformat binary_little_endian 1.0\n")
    vertex = PlyData.read(str(tmp_path / "a.ply"))["vertex"]
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *(f"f_rest_{i}" for i in range(9))]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    assert [p.name for p in vertex.properties] == names
    assert vertex["f_rest_1"][2] == made.colors[2, 2, 0]  # second higher coefficient of red
    assert vertex["f_rest_3"][2] == made.colors[2, 1, 1]  # first higher coefficient of green
    assert vertex["opacity"][1] == pytest.approx(torch.logit(made.opacities[1]).item(), abs=1e-5)
    assert vertex["scale_2"][0] == pytest.approx(np.log(made.scales[0, 2].item()), abs=1e-6)
    assert vertex["rot_0"][0] == pytest.approx(made.quats[0, 0].item(), abs=1e-6)


def test_ply_agrees_with_gsplat(tmp_path):
    exporter = pytest.importorskip("gsplat.exporter", reason="gsplat is not installed")
    made = make(N=25, B=9)
    write_ply(tmp_path / "ours.ply", made)
    exporter.export_splats(
        means=made.means,
        scales=made.scales.log(),
        quats=made.quats,
        opacities=made.opacities.logit(),
        sh0=made.colors[:, :1],
        shN=made.colors[:, 1:],
        format="ply",
        save_to=str(tmp_path / "theirs.ply"),
    )
    ours, theirs = (PlyData.read(str(tmp_path / f"{name}.ply"))["vertex"] for name in ("ours", "theirs"))
    for prop in theirs.properties:
        np.testing.assert_allclose(ours[prop.name], theirs[prop.name], atol=2e-6, err_msg=prop.name)
    read = read_ply(tmp_path / "theirs.ply")
    torch.testing.assert_close(read.colors, made.colors, atol=2e-6, rtol=1e-6)


def test_ply_opens_as_a_point_cloud(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    made = make(N=12)
    write_ply(tmp_path / "a.ply", made)
    np.testing.assert_allclose(trimesh.load(tmp_path / "a.ply").vertices, made.means.numpy(), atol=1e-6)


def test_rgb_becomes_the_constant_harmonic(tmp_path):
    made = make(B=0)
    write_ply(tmp_path / "a.ply", made)
    rgb = 0.5 + 0.28209479177387814 * read_ply(tmp_path / "a.ply").colors[:, 0]
    torch.testing.assert_close(rgb, made.colors, atol=1e-6, rtol=1e-6)


def test_extremes_stay_finite_and_nan_is_left_out(tmp_path):
    made = make(N=4, B=1)
    made.opacities[:2] = torch.tensor([0.0, 1.0])
    made.scales[0] = 0
    made.means[3, 1] = float("nan")
    write_ply(tmp_path / "a.ply", made)
    read = read_ply(tmp_path / "a.ply")
    assert len(read) == 3
    assert all(getattr(read, name).isfinite().all() for name in ("means", "quats", "scales", "opacities"))
    write_splat(tmp_path / "a.splat", made)
    assert len(read_splat(tmp_path / "a.splat")) == 3
    made.means[:] = float("inf")
    for write in (write_ply, write_splat):
        with pytest.raises(InputError, match="finite"):
            write(tmp_path / "b", made)
    assert not (tmp_path / "b").exists()


def test_bad_ply_files(tmp_path):
    (tmp_path / "text.ply").write_text("hello")
    write_ply(tmp_path / "a.ply", make())
    (tmp_path / "short.ply").write_bytes((tmp_path / "a.ply").read_bytes()[:-100])
    (tmp_path / "cloud.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        "end_header\n0 0 0\n"
    )
    for name in ("text.ply", "short.ply", "cloud.ply", "none.ply"):
        with pytest.raises(InputError, match=name):
            read_ply(tmp_path / name)


def test_splat_round_trip(tmp_path):
    made = make(N=30, B=0)
    write_splat(tmp_path / "a.splat", made)
    assert (tmp_path / "a.splat").stat().st_size == 30 * 32
    read = read_splat(tmp_path / "a.splat")
    order = (made.scales.prod(1) * made.opacities).argsort(descending=True)
    assert torch.equal(read.means, made.means[order])
    assert torch.equal(read.scales, made.scales[order])
    assert (read.colors - made.colors[order]).abs().max() < 0.51 / 255
    assert (read.quats - made.quats[order]).abs().max() < 0.02
    (tmp_path / "short.splat").write_bytes((tmp_path / "a.splat").read_bytes()[:-1])
    with pytest.raises(InputError, match="multiple of 32"):
        read_splat(tmp_path / "short.splat")


def test_splat_agrees_with_gsplat(tmp_path):
    exporter = pytest.importorskip("gsplat.exporter", reason="gsplat is not installed")
    made = make(N=20, B=1)
    write_splat(tmp_path / "ours.splat", made)
    data = exporter.splat2splat_bytes(
        made.means, made.scales.log(), made.quats, made.opacities.logit(), made.colors[:, 0]
    )
    (tmp_path / "theirs.splat").write_bytes(data)
    ours, theirs = read_splat(tmp_path / "ours.splat"), read_splat(tmp_path / "theirs.splat")
    a, b = ours.means[:, 0].argsort(), theirs.means[:, 0].argsort()
    torch.testing.assert_close(ours.means[a], theirs.means[b])
    torch.testing.assert_close(ours.scales[a], theirs.scales[b])
    assert (ours.colors[a] - theirs.colors[b]).abs().max() < 1.01 / 255  # gsplat truncates, we round
    assert (ours.quats[a] - theirs.quats[b]).abs().max() < 0.02
