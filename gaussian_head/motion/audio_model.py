"""A subject's speech-to-lips predictor: what it holds, how it speaks, how it is kept on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoint import save_tensors
from ..checks import (
    InputError,
    read_json,
    require_count,
    require_file,
    require_names,
    require_number,
    require_shapes,
)
from ..durable import replacing
from ..face import UNITS
from ..speech import SpeechFeatures, at_frame_rate, encode_speech
from ..speech.mel import MEL_BANDS
from ..speech.windows import interpolated
from ._types import FASTEST, SLOWEST
from .articulation import lips_meet, speech_gate
from .lip_model import DILATIONS, RADIUS, LipNet, apply_net, apply_ridge

FORMAT = "gaussian-head-lips"
VERSION = 2
"""Version 1 predicted a code private to one clip; it is refused in words."""
WEIGHTS, DESCRIPTION = "lips.safetensors", "lips.json"
MOST_DILATION = 64
"""Frames; nets that look farther are taken for damaged."""
COMPARE_SECONDS = 2.0
"""Speech after which a recording's own mean spectrum is trusted as much as the training one."""


@dataclass(frozen=True, kw_only=True)
class AudioToMotion:
    """A subject's speech-to-lips predictor: the mean of a ridge regression and small temporal nets."""

    encoder: str
    """Speech encoder whose features it takes."""
    encoder_version: str
    """Version of that encoder."""
    fps: float
    """Frame rate it was trained at and works at inside."""
    units: tuple[str, ...]
    """The Kl units of the mouth that it predicts, those that the subject moves; jawOpen comes first."""
    correlation: float
    """Correlation of how far the lips are apart with what the ridge predicts in blocks of training frames that it was
    not fitted to."""
    input_mean: Tensor
    """``[A]`` of the features while training."""
    input_scale: Tensor
    """``[A]``."""
    projection: Tensor
    """``[A, R]`` from standardised features to what the models take; identity where A is small."""
    spoken_mean: Tensor
    """``[A]`` mean of the features over moments of speech while training."""
    output_mean: Tensor
    """``[D]`` of what the models tell; the first is how far the lips are apart."""
    output_scale: Tensor
    """``[D]`` of standard deviations, growth to the captured size included."""
    mean: Tensor
    """``[Kl]`` usual units."""
    directions: Tensor
    """``[D, Kl]`` units of each."""
    closed: Tensor
    """``[Kl]`` units of the closed mouth."""
    lowest: Tensor
    """``[Kl]`` least units predicted."""
    highest: Tensor
    """``[Kl]`` greatest units predicted."""
    opening: Tensor
    """``[Kl]`` how far each unit parts the subject's lips."""
    parting: Tensor
    """``[Kl]`` units that part the lips by one, as they usually go together in this subject."""
    ridge: Tensor
    """``[(2 RADIUS + 1) R, D]`` ridge weights between standardised values."""
    nets: tuple[LipNet, ...]
    """Nets between the same values."""
    lips: Tensor
    """``[R]`` bool, what of the subject's residual belongs to the lips and is left out of what is spoken."""
    basis_id: str = ""
    """Identity of the face whose residual that is; "" where nobody knows."""

    @property
    def columns(self) -> list[int]:
        """Indices of the predicted units among all 52."""
        return [UNITS.index(name) for name in self.units]

    def predict(self, samples: np.ndarray, fps: float, num_frames: int, *, close_in_silence: bool = True) -> Tensor:
        """Units for a sound; those that it does not predict are 0.

        Args:
            samples: ``[S]`` mono f32 in [-1, 1] at 16 kHz.
            fps: frames per second; frame ``t`` belongs to ``t / fps`` seconds.
            num_frames: T; moments past the sound's end are silent.
            close_in_silence: shut the mouth in every pause. Without it the mouth does what the subject's did in
                pauses of the clip, often half open, which agrees better with the subject's own video.

        Returns:
            ``[T, 52]`` f32.

        Raises:
            InputError: the sound is empty or not finite, or the encoder is not available.
        """
        features = encode_speech(samples, encoder=self.encoder)
        return self.predict_from(features, fps, num_frames, close_in_silence=close_in_silence)

    def predict_from(
        self, features: SpeechFeatures, fps: float, num_frames: int, *, close_in_silence: bool = True
    ) -> Tensor:
        """As ``predict``, from features made earlier; InputError where another encoder made them."""
        self._require_same_encoder(features)
        inner = max(int(np.ceil(num_frames / fps * self.fps)) + 1, 2)
        inputs = at_frame_rate(features, self.fps, inner) + self._channel_shift(features)
        outputs = self._outputs((inputs - self.input_mean) / self.input_scale @ self.projection)
        told = outputs * self.output_scale + self.output_mean
        lips = (self.mean + told @ self.directions).clamp(self.lowest, self.highest)
        times = torch.arange(num_frames, dtype=torch.float64) / fps
        units = torch.zeros(num_frames, len(UNITS))
        units[:, self.columns] = self._articulated(
            interpolated(lips, times * self.fps), features, times, close_in_silence
        )
        return units

    def save(self, path: str | Path) -> None:
        """Write ``<path>/lips.safetensors`` and ``<path>/lips.json``.

        Raises:
            InputError: ``path`` is something else, which would be lost.
        """
        path = Path(path)
        if path.exists() and not self.lies_in(path) and (not path.is_dir() or any(path.iterdir())):
            raise InputError(
                f"{path} is no speech predictor and will not be overwritten; move it or take another folder."
            )
        nets = {f"net{i}.{key}": v for i, net in enumerate(self.nets) for key, v in net.state_dict().items()}
        tensors = {name: getattr(self, name) for name in TENSORS} | nets
        meta = {"format": FORMAT, "version": VERSION, "radius": RADIUS, "dilations": DILATIONS} | {
            name: getattr(self, name) for name in PLAIN
        }
        with replacing(path, folder=True) as folder:
            folder.mkdir()
            save_tensors(folder / WEIGHTS, tensors)
            (folder / DESCRIPTION).write_text(json.dumps(meta, indent=1), encoding="utf-8")

    @staticmethod
    def lies_in(path: str | Path) -> bool:
        """Whether ``path`` is a folder that ``save`` wrote, whole or damaged."""
        return any((Path(path) / name).is_file() for name in (WEIGHTS, DESCRIPTION))

    @staticmethod
    def load(path: str | Path) -> AudioToMotion:
        """Read what ``save`` wrote.

        Raises:
            InputError: files are missing or damaged, or of another format, version or shape.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = Path(path)
        meta = _read_meta(path / DESCRIPTION)
        tensors_path = require_file(path / WEIGHTS, "speech predictor")
        try:
            tensors = load_file(tensors_path)
            units, fps = require_names(meta["units"], "units"), meta["fps"]
            require_number(fps, "fps", least=SLOWEST, most=FASTEST)
            require_names([meta["encoder"], f"version {meta['encoder_version']}"], "encoder")
            if units[:1] != ("jawOpen",) or set(units) - set(UNITS):
                raise InputError(f"it predicts {units}; jawOpen and other ARKit units were wanted.")
            _check_tensors(tensors, len(units))
            nets = []
            for i, dilations in enumerate(meta["dilations"]):
                for dilation in dilations:
                    require_count(dilation, "a dilation", least=1, most=MOST_DILATION)
                net = LipNet(tensors["projection"].shape[1], len(tensors["output_mean"]), tuple(dilations)).eval()
                prefix = f"net{i}."
                net.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
                nets.append(net)
            return AudioToMotion(
                **{name: tensors[name] for name in TENSORS},
                **{name: meta[name] for name in PLAIN if name not in ("units", "basis_id")},
                basis_id=str(meta["basis_id"]),
                units=units,
                nets=tuple(nets),
            )
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
            raise InputError(f"the speech predictor in {path} is damaged ({error}); train the head again.") from error

    def _outputs(self, inputs: Tensor) -> Tensor:
        """Mean prediction of all models, standardised."""
        predictions = [apply_ridge(self.ridge, inputs), *(apply_net(net, inputs) for net in self.nets)]
        return torch.stack(predictions).mean(0)

    def _channel_shift(self, features: SpeechFeatures) -> Tensor:
        """What to add to features so that the recording's mean spectrum while speaking is the training one."""
        spoken = features.activity > 0.5
        shift = torch.zeros_like(self.spoken_mean)
        if self.encoder in ("default", "mel") and spoken.any():
            trust = float(spoken.sum()) / (float(spoken.sum()) + COMPARE_SECONDS * features.rate)
            bands = slice(0, MEL_BANDS)
            shift[bands] = trust * (self.spoken_mean - features.values[spoken].mean(0))[bands]
        return shift

    def _articulated(self, lips: Tensor, features: SpeechFeatures, times: Tensor, close_in_silence: bool) -> Tensor:
        """Units ``[T, Kl]`` with the mouth shut in silence and the lips together for p, b and m."""
        gate = torch.ones(len(times))
        if close_in_silence:
            gate = speech_gate(features.activity, features.rate, times)
        gate = gate.masked_fill(times > len(features.values) / features.rate, 0)[:, None]
        lips = self.closed + gate * (lips - self.closed)
        meet = lips_meet(features.closure, features.rate, times)
        apart = ((lips - self.closed) @ self.opening).clamp(min=0)
        return (lips - (meet * apart)[:, None] * self.parting).clamp(self.lowest, self.highest)

    def _require_same_encoder(self, features: SpeechFeatures) -> None:
        got = (features.encoder, features.version, features.dim)
        wanted = (self.encoder, self.encoder_version, len(self.input_mean))
        if got != wanted:
            raise InputError(
                "speech features are of encoder {!r}, version {!r}, {} columns; "
                "this head was trained with {!r}, {!r}, {}. "
                "Use the same encoder and weights, or train the head again.".format(*got, *wanted)
            )


TENSORS = (
    "input_mean",
    "input_scale",
    "projection",
    "spoken_mean",
    "output_mean",
    "output_scale",
    "mean",
    "directions",
    "closed",
    "lowest",
    "highest",
    "opening",
    "parting",
    "ridge",
    "lips",
)
PLAIN = ("encoder", "encoder_version", "fps", "units", "correlation", "basis_id")


def _check_tensors(tensors: dict[str, Tensor], units: int) -> None:
    """InputError unless the tensors fit each other: A features, R inputs of the models, Kl units, D outputs."""
    A, R = tensors["projection"].shape if tensors["projection"].ndim == 2 else (0, 0)
    D = len(tensors["directions"]) if tensors["directions"].ndim else 0
    wanted: dict[str, tuple[int | None, ...]] = {"projection": (A, R), "ridge": ((2 * RADIUS + 1) * R, D)}
    wanted |= {"directions": (D, units), "output_mean": (D,), "output_scale": (D,)}
    wanted |= dict.fromkeys(("input_mean", "input_scale", "spoken_mean"), (A,))
    of_units = ("mean", "closed", "lowest", "highest", "opening", "parting")
    wanted |= dict.fromkeys(of_units, (units,))
    require_shapes(tensors, wanted | {"lips": (None,)}, "the predictor")
    if any(tensors[name].dtype != torch.float32 for name in wanted) or tensors["lips"].dtype != torch.bool:
        raise InputError("it holds other numbers than float32.")


def _read_meta(path: Path) -> dict:
    """The JSON beside the tensors, checked for format and version."""
    meta = read_json(path, "speech predictor")
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise InputError(f"{path} is no speech predictor of this toolkit; give the folder of a trained head.")
    if meta.get("version") != VERSION or meta.get("radius") != RADIUS:
        raise InputError(
            f"the speech predictor {path} has version {meta.get('version')}, radius {meta.get('radius')}; "
            f"this toolkit reads version {VERSION}, radius {RADIUS}; train the head again."
        )
    return meta
