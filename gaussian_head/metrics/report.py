"""The result of an evaluation: what was measured, how, and its JSON."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .geometry import GeometryScores
from .lips import LipScores, LipSync, SilenceScores
from .motion import Flicker, SilhouetteFlicker
from .steadiness import Steadiness

FORMAT = "gaussian-head-evaluation"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class RegionScores:
    """Picture quality in one region, means over frames."""

    psnr: float
    """Mean over frames of the frame's PSNR, dB (a frame equal to the truth counts 100)."""
    psnr_worst: float
    """Lowest PSNR of a frame, dB."""
    ssim: float
    """Mean structural similarity over the region's pixels."""
    frames: int
    """Frames that have the region."""


@dataclass(frozen=True, kw_only=True)
class PredictionScores:
    """One prediction against the truth."""

    name: str
    """What made the prediction, for example ``"audio"``."""
    regions: dict[str, RegionScores]
    """Scores by region name (see ``regions.REGIONS``)."""
    flip: float
    """Mean FLIP error of the full frame, 0 to 1."""
    ms_ssim: float
    """Mean multi-scale SSIM of the full frame; NaN for pictures under 176 px."""
    lpips: float | None
    """Mean LPIPS of the full frame; None without weights."""
    lpips_head_composited: float | None
    """Mean LPIPS of the head composited over the truth; None without weights."""
    flicker: Flicker
    """Flicker of the person's pixels that stand still in the truth."""
    steadiness: dict[str, Steadiness]
    """Temporal variance where the truth stands still, of ``"person"`` and ``"head"``."""
    silhouette: SilhouetteFlicker | None
    """Flicker of the outline; None where the pictures came without mattes."""
    lips: LipScores | None
    """Lip measures; None where landmarks were not asked for."""
    psnr_per_frame: tuple[float, ...]
    """Full-frame PSNR, dB."""
    opening_per_frame: tuple[float, ...]
    """Mouth opening of the prediction (NaN without a face); empty without landmarks."""
    worst_frame: int
    """Index of the frame with the lowest full-frame PSNR, from 0 in this split."""
    sync: LipSync | None = None
    """What the judge of lips says; None where there was none, or it could not see or hear enough."""
    identity: float | None = None
    """Distance of the face's embedding from the truth's (see ``metrics.identity``); None where it was not measured."""
    unsteady: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)
    """f32 ``[H, W]`` grey levels by which pixels shake more than the truth's, NaN where it moves; not in the JSON."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """An evaluation of one or more predictions on one set of frames."""

    protocol: dict[str, str]
    """How each number was made, in words."""
    split: str
    """Which frames were measured."""
    fps: float
    """Frames per second."""
    num_frames: int
    """Frames measured."""
    width: int
    """Picture width, pixels."""
    height: int
    """Picture height, pixels."""
    predictions: tuple[PredictionScores, ...]
    """One entry per prediction."""
    opening_truth: tuple[float, ...]
    """Mouth opening of the truth per frame; empty without landmarks."""
    sheet: np.ndarray = dataclasses.field(repr=False, compare=False)
    """u8 ``[H, W, 3]`` contact sheet; not part of the JSON."""
    nulls: tuple[str, ...] = ()
    """Names of the predictions that are yardsticks, which no picture or curve shows."""
    silence: SilenceScores | None = None
    """Mouths in the silences of the clip's own sound; None for a head without a voice of its own."""
    geometry: GeometryScores | None = None
    """Against the known truth of a demo subject; None for anybody else."""

    @property
    def shown(self) -> tuple[PredictionScores, ...]:
        """The predictions that are no yardsticks."""
        return tuple(prediction for prediction in self.predictions if prediction.name not in self.nulls)

    def summary(self) -> dict[str, dict[str, float]]:
        """The numbers to show first, by prediction name."""
        return {prediction.name: _summary(prediction) for prediction in self.predictions}

    def to_json(self) -> dict[str, Any]:
        """JSON values: every number above; None stands for a number that could not be measured."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "sheet"}
        plain = {key: _plain(value) for key, value in fields.items()}
        return _without_nan({"format": FORMAT, "version": VERSION, "summary": self.summary()} | plain)


def _summary(p: PredictionScores) -> dict[str, float]:
    values = {f"psnr_{name}": scores.psnr for name, scores in p.regions.items()}
    values |= {"ssim_full": p.regions["full"].ssim, "ms_ssim": p.ms_ssim, "flip": p.flip}
    if p.lpips is not None:
        values["lpips"] = p.lpips
    if p.lpips_head_composited is not None:
        values["lpips_head_composited"] = p.lpips_head_composited
    if p.identity is not None:
        values["identity"] = p.identity
    if p.lips is not None:
        values |= {
            "lmd": p.lips.lmd,
            "opening_correlation": p.lips.opening_correlation,
            "lag_ms": p.lips.opening_lag.seconds * 1000,
            "slcc": p.lips.slcc,
        }
    if p.sync is not None:
        values |= {
            "readability": p.sync.readability,
            "sync_offset_ms": p.sync.offset * 1000,
            "sync_confidence": p.sync.confidence,
        }
    values |= {"flicker": p.flicker.predicted, "flicker_truth": p.flicker.truth}
    values |= {f"still_variance_{part}": scores.ratio for part, scores in p.steadiness.items()}
    return values


def unsteady_picture(report: Report, full_scale: float = 8.0) -> np.ndarray | None:
    """Maps of unsteadiness of what is shown, side by side, u8 ``[H, W, 3]``: red, yellow, white from ``full_scale``.

    Blue is where the truth moves and nothing is measured. None where no prediction has a map.
    """
    maps = [p.unsteady for p in report.shown if p.unsteady is not None]
    if not maps:
        return None
    shown = np.concatenate(maps, axis=1)
    strength = np.nan_to_num(shown / full_scale).clip(0, 1)[..., None]
    heat = np.clip(np.concatenate([2.5 * strength, 2.5 * strength - 1, 5 * strength - 4], axis=2), 0, 1)
    picture = (255 * heat + 0.5).astype(np.uint8)
    picture[~np.isfinite(shown)] = (24, 32, 72)
    return picture


def _plain(value: Any) -> Any:
    """JSON values of scores: dataclasses without their pictures."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
        return {
            name: _plain(getattr(value, name)) for name in names if not isinstance(getattr(value, name), np.ndarray)
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
