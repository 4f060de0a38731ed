"""The whole of `gaussian-head train`: capture in, head out, resumable in between."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ..actor import Actor, Clip
from ..capture import Capture, clip_identity
from ..checkpoint import load_checkpoint, save_checkpoint
from ..checks import InputError, read_json, require_writable_folder
from ..durable import discard, locked, replacing
from ..events import Listener, Progress, Warned, ignore
from ..head import Head, InitConfig, initial_parts, shown_count
from ..head.anchoring import with_anchors
from ..head.storage import MODEL
from ..head.turning import with_turns
from ..kernels import CPU, device_named
from ..strict_json import config_from_json, config_to_json
from ..voice import BlendedVoice, usual_prior
from . import loop
from .cameras import training_cameras
from .config import TrainConfig
from .depth import sights_of
from .edges import kept_to_view
from .observing import Observer, StepDone, unobserved
from .planning import tell_plan
from .refine import apply_corrections, extend_corrections
from .state import CORRECTIONS, TrainState, new_state, pack, require_finite, unpack
from .written import StepTable

log = logging.getLogger(__name__)
CHECKPOINT, CONFIG = "checkpoint", "config.json"
FORMAT, VERSION = "gaussian-head-training", 6
STRIDES = ("face_stride", "torso_stride", "back_stride", "mouth_stride")
BESIDE = 1.4
"""A head's Gaussians over those of what its rest frame shows: unseen sides, margins and the mouth come beside."""
WIDENINGS = 4
"""Layouts tried to keep within the number of Gaussians that a run may have."""


def train(
    capture: str | Path | Capture,
    out: str | Path,
    config: TrainConfig,
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: str | torch.device = "cpu",
    listener: Listener = ignore,
    observer: Observer = unobserved,
) -> Actor:
    """Train a head and save it to ``out``, with the clip and, where that has sound, a voice.

    Ctrl-C and SIGTERM (where it raises) end it after the step under way, with a checkpoint.

    Args:
        capture: a Capture or the folder of one; its held-out frames are never looked at.
        out: folder to save to; gets ``config.json``, ``training.csv`` (loss and PSNR by step) and, until all is done,
            ``checkpoint``.
        config: the run, for example ``PRESETS["standard"]``.
        resume: go on from ``out/checkpoint`` where there is one, exactly as if never stopped; a finished head of the
            same run is returned as it is.
        overwrite: begin anew where ``out`` holds a head or an unfinished run.
        device: where to train: ``cpu``, ``cuda`` (or ``cuda:1``), or ``auto`` for CUDA where that can run.
        listener: receives Progress and Warned.
        observer: called after every step (see ``StepDone``); where it raises StopTraining the head is finished
            and saved as it is, and ``out/checkpoint`` stays, to go on from with ``resume``.

    Returns:
        Head, clip and voice, as saved. Where it could not learn to speak it is saved all the same, Warned says why, and
        the checkpoint stays, so that ``resume`` tries that again.

    Raises:
        InputError: unusable capture, an output that cannot be written or holds something that would be lost, a
            checkpoint of another run, or training that has gone wrong (not finite).
        KeyboardInterrupt: as above, saying where it goes on.
    """
    require_free(out, resume=resume, overwrite=overwrite)
    on = device_named(device)
    out = require_writable_folder(out, "output folder")
    with locked(out, f"training of a head in {out}"):
        if not isinstance(capture, Capture):
            capture = Capture.load(capture)
        capture = capture.held_out_by(config.split)
        checkpoint = _checkpoint(out, capture, config) if resume else None
        if resume and checkpoint is None and (out / MODEL).exists():
            return _finished(out, capture, config, listener)
        start, held = _initial_parts(capture, config)
        seen_by = training_cameras(capture, config.hold_out)
        cameras = len(seen_by)
        start = replace(start, one_view=cameras == 1)
        if checkpoint is None:
            held = held if cameras == 1 else None  # what one camera hardly shows others may
            state = new_state(start, capture.num_frames, config.rates, held, cameras, on)
            discard(out / CHECKPOINT)
        else:
            state = unpack(checkpoint, start, config.rates, on)
        state.sights = sights_of(seen_by, on)
        if not (out / MODEL).exists():
            save_config(config, out / CONFIG)
        tell_plan(config, seen_by, state, listener)
        save = partial(_save, out, config, clip_identity(capture.motion))
        table = StepTable(out, state.step)

        def observed(done: StepDone) -> None:
            table(done)
            observer(done)

        loop.run(state, capture, config, save=save, listener=listener, observer=observed)
        actor = _saved(state, capture, config, out)
        actor, complete = _taught(actor, capture, config, out, listener)
        if complete and state.step >= config.iterations:
            discard(out / CHECKPOINT)
        return actor


def require_free(out: str | Path, *, resume: bool, overwrite: bool) -> None:
    """InputError where training into ``out`` would lose a head or an unfinished run without being told to.

    Likewise where ``out`` is a capture or holds a configuration of something else.
    """
    if (Path(out) / "capture.json").exists():
        raise InputError(f"{out} is a capture, which tracking replaces as a whole; choose another --out, beside it.")
    if (Path(out) / CONFIG).exists() and not _is_config(Path(out) / CONFIG):
        raise InputError(f"{Path(out) / CONFIG} belongs to something else and would be lost; choose another --out.")
    if resume and overwrite:
        raise InputError("resume goes on with what is there and overwrite begins anew; one of them is wanted.")
    if resume or overwrite:
        return
    if (Path(out) / CHECKPOINT).exists():
        raise InputError(
            f"{out} holds an unfinished run; go on with --resume, begin anew with --overwrite, or choose another --out."
        )
    if (Path(out) / MODEL).exists():
        raise InputError(
            f"{out} holds a finished head, which would be replaced; give --overwrite if that is wanted, or another "
            "--out."
        )


def _initial_parts(capture: Capture, config: TrainConfig) -> tuple[Head, dict[str, Tensor]]:
    """The initial head, laid out wider where it would have more Gaussians than the run may have."""
    init, most = config.init, max(config.max_gaussians, 1)
    shown = shown_count(capture, init)
    if shown > most:  # far too many would take memory and a minute before they are laid out anew
        init = _wider(init, BESIDE * shown / most)
    for _ in range(WIDENINGS):
        head, held = initial_parts(capture, init, config.seed)
        if len(head) <= config.max_gaussians:
            break
        init = _wider(init, 1.02**2 * len(head) / most)
    return with_turns(head, capture.motion, capture.train_frames, follows=config.face_turns), held


def _wider(init: InitConfig, times: float) -> InitConfig:
    """A layout of so many times fewer Gaussians."""
    return replace(init, **{name: min(math.sqrt(times) * getattr(init, name), 1000.0) for name in STRIDES})


def _is_config(path: Path) -> bool:
    """Whether a training run wrote ``path``, in this version or an older one, whole or cut short."""
    try:
        values = read_json(path, "training configuration")
    except InputError:
        return (path.parent / MODEL).exists() or (path.parent / CHECKPOINT).exists()
    return isinstance(values, dict) and "stages" in values


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


def _save(out: Path, config: TrainConfig, identity: str, state: TrainState) -> None:
    require_finite(state)
    meta = {"config": config_to_json(config), "step": state.step, "capture": identity}
    save_checkpoint(out / CHECKPOINT, pack(state), meta, format=FORMAT, version=VERSION)


def _checkpoint(out: Path, capture: Capture, config: TrainConfig) -> dict[str, Tensor] | None:
    """The tensors of an unfinished run, None where there is none; InputError where it is another one."""
    folder = out / CHECKPOINT
    if not folder.exists():
        return None
    tensors, meta = load_checkpoint(folder, format=FORMAT, version=VERSION)
    if not _same_run(meta.get("config"), config):
        raise InputError(
            f"checkpoint {folder} belongs to another configuration; "
            "resume with the same preset, seed and --set, on the same kind of device, or begin anew with --overwrite."
        )
    if meta.get("capture") != clip_identity(capture.motion):
        raise InputError(
            f"checkpoint {folder} belongs to another capture than {capture.path}; "
            "resume with the same one, choose another --out, or begin anew with --overwrite."
        )
    log.info("resuming at step %d", meta["step"])
    return tensors


def _same_run(saved: object, config: TrainConfig) -> bool:
    """Whether JSON that an earlier release may have saved says the same as ``config``."""
    try:
        return config_from_json(TrainConfig, saved) == config
    except InputError:
        return False


def _finished(out: Path, capture: Capture, config: TrainConfig, listener: Listener) -> Actor:
    """What is in ``out`` already; InputError where this run would not have made it."""
    actor = Actor.load(out)
    same_clip = clip_identity(actor.clip.motion) == clip_identity(capture.motion)
    if not same_clip or not _same_run(read_json(out / CONFIG, "training configuration"), config):
        raise InputError(
            f"{out} holds a finished head of another {'configuration' if same_clip else 'capture'}; there is nothing "
            "to resume. Choose another --out, or begin anew with --overwrite."
        )
    listener(Warned(message=f"the head in {out} is finished; there was nothing left to do."))
    return actor


def _saved(state: TrainState, capture: Capture, config: TrainConfig, out: Path) -> Actor:
    """Detach the head, extend the pose corrections to all frames and save it before it learns to speak."""
    head = state.head()
    branches = tuple(replace(b, **{k: v.detach().contiguous() for k, v in b.tensors().items()}) for b in head.branches)
    if config.own_view and head.one_view:
        branches = tuple(kept_to_view(b, state.began(b.name), state.sights[b.name]) for b in branches)
    learnt = state.params[CORRECTIONS].detach().to(CPU)
    corrections = extend_corrections(capture.motion, capture.code, learnt, capture.train_frames)
    head = replace(
        head,
        branches=branches,
        coefficient_params={k: v.detach() for k, v in head.coefficient_params.items()},
    ).to(CPU)
    head = with_anchors(head, capture)
    clip = replace(Clip.of(capture), motion=apply_corrections(capture.motion, corrections))
    actor = Actor(head=head, clip=clip)
    actor.save(out)
    save_config(config, out / CONFIG)
    return actor


def _taught(actor: Actor, capture: Capture, config: TrainConfig, out: Path, listener: Listener) -> tuple[Actor, bool]:
    """The actor, able to speak and saved so where the clip has sound; and whether nothing is left to do."""
    try:
        voice = _voice_of(capture, config, listener)
    except InputError as error:
        listener(
            Warned(message=f"the head is saved but has no voice of its own: {error} --resume tries only that again.")
        )
        return actor, False
    except KeyboardInterrupt as stop:
        raise type(stop)(f"stopped; the head in {out} has no own voice yet, --resume goes on with that") from stop
    if voice is not None:
        actor = replace(actor, voice=voice)
        actor.save(out)
    return actor, True


def _voice_of(capture: Capture, config: TrainConfig, listener: Listener) -> BlendedVoice | None:
    """What the clip teaches of how its person speaks; None where it has no sound."""
    if not capture.info.has_audio:
        listener(Warned(message="the clip has no sound; the head speaks as people usually do."))
        return None
    from ..speech import encode_speech
    from ..voice.taught import learn_voice_of

    prior = usual_prior()
    listener(Progress(stage="speech features", done=0, total=1))
    features = encode_speech(capture.audio(), encoder=prior.hearing.encoder)
    listener(Progress(stage="speech features", done=1, total=1))
    frames, code_map = capture.train_frames, capture.code_map
    return learn_voice_of(prior, features, capture.motion, frames, code_map, seed=config.seed, listener=listener)
