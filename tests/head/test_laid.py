"""The parametric head is laid where skin is, not where the landmark net has everybody's."""

import torch

from gaussian_head.face import REGIONS, FaceModel
from gaussian_head.face.fitting import read_offsets
from gaussian_head.facenet import NUM_MESH
from gaussian_head.head.laid import laid_on


def somebody(face, seed):
    """Vertices, landmarks, and landmarks as the net has them on such a head, in the tracked frame."""
    identity = torch.randn(len(face.modes), generator=torch.Generator().manual_seed(seed))
    true = face.landmarks(face.neutral(identity)).double()
    tracked = true.clone()
    tracked[:NUM_MESH] += read_offsets()
    return face.neutral(identity).double(), true, tracked


def apart(a, b):
    return float((a - b).norm(dim=-1).mean())


def test_landmarks_are_as_deep_as_skin():
    face = FaceModel.load()
    _, true, tracked = somebody(face, 5)
    skin = torch.from_numpy(laid_on(face, tracked, read_offsets()).skin)
    before, after = ((points - true)[:NUM_MESH, 2].abs().mean() for points in (tracked, skin))
    assert before > 0.002
    assert after < 0.2 * before
    assert torch.equal(skin[:, :2], tracked[:, :2])
    eyes = (skin - tracked)[NUM_MESH:, 2]
    assert (eyes < -0.002).all()  # irises come forward with their lids


def test_ears_and_scalp_are_nearer_to_those_of_the_heads():
    face = FaceModel.load()
    unseen = torch.isin(face.regions, torch.tensor([REGIONS.index(name) for name in ("ears", "scalp")]))
    people = [somebody(face, seed) for seed in range(8)]

    def missed(offsets):
        return sum(
            apart(torch.from_numpy(laid_on(face, tracked, offsets).vertices)[unseen], vertices[unseen])
            for vertices, _, tracked in people
        )

    assert missed(read_offsets()) < 0.85 * missed(torch.zeros(NUM_MESH, 3, dtype=torch.float64))
