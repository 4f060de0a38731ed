"""``deform`` of all branches in one compiled pass, differentiable; the same mathematics as ``branch.deform``.

The offset bases are by far the largest arrays of a head, so a training step is as fast as they stream through
the processor: once forward, and once backward while their gradient is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..extension import kernels
from ..gaussians import Gaussians
from ..motion import MotionFrame
from .branch import PER_GAUSSIAN, TRAINED, Branch
from .moments import deform_moments

_CONSTANT = tuple(name for name in PER_GAUSSIAN if name not in TRAINED)


def can_deform_fused(branches: Sequence[Branch], coefficients: Tensor, frame: MotionFrame) -> bool:
    """True where the compiled kernels are there and cover these inputs: float32 on one device, SH degree 0 or 1."""
    module, device = kernels(), coefficients.device
    if module is None or len({branch.shN.shape[1] for branch in branches}) != 1:
        return False
    if device.type != "cpu" and not (device.type == "cuda" and module.has_cuda):
        return False
    constant = [getattr(branch, name) for branch in branches for name in _CONSTANT]
    trained = [getattr(branch, name) for branch in branches for name in TRAINED]
    tensors = [coefficients, *_pose_parts(frame), *constant, *trained]
    return (
        branches[0].shN.shape[1] in (0, 3)
        and all(t.dtype == torch.float32 and t.device == device for t in tensors)
        and not any(t.requires_grad for t in constant)
    )


def deform_fused(branches: Sequence[Branch], coefficients: Tensor, frame: MotionFrame) -> Gaussians:
    """Gaussians of all ``branches``, one after the other, in the world at one moment.

    Gradients flow to the trained tensors of every branch, the coefficients and the frame's two poses, and are the
    same for any number of threads. Only for inputs that ``can_deform_fused`` accepts.

    Args:
        branches: canonical Gaussians, N in all, with one number B of SH coefficients.
        coefficients: ``[K + E + 9]`` of the whole head.
        frame: the moment's head and torso pose.

    Returns:
        Gaussians with means ``[N, 3]`` in metres and colors ``[N, B, 3]``.
    """
    pose = torch.cat(_pose_parts(frame))
    if pose.is_cuda:
        moment = deform_moments(branches, coefficients[None], pose[None])
        means, quats, scales, opacities, colors = (tensor[0] for tensor in moment)
        return Gaussians(means=means, quats=quats, scales=scales, opacities=opacities, colors=colors)
    trained = [getattr(branch, name).contiguous() for branch in branches for name in TRAINED]
    differentiable = (pose, coefficients, *trained)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in differentiable):
        outputs = _Deform.apply(tuple(branches), *differentiable)
    else:
        outputs, _, _ = _forward(branches, differentiable, keep=False)
    means, quats, scales, opacities, colors = outputs  # pyright: ignore[reportGeneralTypeIssues]
    return Gaussians(means=means, quats=quats, scales=scales, opacities=opacities, colors=colors)


def _pose_parts(frame: MotionFrame) -> list[Tensor]:
    return [frame.head.quats, frame.head.positions, frame.torso.quats, frame.torso.positions]


def _view(tensor: Tensor | None) -> Any:
    return None if tensor is None else tensor.detach().numpy()


def _forward(
    branches: Sequence[Branch], inputs: Sequence[Tensor], keep: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], list[Any]]:
    """Run the kernel; returns the outputs, and for a backward pass the offsets and the branches as it knows them."""
    module = kernels()
    assert module is not None
    pose, coefficients, *trained = inputs
    views = []
    for i, branch in enumerate(branches):
        arrays = dict(zip(TRAINED, trained[i * len(TRAINED) :], strict=False))
        arrays |= {name: getattr(branch, name).contiguous() for name in _CONSTANT}
        c = coefficients.detach()[branch.uses]
        views.append(
            module.DeformBranch(*(_view(arrays[name]) for name in PER_GAUSSIAN), _view(c), branch.name == "torso")
        )
    N, B = sum(len(branch) for branch in branches), 1 + branches[0].shN.shape[1]
    outputs = tuple(pose.new_empty(shape) for shape in ((N, 3), (N, 4), (N, 3), (N,), (N, B, 3)))
    offsets = (pose.new_empty(N, 3), pose.new_empty(N, 6)) if keep else (None, None)
    out = module.Deformed(*map(_view, outputs), *map(_view, offsets))
    module.deform(views, _view(pose), out, torch.get_num_threads())
    return outputs, offsets if keep else (), views  # pyright: ignore[reportReturnType]


class _Deform(torch.autograd.Function):
    """Inputs: branches, pose [14], coefficients, then the trained tensors branch by branch."""

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
        module = kernels()
        assert module is not None
        moved, stretched, pose, coefficients, *trained = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        v_pose = torch.empty_like(pose) if wanted[0] else None
        v_used = [pose.new_empty(len(uses)) if wanted[1] else None for uses in ctx.uses]
        v_trained = [torch.empty_like(x) if w else None for x, w in zip(trained, wanted[2:], strict=True)]
        held = [None if v is None else v.contiguous() for v in v_outputs]
        cotangents = module.DeformedCotangents(*map(_view, held), _view(moved), _view(stretched))
        gradients = [
            module.DeformGradients(*map(_view, v_trained[i * len(TRAINED) : (i + 1) * len(TRAINED)]), _view(v_c))
            for i, v_c in enumerate(v_used)
        ]
        module.deform_vjp(ctx.views, _view(pose), cotangents, gradients, _view(v_pose), torch.get_num_threads())
        v_coefficients = torch.zeros_like(coefficients) if wanted[1] else None
        for uses, v_c in zip(ctx.uses, v_used, strict=True):
            if v_coefficients is not None and v_c is not None:
                v_coefficients.index_add_(0, uses, v_c)
        return None, v_pose, v_coefficients, *v_trained
