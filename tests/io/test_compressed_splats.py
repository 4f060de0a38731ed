"""Compressed PLY and SPZ, decoded here bit by bit after their published descriptions."""

import gzip
import struct
from itertools import pairwise

import numpy as np
import pytest
import torch
from plyfile import PlyData

from gaussian_head.checks import InputError
from gaussian_head.gaussians import Gaussians
from gaussian_head.io import read_gaussians, write_compressed_ply, write_ply, write_splat, write_spz
from gaussian_head.io._splats import morton_order
from gaussian_head.sh import C0, basis


def cloud(n: int, degree: int = 1, seed: int = 0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    sh = 0.3 * torch.randn(n, (degree + 1) ** 2, 3, generator=generator)
    return Gaussians(
        means=torch.rand(n, 3, generator=generator) * 0.3 + torch.tensor([-0.1, -0.2, 0.9]),
        quats=torch.randn(n, 4, generator=generator),
        scales=torch.exp(torch.randn(n, 3, generator=generator) * 0.8 - 6.5),
        opacities=torch.rand(n, generator=generator),
        colors=sh.clamp(-0.9, 0.9),
    )


def bits(word: np.ndarray, shift: int, count: int) -> np.ndarray:
    return ((word.astype(np.uint64) >> shift) & ((1 << count) - 1)) / ((1 << count) - 1)


def decode_compressed_ply(path) -> dict[str, np.ndarray]:
    ply = PlyData.read(str(path))
    chunk, vertex = ply["chunk"], ply["vertex"]
    at = np.arange(vertex.count) // 256

    def between(share: list[np.ndarray], names: list[str]) -> np.ndarray:
        low, high = (np.stack([chunk[f"{end}_{n}"] for n in names], 1)[at] for end in ("min", "max"))
        return low + np.stack(share, 1) * (high - low)

    def three(word: np.ndarray) -> list[np.ndarray]:
        return [bits(word, 21, 11), bits(word, 11, 10), bits(word, 0, 11)]

    turn, color = vertex["packed_rotation"], vertex["packed_color"]
    others = np.stack([(bits(turn, shift, 10) - 0.5) * 2**0.5 for shift in (20, 10, 0)], 1)
    largest = turn >> 30
    quats = np.empty((len(turn), 4))
    for i in range(len(turn)):
        rest = [k for k in range(4) if k != largest[i]]
        quats[i, rest] = others[i]
        quats[i, largest[i]] = np.sqrt(max(0.0, 1 - (others[i] ** 2).sum()))
    sh = ply["sh"].data if "sh" in [e.name for e in ply.elements] else None
    names = sh.dtype.names if sh is not None else ()
    rest = [np.where(sh[n] == 0, 0, np.where(sh[n] == 255, 1, (sh[n] + 0.5) / 256)) * 8 - 4 for n in names]
    higher = np.stack(rest, 1).reshape(len(turn), 3, -1) if names else np.zeros((len(turn), 3, 0))
    return {
        "means": between(three(vertex["packed_position"]), ["x", "y", "z"]),
        "log_scales": between(three(vertex["packed_scale"]), ["scale_x", "scale_y", "scale_z"]),
        "rgb": between([bits(color, shift, 8) for shift in (24, 16, 8)], ["r", "g", "b"]),
        "opacities": bits(color, 0, 8),
        "quats": quats,
        "rest": higher.transpose(0, 2, 1),
    }


def decode_spz(path) -> tuple[dict[str, np.ndarray], int]:
    data = gzip.decompress(path.read_bytes())
    magic, version, n, degree, fraction, flags, padding = struct.unpack("<IIIBBBB", data[:16])
    assert (magic, version, flags, padding) == (0x5053474E, 3, 0, 0)
    higher = (degree + 1) ** 2 - 1
    sizes = [9 * n, n, 3 * n, 3 * n, 4 * n, 3 * higher * n]
    assert len(data) == 16 + sum(sizes)
    stops = 16 + np.cumsum([0, *sizes])
    parts = [np.frombuffer(data[a:b], np.uint8).astype(np.int64) for a, b in pairwise(stops)]
    raw = parts[0].reshape(n, 3, 3)
    fixed = raw[..., 0] | raw[..., 1] << 8 | raw[..., 2] << 16
    fixed = np.where(fixed >= 1 << 23, fixed - (1 << 24), fixed)
    turn = parts[4].reshape(n, 4) @ [1, 1 << 8, 1 << 16, 1 << 24]
    quats = np.empty((n, 4))
    for i in range(n):
        largest, word = int(turn[i]) >> 30, int(turn[i])
        for k in (3, 2, 1, 0):
            if k != largest:
                quats[i, k] = (word & 511) / 511 * 0.5**0.5 * (-1 if word >> 9 & 1 else 1)
                word >>= 10
        rest = [k for k in range(4) if k != largest]
        quats[i, largest] = np.sqrt(max(0.0, 1 - (quats[i, rest] ** 2).sum()))
    values = {
        "means": fixed / 2.0**fraction,
        "opacities": parts[1] / 255,
        "rgb": 0.5 + C0 * (parts[2].reshape(n, 3) / 255 - 0.5) / 0.15,
        "log_scales": parts[3].reshape(n, 3) / 16 - 10,
        "quats": quats[:, [3, 0, 1, 2]],
        "rest": (parts[5].reshape(n, higher, 3) - 128) / 128,
    }
    return values, fraction


def worst(decoded: dict[str, np.ndarray], cloud: Gaussians, axes=(1, 1, 1)) -> dict[str, float]:
    """Largest error of each quantity, both sides in the writer's order; ``axes`` are the file's signs."""
    order = morton_order(cloud.means.double().numpy())
    quats = torch.nn.functional.normalize(cloud.quats.double(), dim=1).numpy()[order]
    turned = quats * [1, axes[1] * axes[2], axes[0] * axes[2], axes[0] * axes[1]]
    cosine = np.abs((turned * decoded["quats"]).sum(1)).clip(0, 1)
    return {
        "means": np.abs(decoded["means"] * axes - cloud.means.double().numpy()[order]).max(),
        "log_scales": np.abs(decoded["log_scales"] - cloud.scales.double().log().numpy()[order]).max(),
        "rgb": np.abs(decoded["rgb"] - 0.5 - C0 * cloud.colors[:, 0].double().numpy()[order]).max(),
        "opacities": np.abs(decoded["opacities"] - cloud.opacities.double().numpy()[order]).max(),
        "angle": 2 * np.arccos(cosine).max(),
    }


def test_compressed_ply_loses_no_more_than_its_bits(tmp_path):
    g = cloud(1000)
    write_compressed_ply(tmp_path / "a.compressed.ply", g)
    decoded = decode_compressed_ply(tmp_path / "a.compressed.ply")
    errors = worst(decoded, g)
    assert errors["means"] < 0.31 / 1023
    assert errors["log_scales"] < 6.0 / 1023
    assert errors["rgb"] < 0.6 / 255 * 0.5
    assert errors["opacities"] <= 0.5 / 255 + 1e-6
    assert errors["angle"] < 0.005
    order = morton_order(g.means.double().numpy())
    assert np.abs(decoded["rest"] - g.colors[:, 1:].numpy()[order]).max() <= 8 / 256 / 2 + 1e-6


def test_one_chunk_and_one_gaussian_survive(tmp_path):
    g = cloud(1, degree=0)
    write_compressed_ply(tmp_path / "one.ply", g)
    errors = worst(decode_compressed_ply(tmp_path / "one.ply"), g)
    assert errors["means"] < 1e-6
    assert errors["log_scales"] < 1e-5
    assert len(PlyData.read(str(tmp_path / "one.ply")).elements) == 2


def test_spz_loses_no_more_than_its_bits(tmp_path):
    g = cloud(800)
    write_spz(tmp_path / "a.spz", g)
    decoded, fraction = decode_spz(tmp_path / "a.spz")
    errors = worst(decoded, g, axes=(1, -1, -1))
    assert fraction == 18
    assert errors["means"] <= 0.5 / 2**18 + 1e-7
    assert errors["log_scales"] <= 0.5 / 16 + 1e-6
    assert errors["rgb"] <= C0 / 0.15 * 0.5 / 255 + 1e-6
    assert errors["opacities"] <= 0.5 / 255 + 1e-6
    assert errors["angle"] < 0.005


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_spz_turns_view_dependent_colour_with_its_axes(tmp_path, degree):
    g = cloud(50, degree)
    write_spz(tmp_path / "a.spz", g)
    decoded, _ = decode_spz(tmp_path / "a.spz")
    seen_from = torch.nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.8], [-0.7, 0.2, 0.1]]).double(), dim=1)
    order = morton_order(g.means.double().numpy())
    ours = torch.einsum("db,nbc->ndc", basis(seen_from, degree)[:, 1:], g.colors.double()[order][:, 1:])
    flipped = basis(seen_from * torch.tensor([1, -1, -1]), degree)[:, 1:]
    theirs = torch.einsum("db,nbc->ndc", flipped, torch.from_numpy(decoded["rest"]))
    assert (ours - theirs).abs().max() < 0.03
    assert ours.abs().max() > 0.2


def test_far_scenes_spend_fewer_fractional_bits(tmp_path):
    g = cloud(10)
    far = Gaussians(**{**vars(g), "means": g.means + 500})
    write_spz(tmp_path / "far.spz", far)
    decoded, fraction = decode_spz(tmp_path / "far.spz")
    assert fraction == 14
    assert worst(decoded, far, axes=(1, -1, -1))["means"] <= 0.5 / 2**14 + 1e-7
    with pytest.raises(InputError, match="8388 km"):
        write_spz(tmp_path / "x.spz", Gaussians(**{**vars(g), "means": g.means * 1e8}))


@pytest.mark.parametrize("write", [write_compressed_ply, write_spz])
def test_what_is_not_finite_is_left_out(tmp_path, write):
    g = cloud(20)
    g.means[3, 0] = float("nan")
    g.colors[5, 1, 2] = float("inf")
    write(tmp_path / "a", g)
    if write is write_spz:
        assert len(decode_spz(tmp_path / "a")[0]["means"]) == 18
    else:
        assert len(decode_compressed_ply(tmp_path / "a")["means"]) == 18
    g.opacities[:] = float("nan")
    with pytest.raises(InputError, match="none of the 20"):
        write(tmp_path / "b", g)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("write", [write_compressed_ply, write_spz])
def test_plain_colours_work_and_odd_numbers_of_coefficients_do_not(tmp_path, write):
    g = cloud(20, degree=0)
    write(tmp_path / "rgb", Gaussians(**{**vars(g), "colors": g.colors[:, 0] * C0 + 0.5}))
    write(tmp_path / "sh", g)
    assert (tmp_path / "rgb").stat().st_size == pytest.approx((tmp_path / "sh").stat().st_size, abs=20)
    with pytest.raises(InputError, match="2 SH coefficients"):
        write(tmp_path / "odd", Gaussians(**{**vars(g), "colors": torch.zeros(20, 2, 3)}))


WRITERS = {"a.ply": write_ply, "b.ply": write_compressed_ply, "a.spz": write_spz, "a.splat": write_splat}


@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read_again(tmp_path, name, degree):
    g = cloud(700, degree)
    WRITERS[name](tmp_path / name, g)
    again = read_gaussians(tmp_path / name)
    assert len(again) == len(g)
    pairs = torch.cdist(g.means.double(), again.means.double()).argmin(1)
    assert len(pairs.unique()) == len(g)
    assert (g.means - again.means[pairs]).abs().max() < 1e-3
    assert (g.scales.log() - again.scales[pairs].log()).abs().max() < 0.05
    assert (g.opacities - again.opacities[pairs]).abs().max() < 0.01
    ours, theirs = (torch.nn.functional.normalize(q, dim=1) for q in (g.quats, again.quats[pairs]))
    assert ((ours * theirs).sum(1).abs() > 0.9995).all()
    if name != "a.splat":
        assert (g.colors[:, 0] - again.colors[pairs, 0]).abs().max() < 0.02
        assert (g.colors - again.colors[pairs]).abs().max() < 0.02
        assert again.colors.shape[1] == (degree + 1) ** 2


def test_the_second_version_of_spz_is_read(tmp_path):
    g = cloud(50, 0)
    write_spz(tmp_path / "a.spz", g)
    data = gzip.decompress((tmp_path / "a.spz").read_bytes())
    body, turns = data[16 : 16 + 50 * 16], read_gaussians(tmp_path / "a.spz").quats.double().numpy()
    xyz = (turns * [1, 1, -1, -1])[:, [1, 2, 3]] * np.where(turns[:, :1] < 0, -1, 1)
    packed = np.round((xyz + 1) * 127.5).astype("u1").tobytes()
    old = struct.pack("<IIIBBBB", 0x5053474E, 2, 50, 0, data[13], 0, 0) + body + packed
    (tmp_path / "b.spz").write_bytes(gzip.compress(old))
    a, b = read_gaussians(tmp_path / "a.spz"), read_gaussians(tmp_path / "b.spz")
    torch.testing.assert_close(a.means, b.means)
    assert ((a.quats * b.quats).sum(1).abs() > 0.99).all()


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_files_are_refused(tmp_path, name):
    WRITERS[name](tmp_path / name, cloud(300))
    whole = (tmp_path / name).read_bytes()
    for length in (0, 7, len(whole) // 3 + 1, len(whole) - 9):
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_gaussians(tmp_path / name)
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(4001))
    with pytest.raises(InputError):
        read_gaussians(tmp_path / name)
    with pytest.raises(InputError, match="a file of Gaussians"):
        read_gaussians(__file__)
