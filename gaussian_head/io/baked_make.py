"""From a Head and a Performance to a baked sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..face import UNITS
from ..head import ASIDE_DEG, Branch, Head
from ..head.coefficients import coefficient_names
from ..media.memory import aac_bytes, jpeg_bytes
from ..motion import Motion, Performance
from .baked import FORMAT, STATIC, VERSION, Baked
from .baked_tables import BASIS_STEP, OPACITY_STEP, STRETCH_STEP, TABLE_TYPES, affine_table, basis_table

Precision = Literal["int8", "float16", "float32"]


@torch.no_grad()
def bake(head: Head, performance: Performance, *, precision: Precision = "int8") -> Baked:
    """Everything that a player needs to show and sound ``head`` going through ``performance``.

    Args:
        head: the person.
        performance: T frames; its sound is cut or padded to their length.
        precision: ``"int8"`` is small and looks the same, ``"float16"`` halves, ``"float32"`` keeps every bit.

    Raises:
        InputError: no frame, or an unknown precision.
    """
    if precision not in ("int8", "float16", "float32"):
        raise InputError(f"precision {precision!r} is unknown; choose int8, float16 or float32.")
    motion = performance.motion
    if not len(motion):
        raise InputError("the motion has no frame; at least one was wanted.")
    code = torch.stack([head.coefficients_at(motion.at(t)) for t in range(len(motion))])
    names = list(coefficient_names(head.code_map.names, head.coefficient_params["w2"].shape[1]))
    moving, code, beyond = _with_units(head, code, motion)
    names, code = names + beyond, code.numpy()
    tensors, decode = _static_tables(head, precision)
    branches, start = [], 0
    for branch in moving:
        entry, tables = _moving_tables(branch, np.abs(code).max(0), precision)
        branches.append({"name": branch.name, "start": start, "count": len(branch), **entry})
        tensors |= tables
        start += len(branch)
    tensors |= {"coefficients": code.astype(np.float32), "poses": _poses(motion)}
    header = _description(head, motion) | {
        "coefficients": names,
        "precision": precision,
        "branches": branches,
        "decode": decode,
    }
    _add_background(header, tensors, head)
    _add_sound(header, tensors, performance)
    return Baked(header=header, tensors=tensors)


def _with_units(head: Head, code: Tensor, motion: Motion) -> tuple[tuple[Branch, ...], Tensor, list[str]]:
    """Branches and coefficients ``[T, J]``, with a column more for each unit beyond the inner code; names of these."""
    anchors = head.anchors
    if anchors is None:
        return head.branches, code, []
    beyond = anchors.beyond(motion.units)
    used = beyond.amax(0).nonzero()[:, 0].tolist()
    own = torch.arange(len(used)) + code.shape[1]
    branches = []
    for branch in head.branches:
        added = [anchors.columns(branch, unit) for unit in used]
        branches.append(
            replace(
                branch,
                uses=torch.cat([branch.uses, own]),
                basis=torch.stack([*branch.basis.unbind(2), *(basis for basis, _ in added)], 2),
                stretch=torch.stack([*branch.stretch.unbind(2), *(stretch for _, stretch in added)], 2),
            )
        )
    return tuple(branches), torch.cat([code, beyond[:, used]], 1), [f"beyond_{UNITS[unit]}" for unit in used]


def _description(head: Head, motion: Motion) -> dict[str, Any]:
    """Header fields that do not depend on how numbers are stored."""
    aside = {"known_deg": list(ASIDE_DEG)} if head.one_view else {}
    return aside | {
        "format": FORMAT,
        "version": VERSION,
        "fps": float(motion.fps),
        "num_frames": len(motion),
        "num_gaussians": len(head),
        "camera": _camera(head),
        "centre": head.centre.tolist(),
    }


def _static_tables(head: Head, precision: Precision) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tables ``[N, …]`` of what motion never changes; a Gaussian that is not finite becomes an invisible one."""

    def joined(name: str) -> torch.Tensor:
        return torch.cat([getattr(branch, name).detach().float().cpu() for branch in head.branches])

    sh = torch.cat([joined("sh0"), joined("shN")], 1)
    tables = {
        "means": joined("means"),
        "quats": torch.nn.functional.normalize(joined("quats"), dim=-1),
        "log_scales": joined("log_scales"),
        "opacities": torch.sigmoid(joined("logit_opacities")),
        "sh": sh,
        "head_weights": joined("head_weights"),
    }
    broken = (~torch.cat([t.reshape(len(t), -1) for t in tables.values()], 1).isfinite()).any(1)
    tables = {name: torch.nan_to_num(table, 0, 0, 0) for name, table in tables.items()}
    tables["opacities"][broken] = 0
    arrays = {name: tables[name].numpy() for name in STATIC}
    if precision == "float32":
        return arrays, {}
    if precision == "float16":
        keep = {"means": arrays["means"], "log_scales": arrays["log_scales"]}
        return {name: keep.get(name, array.astype(np.float16)) for name, array in arrays.items()}, {}
    stored, decode = {}, {}
    for name, array in arrays.items():
        stored[name], decode[name] = affine_table(array, TABLE_TYPES[name])
    return stored, decode


def _moving_tables(branch: Branch, largest: np.ndarray, precision: Precision) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header entry and tensors of what moves one branch; columns that are zero everywhere are left out."""
    entry: dict[str, Any] = {}
    tensors: dict[str, np.ndarray] = {}
    for kind, table, uses, step in (
        ("basis", branch.basis, branch.uses, BASIS_STEP),
        ("stretch", branch.stretch, branch.uses, STRETCH_STEP),
        ("opacity", branch.opacity_basis[:, None], branch.opacity_uses, OPACITY_STEP),
    ):
        values, uses = torch.nan_to_num(table.detach().float().cpu(), 0, 0, 0).numpy(), uses.cpu().numpy()
        planes = np.ascontiguousarray(values.transpose(2, 0, 1))
        filled = np.flatnonzero(np.abs(planes).max((1, 2), initial=0.0) > 0)
        entry[f"{kind}_columns"] = uses[filled].tolist()
        if not len(filled):
            continue
        planes, name = planes[filled], f"{branch.name}.{kind}"
        if precision == "int8":
            stored, row, column = basis_table(planes, largest[uses[filled]], step)
            tensors |= {name: stored, f"{name}.row": row, f"{name}.column": column}
        else:
            tensors[name] = planes.astype(precision)
    return entry, tensors


def _poses(motion: Motion) -> np.ndarray:
    """``[T, 14]`` head and torso poses, the torso's quaternion on the head's half of the sphere."""
    flip = torch.where((motion.head.quats * motion.torso.quats).sum(1, keepdim=True) < 0, -1.0, 1.0)
    parts = [motion.head.quats, motion.head.positions, flip * motion.torso.quats, motion.torso.positions]
    return torch.cat(parts, 1).detach().cpu().numpy().astype(np.float32)


def _camera(head: Head) -> dict[str, Any]:
    K = head.camera.K
    return {
        "viewmat": head.camera.viewmat.flatten().tolist(),
        "fx": K[0, 0].item(),
        "fy": K[1, 1].item(),
        "cx": K[0, 2].item(),
        "cy": K[1, 2].item(),
        "width": head.camera.width,
        "height": head.camera.height,
    }


def _add_background(header: dict[str, Any], tensors: dict[str, np.ndarray], head: Head) -> None:
    plate = (head.background.detach().clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()
    tensors["background"] = np.frombuffer(jpeg_bytes(plate), np.uint8)
    header["background"] = {"type": "image/jpeg", "width": plate.shape[1], "height": plate.shape[0]}


def _add_sound(header: dict[str, Any], tensors: dict[str, np.ndarray], performance: Performance) -> None:
    if performance.samples is None:
        return
    seconds, rate = performance.motion.duration, performance.sample_rate
    sound = aac_bytes(performance.samples, rate, length=round(seconds * rate))
    tensors["sound"] = np.frombuffer(sound, np.uint8)
    header["sound"] = {"type": "audio/mp4", "seconds": seconds}
