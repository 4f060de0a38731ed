"""Outputs that appear whole or not at all and then stay, whatever ends the program; locks that end with their owner."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .checks import InputError, require_writable_folder

if sys.platform == "win32":
    fcntl = None
else:
    import fcntl

STAGING = re.compile(r"\..*\.[0-9a-f]{16}\.tmp", re.DOTALL)
"""Names of hidden folders in which an output waits until it is complete; its owner holds a lock on it."""
ASIDE = ".aside"
"""Folder in it where an old folder waits while two renames replace it, under its own name."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of Linux's ``renameat2``."""
_open: set[Path] = set()
_swept: set[Path] = set()


@contextmanager
def replacing(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield where to write what takes the place of ``path``, at once and for good, when the body has ended well.

    The body makes the yielded path a file or, with ``folder``, a folder. On any error an existing ``path`` stays as
    it was; a process killed at any moment leaves the old or the new one, and what it had begun is removed the next
    time that something is written there. A link is followed. Permissions are those of any new file.

    Raises:
        InputError: as ``require_replaceable``, before the body runs.
    """
    path = require_replaceable(path, folder=folder)
    if any(parent in _open for parent in path.parents):  # nobody sees it yet, and the whole is kept later
        yield from _replaced_within(path)
        return
    _sweep(path.parent)
    staging, lock = _staging_for(path)
    _open.add(staging)
    fresh = staging / path.name
    try:
        yield fresh
        _settle(fresh, staging.stat().st_mode & 0o777)
        _swap(fresh, path, staging / ASIDE / path.name)
        _sync(path.parent)
    finally:
        _open.discard(staging)
        _clear(staging)
        _unlock(lock)


def require_replaceable(path: str | Path, *, folder: bool) -> Path:
    """Where ``path`` really lies, if a file or a ``folder`` can be put there in one piece.

    Raises:
        InputError: a folder stands where a file is wanted or the reverse; the folder holding it cannot be made or
            written; or ``path`` cannot be replaced: a mount, or a folder in which this program runs.
    """
    given, path = path, Path(os.path.realpath(path))
    if path.is_dir() and not folder:
        raise InputError(f"{given} is a folder; name a file, which may lie in it.")
    if path.exists() and not path.is_dir() and folder:
        raise InputError(f"{given} is a file and a folder is to be written; name another with --out.")
    if path.is_dir() and (os.path.ismount(path) or path in (here := _working_folder(), *here.parents)):
        raise InputError(
            f"{given} is {'a mounted disk' if os.path.ismount(path) else 'the folder you are in'} and cannot be put "
            f"in place in one piece; name a folder inside it, for example {Path(given) / 'out'}."
        )
    require_writable_folder(path.parent, "folder")
    return path


def discard(path: str | Path) -> None:
    """Remove a file or folder so that no half of it is ever seen; nothing happens where it is absent."""
    path = Path(os.path.realpath(path))
    if not path.exists():
        return
    staging, lock = _staging_for(path)
    try:
        os.rename(path, staging / path.name)
        _sync(path.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        _unlock(lock)


class BusyError(InputError):
    """Somebody else is at work there; later it may be free."""


@contextmanager
def locked(folder: str | Path, work: str, *, shared: bool = False) -> Iterator[None]:
    """Keep other processes (and threads) out of ``folder`` while the body runs; the lock ends with its owner.

    Args:
        folder: an existing folder; nothing is written to it.
        work: what is going on there, for the message: ``"a render of talk.mp4"``.
        shared: let others in who share it too.

    Raises:
        BusyError: somebody else holds it.
    """
    lock = _lock(Path(folder), shared=shared)
    if lock is None:
        raise BusyError(f"{work} is under way already; wait for it, or choose another place with --out.")
    try:
        yield
    finally:
        _unlock(lock)


def _replaced_within(path: Path) -> Iterator[Path]:
    """``replacing`` inside a folder that does not count yet: no lock, and nothing is forced to the disk."""
    fresh = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        yield fresh
        _swap(fresh, path, fresh.with_name(fresh.name + ASIDE) / path.name)
    finally:
        _delete(fresh)
        _delete(fresh.with_name(fresh.name + ASIDE))


def _staging_for(path: Path) -> tuple[Path, int]:
    """A new hidden folder beside ``path`` that is locked; a sweep may take one between its making and its lock."""
    while True:
        staging = path.with_name(f".{path.name[:150]}.{secrets.token_hex(8)}.tmp")
        staging.mkdir()
        try:
            lock = _lock(staging)
        except FileNotFoundError:
            continue
        if lock is not None and staging.exists():
            return staging, lock
        _unlock(lock)


def _sweep(parent: Path) -> None:
    """Once per process: remove what dead processes left in a folder, after putting back what they held aside."""
    if parent in _swept:
        return
    _swept.add(parent)
    for staging in [Path(entry.path) for entry in os.scandir(parent) if STAGING.fullmatch(entry.name)]:
        try:
            lock = _lock(staging, known_only=True)
        except OSError:
            continue
        if lock is None:
            continue
        _clear(staging)
        _unlock(lock)


def _clear(staging: Path) -> None:
    """Put back what was held aside and has nothing in its place, and remove the rest."""
    for aside in staging.glob(f"{ASIDE}/*"):
        home = staging.parent / aside.name
        if not home.exists():
            os.rename(aside, home)
    shutil.rmtree(staging, ignore_errors=True)


def _lock(folder: Path, *, known_only: bool = False, shared: bool = False) -> int | None:
    """A handle that locks ``folder``; None where another has it.

    Where the system knows no such lock it is -1, or None with ``known_only``.
    """
    if fcntl is None:
        return None if known_only else -1
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        return None if known_only or error.errno in (errno.EWOULDBLOCK, errno.EACCES) else -1
    return handle


def _unlock(lock: int | None) -> None:
    if lock is not None and lock >= 0:
        os.close(lock)


def _swap(fresh: Path, path: Path, aside: Path) -> None:
    """Put ``fresh`` at ``path``; an old folder is left where ``fresh`` was, or at ``aside``."""
    if not path.is_dir() or not fresh.is_dir():
        os.replace(fresh, path)
    elif not _exchange(fresh, path):
        aside.parent.mkdir()
        os.rename(path, aside)
        try:
            os.rename(fresh, path)
        except BaseException:
            os.rename(aside, path)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if rename is None:
        return False
    if rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _settle(fresh: Path, mode: int) -> None:
    """Give a file, or everything in a folder, the permissions of new files and force it to the disk."""
    folders = [Path(root) for root, _, _ in os.walk(fresh)]
    files = [entry for folder in folders for entry in folder.iterdir() if entry.is_file()] if folders else [fresh]
    for file in files:
        file.chmod(mode & 0o666)
        _sync(file)
    for folder in reversed(folders):
        _sync(folder)


def _sync(path: Path) -> None:
    if os.name == "nt":  # neither folders nor files opened for reading can be forced to the disk there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _working_folder() -> Path:
    try:
        return Path.cwd().resolve()
    except FileNotFoundError:  # it was removed under us, so nothing there can be replaced
        return Path("/nowhere")
