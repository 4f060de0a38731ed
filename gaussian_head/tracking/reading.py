"""Lips read once more by what they say, poses held: `track --lips read`.

Landmarks blur where lips are quick, and p, b and m pass between two frames or look ajar. What is asked of every frame's
mouth here: stay where the landmarks hold it, within their noise; say the sound, to the judge of lips; and be shut where
p, b or m is heard, the lips are nearly shut anyhow, and the mouth looks like it. Source: the idea of Filntisis et al.,
"Visual speech-aware perceptual 3D facial expression reconstruction from videos" (2022), on units and with the package's
own judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..face import FaceModel
from ..lips import LipJudge
from ..motion.articulation import lips_meet
from ..ridge import left_out, ridge
from ..speech import SpeechFeatures, encode_speech
from ..voice.mouth import COLUMNS, GAP, lip_measures
from ..voice.scores import SHUT as AS_SHUT
from ..voice.scores import WIDEST
from .unit_rows import read_correction
from .unit_solver import INDEPENDENT, NOISE

Lips = Literal["seen", "read"]
SIGMA = NOISE * 0.14 / 200
"""Metres by which landmarks are noisy, on a face 14 cm and 200 pixels wide."""
LOOSE = 0.1
"""Standard deviation of a unit that landmarks do not hold."""
SMOOTH = 0.2
"""Weight of the square of the change of change, beside standard deviations of what is seen. The judge's four times
higher raised its own agreement by .01 and the held-out residual by .004 pixels, and lips that should meet met no more
often with a weight."""
SHUT, NEARLY, LOOKS_NEARLY = 0.02, 0.4, 0.3
"""Quantiles of the gap: of the shut mouth, below which a mouth may be meant shut, and the same of the gap that its look
tells."""
LOOK_SIZE, LOOKS, FOLDS, PENALTY = 24, 40, 5, 0.03
"""Pixels of a mouth's side, directions in which looks differ, pieces of the clip of which each is told by the others,
and the penalty of that ridge: on four clips it tells the gap of landmarks by r = .86 to .95."""
HEARD = 0.5
"""Probability from which on p, b or m counts as heard."""
STEPS, RATE = 120, 0.1
"""Of Adam."""


@dataclass(frozen=True, kw_only=True)
class ReadLips:
    """Lips after reading."""

    units: Tensor
    """``[T, 52]``."""
    figures: Mapping[str, float]
    """``gap_moved_mm``: root mean square by which lips parted more or less; ``readability``: agreement with the sound
    to the judge, -1 to 1; ``meeting``: frames with p, b or m heard and lips nearly shut; ``met``: those of them with
    lips shut. The last and ``readability`` with ``_seen`` are those before."""


def read_lips(
    units: Tensor, fps: float, samples: np.ndarray, mouths: np.ndarray, judge: LipJudge | None = None
) -> ReadLips:
    """Refine the units of the mouth.

    Args:
        units: ``[T, 52]`` as tracked.
        fps: frames per second.
        samples: ``[S]`` mono f32 at 16 kHz, in step with the frames.
        mouths: ``[T, h, w]`` u8 upright grey mouths of the frames (`lips.crops.mouths`).
        judge: of lips; the package's own by default.

    Raises:
        InputError: the judge's speech encoder is not installed.
    """
    judge = judge or LipJudge.load()
    features = encode_speech(samples, encoder=judge.hearing.encoder)
    mouth, parts = units[:, COLUMNS].float(), lip_measures()[:, GAP]
    lips_seen, sound = judge.embedded(units, fps, features)
    gap = mouth @ parts
    shut, meeting = gap.quantile(SHUT), meant_shut(features, gap, told_by_look(mouths, gap), fps)
    told = _read(mouth, fps, judge, sound, meeting, shut)
    read = units.clone()
    read[:, COLUMNS] = told.to(units.dtype)
    limit = shut + AS_SHUT * (gap.quantile(WIDEST) - shut)
    heard, parted = meeting > HEARD, told @ parts
    figures = {
        "gap_moved_mm": 1000 * float((parted - gap).square().mean().sqrt()),
        "meeting": int(heard.sum()),
        "readability_seen": float((lips_seen * sound).sum(-1).mean()),
        "readability": float((judge.embed_lips(read, fps) * sound).sum(-1).mean()),
        "met_seen": int((gap[heard] < limit).sum()),
        "met": int((parted[heard] < limit).sum()),
    }
    return ReadLips(units=read, figures=figures)


def meant_shut(features: SpeechFeatures, gap: Tensor, looked: Tensor, fps: float) -> Tensor:
    """``[T]`` in [0, 1], how surely lips that part by ``gap [T]``, and look like ``looked [T]``, are meant to meet: p,
    b or m is heard, they are as near as they come around, and both are small for this clip."""
    heard = lips_meet(features.closure, features.rate, torch.arange(len(gap)) / fps)
    nearest = -F.max_pool1d(-gap[None, None], 5, 1, 2)[0, 0]
    near = (gap <= gap.quantile(NEARLY)) & (gap <= nearest + SIGMA) & (looked <= looked.quantile(LOOKS_NEARLY))
    return heard * near.float()


def told_by_look(mouths: np.ndarray, gap: Tensor) -> Tensor:
    """The gap ``[T]`` of mouths that look like each of ``mouths [T, h, w]`` u8 in the rest of the clip."""
    import cv2

    small = np.stack([cv2.resize(one, (LOOK_SIZE, LOOK_SIZE), interpolation=cv2.INTER_AREA) for one in mouths])
    pixels = small.reshape(len(small), -1).astype(np.float64)
    pixels = (pixels - pixels.mean(1, keepdims=True)) / np.maximum(pixels.std(1, keepdims=True), 1)
    pixels -= pixels.mean(0)
    values, directions = np.linalg.eigh(pixels.T @ pixels / len(pixels))
    looks = pixels @ directions[:, -LOOKS:] / np.sqrt(np.maximum(values[-LOOKS:], 1e-9))
    x = torch.cat([torch.from_numpy(looks), torch.ones(len(looks), 1)], 1).double()
    penalty = torch.full((x.shape[1],), PENALTY, dtype=torch.float64)
    penalty[-1] = 1e-6
    told = torch.empty_like(gap)
    for piece, others in left_out(torch.arange(len(x)), FOLDS):
        told[piece] = (x[piece] @ ridge(x[others], gap[others, None].double(), penalty))[:, 0].to(gap.dtype)
    return told


def _read(mouth: Tensor, fps: float, judge: LipJudge, sound: Tensor, meeting: Tensor, shut: Tensor) -> Tensor:
    """The units of the mouth ``[T, M]`` that fit best, between 0 and 1; moved along what landmarks hold least."""
    free, parts = _freedom(), lip_measures()[:, GAP]
    moved = torch.zeros_like(mouth, requires_grad=True)
    optimizer = torch.optim.Adam([moved], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        now = (mouth + moved @ free).clamp(0, 1)
        bent = moved[2:] - 2 * moved[1:-1] + moved[:-2]
        unsaid = (1 - (judge.lips_of(now, fps) * sound).sum(-1)).sum()
        ajar = meeting * ((now @ parts - shut).clamp(min=0) / SIGMA) ** 2
        loss = (moved.square().sum() + SMOOTH * bent.square().sum() + ajar.sum()) / 2 + unsaid
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return (mouth + moved.detach() @ free).clamp(0, 1)


def _freedom() -> Tensor:
    """``[M, M]`` units for one standard deviation of what landmarks leave open, in each direction."""
    face = FaceModel.load()
    rows = (face.landmarks(face.units).double() + read_correction())[COLUMNS][..., :2]
    across = rows.flatten(1)
    held = across @ across.T * INDEPENDENT / rows.shape[1] / SIGMA**2
    sizes, directions = torch.linalg.eigh(held + torch.eye(len(held), dtype=torch.float64) / LOOSE**2)
    return (directions / sizes.sqrt() @ directions.T).float()
