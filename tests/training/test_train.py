"""Training on a filmed synthetic head: it learns, it resumes exactly, it refuses what is not its own."""

import json
from dataclasses import replace

import pytest
import torch
from support_capture import make_capture

from gaussian_head.checks import InputError
from gaussian_head.events import Event, Progress
from gaussian_head.head import Head, InitConfig, initial_head
from gaussian_head.io.checkpoint import save_checkpoint
from gaussian_head.training import PRESETS, Stage, TrainConfig, load_config, loop, save_config, train
from gaussian_head.training.pipeline import CHECKPOINT, FORMAT, VERSION
from gaussian_head.training.state import new_state, pack, unpack

INIT = InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2)
CONFIG = TrainConfig(
    init=INIT,
    stages=(
        Stage(name="coarse", iterations=30, resolution=0.5, densify=True, refine_pose=False),
        Stage(name="fine", iterations=30, resolution=1.0, densify=True, refine_pose=True, lr_end=0.3),
    ),
    densify_every=12,
    max_gaussians=3000,
)


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    return make_capture(tmp_path_factory.mktemp("silent") / "capture", sound=False)[0]


def test_training_makes_pictures_truer(silent, tmp_path):
    seen: list[Event] = []
    head = train(silent, tmp_path / "head", CONFIG, listener=seen.append)
    steps = [e for e in seen if isinstance(e, Progress) and "psnr" in e.values]
    assert steps[-1].values["psnr"] > steps[0].values["psnr"] + 2
    assert len(head) <= CONFIG.max_gaussians
    again = Head.load(tmp_path / "head")
    for ours, theirs in zip(head.branches, again.branches, strict=True):
        for name, value in ours.tensors().items():
            assert torch.equal(value, getattr(theirs, name)), name
    assert not (tmp_path / "head" / CHECKPOINT).exists()


def test_resumed_run_equals_an_uninterrupted_one(silent):
    whole = new_state(initial_head(silent, INIT), CONFIG.rates)
    loop.run(whole, silent, CONFIG, save=lambda state: None)

    saved = {}

    class Stop(Exception):
        pass

    def interrupt(state):
        saved.update({key: value.clone() for key, value in pack(state).items()})
        raise Stop

    part = new_state(initial_head(silent, INIT), CONFIG.rates)
    short = replace(CONFIG, stages=(CONFIG.stages[0], replace(CONFIG.stages[1], iterations=7)))
    with pytest.raises(Stop):
        loop.run(part, silent, replace(short, checkpoint_minutes=1e-4), save=interrupt)
    assert 0 < int(saved["step"]) < CONFIG.iterations
    resumed = unpack(saved, initial_head(silent, INIT), CONFIG.rates)
    loop.run(resumed, silent, CONFIG, save=lambda state: None)
    ours, theirs = pack(whole), pack(resumed)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def test_held_out_frames_are_never_drawn(silent):
    drawn = {t for stage in range(2) for t in loop.frame_order(silent, CONFIG, stage)}
    assert drawn
    assert max(drawn) < silent.num_train


def test_checkpoint_of_another_run_is_refused(silent, tmp_path):
    save_checkpoint(
        tmp_path / CHECKPOINT,
        {"step": torch.tensor(3)},
        {"config": {}, "step": 3},
        format="gaussian-head-training",
        version=1,
    )
    with pytest.raises(InputError, match="another configuration"):
        train(silent, tmp_path, CONFIG, resume=True)


def test_every_preset_survives_its_json_and_unknown_keys_are_named(tmp_path):
    for name, preset in PRESETS.items():
        save_config(preset, tmp_path / f"{name}.json")
        assert load_config(tmp_path / f"{name}.json") == preset
    values = json.loads((tmp_path / "preview.json").read_text())
    values["densify_evry"] = 3
    (tmp_path / "typo.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="densify_every"):
        load_config(tmp_path / "typo.json")


def test_truncated_checkpoint_is_named(silent, tmp_path):
    save_checkpoint(tmp_path / CHECKPOINT, {"step": torch.zeros(500)}, {}, format=FORMAT, version=VERSION)
    tensors = next(path for path in (tmp_path / CHECKPOINT).iterdir() if path.suffix == ".safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-100])
    with pytest.raises(InputError, match=str(tensors.parent)):
        train(silent, tmp_path, CONFIG, resume=True)


def test_folder_without_a_head_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no trained head"):
        Head.load(tmp_path)
