"""All branches of a head at many moments in one launch on a CUDA device, differentiable.

The same mathematics as ``branch.deform``; see ``cuda_ext/cuda/deform.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..raster import native
from .branch import PER_GAUSSIAN, TRAINED, Branch

_CONSTANT = tuple(name for name in PER_GAUSSIAN if name not in TRAINED)


class Moments(NamedTuple):
    """N Gaussians at F moments, in the world; colours stay SH."""

    means: Tensor  # [F, N, 3]
    quats: Tensor  # [F, N, 4]
    scales: Tensor  # [F, N, 3]
    opacities: Tensor  # [F, N]
    colors: Tensor  # [F, N, B, 3]


def deform_moments(branches: Sequence[Branch], coefficients: Tensor, poses: Tensor) -> Moments:
    """Gaussians of all ``branches``, one after the other, at F moments.

    Gradients flow to the trained tensors of every branch, the coefficients and the poses, and have the same bits in
    every run. The tensors are float32 on one CUDA device, the branches of one SH degree, 0 or 1.

    Args:
        branches: canonical Gaussians, N in all.
        coefficients: ``[F, K + E + 9]`` of the whole head.
        poses: ``[F, 14]`` head, then torso: quaternion wxyz and position in metres.
    """
    trained = [getattr(branch, name).contiguous() for branch in branches for name in TRAINED]
    inputs = (poses.contiguous(), coefficients, *trained)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        return Moments(*_Deform.apply(tuple(branches), *inputs))  # pyright: ignore[reportGeneralTypeIssues]
    return Moments(*_forward(branches, inputs, keep=False)[0])


def kernel_branches(branches: Sequence[Branch], coefficients: Tensor, trained: Sequence[Tensor]) -> list[Any]:
    """The branches as the kernels know them; ``trained`` holds their trained tensors, branch by branch."""
    module, view, made = native._backend(coefficients.device), native._view, []
    for i, branch in enumerate(branches):
        arrays = dict(zip(TRAINED, trained[i * len(TRAINED) :], strict=False))
        arrays |= {name: getattr(branch, name).contiguous() for name in _CONSTANT}
        used = coefficients.detach()[:, branch.uses].contiguous()
        tensors = (*(arrays[name] for name in PER_GAUSSIAN), used)
        made.append(module.DeformBranch(*map(view, tensors), branch.name == "torso"))
    return made


def _forward(
    branches: Sequence[Branch], inputs: Sequence[Tensor], keep: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...], list[Any]]:
    poses, coefficients, *trained = inputs
    view, F = native._view, poses.shape[0]
    N, B = sum(len(branch) for branch in branches), 1 + branches[0].shN.shape[1]
    views = kernel_branches(branches, coefficients, trained)
    outputs = tuple(poses.new_empty(F, *shape) for shape in ((N, 3), (N, 4), (N, 3), (N,), (N, B, 3)))
    offsets = (poses.new_empty(F, N, 3), poses.new_empty(F, N, 6)) if keep else (None, None)
    arrays = map(view, (poses, *outputs, *offsets))
    native._backend(poses.device).deform(views, *arrays, native._lane(poses.device))
    return outputs, offsets, views


class _Deform(torch.autograd.Function):
    """Inputs: branches, poses [F, 14], coefficients, then the trained tensors branch by branch."""

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
        module, view, wanted = native._backend(poses.device), native._view, ctx.needs_input_grad[1:]
        v_poses = torch.empty_like(poses) if wanted[0] else None
        v_used = [poses.new_empty(poses.shape[0], len(uses)) if wanted[1] else None for uses in ctx.uses]
        v_trained = [torch.empty_like(x) if w else None for x, w in zip(trained, wanted[2:], strict=True)]
        held = [None if v is None else v.contiguous() for v in v_outputs]
        each = len(TRAINED)
        gradients = [
            module.DeformGradients(*map(view, v_trained[i * each : (i + 1) * each]), view(v_c))
            for i, v_c in enumerate(v_used)
        ]
        arrays = map(view, (*held, moved, stretched))
        module.deform_vjp(ctx.views, view(poses), *arrays, gradients, view(v_poses), native._lane(poses.device))
        v_coefficients = torch.zeros_like(coefficients) if wanted[1] else None
        for uses, v_c in zip(ctx.uses, v_used, strict=True):
            if v_coefficients is not None and v_c is not None:
                v_coefficients.index_add_(1, uses, v_c)
        return None, v_poses, v_coefficients, *v_trained
