"""Everything a training run owns between two steps: parameters, Adam moments and densification statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..checks import InputError
from ..head import Branch, Head
from ..head.branch import PER_GAUSSIAN, TRAINED
from ..kernels import CPU
from ..transforms import quat_to_rotmat
from . import graphs
from .cameras import EXPOSURE, EXPOSURE_RATE
from .config import LearningRates
from .densify import Growth, split_rows
from .depth import Sight
from .neighbours import neighbours_of

NETWORK = ("w1", "b1", "w2")
CORRECTIONS = "pose.corrections"
BETAS = (0.9, 0.99)
"""Adam's momenta from one frame to the next."""


@dataclass(kw_only=True)
class TrainState:
    """Leaf tensors by name (``face.means``, ``coefficients.w1``, ``pose.corrections``) and their optimizer."""

    template: Head
    """Supplies what training does not change."""
    params: dict[str, Tensor]
    """Trained leaves, each requiring grad."""
    fixed: dict[str, Tensor]
    """Per-Gaussian tensors that only follow growth and pruning, the tracked basis (``anchor``) and the first place
    (``home``) among them."""
    optimizer: torch.optim.Adam
    """One group per name."""
    pull: Tensor
    """``[N]`` summed length of screen-space gradients since the last densification."""
    seen: Tensor
    """``[N]`` in how many frames each Gaussian was visible since then."""
    held_rows: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By branch, what ``held`` was when last asked and the rows that it names: asking makes the host wait."""
    sights: dict[str, Sight] = field(default_factory=dict)
    """By branch, how it was filmed; nothing is held in depth where that is not said."""
    rates: tuple[Tensor, Tensor] | None = None
    """``[groups]`` float32 each: step sizes of the optimizer before and after ``set_rates``, where a device is to read
    them itself; else None."""
    beside: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By branch, what ``neighbours`` found; growth and pruning forget it."""
    averages: dict[str, Tensor] = field(default_factory=dict)
    """Running means of ``params`` but for the pose corrections, in a stage that ends with them."""
    step: int = 0
    """Frames trained on so far, each as often as it was drawn: steps done, where a step takes one."""

    @property
    def device(self) -> torch.device:
        """Where all of it lies."""
        return self.pull.device

    def head(self) -> Head:
        """The head as it is now; gradients flow into ``params``."""
        branches = tuple(
            replace(branch, **{name: self._tensor(f"{branch.name}.{name}") for name in PER_GAUSSIAN})
            for branch in self.template.branches
        )
        network = {name: self.params[f"coefficients.{name}"] for name in NETWORK}
        merged = {**self.template.coefficient_params, **network}
        return replace(self.template, branches=branches, coefficient_params=merged)

    def advance(self, frames: Tensor) -> None:
        """One step of the optimizer after ``backward`` on frames ``[F]``; of the pose corrections only theirs move.

        Each has moments and a count of its own. In one Adam for all, momentum would carry every correction on for ten
        rates after its frame was drawn, whatever the next draw says, and noise would add up.
        """
        corrections = self.params[CORRECTIONS]
        gradient, corrections.grad = corrections.grad, None
        self.optimizer.step()
        if gradient is not None:
            self._correct(frames, gradient[frames])

    @torch.no_grad()
    def _correct(self, frames: Tensor, gradient: Tensor) -> None:
        """Adam (Kingma and Ba, 2015) on rows of the pose corrections; one named twice moves once."""
        corrections = self.params[CORRECTIONS]
        group = next(group for group in self.optimizer.param_groups if group["name"] == CORRECTIONS)
        own = self.optimizer.state[corrections]
        if not own:
            own |= {"step": torch.zeros(len(corrections), device=corrections.device)}
            own |= {name: torch.zeros_like(corrections) for name in ("exp_avg", "exp_avg_sq")}
        first, second = group["betas"]
        step = own["step"][frames] + 1
        mean = own["exp_avg"][frames].lerp(gradient, 1 - first)
        square = own["exp_avg_sq"][frames].lerp(gradient.square(), 1 - second)
        for name, value in (("step", step), ("exp_avg", mean), ("exp_avg_sq", square)):
            own[name][frames] = value
        mean = mean / (1 - first**step)[:, None]
        size = (square / (1 - second**step)[:, None]).sqrt()
        corrections[frames] -= group["lr"] * mean / (size + group["eps"])

    @torch.no_grad()
    def set_rates(self, factor: float, batch: int) -> None:
        """Step sizes and momenta for so many frames a step, as shares of the rates that the run began with.

        A step on B frames walks as far and remembers as many frames as B steps of one where rates grow by the root of
        B and momenta are taken to the power B (Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient
        Algorithms", 2022). Pose corrections are steps on one frame each.
        """
        if self.rates is not None:
            torch.mul(self.rates[0], factor * batch**0.5, out=self.rates[1])
        for i, group in enumerate(self.optimizer.param_groups):
            alone = group["name"] == CORRECTIONS
            shared = 1 if alone else batch
            group["betas"] = tuple(beta**shared for beta in BETAS)
            if self.rates is None:
                group["lr"] = group["base_lr"] * factor * shared**0.5
            elif alone:
                torch.mul(self.rates[0][i], factor, out=self.rates[1][i])

    @torch.no_grad()
    def average(self, kept: float) -> None:
        """Take the parameters as they are into their running means, of which a share stays."""
        if not self.averages:
            self.averages = {name: value.clone() for name, value in self.params.items() if name != CORRECTIONS}
        for name, mean in self.averages.items():
            mean.lerp_(self.params[name], 1 - kept)

    @torch.no_grad()
    def settle(self) -> None:
        """Put the running means, where there are some, in the parameters' place."""
        for name, mean in self.averages.items():
            self.params[name].copy_(mean)
        self.averages = {}

    def anchor(self, branch: str) -> Tensor:
        """The tracked basis ``[N, 3, J]`` a branch started from."""
        return self.fixed[f"{branch}.anchor"]

    def began(self, branch: str) -> dict[str, Tensor]:
        """What stays fixed of a branch, ``[N, …]`` by name."""
        prefix = f"{branch}."
        return {key.removeprefix(prefix): value for key, value in self.fixed.items() if key.startswith(prefix)}

    def neighbours(self, branch: str) -> tuple[Tensor, Tensor]:
        """Indices and weights ``[N, k]`` of each Gaussian's neighbours, by where they were at first."""
        if branch not in self.beside:
            self.beside[branch] = neighbours_of(self.fixed[f"{branch}.home"], self.anchor(branch))
        return self.beside[branch]

    @property
    def held(self) -> Tensor:
        """``[N]`` bool, Gaussians that stay as they are."""
        return torch.cat([self.fixed[f"{branch.name}.held"] for branch in self.template.branches])

    def hold(self) -> None:
        """Drop the gradients of held Gaussians."""
        for branch in self.template.branches:
            rows = self._rows_held(branch.name)
            for name in TRAINED if len(rows) else ():
                gradient = self.params[f"{branch.name}.{name}"].grad
                if gradient is not None:
                    gradient.index_fill_(0, rows, 0.0)

    def _rows_held(self, branch: str) -> Tensor:
        held = self.fixed[f"{branch}.held"]
        if branch not in self.held_rows or self.held_rows[branch][0] is not held:
            self.held_rows[branch] = held, held.nonzero()[:, 0]
        return self.held_rows[branch][1]

    def _tensor(self, key: str) -> Tensor:
        return self.params[key] if key in self.params else self.fixed[key]

    def grow(self, branch: Branch, growth: Growth, generator: torch.Generator) -> None:
        """Keep, drop and split rows of one branch, its Adam moments and its fixed tensors alike."""
        prefix = branch.name + "."
        self.beside.pop(branch.name, None)
        copy = growth.copy
        places, scales, opacities = split_rows(
            branch.means[copy], branch.quats[copy], branch.log_scales[copy], branch.logit_opacities[copy], generator
        )
        staying = torch.ones(len(branch), dtype=torch.bool, device=self.device)
        staying[growth.copy] = False
        rows = torch.cat([growth.keep[staying[growth.keep]], growth.copy, growth.copy])
        P = len(growth.copy)
        for key in [k for k in self.fixed if k.startswith(prefix)]:
            self.fixed[key] = self.fixed[key][rows].contiguous()
        if P:
            apart = (places - branch.means[copy]).flatten(0, 1)
            normal = self.fixed[prefix + "normal"][-2 * P :]
            self.fixed[prefix + "surface"][-2 * P :] += apart - (apart * normal).sum(1, keepdim=True) * normal
        for key in [k for k in self.params if k.startswith(prefix)]:
            value = self.params[key].detach()[rows].contiguous()
            if P and key == prefix + "means":
                value[-2 * P :] = places.flatten(0, 1)
            if P and key == prefix + "log_scales":
                value[-2 * P :] = scales.repeat(2, 1)
            if P and key == prefix + "logit_opacities":
                value[-2 * P :] = opacities.repeat(2)
            self._replace(key, value, rows, fresh=2 * P)

    def _replace(self, key: str, value: Tensor, rows: Tensor, fresh: int) -> None:
        old, new = self.params[key], value.requires_grad_()
        moments = self.optimizer.state.pop(old, None)
        if moments:
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name] = moments[name][rows].contiguous()
                if fresh:
                    moments[name][-fresh:] = 0
            self.optimizer.state[new] = moments
        for group in self.optimizer.param_groups:
            if group["name"] == key:
                group["params"] = [new]
        self.params[key] = new


def new_state(
    head: Head,
    num_frames: int,
    rates: LearningRates,
    held: Mapping[str, Tensor] | None = None,
    cameras: int = 1,
    device: torch.device = CPU,
) -> TrainState:
    """Start training from an initial head on ``num_frames`` frames; pose corrections and exposures start at zero.

    ``held`` names by branch the Gaussians ``[N]`` bool that stay as they are. All of it lies on ``device``.
    """
    params, fixed = {}, {}
    for branch in head.branches:
        for name, value in branch.tensors().items():
            (params if name in TRAINED else fixed)[f"{branch.name}.{name}"] = value.clone()
        fixed[f"{branch.name}.anchor"] = branch.basis.clone()
        fixed[f"{branch.name}.colour"] = branch.sh0.clone()
        fixed[f"{branch.name}.home"] = branch.means.clone()
        fixed[f"{branch.name}.surface"] = branch.means.clone()
        fixed[f"{branch.name}.normal"] = quat_to_rotmat(branch.quats)[:, :, 2].contiguous()
        fixed[f"{branch.name}.thin"] = branch.log_scales.amin(1)
        fixed[f"{branch.name}.held"] = (
            torch.zeros(len(branch), dtype=torch.bool) if held is None else held[branch.name].clone()
        )
    params |= {f"coefficients.{name}": head.coefficient_params[name].clone() for name in NETWORK}
    params[CORRECTIONS] = torch.zeros(num_frames, 12)
    if cameras > 1:
        params[EXPOSURE] = torch.zeros(cameras - 1, 2, 3)
    return _assemble(head, params, fixed, rates, device)


def _assemble(
    head: Head, params: dict[str, Tensor], fixed: dict[str, Tensor], rates: LearningRates, device: torch.device
) -> TrainState:
    params = {key: value.to(device).requires_grad_() for key, value in params.items()}
    fixed = {key: value.to(device) for key, value in fixed.items()}
    groups = []
    for key, value in params.items():
        kind, _, name = key.partition(".")
        shared = {"coefficients": rates.coefficients, "pose": rates.pose, "camera": EXPOSURE_RATE}
        rate = shared.get(kind) or getattr(rates, name)
        groups.append({"params": [value], "name": key, "lr": rate, "base_lr": rate})
    rates_there, captured = None, graphs.can_capture(device)
    if captured:
        base = torch.tensor([group["base_lr"] for group in groups], device=device)
        rates_there = base, base.clone()
        for group, rate in zip(groups, rates_there[1], strict=True):
            group["lr"] = rate
    N = sum(len(value) for key, value in params.items() if key.endswith(".means"))
    optimizer = torch.optim.Adam(groups, lr=0.0, betas=BETAS, eps=1e-15, fused=True, capturable=captured)
    pull, seen = torch.zeros(N, device=device), torch.zeros(N, device=device)
    return TrainState(
        template=head.to(device),
        params=params,
        fixed=fixed,
        optimizer=optimizer,
        pull=pull,
        seen=seen,
        rates=rates_there,
    )


def pack(state: TrainState) -> dict[str, Tensor]:
    """All tensors of a state under flat names, for a checkpoint."""
    tensors = {f"params.{key}": value.detach() for key, value in state.params.items()}
    tensors |= {f"fixed.{key}": value for key, value in state.fixed.items()}
    tensors |= {f"average.{key}": value for key, value in state.averages.items()}
    for key, value in state.params.items():
        for name, moment in state.optimizer.state.get(value, {}).items():
            tensors[f"adam.{name}.{key}"] = moment
    tensors |= {"pull": state.pull, "seen": state.seen, "step": torch.tensor(state.step)}
    return tensors


def require_finite(state: TrainState) -> None:
    """InputError where training has gone wrong: what was saved last is better than this."""
    for name, value in pack(state).items():
        if not torch.isfinite(value).all():
            raise InputError(
                f"training went wrong before step {state.step}: {name} is no longer finite. What was saved last is "
                "kept; train with lower rates: edit a config.json and give it with --config."
            )


def unpack(tensors: Mapping[str, Tensor], head: Head, rates: LearningRates, device: torch.device = CPU) -> TrainState:
    """The state that ``pack`` wrote, on ``device``; ``head`` supplies what training does not change."""

    def under(prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value.clone() for key, value in tensors.items() if key.startswith(prefix)}

    state = _assemble(head, under("params."), under("fixed."), rates, device)
    for key, value in state.params.items():
        if f"adam.step.{key}" in tensors:
            kept = {name: tensors[f"adam.{name}.{key}"] for name in ("step", "exp_avg", "exp_avg_sq")}
            state.optimizer.state[value] = {name: moment.to(device, copy=True) for name, moment in kept.items()}
    state.pull, state.seen = (tensors[name].to(device, copy=True) for name in ("pull", "seen"))
    state.averages = {key: value.to(device) for key, value in under("average.").items()}
    state.step = int(tensors["step"])
    return state
