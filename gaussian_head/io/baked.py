"""A baked sequence: one file with all that a web page or a game engine needs to play a talking head.

The file is a safetensors file: 8 bytes of header length (little-endian u64), a JSON header that names every tensor with
its dtype, shape and byte range, then the tensors, little-endian, each aligned to its own number size. The JSON string
``__metadata__["gaussian_head_baked"]`` holds the description that follows.

Header fields: ``format``, ``version``, ``precision``, ``fps``, ``num_frames`` T, ``num_gaussians`` N, ``coefficients``
(J names), ``camera`` (recording camera: ``viewmat`` 16 numbers row by row, world to camera, OpenCV axes; ``fx fy cx cy
width height`` in pixels, pixel centres at half integers), ``centre`` (what cameras orbit around, metres), ``branches``,
``decode``, ``background`` and ``sound`` (absent where there is none).

========================  ===============  =============================================================================
tensor                    shape            meaning
========================  ===============  =============================================================================
``means``                 ``[N, 3]``       canonical centres, metres
``quats``                 ``[N, 4]``       rotations wxyz; normalise after reading
``log_scales``            ``[N, 3]``       natural log of the standard deviations in metres
``opacities``             ``[N]``          0 to 1
``sh``                    ``[N, B, 3]``    spherical harmonics of the colour, B = 1 or 4, order and signs as in 3DGS
``head_weights``          ``[N]``          1 follows the head, 0 the torso
``coefficients``          ``[T, J]``       float32, code of every frame
``poses``                 ``[T, 14]``      float32: head quaternion, head position, torso quaternion, torso position
``BRANCH.basis``          ``[J1, M, 3]``   metres per unit of the coefficients ``basis_columns`` of that branch
``BRANCH.stretch``        ``[J2, M, 6]``   rotation vector and log-scale per unit of ``stretch_columns``
``BRANCH.opacity``        ``[J3, M, 1]``   opacity before the sigmoid per unit of ``opacity_columns``
``background``            bytes            picture behind the Gaussians
``sound``                 bytes            sound file; time 0 is frame 0
========================  ===============  =============================================================================

``branches`` lists ``{name, start, count, basis_columns, stretch_columns, opacity_columns}``: the M Gaussians of a
branch begin at ``start``. A branch without columns has no such tensor; version 1 knew no ``opacity_columns``.
``decode[name] = {scale, offset}`` says that a static tensor holds integers: ``value = stored * scale + offset`` along
the last axis. Where ``BRANCH.basis.row [M]`` and ``BRANCH.basis.column [J1]`` exist,
``value[j, m, :] = stored[j, m, :] * row[m] * column[j]``; the same for the others.

A Gaussian with mean ``m``, unit quaternion ``q``, log-scales ``l`` and head weight ``w`` in a frame with coefficients
``c``, head pose ``(H, h)`` and torso pose ``(T, t)``::

    m' = m + sum_j c[basis_columns[j]] * basis[j]
    turn, grow = sum_j c[stretch_columns[j]] * stretch[j]           # 3 and 3 numbers
    mean  = w * (R(H) m' + h) + (1 - w) * (R(T) m' + t)             # R: rotation matrix of a quaternion
    quat  = normalise(w * H + (1 - w) * T) * (1, turn / 2) * q      # Hamilton products; normalise the result
    scale = exp(l + grow)
    opacity = sigmoid(logit(opacity) + sum_j c[opacity_columns[j]] * opacity_basis[j])
    rgb   = max(0, 0.5 + sum_b sh[b] * Y_b(R^T d))                  # d: unit vector from camera to mean; R = R(T) in
                                                                    # branch "torso", R(H) in the others
    Y = (0.28209479, -0.48860251 y, 0.48860251 z, -0.48860251 x)

Where the header has ``known_deg = [from, to]``, one camera filmed the head, and what its colours do with the view and
its opacities with its turns is known about that camera only: multiply ``sh[1:]`` and ``opacity_basis`` by
``1 - s(clamp((angle - from) / (to - from), 0, 1))`` with ``s(x) = x x (3 - 2 x)``. ``angle`` lies between the ways from
``centre`` to the camera and to the recording camera.

The quaternions of a frame lie on one half of the sphere, so that they can be blended as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checks import (
    InputError,
    parse_json,
    require_count,
    require_file,
    require_names,
    require_number,
    require_shapes,
)
from ..durable import replacing
from ..gaussians import Gaussians
from ..head.branch import Branch, deform
from ..motion import FASTEST, SLOWEST, MotionFrame, Pose

FORMAT = "gaussian-head-baked"
VERSION = 2
KEY = "gaussian_head_baked"
"""Name of the description in the safetensors metadata."""
STATIC = ("means", "quats", "log_scales", "opacities", "sh", "head_weights")
"""Tensors with a leading N."""
_RULE = ("scale", "offset")
MOVING = {"basis": 3, "stretch": 6, "opacity": 1}
"""Tables of a branch, and the numbers of a Gaussian that each moves."""


@dataclass(frozen=True, kw_only=True)
class Baked:
    """A talking head ready to play, in memory."""

    header: Mapping[str, Any]
    """The description, as the module's docstring lists it."""
    tensors: Mapping[str, np.ndarray]
    """Stored tensors by name."""

    def __len__(self) -> int:
        return self.header["num_frames"]

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.header["fps"]

    def table(self, name: str) -> np.ndarray:
        """One static tensor as float32, decoded."""
        stored = self.tensors[name].astype(np.float32)
        rule = self.header["decode"].get(name)
        if rule is None:
            return stored
        return (
            (stored * np.float64(rule["scale"]) + np.float64(rule["offset"])).astype(np.float32).reshape(stored.shape)
        )

    def moving(self, name: str) -> np.ndarray:
        """One ``BRANCH.basis`` or ``BRANCH.stretch`` as float32 ``[J, M, C]``, decoded."""
        stored = self.tensors[name].astype(np.float32)
        if f"{name}.row" not in self.tensors:
            return stored
        row, column = (self.tensors[f"{name}.{part}"].astype(np.float32) for part in ("row", "column"))
        return stored * row[None, :, None] * column[:, None, None]

    def branch(self, index: int) -> Branch:
        """Branch ``index`` with the coefficients that its tables name."""
        entry = self.header["branches"][index]
        rows = slice(entry["start"], entry["start"] + entry["count"])
        uses = sorted({*entry["basis_columns"], *entry["stretch_columns"]})
        uses_of = {"basis": uses, "stretch": uses, "opacity": entry["opacity_columns"]}
        static = {name: torch.from_numpy(self.table(name)[rows]) for name in STATIC}
        moving = {kind: torch.zeros(entry["count"], size, len(uses_of[kind])) for kind, size in MOVING.items()}
        for kind, values in moving.items():
            columns = [uses_of[kind].index(column) for column in entry[f"{kind}_columns"]]
            if columns:
                values[:, :, columns] = torch.from_numpy(self.moving(f"{entry['name']}.{kind}")).permute(1, 2, 0)
        return Branch(
            name=entry["name"],
            uses=torch.tensor(uses, dtype=torch.int64),
            means=static["means"],
            quats=static["quats"],
            log_scales=static["log_scales"],
            logit_opacities=torch.logit(static["opacities"]),
            sh0=static["sh"][:, :1],
            shN=static["sh"][:, 1:],
            head_weights=static["head_weights"],
            basis=moving["basis"],
            stretch=moving["stretch"],
            opacity_uses=torch.tensor(uses_of["opacity"], dtype=torch.int64),
            opacity_basis=moving["opacity"][:, 0],
        )

    def gaussians(self, t: int) -> Gaussians:
        """All Gaussians ``[N]`` in the world at frame ``t``."""
        poses = torch.from_numpy(self.tensors["poses"][t].astype(np.float32))
        head, torso = (Pose(quats=poses[i : i + 4], positions=poses[i + 4 : i + 7]) for i in (0, 7))
        frame = MotionFrame.neutral(head, torso)
        code = torch.from_numpy(self.tensors["coefficients"][t].astype(np.float32))
        parts = [deform(self.branch(i), code, frame) for i in range(len(self.header["branches"]))]
        fields = ("means", "quats", "scales", "opacities", "colors")
        return Gaussians(**{name: torch.cat([getattr(part, name) for part in parts]) for name in fields})

    def to_bytes(self) -> bytes:
        """The file."""
        from safetensors.numpy import save

        arrays = {name: np.ascontiguousarray(array) for name, array in self.tensors.items()}
        return save(arrays, metadata={KEY: json.dumps(self.header, separators=(",", ":"))})


def write_baked(path: str | Path, baked: Baked) -> None:
    """Write a baked sequence, at once or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(baked.to_bytes())


def read_baked(path: str | Path) -> Baked:
    """Read a baked sequence.

    Raises:
        InputError: missing, cut short, another kind of file, a newer version, or a tensor that is missing or misshapen.
    """
    from safetensors import SafetensorError, safe_open

    path = require_file(path, "baked sequence")
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = parse_json((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise InputError(f"{path} is no baked sequence, or was cut short ({error}); export it again.") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is a safetensors file but no baked sequence; wanted what `export` writes.") from error
    try:
        _check_format(header)
        _bring_up_to_date(header)
        _check_header(header)
        _check_tables(header, tensors)
    except InputError as error:
        raise InputError(f"{path}: {error} Export it again.") from error
    return Baked(header=header, tensors=tensors)


def _check_format(header: Any) -> None:
    found = (header.get("format"), header.get("version")) if isinstance(header, dict) else (header, None)
    if found[0] != FORMAT or not isinstance(found[1], int) or found[1] > VERSION:
        raise InputError(f"it is {found[0]!r} version {found[1]!r}; {FORMAT!r} up to version {VERSION} was wanted.")


def _bring_up_to_date(header: dict[str, Any]) -> None:
    """Say of the branches of version 1 what it could not: their opacities never change."""
    branches = header.get("branches") if header["version"] == 1 else None
    for branch in branches if isinstance(branches, list) else []:
        if isinstance(branch, dict):
            branch["opacity_columns"] = []


def _check_header(header: dict[str, Any]) -> None:
    """InputError unless counts, names and branches of the header agree with each other."""
    missing = {"num_gaussians", "num_frames", "fps", "coefficients", "branches", "decode", "camera"} - header.keys()
    if missing or not isinstance(header["branches"], list) or not isinstance(header["decode"], dict):
        raise InputError(f"its header lacks {sorted(missing) or 'a list of branches or a table of decodings'}.")
    require_number(header["fps"], "fps", least=SLOWEST, most=FASTEST)
    require_count(header["num_frames"], "num_frames", least=1)
    _check_known(header.get("known_deg", [0, 1]))
    N, J = require_count(header["num_gaussians"], "num_gaussians"), len(require_names(header["coefficients"], "codes"))
    start, names = 0, []
    for branch in header["branches"]:
        if not isinstance(branch, dict) or not {"name", "start", "count"} <= branch.keys():
            raise InputError("a branch lacks its name, start or count.")
        names.append(branch["name"])
        require_count(branch["start"], "start of a branch", least=start, most=start)
        start += require_count(branch["count"], "count of a branch", most=N - start)
        for kind in MOVING:
            columns = branch.get(f"{kind}_columns")
            if not isinstance(columns, list):
                raise InputError(f"a branch has {kind}_columns {columns!r}; a list was wanted.")
            for column in columns:
                require_count(column, f"one of {kind}_columns", most=J - 1)
            if len(set(columns)) < len(columns):
                raise InputError(f"a branch names a column twice among its {kind}_columns.")
    if start != N or not names:
        raise InputError(f"its branches hold {start} of {N} Gaussians.")
    require_names(names, "branches")


def _check_known(known: Any) -> None:
    """InputError unless these are two angles in degrees, one after the other."""
    if not isinstance(known, list) or len(known) != 2:
        raise InputError(f"its known_deg is {known!r}; two angles were wanted.")
    start, end = (require_number(angle, "an angle of known_deg", least=0, most=180) for angle in known)
    if not start < end:
        raise InputError(f"its known_deg is {known!r}; the first angle must be the smaller one.")


def _check_tables(header: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """InputError unless every tensor that the header speaks of is there, in its shape, as numbers."""
    N, T, J = header["num_gaussians"], header["num_frames"], len(header["coefficients"])
    wanted: dict[str, tuple[int | None, ...]] = {"means": (N, 3), "quats": (N, 4), "log_scales": (N, 3)}
    wanted |= {"opacities": (N,), "sh": (N, None, 3), "head_weights": (N,)}
    wanted |= {"coefficients": (T, J), "poses": (T, 14)}
    for branch in header["branches"]:
        for kind, size in MOVING.items():
            columns, name = len(branch[f"{kind}_columns"]), f"{branch['name']}.{kind}"
            if columns:
                wanted[name] = (columns, branch["count"], size)
            if columns and f"{name}.row" in tensors:
                wanted |= {f"{name}.row": (branch["count"],), f"{name}.column": (columns,)}
    require_shapes(tensors, wanted, "the sequence")
    if tensors["sh"].shape[1] not in (1, 4):
        raise InputError(f"sh has {tensors['sh'].shape[1]} coefficients; 1 or 4 were wanted.")
    words = [name for name in wanted if tensors[name].dtype.kind not in "fiu"]
    if words:
        raise InputError(f"{words} hold no numbers.")
    for name, rule in header["decode"].items():
        columns = tensors[name].shape[-1] if name in STATIC and tensors[name].ndim > 1 else 1
        parts: list[Any] = [rule.get(part) for part in _RULE] if isinstance(rule, dict) and name in STATIC else []
        if not parts or any(not isinstance(part, list) or len(part) != columns for part in parts):
            raise InputError(f"the decoding of {name} does not fit a table.")
        for number in (number for part in parts for number in part):
            require_number(number, f"a number in the decoding of {name}", least=-1e30, most=1e30)
