"""Training on a filmed synthetic head: it learns, it resumes exactly, it refuses what is not its own."""

import csv
import json
import math
import signal
from dataclasses import replace
from functools import reduce

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_capture import make_capture

from gaussian_head.actor import Actor
from gaussian_head.checkpoint import load_checkpoint, save_checkpoint
from gaussian_head.checks import InputError
from gaussian_head.durable import locked
from gaussian_head.events import Event, Progress, Warned
from gaussian_head.head import Head, InitConfig, initial_head, shown_count
from gaussian_head.strict_json import config_to_json
from gaussian_head.training import PRESETS, Stage, TrainConfig, load_config, loop, pipeline, save_config, train
from gaussian_head.training import steps as stepper
from gaussian_head.training.cameras import training_cameras
from gaussian_head.training.depth import sights_of
from gaussian_head.training.pipeline import CHECKPOINT, FORMAT, VERSION
from gaussian_head.training.state import CORRECTIONS, new_state, pack, unpack

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
    head = train(silent, tmp_path / "head", CONFIG, listener=seen.append).head
    steps = [e for e in seen if isinstance(e, Progress) and "psnr" in e.values]
    assert steps[-1].values["psnr"] > steps[0].values["psnr"] + 2
    assert len(head) <= CONFIG.max_gaussians
    again = Head.load(tmp_path / "head")
    for ours, theirs in zip(head.branches, again.branches, strict=True):
        for name, value in ours.tensors().items():
            assert torch.equal(value, getattr(theirs, name)), name
    assert not (tmp_path / "head" / CHECKPOINT).exists()


def test_a_head_starts_with_no_more_gaussians_than_the_run_may_have(silent, tmp_path):
    few = replace(CONFIG, stages=(replace(CONFIG.stages[0], iterations=1),), max_gaussians=300)
    assert len(initial_head(silent, INIT)) > 2 * few.max_gaussians
    head = train(silent, tmp_path / "head", few).head
    assert few.max_gaussians / 2 < len(head) <= few.max_gaussians


def test_nothing_far_too_large_is_laid_out_first(silent, monkeypatch):
    """At 1024 x 1024 three times too many would take a gigabyte and half a minute."""
    most, sizes = 300, []
    laid = pipeline.initial_parts

    def counted(*given):
        parts = laid(*given)
        sizes.append(len(parts[0]))
        return parts

    monkeypatch.setattr(pipeline, "initial_parts", counted)
    dense = replace(INIT, face_stride=0.5, torso_stride=0.75)
    assert shown_count(silent, dense) > 10 * most
    pipeline._initial_parts(silent, replace(CONFIG, init=dense, max_gaussians=most))
    assert max(sizes) < 3 * most
    assert most / 2 < sizes[-1] <= most


AVERAGED = replace(
    CONFIG,
    stages=tuple(replace(stage, densify=False, averaged=0.95) for stage in CONFIG.stages),
)


@pytest.mark.parametrize("config", [CONFIG, AVERAGED], ids=["growing", "averaged"])
def test_resumed_run_equals_an_uninterrupted_one(silent, config):
    whole = new_state(initial_head(silent, INIT), silent.num_frames, config.rates)
    loop.run(whole, silent, config, save=lambda state: None)

    saved = {}

    class Stop(Exception):
        pass

    def interrupt(state):
        if state.step < 15:
            return
        saved.update({key: value.clone() for key, value in pack(state).items()})
        raise Stop

    part = new_state(initial_head(silent, INIT), silent.num_frames, config.rates)
    short = replace(config, stages=(config.stages[0], replace(config.stages[1], iterations=7)))
    with pytest.raises(Stop):
        loop.run(part, silent, replace(short, checkpoint_minutes=1e-4), save=interrupt)
    assert 0 < int(saved["step"]) < config.iterations
    assert any(key.startswith("average.") for key in saved) == bool(config.stages[0].averaged)
    resumed = unpack(saved, initial_head(silent, INIT), config.rates)
    loop.run(resumed, silent, config, save=lambda state: None)
    ours, theirs = pack(whole), pack(resumed)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def test_a_stage_ends_with_the_mean_of_its_steps(silent):
    """The steps are those of the same run without a mean."""
    stage = replace(CONFIG.stages[0], iterations=30, densify=False)
    walked, ends = [], []
    for averaged in (0.0, 0.95):
        config = replace(CONFIG, stages=(replace(stage, averaged=averaged),))
        state = new_state(initial_head(silent, INIT), silent.num_frames, config.rates)
        colours = state.params["face.sh0"]
        keep = walked if averaged == 0 else []
        loop.run(
            state,
            silent,
            config,
            save=lambda state: None,
            observer=lambda done, keep=keep, colours=colours: keep.append(colours.detach().clone()),
        )
        ends.append(colours.detach().clone())
        assert not state.averages
    kept = 0.95**10
    expected = walked[9].lerp(walked[19], 1 - kept).lerp(walked[29], 1 - kept)
    torch.testing.assert_close(ends[1], expected, atol=1e-6, rtol=1e-5)
    assert (ends[1] - ends[0]).abs().max() > 1e-3


def test_what_grows_is_not_averaged():
    with pytest.raises(InputError, match="grows Gaussians and averages them"):
        replace(CONFIG.stages[0], densify=True, averaged=0.9)


def test_held_out_frames_are_never_drawn(silent):
    drawn = {t for stage in range(2) for t in loop.frame_order(silent, CONFIG, stage)}
    assert drawn
    assert max(drawn) < silent.num_train


def test_checkpoint_of_another_run_is_refused(silent, tmp_path):
    save_checkpoint(
        tmp_path / CHECKPOINT,
        {"step": torch.tensor(3)},
        {"config": {}, "step": 3},
        format=FORMAT,
        version=VERSION,
    )
    with pytest.raises(InputError, match="another configuration"):
        train(silent, tmp_path, CONFIG, resume=True)


def corrected_by(silent, frames, gradients):
    """Pose corrections in units of their rate after one step for each frame and gradient ``[12]``."""
    state = new_state(initial_head(silent, INIT), silent.num_frames, CONFIG.rates)
    corrections = state.params[CORRECTIONS]
    loop._set_rates(state, Stage(name="x", iterations=1, resolution=1.0, densify=False, refine_pose=True), 0.0, 1)
    for frame, gradient in zip(frames, gradients, strict=True):
        corrections.grad = torch.zeros_like(corrections)
        corrections.grad[frame] = gradient
        state.advance([frame])
    return corrections.detach() / CONFIG.rates.pose


def test_a_pose_correction_moves_only_when_its_frame_is_drawn(silent):
    gradients = torch.randn(21, 12, generator=torch.Generator().manual_seed(0))
    once = corrected_by(silent, [3], gradients[:1])
    later = corrected_by(silent, [3] + [5] * 20, gradients)
    assert torch.equal(once[3], later[3])
    torch.testing.assert_close(once[3].abs(), torch.ones(12))
    assert sorted(later.abs().sum(1).nonzero()[:, 0].tolist()) == [3, 5]


def test_a_pose_correction_that_is_always_drawn_moves_as_adam_moves_it(silent):
    gradients = torch.randn(20, 12, generator=torch.Generator().manual_seed(1))
    ours = corrected_by(silent, [3] * 20, gradients)[3]
    theirs = torch.zeros(12, requires_grad=True)
    adam = torch.optim.Adam([theirs], lr=1.0, betas=(0.9, 0.99), eps=1e-15)
    for gradient in gradients:
        theirs.grad = gradient.clone()
        adam.step()
    torch.testing.assert_close(ours, theirs.detach(), atol=1e-4, rtol=1e-4)


def test_noise_does_not_carry_pose_corrections_away(silent):
    generator = torch.Generator().manual_seed(2)
    T = silent.num_frames
    frames = torch.randint(T, (7 * T,), generator=generator).tolist()
    walked = corrected_by(silent, frames, torch.randn(7 * T, 12, generator=generator))
    assert float(walked.square().mean().sqrt()) < 5  # one Adam for all frames: 12


SHORT = replace(
    CONFIG,
    stages=(Stage(name="coarse", iterations=12, resolution=0.5, densify=True, refine_pose=True),),
    densify_every=5,
)


def test_depth_that_nothing_tells_is_held_but_for_what_never_moves(silent):
    state = new_state(initial_head(silent, INIT), silent.num_frames, CONFIG.rates)
    held, home = state.fixed["face.held"], state.fixed["face.home"]
    held[::3] = True
    scatter = 0.01 * torch.randn(len(home), generator=torch.Generator().manual_seed(4))
    means = state.params["face.means"]
    with torch.no_grad():
        means[:, 2] += scatter
    before = means.detach().clone()
    loop.hold_to_prior(state, CONFIG)
    assert torch.equal(means, before)  # nobody said how it was filmed
    seen = sights_of(training_cameras(silent), torch.device("cpu"))
    state.sights = {name: replace(sight, untold=1.0) for name, sight in seen.items()}
    loop.hold_to_prior(state, replace(CONFIG, depth_together=0.0, depth_back=0.0))
    assert torch.equal(means, before)  # nor is it asked for
    for _ in range(20):
        loop.hold_to_prior(state, CONFIG)
    off = (means - home)[:, 2].detach()
    assert torch.equal(means[held], before[held])
    assert off[~held].std() < 0.7 * scatter[~held].std()


def content(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def interrupted(capture, out, step: int, run=SHORT, **options):
    def observe(done):
        if done.step == step:
            raise KeyboardInterrupt

    with pytest.raises(
        KeyboardInterrupt, match=f"stopped at step {step} of {run.iterations}; --resume goes on from there"
    ):
        train(capture, out, run, observer=observe, **options)


def test_an_interrupted_run_is_saved_and_goes_on_to_the_same_head(silent, tmp_path):
    whole = train(silent, tmp_path / "whole", SHORT)
    interrupted(silent, tmp_path / "part", 3)
    interrupted(silent, tmp_path / "part", 7, resume=True)
    steps = []
    resumed = train(silent, tmp_path / "part", SHORT, resume=True, observer=lambda done: steps.append(done.step))
    assert steps == list(range(8, 13))
    for ours, theirs in zip(whole.head.branches, resumed.head.branches, strict=True):
        for name, value in ours.tensors().items():
            assert torch.equal(value, getattr(theirs, name)), name
    assert torch.equal(whole.clip.motion.head.positions, resumed.clip.motion.head.positions)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_within_a_step_waits_for_its_end(silent, tmp_path, monkeypatch, number):
    def stop(*_):
        raise KeyboardInterrupt

    original, step, steps = signal.getsignal(number), stepper.step, []

    def signalled(state, *rest):
        steps.append(state.step)
        if len(steps) == 4:
            signal.raise_signal(number)
        return step(state, *rest)

    monkeypatch.setattr(stepper, "step", signalled)
    signal.signal(number, stop)
    try:
        with pytest.raises(KeyboardInterrupt, match="stopped at step 4 of 12"):
            train(silent, tmp_path, SHORT)
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, original)
    tensors, meta = load_checkpoint(tmp_path / CHECKPOINT, format=FORMAT, version=VERSION)
    assert meta["step"] == int(tensors["step"]) == 4


def test_a_finished_head_is_neither_trained_again_nor_replaced(silent, tmp_path):
    train(silent, tmp_path, SHORT)
    before, seen = content(tmp_path), []
    train(silent, tmp_path, SHORT, resume=True, listener=seen.append, observer=lambda done: pytest.fail("it trained"))
    assert [type(event) for event in seen] == [Warned]
    for options, words in (({}, "finished head, which would be replaced"), ({"resume": True}, "another configuration")):
        with pytest.raises(InputError, match=words):
            train(silent, tmp_path, replace(SHORT, seed=5), **options)
    assert content(tmp_path) == before
    train(silent, tmp_path, replace(SHORT, seed=5), overwrite=True)
    assert load_config(tmp_path / "config.json").seed == 5


def test_an_unfinished_run_is_not_begun_anew_without_being_told(silent, tmp_path):
    interrupted(silent, tmp_path, 3)
    before = content(tmp_path)
    with pytest.raises(InputError, match="unfinished run; go on with --resume"):
        train(silent, tmp_path, SHORT)
    with pytest.raises(InputError, match="another configuration"):
        train(silent, tmp_path, replace(SHORT, seed=5), resume=True)
    assert content(tmp_path) == before
    interrupted(silent, tmp_path, 2, overwrite=True)


@pytest.mark.parametrize("options", [{}, {"overwrite": True}, {"resume": True}])
@pytest.mark.parametrize(("name", "words"), [("config.json", "belongs to something else"), ("capture.json", "capture")])
def test_training_replaces_nothing_that_is_not_its_own(silent, tmp_path, name, words, options):
    (tmp_path / name).write_text('{"name": "another program"}')
    with pytest.raises(InputError, match=words):
        train(silent, tmp_path, SHORT, **options)
    assert content(tmp_path) == {name: b'{"name": "another program"}'}


def table_of(folder):
    with (folder / "training.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_course_of_a_run_is_written_and_goes_on_where_it_was_resumed(silent, tmp_path):
    run = replace(CONFIG, stages=(replace(CONFIG.stages[0], iterations=50, densify=False),))
    seen = []
    train(silent, tmp_path / "whole", run, observer=seen.append)
    whole = table_of(tmp_path / "whole")
    assert [int(row["step"]) for row in whole] == [20, 40, 50]
    assert float(whole[1]["loss"]) == pytest.approx(sum(done.loss for done in seen[20:40]) / 20, rel=1e-5)
    assert float(whole[2]["psnr_db"]) == pytest.approx(sum(done.psnr for done in seen[40:]) / 10, rel=1e-5)
    interrupted(silent, tmp_path / "part", 33, run)
    with (tmp_path / "part" / "training.csv").open("a", encoding="utf-8") as file:
        file.write("40,coarse,lost with the")
    train(silent, tmp_path / "part", run, resume=True)
    part = table_of(tmp_path / "part")
    assert [int(row["step"]) for row in part] == [20, 40, 50]
    assert part[0] == whole[0]
    assert part[2] == whole[2]


def test_a_run_is_not_resumed_with_another_capture(silent, tmp_path):
    make_capture(tmp_path / "other", num_frames=30, sound=False)
    tracking = tmp_path / "other" / "tracking.safetensors"
    tensors = load_file(tracking)
    tensors["units"][3, 0] += 0.01
    save_file(tensors, tracking)
    interrupted(silent, tmp_path / "head", 3)
    with pytest.raises(InputError, match="belongs to another capture"):
        train(tmp_path / "other", tmp_path / "head", SHORT, resume=True)
    train(silent, tmp_path / "head", SHORT, resume=True)
    with pytest.raises(InputError, match="finished head of another capture"):
        train(tmp_path / "other", tmp_path / "head", SHORT, resume=True)


@pytest.mark.parametrize("failure", [InputError("the encoder is missing."), RuntimeError("no"), KeyboardInterrupt()])
def test_a_head_that_cannot_be_taught_to_speak_is_kept_and_taught_later(tmp_path, monkeypatch, failure):
    spoken, _ = make_capture(tmp_path / "capture")

    def fail(*_):
        raise failure

    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_voice_of", fail)
        if isinstance(failure, InputError):
            train(spoken, tmp_path / "head", SHORT, listener=seen.append)
            assert "no voice of its own: the encoder is missing. --resume" in seen[-1].message
        else:
            with pytest.raises(type(failure)):
                train(spoken, tmp_path / "head", SHORT)
    mute = Actor.load(tmp_path / "head")
    assert mute.voice is None

    learned = []
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_voice_of", lambda *_: learned.append(1))
        taught = train(
            spoken, tmp_path / "head", SHORT, resume=True, observer=lambda done: pytest.fail("it trained again")
        )
    assert learned == [1]
    assert torch.equal(taught.head.branches[0].means, mute.head.branches[0].means)
    assert not (tmp_path / "head" / CHECKPOINT).exists()


def test_a_run_that_went_wrong_keeps_the_last_good_checkpoint(silent, tmp_path, monkeypatch):
    interrupted(silent, tmp_path, 3)
    before, step = content(tmp_path), stepper.step

    def poisoned(state, *rest):
        result = step(state, *rest)
        if state.step == 5:
            state.params["face.means"].data[7, 1] = float("nan")
        return result

    monkeypatch.setattr(stepper, "step", poisoned)
    with pytest.raises(InputError, match="no longer finite"):
        train(silent, tmp_path, SHORT, resume=True)
    assert content(tmp_path) == before


def test_two_runs_do_not_share_a_folder(silent, tmp_path):
    with locked(tmp_path, "x"), pytest.raises(InputError, match=r"training of a head in .* is under way"):
        train(silent, tmp_path, SHORT)


def test_every_preset_survives_its_json_and_unknown_keys_are_named(tmp_path):
    for name, preset in PRESETS.items():
        save_config(preset, tmp_path / f"{name}.json")
        assert load_config(tmp_path / f"{name}.json") == preset
    values = json.loads((tmp_path / "preview.json").read_text())
    values["densify_evry"] = 3
    (tmp_path / "typo.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="densify_every"):
        load_config(tmp_path / "typo.json")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("stages",), []),
        (("stages", 0, "iterations"), 0),
        (("stages", 1, "resolution"), 0.0),
        (("stages", 1, "resolution"), math.nan),
        (("stages", 0, "lr_end"), -1.0),
        (("rates", "means"), math.inf),
        (("weights", "ssim"), 5.0),
        (("init", "face_stride"), 0.0),
        (("init", "learned"), -1),
        (("densify_every",), 0),
        (("busy_frames",), 2.0),
        (("seed",), -1),
        (("seed",), 10**30),
    ],
)
def test_a_config_that_cannot_be_trained_is_refused_and_the_field_named(path, value, tmp_path):
    values = config_to_json(PRESETS["preview"])
    *outer, name = path
    reduce(lambda at, key: at[key], outer, values)[name] = value
    (tmp_path / "edited.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=rf"edited\.json.*{name}"):
        load_config(tmp_path / "edited.json")


def test_truncated_checkpoint_is_named(silent, tmp_path):
    save_checkpoint(tmp_path / CHECKPOINT, {"step": torch.zeros(500)}, {}, format=FORMAT, version=VERSION)
    tensors = next(path for path in (tmp_path / CHECKPOINT).iterdir() if path.suffix == ".safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-100])
    with pytest.raises(InputError, match=str(tensors.parent)):
        train(silent, tmp_path, CONFIG, resume=True)


def test_folder_without_a_head_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no trained head"):
        Head.load(tmp_path)
