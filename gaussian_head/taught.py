"""Files of what was taught: tensors (safetensors), and beside them what they mean and what taught them (JSON)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from .checkpoint import save_tensors
from .checks import InputError, read_json, require_file
from .durable import replacing

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TaughtFile:
    """One kind of such files: ``<path>.safetensors`` and ``<path>.json``."""

    what: str
    """What it is called in messages."""
    script: str
    """Script that makes one."""
    format: str
    """Name of the format, as it stands in the file."""
    version: int
    """Version of the format."""

    def save(self, path: str | Path, tensors: dict[str, Tensor], meta: dict[str, Any], card: dict[str, Any]) -> None:
        """Write both files.

        Args:
            path: of either, or of both without an ending.
            tensors: by name.
            meta: JSON values that reading needs.
            card: JSON values about sources, licences and scores.
        """
        path = Path(path)
        with replacing(path.with_suffix(".safetensors")) as temporary:
            save_tensors(temporary, tensors)
        text = json.dumps({"format": self.format, "version": self.version} | meta | card, indent=1, ensure_ascii=False)
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    def read(self, path: str | Path, build: Callable[[dict[str, Any], dict[str, Tensor]], T]) -> T:
        """What ``build`` makes of the JSON values and the tensors.

        Raises:
            InputError: a file is missing or damaged, of another format or version, or ``build`` cannot use it.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = Path(path).with_suffix(".safetensors")
        meta = read_json(path.with_suffix(".json"), self.what)
        if not isinstance(meta, dict) or meta.get("format") != self.format or meta.get("version") != self.version:
            raise InputError(f"{path} is no {self.what} of this toolkit; `python scripts/{self.script}` makes one.")
        try:
            return build(meta, load_file(require_file(path, self.what)))
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
            raise InputError(f"the {self.what} {path} is damaged ({error}); install the package again.") from error
