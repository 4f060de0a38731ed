"""Lips from sound: learn one subject's way of speaking from a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..events import Listener, Progress, Warned, ignore
from ..face import UNITS, is_mouth_unit
from ..ridge import left_out, ridge
from ..speech import SpeechFeatures, at_frame_rate
from ..speech.mel import MEL_BANDS
from ._code_map import CodeMap
from ._types import Motion
from .audio_model import AudioToMotion as AudioToMotion
from .lip_model import DILATIONS, STEPS, apply_ridge, fit_net, fit_ridge
from .shut import seen_apart, shut_mouth

FEWEST_SECONDS = 2.0
"""Clips with less sound and face than this teach nothing."""
WEAK_CORRELATION = 0.25
"""Below this correlation the user is warned."""
SHORTEST_RUN = 10
"""Unbroken runs of fewer frames are left out."""
FOLDS = 4
GAP = 8
"""Frames left out between a fold and what it is predicted from."""
EVENNESS = 0.05
"""Added to the standard deviation of inputs, so that inputs which hardly vary stay quiet."""
MOST_INPUTS = 160
"""Wider features are first reduced to this many principal components."""
LIVELINESS = 0.5
"""How far predictions, which a regression makes too small, are grown to the captured size: 0 not, 1 wholly."""
MOST_GROWTH = 1.6
REACH = 0.1
"""Predicted units may pass the captured range by this share of it."""
COMPONENTS = 12
"""Directions in which a subject's mouth moves most, that are learnt in place of its units."""
REDUNDANT = 1e-2
"""Penalty of the way back to units, since gap, width and depth of the lips are said twice."""
STILL = 1e-4
"""Standard deviation below which a unit is left out: the subject does not move it."""
EVEN_PARTING = 1e-4
"""Added to the variance of units when it is asked which of them part the lips together."""

Runs = list[tuple[Tensor, Tensor]]


def train_audio_to_motion(
    features: SpeechFeatures,
    motion: Motion,
    frames: Tensor,
    code_map: CodeMap,
    *,
    fps: float | None = None,
    seed: int = 0,
    listener: Listener = ignore,
) -> AudioToMotion:
    """Learn to predict the units of a subject's mouth from sound.

    The mean of a ridge regression and two temporal nets: each is better than the others on some
    subjects, their mean on nearly all.

    Args:
        features: of the clip's sound, in step with the picture.
        motion: tracked motion of the clip.
        frames: ``[n]`` indices of the frames to learn from; the others are not looked at.
        code_map: of the subject, which says how far units part its lips, and what of its residual belongs to them.
        fps: of the motion, checked where given.
        seed: of the nets.
        listener: receives Progress, and Warned where little could be learnt.

    Raises:
        InputError: less than two seconds of usable frames.
    """
    if fps is not None and abs(fps - motion.fps) > 1e-6:
        raise InputError(f"fps is {fps} but the motion has {motion.fps}; give the motion's own.")
    frames = _usable(features, motion, frames)
    units = _moved_units(motion.units[frames])
    columns = [UNITS.index(name) for name in units]
    values = at_frame_rate(features, motion.fps, len(motion))
    lips = [code_map.index(name) for name in ("jaw_open", "lip_width", "lip_pucker")]
    of_lips = code_map.weights[columns][:, lips]
    mouth = _Mouth.fitted(motion.units[frames][:, columns], of_lips)
    targets = mouth.told(motion.units[:, columns])
    scaling = _Scaling.fitted(values[frames], targets[frames])
    inputs = (values - scaling.input_mean) / scaling.input_scale @ scaling.projection
    outputs = (targets - scaling.output_mean) / scaling.output_scale
    level_columns = MEL_BANDS if features.encoder in ("default", "mel") else 0
    report = _reporter(listener, len(DILATIONS) * STEPS)
    growth, correlation = _held_out(inputs, outputs, frames)
    if correlation < WEAK_CORRELATION:
        listener(Warned(message=_weak(correlation, len(frames) / motion.fps)))
    runs = _runs(inputs, outputs, frames)
    captured = motion.units[frames][:, columns]
    low, high = captured.quantile(0.005, dim=0), captured.quantile(0.995, dim=0)
    parting = _parting(captured, of_lips[:, 0])
    apart = seen_apart(motion, code_map)[frames]
    return AudioToMotion(
        encoder=features.encoder,
        encoder_version=features.version,
        fps=motion.fps,
        units=units,
        lips=code_map.lips if motion.residual.shape[1] else torch.zeros(0, dtype=torch.bool),
        basis_id=motion.basis_id,
        correlation=correlation,
        input_mean=scaling.input_mean,
        input_scale=scaling.input_scale,
        projection=scaling.projection,
        spoken_mean=_spoken_mean(features, frames, motion.fps),
        output_mean=scaling.output_mean,
        output_scale=scaling.output_scale * growth,
        mean=mouth.mean,
        directions=mouth.back,
        closed=_closed(captured, apart, parting),
        lowest=(low - REACH * (high - low)).clamp(min=0),
        highest=high + REACH * (high - low),
        opening=of_lips[:, 0],
        parting=parting,
        ridge=fit_ridge(runs),
        nets=tuple(
            fit_net(runs, dilations, level_columns=level_columns, seed=seed + i, on_step=report)
            for i, dilations in enumerate(DILATIONS)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Scaling:
    """How features and units are standardised."""

    input_mean: Tensor
    input_scale: Tensor
    projection: Tensor
    output_mean: Tensor
    output_scale: Tensor

    @staticmethod
    def fitted(values: Tensor, targets: Tensor) -> _Scaling:
        mean, scale = values.mean(0), values.std(0) + EVENNESS
        projection = torch.eye(values.shape[1])
        if values.shape[1] > MOST_INPUTS:
            _, size, directions = torch.linalg.svd((values - mean) / scale, full_matrices=False)
            kept = directions[:MOST_INPUTS]
            projection = kept.T / (size[:MOST_INPUTS] ** 2 / len(values)).mean().sqrt()
        return _Scaling(
            input_mean=mean,
            input_scale=scale,
            projection=projection.contiguous(),
            output_mean=targets.mean(0),
            output_scale=targets.std(0).clamp(min=1e-6),
        )


@dataclass(frozen=True, kw_only=True)
class _Mouth:
    """The few numbers that a subject's mouth is learnt in: gap, width, depth of its lips, and where it moves most."""

    mean: Tensor
    """``[Kl]`` mean units."""
    there: Tensor
    """``[Kl, D]`` from units to the numbers; the first is how far the lips are apart."""
    back: Tensor
    """``[D, Kl]`` from the numbers to units."""

    @staticmethod
    def fitted(captured: Tensor, of_lips: Tensor) -> _Mouth:
        """From units ``[n, Kl]``, and what each does ``[Kl, 3]`` to gap, width and depth of the subject's lips."""
        mean = captured.mean(0)
        centred = captured - mean
        _, _, axes = torch.linalg.svd(centred, full_matrices=False)
        there = torch.cat([of_lips, axes[:COMPONENTS].T], 1)
        scale = (centred @ there).std(0).clamp(min=1e-6)
        back = ridge(centred @ there / scale, centred, REDUNDANT) / scale[:, None]
        return _Mouth(mean=mean, there=there, back=back)

    def told(self, units: Tensor) -> Tensor:
        """Units ``[T, Kl]`` as those numbers ``[T, D]``."""
        return (units - self.mean) @ self.there


def _usable(features: SpeechFeatures, motion: Motion, frames: Tensor) -> Tensor:
    """Sorted frame indices with sound and finite units; InputError where they are too few."""
    frames = torch.as_tensor(frames, dtype=torch.long).unique()
    heard = frames / motion.fps < len(features.values) / features.rate
    frames = frames[heard & motion.units[frames].isfinite().all(1)]
    if len(frames) < FEWEST_SECONDS * motion.fps:
        raise InputError(
            f"only {len(frames) / motion.fps:.1f} s of the clip have both sound and a tracked face; at least "
            f"{FEWEST_SECONDS:.0f} s are needed to learn to speak, and 20 s or more are better."
        )
    return frames


def _runs(inputs: Tensor, outputs: Tensor, frames: Tensor) -> Runs:
    """Inputs and outputs of unbroken runs of ``frames``."""
    breaks = (frames.diff() > 1).nonzero().flatten() + 1
    parts = [part for part in frames.tensor_split(breaks) if len(part) >= SHORTEST_RUN]
    return [(inputs[part], outputs[part]) for part in parts or [frames]]


def _held_out(inputs: Tensor, outputs: Tensor, frames: Tensor) -> tuple[Tensor, float]:
    """Growth ``[D]`` that gives predictions life, and the correlation of the first, from blocks left out."""
    predicted = torch.zeros(len(frames), outputs.shape[1])
    for block, rest in left_out(frames, FOLDS, GAP):
        weights = fit_ridge(_runs(inputs, outputs, frames[rest]))
        predicted[block] = apply_ridge(weights, inputs)[frames[block]]
    wanted = outputs[frames]
    agreement = ((predicted - predicted.mean(0)) * (wanted - wanted.mean(0))).mean(0)
    agreement = agreement / (predicted.std(0) * wanted.std(0)).clamp(min=1e-9)
    growth = LIVELINESS * (agreement / 0.5).clamp(0, 1) * (wanted.std(0) / predicted.std(0).clamp(min=1e-6) - 1)
    return (1 + growth).clamp(1, MOST_GROWTH), float(agreement[0])


def _moved_units(captured: Tensor) -> tuple[str, ...]:
    """Units of the mouth that the subject moves in ``[n, 52]``, jawOpen first."""
    spread = captured.std(0)
    moved = [name for k, name in enumerate(UNITS) if is_mouth_unit(name) and spread[k] > STILL and name != "jawOpen"]
    return ("jawOpen", *moved)


def _parting(captured: Tensor, opening: Tensor) -> Tensor:
    """``[Kl]`` units that part the lips by one: of all that do, those likeliest beside captured ones ``[n, Kl]``."""
    usual = torch.cov(captured.T).reshape(len(opening), -1) + EVEN_PARTING * torch.eye(len(opening))
    together = usual @ opening
    return together / (opening @ together).clamp(min=1e-9)


def _closed(captured: Tensor, apart: Tensor, parting: Tensor) -> Tensor:
    """Units ``[Kl]`` of the closed mouth among captured ones ``[n, Kl]`` whose lips are ``apart [n]``, 0 or less."""
    gap = shut_mouth(apart[:, None], apart).clamp(min=0)
    return (shut_mouth(captured, apart) - gap * parting).clamp(min=0)


def _spoken_mean(features: SpeechFeatures, frames: Tensor, fps: float) -> Tensor:
    """Mean ``[A]`` of the features over moments of speech inside the training frames."""
    row = torch.arange(len(features.values)) / features.rate * fps
    seen = torch.zeros(int(frames.max()) + 2, dtype=torch.bool)
    seen[frames] = True
    inside = seen[row.long().clamp(max=len(seen) - 1)]
    spoken = inside & (features.activity > 0.5)
    return features.values[spoken if spoken.any() else inside].mean(0)


def _reporter(listener: Listener, total: int) -> Callable[[], None]:
    """A function that emits Progress every twentieth call."""
    done = 0

    def report() -> None:
        nonlocal done
        done += 1
        if done % 20 == 0 or done == total:
            listener(Progress(stage="learning to speak", done=done, total=total))

    return report


def _weak(correlation: float, seconds: float) -> str:
    return (
        f"sound predicts this speaker's mouth poorly (correlation {correlation:.2f} from {seconds:.0f} s of speech); "
        "give a longer clip, or one whose sound belongs to the picture."
    )
