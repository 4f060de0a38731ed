"""How a net is run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numpy as np

from ..carried import carried_file
from ..checks import InputError


class Net:
    """One net, run on one CPU core; give each thread its own."""

    def __init__(self, name: str) -> None:
        """
        Args:
            name: A carried file, ``face_landmarks.tflite`` for example.

        Raises:
            InputError: the net or what runs it is missing.
        """
        path = carried_file(name)
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
