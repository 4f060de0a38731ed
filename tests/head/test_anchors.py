"""Units beyond what a clip showed move a head as the parametric head moves, and nothing else changes."""

from dataclasses import replace

import pytest
import torch
from support_bust import make_bust
from support_head import make_head, make_motion

from gaussian_head.checks import InputError
from gaussian_head.face import UNITS
from gaussian_head.head import Head, InitConfig, initial_parts
from gaussian_head.head.anchoring import with_anchors
from gaussian_head.head.anchors import MOST, Anchors, Hung
from gaussian_head.io.baked import read_baked, write_baked
from gaussian_head.io.baked_make import bake
from gaussian_head.motion import MotionFrame, Performance

JAW, CLOSE, TONGUE, SMILE, BLINK = (
    UNITS.index(n) for n in ("jawOpen", "mouthClose", "tongueOut", "mouthSmileLeft", "eyeBlinkLeft")
)


def hung_on_two(head: Head, reach: float = 0.4) -> Head:
    """A synthetic head all of whose face hangs on two vertices; a smile lifts the first by 1 cm and stretches."""
    offsets, slopes = torch.zeros(52, 2, 3), torch.zeros(52, 2, 3, 3)
    offsets[SMILE, 0] = torch.tensor([0.0, -0.01, 0.0])
    offsets[[JAW, CLOSE, TONGUE]] = 0.001
    slopes[SMILE, :] = 0.2 * torch.eye(3)
    n = len(head.branch("face"))
    share = torch.linspace(0, 1, n)
    hung = Hung(
        rows=torch.arange(n), corners=torch.tensor([[0, 1]]).repeat(n, 1), weights=torch.stack([share, 1 - share], 1)
    )
    return replace(
        head,
        anchors=Anchors(reach=torch.full((52,), reach), offsets=offsets, slopes=slopes, branches={"face": hung}),
    )


def smiling(weight: float) -> MotionFrame:
    moment = make_motion().at(0)
    return replace(MotionFrame.neutral(moment.head, moment.torso), units=torch.eye(52)[SMILE] * weight)


@pytest.fixture(scope="module")
def head():
    return make_head()


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    bust = make_bust(tmp_path_factory.mktemp("anchors") / "bust")
    parts, _ = initial_parts(bust.capture, InitConfig(face_stride=1.5, back_stride=3.0, torso_stride=3.0))
    return with_anchors(parts, bust.capture)


def test_within_reach_every_bit_stays(head):
    anchored = hung_on_two(head)
    for weight in (0.0, 0.2, 0.4):
        ours, before = anchored.gaussians_at(smiling(weight)), head.gaussians_at(smiling(weight))
        assert all(torch.equal(getattr(ours, name), getattr(before, name)) for name in vars(before))


def test_beyond_it_gaussians_go_with_their_vertices_and_stretch(head):
    anchored = hung_on_two(head)
    near, far = (anchored.gaussians_at(smiling(w)) for w in (0.4, 0.9))
    n = len(head.branch("face"))
    lifted = (far.means - near.means)[:n]
    torch.testing.assert_close(lifted.norm(dim=1), 0.005 * torch.linspace(0, 1, n), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close((far.scales / near.scales)[:n].log(), torch.full((n, 3), 0.1), atol=1e-5, rtol=1e-4)
    assert torch.equal(far.means[n:], near.means[n:])
    assert torch.equal(far.colors, near.colors)
    assert torch.equal(far.opacities, near.opacities)


def test_however_much_is_asked_no_more_than_the_most_is_done(head):
    anchored = hung_on_two(head)
    most, mad = (anchored.gaussians_at(smiling(w)) for w in (MOST, 50.0))
    assert torch.equal(most.means, mad.means)


def test_lips_close_over_an_open_jaw_only_and_the_tongue_leaves_an_open_mouth_only(head):
    anchors = hung_on_two(head).anchors
    assert anchors is not None
    asked = torch.zeros(52)
    asked[[CLOSE, TONGUE]] = 1
    assert not anchors.beyond(asked).any()
    asked[JAW] = 1
    assert (anchors.beyond(asked)[[CLOSE, TONGUE]] > 0).all()


def test_saved_and_read_it_does_the_same(filmed, tmp_path):
    filmed.save(tmp_path / "head")
    again = Head.load(tmp_path / "head")
    moment = smiling(1.0)
    ours, theirs = filmed.gaussians_at(moment), again.gaussians_at(moment)
    assert torch.equal(ours.means, theirs.means)
    assert torch.equal(ours.scales, theirs.scales)


def test_anchors_that_do_not_belong_together_are_named(head, tmp_path):
    anchored = hung_on_two(head)
    hung = anchored.anchors.branches["face"]
    with pytest.raises(InputError, match="beyond the 2"):
        replace(anchored.anchors, branches={"face": replace(hung, corners=hung.corners + 7)})
    with pytest.raises(InputError, match="reach has shape"):
        replace(anchored.anchors, reach=torch.zeros(3))
    wrong = {name: replace(hung, rows=hung.rows + 10**6) for name in ("face", "mouth", "torso")}
    replace(anchored, anchors=replace(anchored.anchors, branches=wrong)).save(tmp_path / "wrong")
    with pytest.raises(InputError, match="beyond the"):
        Head.load(tmp_path / "wrong")


def test_a_filmed_heads_jaw_drops_and_its_crown_and_eyes_stay(filmed):
    moment = smiling(0.0)
    asked = replace(moment, units=torch.eye(52)[JAW])
    here = replace(filmed, anchors=None).gaussians_at(replace(asked, units=filmed.anchors.within(asked.units)))
    there = filmed.gaussians_at(asked)
    face = filmed.branch("face").means
    moved = (there.means - here.means)[: len(face)]
    low, high = face[:, 1].quantile(0.97), face[:, 1].quantile(0.3)
    assert 0.015 < float(moved[face[:, 1] > low][:, 1].median()) < 0.045
    assert float(moved[face[:, 1] < high].norm(dim=1).max()) < 1e-3
    assert float(moved.norm(dim=1).max()) < 0.05


def test_blinks_stay_with_the_inner_code(filmed):
    assert not filmed.anchors.beyond(torch.eye(52)[BLINK]).any()


def test_a_baked_sequence_goes_beyond_too(head, tmp_path):
    anchored, motion = hung_on_two(head), make_motion(8)
    motion = replace(motion, units=motion.units.index_fill(1, torch.tensor(SMILE), 0.9))
    write_baked(tmp_path / "smile.ghb", bake(anchored, Performance(motion=motion), precision="float32"))
    truth, read = anchored.gaussians(motion, 3), read_baked(tmp_path / "smile.ghb").gaussians(3)
    torch.testing.assert_close(torch.as_tensor(read.means), truth.means, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(torch.as_tensor(read.scales), truth.scales, atol=1e-6, rtol=1e-4)
