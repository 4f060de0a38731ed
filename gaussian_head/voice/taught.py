"""A person's voice from a clip: the prior is told how the person speaks, and what the clip alone teaches goes along."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..checks import InputError
from ..events import Listener, Warned, ignore
from ..motion import CodeMap, Motion, train_audio_to_motion
from ..motion.shut import seen_apart
from ..speech import SpeechFeatures
from .blended import BlendedVoice
from .own import learn_own
from .prior import VoicePrior


def learn_voice_of(
    prior: VoicePrior,
    features: SpeechFeatures,
    motion: Motion,
    frames: Tensor,
    code_map: CodeMap,
    *,
    seed: int = 0,
    listener: Listener = ignore,
) -> BlendedVoice:
    """A voice, however short the clip is.

    Args:
        prior: what is usual.
        features: of the clip's sound, in step with the picture, by the prior's encoder.
        motion: of the clip.
        frames: ``[n]`` indices of the frames to learn from; the others are not looked at.
        code_map: of the person.
        seed: of the nets.
        listener: receives Progress and Warned.

    Raises:
        InputError: no frame has both sound and a tracked face, or another encoder made the features.
    """
    frames = torch.as_tensor(frames, dtype=torch.long).unique()
    heard = frames / motion.fps < len(features.values) / features.rate
    frames = frames[heard & motion.units[frames].isfinite().all(1)]
    own = learn_own(prior, features, motion.units, seen_apart(motion, code_map), frames, fps=motion.fps)
    lips = code_map.lips if motion.residual.shape[1] else torch.zeros(0, dtype=torch.bool)
    own = replace(own, lips=lips, basis_id=motion.basis_id)
    try:
        learnt = train_audio_to_motion(features, motion, frames, code_map, seed=seed, listener=listener)
    except InputError as error:
        listener(Warned(message=f"the head speaks nearly as people usually do: {error}"))
        learnt = None
    return BlendedVoice(own=own, learnt=learnt)
