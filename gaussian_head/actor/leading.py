"""Another video as leader: tracked when it is asked for, kept beside what is made with it."""

from __future__ import annotations

from pathlib import Path

from ..capture import Capture
from ..capture.identity import require_source
from ..checks import InputError
from ..events import Listener, Said, ignore
from ..media import FORMATS

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
