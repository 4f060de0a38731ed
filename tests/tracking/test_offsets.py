"""Where everybody's landmarks lie beside the parametric head's is learnt once and taken out of whoever is fitted."""

import pytest
import torch

from gaussian_head.checks import InputError
from gaussian_head.face import FaceModel
from gaussian_head.face.fitting import fit_identity, read_offsets
from gaussian_head.facenet import NUM_MESH
from gaussian_head.tracking.learnt_offsets import learn_offsets, write_offsets


def people(count: int, deep: float):
    """Tracked shapes whose noses stand ``deep`` metres out, and whose they are, in another place and size."""
    face, generator = FaceModel.load(), torch.Generator().manual_seed(1)
    identities = [0.8 * torch.randn(face.num_identity, generator=generator) for _ in range(count)]
    shapes = []
    for identity in identities:
        shape = face.landmarks(face.neutral(identity))
        nose = (-shape[:, 2] - 0.09).clamp(min=0) / 0.03
        shape[:, 2] -= deep * nose
        shapes.append(0.97 * shape + torch.tensor([0.01, 0.0, 0.02]))
    return shapes, identities


def mistaken(shapes, identities, offset) -> float:
    face = FaceModel.load()
    skin = face.of_region("face", "lips", "lids")
    found = [face.neutral(fit_identity(face, shape, offset)[0].float())[skin] for shape in shapes]
    true = [face.neutral(identity)[skin] for identity in identities]
    return float(torch.stack([(a - b).norm(dim=1).mean() for a, b in zip(found, true, strict=True)]).mean())


def test_what_all_share_is_taken_out_of_people_it_was_not_learnt_from():
    shapes, identities = people(8, deep=0.008)
    offset = learn_offsets(shapes[:5], identities[:5])
    assert mistaken(shapes[5:], identities[5:], offset) < 0.6 * mistaken(shapes[5:], identities[5:], None)


def test_where_there_is_nothing_to_learn_nothing_is_learnt():
    assert float(learn_offsets(*people(3, deep=0.0)).abs().max()) < 1e-4


def test_the_shipped_table_is_of_its_shape_and_small(tmp_path):
    table = read_offsets()
    assert table.shape == (NUM_MESH, 3)
    assert 1e-3 < float(table.norm(dim=1).max()) < 0.02
    write_offsets(tmp_path / "again.safetensors", table, ["nobody"])
    assert torch.allclose(read_offsets(tmp_path / "again.safetensors"), table, atol=1e-7)


def test_nobody_teaches_nothing():
    with pytest.raises(InputError, match="0 shapes"):
        learn_offsets([], [])
