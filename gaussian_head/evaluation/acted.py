"""Head acts in words, and leaders, on rendered videos that are tracked anew."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..actor import Actor, Direction, perform
from ..actor.directing import own_sound
from ..capture import Capture
from ..conventions import SAMPLE_RATE
from ..events import Listener, ignore
from ..face import UNITS, FaceModel
from ..metrics.lips import LIPS
from ..motion import Pose
from ..motion.act_words import parse_acts
from ..motion.acts import Act
from ..motion.edit import resample
from ..motion.found_acts import find_acts
from ..motion.pose_range import PoseRange, brought_into
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec
from ..voice.scores import correlation
from .seen_again import filmed, seen_again, units_in

REST = 1.6
"""Seconds between two prompts."""
NEAR = 0.5
"""Seconds by which an act may begin early or late and still be the one that was asked for."""
VERBS = (
    ("nods", ("once", "twice", "3 times")),
    ("shakes", ("once", "twice")),
    ("tilts", ("left", "right")),
    ("turns", ("left", "right", "up", "down")),
    ("looks", ("left", "right", "up", "down")),
    ("leans", ("forward", "back")),
)
SPEEDS, SIZES = ("", "slowly", "quickly"), ("", "widely")


@dataclass(frozen=True, kw_only=True)
class ActScores:
    """What an observer of the video found of what was asked for."""

    asked: int
    found: int
    right: int
    """Of the same kind and side, begun within NEAR."""
    late: list[float]
    """Seconds by which those begin late."""
    by_kind: dict[str, list[int]]
    """Asked for, found, right, of each kind."""


def prompts(count: int, seed: int = 0) -> list[str]:
    """Made-up prompts of one to three acts."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        acts = []
        for _ in range(rng.choice([1, 2, 2, 3])):
            verb, sides = rng.choice(VERBS)
            acts.append(" ".join(w for w in (verb, rng.choice(SPEEDS), rng.choice(SIZES), rng.choice(sides)) if w))
        made.append(", then ".join(acts))
    return made


def one_after_another(texts: list[str]) -> tuple[str, float]:
    """All prompts as one text with times, and how many seconds it takes."""
    clock, parts = REST, []
    for text in texts:
        acts = parse_acts(text)
        first, *rest = text.split(", then ")
        parts.append(", then ".join([f"{first} at {clock:.2f} s", *rest]))
        clock += acts[-1].begin + acts[-1].seconds + REST
    return ", then ".join(parts), clock


def measure_words(
    actor: Actor,
    samples: np.ndarray,
    texts: list[str],
    video: Path,
    *,
    size: int,
    fps: float,
    listener: Listener = ignore,
) -> tuple[ActScores, ActScores]:
    """Render prompts one after another, track the video anew, and find acts in it; and in the motion itself."""
    text, seconds = one_after_another(texts)
    sound = np.resize(samples, round(seconds * SAMPLE_RATE))
    motion = perform(actor, sound, Direction(pose=text, blink=False), listener=listener)
    shown = seen_again(filmed(actor, motion, video, size=size, fps=fps, listener=listener), listener=listener)
    asked = [act for act in parse_acts(text) if act.kind != "hold"]
    seen, told = find_acts(shown.head, shown.gaze, shown.fps), find_acts(motion.head, motion.gaze, motion.fps)
    return matched(asked, list(seen)), matched(asked, list(told))


@dataclass(frozen=True, kw_only=True)
class LipsMeanwhile:
    """How far lips are from the recording's while the head does as told, millimetres on the average face."""

    told: float
    """Mean distance over lip landmarks and frames."""
    untold: float
    """The same of the head that moves as in its clip."""
    still: float
    """The same of a mouth that does not move."""


def lips_meanwhile(
    actor: Actor, text: str, folder: Path, *, size: int, seconds: float, listener: Listener = ignore
) -> LipsMeanwhile:
    """Render the clip's words with and without head acts; compare lips in the pictures to the recording's."""
    sound = own_sound(actor.clip)[: round(seconds * SAMPLE_RATE)]
    moved = FaceModel.load().landmarks(FaceModel.load().units)[:, list(LIPS)]
    recorded = actor.clip.motion.units

    def away(units: Tensor) -> float:
        count = min(len(units), len(recorded))
        apart = torch.einsum("tk,klc->tlc", units[:count] - recorded[:count], moved)
        return round(1000 * float(apart.norm(dim=-1).mean()), 3)

    found = []
    for name, pose in (("told", text), ("untold", "captured")):
        motion = perform(actor, sound, Direction(pose=pose, blink=False), listener=listener)
        video = filmed(actor, motion, folder / f"lips_{name}.mp4", size=size, listener=listener)
        found.append(units_in(actor, motion, video, listener=listener))
    still = found[1].median(0).values.expand_as(found[1])
    return LipsMeanwhile(told=away(found[0]), untold=away(found[1]), still=away(still))


def matched(asked: list[Act], seen: list[Act]) -> ActScores:
    """Acts that were seen beside those asked for; ``seen`` is used up."""
    by_kind = {act.kind: [0, 0, 0] for act in (*asked, *seen)}
    found, late = len(seen), []
    for act in seen:
        by_kind[act.kind][1] += 1
    for act in asked:
        by_kind[act.kind][0] += 1
        near = [s for s in seen if (s.kind, s.side) == (act.kind, act.side) and abs(s.begin - act.begin) < NEAR]
        if near:
            best = min(near, key=lambda s: abs(s.begin - act.begin))
            seen.remove(best)
            by_kind[act.kind][2] += 1
            late.append(round(best.begin - act.begin, 3))
    return ActScores(asked=len(asked), found=found, right=len(late), late=late, by_kind=by_kind)


@dataclass(frozen=True, kw_only=True)
class LedScores:
    """A head led by another video."""

    correlations: list[float]
    """Of pitch, yaw, roll of the video and of the leader within the head's range."""
    spread: list[float]
    """Standard deviations of the leader's, degrees: an axis that hardly moves correlates with nothing."""
    degrees: float
    """Mean angle between the turn that is seen and the leader's."""
    degrees_still: float
    """The same of a head that does not move."""
    jaw: float
    """Correlation of jawOpen in the pictures with that of the head when it follows its own clip."""
    gap: float
    """The same of jawOpen less mouthClose."""
    jaw_again: float
    """The same against the asked units: what rendering and re-tracking alone leave."""


def measure_led(
    actor: Actor,
    leader: Capture,
    samples: np.ndarray,
    folder: Path,
    *,
    size: int,
    fps: float | None = None,
    listener: Listener = ignore,
) -> LedScores:
    """Let ``leader`` lead the head while it says ``samples``; track the video anew."""
    lead = brought_into(leader.motion, PoseRange.of(actor.clip.motion).widened())
    motions = {
        "led": perform(actor, samples, Direction(pose=leader.path, blink=False), listener=listener),
        "own": perform(actor, samples, Direction(pose="captured", blink=False), listener=listener),
    }
    videos = {name: folder / f"{name}.mp4" for name in motions}
    units = {}
    for name, motion in motions.items():
        filmed(actor, motion, videos[name], size=size, fps=fps, listener=listener)
        units[name] = units_in(actor, motion, videos[name], listener=listener)
    shown = seen_again(videos["led"], listener=listener)
    wanted = resample(lead, shown.fps)
    count = min(len(wanted), len(shown.head))
    ours, theirs = (_turned_in_the_room(head)[:count] for head in (shown.head, wanted.head))
    ours, theirs = ours - ours.mean(0), theirs - theirs.mean(0)
    jaw, close = UNITS.index("jawOpen"), UNITS.index("mouthClose")
    asked = resample(motions["led"], shown.fps, len(units["led"])).units
    return LedScores(
        correlations=[round(correlation(a, b), 3) for a, b in zip(ours.T, theirs.T, strict=True)],
        spread=[round(float(axis), 2) for axis in torch.rad2deg(theirs.std(0))],
        degrees=round(float(torch.rad2deg((ours - theirs).norm(dim=1).mean())), 2),
        degrees_still=round(float(torch.rad2deg(theirs.norm(dim=1).mean())), 2),
        jaw=round(correlation(units["led"][:, jaw], units["own"][:, jaw]), 3),
        gap=round(correlation(*(u[:, jaw] - u[:, close] for u in (units["led"], units["own"]))), 3),
        jaw_again=round(correlation(units["led"][:, jaw], asked[:, jaw]), 3),
    )


def _turned_in_the_room(head: Pose) -> Tensor:
    """Rotation vectors ``[T, 3]`` from the first moment, in the camera's axes, which two heads have in common."""
    first = quat_conjugate(head.quats[0]).expand_as(head.quats)
    return quat_to_rotvec(quat_multiply(head.quats, first))
