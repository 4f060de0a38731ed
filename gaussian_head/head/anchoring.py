"""Hangs the Gaussians of a trained head on the parametric head that was laid on its tracked face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from ..capture import Capture
from ..conventions import SHUT
from ..face import REGIONS, UNITS, FaceModel
from .anchors import Anchors, Hung
from .branch import Branch
from .head import Head
from .laid import SKIN, LaidHead
from .relief import laid_of

CORNERS, WIDTH = 6, 0.004
"""Vertices that a Gaussian hangs on, and metres over which they share it."""
JAW_TOLD, JAW_ASKED = 0.5, 0.4
"""Weight of how Gaussian and vertex move with the jaw, next to how far apart they are, and how far it is opened for
that: closed lips touch, and only one of them goes down."""
NEAR, FAR = 0.008, 0.02
"""Metres from the laid head within which a Gaussian follows it wholly, and over which it then follows less."""
BEYOND, LEAST = 1.25, 0.05
"""Largest weight of a unit in training frames by which it may still be the inner code's: a factor, and so much more."""
BLINKS = {"eyeBlinkLeft": "blink_l", "eyeBlinkRight": "blink_r"}
"""Units that end where the inner code says that the eye is shut, as every head's can."""
TOLD_BY_CODE = (*BLINKS, *(name for name in UNITS if name.startswith("eyeLook")))
"""Units that vertices never follow: lids shut by the inner code, and gaze turns eyes."""
STEEPEST = 1.5
"""Largest spatial derivative of a unit's motion that is believed."""
STILL = 1e-4
"""Metres; Gaussians that no unit moves farther hang on nothing."""


def anchored(capture: Capture, branches: tuple[Branch, ...], code_scale: Tensor) -> Anchors:
    """Anchors of a capture's trained ``branches``, whose bases are per ``code_scale [K]`` of its inner code."""
    face = FaceModel.load()
    laid = laid_of(capture)
    turn = (laid.place.scale * laid.place.rotation).float()
    offsets = face.units @ turn.T
    offsets[[UNITS.index(name) for name in TOLD_BY_CODE]] = 0
    slopes = _slopes(laid, face, offsets)
    jaw = capture.code_map.weights[UNITS.index("jawOpen")] / code_scale * JAW_ASKED
    moved = JAW_ASKED * offsets[UNITS.index("jawOpen")].numpy()
    hung = {branch.name: _hung(branch, jaw, laid, face, moved, offsets) for branch in branches}
    used = torch.cat([h.corners.flatten() for h in hung.values()]).unique()
    place = torch.zeros(len(laid.vertices), dtype=torch.int64).index_copy(0, used, torch.arange(len(used)))
    return Anchors(
        reach=unit_reach(capture),
        offsets=offsets[:, used].half().float(),
        slopes=slopes[:, used].half().float(),
        branches={name: replace(h, corners=place[h.corners]) for name, h in hung.items()},
    )


def with_anchors(head: Head, capture: Capture) -> Head:
    """``head``, trained on ``capture``, with anchors."""
    return replace(head, anchors=anchored(capture, head.branches, head.coefficient_params["code_scale"]))


def unit_reach(capture: Capture) -> Tensor:
    """Weights ``[52]`` up to which units are the inner code's: what training frames showed, and a little more."""
    reach = BEYOND * capture.motion.units[capture.train_frames].amax(0) + LEAST
    code_map = capture.code_map
    for unit, name in BLINKS.items():
        k, column = UNITS.index(unit), code_map.index(name)
        shut = (SHUT - code_map.bias[column]) / code_map.weights[k, column].clamp(min=1.0)
        reach[k] = torch.maximum(shut, capture.motion.units[capture.train_frames, k].max())
    return reach


def _hung(branch: Branch, jaw: Tensor, laid: LaidHead, face: FaceModel, moved: np.ndarray, offsets: Tensor) -> Hung:
    """What of a branch hangs on which vertices."""
    told = branch.uses < len(jaw)
    by_jaw = (branch.basis[:, :, told] @ jaw[branch.uses[told]]).numpy().astype(np.float64)
    points = branch.means.numpy().astype(np.float64)
    inside = branch.name == "mouth"
    names = ("upper_teeth", "lower_teeth") if inside else SKIN
    of_region = np.isin(face.regions.numpy(), [REGIONS.index(name) for name in names])
    vertices = np.flatnonzero(of_region)
    tree = KDTree(np.concatenate([laid.vertices[vertices], JAW_TOLD * moved[vertices]], 1))
    distance, index = tree.query(np.concatenate([points, JAW_TOLD * by_jaw], 1), CORNERS)
    corners = vertices[index]
    weights = np.exp(-0.5 * (distance**2 - distance[:, :1] ** 2) / WIDTH**2)
    weights /= weights.sum(1, keepdims=True)
    if not inside:
        near = (laid.vertices[corners] * weights[..., None]).sum(1)
        away = np.linalg.norm(points - near, axis=1)
        weights *= np.exp(-((np.maximum(away - NEAR, 0) / FAR) ** 2))[:, None]
    weights *= branch.head_weights.numpy()[:, None]
    weights = torch.from_numpy(weights).float()
    reached = (offsets.norm(dim=2).amax(0)[torch.from_numpy(corners)] * weights).sum(1)
    rows = (reached > STILL).nonzero()[:, 0]
    return Hung(rows=rows, corners=torch.from_numpy(corners)[rows], weights=weights[rows])


def _slopes(laid: LaidHead, face: FaceModel, offsets: Tensor) -> Tensor:
    """Spatial derivative ``[52, V, 3, 3]`` of units' offsets ``[52, V, 3]``, the mean of a vertex's triangles."""
    triangles = face.triangles
    points = torch.from_numpy(laid.vertices).float()
    sides = points[triangles[:, 1:]] - points[triangles[:, :1]]
    normals = torch.nn.functional.normalize(torch.linalg.cross(sides[:, 0], sides[:, 1]), dim=1)
    flat = torch.linalg.pinv(sides.mT, rtol=1e-2)
    area = torch.linalg.cross(sides[:, 0], sides[:, 1]).norm(dim=1, keepdim=True)
    total = torch.zeros(len(points), 1)
    for corner in range(3):
        total.index_add_(0, triangles[:, corner], area)
    result = offsets.new_zeros(len(offsets), len(points), 3, 3)
    for unit, offset in enumerate(offsets):
        change = (offset[triangles[:, 1:]] - offset[triangles[:, :1]]).mT @ flat
        change = change - (change.mT @ normals[..., None]) @ normals[:, None]
        weighted = (change * area[..., None]).flatten(1)
        mean = torch.zeros(len(points), 9)
        for corner in range(3):
            mean.index_add_(0, triangles[:, corner], weighted)
        result[unit] = (mean / total.clamp(min=1e-12)).view(-1, 3, 3)
    return result.clamp(-STEEPEST, STEEPEST)
