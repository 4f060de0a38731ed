"""A branch: Gaussians that move alike. Face, mouth and torso are three values of this one type."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..checks import InputError, require_shapes
from ..described import described
from ..gaussians import Gaussians
from ..motion import MotionFrame
from ..transforms import quat_multiply, quat_normalize, quat_to_rotmat

PARTS = ("face", "mouth", "torso")
"""Branch names in the order in which Gaussians are laid out."""
DEFORMED = ("means", "quats", "log_scales", "logit_opacities", "sh0", "shN", "basis", "stretch", "head_weights")
"""Tensors with a leading N that the compiled deformation takes, in its order."""
PER_GAUSSIAN = (*DEFORMED, "opacity_basis")
"""All tensors with a leading N, in the order they are stored."""
TRAINED = ("means", "quats", "log_scales", "logit_opacities", "sh0", "shN", "basis", "opacity_basis")
"""The ones that training changes; the rest follow the tracked shape."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """N canonical Gaussians with an offset basis; raw parameters, before activation.

    Raises:
        InputError: tensors whose shapes do not belong together, or ``uses`` that are no indices.
    """

    name: str
    """``"face"``, ``"mouth"`` or ``"torso"``."""
    uses: Tensor
    """``[J]`` int64, which of the head's coefficients move this branch."""
    means: Tensor
    """``[N, 3]`` canonical centres in the head frame at rest, metres."""
    quats: Tensor
    """``[N, 4]`` rotations wxyz, not normalised."""
    log_scales: Tensor
    """``[N, 3]`` log of the standard deviations in metres."""
    logit_opacities: Tensor
    """``[N]`` opacity before the sigmoid."""
    sh0: Tensor
    """``[N, 1, 3]`` SH coefficient of degree 0."""
    shN: Tensor
    """``[N, B - 1, 3]`` SH coefficients of the higher degrees, in the head (torso) frame."""
    basis: Tensor
    """``[N, 3, J]`` metres of motion per unit coefficient."""
    stretch: Tensor
    """``[N, 6, J]`` rotation vector (radians) and log-scale change along each own axis, per unit coefficient."""
    head_weights: Tensor
    """``[N]`` 1 follows the head, 0 the torso, between them the blended neck."""
    opacity_uses: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    """``[Q]`` int64, which of the head's coefficients change opacities: outlines differ from turn to turn."""
    opacity_basis: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    """``[N, Q]`` change of the opacity before the sigmoid, per unit coefficient."""

    def __repr__(self) -> str:
        return described(self)

    def __post_init__(self) -> None:
        N = self.means.shape[0] if self.means.ndim else 0
        J, Q = (uses.shape[0] if uses.ndim else 0 for uses in (self.uses, self.opacity_uses))
        if not Q and not self.opacity_basis.numel():
            object.__setattr__(self, "opacity_basis", self.means.new_zeros(N, 0))
        sizes = {"means": (3,), "quats": (4,), "log_scales": (3,), "logit_opacities": (), "sh0": (1, 3)}
        sizes |= {"shN": (None, 3), "basis": (3, J), "stretch": (6, J), "head_weights": ()}
        sizes |= {"opacity_basis": (Q,)}
        wanted = {"uses": (J,), "opacity_uses": (Q,)} | {name: (N, *size) for name, size in sizes.items()}
        require_shapes(vars(self), wanted, f"branch {self.name!r}")
        for name in ("uses", "opacity_uses"):
            kind = getattr(self, name).dtype
            if kind != torch.int64:
                raise InputError(f"branch {self.name!r}: {name} is {kind}; torch.int64 was wanted.")

    def __len__(self) -> int:
        return self.means.shape[0]

    def to(self, device: torch.device) -> Branch:
        """The same Gaussians in a device's memory."""
        uses = {"uses": self.uses.to(device), "opacity_uses": self.opacity_uses.to(device)}
        return replace(self, **uses, **{n: t.to(device) for n, t in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The per-Gaussian tensors by name."""
        return {name: getattr(self, name) for name in PER_GAUSSIAN}

    def logits_at(self, coefficients: Tensor) -> Tensor:
        """Opacities before the sigmoid ``[..., N]`` at coefficients ``[..., K + E + 15]``; ``[N]`` if none change.

        No gradient flows into the coefficients: no head turns for its outline's sake.
        """
        if not len(self.opacity_uses):
            return self.logit_opacities
        asked = coefficients.detach()[..., None, self.opacity_uses]
        return self.logit_opacities + (asked * self.opacity_basis).sum(-1)  # the same bits for one moment and for many


def deform(branch: Branch, coefficients: Tensor, frame: MotionFrame) -> Gaussians:
    """Gaussians of ``branch`` in the world at one moment; colours stay SH and never depend on the motion.

    Args:
        branch: canonical Gaussians, N of them.
        coefficients: ``[K + E + 15]`` of the whole head.
        frame: the moment's head and torso pose.

    Returns:
        Gaussians with means ``[N, 3]`` in metres and colors ``[N, B, 3]``.
    """
    c = coefficients[branch.uses]
    means = branch.means + (branch.basis.flatten(0, 1) @ c).view(-1, 3)
    turn, grow = (branch.stretch.flatten(0, 1) @ c).view(-1, 6).split(3, dim=1)
    spin = torch.cat([torch.ones_like(turn[:, :1]), 0.5 * turn], dim=1)
    quats = quat_multiply(spin, quat_normalize(branch.quats))

    w = branch.head_weights[:, None]
    head_R, torso_R = quat_to_rotmat(frame.head.quats), quat_to_rotmat(frame.torso.quats)
    in_head = means @ head_R.T + frame.head.positions
    in_torso = means @ torso_R.T + frame.torso.positions
    flip = torch.where((frame.head.quats * frame.torso.quats).sum() < 0, -1.0, 1.0)
    bone = quat_normalize(w * frame.head.quats + (1 - w) * flip * frame.torso.quats)
    return Gaussians(
        means=w * in_head + (1 - w) * in_torso,
        quats=quat_multiply(bone, quats),
        scales=torch.exp(branch.log_scales + grow),
        opacities=torch.sigmoid(branch.logits_at(coefficients)),
        colors=torch.cat([branch.sh0, rotate_sh1(branch.shN, head_R if branch.name != "torso" else torso_R)], dim=1),
    )


def rotate_sh1(shN: Tensor, rotation: Tensor) -> Tensor:
    """Turn degree-1 SH coefficients ``[N, 3, 3]`` (order y, z, x) from a body frame to the world.

    ``N x 0 x 3`` (degree 0) passes through. Source: the degree-1 basis is (-y, z, -x), a vector up to signs.
    """
    if shN.shape[1] == 0:
        return shN
    if shN.shape[1] != 3:
        raise ValueError(f"shN has {shN.shape[1]} higher coefficients; 0 (degree 0) or 3 (degree 1) can be turned.")
    turned = torch.einsum("ij,njc->nic", rotation.roll((-1, -1), (0, 1)), _signed(shN))
    return _signed(turned)


def _signed(shN: Tensor) -> Tensor:
    """Coefficients ``[N, 3, C]`` of the basis (-y, z, -x) as components y, z, x of a vector, and back."""
    y, z, x = shN.unbind(1)
    return torch.stack([-y, z, -x], dim=1)
