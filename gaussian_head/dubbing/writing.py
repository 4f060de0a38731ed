"""The videos of a dub: the film itself, where it was changed, and both beside each other; written in parts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..events import Listener, Progress
from ..media import Carried
from ..media.parts import PartsFolder, VideoParts
from ..rendering._behind import Behind
from .compose import Made, dubbed_frames
from .planning import Plan, Wish
from .report import Watcher
from .retime import frames_along
from .sound import Heard

PART_SECONDS = 5.0
"""Seconds of video in a part: what an interruption loses at most."""
MASK_SIDE = 480
"""Longest side of the pictures of the mask, pixels."""
MASK = "mask.mp4"

Picture = Callable[[Made], np.ndarray]


def write_videos(
    plan: Plan,
    sound: Heard,
    out: Path,
    folder: Path,
    store: PartsFolder,
    wish: Wish,
    comment: str,
    watcher: Watcher,
    listener: Listener,
) -> None:
    """Compose and encode what is not there yet, then join it with its sound.

    Args:
        plan: what is made.
        sound: what is heard.
        out: the film to write.
        folder: gets ``mask.mp4`` and, where it is wished, ``compare``.
        store: where the parts wait.
        wish: how to dub.
        comment: what the film says of itself.
        watcher: is shown every frame.
        listener: receives Progress, and Warned of tracks that are left behind.
    """
    videos = _videos(plan, out, folder, store, wish, comment, listener)
    first, count = min(video.done() for video, _ in videos), plan.num_frames

    def encode(item: tuple[int, Made]) -> None:
        t, made = item
        for video, picture in videos:
            video.write(t, picture(made))

    with ExitStack() as stack:
        for video, _ in videos:
            stack.callback(video.abandon)
        try:
            with Behind[tuple[int, Made]](encode) as encoder:
                frames = frames_along(plan.film, plan.path, first)
                for t, made in enumerate(dubbed_frames(frames, plan.parts, wish.seed), start=first):
                    watcher.update(t, made)
                    encoder.put((t, made))
                    listener(Progress(stage="dubbing", done=t + 1, total=count))
            for video, _ in reversed(videos):
                video.finish(sound.samples, sound.rate)
        except KeyboardInterrupt as stop:
            done = min(video.done() for video, _ in videos)
            raise type(stop)(f"stopped; {done} of {count} frames are kept, --resume goes on from there") from stop


def _videos(
    plan: Plan, out: Path, folder: Path, store: PartsFolder, wish: Wish, comment: str, listener: Listener
) -> list[tuple[VideoParts, Picture]]:
    """What is written, the film first, and the picture of each."""
    info = plan.film.info
    shrink = min(1.0, MASK_SIDE / max(info.width, info.height))
    small = (max(round(shrink * info.width / 2), 1) * 2, max(round(shrink * info.height / 2), 1) * 2)
    carried = Carried(film=plan.film.path, heard=wish.keep == "keep", tracks=plan.path is None)

    def parts(name: str, to: Path, size: tuple[int, int], more: Carried | None = None) -> VideoParts:
        place = store.path / name
        place.mkdir(exist_ok=True)
        return VideoParts(
            place,
            to,
            width=size[0],
            height=size[1],
            fps=info.fps,
            num_frames=plan.num_frames,
            alpha=False,
            length=max(round(PART_SECONDS * info.fps), 1),
            comment=comment,
            carried=more,
            listener=listener,
        )

    videos: list[tuple[VideoParts, Picture]] = [
        (parts("", out, (info.width, info.height), carried), lambda made: made.image),
        (parts("mask", folder / MASK, small), lambda made: mask_of(made, small)),
    ]
    if wish.compare:
        both = parts("compare", folder / f"compare{out.suffix}", (2 * info.width, info.height))
        videos.append((both, lambda made: np.concatenate([made.recorded, made.image], 1)))
    return videos


def mask_of(made: Made, size: tuple[int, int]) -> np.ndarray:
    """Where a frame was changed: u8 ``[h, w, 3]`` of ``size`` (width, height), green on black."""
    import cv2

    height, width = made.image.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    for _, box, patched in made.patches:
        mask[box.slices] = np.maximum(mask[box.slices], (255 * patched.mask).astype(np.uint8))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return np.stack([0 * small, small, 0 * small], 2)
