"""What a parametric head's surface looks like: procedural skin, lips, brows, hair and irises; no picture of anybody."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .atlas import Atlas, atlas_of
from .model import EYES, FaceModel

RGB = tuple[float, float, float]
SKIN_TONES: tuple[RGB, ...] = (
    (0.95, 0.81, 0.73), (0.89, 0.72, 0.61), (0.78, 0.60, 0.48), (0.64, 0.45, 0.34), (0.45, 0.30, 0.22),
    (0.30, 0.19, 0.14),
)  # fmt: skip
"""From light to dark; a person's own lies between two neighbours."""
HAIR_TONES: tuple[RGB, ...] = (
    (0.07, 0.06, 0.06), (0.16, 0.10, 0.07), (0.30, 0.19, 0.11), (0.52, 0.37, 0.22), (0.44, 0.20, 0.10),
    (0.55, 0.54, 0.53),
)  # fmt: skip
"""Black, dark brown, brown, blond, red, grey."""
IRIS_TONES: tuple[RGB, ...] = ((0.16, 0.09, 0.05), (0.30, 0.18, 0.08), (0.33, 0.36, 0.22), (0.30, 0.42, 0.52))
"""Dark brown, brown, green, blue."""
TEETH, TONGUE, CAVITY = (0.90, 0.88, 0.81), (0.70, 0.34, 0.36), (0.28, 0.08, 0.08)
WHITE_OF_EYE = (0.90, 0.88, 0.87)
BROW_REACH = (-0.014, 0.028)
"""From how far inside the eye's centre a brow goes to how far outside it, metres."""
STROKES = 300.0
"""Hairs of brows and head, waves per metre."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """The colours of one head and of the light on it. RGB in [0, 1]; lengths in metres."""

    skin: RGB = (0.82, 0.67, 0.58)
    """Colour of the skin."""
    lips: RGB = (0.72, 0.38, 0.37)
    """Colour of the lips."""
    hair: RGB = (0.16, 0.10, 0.07)
    """Colour of hair and brows."""
    iris: RGB = (0.25, 0.30, 0.35)
    """Colour of the irises."""
    shirt: RGB = (0.30, 0.35, 0.50)
    """Colour of what is worn."""
    blush: float = 0.0
    """How much redder cheeks and nose are, about 0.1."""
    mottling: float = 0.0
    """Spread of the skin's brightness from place to place, about 0.04."""
    stubble: float = 0.0
    """How much darker the beard's ground is, 0 to about 0.35."""
    brow_height: float = 0.027
    """Of the brow over the eye's centre."""
    brow_half_width: float = 0.0045
    """Half the width of a brow's stroke."""
    brow_fall: float = 18.0
    """Metres lost per square metre sideways."""
    brow_strength: float = 0.85
    """How much of the hair's colour a brow has."""
    hairline: float = 0.0
    """How much lower than the scalp's edge hair begins."""
    background: RGB = (0.55, 0.60, 0.60)
    """Colour of the wall."""
    light: tuple[float, float, float] = field(default=(0.3, -0.5, -1.0))
    """Direction to the lamp, in the camera's axes."""
    ambient: float = 0.5
    """Share of the light that comes from everywhere."""
    seed: int = 0
    """Of the noise."""


def random_look(generator: np.random.Generator) -> Look:
    """A look drawn at random: any tone of skin, hair and eyes, any brows, bearded or not, any lamp."""
    g = generator
    skin = _between(SKIN_TONES, g.uniform(0, len(SKIN_TONES) - 1.01))
    darkness = 1 - float(np.mean(skin))
    hair = HAIR_TONES[g.integers(0, 2 if darkness > 0.5 else len(HAIR_TONES))]
    iris = IRIS_TONES[g.integers(0, 2 if darkness > 0.5 else len(IRIS_TONES))]
    lips = np.array(skin) * g.uniform([0.85, 0.55, 0.58], [0.98, 0.72, 0.75])
    wall = g.uniform(0.15, 0.85) + g.uniform(-0.08, 0.08, 3)
    return Look(
        skin=skin,
        lips=_rgb(lips),
        hair=_rgb(np.array(hair) * g.uniform(0.8, 1.2)),
        iris=_rgb(np.array(iris) * g.uniform(0.8, 1.2)),
        shirt=_rgb(g.uniform(0.08, 0.85, 3)),
        blush=g.uniform(0.02, 0.12),
        mottling=g.uniform(0.01, 0.03),
        stubble=g.choice([0.0, 0.0, g.uniform(0.05, 0.35)]),
        brow_height=g.uniform(0.024, 0.029),
        brow_half_width=g.uniform(0.0025, 0.0055),
        brow_fall=g.uniform(8.0, 22.0),
        brow_strength=g.uniform(0.6, 0.95),
        hairline=g.uniform(-0.004, 0.012),
        background=_rgb(wall),
        light=(g.uniform(-0.8, 0.8), g.uniform(-0.9, -0.2), -1.0),
        ambient=g.uniform(0.4, 0.65),
        seed=int(g.integers(0, 2**31)),
    )


def texture_of(model: FaceModel, look: Look) -> np.ndarray:
    """The texture ``[SIZE, SIZE, 3]`` f32 RGB in [0, 1] of a look, on the model's atlas."""
    atlas, generator = atlas_of(model), np.random.default_rng(look.seed)
    place, skin = atlas.places, np.array(look.skin)
    colours = skin * (1 + look.mottling * _noise(place, 60.0, generator))[:, None]
    colours = colours * (1 + 0.3 * look.mottling * _noise(place, 250.0, generator))[:, None]
    colours = colours * (1 - look.blush * _blushing(place)[:, None] * np.array([-0.3, 1.0, 0.8]))
    colours = _mix(colours, np.array(look.hair) * 0.7 + 0.3 * skin, look.stubble * _bearded(atlas))
    hairs = 1 + 0.12 * _noise(place, STROKES, generator)
    hair = np.array(look.hair) * hairs[:, None]
    colours = _mix(colours, np.array(look.lips), atlas.share("lips"))
    colours = _mix(colours, skin * 0.75, 0.5 * atlas.share("lids"))
    colours = _mix(colours, hair, np.clip(look.brow_strength * _brows(model, atlas, look) * hairs, 0, 1))
    colours = _mix(colours, hair, _hair(atlas, look))
    plain = {"shoulders": look.shirt, "mouth_cavity": CAVITY, "tongue": TONGUE, "lashes": 0.4 * skin}
    plain |= {"upper_teeth": TEETH, "lower_teeth": TEETH, "eye_left": WHITE_OF_EYE, "eye_right": WHITE_OF_EYE}
    for name, colour in plain.items():
        colours = _mix(colours, np.array(colour), atlas.share(name))
    return atlas.picture(np.clip(colours, 0, 1))


def _between(tones: tuple[RGB, ...], at: float) -> RGB:
    low, share = int(at), at - int(at)
    return _rgb((1 - share) * np.array(tones[low]) + share * np.array(tones[low + 1]))


def _rgb(colour: np.ndarray) -> RGB:
    red, green, blue = np.clip(colour, 0, 1).tolist()
    return red, green, blue


def _mix(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    return below + share[:, None] * (above - below)


def _noise(place: np.ndarray, frequency: float, generator: np.random.Generator, waves: int = 12) -> np.ndarray:
    """Smooth noise ``[P]`` of unit variance, of about ``frequency`` waves per metre: a few plane waves."""
    vectors = generator.normal(size=(waves, 3)).astype(np.float32) * frequency * 3
    phases = generator.uniform(0, 2 * np.pi, waves).astype(np.float32)
    return np.cos(place @ vectors.T + phases).sum(1) * np.sqrt(2 / waves)


def _blushing(place: np.ndarray) -> np.ndarray:
    """``[P]`` 1 on cheeks and tip of the nose, 0 elsewhere."""
    spots = np.array([[0.042, 0.02, -0.09], [-0.042, 0.02, -0.09], [0.0, 0.015, -0.12]], np.float32)
    return np.exp(-((place[:, None] - spots) ** 2).sum(2) / 0.015**2).max(1)


def _bearded(atlas: Atlas) -> np.ndarray:
    """``[P]`` where a beard grows, 0 to 1: below and beside the mouth and over the upper lip."""
    x, y, z = atlas.places.T
    low = 1 / (1 + np.exp(-(y - 0.034 + 1.2 * np.maximum(np.abs(x) - 0.03, 0)) / 0.003))
    return low * (z < -0.02) * atlas.share("face", "neck") * (y < 0.11)


def _brows(model: FaceModel, atlas: Atlas, look: Look) -> np.ndarray:
    """``[P]`` 1 inside the strokes of the brows, soft at their edges."""
    mean, found = model.mean.numpy(), np.zeros(len(atlas.places))
    skin = atlas.share("face", "lids")
    for name in EYES:
        centre = mean[model.of_region(name)].mean(0)
        sideways, down, back = (atlas.places - centre).T
        outwards = sideways * np.sign(centre[0])
        taper = np.clip((BROW_REACH[1] - outwards) / 0.02, 0.35, 1)
        off = np.abs(-down - look.brow_height + look.brow_fall * outwards**2) / (look.brow_half_width * taper)
        ends = np.clip((outwards - BROW_REACH[0]) / 0.004, 0, 1) * np.clip((BROW_REACH[1] - outwards) / 0.006, 0, 1)
        found = np.maximum(found, np.clip(2 - 1.6 * off, 0, 1) * ends * (back < 0.01) * skin)
    return found


def _hair(atlas: Atlas, look: Look) -> np.ndarray:
    """``[P]`` 1 where hair grows on the head."""
    x, y = atlas.places.T[:2]
    edge = -0.095 + look.hairline + 6.0 * x**2
    above = np.clip((edge - y) / 0.006, 0, 1) * atlas.share("face")
    behind = atlas.share("scalp") * np.clip((0.055 - y) / 0.01, 0, 1)
    return np.clip(above + behind, 0, 1)
