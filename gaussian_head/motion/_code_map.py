"""From what a face does to the inner code of one head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..checks import InputError, require_names, require_shapes
from ..described import described
from ._types import CONTROLS, Motion, MotionFrame


@dataclass(frozen=True, kw_only=True)
class CodeMap:
    """What the inner code of one face is: ``bias + [units, gaze] @ weights``, bounded, and the residual on top.

    Tracking finds K directions in which one face moves, and a head's offset bases are linear in them. Nobody but that
    head, and the tracker that fitted the map, needs to know them.
    """

    names: tuple[str, ...]
    """K names of the code: measured ones first, then ``lip_<i>`` and ``face_<i>``."""
    weights: Tensor
    """``[54, K]`` code per unit and per radian of gaze, rows as in CONTROLS; 0 for the eyeLook units, which say what
    gaze says."""
    bias: Tensor
    """``[K]`` code of the neutral face."""
    bounds: Tensor
    """``[2, K]`` least and greatest code that units and gaze ask for: what the head showed in training, and a little
    more of what can be measured. Beyond that its Gaussians would fly apart."""
    basis_id: str = ""
    """Whose residuals it understands, as ``Motion.basis_id`` tells; "" where it is not known."""

    def __repr__(self) -> str:
        return described(self)

    def __post_init__(self) -> None:
        K = len(self.names)
        require_shapes(vars(self), {"weights": (len(CONTROLS), K), "bias": (K,), "bounds": (2, K)}, "the code map")

    @property
    def lips(self) -> Tensor:
        """``[K]`` bool, True for the part of the code that moves lips and jaw."""
        return torch.tensor([name == "jaw_open" or name.startswith("lip_") for name in self.names])

    def index(self, name: str) -> int:
        """Column of the code called ``name``."""
        return self.names.index(name)

    def mapped(self, units: Tensor, gaze: Tensor) -> Tensor:
        """Code ``[..., K]`` of units ``[..., 52]`` and gaze ``[..., 2]``, bounded, without any residual."""
        code = self.bias + torch.cat([units, gaze], -1) @ self.weights
        return torch.minimum(torch.maximum(code, self.bounds[0]), self.bounds[1])

    def code(self, moved: Motion | MotionFrame) -> Tensor:
        """Code ``[T, K]`` of a motion, or ``[K]`` of a moment; another face's residual is passed over."""
        code = self.mapped(moved.units, moved.gaze)
        if moved.residual.shape[-1] == len(self.names) and moved.basis_id == self.basis_id:
            code = code + moved.residual
        return code

    def to(self, device: torch.device) -> CodeMap:
        """The same map in a device's memory."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("weights", "bias", "bounds")})

    def tensors(self) -> dict[str, Tensor]:
        """Its numbers under the names that files give them; ``from_tensors`` takes them back."""
        return {f"code_{name}": getattr(self, name) for name in ("weights", "bias", "bounds")}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], *, names: object, basis_id: str) -> CodeMap:
        """The map in ``tensors``, which may hold more; InputError where names and shapes do not belong together."""
        values = {name: tensors[f"code_{name}"] for name in ("weights", "bias", "bounds")}
        if not all(value.isfinite().all() for value in values.values()):
            raise InputError("the code map holds numbers that are not finite.")
        return CodeMap(names=require_names(names, "code"), basis_id=basis_id, **values)
