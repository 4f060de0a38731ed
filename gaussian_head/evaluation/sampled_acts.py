"""Head acts that a generator of movement was told, found again in what it drew; beside the same draw, untold."""

from __future__ import annotations

from collections.abc import Sequence

from ..capture import Capture
from ..metrics.motion import pose_jitter
from ..motion import loop_poses
from ..motion.act_words import parse_acts
from ..motion.found_acts import find_acts
from ..motion.pose_flow import PoseFlow
from ..motion.recall import Memory
from ..motion.sampled_pose import sampled_pose
from ..speech.prosody import Prosody, prosody_of
from .acted import ActScores, matched, one_after_another


def measure_sampled_acts(
    capture: Capture, flow: PoseFlow, texts: Sequence[str], seed: int = 0
) -> dict[str, tuple[ActScores, float]]:
    """What the observer of `found_acts` finds of prompts in movement that is drawn for them, and its jitter.

    Rows ``"told"`` and, as null row, ``"untold"``: the same noise without acts. Jitter is in times the clip's.

    Args:
        capture: of somebody of whom the generator knows nothing; what they say is said again and again.
        flow: the generator.
        texts: prompts, one after another.
        seed: of what is drawn.
    """
    text, seconds = one_after_another(list(texts))
    motion = capture.motion.without_residual()
    heard = prosody_of(capture.audio(), motion.fps, len(motion))
    T = round(seconds * motion.fps)
    said, memory, base = repeated(heard, T), Memory(motion=motion, heard=heard), loop_poses(motion, T)
    acts = [act for act in parse_acts(text) if act.kind != "hold"]
    own = pose_jitter(motion.head.quats, motion.head.positions).degrees
    rows = {}
    for name, told in (("told", acts), ("untold", [])):
        moved = sampled_pose(base, memory, said, told, flow=flow, blink=False, seed=seed)
        found = list(find_acts(moved.head, moved.gaze, moved.fps))
        jitter = round(pose_jitter(moved.head.quats, moved.head.positions).degrees / own, 3)
        rows[name] = matched(acts, list(found)), jitter
    return rows


def repeated(heard: Prosody, num_frames: int) -> Prosody:
    """A sound again and again, ``num_frames`` moments."""
    values = {}
    for name in ("energy", "pitch", "speaking", "stress"):
        value = getattr(heard, name)
        values[name] = value.repeat(-(-num_frames // len(value)))[:num_frames]
    return Prosody(fps=heard.fps, **values)
