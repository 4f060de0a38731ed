"""Whatever happened to a file: it is refused in words or can be used; no crash, no hang, no absurd memory."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support_capture import make_capture
from support_head import make_head, make_motion, make_voice
from support_hostile import altered, damaged, damages, edited, nasty_edits, read_and_use, tensor_edits

from gaussian_head.actor import Actor, Clip
from gaussian_head.actor import storage as of_clip
from gaussian_head.camera import Camera
from gaussian_head.capture import Capture
from gaussian_head.capture.ad_nerf import PreparedClip, read_prepared
from gaussian_head.checkpoint import load_checkpoint, save_checkpoint
from gaussian_head.checks import InputError
from gaussian_head.gaussians import Gaussians
from gaussian_head.head import Head
from gaussian_head.head import storage as of_head
from gaussian_head.io import read_motion, read_ply, read_splat, write_motion, write_ply, write_splat
from gaussian_head.io.baked import KEY, Baked, read_baked, write_baked
from gaussian_head.io.baked_make import bake
from gaussian_head.media import write_audio, write_image
from gaussian_head.motion import Motion, Performance
from gaussian_head.motion.audio_model import AudioToMotion
from gaussian_head.motion.edit import resample
from gaussian_head.rendering import render_gaussians, save_path
from gaussian_head.rendering.keyframes import load_path

MOTION = make_motion(4)
PLACES = {of_head: of_head.MODEL, of_clip: of_clip.CLIP}
fuzz = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def head() -> Head:
    return make_head(num_frames=4, num_gaussians=60, size=16)


@pytest.fixture(scope="module")
def originals(head: Head, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole file or folder of every kind."""
    folder = tmp_path_factory.mktemp("originals")
    voice = make_voice()
    Actor(head=head, clip=Clip(motion=MOTION, num_train=3), voice=voice).save(folder / "head")
    voice.save(folder / "lips")
    write_baked(folder / "whole.ghb", bake(head, Performance(motion=MOTION)))
    gaussians = head.gaussians(MOTION, 0)
    write_ply(folder / "whole.ply", gaussians)
    write_splat(folder / "whole.splat", gaussians)
    write_motion(folder / "motion.json", make_motion(6))
    save_path(folder / "path.json", [head.camera] * 3, fps=2.0)
    make_capture(folder / "capture", num_frames=3, size=16)
    _prepared(folder / "prepared")
    return folder


def _prepared(folder: Path) -> None:
    (folder / "ori_imgs").mkdir(parents=True)
    (folder / "parsing").mkdir()
    picture = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
    for t in range(4):
        write_image(folder / "ori_imgs" / f"{t}.jpg", picture)
        write_image(folder / "parsing" / f"{t}.png", picture)
    write_image(folder / "bc.jpg", picture)
    write_audio(folder / "aud.wav", torch.zeros(4000).numpy(), 16000)
    frames = [{"img_id": t, "transform_matrix": torch.eye(4).tolist()} for t in range(4)]
    for name, part in (("train", frames[:3]), ("val", frames[3:])):
        text = json.dumps({"focal_len": 20.0, "cx": 4.0, "cy": 4.0, "frames": part})
        (folder / f"transforms_{name}.json").write_text(text)


def copy_of(original: Path, tmp_path: Path) -> Path:
    """A copy in a folder of its own: tensors read from an earlier one may still be mapped from its file."""
    return Path(shutil.copytree(original, Path(tempfile.mkdtemp(dir=tmp_path)) / original.name))


def play_actor(actor: Actor) -> None:
    head, motion = actor.head, actor.clip.motion
    for t in (0, len(motion) - 1):
        draw(head.gaussians(motion, t))
    assert len(head.parts) == len(head)


def draw(gaussians: Gaussians) -> None:
    frame = render_gaussians(gaussians, Camera.from_focal(40.0, 16, 16), background=torch.zeros(3))
    assert frame.rgb.isfinite().all()


def play_motion(motion: Motion) -> None:
    resample(motion, 25.0)
    motion.at(len(motion) - 1)


def play_baked(baked: Baked) -> None:
    gaussians = baked.gaussians(len(baked) - 1)
    draw(gaussians)


def play_capture(capture: Capture) -> None:
    play_motion(capture.motion)
    capture.frame(capture.num_frames - 1)
    assert capture.shape.posed(capture.code[0]).shape == capture.shape.vertices.shape
    assert len(capture.shape.vertices[capture.shape.triangles.flatten()]) == 3 * len(capture.shape.triangles)
    assert capture.background.ndim == 3
    capture.report.get("advice")
    capture.camera.resized(8, 8)
    capture.train_frames.numel() + capture.test_frames.numel()


def play_prepared(clip: PreparedClip) -> None:
    clip.image(clip.num_frames - 1)
    assert clip.rotations.shape == (clip.num_frames, 3, 3)
    assert abs(torch.linalg.det(torch.from_numpy(clip.rotations)) - 1).max() < 0.2


FILES: dict[str, tuple[Callable[[Path], Any], Callable[[Any], None], int]] = {
    "whole.ghb": (read_baked, play_baked, 0),
    "whole.ply": (read_ply, draw, 0),
    "whole.splat": (read_splat, draw, 0),
    "motion.json": (read_motion, play_motion, 0),
}


@pytest.mark.parametrize("name", FILES)
@fuzz
@given(steps=damages)
def test_damaged_bytes(originals: Path, tmp_path: Path, name: str, steps: list) -> None:
    read, use, first = FILES[name]
    path = tmp_path / name
    path.write_bytes(damaged((originals / name).read_bytes(), steps, first))
    read_and_use(lambda: read(path), use)


@fuzz
@given(steps=damages)
def test_damaged_bytes_of_a_header(originals: Path, tmp_path: Path, steps: list) -> None:
    """The first kilobyte is where readers believe what they read."""
    for name in ("whole.ghb", "whole.ply"):
        read, use, _ = FILES[name]
        data = (originals / name).read_bytes()
        (tmp_path / name).write_bytes(damaged(data[:1024], steps) + data[1024:])
        read_and_use(lambda path=tmp_path / name, read=read: read(path), use)


@fuzz
@given(edits=nasty_edits)
def test_motion_files_with_other_values(originals: Path, tmp_path: Path, edits: list) -> None:
    data = json.loads((originals / "motion.json").read_text())
    (tmp_path / "motion.json").write_text(json.dumps(edited(data, edits)))
    read_and_use(lambda: read_motion(tmp_path / "motion.json"), play_motion)


@fuzz
@given(edits=nasty_edits, steps=damages)
def test_camera_paths_with_other_values(originals: Path, tmp_path: Path, head: Head, edits: list, steps: list) -> None:
    path, text = tmp_path / "path.json", (originals / "path.json").read_text()
    for content in (json.dumps(edited(json.loads(text), edits)).encode(), damaged(text.encode(), steps)):
        path.write_bytes(content)
        read_and_use(lambda: load_path(path, head, 5, fps=2.0), lambda cameras: [draw_with(head, c) for c in cameras])


def draw_with(head: Head, camera: Any) -> None:
    assert camera.viewmat.isfinite().all()
    assert camera.K.isfinite().all()


@pytest.mark.parametrize("part", [of_head, of_clip], ids=["model", "clip"])
@fuzz
@given(edits=nasty_edits, changes=tensor_edits)
def test_heads_with_other_parts(originals: Path, tmp_path: Path, part: Any, edits: list, changes: list) -> None:
    place = PLACES[part]
    tensors, meta = load_checkpoint(originals / "head" / place, format=part.FORMAT, version=part.VERSION)
    for values, parts in ((meta, altered(tensors, changes)), (edited(meta, edits), tensors)):
        folder = copy_of(originals / "head", tmp_path)
        rewrite(folder / place, part, parts, values)
        read_and_use(lambda folder=folder: Actor.load(folder), play_actor)


def rewrite(folder: Path, part: Any, tensors: dict, meta: dict) -> None:
    """A checkpoint whose checksum is right, whatever it holds."""
    save_checkpoint(folder, tensors, {}, format=part.FORMAT, version=part.VERSION)
    manifest = json.loads((folder / "checkpoint.json").read_text())
    (folder / "checkpoint.json").write_text(json.dumps(manifest | {"meta": meta}))


@pytest.mark.parametrize("place", ["model", "clip"])
@fuzz
@given(edits=nasty_edits)
def test_checkpoints_with_another_description(originals: Path, tmp_path: Path, place: str, edits: list) -> None:
    folder = copy_of(originals / "head", tmp_path)
    path = folder / place / "checkpoint.json"
    path.write_text(json.dumps(edited(json.loads(path.read_text()), edits)))
    read_and_use(lambda: Actor.load(folder), play_actor)


@fuzz
@given(edits=nasty_edits, changes=tensor_edits)
def test_speech_predictors_with_other_parts(originals: Path, tmp_path: Path, edits: list, changes: list) -> None:
    sound = torch.sin(torch.arange(16000) / 16000 * 900).numpy() * 0.3
    meta = json.loads((originals / "lips" / "lips.json").read_text())
    tensors = load_file(originals / "lips" / "lips.safetensors")
    for values, parts in ((meta, altered(tensors, changes)), (edited(meta, edits), tensors)):
        folder = copy_of(originals / "lips", tmp_path)
        (folder / "lips.json").write_text(json.dumps(values))
        save_file(parts, folder / "lips.safetensors")
        read_and_use(lambda folder=folder: AudioToMotion.load(folder), lambda model: model.predict(sound, 25.0, 20))


@fuzz
@given(edits=nasty_edits, changes=tensor_edits)
def test_captures_with_other_parts(originals: Path, tmp_path: Path, edits: list, changes: list) -> None:
    info = json.loads((originals / "capture" / "capture.json").read_text())
    tensors = load_file(originals / "capture" / "tracking.safetensors")
    for values, parts in ((info, altered(tensors, changes)), (edited(info, edits), tensors)):
        folder = copy_of(originals / "capture", tmp_path)
        (folder / "capture.json").write_text(json.dumps(values))
        save_file(parts, folder / "tracking.safetensors")
        read_and_use(lambda folder=folder: Capture.load(folder), play_capture)


@fuzz
@given(steps=damages)
def test_damaged_files_of_a_capture(originals: Path, tmp_path: Path, steps: list) -> None:
    for name in ("capture.json", "tracking.safetensors", "images/000002.jpg", "alpha/000002.png", "report.json"):
        folder = copy_of(originals / "capture", tmp_path)
        whole = (originals / "capture" / name).read_bytes() if (originals / "capture" / name).exists() else b"{}"
        (folder / name).write_bytes(damaged(whole, steps))
        read_and_use(lambda folder=folder: Capture.load(folder), play_capture)


@fuzz
@given(edits=nasty_edits, steps=damages)
def test_prepared_folders_with_other_values(originals: Path, tmp_path: Path, edits: list, steps: list) -> None:
    folder = copy_of(originals / "prepared", tmp_path)
    text = (originals / "prepared" / "transforms_train.json").read_text()
    for content in (json.dumps(edited(json.loads(text), edits)).encode(), damaged(text.encode(), steps)):
        (folder / "transforms_train.json").write_bytes(content)
        read_and_use(lambda: read_prepared(folder), play_prepared)


@fuzz
@given(edits=nasty_edits, changes=tensor_edits)
def test_baked_sequences_with_other_parts(originals: Path, tmp_path: Path, edits: list, changes: list) -> None:
    with safe_open(originals / "whole.ghb", framework="pt") as file:
        header = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    for values, parts in ((header, altered(tensors, changes)), (edited(header, edits), tensors)):
        path = Path(tempfile.mkdtemp(dir=tmp_path)) / "talk.ghb"
        save_file(parts, path, metadata={KEY: json.dumps(values)})
        read_and_use(lambda path=path: read_baked(path), play_baked)


PLY = "ply\nformat {format} 1.0\nelement vertex {count}\n{properties}\nend_header\n"
COLUMNS = ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2")
COLUMNS += ("rot_0", "rot_1", "rot_2", "rot_3")


@pytest.mark.parametrize("format", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("count", ["100000000000000", "3", "-1", "1e9", "many", "9" * 30])
def test_ply_counts_are_not_believed(tmp_path: Path, format: str, count: str) -> None:
    properties = "\n".join(f"property float {name}" for name in COLUMNS)
    path = tmp_path / "a.ply"
    path.write_text(PLY.format(format=format, count=count, properties=properties) + "0 0 0\n")
    with pytest.raises(InputError):
        read_and_use_nothing(lambda: read_ply(path))


def test_ply_lists_are_refused(tmp_path: Path) -> None:
    properties = "\n".join(f"property list uchar float {name}" for name in COLUMNS)
    path = tmp_path / "a.ply"
    path.write_text(PLY.format(format="ascii", count="1", properties=properties) + "1 0 " * len(COLUMNS) + "\n")
    with pytest.raises(InputError, match="lists"):
        read_ply(path)


def read_and_use_nothing(read: Callable[[], Any]) -> None:
    read()


def test_numbers_of_pictures_are_no_lengths(originals: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(originals / "prepared", tmp_path / "prepared")
    shutil.copy(folder / "ori_imgs" / "0.jpg", folder / "ori_imgs" / "99999999.jpg")
    shutil.copy(folder / "ori_imgs" / "0.jpg", folder / "ori_imgs" / "²³.jpg")
    with pytest.raises(InputError, match=r"4\.jpg to 99999998\.jpg"):
        read_prepared(folder)


def test_frame_rates_that_no_clip_has(originals: Path, tmp_path: Path) -> None:
    data = json.loads((originals / "motion.json").read_text())
    for fps in (0, -25, 1e-9, 1e9, float("nan"), "25", None, True):
        (tmp_path / "motion.json").write_text(json.dumps(data | {"fps": fps}))
        with pytest.raises(InputError, match="fps"):
            read_motion(tmp_path / "motion.json")


def test_a_branch_with_one_quaternion_for_all(head: Head, originals: Path, tmp_path: Path) -> None:
    tensors, meta = load_checkpoint(originals / "head" / "model", format=of_head.FORMAT, version=of_head.VERSION)
    tensors["branch.face.quats"] = tensors["branch.face.quats"][:1].clone()
    shutil.copytree(originals / "head", tmp_path / "head")
    rewrite(tmp_path / "head" / "model", of_head, tensors, meta)
    with pytest.raises(InputError, match=r"branch 'face': quats has shape \[1, 4\]"):
        Head.load(tmp_path / "head")
