"""Lips from sound: learn one subject's way of speaking from a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import InputError
from ..events import Listener, Progress, Warned, ignore
from ..ridge import left_out
from ..speech import SpeechFeatures, at_frame_rate
from ..speech.mel import MEL_BANDS
from ._types import Motion, is_lip_channel
from .audio_model import AudioToMotion as AudioToMotion
from .lip_model import DILATIONS, STEPS, apply_ridge, fit_net, fit_ridge
from .pose_share import fit_pose_share

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
"""Predicted codes may pass the captured range by this share of it."""
CLOSED_SHARE = 0.1
"""The closed mouth is the median of this share of the captured frames, those with the smallest jaw_open."""

Runs = list[tuple[Tensor, Tensor]]


def train_audio_to_motion(
    features: SpeechFeatures,
    motion: Motion,
    frames: Tensor,
    *,
    fps: float | None = None,
    seed: int = 0,
    listener: Listener = ignore,
) -> AudioToMotion:
    """Learn to predict a subject's lip channels from sound.

    The mean of a ridge regression and two temporal nets: each is better than the others on some
    subjects, their mean on nearly all.

    Args:
        features: of the clip's sound, in step with the picture.
        motion: tracked motion of the clip.
        frames: ``[n]`` indices of the frames to learn from; the others are not looked at.
        fps: of the motion, checked where given.
        seed: of the nets.
        listener: receives Progress, and Warned where little could be learnt.

    Raises:
        InputError: less than two seconds of usable frames, or no jaw_open channel.
    """
    if fps is not None and abs(fps - motion.fps) > 1e-6:
        raise InputError(f"fps is {fps} but the motion has {motion.fps}; give the motion's own.")
    frames = _usable(features, motion, frames)
    lips = [k for k, name in enumerate(motion.channels) if is_lip_channel(name)]
    pose_share = fit_pose_share(motion, frames)
    values = at_frame_rate(features, motion.fps, len(motion))
    targets = (motion.expression - pose_share.of(motion))[:, lips].float()
    scaling = _Scaling.fitted(values[frames], targets[frames])
    inputs = (values - scaling.input_mean) / scaling.input_scale @ scaling.projection
    outputs = (targets - scaling.output_mean) / scaling.output_scale
    level_columns = MEL_BANDS if features.encoder in ("default", "mel") else 0
    report = _reporter(listener, len(DILATIONS) * STEPS)
    jaw = [motion.channels[k] for k in lips].index("jaw_open")
    growth, correlation = _held_out(inputs, outputs, frames, jaw)
    if correlation < WEAK_CORRELATION:
        listener(Warned(message=_weak(correlation, len(frames) / motion.fps)))
    runs = _runs(inputs, outputs, frames)
    captured = targets[frames]
    low, high = captured.quantile(0.005, dim=0), captured.quantile(0.995, dim=0)
    return AudioToMotion(
        encoder=features.encoder,
        encoder_version=features.version,
        fps=motion.fps,
        channels=motion.channels,
        basis_id=motion.basis_id,
        correlation=correlation,
        input_mean=scaling.input_mean,
        input_scale=scaling.input_scale,
        projection=scaling.projection,
        spoken_mean=_spoken_mean(features, frames, motion.fps),
        output_mean=scaling.output_mean,
        output_scale=scaling.output_scale * growth,
        closed=_closed(captured, jaw),
        lowest=low - REACH * (high - low),
        highest=high + REACH * (high - low),
        ridge=fit_ridge(runs),
        nets=tuple(
            fit_net(runs, dilations, level_columns=level_columns, seed=seed + i, on_step=report)
            for i, dilations in enumerate(DILATIONS)
        ),
        pose_share=pose_share,
    )


@dataclass(frozen=True, kw_only=True)
class _Scaling:
    """How features and codes are standardised."""

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


def _usable(features: SpeechFeatures, motion: Motion, frames: Tensor) -> Tensor:
    """Sorted frame indices with sound and finite lips; InputError where they are too few."""
    if "jaw_open" not in motion.channels:
        raise InputError(f"the motion has no channel jaw_open, only {motion.channels}; track the clip again.")
    frames = torch.as_tensor(frames, dtype=torch.long).unique()
    heard = frames / motion.fps < len(features.values) / features.rate
    frames = frames[heard & motion.expression[frames].isfinite().all(1)]
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


def _held_out(inputs: Tensor, outputs: Tensor, frames: Tensor, jaw: int) -> tuple[Tensor, float]:
    """Growth ``[Kl]`` that gives predictions life, and the jaw's correlation, from blocks left out of a ridge fit."""
    predicted = torch.zeros(len(frames), outputs.shape[1])
    for block, rest in left_out(frames, FOLDS, GAP):
        weights = fit_ridge(_runs(inputs, outputs, frames[rest]))
        predicted[block] = apply_ridge(weights, inputs)[frames[block]]
    wanted = outputs[frames]
    agreement = ((predicted - predicted.mean(0)) * (wanted - wanted.mean(0))).mean(0)
    agreement = agreement / (predicted.std(0) * wanted.std(0)).clamp(min=1e-9)
    growth = LIVELINESS * (agreement / 0.5).clamp(0, 1) * (wanted.std(0) / predicted.std(0).clamp(min=1e-6) - 1)
    return (1 + growth).clamp(1, MOST_GROWTH), float(agreement[jaw])


def _closed(captured: Tensor, jaw: int) -> Tensor:
    """Lip code ``[Kl]`` of the closed mouth among captured codes ``[n, Kl]``; jaw_open is 0 or less."""
    count = max(int(CLOSED_SHARE * len(captured)), 1)
    closed = captured[captured[:, jaw].argsort()[:count]].median(0).values
    closed[jaw] = closed[jaw].clamp(max=0)
    return closed


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
