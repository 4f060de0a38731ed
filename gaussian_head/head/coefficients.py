"""From Motion to the coefficients that scale every Gaussian's offset basis.

Offsets are linear in a short code, ``offset = coefficients @ basis``, so that a frame costs one small
matrix product per Gaussian. The code has five groups, laid out one after the other:

- the K numbers of the face's inner code, each divided by its spread over the training clip;
- ``learned``: E outputs of a small network of these, for what is not linear in them;
- ``neck`` and ``pose``: 3 numbers for how the head is turned against the torso, and 6 for how far the torso is from
  its rest;
- ``turn``: the 3 numbers of ``neck``, kept near the turns that training saw, where those are known;
- ``view``: 3 numbers for the side and the distance from which the leading camera sees the head, which lies at the
  world's origin. They too are kept near what training saw, and 0 where that is not known.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..motion import MotionFrame
from ..transforms import quat_conjugate, quat_multiply, quat_rotate, quat_to_rotvec

NECK_SIZE, POSE_SIZE, VIEW_SIZE = 3, 6, 3
ANGLE_UNIT = 0.1
"""Radians that count as one unit of a pose coefficient."""
LENGTH_UNIT = 0.01
"""Metres that count as one unit of a pose coefficient."""
NEAREST = 0.1
"""Metres that a resting head is taken to be away from the world's origin at least."""
HIDDEN = 32
TURN_BOUNDS, VIEW_BOUNDS = "turn_bounds", "view_bounds"
"""Names of the parameters ``[2, 3]`` with the least and greatest ``turn`` and ``view``; heads of before have none."""

Params = dict[str, Tensor]


def init_coefficients(code_scale: Tensor, rest_position: Tensor, learned: int, generator: torch.Generator) -> Params:
    """Parameters of the coefficient map.

    Args:
        code_scale: ``[K]`` spread of each number of the code.
        rest_position: ``[3]`` translation of T_world_head at the rest pose, metres.
        learned: E, number of learned coefficients.
        generator: source of the random weights.
    """
    K = code_scale.shape[0]
    return {
        "code_scale": code_scale.clone(),
        "rest_position": rest_position.clone(),
        "w1": torch.randn(K, HIDDEN, generator=generator) * (1.5 / K**0.5),
        "b1": torch.randn(HIDDEN, generator=generator) * 0.5,
        "w2": torch.randn(HIDDEN, learned, generator=generator) / HIDDEN**0.5,
    }


def coefficient_names(code: tuple[str, ...], learned: int) -> tuple[str, ...]:
    """Names of all coefficients in layout order."""
    sizes = {"learned": learned, "neck": NECK_SIZE, "pose": POSE_SIZE, "turn": NECK_SIZE, "view": VIEW_SIZE}
    return code + tuple(f"{group}_{i}" for group, size in sizes.items() for i in range(size))


def coefficients(params: Params, code: Tensor, frame: MotionFrame) -> Tensor:
    """Coefficient vector ``[K + E + 15]`` of one moment with inner code ``[K]``."""
    code = code / params["code_scale"]
    learned = torch.tanh(code @ params["w1"] + params["b1"]) @ params["w2"]
    torso = [
        quat_to_rotvec(frame.torso.quats) / ANGLE_UNIT,
        (frame.torso.positions - params["rest_position"]) / LENGTH_UNIT,
    ]
    neck = neck_of(frame)
    turn, view = neck, neck.new_zeros(VIEW_SIZE)
    if TURN_BOUNDS in params:
        turn = _within(neck, params[TURN_BOUNDS])
    if VIEW_BOUNDS in params:
        view = _within(view_of(params, frame), params[VIEW_BOUNDS]) - params[VIEW_BOUNDS].mean(0)
    return torch.cat([code, learned, neck, *torso, turn, view])


def neck_of(frame: MotionFrame) -> Tensor:
    """``[3]`` rotation vector from torso to head, in units of ``ANGLE_UNIT``."""
    return quat_to_rotvec(quat_multiply(quat_conjugate(frame.torso.quats), frame.head.quats)) / ANGLE_UNIT


def view_of(params: Params, frame: MotionFrame) -> Tensor:
    """``[3]`` where the world's origin lies in the head frame, in units of ``ANGLE_UNIT`` of the resting distance."""
    distance = params["rest_position"].norm().clamp(min=NEAREST)
    return quat_rotate(quat_conjugate(frame.head.quats), -frame.head.positions) / (ANGLE_UNIT * distance)


def _within(values: Tensor, bounds: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(values, bounds[1]), bounds[0])
