"""The result of an evaluation: what was measured, how, and its JSON."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .lips import LipScores
from .motion import Flicker, SilhouetteFlicker

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

    def summary(self) -> dict[str, dict[str, float]]:
        """The numbers to show first, by prediction name."""
        return {prediction.name: _summary(prediction) for prediction in self.predictions}

    def to_json(self) -> dict[str, Any]:
        """JSON values: every number above; None stands for a number that could not be measured."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "sheet"}
        plain = {
            key: [dataclasses.asdict(p) for p in value] if key == "predictions" else value
            for key, value in fields.items()
        }
        return _without_nan({"format": FORMAT, "version": VERSION, "summary": self.summary()} | plain)


def write_report(report: Report, folder: str | Path) -> None:
    """Write ``report.json``, ``sheet.png`` and ``index.html`` (self-contained) into ``folder``.

    Raises:
        InputError: The folder cannot be written.
    """
    import json

    from ..checks import replacing, require_writable_folder
    from ..media import write_image
    from .page import html_page

    folder = require_writable_folder(folder, "report folder")
    write_image(folder / "sheet.png", report.sheet)
    for name, text in (
        ("report.json", json.dumps(report.to_json(), indent=1, allow_nan=False)),
        ("index.html", html_page(report)),
    ):
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _summary(p: PredictionScores) -> dict[str, float]:
    values = {f"psnr_{name}": scores.psnr for name, scores in p.regions.items()}
    values |= {"ssim_full": p.regions["full"].ssim, "ms_ssim": p.ms_ssim, "flip": p.flip}
    if p.lpips is not None:
        values["lpips"] = p.lpips
    if p.lips is not None:
        values |= {
            "lmd": p.lips.lmd,
            "opening_correlation": p.lips.opening_correlation,
            "lag_ms": p.lips.opening_lag.seconds * 1000,
        }
    values |= {"flicker": p.flicker.predicted, "flicker_truth": p.flicker.truth}
    return values


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
