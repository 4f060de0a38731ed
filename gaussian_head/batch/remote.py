"""Files at an address that fsspec reaches: work is done on the worker's own disk and copied there as it is finished."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ..checks import InputError, fingerprint
from ..durable import STAGING, replacing
from .places import Work, emptied, scratch

UNFINISHED = ".unfinished"
"""Folder at the address for work that another worker may go on with."""
ATTEMPTS = 5
"""Looks at a folder that changes meanwhile."""


def file_system(address: str) -> tuple[Any, str]:
    """What reads and writes ``address``, and its path there.

    Raises:
        InputError: fsspec, or what it needs for such addresses, is not installed.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise InputError(f"{address} is reached by fsspec: pip install 'gaussian-head[batch]'.") from error
    try:
        return url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise InputError(f"{address} cannot be reached: {error}") from error


@dataclass(frozen=True)
class RemotePlace:
    """A folder at an address."""

    address: str
    """Without a slash at its end."""
    interval: float
    """Seconds between copies of unfinished work."""

    @property
    def shown(self) -> str:
        """The address."""
        return self.address

    def read(self, name: str) -> bytes | None:
        """From the address."""
        system, root = file_system(self.address)
        try:
            return system.cat_file(f"{root}/{name}")
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """To the address."""
        system, root = file_system(self.address)
        _put(system, f"{root}/{name}", content)

    def has(self, name: str) -> bool:
        """At the address."""
        system, root = file_system(self.address)
        return system.exists(f"{root}/{name}")

    def bring(self, job: str) -> Path:
        """Copied here, unless this machine has made or brought them already."""
        return downloaded(f"{self.address}/{job}", scratch())

    def bring_address(self, address: str) -> Path:
        """Copied here."""
        return downloaded(address, scratch())

    def alone(self) -> AbstractContextManager[None]:
        """Nothing there can be locked."""
        return nullcontext()

    @contextmanager
    def working(self, job: str, task: str, *, anew: bool) -> Iterator[Work]:
        """A folder of this machine; it begins with what all tasks of the job have kept."""
        system, root = file_system(self.address)
        store = _Store(system=system, root=f"{root}/{UNFINISHED}/{job}", place=f"{root}/{job}")
        if anew:
            store.forget()
        key = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        work = _RemoteWork(folder=emptied(scratch() / key / f"{job}.{task}" / job), store=store)
        store.restore(work.folder)
        stop = threading.Event()

        def now_and_then() -> None:
            while not stop.wait(self.interval):
                store.keep(work.folder, task)

        thread = threading.Thread(target=now_and_then, name="keeper", daemon=True)
        thread.start()
        try:
            yield work
        finally:
            stop.set()
            thread.join()
            if work.published:
                store.forget()
            else:
                store.keep(work.folder, task)
            shutil.rmtree(work.folder.parent, ignore_errors=True)


@dataclass
class _RemoteWork(Work):
    store: _Store
    published: bool = False

    def publish(self) -> None:
        """Copy all but hidden files."""
        for path in _files(self.folder):
            name = path.relative_to(self.folder)
            if not any(part.startswith(".") for part in name.parts):
                _put_file(self.store.system, path, f"{self.store.place}/{name.as_posix()}")
        self.published = True


@dataclass
class _Store:
    """Unfinished files by their content, and a list of them for each task."""

    system: Any
    root: str
    place: str
    known: dict[str, str] = field(default_factory=dict)
    """Content by size, time and name of a local file."""

    def keep(self, folder: Path, task: str) -> None:
        """Copy what is new; the list comes last, so that it names whole files of one moment."""
        for _ in range(ATTEMPTS):
            before = _seen(folder)
            listed = {}
            try:
                for name, stamp in before.items():
                    key = f"{name} {stamp}"
                    if key not in self.known:
                        self.known[key] = fingerprint(folder / name)
                        if not self.system.exists(f"{self.root}/{self.known[key]}"):
                            _put_file(self.system, folder / name, f"{self.root}/{self.known[key]}")
                    listed[name] = self.known[key]
            except FileNotFoundError:  # replaced meanwhile
                continue
            if _seen(folder) == before:
                _put(self.system, f"{self.root}/{task}.json", json.dumps(listed).encode())
                return

    def restore(self, folder: Path) -> None:
        """Bring what all tasks have kept."""
        if not self.system.exists(self.root):
            return
        for path in sorted(self.system.ls(self.root, detail=False)):
            if not path.endswith(".json"):
                continue
            for name, content in json.loads(self.system.cat_file(path)).items():
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                self.system.get_file(f"{self.root}/{content}", str(place))

    def forget(self) -> None:
        """Remove all of it."""
        if self.system.exists(self.root):
            self.system.rm(self.root, recursive=True)


def downloaded(address: str, folder: Path) -> Path:
    """What lies at ``address``, copied once into ``folder``; InputError where nothing does."""
    system, path = file_system(address)
    if not system.exists(path):
        raise InputError(f"{address} does not exist; check its spelling.")
    stamp = repr(sorted((i["name"], i.get("size"), str(i.get("mtime") or i.get("ETag"))) for i in _infos(system, path)))
    key = hashlib.sha256(f"{address} {stamp}".encode()).hexdigest()[:24]
    place = folder / "brought" / key / PurePosixPath(path).name
    if not place.exists():
        directory = system.isdir(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place, folder=directory) as temporary:
            system.get(path, str(temporary), recursive=directory)
    return place


def _infos(system: Any, path: str) -> list[dict[str, Any]]:
    return list(system.find(path, detail=True).values()) if system.isdir(path) else [system.info(path)]


def _files(folder: Path) -> list[Path]:
    """All files but those that wait to become whole."""
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not STAGING.fullmatch(name))
        found += [Path(root) / name for name in sorted(names)]
    return found


def _seen(folder: Path) -> dict[str, str]:
    """Size and time of all files by name."""
    seen = {}
    for path in _files(folder):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        seen[path.relative_to(folder).as_posix()] = f"{state.st_size} {state.st_mtime_ns} {state.st_ino}"
    return seen


def _put(system: Any, path: str, content: bytes) -> None:
    """A file at once: object stores do so anyway, folders by renaming."""
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    if not _renames(system):
        system.pipe_file(path, content)
        return
    system.pipe_file(f"{path}.{os.getpid()}.tmp", content)
    system.mv(f"{path}.{os.getpid()}.tmp", path)


def _put_file(system: Any, source: Path, path: str) -> None:
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    if not _renames(system):
        system.put_file(str(source), path)
        return
    system.put_file(str(source), f"{path}.{os.getpid()}.tmp")
    system.mv(f"{path}.{os.getpid()}.tmp", path)


def _renames(system: Any) -> bool:
    return "file" in (system.protocol if isinstance(system.protocol, tuple) else (system.protocol,))
