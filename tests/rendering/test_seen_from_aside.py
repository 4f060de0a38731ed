"""A head that one camera filmed: what its colours do with the view and its opacities with turns ends at its sides."""

import math
from dataclasses import replace

import pytest
import torch
from support_head import make_actor

from gaussian_head import Head, InputError, render_frame
from gaussian_head.checkpoint import load_checkpoint, save_checkpoint
from gaussian_head.head.storage import FORMAT, MODEL, VERSION
from gaussian_head.rendering import orbit_view


@pytest.fixture(scope="module")
def actor():
    """Colours change wildly with the view, and opacities with the code."""
    actor = make_actor(num_gaussians=300, size=64)
    generator = torch.Generator().manual_seed(3)
    wild = [replace(b, shN=torch.randn(len(b), 3, 3, generator=generator)) for b in actor.head.branches]
    faded = {"opacity_uses": torch.arange(4), "opacity_basis": 3 * torch.randn(len(wild[0]), 4, generator=generator)}
    wild[0] = replace(wild[0], **faded)
    return replace(actor, head=replace(actor.head, branches=tuple(wild), one_view=True))


def seen(head, motion, yaw_deg):
    return render_frame(head, motion, 0, orbit_view(head, yaw=math.radians(yaw_deg))).rgb


@pytest.mark.parametrize("yaw_deg", [0, 4])
def test_about_the_camera_that_filmed_every_bit_stays(actor, yaw_deg):
    everywhere = replace(actor.head, one_view=False)
    assert torch.equal(seen(actor.head, actor.clip.motion, yaw_deg), seen(everywhere, actor.clip.motion, yaw_deg))


@pytest.mark.parametrize("lacking", ["nothing", "shN", "opacity_basis"])
def test_far_aside_nothing_changes_with_view_and_turn(actor, lacking):
    def without(*names):
        still = [replace(b, **{name: 0 * getattr(b, name) for name in names}) for b in actor.head.branches]
        return replace(actor.head, branches=tuple(still))

    head = without(*() if lacking == "nothing" else (lacking,))
    plain, everywhere = without("shN", "opacity_basis"), replace(head, one_view=False)
    motion = actor.clip.motion
    assert torch.allclose(seen(head, motion, 40), seen(plain, motion, 40), atol=1e-6)
    assert not torch.allclose(seen(head, motion, 40), seen(everywhere, motion, 40), atol=1e-2)
    halfway = seen(head, motion, 12)
    assert not torch.allclose(halfway, seen(plain, motion, 12), atol=1e-3)
    assert not torch.allclose(halfway, seen(everywhere, motion, 12), atol=1e-3)


def test_it_is_kept_with_the_head(actor, tmp_path):
    actor.head.save(tmp_path)
    assert Head.load(tmp_path).one_view
    tensors, meta = load_checkpoint(tmp_path / MODEL, format=FORMAT, version=VERSION)
    meta.pop("one_view")
    save_checkpoint(tmp_path / MODEL, tensors, meta, format=FORMAT, version=VERSION)
    assert not Head.load(tmp_path).one_view
    save_checkpoint(tmp_path / MODEL, tensors, meta | {"one_view": "yes"}, format=FORMAT, version=VERSION)
    with pytest.raises(InputError, match="one_view is a str"):
        Head.load(tmp_path)
