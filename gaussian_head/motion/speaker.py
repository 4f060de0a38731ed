"""What can tell a mouth from a sound: a subject's own predictor, or what is usual among people."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor

from ..speech import SpeechFeatures


class Speaker(Protocol):
    """Makes units of the mouth from sound; `AudioToMotion` and `voice.OwnVoice` are two."""

    @property
    def encoder(self) -> str:
        """Speech encoder whose features it takes."""
        ...

    @property
    def lips(self) -> Tensor:
        """``[R]`` bool, what of the subject's residual belongs to the lips and is left out of what is spoken."""
        ...

    @property
    def basis_id(self) -> str:
        """Identity of the face whose residual that is; "" where nobody knows."""
        ...

    def predict(self, samples: np.ndarray, fps: float, num_frames: int, *, close_in_silence: bool = True) -> Tensor:
        """Units ``[num_frames, 52]`` of a sound ``[S]``, mono f32 at 16 kHz."""
        ...

    def predict_from(
        self, features: SpeechFeatures, fps: float, num_frames: int, *, close_in_silence: bool = True
    ) -> Tensor:
        """As ``predict``, from features made earlier."""
        ...
