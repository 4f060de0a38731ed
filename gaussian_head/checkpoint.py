"""Checkpoints: a folder with tensors (safetensors) and what they mean (JSON).

A folder holds ``tensors.safetensors`` and ``checkpoint.json``; the latter names format, version, the size and
SHA-256 of the former, and free meta data. Nothing is ever pickled. A folder appears whole or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from .checks import InputError, fingerprint, read_json, require_file
from .durable import replacing

TENSORS = "tensors.safetensors"
MANIFEST = "checkpoint.json"


def save_tensors(path: str | Path, tensors: dict[str, Tensor]) -> None:
    """Write named tensors, any device and layout, as a safetensors file.

    Raises:
        OSError: The disk is full or cannot be written; safetensors' own ``save_file`` has an error of its own for it.
    """
    from safetensors.torch import save

    Path(path).write_bytes(save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}))


def save_checkpoint(
    folder: str | Path, tensors: dict[str, Tensor], meta: dict[str, Any], *, format: str, version: int
) -> None:
    """Write a checkpoint; a ``folder`` that is already there is replaced only once the new one is complete.

    Args:
        folder: The checkpoint folder; parents are made as needed.
        tensors: Named tensors, any device and layout.
        meta: JSON values that belong with them.
        format: What the checkpoint is, for example ``"gaussian-head"``.
        version: Version of that format.

    Raises:
        InputError: ``folder`` is a file, or a folder that holds something else than a checkpoint.
        OSError: The disk is full or cannot be written; an earlier checkpoint is then left as it was.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / MANIFEST).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not a checkpoint folder and will not be overwritten; choose another path.")
    text = json.dumps({"format": format, "version": version, "meta": meta}, indent=1, allow_nan=False)
    with replacing(folder, folder=True) as fresh:
        fresh.mkdir()
        save_tensors(fresh / TENSORS, tensors)
        written = {"size": (fresh / TENSORS).stat().st_size, "sha256": fingerprint(fresh / TENSORS)}
        manifest = json.loads(text) | {"files": {TENSORS: written}}
        with open(fresh / MANIFEST, "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)


def load_checkpoint(folder: str | Path, *, format: str, version: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save_checkpoint` wrote.

    Args:
        folder: The checkpoint folder.
        format: The format wanted.
        version: The newest version that the caller understands.

    Returns:
        The tensors by name (on the CPU) and the meta data.

    Raises:
        InputError: Missing, truncated or altered files, another format, or a newer version.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest["format"] != format:
        raise InputError(f"{folder} is a {manifest['format']!r}; a {format!r} was wanted.")
    if manifest["version"] > version:
        raise InputError(
            f"{folder} has version {manifest['version']} of {format!r}; this program reads up to {version}. Update it."
        )
    path = require_file(folder / TENSORS, "checkpoint file")
    wanted = manifest["files"][TENSORS]
    size = path.stat().st_size
    if size != wanted["size"]:
        raise InputError(
            f"{path} has {size} bytes; {wanted['size']} were written. The copy was cut short: copy it anew."
        )
    if fingerprint(path) != wanted["sha256"]:
        raise InputError(f"{path} was altered or damaged after it was written (checksum differs); copy it anew.")
    try:
        return load_file(path), manifest["meta"]
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file ({error}); copy it anew.") from error


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a checkpoint folder: format, version, files and meta, without reading the tensors.

    Raises:
        InputError: ``folder`` is missing or holds no readable manifest.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"checkpoint {folder} is not a folder; give the folder that the program wrote.")
    path = folder / MANIFEST
    manifest = read_json(path, "checkpoint description")
    try:
        wanted = manifest["files"][TENSORS]
        complete = {"format", "version", "meta"} <= manifest.keys() and {"size", "sha256"} <= wanted.keys()
        complete &= isinstance(manifest["version"], int) and isinstance(manifest["meta"], dict)
    except (KeyError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise InputError(f"{path} is not a checkpoint description; it was cut short or belongs to something else.")
    return manifest
