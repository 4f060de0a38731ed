"""The voice prior: the mouth of anybody, in units, from any voice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checks import InputError, require_names, require_shapes
from ..face import UNITS
from ..motion.articulation import lasting, lips_meet, speech_gate
from ..motion.lip_model import RADIUS, LipNet, apply_net, apply_ridge
from ..smoothing import blurred
from ..speech import SpeechFeatures, encode_speech
from ..speech.whisper import is_installed
from ..speech.windows import interpolated
from ..taught import TaughtFile
from .hearing import Hearing
from .mouth import COLUMNS, GAP, MOUTH, lip_measures
from .net import mouth_net

FILE = TaughtFile(what="voice prior", script="learn_voice.py", format="gaussian-head-voice", version=1)
DATA = Path(__file__).parent / "prior.safetensors"
"""The prior of the package, which hears with Whisper; what it was taught with stands beside it in ``prior.json``."""
PLAIN = Path(__file__).parent / "plain.safetensors"
"""The one that hears with the default encoder, which needs no other package: a ridge regression."""
SPEAKING, SHORT_PAUSE = 0.1, 0.4
"""Activity above which something is being said, and seconds of pause that do not shut the mouth: what the models tell
of a pause is better than a rule until the pause is long."""
OPENS_BEFORE, CLOSES_AFTER = 0.25, 0.1
"""Seconds before speech at which lips begin to part, and after it at which they are shut."""
CALM_SECONDS = 0.6
"""How slowly all but the gap between the lips, their corners above all, comes to rest in a pause: standard deviation of
a Gaussian."""
NEARLY = 1.5e-3
"""Metres on the average head: lips told to be so far apart are half as far apart. What is told is a mean of what may
be, and stays open where lips often meet."""
PASSES = 3
"""Times that lips are brought to where they shall be: units end at 0, and the others must make up for it."""
TENSORS = ("ridge", "closed", "mean", "scale", "gain", "parting")


@dataclass(frozen=True, kw_only=True)
class VoicePrior:
    """From sound to the mouth of a person nobody has seen: the mean of a ridge regression and small temporal nets."""

    hearing: Hearing
    """From features to what the models take."""
    ridge: Tensor
    """``[(2 RADIUS + 1) R, M]`` ridge weights."""
    nets: tuple[LipNet, ...]
    """Nets between the same values."""
    closed: Tensor
    """``[M]`` units of the usual closed mouth."""
    mean: Tensor
    """``[M]`` usual units above those of the closed mouth."""
    scale: Tensor
    """``[M]`` usual standard deviations of units."""
    gain: Tensor
    """``[M]`` growth to the size at which people whom the models did not know moved."""
    parting: Tensor
    """``[M]`` units that part the lips by a metre, as they usually go together."""
    causal: bool = False
    """Whether no frame sees a later one: what `CausalVoice` hears with."""

    def told(self, features: SpeechFeatures, num_frames: int) -> Tensor:
        """What the sound tells, before anything of a person comes in.

        Args:
            features: of the sound, by the prior's encoder.
            num_frames: T at the prior's own rate.

        Returns:
            ``[T, M]`` f32 units in standard deviations about the usual mouth.

        Raises:
            InputError: another encoder, or another version of it, made the features.
        """
        return self.told_from(self.hearing.inputs(features, num_frames))

    def told_from(self, inputs: Tensor) -> Tensor:
        """The same from inputs ``[T, R]``."""
        return torch.stack([apply_ridge(self.ridge, inputs), *(apply_net(net, inputs) for net in self.nets)]).mean(0)

    def predict(
        self,
        samples: np.ndarray,
        fps: float,
        num_frames: int,
        *,
        closed: Tensor | None = None,
        close_in_silence: bool = True,
    ) -> Tensor:
        """Units for a sound; those that speech does not drive are 0.

        Args:
            samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
            fps: frames per second; frame ``t`` belongs to ``t / fps`` seconds.
            num_frames: T; moments past the sound's end are silent.
            closed: ``[52]`` units of the person's closed mouth; by default the usual one.
            close_in_silence: shut the mouth in every pause.

        Returns:
            ``[T, 52]`` f32 in [0, 1].

        Raises:
            InputError: the sound is empty or not finite, or the encoder is not available.
        """
        features = encode_speech(samples, encoder=self.hearing.encoder)
        return self.predict_from(features, fps, num_frames, closed=closed, close_in_silence=close_in_silence)

    def predict_from(
        self,
        features: SpeechFeatures,
        fps: float,
        num_frames: int,
        *,
        closed: Tensor | None = None,
        close_in_silence: bool = True,
    ) -> Tensor:
        """As ``predict``, from features made earlier."""
        rate = self.hearing.rate
        told = self.told(features, frames_inside(num_frames, fps, rate))
        times = torch.arange(num_frames, dtype=torch.float64) / fps
        moved = self.mean + interpolated(told, times * rate) * self.gain * self.scale
        rest = self.closed if closed is None else closed[COLUMNS]
        units = torch.zeros(num_frames, len(UNITS))
        units[:, COLUMNS] = articulated(rest, moved, self.parting, features, times, close_in_silence)
        return units

    def save(self, path: str | Path, card: dict) -> None:
        """Write ``<path>.safetensors`` and, with what it was taught with, ``<path>.json``."""
        nets = {f"net{i}.{key}": value for i, net in enumerate(self.nets) for key, value in net.state_dict().items()}
        tensors = self.hearing.tensors() | {name: getattr(self, name) for name in TENSORS} | nets
        meta = {"radius": RADIUS, "units": MOUTH, "nets": len(self.nets), "causal": self.causal}
        FILE.save(path, tensors, meta | self.hearing.described(), card)

    @staticmethod
    def load(path: str | Path = DATA) -> VoicePrior:
        """Read what ``save`` wrote; by default the package's own, which is read once.

        Raises:
            InputError: files are missing or damaged, or of another format, version or shape.
        """
        return _load(Path(path).with_suffix(".safetensors"))

    @cached_property
    def fingerprint(self) -> str:
        """The first digits of the sha256 of its numbers: what was told to one prior means nothing to another."""
        nets = [value for net in self.nets for value in net.state_dict().values()]
        numbers = [self.hearing.projection, self.ridge, self.scale, self.gain, self.mean, *nets]
        return hashlib.sha256(b"".join(value.contiguous().numpy().tobytes() for value in numbers)).hexdigest()[:16]

    def grown(self, gain: Tensor) -> VoicePrior:
        """The same with other gains ``[M]``."""
        return replace(self, gain=gain)


def installed_prior(encoder: str) -> VoicePrior:
    """The package's prior that hears with an encoder.

    Raises:
        InputError: there is none.
    """
    priors = {"whisper": DATA, "default": PLAIN}
    if encoder not in priors:
        raise InputError(f"no prior hears with {encoder!r}; {', '.join(priors)} were wanted.")
    return VoicePrior.load(priors[encoder])


def usual_prior() -> VoicePrior:
    """The best prior that this machine can use: the one that hears with Whisper where its weights are installed."""
    return VoicePrior.load(DATA if is_installed("whisper") else PLAIN)


def frames_inside(num_frames: int, fps: float, rate: float) -> int:
    """Frames at ``rate`` that cover ``num_frames`` at ``fps``."""
    return max(int(np.ceil(num_frames / fps * rate)) + 1, 2)


def articulated(
    rest: Tensor,
    moved: Tensor,
    parting: Tensor,
    features: SpeechFeatures,
    times: Tensor,
    close_in_silence: bool,
    *,
    nearly: float = NEARLY,
) -> Tensor:
    """Units ``[T, M]`` with the mouth shut in silence and lips that meet for p, b and m.

    Args:
        rest: ``[M]`` units of the closed mouth.
        moved: ``[T, M]`` what speech adds to them.
        parting: ``[M]`` units that part the lips by a metre.
        features: of the sound.
        times: ``[T]`` seconds.
        close_in_silence: shut the mouth in every pause; after the sound's end it is shut in any case.
        nearly: see NEARLY.
    """
    gate = torch.ones(len(times))
    if close_in_silence:
        pause = {"speaking": SPEAKING, "short_pause": SHORT_PAUSE}
        pause |= {"opens_before": OPENS_BEFORE, "closes_after": CLOSES_AFTER}
        gate = speech_gate(lasting(features.activity, features.rate), features.rate, times, **pause)
    gate = gate.masked_fill(times > len(features.values) / features.rate, 0)
    meet = lips_meet(features.closure, features.rate, times)
    return mouth_of(
        rest, moved * _calmer(gate, times)[:, None], parting, meet, apart=moved * gate[:, None], nearly=nearly
    )


def _calmer(gate: Tensor, times: Tensor) -> Tensor:
    """``gate [T]`` that falls and rises slowly around where it is open."""
    if len(times) < 2:
        return gate
    return torch.maximum(gate, blurred(gate[:, None], CALM_SECONDS / float(times[1] - times[0]))[:, 0])


def mouth_of(
    rest: Tensor,
    moved: Tensor,
    parting: Tensor,
    meet: Tensor,
    *,
    apart: Tensor | None = None,
    nearly: float = NEARLY,
) -> Tensor:
    """Units ``[T, M]`` of a mouth whose lips neither pass through each other nor stay apart where they meet.

    Args:
        rest: ``[M]`` units of the closed mouth.
        moved: ``[T, M]`` what it moves away from that.
        parting: ``[M]`` units that part the lips by a metre.
        meet: ``[T]`` how firmly they are held together.
        apart: ``[T, M]`` what parts the lips in place of ``moved``.
        nearly: see NEARLY.
    """
    opening = lip_measures()[:, GAP]
    wanted = ((rest + (moved if apart is None else apart)).clamp(0, 1) - rest) @ opening
    wanted = wanted.clamp(min=0)
    wanted = (1 - meet) * wanted**2 / (wanted + nearly).clamp(min=1e-9)
    units = (rest + moved).clamp(0, 1)
    for _ in range(PASSES):
        units = (units - ((units - rest) @ opening - wanted)[:, None] * parting).clamp(0, 1)
    return units


@lru_cache(maxsize=4)
def _load(path: Path) -> VoicePrior:
    return FILE.read(path, _built)


def _built(meta: dict[str, Any], tensors: dict[str, Tensor]) -> VoicePrior:
    if require_names(meta["units"], "units") != MOUTH or meta["radius"] != RADIUS:
        raise InputError("it tells other units, or hears another stretch of sound.")
    hearing = Hearing.read(tensors, meta)
    R = hearing.projection.shape[1]
    wanted: dict[str, tuple[int | None, ...]] = {"ridge": ((2 * RADIUS + 1) * R, len(MOUTH))}
    wanted |= dict.fromkeys(("closed", "mean", "scale", "gain", "parting"), (len(MOUTH),))
    require_shapes(tensors, wanted, "the prior")
    causal = bool(meta.get("causal", False))
    nets = tuple(_net(tensors, f"net{i}.", R, causal) for i in range(int(meta["nets"])))
    return VoicePrior(hearing=hearing, **{name: tensors[name] for name in TENSORS}, nets=nets, causal=causal)


def _net(tensors: dict[str, Tensor], prefix: str, inputs: int, causal: bool) -> LipNet:
    net = mouth_net(inputs, causal=causal).eval()
    net.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    return net.requires_grad_(False)
