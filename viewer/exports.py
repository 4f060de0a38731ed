"""What a browser can take away, as edited and styled on its screen: pictures, videos, and every registered format."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gaussian_head.events import Listener
from gaussian_head.exporting import FORMATS, Material, write_material
from gaussian_head.media import write_image
from gaussian_head.playing.keyframes import Keyframe, followed, path_of, to_json, view_of
from gaussian_head.playing.pictures import backdrop, cutout, picture, styled
from gaussian_head.playing.staging import Staging
from gaussian_head.playing.views import View, camera_of
from gaussian_head.rendering import CameraPath, orbit, render_video

CAMERAS = ("view", "orbit", "keyframes")
"""What a video may be filmed with: the browser's camera, one that swings about the head, the keyframes."""


def screenshot(staging: Staging, view: View, t: int, *, height: int, transparent: bool) -> bytes:
    """PNG of frame ``t`` at ``height`` pixels; transparent has colour with opacity and no backdrop."""
    head = staging.person.head
    camera = camera_of(followed(staging.path, t, view), head, height)
    draw = cutout if transparent else picture
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        write_image(path, draw(head, staging.moment(t), 0, camera, staging.look))
        return path.read_bytes()


def cameras(
    staging: Staging, view: View, kind: str, keys: Sequence[Keyframe], height: int, aspect: float | None = None
) -> CameraPath:
    """One camera a frame of the performance.

    Args:
        staging: what is played.
        view: the browser's camera.
        kind: one of CAMERAS.
        keys: keyframes, for the kind of this name.
        height: of the pictures, pixels.
        aspect: their width over their height; None for the recorded shape.

    Raises:
        InputError: keyframes were asked for and there are none.
    """
    head, motion = staging.person.head, staging.performance.motion
    aspect = head.camera.width / head.camera.height if aspect is None else aspect
    if kind == "view":
        still = camera_of(replace(view, aspect=aspect), head, height)
        return CameraPath(len(motion), lambda t: still)
    if kind == "orbit":
        path = orbit(head, len(motion), fps=motion.fps)
    else:
        path = path_of(keys, head, len(motion), fps=motion.fps)
    return path.map(lambda camera: camera_of(view_of(camera, aspect), head, height))


def video(staging: Staging, path: CameraPath, out: Path, *, listener: Listener) -> Path:
    """The whole performance with its sound, as edited and styled; a ``.mov`` or ``.webm`` has no backdrop.

    An exception raised by ``listener`` ends the work.
    """
    head = staging.person.head
    return render_video(
        styled(head, staging.look),
        staging.edited_performance(),
        path,
        out,
        background=backdrop(head, path[0], staging.look),
        transparent=out.suffix != ".mp4",
        listener=listener,
    )


def exported(
    staging: Staging, keys: Sequence[Keyframe], t: int | None, out: Path, *, format: str, listener: Listener
) -> Path:
    """Write one of ``exporting.FORMATS``; many files come as one zip.

    Args:
        staging: the head as edited and styled, and its performance.
        keys: camera path of the formats that have one; an orbit where empty.
        t: the frame to write, None for the whole performance.
        out: path to write to, without its ending.
        format: key of ``exporting.FORMATS``.
        listener: receives Progress; an exception raised by it ends the work.

    Raises:
        InputError: what the format refuses.
    """
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        stage = Path(folder)
        camera = "orbit"
        if keys:
            (stage / "camera.json").write_text(to_json(keys, staging.person.head), encoding="utf-8")
            camera = str(stage / "camera.json")
        material = Material(
            actor=replace(staging.person.actor, head=styled(staging.person.head, staging.look)),
            performance=staging.edited_performance(),
            frame=t,
            sequence=t is None,
            camera=camera,
        )
        written = stage / f"{out.name}{FORMATS[format].endings[0]}"
        write_material(material, written, format, listener=listener)
        return _moved(written, out)


def _moved(written: Path, out: Path) -> Path:
    """Beside ``out``: the file itself, or a folder's files in one zip."""
    if not written.is_dir():
        return written.rename(out.parent / written.name)
    return zipped(written, out.parent / f"{out.name}.zip")


def zipped(folder: Path, out: Path) -> Path:
    """All files under ``folder`` in one zip."""
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder))
    return out
