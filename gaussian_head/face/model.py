"""The parametric head: identity, the 52 ARKit units and gaze to vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..checks import InputError
from .units import UNITS

DATA = Path(__file__).parent / "head.safetensors"
FORMAT, VERSION = "gaussian-head-face-model", 1
REGIONS = (
    "face", "lips", "lids", "ears", "scalp", "neck", "shoulders", "mouth_cavity", "eye_socket",
    "eye_left", "eye_right", "upper_teeth", "lower_teeth", "tongue", "lashes",
)  # fmt: skip
"""Names of the region labels; left and right are the subject's own."""
JOINTS = ("neck", "head", "jaw")
"""Names of the joints."""
EYES = ("eye_left", "eye_right")


@dataclass(frozen=True, kw_only=True)
class FaceModel:
    """A head that nobody has to register for: MakeHuman's mesh and targets (CC0), baked by ``scripts/bake_face.py``.

    Head frame: origin between the ears, +x to the picture's right (the subject's left), +y down, +z into the skull,
    metres. V vertices, F triangles, I identity modes, U = 52 units, J joints.
    """

    mean: Tensor
    """``[V, 3]`` f32 average adult head, neutral."""
    modes: Tensor
    """``[I, V, 3]`` f32 metres per standard deviation of each identity mode, strongest first."""
    units: Tensor
    """``[U, V, 3]`` f32 metres per unit, in the order of `units.UNITS`; the eyeballs are moved by gaze alone."""
    triangles: Tensor
    """``[F, 3]`` int64, counter-clockwise seen from outside."""
    regions: Tensor
    """``[V]`` int64 index into REGIONS."""
    uvs: Tensor
    """``[T, 2]`` f32 texture coordinates in [0, 1], v up."""
    uv_triangles: Tensor
    """``[F, 3]`` int64 rows of ``uvs`` of each triangle's corners."""
    joint_mean: Tensor
    """``[J, 3]`` f32 joints of the average head, see JOINTS."""
    joint_modes: Tensor
    """``[I, J, 3]`` f32 metres per standard deviation."""
    landmark_triangles: Tensor
    """``[478]`` int64 triangle on which each of the tracker's landmarks lies."""
    landmark_weights: Tensor
    """``[478, 3]`` f32 weights of that triangle's corners."""

    @staticmethod
    def load(path: str | Path = DATA) -> FaceModel:
        """Read a baked head; by default the one in the package, which is read once.

        Raises:
            InputError: missing, damaged, or baked by another version.
        """
        return _load(Path(path))

    @property
    def num_identity(self) -> int:
        """I, the number of identity modes."""
        return len(self.modes)

    def of_region(self, *names: str) -> Tensor:
        """Vertices int64 ``[n]`` that belong to any of the regions called ``names``."""
        wanted = torch.tensor([REGIONS.index(name) for name in names])
        return torch.isin(self.regions, wanted).nonzero()[:, 0]

    def neutral(self, identity: Tensor) -> Tensor:
        """Neutral heads ``[..., V, 3]`` of identities ``[..., <=I]`` in standard deviations; absent modes are 0."""
        modes = self.modes[: identity.shape[-1]]
        return self.mean + (identity @ modes.flatten(1)).unflatten(-1, self.mean.shape)

    def joints(self, identity: Tensor) -> Tensor:
        """Joints ``[..., J, 3]`` of identities ``[..., <=I]``."""
        modes = self.joint_modes[: identity.shape[-1]]
        return self.joint_mean + (identity @ modes.flatten(1)).unflatten(-1, self.joint_mean.shape)

    def vertices(self, identity: Tensor, units: Tensor | None = None, gaze: Tensor | None = None) -> Tensor:
        """Heads with an expression, differentiable in everything.

        Args:
            identity: ``[..., <=I]`` standard deviations of the first identity modes.
            units: ``[..., 52]`` weights of the units, 0 to 1; None for the neutral face.
            gaze: ``[..., 2, 2]`` radians that the left and the right eyeball turn: to the picture's right, and down;
                None for straight ahead.

        Returns:
            ``[..., V, 3]`` in the head frame; leading dimensions are broadcast.

        Raises:
            ValueError: the last dimensions are not as above.
        """
        _require_shapes(self, identity, units, gaze)
        vertices = self.neutral(identity)
        if units is not None:
            vertices = vertices + (units @ self.units.flatten(1)).unflatten(-1, self.mean.shape)
        return vertices if gaze is None else self._with_gaze(vertices, gaze)

    def landmarks(self, points: Tensor) -> Tensor:
        """The tracker's landmarks ``[..., 478, D]`` of values ``[..., V, D]`` at the vertices, such as places."""
        corners = points[..., self.triangles[self.landmark_triangles], :]
        return (corners * self.landmark_weights[..., None]).sum(-2)

    def _with_gaze(self, vertices: Tensor, gaze: Tensor) -> Tensor:
        """The eyeballs turned about their centres."""
        shape = torch.broadcast_shapes(vertices.shape[:-2], gaze.shape[:-2])
        turned = vertices.expand(*shape, *self.mean.shape).clone()
        for eye, name in enumerate(EYES):
            index = self.of_region(name)
            ball = vertices[..., index, :]
            centre = ball.mean(-2, keepdim=True)
            rotation = _gaze_rotation(gaze[..., eye, :])
            turned[..., index, :] = centre + (ball - centre) @ rotation.mT
        return turned


def _gaze_rotation(angles: Tensor) -> Tensor:
    """Rotations ``[..., 3, 3]`` that turn the view direction -z by ``[..., 2]`` radians: to +x, then to +y."""
    (cx, cy), (sx, sy) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    zero, one = torch.zeros_like(cx), torch.ones_like(cx)
    sideways = torch.stack([cx, zero, -sx, zero, one, zero, sx, zero, cx], -1).unflatten(-1, (3, 3))
    downwards = torch.stack([one, zero, zero, zero, cy, -sy, zero, sy, cy], -1).unflatten(-1, (3, 3))
    return sideways @ downwards


def _require_shapes(model: FaceModel, identity: Tensor, units: Tensor | None, gaze: Tensor | None) -> None:
    if identity.ndim < 1 or identity.shape[-1] > model.num_identity:
        raise ValueError(f"identity has shape {tuple(identity.shape)}; [..., up to {model.num_identity}] was wanted.")
    if units is not None and (units.ndim < 1 or units.shape[-1] != len(UNITS)):
        raise ValueError(f"units has shape {tuple(units.shape)}; [..., {len(UNITS)}] was wanted.")
    if gaze is not None and gaze.shape[-2:] != (2, 2):
        raise ValueError(f"gaze has shape {tuple(gaze.shape)}; [..., 2, 2] was wanted: two eyes, two angles each.")


@lru_cache(maxsize=2)
def _load(path: Path) -> FaceModel:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"face model {path} does not exist; `python scripts/bake_face.py` makes it.")
    try:
        with safe_open(path, "pt") as file:
            meta = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
    except (SafetensorError, OSError) as error:
        raise InputError(f"face model {path} cannot be read ({error}); install the package again.") from error
    found = (meta.get("format"), meta.get("version"))
    if found != (FORMAT, str(VERSION)):
        raise InputError(f"{path} is {found[0]!r} version {found[1]}; {FORMAT!r} version {VERSION} was wanted.")
    return unpacked(tensors)


def unpacked(tensors: dict[str, Tensor]) -> FaceModel:
    """A model of the arrays of its file."""
    mean = tensors["mean"].float()
    units = torch.zeros(len(UNITS), len(mean), 3)
    units[tensors["unit_index"].long(), tensors["unit_vertex"].long()] = tensors["unit_offset"].float()
    return FaceModel(
        mean=mean,
        modes=tensors["modes"].float(),
        units=units,
        triangles=tensors["triangles"].long(),
        regions=tensors["regions"].long(),
        uvs=tensors["uvs"].float(),
        uv_triangles=tensors["uv_triangles"].long(),
        joint_mean=tensors["joint_mean"].float(),
        joint_modes=tensors["joint_modes"].float(),
        landmark_triangles=tensors["landmark_triangles"].long(),
        landmark_weights=tensors["landmark_weights"].float(),
    )
