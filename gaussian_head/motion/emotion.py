"""A motion in a mood: brows, eyes and mouth, posture, liveliness and blinks change, and the lips keep speaking."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..face import UNITS
from ..smoothing import blurred, smoothstep
from ..speech.windows import interpolated
from ..transforms import quat_conjugate, quat_multiply, quat_normalize, quat_to_rotvec, rotvec_to_quat
from ._code_map import CodeMap
from ._types import Motion, Pose
from .acts import Acted, acted_poses
from .drive import LIDS
from .edit import typical_frame
from .idle import BLINK_MEAN, blinks_at
from .learned import blinks_of
from .moods import Mood

SLOW_SECONDS = 0.35
"""What a head does more slowly than this is posture, what it does more quickly is liveliness."""
CLOSED, OPEN = 0.1, 0.75
"""Quantiles of how far apart the lips are at which a mouth is called shut, and well open."""
YIELDS, YIELDS_MET, YIELDS_PAUSE, PAUSE_SECONDS = 0.5, 0.85, 0.4, 0.2
"""Of a mood's lower face, where the lips are rounded as far as 1, where they meet for a moment, and where they rest in
a pause; seconds that tell the one from the other."""
LOWER = torch.tensor([not name.startswith(("brow", "eye")) for name in UNITS])
"""Units of mouth, cheeks and nose, all of which move lips."""
PARTING = torch.tensor([name.startswith(("mouthUpperUp", "mouthLowerDown", "noseSneer")) for name in UNITS])
"""Those of them that take one lip from the other: none of a mood's is left where lips meet."""
ROUNDED = ("mouthPucker", "mouthFunnel")
IN_FORM, NEARLY_ALL = 0.9, 0.96
"""Cosine of what is asked and what is seen, in the head's inner code, down to which a change keeps its form; share of
what is seen at most that strength 1 shows, since the last bit of it would take much."""
LEAST_RANGE = 0.4
"""Strength that every mood may have."""
FINE, LEVELS = 40, 20
"""Steps in which strengths are tried, and in which they are kept."""
BLINK_FRAMES = 0.28
"""Seconds on either side of a blink that go with it."""


@dataclass(frozen=True, kw_only=True)
class Feeling:
    """A mood and how strong it is."""

    mood: Mood
    strength: Tensor
    """``[T]`` in [0, 1], of brows, eyes, posture, liveliness and blinks."""
    lower: Tensor
    """``[T]`` in [0, 1], of mouth, cheeks and nose."""


def felt(motion: Motion, feelings: tuple[Feeling, ...], code_map: CodeMap, seed: int = 0) -> Motion:
    """``motion`` in moods.

    What the mood does to the lips gives way to what they say: where they were shut for p, b, m or in silence they
    stay as near each other as they were, and where they were open they open no less.

    Args:
        motion: T frames.
        feelings: moods and their strengths, which add up.
        code_map: of the head, which says how far units part its lips.
        seed: of blinks that come or go.
    """
    if not feelings:
        return motion
    open = openness(motion.units, code_map, opening_bounds(motion.units, code_map))
    closed = blurred(1 - open[:, None], PAUSE_SECONDS * motion.fps)[:, 0]
    moved = replace(motion, units=expressed(motion.units, feelings, open, closed, code_map))
    moved = _postured(moved, feelings)
    return _blinking(moved, motion, feelings, seed)


def expressed(spoken: Tensor, feelings: tuple[Feeling, ...], open: Tensor, closed: Tensor, code_map: CodeMap) -> Tensor:
    """Units ``[T, 52]`` of a face that speaks in moods.

    Args:
        spoken: ``[T, 52]`` units without moods.
        feelings: moods and their strengths, which add up.
        open: ``[T]`` how far the lips are apart, as `openness` tells.
        closed: ``[T]`` how shut they are on average around each moment, which tells a pause from a closure.
        code_map: of the head, which says how far units part its lips.
    """
    asked = torch.zeros_like(spoken)
    for feeling in feelings:
        share = torch.where(LOWER, feeling.lower[:, None], feeling.strength[:, None])
        asked = asked + share * feeling.mood.direction
    units = (spoken + _yielding(spoken, asked, open, closed)).clamp(0, 1)
    return _speaking_on(spoken, torch.where(asked == 0, spoken, units), open, code_map)


@dataclass(frozen=True, kw_only=True)
class Range:
    """How far a head follows a mood."""

    shown: float
    """Share of the full mood's change that is seen at most, 0 to 1."""
    upper: Tensor
    """``[LEVELS + 1]`` strength at which 0, 1 / LEVELS, … all is seen that brows and eyes show."""
    lower: Tensor
    """The same of mouth, cheeks and nose."""

    @property
    def unbounded(self) -> Range:
        """The same clip, of a head that shows what its clip did not."""
        even = torch.linspace(0, 1, LEVELS + 1)
        return Range(shown=self.shown, upper=even, lower=even)

    def feeling(self, mood: Mood, asked: Tensor) -> Feeling:
        """The mood as strong ``[T]`` as the share ``asked [T]`` of all that the head shows is seen."""
        at = asked.double().clamp(0, 1) * LEVELS
        levels = torch.stack([self.upper, self.lower], 1).double()
        strength, lower = interpolated(levels, at).float().unbind(1)
        return Feeling(mood=mood, strength=strength, lower=lower)


def range_of(code_map: CodeMap, usual: Tensor, mood: Mood) -> Range:
    """How far a head follows a mood before what its clip showed bends the change out of its form.

    What is seen of a mood grows ever more slowly with its strength, as one part of the face after the other comes to
    its bounds; strengths are spaced so that what is seen grows evenly.

    Args:
        code_map: of the head.
        usual: ``[54]`` its usual units and gaze.
        mood: what is asked.
    """
    levels = [_levels(code_map, usual, mood.direction * part) for part in (~LOWER, LOWER)]
    asked, _ = _changes(code_map, usual, mood.direction[None])
    most = mood.direction * torch.where(LOWER, levels[1][-1], levels[0][-1])
    _, seen = _changes(code_map, usual, most[None])
    share = float((asked * seen).sum() / asked.square().sum().clamp(min=1e-9))
    return Range(shown=min(max(share, 0.0), 1.0), upper=levels[0], lower=levels[1])


def _changes(code_map: CodeMap, usual: Tensor, added: Tensor) -> tuple[Tensor, Tensor]:
    """What units ``added [n, 52]`` ask of a head's inner code, and what is seen of it, ``[n, K]`` in its spans."""
    span = (code_map.bounds[1] - code_map.bounds[0]).clamp(min=1e-6)
    units, gaze = (usual[:-2] + added).clamp(0, 1), usual[-2:].expand(len(added), 2)
    rest = code_map.mapped(usual[:-2], usual[-2:])
    asked = code_map.bias + torch.cat([units, gaze], 1) @ code_map.weights - rest
    return asked / span, (code_map.mapped(units, gaze) - rest) / span


def _levels(code_map: CodeMap, usual: Tensor, direction: Tensor) -> Tensor:
    """``[LEVELS + 1]`` strengths at which what is seen of ``direction [52]`` grows evenly, to nearly all of it."""
    strengths = torch.linspace(0, 1, FINE + 1)
    asked, seen = _changes(code_map, usual, strengths[:, None] * direction)
    in_form = (asked * seen).sum(1) >= IN_FORM * asked.norm(dim=1) * seen.norm(dim=1)
    bent = (~in_form & (strengths > LEAST_RANGE)).nonzero()[:, 0]
    last = int(bent[0]) - 1 if len(bent) else FINE
    share = (seen @ asked[-1] / (asked[-1] @ asked[-1]).clamp(min=1e-9)).clamp(0, 1)[: last + 1]
    share = share.cummax(0).values
    if float(share[-1]) < 1e-6:
        return torch.linspace(0, 1, LEVELS + 1)
    goals = torch.linspace(0, NEARLY_ALL, LEVELS + 1) * share[-1]
    at = torch.searchsorted(share.contiguous(), goals.contiguous()).clamp(1, last)
    part = ((goals - share[at - 1]) / (share[at] - share[at - 1]).clamp(min=1e-9)).clamp(0, 1)
    return strengths[at - 1].lerp(strengths[at], part)


def _yielding(units: Tensor, asked: Tensor, open: Tensor, closed: Tensor) -> Tensor:
    """``asked [T, 52]``, its lower face smaller where lips are rounded, and where they meet: ``open [T]`` is 0."""
    rounded = torch.stack([units[:, UNITS.index(name)] for name in ROUNDED]).sum(0).clamp(0, 1)
    pause = smoothstep(((closed - 0.6) / 0.3).clamp(0, 1))
    shut = (1 - open) * (YIELDS_MET + pause * (YIELDS_PAUSE - YIELDS_MET))
    kept = torch.where(PARTING, open[:, None], 1 - shut[:, None])
    return torch.where(LOWER, asked * (1 - YIELDS * rounded)[:, None] * kept, asked)


def opening_bounds(spoken: Tensor, code_map: CodeMap) -> tuple[Tensor, Tensor]:
    """How far apart the lips of ``spoken [T, 52]`` are where they meet, and where they are well open."""
    apart = spoken @ code_map.weights[: len(UNITS), code_map.index("jaw_open")]
    return apart.quantile(CLOSED), apart.quantile(OPEN)


def openness(spoken: Tensor, code_map: CodeMap, bounds: tuple[Tensor, Tensor]) -> Tensor:
    """``[T]`` from 0 where the lips of ``spoken [T, 52]`` meet to 1 where they are well open, by `opening_bounds`."""
    apart = spoken @ code_map.weights[: len(UNITS), code_map.index("jaw_open")]
    shut, wide = bounds
    return smoothstep(((apart - shut) / (wide - shut).clamp(min=1e-6)).clamp(0, 1))


def _speaking_on(spoken: Tensor, moved: Tensor, open: Tensor, code_map: CodeMap) -> Tensor:
    """``moved [T, 52]`` with the lips as far apart as ``spoken`` had them, or further where they were open."""
    parting = code_map.weights[: len(UNITS), code_map.index("jaw_open")]
    extra = moved @ parting - spoken @ parting
    wrong = extra.clamp(min=0) * open - extra
    jaw, close = UNITS.index("jawOpen"), UNITS.index("mouthClose")
    moved = moved.clone()
    for unit, lowest, highest in ((jaw, 0.0, 1.0), (close, 0.0, 1.0)):
        weight = float(parting[unit])
        if abs(weight) > 1e-6:
            old = moved[:, unit]
            moved[:, unit] = (old + wrong / weight).clamp(lowest, highest)
            wrong = wrong - (moved[:, unit] - old) * weight
    return moved


def posture(feelings: tuple[Feeling, ...], T: int) -> Acted:
    """How the moods turn and lean a head, over T frames."""
    turn, shift, gaze = torch.zeros(T, 3), torch.zeros(T, 3), torch.zeros(T, 2)
    for feeling in feelings:
        mood, strength = feeling.mood, feeling.strength
        turn += strength[:, None] * torch.tensor(mood.turn)
        shift[:, 2] -= strength * mood.lean
        gaze += strength[:, None] * torch.tensor(mood.gaze)
    return Acted(turn=turn, shift=shift, gaze=gaze)


def _postured(motion: Motion, feelings: tuple[Feeling, ...]) -> Motion:
    """Head and torso in the moods' posture, as lively as they are."""
    T = len(motion)
    reach, quick = torch.ones(T), torch.ones(T)
    for feeling in feelings:
        mood, strength = feeling.mood, feeling.strength
        reach, quick = reach + strength * (mood.reach - 1), quick + strength * (mood.quick - 1)
    rest, acted = typical_frame(motion), posture(feelings, T)
    poses = {
        part: livened(pose, rest, reach[:, None], quick[:, None], motion.fps)
        for part, pose in (("head", motion.head), ("torso", motion.torso))
    }
    return replace(motion, gaze=motion.gaze + acted.gaze, **acted_poses(poses["head"], poses["torso"], acted))


def livened(pose: Pose, rest: int, reach: Tensor, quick: Tensor, fps: float) -> Pose:
    """A pose about one of its frames, slow and quick movement ``reach`` and ``quick`` ``[T, 1]`` times as large."""
    origin = pose[rest]
    turn = quat_to_rotvec(quat_multiply(quat_conjugate(origin.quats).expand_as(pose.quats), pose.quats))
    away = torch.cat([turn, pose.positions - origin.positions], 1)
    slow = blurred(away, SLOW_SECONDS * fps)
    away = reach * slow + quick * (away - slow)
    turned = quat_multiply(origin.quats.expand_as(pose.quats), rotvec_to_quat(away[:, :3]))
    return Pose(quats=quat_normalize(turned), positions=origin.positions + away[:, 3:])


def _blinking(moved: Motion, before: Motion, feelings: tuple[Feeling, ...], seed: int) -> Motion:
    """``moved`` with as many more or fewer blinks than ``before`` as moods have."""
    often = torch.ones(len(moved))
    for feeling in feelings:
        often = often + feeling.strength * (feeling.mood.blinks - 1)
    generator = torch.Generator().manual_seed(seed)
    peaks = blinks_of(before)
    chance = torch.rand(len(moved), generator=generator)
    fewer = peaks[chance[peaks] > often[peaks]]
    usual = max(len(peaks) / max(len(moved), 1), 0.3 / BLINK_MEAN / moved.fps)
    more = (chance < usual * (often - 1)).nonzero()[:, 0]
    near = (more[:, None] - peaks[None]).abs().amin(1) if len(peaks) else torch.full((len(more),), len(moved))
    more = more[near > 2 * BLINK_FRAMES * moved.fps]
    units = moved.units.clone()
    for name in LIDS:
        k = UNITS.index(name)
        rest, shut = units[:, k].median(), units[:, k].quantile(0.995)
        around = _around(fewer, len(moved), BLINK_FRAMES * moved.fps)
        units[:, k] = torch.where(around, torch.minimum(units[:, k], rest), units[:, k])
        closing = blinks_at(more, len(moved), moved.fps, seed)
        units[:, k] = torch.maximum(units[:, k], rest + (shut - rest).clamp(min=0.3) * closing * bool(len(more)))
    return replace(moved, units=units.clamp(0, 1)) if len(fewer) or len(more) else moved


def _around(peaks: Tensor, T: int, reach: float) -> Tensor:
    near = torch.zeros(T, dtype=torch.bool)
    for peak in peaks.tolist():
        near[max(round(peak - reach), 0) : round(peak + reach) + 1] = True
    return near
