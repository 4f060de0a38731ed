"""Where jobs' files lie: a folder that every worker sees, or an address that fsspec reaches."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..checks import InputError, require_writable_folder
from ..durable import discard, locked, replacing
from .values import ADDRESS

NOTES = ".batch"
"""Folder of what is known of each job."""


@dataclass
class Work:
    """A folder that is worked in."""

    folder: Path
    """On this machine."""

    def publish(self) -> None:
        """Its files are the job's result: put them where they belong."""


class Place(Protocol):
    """A folder with one folder a job; sent to workers."""

    @property
    def shown(self) -> str:
        """As the user knows it."""
        ...

    def read(self, name: str) -> bytes | None:
        """A small file; None where it is absent."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """A small file, whole or not at all."""
        ...

    def has(self, name: str) -> bool:
        """Whether a file or folder is there."""
        ...

    def bring(self, job: str) -> Path:
        """The finished files of a job, on this machine."""
        ...

    def bring_address(self, address: str) -> Path:
        """A file or folder from elsewhere, on this machine."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Keeps other batches out, where that can be done."""
        ...

    def working(self, job: str, task: str, *, anew: bool) -> AbstractContextManager[Work]:
        """A folder to work in, with what tasks of this job left there but where it is begun ``anew``.

        What the task finishes meanwhile is kept where another worker finds it.
        """
        ...


def place_at(out: str | Path, *, interval: float = 60.0) -> Place:
    """The place that ``--out`` names.

    Args:
        out: a folder, or an address (``s3://bucket/runs``) for fsspec.
        interval: seconds between copies of unfinished work to an address.

    Raises:
        InputError: it cannot be written, or fsspec or what it needs for this kind of address is missing.
    """
    if not ADDRESS.match(str(out)):
        return LocalPlace(require_writable_folder(out, "output folder").resolve())
    from .remote import RemotePlace

    place = RemotePlace(address=str(out).rstrip("/"), interval=interval)
    try:
        place.write(f"{NOTES}/began", b"")
    except InputError:
        raise
    except Exception as error:  # whatever the file system has for errors
        raise InputError(f"{out} cannot be written ({error}); check the address and its credentials.") from error
    return place


@dataclass(frozen=True)
class LocalPlace:
    """A folder of this machine, or one that all machines of a cluster share."""

    root: Path
    """The folder."""

    @property
    def shown(self) -> str:
        """Its path."""
        return str(self.root)

    def read(self, name: str) -> bytes | None:
        """Of its files."""
        path = self.root / name
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, content: bytes) -> None:
        """Into it."""
        with replacing(self.root / name) as temporary:
            temporary.write_bytes(content)

    def has(self, name: str) -> bool:
        """In it."""
        return (self.root / name).exists()

    def bring(self, job: str) -> Path:
        """They lie here already."""
        return self.root / job

    def bring_address(self, address: str) -> Path:
        """Downloaded once a machine."""
        from .remote import downloaded

        return downloaded(address, scratch())

    def alone(self) -> AbstractContextManager[None]:
        """By a lock on the folder of notes."""
        (self.root / NOTES).mkdir(exist_ok=True)
        return locked(self.root / NOTES, f"a batch in {self.root}")

    def working(self, job: str, task: str, *, anew: bool) -> AbstractContextManager[Work]:
        """All work is done in the folder itself."""
        if anew:
            discard(self.root / job)
        (self.root / job).mkdir(exist_ok=True)
        return nullcontext(Work(folder=self.root / job))


def scratch() -> Path:
    """Folder of this machine for files that are brought here; for this user alone."""
    user = hashlib.sha256(str(Path.home()).encode()).hexdigest()[:8]
    folder = Path(os.environ.get("GAUSSIAN_HEAD_SCRATCH", Path(tempfile.gettempdir()) / f"gaussian-head-{user}"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def emptied(folder: Path) -> Path:
    """``folder``, which is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
