"""Where tracked landmarks lie beside the parametric head's, whoever is filmed: learnt from made-up people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..checks import InputError
from ..durable import replacing
from ..face import FaceModel
from ..facenet import NUM_MESH, mirror
from ..similarity import fit_similarity


def learn_offsets(shapes: Sequence[Tensor], identities: Sequence[Tensor], face: FaceModel | None = None) -> Tensor:
    """The mean offset of tracked neutral faces from the heads that were filmed, its own mirror image.

    Args:
        shapes: ``[478, 3]`` neutral landmarks that tracking found, one a person.
        identities: ``[I]`` who that was.
        face: the parametric head; by default the package's.

    Returns:
        ``[468, 3]`` metres in the model's frame.

    Raises:
        InputError: no person, or as many shapes as identities were not given.
    """
    if not shapes or len(shapes) != len(identities):
        raise InputError(
            f"{len(shapes)} shapes and {len(identities)} identities came; one of each a person was wanted."
        )
    face = FaceModel.load() if face is None else face
    offsets = []
    for shape, identity in zip(shapes, identities, strict=True):
        true = face.landmarks(face.neutral(identity))[:NUM_MESH].double()
        found = shape[:NUM_MESH].double()
        offsets.append(fit_similarity(found, true).apply(found) - true)
    mean = torch.stack(offsets).mean(0)
    flipped = mean[torch.from_numpy(mirror())[:NUM_MESH]] * mean.new_tensor([-1.0, 1.0, 1.0])
    return (mean + flipped) / 2


def write_offsets(path: str | Path, offsets: Tensor, people: Sequence[str]) -> None:
    """Write the table, with the names of who taught it."""
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        save_file({"offsets": offsets.float().contiguous()}, temporary, {"taught_by": ", ".join(people)})
