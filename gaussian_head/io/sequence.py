"""A folder with one file per frame, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checks import InputError
from ..durable import replacing

DESCRIPTION = "sequence.json"


@contextmanager
def sequence_folder(path: str | Path, ending: str, *, num_frames: int, fps: float) -> Iterator[Callable[[int], Path]]:
    """Yield where each frame's file belongs; the folder appears when the body has ended well.

    ``sequence.json`` in it names the frame rate and the files in their order.

    Args:
        path: folder to make; an older sequence is replaced, anything else is left alone.
        ending: of the files, with its dot.
        num_frames: T.
        fps: frames per second.

    Raises:
        InputError: ``path`` is a file, or a folder that holds something else than a sequence.
    """
    path = Path(path)
    if path.is_file():
        raise InputError(f"{path} is a file; several frames are written to a folder, name one with --out.")
    if path.is_dir() and any(path.iterdir()) and not (path / DESCRIPTION).is_file():
        raise InputError(f"folder {path} holds other files; choose an empty or new folder with --out.")
    names = [f"{t:06d}{ending}" for t in range(num_frames)]
    with replacing(path, folder=True) as temporary:
        temporary.mkdir()
        yield lambda t: temporary / names[t]
        text = json.dumps({"format": "gaussian-head-sequence", "version": 1, "fps": fps, "files": names})
        (temporary / DESCRIPTION).write_text(text, encoding="utf-8")
