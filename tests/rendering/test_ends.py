"""The torso fades out beyond the recorded picture, and within it nothing changes."""

from dataclasses import replace

import torch
from support_head import make_actor

from gaussian_head.rendering import with_soft_ends
from gaussian_head.rendering.ends import BEGINS, OVER, rest_moment


def test_what_lies_beyond_the_border_fades_and_the_rest_keeps_its_bits():
    head = make_actor(num_gaussians=600, size=64).head
    face, mouth, torso = head.branches
    torso = replace(torso, means=torso.means * torch.tensor([4.0, 1.5, 1.0]))
    head = head.with_branches((face, mouth, torso))
    faded = with_soft_ends(head)
    means = head.gaussians_at(rest_moment(head)).means[head.parts == 2]
    local = means @ head.camera.viewmat[:3, :3].T + head.camera.viewmat[:3, 3]
    x, y, _ = ((local / local[:, 2:]) @ head.camera.K.T).T
    beyond = torch.hypot(torch.maximum(-x, x - 64).clamp(min=0), (y - 64).clamp(min=0)) / 64
    before, after = torch.sigmoid(torso.logit_opacities), torch.sigmoid(faded.branch("torso").logit_opacities)
    inside, far = beyond <= BEGINS, beyond >= BEGINS + OVER
    assert min(inside.sum(), far.sum(), (~inside & ~far).sum()) > 5
    assert torch.equal(faded.branch("torso").logit_opacities[inside], torso.logit_opacities[inside])
    assert (after[far] < 1e-3).all()
    between = ~inside & ~far
    assert (after[between] <= before[between] + 1e-6).all()
    for name in ("face", "mouth"):
        assert faded.branch(name) is head.branch(name)
