"""The whole of `gaussian-head train`: capture in, head out, resumable in between."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

from ..capture import Capture
from ..checks import InputError, read_json, require_writable_folder
from ..durable import replacing
from ..events import Listener, Progress, Warned, ignore
from ..head import Head, initial_parts
from ..io import config_from_json, config_to_json, load_checkpoint, save_checkpoint
from . import loop
from .config import TrainConfig
from .observing import Observer, unobserved
from .refine import apply_corrections, extend_corrections
from .state import CORRECTIONS, TrainState, new_state, pack, unpack

log = logging.getLogger(__name__)
CHECKPOINT, CONFIG = "checkpoint", "config.json"
FORMAT, VERSION = "gaussian-head-training", 1


def train(
    capture: str | Path | Capture,
    out: str | Path,
    config: TrainConfig,
    *,
    resume: bool = False,
    listener: Listener = ignore,
    observer: Observer = unobserved,
) -> Head:
    """Train a head and save it to ``out``.

    Args:
        capture: a Capture or the folder of one; its held-out frames are never looked at.
        out: folder of the head; gets ``config.json`` and, while training runs, ``checkpoint``.
        config: the run, for example ``PRESETS["standard"]``.
        resume: go on from ``out/checkpoint`` where there is one, exactly as if never stopped.
        listener: receives Progress and Warned.
        observer: called after every step (see ``StepDone``); where it raises StopTraining the head is finished
            and saved as it is, and ``out/checkpoint`` stays, to go on from with ``resume``.

    Returns:
        The trained head, as saved.

    Raises:
        InputError: unusable capture, an output that cannot be written, or a checkpoint of another run.
    """
    out = require_writable_folder(out, "output folder")
    if not isinstance(capture, Capture):
        capture = Capture.load(capture)
    save_config(config, out / CONFIG)
    start, held = initial_parts(capture, config.init, config.seed)
    state = _resume(out, start, config) if resume else None
    if state is None:
        state = new_state(start, config.rates, held)
    loop.run(state, capture, config, save=lambda s: _save(out, s, config), listener=listener, observer=observer)
    head = _finish(state, capture, config, listener)
    head.save(out)
    if state.step >= config.iterations:
        shutil.rmtree(out / CHECKPOINT, ignore_errors=True)
    return head


def save_config(config: TrainConfig, path: str | Path) -> None:
    """Write a configuration as JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(config_to_json(config), indent=1), encoding="utf-8")


def load_config(path: str | Path) -> TrainConfig:
    """Read a configuration that ``save_config`` wrote, or one edited by hand.

    Raises:
        InputError: not JSON, an unknown key (the nearest known one is named), or a value of another type.
    """
    return config_from_json(TrainConfig, read_json(path, "training configuration"), where=str(path))


def _save(out: Path, state: TrainState, config: TrainConfig) -> None:
    meta = {"config": config_to_json(config), "step": state.step}
    save_checkpoint(out / CHECKPOINT, pack(state), meta, format=FORMAT, version=VERSION)


def _resume(out: Path, start: Head, config: TrainConfig) -> TrainState | None:
    if not (out / CHECKPOINT).exists():
        return None
    tensors, meta = load_checkpoint(out / CHECKPOINT, format=FORMAT, version=VERSION)
    if meta["config"] != config_to_json(config):
        raise InputError(
            f"checkpoint {out / CHECKPOINT} belongs to another configuration; "
            "resume with the same preset and seed, or start anew without --resume."
        )
    log.info("resuming at step %d", meta["step"])
    return unpack(tensors, start, config.rates)


def _finish(state: TrainState, capture: Capture, config: TrainConfig, listener: Listener) -> Head:
    """Detach the head, extend the pose corrections to all frames and learn to be driven by sound."""
    head = state.head()
    branches = tuple(replace(b, **{k: v.detach().contiguous() for k, v in b.tensors().items()}) for b in head.branches)
    corrections = extend_corrections(capture.motion, state.params[CORRECTIONS].detach(), capture.train_frames)
    return replace(
        head,
        branches=branches,
        coefficient_params={k: v.detach() for k, v in head.coefficient_params.items()},
        capture_motion=apply_corrections(capture.motion, corrections),
        audio_model=_audio_model(capture, config, listener),
    )


def _audio_model(capture: Capture, config: TrainConfig, listener: Listener):
    if not capture.info.has_audio:
        listener(Warned(message="the clip has no sound; the head can replay and be posed but not speak."))
        return None
    from ..motion.from_audio import train_audio_to_motion
    from ..speech import encode_speech

    listener(Progress(stage="speech features", done=0, total=1))
    features = encode_speech(capture.audio())
    listener(Progress(stage="speech features", done=1, total=1))
    return train_audio_to_motion(
        features, capture.motion, capture.train_frames, fps=capture.fps, seed=config.seed, listener=listener
    )
