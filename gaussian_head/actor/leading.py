"""Others as leaders: a video, tracked when it is asked for and kept beside what is made; a capture; a motion file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..capture import Capture
from ..capture.identity import require_source
from ..checks import InputError
from ..events import Listener, Said, Warned, ignore
from ..io.motion_file import read_motion
from ..media import FORMATS
from ..motion import Motion, retarget
from ..motion.pose_range import PoseRange, brought_into, farthest
from ._clip import Clip
from .speak import POSES, is_worded, lent

Bounds = Literal["subject", "free"]
"""Whether a leader's turns are brought into what the head shows well, or left as they are."""

LEADER_SIZE = 384
"""Pixels that a leader is tracked at: its pose and units are wanted, not its picture."""
VIDEOS = (*FORMATS, ".mkv", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".3gp", ".flv", ".wmv", ".ogv")
"""Endings of files that are looked into for a leading face."""


def is_video(place: str | Path) -> bool:
    """True for a file that is a video by its ending."""
    return Path(place).suffix.lower() in VIDEOS and Path(place).is_file()


def leader_of(video: str | Path, beside: str | Path, *, listener: Listener = ignore) -> Capture:
    """The capture of a leading video, tracked once and kept as ``NAME.leader`` in the folder ``beside``.

    Raises:
        InputError: nobody can be tracked in the video, or something else has that name.
    """
    from ..tracking import track

    video = Path(video)
    folder = Path(beside) / f"{video.stem}.leader"
    if (folder / "capture.json").is_file():
        try:
            require_source(folder, video, LEADER_SIZE)
            return Capture.load(folder)
        except InputError:
            listener(Said(message=f"{folder} is of another video or damaged; {video.name} is tracked anew."))
    try:
        return track(video, folder, size=LEADER_SIZE, overwrite=True, listener=listener)
    except InputError as error:
        raise InputError(f"{video} cannot lead: {error}") from error


def leading(
    place: str | Path, clip: Clip, beside: str | Path, bounds: Bounds = "subject", *, listener: Listener = ignore
) -> Motion | None:
    """The motion of a leader, its turns within what the head of ``clip`` shows well; None where nobody is named.

    Args:
        place: a video, a capture's folder or a motion file.
        clip: of the head that is led.
        beside: folder in which the tracked leader is kept.
        bounds: ``"free"`` leaves turns as they are.
        listener: receives Progress while a video is tracked, and Warned of turns that the head does not show well.

    Raises:
        InputError: nobody can be tracked in the video, or the file holds no motion.
    """
    if str(place) in POSES or is_worded(place):
        return None
    place = Path(place)
    if place.is_dir():
        leader = Capture.load(place).motion
    else:
        leader = leader_of(place, beside, listener=listener).motion if is_video(place) else read_motion(place)
    return bounded(leader, clip, bounds, listener=listener)


def lent_by(
    place: str | Path, clip: Clip, beside: str | Path, bounds: Bounds = "subject", *, listener: Listener = ignore
) -> Motion:
    """All that a leader does, as the person of ``clip`` does it: a video, or a file as `lent` takes it."""
    if not is_video(place):
        return lent(clip, place, listener=listener)
    leader = leader_of(place, beside, listener=listener).motion
    return retarget(bounded(leader, clip, bounds, listener=listener), clip.motion)


def bounded(leader: Motion, clip: Clip, bounds: Bounds = "subject", *, listener: Listener = ignore) -> Motion:
    """``leader`` within what the head of ``clip`` shows well; what goes further is said."""
    room = PoseRange.of(clip.motion).widened()
    words = farthest(leader, room)
    if not words:
        return leader
    ending = "it is brought into that range (--pose-range free leaves it)" if bounds == "subject" else "more is a guess"
    listener(Warned(message=f"{words}; {ending}."))
    return brought_into(leader, room) if bounds == "subject" else leader
