"""Where a recorded body ends: shoulders and chest fade out beyond the picture's border instead of being cut."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..head import Head
from ..motion import MotionFrame, Pose
from ..smoothing import smoothstep

BEGINS, OVER = 0.02, 0.1
"""Beyond the recorded picture's border, in shares of its height: where the torso begins to fade, and over how much."""
LAYERS = 4
FAINTEST = 1e-6


def rest_moment(head: Head) -> MotionFrame:
    """The neutral face, upright, in its usual place."""
    upright = Pose(quats=torch.tensor([1.0, 0.0, 0.0, 0.0]), positions=head.centre)
    return MotionFrame.neutral(upright, upright)


@torch.no_grad()
def with_soft_ends(head: Head) -> Head:
    """``head`` whose torso fades out where no picture showed it; within the recorded picture it stays as it was.

    What lies beyond the border was continued from the border's pixels: seen from far, from the side or in a wide
    picture, it would end in square armrests.
    """
    camera, means = head.camera, head.gaussians_at(rest_moment(head)).means
    local = means @ camera.viewmat[:3, :3].T + camera.viewmat[:3, 3]
    pixels = (local / local[:, 2:].clamp(min=1e-6)) @ camera.K.T
    x, y = pixels[:, 0], pixels[:, 1]
    sideways = torch.maximum(-x, x - camera.width).clamp(min=0)
    below = (y - camera.height).clamp(min=0)
    beyond = torch.hypot(sideways, below) / camera.height
    # Several lie over each other: together they are to fade evenly.
    stays = (1 - smoothstep(((beyond - BEGINS) / OVER).clamp(0, 1))) ** LAYERS
    branches, start = [], 0
    for branch in head.branches:
        share = stays[start : start + len(branch)]
        start += len(branch)
        if branch.name == "torso":
            faded = torch.sigmoid(branch.logit_opacities) * share.reshape(branch.logit_opacities.shape)
            kept = share.reshape(branch.logit_opacities.shape) == 1
            logits = torch.logit(faded.clamp(FAINTEST, 1 - FAINTEST))
            branch = replace(branch, logit_opacities=torch.where(kept, branch.logit_opacities, logits))
        branches.append(branch)
    return head.with_branches(tuple(branches))
