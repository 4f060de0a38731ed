"""The quality report: what was measured, and in plain words what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .background import MOVES, unlike
from .channels import MEASURED
from .steadiness import Steadiness, judge_steadiness

if TYPE_CHECKING:
    from ..capture import CaptureInfo, CaptureWriter
    from .crop import Survey
    from .findings import Findings
    from .solve import Solution
    from .sync import Sound
    from .torso import TorsoMotion


def measure(
    info: CaptureInfo,
    solution: Solution,
    landmarks: np.ndarray,
    torso: TorsoMotion,
    sound: Sound | None,
    plate: np.ndarray,
    writer: CaptureWriter,
    *,
    survey: Survey,
    camera: Steadiness,
) -> dict[str, Any]:
    """Numbers of the report as JSON-ready values."""
    good = np.setdiff1d(np.arange(info.num_frames), info.bad_frames)
    parts = {"train": good[good < info.num_train], "held_out": good[good >= info.num_train]}
    residual = {
        name: {
            "all_px": _mean(solution.residual.numpy()[frames]),
            "lips_px": _mean(solution.lip_residual.numpy()[frames]),
        }
        for name, frames in parts.items()
    }
    width = np.linalg.norm(landmarks[good, 454, :2] - landmarks[good, 234, :2], axis=1)
    samples = good[np.linspace(0, len(good) - 1, 20).round().astype(int)]
    pictures = [(writer.read_image(int(t)), writer.read_alpha(int(t))) for t in samples]
    source = info.source
    figures: dict[str, Any] = {
        "source": source["name"],
        "seconds": round(info.num_frames / info.fps, 2),
        "frames": info.num_frames,
        "fps": info.fps,
        "residual": residual,
        "face_width_px": _mean(width),
        "face_width_source_px": _mean(width) * source["crop"][2] / info.width,
        "face_size_mm": (np.ptp(solution.model.shape.numpy(), axis=0) * 1000).round(1).tolist(),
        "focal_px": round(solution.model.focal, 1),
        "distance_m": round(float(solution.states.positions[:, 2].median()), 3),
        "pose_jitter_px": _jitter(solution, info),
        "head_turn_deg": _turns(solution),
        "mask_coverage": _mean([float((matte > 127).mean()) for _, matte in pictures]),
        "background_moves": round(unlike(pictures, plate), 3),
        "zoom": round(camera.zoom, 3),
        "brightness_range": round(camera.brightness, 3),
        "exposure_evened": camera.evened,
        "code_range": _ranges(solution.states.codes.numpy()[parts["train"]], info.code),
        "blinks": _blinks(solution, info),
        "torso_features": int(np.median(torso.features)),
        "audio_offset_s": info.audio_offset,
        "audio_confidence": None if sound is None else round(sound.confidence, 3),
        "bad_frames": info.bad_frames,
        "more_than_one_face": round(survey.rivals, 3),
    }
    return figures


def _mean(values: Any) -> float:
    """Mean to four digits; -1 where there is nothing to average (JSON has no NaN)."""
    return round(float(np.mean(values)), 4) if len(values) else -1.0


def _ranges(codes: np.ndarray, names: list[str]) -> dict[str, list[float]]:
    """First and last percentile of each number of the code."""
    low, high = np.quantile(codes, [0.01, 0.99], axis=0).round(4).tolist()
    return {name: [low[k], high[k]] for k, name in enumerate(names)}


def _jitter(solution: Solution, info: CaptureInfo) -> dict[str, float]:
    """Root mean square of the pose's third difference in pixels at the face: what is left is tremble, not motion."""
    scale = solution.model.focal / float(solution.states.positions[:, 2].median())
    positions = solution.states.positions.numpy() * scale
    turns = solution.states.rotvecs.numpy() * 0.07 * scale
    gain = np.sqrt(20.0)
    jerk = [np.diff(x, 3, axis=0) / gain for x in (positions[:, :2], positions[:, 2:] * 0.07, turns)]
    values = [float(np.sqrt((x**2).mean())) if len(x) else 0.0 for x in jerk]
    return {name: round(v, 4) for name, v in zip(("shift", "size", "turn"), values, strict=True)}


def _turns(solution: Solution) -> dict[str, float]:
    degrees = np.rad2deg(solution.states.rotvecs.numpy())
    spread = np.quantile(degrees, 0.98, axis=0) - np.quantile(degrees, 0.02, axis=0)
    return {name: round(float(v), 2) for name, v in zip(("nod", "shake", "tilt"), spread, strict=True)}


def _blinks(solution: Solution, info: CaptureInfo) -> int:
    k = MEASURED.index("blink_l")
    shut = solution.states.codes[: info.num_train, k : k + 2].mean(1).numpy() > 0.5
    return int((np.diff(shut.astype(int)) == 1).sum())


def advise(figures: dict[str, Any], findings: Findings) -> None:
    """Add a finding for whatever in the figures will hurt the result; none for a good clip."""
    face, source_face = figures["face_width_px"], figures["face_width_source_px"]
    if source_face < 120:
        findings.add(
            "small face",
            f"The face is only {source_face:.0f} px wide in the video: mouth and eyes will be blurred; film closer.",
        )
    elif face < 120:
        findings.add(
            "small face",
            f"The face is only {face:.0f} px wide in the crop: use a larger --size or cut the video closer.",
        )
    if figures["residual"]["train"]["all_px"] > 0.006 * face:
        findings.add(
            "poor fit", "Landmarks fit the face poorly: look for motion blur, hands before the face, or bad light."
        )
    if figures["seconds"] < 10:
        findings.add("short", f"The clip lasts {figures['seconds']:.0f} s: 20 s or more teach the mouth better.")
    opening = figures["code_range"]["jaw_open"]
    if opening[1] - opening[0] < 0.04:
        findings.add("still mouth", "The mouth hardly opens in this clip: talking cannot be learnt from it.")
    if not figures["blinks"]:
        findings.add("no blink", "No blink was seen: eyes will close by a guess.")
    if max(figures["head_turn_deg"]["shake"], figures["head_turn_deg"]["nod"]) < 4:
        findings.add("still head", "The head hardly turns: views from the side will be a guess.")
    if figures["mask_coverage"] < 0.1:
        findings.add("matte", "The person fills little of the picture, or the matte missed parts: look at alpha/.")
    if figures["background_moves"] > MOVES:
        findings.add(
            "moving background",
            f"{figures['background_moves']:.0%} of what is behind the person does not stand still (a camera in the"
            " hand, a zoom, a lively place): the head is learnt all the same, each frame before its own background, but"
            " shown before a blurred one. Film from a stand, or render with --background.",
        )
    camera = figures["zoom"], figures["brightness_range"], figures["exposure_evened"]
    judge_steadiness(Steadiness(zoom=camera[0], brightness=camera[1], evened=camera[2]), findings)
    if figures["torso_features"] < 10:
        findings.add(
            "plain clothes",
            "The clothes have too little texture to follow: the torso moves as its picture as a whole, or stays.",
        )
