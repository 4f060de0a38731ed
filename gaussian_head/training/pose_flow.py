"""From captures of many people to a generator of head movement, see `motion.pose_flow`."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..capture import Capture
from ..events import Listener, ignore, tracked
from ..motion import Motion
from ..motion.act_tokens import act_tokens, captioned, mirrored_tokens
from ..motion.acts import KINDS, Act, acted_poses, perform
from ..motion.edit import still_pose
from ..motion.own_track import CHANNELS, MIRRORED, OwnTrack
from ..motion.pose_flow import KNOWN, LATENTS, RATE, WINDOW, FlowNet, PoseFlow, told_of, untold
from ..motion.recall_state import sound_columns
from ..smoothing import blurred
from ..speech.prosody import Prosody, prosody_of
from ..speech.windows import interpolated

STEADY = 0.02
"""Seconds, standard deviation, by which recorded movement is blurred before it is thinned out to RATE."""
PERFORMANCES = 4
"""Made-up performances of head acts that each recording is shown in."""
SCALES, CALM = (0.5, 1.4), (0.1, 1.0)
"""Between which a person's own movement is scaled: as recorded, and under made-up acts."""
MADE_UP = 0.5
"""Share of the windows that are learnt from which are such performances."""
LONGEST = 300
"""Moments from which on a recording is not drawn any more often."""
TEMPO = 0.12
"""Largest change of tempo."""
STEPS, BATCH = 4000, 24
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 0.02
KEPT = 0.998
"""Of the averaged weights from step to step."""
UNKNOWN = 0.15
"""Chance that a window does not know what was before."""
UNHEARD, UNTOLD = 0.15, 0.15
"""Chance that it is not told the sound; the acts."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A recording: how somebody moved to which sound."""

    name: str
    person: str
    motion: Motion
    heard: Prosody


@dataclass(frozen=True, kw_only=True)
class Run:
    """An unbroken stretch at RATE, as it is and mirrored."""

    track: Tensor
    """``[2, T, C]`` movement in spreads; latents ``[2, T, L]`` once there are some."""
    told: Tensor
    """``[2, T, CONDITIONS]``."""


def read_movement(people: Mapping[str, Sequence[Path]]) -> tuple[list[Moved], list[dict[str, str]]]:
    """Captures with sound that are a window long, and the names of the rest with why not.

    Args:
        people: for each person the folders of captures.

    Raises:
        InputError: a folder holds no capture.
    """
    kept, rejected = [], []
    for person, folders in people.items():
        for folder in folders:
            capture = Capture.load(folder)
            motion = capture.motion.without_residual()
            if not capture.info.has_audio:
                rejected.append({"name": folder.name, "why": "it has no sound."})
            elif motion.duration * RATE <= WINDOW + 1:
                rejected.append({"name": folder.name, "why": f"it is only {motion.duration:.1f} s long."})
            else:
                heard = prosody_of(capture.audio(), motion.fps, len(motion))
                kept.append(Moved(name=folder.name, person=person, motion=motion, heard=heard))
    return kept, rejected


def learn_pose_flow(recordings: Sequence[Moved], *, seed: int = 0, listener: Listener = ignore) -> PoseFlow:
    """Teach a generator.

    Each recording is learnt from as it is, captioned by `found_acts`, larger or smaller, mirrored, at other tempos,
    and calmed under made-up performances of the grammar's acts.

    Args:
        recordings: of many people.
        seed: of weights, made-up acts and crops; the global generator is left as it was.
        listener: receives Progress.
    """
    usual = spreads(recordings)
    rng = random.Random(seed)
    real, made_up = [], []
    for recording in recordings:
        own = OwnTrack.of(recording.motion, usual)
        acts = captioned(recording.motion, own)
        real += [run_of(recording, own, recording.motion, acts, scale) for scale in (1.0, rng.uniform(*SCALES))]
        for _ in range(PERFORMANCES):
            scale = rng.uniform(*CALM)
            acts = made_up_acts(recording.motion.duration, rng)
            made_up.append(run_of(recording, own, acted(recording.motion, acts, scale), acts, scale, is_scaled=True))
    basis = latents_of(real + made_up)
    back = torch.linalg.pinv(basis)
    pools = [_Pool([replace(run, track=run.track @ back) for run in runs]) for runs in (real, made_up)]
    return PoseFlow(net=_fitted(pools, seed, listener), basis=basis, usual=usual)


def spreads(recordings: Sequence[Moved]) -> Tensor:
    """``[C]`` standard deviations that people usually have, each recording by its length."""
    squares = torch.zeros(len(CHANNELS))
    for recording in recordings:
        own = OwnTrack.of(recording.motion, torch.ones(len(CHANNELS)))
        squares += recording.motion.duration * (own.spread * own.told(recording.motion)).var(0, unbiased=False)
    return (squares / sum(recording.motion.duration for recording in recordings)).sqrt()


def run_of(
    recording: Moved, own: OwnTrack, motion: Motion, acts: Sequence[Act], scale: float, *, is_scaled: bool = False
) -> Run:
    """What is learnt from ``motion`` to a recording's sound, ``scale`` times as large unless it is so already."""
    fps = motion.fps
    track = blurred(own.told(motion), STEADY * fps)
    T = int(motion.duration * RATE)
    times = torch.arange(T, dtype=torch.float64) / RATE * fps
    track, sound = interpolated(track, times), interpolated(sound_columns(recording.heard), times)
    if not is_scaled:
        track, acts = scale * track, [replace(act, size=act.size * scale) for act in acts]
    tokens = act_tokens(acts, own, T, RATE)
    scales = torch.full((T,), scale)
    told = [told_of(sound, t, scales) for t in (tokens, mirrored_tokens(tokens))]
    return Run(track=torch.stack([track, track * MIRRORED]).float(), told=torch.stack(told).float())


def made_up_acts(seconds: float, rng: random.Random) -> list[Act]:
    """Acts of the grammar one after another, for so long."""
    acts, clock = [], rng.uniform(-1.0, 1.5)
    while clock < seconds:
        kind = rng.choice([kind for kind in KINDS if kind != "hold"])
        sides = KINDS[kind].sides
        act = Act(
            kind=kind,
            side=rng.choice(sides) if sides else "",
            count=1 if sides else rng.randint(1, 3),
            size=rng.choice([0.5, 1.0, 1.0, 1.6]) * rng.uniform(0.85, 1.15),
            pace=rng.choice([0.6, 1.0, 1.0, 1.4, 1.8]) * rng.uniform(0.9, 1.1),
            hold=rng.uniform(0.6, 1.8),
            begin=clock,
        )
        acts.append(act)
        clock += act.seconds + rng.uniform(0.2, 2.0)
    return acts


def acted(motion: Motion, acts: Sequence[Act], scale: float) -> Motion:
    """``motion`` calmed to ``scale`` of its own movement, with acts on top."""
    rest = still_pose(motion)
    share = motion.gaze.new_full((len(motion), 1), scale)
    calm = replace(rest.blended(motion, share), units=motion.units)
    moves = perform(tuple(acts), len(motion), motion.fps)
    return replace(calm, gaze=calm.gaze + moves.gaze, **acted_poses(calm.head, calm.torso, moves))


def latents_of(runs: Sequence[Run]) -> Tensor:
    """``[L, C]`` principal movements of runs, one standard deviation of each."""
    rows = torch.cat([run.track.flatten(0, 1) for run in runs]).double()
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    return (values.flip(0)[:LATENTS].sqrt()[:, None] * vectors.flip(1).T[:LATENTS]).float().contiguous()


def _fitted(pools: Sequence[_Pool], seed: int, listener: Listener) -> FlowNet:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net, averaged = FlowNet().train(), FlowNet()
        averaged.load_state_dict(net.state_dict())
        optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
        for step in tracked(range(STEPS), "learning to move", STEPS, listener):
            optimizer.zero_grad()
            _loss(net, pools, generator).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            kept = min(KEPT, step / (step + 10))
            with torch.no_grad():
                for mean, now in zip(averaged.parameters(), net.parameters(), strict=True):
                    mean.lerp_(now, 1 - kept)
    return averaged.eval()


def _loss(net: FlowNet, pools: Sequence[_Pool], generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity where movement is not known."""
    made_up = round(MADE_UP * BATCH)
    parts = [pool.crops(count, generator) for pool, count in zip(pools, (BATCH - made_up, made_up), strict=True)]
    x, told = (torch.cat(values) for values in zip(*parts, strict=True))

    def chance(share: float) -> Tensor:
        return (torch.rand(BATCH, 1, 1, generator=generator) < share).float()

    told = told.lerp(untold(told, acts=False), chance(UNHEARD))
    told = told.lerp(untold(told, sound=False), chance(UNTOLD))
    mask = torch.zeros(BATCH, WINDOW, 1)
    mask[:, :KNOWN] = 1
    mask = mask * (1 - chance(UNKNOWN))
    along = torch.sigmoid(torch.randn(BATCH, generator=generator))
    noise = torch.randn(x.shape, generator=generator)
    moved = noise.lerp(x, along[:, None, None])
    velocity = net(moved, torch.cat([mask * x, mask], 2), told, along)
    return ((1 - mask) * (velocity - (x - noise)).square()).sum() / ((1 - mask).sum() * x.shape[2])


class _Pool:
    """Runs end to end, and windows out of them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.x, self.told = (torch.cat([getattr(run, name) for run in runs], 1) for name in ("track", "told"))
        self.lengths = torch.tensor([run.track.shape[1] for run in runs])
        self.starts = self.lengths.cumsum(0) - self.lengths

    def crops(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents ``[count, WINDOW, L]`` and what is told of them ``[count, WINDOW, CONDITIONS]``."""
        often = self.lengths.float().clamp(max=LONGEST)
        run = torch.multinomial(often, count, replacement=True, generator=generator)
        last = (self.lengths[run, None] - 1).float()
        tempo = 1 + TEMPO * (2 * torch.rand(count, 1, generator=generator) - 1)
        place = torch.rand(count, 1, generator=generator) * (last - (WINDOW - 1) * tempo).clamp(min=0)
        times = torch.minimum(place + torch.arange(WINDOW) * tempo, last)
        low = times.long()
        share = (times - low)[..., None]
        side = torch.randint(2, (count, 1), generator=generator)
        first, second = (self.starts[run, None] + t for t in (low, torch.minimum(low + 1, last.long())))
        x, told = (values[side, first].lerp(values[side, second], share) for values in (self.x, self.told))
        return x, told
