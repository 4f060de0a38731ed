"""What models of voices take in: speech features less what is usual in a recording, in few directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..checks import InputError, require_names, require_number, require_shapes
from ..speech import SpeechFeatures, at_frame_rate

DIRECTIONS = 96
"""Principal directions of the features that are kept."""
EVENNESS = 0.05
"""Added to the standard deviation of features, so that those which hardly vary stay quiet."""
WHITENING = 0.03
"""Directions weaker than this share of the strongest are not grown to its size."""
COMPARE_SECONDS = 2.0
"""Sound after which a recording's own mean feature is trusted as much as the usual one."""
TENSORS = ("input_mean", "input_scale", "projection")


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """How features of one encoder become inputs."""

    encoder: str
    """Speech encoder whose features it takes."""
    encoder_version: str
    """Version of that encoder."""
    rate: float
    """Frames per second of the inputs."""
    input_mean: Tensor
    """``[A]`` usual features."""
    input_scale: Tensor
    """``[A]``."""
    projection: Tensor
    """``[A, R]`` from standardised features to inputs."""

    @staticmethod
    def fitted(
        values: Sequence[Tensor], usual: Sequence[Tensor], *, encoder: str, encoder_version: str, rate: float
    ) -> Hearing:
        """From the features of many recordings.

        Args:
            values: of each recording, ``[T, A]`` at ``rate``.
            usual: their means ``[A]``, or ``[T, A]`` those of what was heard by then.
            encoder: that made them.
            encoder_version: of it.
            rate: frames per second.
        """
        together = torch.cat(list(values))
        scale = together.std(0) + EVENNESS
        standard = torch.cat([one - mean for one, mean in zip(values, usual, strict=True)]) / scale
        sizes, directions = torch.linalg.eigh((standard.T @ standard / len(standard)).double())
        kept = min(DIRECTIONS, len(sizes))
        strength = sizes.flip(0)[:kept].clamp(min=0).sqrt()
        projection = directions.flip(1)[:, :kept] / (strength + WHITENING * strength[0])
        return Hearing(
            encoder=encoder,
            encoder_version=encoder_version,
            rate=rate,
            input_mean=together.mean(0),
            input_scale=scale,
            projection=projection.float(),
        )

    def standard(self, values: Tensor, usual: Tensor) -> Tensor:
        """Inputs ``[T, R]`` from features ``[T, A]`` whose mean is ``usual``, ``[A]`` or ``[T, A]``."""
        return (values - usual) / self.input_scale @ self.projection

    def inputs(self, features: SpeechFeatures, num_frames: int) -> Tensor:
        """Inputs ``[T, R]`` of a sound; frame ``t`` belongs to ``t / rate`` seconds.

        Raises:
            InputError: another encoder, or another version of it, made the features.
        """
        got = (features.encoder, features.version, features.dim)
        wanted = (self.encoder, self.encoder_version, len(self.input_mean))
        if got != wanted:
            raise InputError(
                "features are of encoder {!r}, version {!r}, {} columns; this model takes {!r}, {!r}, {}; use its "
                "encoder.".format(*got, *wanted)
            )
        heard = len(features.values) / features.rate
        usual = self.input_mean.lerp(features.values.mean(0), heard / (heard + COMPARE_SECONDS))
        return self.standard(at_frame_rate(features, self.rate, num_frames), usual)

    def tensors(self) -> dict[str, Tensor]:
        """Its arrays under the names that files give them."""
        return {name: getattr(self, name) for name in TENSORS}

    def described(self) -> dict[str, Any]:
        """The rest of it, for JSON; ``read`` takes both back."""
        return {"encoder": self.encoder, "encoder_version": self.encoder_version, "rate": self.rate}

    @staticmethod
    def read(tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Hearing:
        """From what files hold; ValueError or KeyError where it does not fit together."""
        encoder, version = require_names([meta["encoder"], meta["encoder_version"]], "encoder and version")
        rate = require_number(meta["rate"], "rate", least=1, most=1000)
        A, R = tensors["projection"].shape
        require_shapes(tensors, {"input_mean": (A,), "input_scale": (A,), "projection": (A, R)}, "the model")
        arrays = {name: tensors[name] for name in TENSORS}
        return Hearing(encoder=encoder, encoder_version=version, rate=rate, **arrays)
