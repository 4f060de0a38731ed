"""Compare predicted frames with the truth, one frame at a time, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ..checks import InputError
from ..conventions import HEAD_LABELS
from ..events import Listener, Progress, ignore
from .flip import flip_map
from .identity import EVERY_SECONDS, MISSING, FaceIdentity, distance
from .identity import PROTOCOL as IDENTITY
from .image import masked_mean, ms_ssim, ssim_map
from .lips import LandmarkDetector, LipSync, lip_scores, mouth_opening
from .lpips import Lpips
from .motion import FlickerMeter, SilhouetteMeter
from .regions import REGIONS, composited, region_masks
from .report import PredictionScores, RegionScores, Report
from .sheet import SheetBuilder
from .steadiness import SPREAD, STILL, SteadinessMeter

BEST_PSNR = 100.0
"""dB given to a region that equals the truth."""


def evaluate_frames(
    truth_frames: Iterable[np.ndarray],
    predicted: Mapping[str, Iterable[np.ndarray]],
    labels: Iterable[np.ndarray],
    *,
    num_frames: int,
    fps: float,
    split: str = "held-out",
    frames: Sequence[int] | None = None,
    landmarks: np.ndarray | None = None,
    audio: np.ndarray | None = None,
    lips: bool = True,
    lpips: Lpips | None = None,
    identity: FaceIdentity | None = None,
    judge: Callable[[np.ndarray], LipSync | None] | None = None,
    nulls: Sequence[str] = (),
    listener: Listener = ignore,
) -> Report:
    """Score one or more predictions of the same frames.

    All iterables are read in step, one frame each, so they may render or decode lazily.

    Args:
        truth_frames: T pictures u8 ``[H, W, 3]``, or ``[H, W, 4]`` with the person's matte.
        predicted: For each prediction's name, T pictures like the truth's; with mattes on both sides the
            silhouette is measured too.
        labels: T part labels u8 ``[H, W]`` of the truth (capture format).
        num_frames: T.
        fps: Frames per second.
        split: Which frames these are, in words, for the report.
        frames: T numbers of these frames in their clip, where some were left out: across a gap no motion is measured.
        landmarks: ``[T, 478, 2]`` pixels of the true face; place the mouth box.
        audio: f32 ``[S]`` sound, 16 kHz mono, starting at the first of these frames.
        lips: Find landmarks in truth and predictions and measure lips (about 30 ms per picture).
        lpips: Network with the user's weights; without it LPIPS is left out and the report says so.
        identity: Embeds faces; without it, or without ``lips``, no identity is measured.
        judge: What judges a prediction's landmarks ``[T, 478, 2]`` against the sound; not asked without ``lips``.
        nulls: Names of predictions that are yardsticks: in the tables, but on no picture.
        listener: Receives Progress after every frame.

    Returns:
        The report; ``write_report`` puts it on disk.

    Raises:
        InputError: Nothing to compare, fewer frames than promised, or sizes that differ.
    """
    if num_frames < 1 or not predicted:
        raise InputError(f"{num_frames} frames and {len(predicted)} predictions came; at least one of each is needed.")
    meters = {
        name: _Meter(name, num_frames, lpips, identity, {part: SteadinessMeter(fps) for part in ("person", "head")})
        for name in predicted
    }
    shown = tuple(name for name in predicted if name not in nulls)
    sheet = SheetBuilder(shown, num_frames)
    truth_points: list[np.ndarray] = []
    size = (0, 0)
    steps = _in_step([truth_frames, labels, *predicted.values()], num_frames, ["truth", "labels", *predicted])
    detector = LandmarkDetector() if lips else None
    embedded = max(round(EVERY_SECONDS * fps), 1)
    jumps = set() if frames is None else {t for t in range(1, num_frames) if frames[t] != frames[t - 1] + 1}
    with torch.no_grad():
        for t, (truth, label, *pictures) in enumerate(steps):
            size = truth.shape[:2]
            _require_sizes(truth, label, dict(zip(predicted, pictures, strict=True)), t)
            masks = region_masks(label, None if landmarks is None else landmarks[t])
            whose = None
            if detector is not None:
                truth_points.append(detector(truth[..., :3]))
                if identity is not None and t % embedded == 0:
                    whose = identity(truth[..., :3], truth_points[-1])
            for meter, picture in zip(meters.values(), pictures, strict=True):
                if t in jumps:
                    meter.cut()
                meter.update(truth, picture, label, masks)
                if detector is not None:
                    meter.look(picture[..., :3], detector, whose)
            drawn = {name: p[..., :3] for name, p in zip(predicted, pictures, strict=True) if name in shown}
            sheet.add(t, truth[..., :3], drawn, {name: meters[name].is_worst for name in shown})
            listener(Progress(stage="evaluation", done=t + 1, total=num_frames))
    points = np.array(truth_points) if lips else None
    return Report(
        protocol=_protocol(lips, lpips, identity, audio is not None),
        split=split,
        fps=float(fps),
        num_frames=num_frames,
        width=size[1],
        height=size[0],
        predictions=tuple(meter.result(points, fps, audio, judge) for meter in meters.values()),
        opening_truth=() if points is None else tuple(map(float, mouth_opening(points))),
        nulls=tuple(name for name in predicted if name in nulls),
        sheet=sheet.draw({name: meters[name].psnr_per_frame for name in shown}),
    )


@dataclass
class _Meter:
    """Running scores of one prediction."""

    name: str
    num_frames: int
    lpips: Lpips | None
    identity: FaceIdentity | None
    steadiness: dict[str, SteadinessMeter]
    psnr: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in REGIONS})
    ssim: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in REGIONS})
    flip: list[float] = field(default_factory=list)
    ms_ssim: list[float] = field(default_factory=list)
    lpips_values: list[tuple[float, float]] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    strangeness: list[float] = field(default_factory=list)
    flicker: FlickerMeter = field(default_factory=FlickerMeter)
    silhouette: SilhouetteMeter | None = None

    @property
    def psnr_per_frame(self) -> list[float]:
        return self.psnr["full"]

    @property
    def is_worst(self) -> bool:
        """True if the frame just taken is the worst so far."""
        *earlier, last = self.psnr_per_frame
        return last < min(earlier, default=np.inf)

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        for meter in (self.flicker, self.silhouette, *self.steadiness.values()):
            if meter is not None:
                meter.cut()

    def look(self, picture: np.ndarray, detector: LandmarkDetector, whose: np.ndarray | None) -> None:
        """Find the face ``[H, W, 3]``, and compare it with the truth's embedding where there is one."""
        self.points.append(detector(picture))
        if self.identity is not None and whose is not None:
            self.strangeness.append(distance(whose, self.identity(picture, self.points[-1])))

    def update(self, truth: np.ndarray, picture: np.ndarray, label: np.ndarray, masks: dict) -> None:
        pasted = composited(truth[..., :3], picture[..., :3], label)
        a, b, c = (_unit(x) for x in (truth[..., :3], picture[..., :3], pasted))
        errors = {"head_composited": (a - c).square()}
        similarity = {"head_composited": ssim_map(c, a)}
        error, similar = (a - b).square(), ssim_map(b, a)
        for name, mask in masks.items():
            if mask is None:
                continue
            weights = torch.from_numpy(mask)
            mse = float(masked_mean(errors.get(name, error), weights))
            self.psnr[name].append(min(BEST_PSNR, -10 * np.log10(mse)) if mse > 0 else BEST_PSNR)
            self.ssim[name].append(float(masked_mean(similarity.get(name, similar), weights)))
        self.flip.append(float(flip_map(a, b).mean()))
        if min(a.shape[:2]) >= 176:
            self.ms_ssim.append(float(ms_ssim(a, b)))
        if self.lpips is not None:
            self.lpips_values.append((float(self.lpips(a, b)), float(self.lpips(a, c))))
        self.flicker.update(truth[..., :3], picture[..., :3], label > 0)
        for part, meter in self.steadiness.items():
            region = label > 0 if part == "person" else np.isin(label, HEAD_LABELS)
            meter.update(truth[..., :3], picture[..., :3], region)
        if truth.shape[2] == picture.shape[2] == 4:
            self.silhouette = self.silhouette or SilhouetteMeter()
            self.silhouette.update(truth[..., 3] > 127, picture[..., 3] > 127)

    def result(
        self,
        truth_points: np.ndarray | None,
        fps: float,
        audio: np.ndarray | None,
        judge: Callable[[np.ndarray], LipSync | None] | None,
    ) -> PredictionScores:
        points = np.array(self.points) if truth_points is not None else None
        perceptual = np.mean(self.lpips_values, 0).tolist() if self.lpips_values else [None, None]
        return PredictionScores(
            name=self.name,
            regions={name: _region_scores(self.psnr[name], self.ssim[name]) for name in REGIONS},
            flip=_mean(self.flip),
            ms_ssim=_mean(self.ms_ssim),
            lpips=perceptual[0],
            lpips_head_composited=perceptual[1],
            flicker=self.flicker.result(),
            steadiness={part: meter.result() for part, meter in self.steadiness.items()},
            unsteady=self.steadiness["person"].excess(),
            silhouette=self.silhouette.result() if self.silhouette else None,
            lips=None if truth_points is None or points is None else lip_scores(truth_points, points, fps, audio),
            psnr_per_frame=tuple(self.psnr_per_frame),
            opening_per_frame=() if points is None else tuple(map(float, mouth_opening(points))),
            worst_frame=int(np.argmin(self.psnr_per_frame)),
            sync=None if points is None or judge is None else judge(points),
            identity=float(np.nanmean(self.strangeness)) if np.isfinite(self.strangeness).any() else None,
        )


def _region_scores(psnr: list[float], ssim: list[float]) -> RegionScores:
    return RegionScores(
        psnr=_mean(psnr), psnr_worst=min(psnr, default=float("nan")), ssim=_mean(ssim), frames=len(psnr)
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _unit(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).float() / 255


def _in_step(sources: list[Iterable], num_frames: int, names: list[str]) -> Iterator[tuple]:
    iterators = [iter(source) for source in sources]
    for t in range(num_frames):
        items = []
        for name, iterator in zip(names, iterators, strict=True):
            item = next(iterator, None)
            if item is None:
                raise InputError(f"{name!r} ended after {t} frames; {num_frames} were promised.")
            items.append(item)
        yield tuple(items)


def _require_sizes(truth: np.ndarray, label: np.ndarray, pictures: dict[str, np.ndarray], t: int) -> None:
    for name, picture in {"truth": truth, "labels": label, **pictures}.items():
        channels = (None,) if name == "labels" else (3, 4)
        got = picture.shape[2] if picture.ndim == 3 else None
        if picture.shape[:2] != truth.shape[:2] or got not in channels or picture.dtype != np.uint8:
            raise InputError(
                f"frame {t} of {name!r} is {picture.dtype} {picture.shape}; u8 of the truth's size "
                f"{truth.shape[:2]} was wanted."
            )


def _protocol(lips: bool, lpips: Lpips | None, identity: FaceIdentity | None, sound: bool) -> dict[str, str]:
    words = {f"region {name}": text for name, text in REGIONS.items()}
    words |= {
        "pictures": "8-bit frames straight from the renderer and from the capture; no video codec in between.",
        "psnr": f"mean over frames of the PSNR of sRGB values; a region equal to the truth counts {BEST_PSNR:g} dB.",
        "ssim": "Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03, mean over channels and the region's pixels.",
        "flip": "LDR-FLIP at 67 pixels per degree, mean over the full frame.",
        "flicker": "root mean square frame-to-frame change (0-255) of person pixels where the truth changes by <= 2.",
        "steadiness": (
            "variance over stretches of 0.4 s, prediction over truth, of pixels of person and head where the truth, "
            f"averaged over {SPREAD} x {SPREAD} pixels, varies by less than {STILL:g} grey levels."
        ),
        "lpips": "not measured: no network weights were supplied." if lpips is None else f"LPIPS 0.1, {lpips.network}.",
        "identity": MISSING if identity is None else IDENTITY,
    }
    if lips:
        words["lips"] = (
            "MediaPipe face mesh in every frame of truth and prediction, each frame on its own; LMD on 20 lip points, "
            "mean-centred, pixels of this frame size; misalignment (MTM) and SLCC after Chae-Yeon et al. (CVPR 2025), "
            "SLCC over windows of 0.2 s, which asks when lips move and not how far."
            + ("" if sound else " No sound was given: silence and SLCC are not measured.")
        )
    return words
