"""Folders preprocessed for other talking-head systems as captures: the whole of `gaussian-head import`.

Their masks and background plate are kept, and so are pictures, sound and the split between training and validation.
Their poses are not: a capture needs one face shape, an expression basis, head and torso poses that agree with both
to a fraction of a pixel, and theirs belong to a face model that is fetched by registration and kept in a pickle. So
our own tracker runs over their pictures, and their poses serve as a check, reported in words. It looks at the
training frames only for all that frames share, so nothing of their validation set leaks.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ..capture import Capture, CaptureWriter
from ..capture.ad_nerf import PreparedClip, read_prepared
from ..capture.layout import image_name
from ..checks import InputError
from ..conventions import BACKGROUND, FACE, HAIR, MOUTH, SAMPLE_RATE
from ..events import Listener, Warned, ignore, tracked
from ..facenet.contours import INNER_LIPS, OVAL
from ..media import VideoWriter, read_audio, read_image
from ..transforms import mean_rotation, quat_to_rotmat

NEARLY_LOSSLESS = 6
"""Quality of the passing video that the tracker reads."""
DOUBTFUL_DEG = 6.0
"""Median disagreement of the two trackings' head rotations from which on the user is warned."""


def import_capture(
    folder: str | Path, out: str | Path, *, fps: float = 25.0, overwrite: bool = False, listener: Listener = ignore
) -> Capture:
    """Make a capture of a folder that AD-NeRF's, ER-NeRF's or TalkingGaussian's preprocessing made.

    Args:
        folder: their ``data/<ID>`` folder, see `capture.ad_nerf`.
        out: folder of the capture.
        fps: frame rate that its pictures were extracted at.
        overwrite: replace an older capture in ``out``.
        listener: gets Progress and Warned events.

    Returns:
        The capture, loaded; ``train`` takes it as it is.

    Raises:
        InputError: files missing (each is named) or contradictory, no face found, or ``out`` cannot be written
            or holds something that would be lost. Nothing is left behind.
    """
    from safetensors.torch import load_file

    clip = read_prepared(folder)
    with (
        CaptureWriter(out, overwrite=overwrite) as writer,
        tempfile.TemporaryDirectory(prefix="gaussian-head-import-") as scratch,
    ):
        seen = _tracked(clip, Path(scratch), fps, listener)
        crop = _Crop(seen)
        plate = crop(read_image(clip.folder / "bc.jpg"), clip.folder / "bc.jpg")
        _write_frames(writer, clip, seen, crop, listener)
        check = compare_poses(clip, seen)
        if check["rotation_deg"] > DOUBTFUL_DEG:
            listener(Warned(message=_in_words(check)))
        info = replace(
            seen.info,
            num_train=clip.num_train,
            bad_frames=_unused(clip, seen),
            labels="face parsing that was given, outlined by landmarks",
            source=seen.info.source | {"name": clip.folder.resolve().name},
        )
        audio = seen.audio() if info.has_audio else None
        report = seen.report | {"imported": check | {"in_words": _in_words(check)}}
        tensors = load_file(str(seen.path / "tracking.safetensors"))
        writer.finish(info, tensors, background=plate, audio=audio, report=report)
        if (seen.path / "report.png").is_file():
            shutil.copyfile(seen.path / "report.png", writer.folder / "report.png")
    return Capture.load(out)


def _tracked(clip: PreparedClip, scratch: Path, fps: float, listener: Listener) -> Capture:
    """Our own tracking of their pictures, by way of a passing video."""
    from .pipeline import HELD_OUT, track

    height, width = clip.image(0).shape[:2]
    video, sound = scratch / "clip.mp4", read_audio(clip.folder / "aud.wav", sample_rate=SAMPLE_RATE)
    with VideoWriter(video, width=width, height=height, fps=fps, audio=sound, crf=NEARLY_LOSSLESS) as file:
        for t in tracked(range(clip.num_frames), "import: reading pictures", clip.num_frames, listener):
            image = clip.image(t)
            if image.shape != (height, width, 3):
                raise InputError(f"{clip.picture(t)} is {image.shape[1]}x{image.shape[0]}, others {width}x{height}.")
            file.write(image)
    options = {"size": min(width, height), "listener": listener}
    if clip.num_train < clip.num_frames - round(HELD_OUT * clip.num_frames):
        options["train_seconds"] = clip.num_train / fps
    seen = track(video, scratch / "capture", **options)
    if seen.num_frames != clip.num_frames:
        raise InputError(f"{clip.num_frames} pictures made a video of {seen.num_frames} frames; is fps {fps} right?")
    return seen


class _Crop:
    """The square of their pictures that the tracker chose, at the capture's size."""

    def __init__(self, seen: Capture) -> None:
        from .crop import Crop

        x0, y0, side = seen.info.source["crop"]
        self._crop, self.size = Crop(x0=x0, y0=y0, size=side), seen.info.width
        self.whole = (seen.info.source["height"], seen.info.source["width"])

    def __call__(self, image: np.ndarray, path: Path) -> np.ndarray:
        """The square of a picture u8 ``[H, W, …]``; InputError where it has not the size of all pictures."""
        if image.shape[:2] != self.whole:
            height, width = self.whole
            raise InputError(f"{path} is {image.shape[1]}x{image.shape[0]}; {width}x{height} as ori_imgs was wanted.")
        return self._crop.cut(image, self.size)

    def labels(self, labels: np.ndarray, path: Path) -> np.ndarray:
        """The square of labels u8 ``[H, W]``, never mixed."""
        if labels.shape == self.whole == (self.size, self.size):
            return labels
        masks = [self(np.where(labels == value, 255, 0).astype(np.uint8), path) for value in range(MOUTH + 1)]
        return np.stack(masks).argmax(0).astype(np.uint8)


def _write_frames(writer: CaptureWriter, clip: PreparedClip, seen: Capture, crop: _Crop, listener: Listener) -> None:
    """Their pictures and masks: soft mattes from their hard ones, face and mouth outlined by our landmarks."""
    from .matte import refine_matte

    landmarks = seen.landmarks.double().numpy()

    def write(t: int) -> None:
        image = crop(clip.image(t), clip.picture(t))
        labels = crop.labels(clip.labels(t), clip.folder / "parsing" / f"{clip.first + t}.png")
        if image.shape[:2] == crop.whole:
            shutil.copyfile(clip.picture(t), writer.folder / image_name(t))
        else:
            writer.write_image(t, image)
        alpha = refine_matte(image, (labels != BACKGROUND).astype(np.float32))
        writer.write_alpha(t, alpha)
        writer.write_labels(t, outlined(labels, alpha, landmarks[t]))

    with ThreadPoolExecutor(2) as pool:
        for _ in tracked(pool.map(write, range(clip.num_frames)), "import: masks", clip.num_frames, listener):
            pass


def outlined(labels: np.ndarray, alpha: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Their labels u8 ``[H, W]`` in our sense.

    Their face holds ears and hats, and their mouth interior comes and goes: inside the face's outline (our landmarks
    ``[478, 2]``, pixels) stands face, inside the inner lips mouth, and the rest of their face is other head.
    """
    from .labels import polygon

    face = polygon(landmarks[list(OVAL)], *labels.shape) & ((labels == FACE) | (labels == MOUTH) | (labels == HAIR))
    out = np.where(face, FACE, np.where((labels == FACE) | (labels == MOUTH), HAIR, labels))
    out[polygon(landmarks[list(INNER_LIPS)], *labels.shape) & (labels != BACKGROUND)] = MOUTH
    out[alpha <= 127] = BACKGROUND
    return out.astype(np.uint8)


def _unused(clip: PreparedClip, seen: Capture) -> list[int]:
    """Frames neither trained nor tested on: badly tracked by us, or named by neither of their sets."""
    residual, found = seen.reprojection.numpy(), seen.tracked.numpy()
    usual = np.median(residual[: clip.num_train][found[: clip.num_train]])
    bad = ~found | (residual > 6 * usual + 1.0) | ~clip.posed
    return [int(t) for t in np.flatnonzero(bad)]


def compare_poses(clip: PreparedClip, seen: Capture) -> dict[str, float]:
    """Where their head rotations and ours differ, once the constant turn between the two head frames is taken out."""
    frames = np.flatnonzero(clip.posed & seen.tracked.numpy())
    ours = quat_to_rotmat(seen.motion.head.quats.double()).numpy()[frames]
    theirs = clip.rotations[frames]
    turn = mean_rotation(torch.from_numpy(ours.transpose(0, 2, 1) @ theirs)).numpy()
    cosine = (np.einsum("tij,tij->t", ours @ turn, theirs) - 1) / 2
    angles = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return {
        "rotation_deg": round(float(np.median(angles)), 3),
        "rotation_deg_p95": round(float(np.quantile(angles, 0.95)), 3),
        "their_focal_px": round(clip.focal, 1),
        "our_focal_px": round(float(seen.camera.K[0, 0]) * seen.info.source["crop"][2] / seen.info.width, 1),
    }


def _in_words(check: dict[str, float]) -> str:
    return (
        f"Their head rotations and ours differ by {check['rotation_deg']:.1f} degrees in the median frame"
        f" ({check['rotation_deg_p95']:.1f} in the worst twentieth); their focal length is"
        f" {check['their_focal_px']:.0f} px, ours {check['our_focal_px']:.0f} px. Ours are used."
    )
