"""What a head speaks by: the prior told how its person speaks, and what the clip alone taught, in one voice."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoint import save_tensors
from ..checks import InputError, read_json, require_file, require_names, require_number, require_shapes
from ..durable import replacing
from ..motion import AudioToMotion
from ..motion.lip_model import RADIUS
from ..speech import SpeechFeatures, encode_speech
from .mouth import MOUTH
from .own import HEARD, OwnVoice
from .prior import installed_prior

FORMAT, VERSION = "gaussian-head-own-voice", 1
WEIGHTS, DESCRIPTION, LEARNT = "own.safetensors", "own.json", "learnt"
TENSORS = ("closed", "mean", "scale", "weights", "lips")
LONGEST_SECONDS = 1e6
LEARNT_SECONDS = 18.0
"""Seconds of a clip at which what it taught alone is trusted as much as the prior, told how the person speaks."""


@dataclass(frozen=True, kw_only=True)
class BlendedVoice:
    """One person's voice."""

    own: OwnVoice
    """The prior, told how the person speaks."""
    learnt: AudioToMotion | None = None
    """What the clip alone taught, by the same encoder; None where it was too short."""

    @property
    def encoder(self) -> str:
        """Speech encoder that it hears with."""
        return self.own.encoder

    @property
    def lips(self) -> Tensor:
        """``[R]`` bool, what of the person's residual belongs to the lips and is left out of what is spoken."""
        return self.own.lips

    @property
    def basis_id(self) -> str:
        """Identity of the face whose residual that is."""
        return self.own.basis_id

    def predict(self, samples: np.ndarray, fps: float, num_frames: int, *, close_in_silence: bool = True) -> Tensor:
        """Units ``[T, 52]`` for a sound ``[S]``, mono f32 at 16 kHz; see `VoicePrior.predict`."""
        features = encode_speech(samples, encoder=self.encoder)
        return self.predict_from(features, fps, num_frames, close_in_silence=close_in_silence)

    def predict_from(
        self, features: SpeechFeatures, fps: float, num_frames: int, *, close_in_silence: bool = True
    ) -> Tensor:
        """As ``predict``, from features made earlier; InputError where another encoder made them."""
        units = self.own.predict_from(features, fps, num_frames, close_in_silence=close_in_silence)
        if self.learnt is None:
            return units
        learnt = self.learnt.predict_from(features, fps, num_frames, close_in_silence=close_in_silence)
        return units.lerp(learnt, self.learnt_share)

    @property
    def learnt_share(self) -> float:
        """How far what the clip alone taught is trusted, 0 to 1."""
        return 0.0 if self.learnt is None else self.own.seconds / (self.own.seconds + LEARNT_SECONDS)

    def save(self, path: str | Path) -> None:
        """Write a folder, whole or not at all.

        Raises:
            InputError: ``path`` is something else, which would be lost.
        """
        path = Path(path)
        if path.exists() and not self.lies_in(path) and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} is no voice and will not be overwritten; move it or take another folder.")
        meta = {"format": FORMAT, "version": VERSION, "radius": RADIUS, "units": MOUTH, "seconds": self.own.seconds}
        meta |= {"encoder": self.encoder, "prior": self.own.prior.fingerprint, "basis_id": self.basis_id}
        with replacing(path, folder=True) as folder:
            folder.mkdir()
            save_tensors(folder / WEIGHTS, {name: getattr(self.own, name) for name in TENSORS})
            (folder / DESCRIPTION).write_text(json.dumps(meta, indent=1), encoding="utf-8")
            if self.learnt is not None:
                self.learnt.save(folder / LEARNT)

    @staticmethod
    def lies_in(path: str | Path) -> bool:
        """Whether ``path`` is a folder that ``save`` wrote, whole or damaged."""
        return any((Path(path) / name).is_file() for name in (WEIGHTS, DESCRIPTION))

    @staticmethod
    def load(path: str | Path) -> BlendedVoice:
        """Read what ``save`` wrote.

        Where the package's prior is another than the one that was told how the person speaks, what was told of the
        prior's own answers is left out; the person's mouth, its size and its habits stay.

        Raises:
            InputError: files are missing or damaged, or of another format, version or shape.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = Path(path)
        meta = read_json(path / DESCRIPTION, "voice")
        if not isinstance(meta, dict) or meta.get("format") != FORMAT or meta.get("version") != VERSION:
            raise InputError(f"{path} is no voice of this toolkit, or of another version; train the head again.")
        tensors_path = require_file(path / WEIGHTS, "voice")
        try:
            if require_names(meta["units"], "units") != MOUTH or meta["radius"] != RADIUS:
                raise InputError("it tells other units, or hears another stretch of sound.")
            encoder, basis = require_names([meta["encoder"], f"basis {meta['basis_id']}"], "encoder and basis")
            tensors = load_file(tensors_path)
            rows = len(MOUTH) + (2 * RADIUS + 1) * HEARD
            wanted: dict[str, tuple[int | None, ...]] = dict.fromkeys(("closed", "mean", "scale"), (len(MOUTH),))
            require_shapes(tensors, wanted | {"weights": (rows, len(MOUTH)), "lips": (None,)}, "the voice")
            if any(tensors[name].dtype != (torch.bool if name == "lips" else torch.float32) for name in TENSORS):
                raise InputError("it holds other numbers than float32.")
            seconds = require_number(meta["seconds"], "seconds", least=0, most=LONGEST_SECONDS)
            own = OwnVoice(
                prior=installed_prior(encoder),
                **{name: tensors[name] for name in TENSORS},
                seconds=seconds,
                basis_id=basis.removeprefix("basis "),
            )
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
            raise InputError(f"the voice in {path} is damaged ({error}); train the head again.") from error
        if own.prior.fingerprint != meta["prior"]:
            own = replace(own, weights=torch.zeros_like(own.weights))
        learnt = AudioToMotion.load(path / LEARNT) if AudioToMotion.lies_in(path / LEARNT) else None
        return BlendedVoice(own=own, learnt=learnt)
