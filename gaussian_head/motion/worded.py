"""A motion whose head does what words say."""

from __future__ import annotations

from dataclasses import replace

from ..events import Listener, Warned, ignore
from ..transforms import quat_conjugate, quat_multiply, quat_to_rotvec
from ._types import Motion
from .act_words import parse_acts
from .acts import acted_poses, perform
from .edit import still_pose

CALM = 0.015
"""Radians, root mean square, that the head's own movement is brought down to, so that acts stand out."""


def worded(motion: Motion, text: str, *, listener: Listener = ignore) -> Motion:
    """``motion`` with its head calm but for what ``text`` asks for, as ``parse_acts`` reads it; the face stays.

    Args:
        motion: T frames with the person's usual movement.
        text: for example "nods twice, then looks slowly to the left".
        listener: receives Warned where not all that is asked for fits into the motion.

    Raises:
        InputError: words that are not understood.
    """
    acts = parse_acts(text)
    late = [act for act in acts if act.begin + act.seconds > motion.duration]
    if late:
        listener(
            Warned(
                message=f"{len(late)} of {len(acts)} head movements do not fit into {motion.duration:.1f} s; the first"
                f" of them ({late[0].kind}) would end at {late[0].begin + late[0].seconds:.1f} s."
            )
        )
    rest = still_pose(motion)
    turn = quat_to_rotvec(quat_multiply(quat_conjugate(rest.head.quats), motion.head.quats))
    usual = float(turn.norm(dim=1).square().mean().sqrt())
    share = motion.head.positions.new_full((len(motion), 1), min(1.0, CALM / max(usual, CALM)))
    calm = {"head": rest.head.blended(motion.head, share), "torso": rest.torso.blended(motion.torso, share)}
    acted = perform(acts, len(motion), motion.fps)
    poses = acted_poses(calm["head"], calm["torso"], acted)
    return replace(motion, gaze=motion.gaze + acted.gaze, **poses)
