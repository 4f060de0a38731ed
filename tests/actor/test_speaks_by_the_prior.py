"""A head whose clip taught it no voice speaks as people usually do."""

from dataclasses import replace

import numpy as np
import torch
from support_head import make_actor

from gaussian_head.actor.speak import speak, voice_of
from gaussian_head.demo.voice import speak as synthetic_speech
from gaussian_head.face import UNITS
from gaussian_head.voice import OwnVoice
from gaussian_head.voice.mouth import COLUMNS
from gaussian_head.voice.prior import PLAIN


def test_a_silent_head_speaks_and_shuts_its_own_mouth(monkeypatch):
    monkeypatch.setattr("gaussian_head.voice.prior.DATA", PLAIN)
    actor = replace(make_actor(), voice=None)
    smile = UNITS.index("mouthSmileLeft")
    actor.clip.motion.units[:, smile] = 0.4
    voice = voice_of(actor)
    assert isinstance(voice, OwnVoice)
    assert voice.encoder == "default"
    said = synthetic_speech(4, 25, 1).samples
    motion = speak(actor, np.concatenate([said, np.zeros(16000, np.float32)]), seed=1)
    jaw = motion.units[:, UNITS.index("jawOpen")]
    assert float(jaw[10:90].std()) > 0.005
    assert float(motion.units[115, smile]) == torch.tensor(0.4)
    assert not motion.residual[:, : len(voice.lips)][:, voice.lips].any()
    assert bool((motion.units[:, [k for k in range(52) if k not in COLUMNS]] >= 0).all())


def test_a_voice_of_its_own_comes_first():
    actor = make_actor()
    assert voice_of(actor) is actor.voice
