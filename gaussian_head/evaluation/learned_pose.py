"""Learned head movement against a clip's second half, learnt from its first; each number beside what means nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..capture import Capture
from ..metrics.motion import pose_jitter
from ..metrics.movement import beat_alignment, movement_of, spectral_distance
from ..motion import Motion, loop_poses
from ..motion.liveliness import fit_liveliness, liveliness
from ..motion.pose_flow import PoseFlow
from ..motion.recall import Memory, recall
from ..motion.recall_state import pose_track
from ..motion.sampled_pose import sampled_pose
from ..speech.prosody import Prosody, prosody_of
from ..voice.scores import correlation

STILL = 1e-9
"""Radians and metres that count as no movement."""
SHIFTS = 16
"""Shuffled sounds: the same, so many times a seventeenth later."""


@dataclass(frozen=True, kw_only=True)
class Halves:
    """A clip cut in two."""

    first: Motion
    second: Motion
    heard: Prosody
    """Sound of the first half."""
    said: Prosody
    """Sound of the second half."""

    @property
    def first_as_long(self) -> Motion:
        """The first half, as long as the second."""
        return loop_poses(self.first, len(self.second))

    @staticmethod
    def of(capture: Capture) -> Halves:
        """The halves of a capture with sound."""
        motion = capture.motion
        sound, half = prosody_of(capture.audio(), motion.fps, len(motion)), len(motion) // 2
        return Halves(
            first=motion.select(slice(0, half)).without_residual(),
            second=motion.select(slice(half, None)).without_residual(),
            heard=sound.select(slice(0, half)),
            said=sound.select(slice(half, None)),
        )


@dataclass(frozen=True, kw_only=True)
class MovementScores:
    """One movement against the second half of a clip."""

    spread: list[float]
    """Standard deviation over the second half's: pitch, yaw, roll, x, y, z."""
    speed: list[float]
    """The same of velocity."""
    spread_learnt: list[float]
    """Standard deviation over that of the half that was learnt from."""
    speed_learnt: list[float]
    """The same of velocity."""
    spectrum: float
    """Log-spectral distance of velocity, over that between the clip's halves."""
    beats: float
    """Alignment to the stresses of what is said."""
    beats_shuffled: float
    """The same with what is said moved in time, mean of SHIFTS."""
    lively: float
    """Correlation of how lively the head is from moment to moment with the second half's."""
    jitter: float
    """Rotation that neighbouring frames do not explain, over the learnt half's."""
    nearest: str
    """Whose second half moves most alike."""


def scores_of(moved: Motion, halves: Halves, everybody: Mapping[str, Tensor]) -> MovementScores:
    """Compare a motion to the second half of a clip.

    Args:
        moved: as long as the second half.
        halves: of the clip.
        everybody: signatures ``[12]`` of people's second halves by name.
    """
    fps, track = moved.fps, pose_track(moved.head)
    first, second = (pose_track(m.head) for m in (halves.first, halves.second))
    made, learnt, true = (movement_of(t, fps) for t in (track, first, second))
    peaks = halves.said.peaks().double()
    steps = torch.arange(1, SHIFTS + 1) * len(track) / (SHIFTS + 1)
    shuffled = [beat_alignment(track, (peaks + float(step)) % len(track), fps) for step in steps]
    jitter, own = (pose_jitter(m.head.quats, m.head.positions).degrees for m in (moved, halves.first))
    return MovementScores(
        spread=_ratios(made.spread, true.spread),
        speed=_ratios(made.speed, true.speed),
        spread_learnt=_ratios(made.spread, learnt.spread),
        speed_learnt=_ratios(made.speed, learnt.speed),
        spectrum=round(spectral_distance(track, second, fps) / spectral_distance(first, second, fps), 3),
        beats=round(beat_alignment(track, peaks, fps), 3),
        beats_shuffled=round(sum(shuffled) / len(shuffled), 3),
        lively=round(correlation(*_of_one_length(liveliness(moved), liveliness(halves.second))), 3),
        jitter=round(jitter / own, 3),
        nearest=min(everybody, key=lambda name: float((everybody[name] - made.signature).norm())),
    )


def measure_learned(
    captures: Mapping[str, Capture], seeds: int, flows: Mapping[str, PoseFlow] | None = None
) -> dict[str, dict[str, MovementScores]]:
    """Scores by person and by what moved: ``"learned, seed n"``, and as null rows ``"loop"`` (the clip played on),
    ``"first half"`` (the person themselves, at other words) and ``"second half"`` (the truth).

    What people have in common is learnt from the other captures, where there are others.

    Args:
        captures: by person.
        seeds: takes of each.
        flows: generators that know nothing of each of them: rows ``"sampled, seed n"`` are what they draw, and
            ``"sampled to another sound, seed n"`` what they draw to that of half the time later.
    """
    halves = {name: Halves.of(capture) for name, capture in captures.items()}
    clips = {name: [(half.first, half.heard), (half.second, half.said)] for name, half in halves.items()}
    everybody = {n: movement_of(pose_track(h.second.head), h.second.fps).signature for n, h in halves.items()}
    table = {}
    for name, half in halves.items():
        others = [clip for other, pair in clips.items() if other != name for clip in pair]
        common = fit_liveliness(others) if others else None
        memory, T = Memory(motion=half.first, heard=half.heard, common=common), len(half.second)
        rows = {f"learned, seed {seed}": recall(memory, half.said, seed) for seed in range(seeds)}
        rows |= {"loop": loop_poses(half.first, T), "first half": half.first, "second half": half.second}
        flow = (flows or {}).get(name)
        if flow is not None:
            later = half.said.rolled(T // 2)
            for row, said in (("sampled", half.said), ("sampled to another sound", later)):
                for seed in range(seeds):
                    rows[f"{row}, seed {seed}"] = sampled_pose(half.first_as_long, memory, said, flow=flow, seed=seed)
        table[name] = {row: scores_of(moved, half, everybody) for row, moved in rows.items()}
    return table


def _ratios(made: Tensor, true: Tensor) -> list[float]:
    """What is larger than 1 moves more; axes that do not move at all in either are 1."""
    return [round(float((m + STILL) / (t + STILL)), 2) for m, t in zip(made, true, strict=True)]


def _of_one_length(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    count = min(len(a), len(b))
    return a[:count], b[:count]
