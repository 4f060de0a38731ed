"""``deform`` of all branches in one compiled pass, at one moment or many; the same mathematics as ``branch.deform``.

The offset bases are by far the largest arrays of a head, so a training step is as fast as they stream through
the processor: once forward, and once backward while their gradient is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..checks import InputError
from ..gaussians import Gaussians
from ..kernels import call, covers, made
from ..motion import MotionFrame
from .branch import DEFORMED, TRAINED, Branch

_CONSTANT = tuple(name for name in DEFORMED if name not in TRAINED)
_LEARNT = tuple(name for name in DEFORMED if name in TRAINED)


class Moments(NamedTuple):
    """N Gaussians at F moments, in the world; colours stay SH."""

    means: Tensor  # [F, N, 3]
    quats: Tensor  # [F, N, 4]
    scales: Tensor  # [F, N, 3]
    opacities: Tensor  # [F, N]
    colors: Tensor  # [F, N, B, 3]


def can_deform_fused(branches: Sequence[Branch], coefficients: Tensor, frame: MotionFrame) -> bool:
    """True where the compiled kernels are there and cover these inputs: float32 on one device, SH degree 0 or 1."""
    if {branch.shN.shape[1] for branch in branches} not in ({0}, {3}):
        return False
    constant = [getattr(branch, name) for branch in branches for name in _CONSTANT]
    trained = [getattr(branch, name) for branch in branches for name in TRAINED]
    tensors = (coefficients, *poses_of(frame), *constant, *trained)
    return covers(*tensors) and not any(t.requires_grad for t in constant)


def deform_fused(branches: Sequence[Branch], coefficients: Tensor, frame: MotionFrame) -> Gaussians:
    """Gaussians of all ``branches``, one after the other, in the world at one moment.

    Gradients flow to the trained tensors of every branch, the coefficients and the frame's two poses, and are the
    same for any number of threads. Only for inputs that ``can_deform_fused`` accepts.

    Args:
        branches: canonical Gaussians, N in all, with one number B of SH coefficients.
        coefficients: ``[K + E + 15]`` of the whole head.
        frame: the moment's head and torso pose.

    Returns:
        Gaussians with means ``[N, 3]`` in metres and colors ``[N, B, 3]``.
    """
    moment = deform_moments(branches, coefficients[None], torch.cat(poses_of(frame))[None])
    means, quats, scales, opacities, colors = (tensor[0] for tensor in moment)
    return Gaussians(means=means, quats=quats, scales=scales, opacities=opacities, colors=colors)


def deform_moments(branches: Sequence[Branch], coefficients: Tensor, poses: Tensor) -> Moments:
    """Gaussians of all ``branches``, one after the other, at F moments.

    Gradients flow to the trained tensors of every branch, the coefficients and the poses, and have the same bits in
    every run. The tensors are float32 on one device, the branches of one SH degree, 0 or 1.

    Args:
        branches: canonical Gaussians, N in all.
        coefficients: ``[F, K + E + 15]`` of the whole head.
        poses: ``[F, 14]`` head, then torso: quaternion wxyz and position in metres; F at least 1.

    Raises:
        InputError: no moment, or arrays that do not belong together.
    """
    if not len(poses):
        raise InputError("poses has no moment; at least one was wanted.")
    trained = learnt(branches, coefficients)
    inputs = (poses.contiguous(), coefficients, *trained)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        return Moments(*_Deform.apply(tuple(branches), *inputs))  # pyright: ignore[reportGeneralTypeIssues]
    return Moments(*_forward(branches, inputs, keep=False)[0])


def learnt(branches: Sequence[Branch], coefficients: Tensor) -> list[Tensor]:
    """What the kernels take of what training changes, branch by branch, at coefficients ``[F, K + E + 15]``.

    Opacities are ``[N]``, or ``[F, N]`` where they change.
    """
    tensors = []
    for branch in branches:
        arrays = branch.tensors() | {"logit_opacities": branch.logits_at(coefficients)}
        tensors += [arrays[name].contiguous() for name in _LEARNT]
    return tensors


def kernel_branches(branches: Sequence[Branch], coefficients: Tensor, trained: Sequence[Tensor]) -> list[Any]:
    """The branches as the kernels know them; ``trained`` is what ``learnt`` gives."""
    held = []
    for i, branch in enumerate(branches):
        arrays = dict(zip(_LEARNT, trained[i * len(_LEARNT) :], strict=False))
        arrays |= {name: getattr(branch, name).contiguous() for name in _CONSTANT}
        used = coefficients.detach()[:, branch.uses].contiguous()
        tensors = (*(arrays[name] for name in DEFORMED), used)
        held.append(made("DeformBranch", coefficients.device, *tensors, branch.name == "torso"))
    return held


def poses_of(frame: MotionFrame) -> list[Tensor]:
    """Quaternion and position of a moment's head, then of its torso."""
    return [frame.head.quats, frame.head.positions, frame.torso.quats, frame.torso.positions]


def _forward(
    branches: Sequence[Branch], inputs: Sequence[Tensor], keep: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...], list[Any]]:
    poses, coefficients, *trained = inputs
    F, N, B = len(poses), sum(len(branch) for branch in branches), 1 + branches[0].shN.shape[1]
    views = kernel_branches(branches, coefficients, trained)
    outputs = tuple(poses.new_empty(F, *shape) for shape in ((N, 3), (N, 4), (N, 3), (N,), (N, B, 3)))
    offsets = (poses.new_empty(F, N, 3), poses.new_empty(F, N, 6)) if keep else (None, None)
    call("deform", poses.device, views, poses, *outputs, *offsets)
    return outputs, offsets, views


class _Deform(torch.autograd.Function):
    """Inputs: branches, poses [F, 14], coefficients, then what ``learnt`` gives."""

    @staticmethod
    def forward(ctx: Any, branches: tuple[Branch, ...], *inputs: Tensor) -> Any:
        outputs, offsets, ctx.views = _forward(branches, inputs, keep=True)
        ctx.uses = [branch.uses for branch in branches]
        ctx.save_for_backward(*offsets, *inputs)
        ctx.set_materialize_grads(False)
        return outputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *v_outputs: Tensor | None) -> Any:
        moved, stretched, poses, coefficients, *trained = ctx.saved_tensors
        device, wanted, each = poses.device, ctx.needs_input_grad[1:], len(_LEARNT)
        v_poses = torch.empty_like(poses) if wanted[0] else None
        v_used = [poses.new_empty(len(poses), len(uses)) if wanted[1] else None for uses in ctx.uses]
        v_trained = [torch.empty_like(x) if w else None for x, w in zip(trained, wanted[2:], strict=True)]
        held = [None if v is None else v.contiguous() for v in v_outputs]
        gradients = [
            made("DeformGradients", device, *v_trained[i * each : (i + 1) * each], v_c) for i, v_c in enumerate(v_used)
        ]
        call("deform_vjp", device, ctx.views, poses, *held, moved, stretched, gradients, v_poses)
        v_coefficients = torch.zeros_like(coefficients) if wanted[1] else None
        for uses, v_c in zip(ctx.uses, v_used, strict=True):
            if v_coefficients is not None and v_c is not None:
                v_coefficients.index_add_(1, uses, v_c)
        return None, v_poses, v_coefficients, *v_trained
