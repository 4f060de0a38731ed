"""A moving head to a video with sound, frame by frame in constant memory, in parts that an interruption cannot lose."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from .. import __version__
from ..camera import Camera
from ..checkpoint import load_checkpoint, save_checkpoint
from ..checks import InputError
from ..durable import require_replaceable
from ..events import Listener, Progress, Warned, ignore
from ..gaussians import Frame
from ..head import Head
from ..kernels import drawing_device
from ..media import video_format
from ..media.parts import (
    Parts,
    PartsFolder,
    PictureParts,
    VideoParts,
    is_picture_folder,
    parts_folder,
    require_own_folder,
)
from ..motion import Motion, Performance
from ._behind import Behind
from .drawing import drawing
from .framing import fit_background
from .pixels import to_rgba8, to_uint8

PART_SECONDS = 10.0
"""Seconds of video in a part: what an interruption loses at most."""
SYNTHETIC = f"Synthetic: rendered by gaussian-head {__version__}, not recorded."
"""What a video says about itself in its metadata."""
MOTION, MOTION_FORMAT = "motion", "gaussian-head-kept-motion"
"""Folder of the motion beside the parts, and what it is."""
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
    film = filmed(head, motion, cameras, out, background, transparent=transparent, label=label)
    with PartsFolder(film.out, film.request(), resume=resume) as folder:
        film = kept(film, folder)
        if resume and not folder.resumed:
            listener(
                Warned(message=f"nothing of this render of {out} was there to resume; it starts from the beginning.")
            )
        parts = film.parts(folder.path)
        try:
            draw_missing(film, range(len(motion)), parts, listener)
            parts.finish(performance.samples, performance.sample_rate)
        except KeyboardInterrupt as stop:
            words = f"stopped; {parts.done()} of {len(motion)} frames are kept, --resume goes on from there"
            raise type(stop)(words) from stop
        finally:
            parts.abandon()
    return film.out


@dataclass(frozen=True, kw_only=True)
class Film:
    """A moving head, seen by cameras, on its way to a file."""

    head: Head
    """The person."""
    motion: Motion
    """T frames."""
    cameras: Sequence[Camera]
    """T, of one size."""
    plate: Tensor | None
    """What is behind, ``[3]`` or ``[H, W, 3]``; None for nothing."""
    out: Path
    """The file or folder."""
    comment: str
    """What the file says about itself."""

    @property
    def part_length(self) -> int:
        """Frames in a part."""
        return max(round(PART_SECONDS * self.motion.fps), 1)

    def request(self) -> str:
        """A fingerprint of everything but the motion that the frames depend on."""
        return _request(self.head, self.motion, self.cameras, self.plate, self.out)

    def parts(self, folder: Path) -> Parts:
        """Where its frames go."""
        if is_picture_folder(self.out):
            return PictureParts(folder, self.out, fps=self.motion.fps, num_frames=len(self.motion))
        return VideoParts(
            folder,
            self.out,
            width=self.cameras[0].width,
            height=self.cameras[0].height,
            fps=self.motion.fps,
            num_frames=len(self.motion),
            alpha=self.plate is None,
            length=self.part_length,
            comment=self.comment,
        )


def filmed(
    head: Head,
    motion: Motion,
    cameras: Sequence[Camera],
    out: str | Path,
    background: Tensor | None = None,
    *,
    transparent: bool = False,
    label: bool = True,
) -> Film:
    """What `render_video` is to render, checked; arguments and errors are its own."""
    if len(cameras) != len(motion) or not len(motion):
        raise ValueError(f"{len(cameras)} cameras came for {len(motion)} frames; one per frame is wanted.")
    require_output(out, transparent=transparent)
    plate = None if transparent else fit_background(head.background if background is None else background, cameras[0])
    comment = SYNTHETIC if label else ""
    return Film(head=head, motion=motion, cameras=cameras, plate=plate, out=Path(out), comment=comment)


def draw_missing(film: Film, frames: range, parts: Parts, listener: Listener) -> None:
    """Render those of ``frames`` that ``parts`` does not have yet; converting and encoding happen behind."""
    to_picture, draw = to_rgba8 if film.plate is None else to_uint8, drawing(film.head)
    with Behind[tuple[int, Frame]](lambda item: parts.write(item[0], to_picture(item[1]))) as encoder:
        for t in parts.missing(frames):
            encoder.put((t, draw(film.motion.at(t), film.cameras[t], film.plate)))
            listener(Progress(stage="rendering", done=t + 1 - frames.start, total=len(frames)))


def require_output(out: str | Path, *, transparent: bool) -> None:
    """InputError where ``render_video`` could not write ``out``: to be known before the work."""
    out = Path(out)
    folder = is_picture_folder(out)
    if folder:
        require_own_folder(out)
    else:
        video_format(out, alpha=transparent)
    require_replaceable(out, folder=folder)


def kept(film: Film, folder: PartsFolder) -> Film:
    """``film`` with the motion of the interrupted run where it is this one but for rounding, which differs."""
    given = film.motion
    if folder.resumed:
        with contextlib.suppress(InputError):
            old = laid_motion(film.out)
            ours, theirs = given.tensors(), old.tensors()
            alike = all(
                theirs[n].shape == v.shape and torch.allclose(theirs[n], v, atol=SAME_MOTION) for n, v in ours.items()
            )
            if alike and (old.fps, old.basis_id) == (given.fps, given.basis_id):
                return replace(film, motion=old)
    folder.start_over()
    meta = {"fps": given.fps, "basis": given.basis_id}
    save_checkpoint(folder.path / MOTION, given.tensors(), meta, format=MOTION_FORMAT, version=1)
    return film


def laid_motion(out: str | Path) -> Motion:
    """The motion of an unfinished render of ``out``; InputError where there is none."""
    tensors, meta = load_checkpoint(parts_folder(out) / MOTION, format=MOTION_FORMAT, version=1)
    return Motion.from_tensors(tensors, fps=meta["fps"], basis_id=meta["basis"])


def _request(head: Head, motion: Motion, cameras: Sequence[Camera], plate: Tensor | None, out: Path) -> str:
    import av

    digest = hashlib.sha256()
    size = (cameras[0].width, cameras[0].height)
    versions = (__version__, av.__version__, drawing_device().type)
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
