"""A lent way of speaking: what another person's clip taught, about this person's own closed mouth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..capture import Capture
from ..checks import InputError
from ..motion.shut import seen_apart
from ..speech import encode_speech
from ..voice import OwnVoice, learn_own, usual_prior


def styled(usual: OwnVoice, style: str | Path) -> OwnVoice:
    """The voice of an actor that speaks as somebody else does.

    The prior is told how the lender speaks: how far each unit of the mouth moves, where it usually is above the closed
    mouth, and what the lender answers to a sound in their own way. The closed mouth stays the actor's.

    Args:
        usual: the actor's voice as no clip taught it.
        style: folder of the lender's capture.

    Raises:
        InputError: no capture, or one without sound.
    """
    capture = Capture.load(style)
    if not capture.info.has_audio:
        raise InputError(f"the capture {style} has no sound; a style is lent by somebody who speaks.")
    prior = usual_prior()
    features = encode_speech(capture.audio(), encoder=prior.hearing.encoder)
    motion, apart = capture.motion, seen_apart(capture.motion, capture.code_map)
    lent = learn_own(prior, features, motion.units, apart, capture.train_frames, fps=capture.fps)
    return replace(lent, closed=usual.closed, lips=usual.lips, basis_id=usual.basis_id)
