"""Another person's motion, lent to this subject: units and gaze mean the same on everybody."""

from __future__ import annotations

from dataclasses import replace

from ._types import Motion
from .edit import moved_like


def retarget(source: Motion, target: Motion, *, pose: bool = True) -> Motion:
    """Motion of another capture as this subject would make it.

    Units and gaze are copied; the residual of another face means nothing here and is left out. Head and torso move
    from this subject's typical pose as the source's move from theirs.

    Args:
        source: motion of the other person.
        target: captured motion of this subject, for its resting pose.
        pose: also move head and torso as the source does; else this subject's typical pose is held.

    Returns:
        Motion as long as ``source``, at its rate.
    """
    moved = replace(source, **moved_like(target, source, 1.0 if pose else 0.0))
    return moved if source.basis_id == target.basis_id else moved.without_residual()
