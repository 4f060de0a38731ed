"""A head on disk: ``model`` (safetensors + JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..camera import Camera
from ..checkpoint import load_checkpoint, save_checkpoint
from ..checks import (
    InputError,
    require_count,
    require_names,
    require_shapes,
    require_writable_folder,
)
from ..motion import CodeMap
from .anchors import Anchors
from .branch import PARTS, PER_GAUSSIAN, Branch
from .coefficients import HIDDEN, NECK_SIZE, TURN_BOUNDS, VIEW_BOUNDS, VIEW_SIZE, coefficient_names

FORMAT, VERSION = "gaussian-head", 3
"""Heads of versions 1 and 2 understood a code private to their clip and no units; they are refused in words."""
MODEL = "model"
ANCHORS, HALVED = "anchors.", ("offsets", "slopes")
"""Prefix of the anchors' tensors, and which of them are stored in half precision."""
USES = ("uses", "opacity_uses")
"""What says which coefficients a branch uses."""
WHOLE = (".uses", ".opacity_uses", "background", ".rows", ".corners")
"""Endings of the names of what is stored in whole numbers."""
MOST_PIXELS = 16384
"""Pictures wider or higher are taken for damaged."""


def write_fields(fields: Mapping[str, Any], folder: str | Path) -> None:
    """Write the fields of a Head; it appears whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = require_writable_folder(folder, "head folder")
    branches, camera = fields["branches"], fields["camera"]
    tensors = {f"branch.{b.name}.{key}": value for b in branches for key, value in b.tensors().items()}
    tensors |= {f"branch.{b.name}.{key}": getattr(b, key) for b in branches for key in USES}
    tensors |= {f"coefficients.{key}": value for key, value in fields["coefficient_params"].items()}
    if fields["anchors"] is not None:
        stored = fields["anchors"].tensors()
        tensors |= {f"{ANCHORS}{name}": t.half() if name in HALVED else t for name, t in stored.items()}
    tensors |= {"viewmat": camera.viewmat, "K": camera.K} | fields["code_map"].tensors()
    tensors["background"] = (fields["background"].clamp(0, 1) * 255 + 0.5).to(torch.uint8)
    meta = {
        "branches": [b.name for b in branches],
        "code": list(fields["code_map"].names),
        "basis": fields["code_map"].basis_id,
        "width": camera.width,
        "height": camera.height,
        "one_view": fields["one_view"],
    }
    save_checkpoint(folder / MODEL, tensors, meta, format=FORMAT, version=VERSION)


def read_fields(folder: str | Path) -> dict[str, Any]:
    """The fields of a Head as ``write_fields`` wrote them.

    Raises:
        InputError: not a head, truncated, altered, of a newer version, or with parts that do not belong together.
    """
    folder = Path(folder)
    if not (folder / MODEL).is_dir():
        below = folder / "head"
        where = f"give {below}" if (below / MODEL).is_dir() else "give the folder that `train` wrote"
        raise InputError(f"{folder} holds no trained head (no {MODEL!r} inside); {where}.")
    tensors, meta = load_checkpoint(folder / MODEL, format=FORMAT, version=VERSION)
    try:
        tensors = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
        _check_meta(meta)
        tensors = _with_opacity_basis(tensors, meta["branches"])
        _check_tensors(tensors, meta)
        return _assembled(tensors, meta)
    except KeyError as error:
        raise InputError(f"head {folder} lacks {error}; train it again with this version.") from error
    except ValueError as error:
        raise InputError(f"head {folder}: {error} Copy it again, or train it again with this version.") from error


def _with_opacity_basis(tensors: dict[str, Tensor], branches: Sequence[str]) -> dict[str, Tensor]:
    """The tensors of a head, whose opacities never change where it was made before they could."""
    none = {
        f"branch.{name}.{key}": value
        for name in branches
        for key, value in (
            ("opacity_uses", torch.zeros(0, dtype=torch.int64)),
            ("opacity_basis", torch.zeros(len(tensors[f"branch.{name}.means"]), 0)),
        )
    }
    return none | tensors


def _check_meta(meta: dict[str, Any]) -> None:
    """InputError unless the description's values are of their kinds."""
    require_names(meta["branches"], "branches")
    require_names(meta["code"], "code")
    for side in ("width", "height"):
        require_count(meta[side], side, least=1, most=MOST_PIXELS)
    if not isinstance(meta.get("one_view", False), bool):
        raise InputError(f"one_view is a {type(meta['one_view']).__name__}; true or false was wanted.")
    if not isinstance(meta["basis"], str):
        raise InputError(f"basis is a {type(meta['basis']).__name__}; a text was wanted.")
    if set(meta["branches"]) - set(PARTS) or not meta["branches"]:
        raise InputError(f"branches are {meta['branches']}; some of {PARTS} were wanted.")


def _check_tensors(tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """InputError unless everything but the branches, which check themselves, has the shape that belongs to the rest."""
    K, w2 = len(meta["code"]), tensors["coefficients.w2"]
    learned = w2.shape[-1] if w2.ndim else 0
    wanted: dict[str, tuple[int | None, ...]] = {f"coefficients.{name}": shape for name, shape in {
        "code_scale": (K,), "rest_position": (3,), "w1": (K, HIDDEN), "b1": (HIDDEN,), "w2": (HIDDEN, learned),
    }.items()}  # fmt: skip
    for name, count in ((TURN_BOUNDS, NECK_SIZE), (VIEW_BOUNDS, VIEW_SIZE)):
        if f"coefficients.{name}" in tensors:
            wanted[f"coefficients.{name}"] = (2, count)
    wanted |= {"viewmat": (4, 4), "K": (3, 3)}
    wanted["background"] = (meta["height"], meta["width"], 3)
    require_shapes(tensors, wanted, "the model")
    whole = [name for name, tensor in tensors.items() if tensor.is_floating_point() == name.endswith(WHOLE)]
    if whole:
        raise InputError(f"{whole[0]} is {tensors[whole[0]].dtype}.")
    size = len(coefficient_names(tuple(meta["code"]), learned))
    for branch in meta["branches"]:
        uses = torch.cat([tensors[f"branch.{branch}.{key}"] for key in USES])
        if uses.numel() and not (int(uses.min()) >= 0 and int(uses.max()) < size):
            raise InputError(f"branch {branch!r} uses coefficients beyond the {size} there are.")


def _assembled(tensors: dict[str, Tensor], meta: dict[str, Any]) -> dict[str, Any]:
    prefix = "coefficients."
    return dict(
        branches=tuple(
            Branch(name=name, **{key: tensors[f"branch.{name}.{key}"] for key in (*PER_GAUSSIAN, *USES)})
            for name in meta["branches"]
        ),
        coefficient_params={key.removeprefix(prefix): v for key, v in tensors.items() if key.startswith(prefix)},
        camera=Camera(viewmat=tensors["viewmat"], K=tensors["K"], width=meta["width"], height=meta["height"]),
        background=tensors["background"].float() / 255,
        code_map=CodeMap.from_tensors(tensors, names=meta["code"], basis_id=meta["basis"]),
        anchors=_anchors(tensors, meta["branches"]),
        one_view=meta.get("one_view", False),
    )


def _anchors(tensors: dict[str, Tensor], branches: Sequence[str]) -> Anchors | None:
    """The anchors of a file; None in one of before there were any."""
    found = {name.removeprefix(ANCHORS): t for name, t in tensors.items() if name.startswith(ANCHORS)}
    if not found:
        return None
    anchors = Anchors.from_tensors(found, branches)
    for name, hung in anchors.branches.items():
        count = len(tensors[f"branch.{name}.means"])
        if hung.rows.numel() and not 0 <= int(hung.rows.min()) <= int(hung.rows.max()) < count:
            raise InputError(f"anchors of {name!r} move Gaussians beyond the {count} there are.")
    return anchors
