"""A moving head to a video with sound, frame by frame in constant memory, in parts that an interruption cannot lose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from ..camera import Camera
from ..checkpoint import save_tensors
from ..durable import replacing, require_replaceable
from ..events import Listener, Progress, Warned, ignore
from ..gaussians import Frame
from ..head import Head
from ..media import video_format
from ..media.parts import Parts, PartsFolder, PictureParts, VideoParts, is_picture_folder, require_own_folder
from ..motion import Motion, Performance
from ._behind import Behind
from .drawing import drawing, drawing_device
from .framing import fit_background
from .pixels import to_rgba8, to_uint8

PART_SECONDS = 10.0
"""Seconds of video in a part: what an interruption loses at most."""
SYNTHETIC = f"Synthetic: rendered by gaussian-head {version('gaussian-head')}, not recorded."
"""What a video says about itself in its metadata."""
SAME_MOTION = 1e-4
"""Motions that differ by less are the same."""


def render_video(
    head: Head,
    performance: Performance,
    cameras: Sequence[Camera],
    out: str | Path,
    *,
    background: Tensor | None = None,
    transparent: bool = False,
    label: bool = True,
    resume: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Render every frame of ``performance`` and write it with its sound, cut or padded to the length of the video.

    The ending of ``out`` chooses the format: .mp4 (h264, aac), .mov (ProRes 4444, PCM), .webm (VP9, opus); a name
    without ending is a folder of PNG files with audio.wav. Frames are encoded in a second thread.

    Args:
        head: the person.
        performance: T frames, and what is heard meanwhile.
        cameras: T cameras of one size.
        out: the file or folder to write; it appears only when complete.
        background: ``[3]`` colour or plate ``[H, W, 3]``; None for the head's own plate.
        transparent: nothing behind the person, in a format that can; straight opacity.
        label: let a video file say in its metadata that it is synthetic.
        resume: go on where an interrupted render of the same frames stopped; the result is the same.
        listener: receives Progress, and Warned where there is nothing to resume.

    Returns:
        ``out``.

    Raises:
        ValueError: the number of cameras is not the number of frames.
        InputError: a format that is unknown or cannot be transparent, or a disk that cannot take the video.
    """
    motion = performance.motion
    if len(cameras) != len(motion) or not len(motion):
        raise ValueError(f"{len(cameras)} cameras came for {len(motion)} frames; one per frame is wanted.")
    out, first = Path(out), cameras[0]
    require_output(out, transparent=transparent)
    plate = None if transparent else fit_background(head.background if background is None else background, first)
    request = _request(head, motion, cameras, plate, out)
    with PartsFolder(out, request, resume=resume) as folder:
        motion = _kept_motion(folder, motion)
        if resume and not folder.resumed:
            listener(
                Warned(message=f"nothing of this render of {out} was there to resume; it starts from the beginning.")
            )
        parts = _parts(folder.path, out, first, motion, transparent, SYNTHETIC if label else "")
        try:
            _render_rest(head, motion, cameras, plate, parts, listener)
            parts.finish(performance.samples, performance.sample_rate)
        except KeyboardInterrupt as stop:
            words = f"stopped; {parts.done()} of {len(motion)} frames are kept, --resume goes on from there"
            raise type(stop)(words) from stop
        finally:
            parts.abandon()
    return out


def _render_rest(
    head: Head,
    motion: Motion,
    cameras: Sequence[Camera],
    plate: Tensor | None,
    parts: Parts,
    listener: Listener,
) -> None:
    """Render the frames that ``parts`` does not have yet; converting and encoding happen behind."""
    T = len(motion)
    to_picture, draw = to_rgba8 if plate is None else to_uint8, drawing(head)
    with Behind[tuple[int, Frame]](lambda item: parts.write(item[0], to_picture(item[1]))) as encoder:
        for t in range(parts.done(), T):
            encoder.put((t, draw(motion.at(t), cameras[t], plate)))
            listener(Progress(stage="rendering", done=t + 1, total=T))


def require_output(out: str | Path, *, transparent: bool) -> None:
    """InputError where ``render_video`` could not write ``out``: to be known before the work."""
    out = Path(out)
    folder = is_picture_folder(out)
    if folder:
        require_own_folder(out)
    else:
        video_format(out, alpha=transparent)
    require_replaceable(out, folder=folder)


def _parts(folder: Path, out: Path, camera: Camera, motion: Motion, transparent: bool, comment: str) -> Parts:
    if is_picture_folder(out):
        return PictureParts(folder, out, fps=motion.fps, num_frames=len(motion))
    return VideoParts(
        folder,
        out,
        width=camera.width,
        height=camera.height,
        fps=motion.fps,
        num_frames=len(motion),
        alpha=transparent,
        length=max(round(PART_SECONDS * motion.fps), 1),
        comment=comment,
    )


def _kept_motion(folder: PartsFolder, motion: Motion) -> Motion:
    """The motion of the interrupted run where it is this one but for rounding, which differs from run to run."""
    from safetensors.torch import load_file

    path = folder.path / "motion.safetensors"
    given = motion.tensors()
    if folder.resumed and path.is_file():
        kept = load_file(path)
        if all(kept[n].shape == v.shape and torch.allclose(kept[n], v, atol=SAME_MOTION) for n, v in given.items()):
            return Motion.from_tensors(kept, fps=motion.fps, basis_id=motion.basis_id)
    folder.start_over()
    with replacing(path) as temporary:
        save_tensors(temporary, given)
    return motion


def _request(head: Head, motion: Motion, cameras: Sequence[Camera], plate: Tensor | None, out: Path) -> str:
    """A fingerprint of everything but the motion that the frames depend on."""
    import av

    digest = hashlib.sha256()
    size = (cameras[0].width, cameras[0].height)
    versions = (version("gaussian-head"), av.__version__, drawing_device().type)
    digest.update(repr((out.name, len(motion), motion.fps, size, plate is None, versions)).encode())
    for tensor in _tensors(head, cameras, plate):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _tensors(head: Head, cameras: Sequence[Camera], plate: Tensor | None) -> Iterable[Tensor]:
    for branch in head.branches:
        yield from (value for value in vars(branch).values() if isinstance(value, Tensor))
    yield from (value for _, value in sorted(head.coefficient_params.items()))
    if head.anchors is not None:
        yield from head.anchors.tensors().values()
    for camera in cameras:
        yield camera.viewmat
        yield camera.K
    if plate is not None:
        yield plate
