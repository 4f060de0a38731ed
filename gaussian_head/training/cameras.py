"""The cameras that training draws its frames from, and how each one's exposure differs from the leading one's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..capture import Capture, CaptureView, views_of
from ..checks import InputError
from .config import TrainConfig
from .data import Shot, draw_weights

EXPOSURE, EXPOSURE_RATE = "camera.exposure", 3e-3
"""Name and Adam step size of the cameras' exposures, see ``exposed``."""
EXPOSURE_HELD = 0.05
"""Weight of the mean square of an exposure's gains and offsets."""


def training_cameras(capture: Capture, hold_out: Sequence[str] = ()) -> tuple[CaptureView, ...]:
    """The cameras of a capture that training may see, the leading one first.

    Raises:
        InputError: a camera to hold out is not there, or leads.
    """
    cameras = views_of(capture)
    require_cameras(cameras, hold_out)
    return tuple(camera for camera in cameras if camera.name not in hold_out)


def require_cameras(cameras: Sequence[CaptureView], hold_out: Sequence[str]) -> None:
    """InputError unless every camera of ``hold_out`` is there and follows the leading one."""
    leading, *others = (camera.name for camera in cameras)
    for name in hold_out:
        if name == leading:
            raise InputError(
                f"camera {name!r} leads: its pictures are what a head begins with, and it cannot be held out; hold out "
                f"{_listed(others)}, or reconstruct with another video first."
            )
        if name not in others:
            raise InputError(f"there is no camera {name!r} to hold out; there are {_listed([leading, *others])}.")


def shots(cameras: Sequence[CaptureView], leading: Sequence[int], config: TrainConfig, stage_index: int) -> list[Shot]:
    """What each step of a stage looks at: the leading camera's frames as drawn, and of other cameras as many each.

    Args:
        cameras: as ``training_cameras`` gives them.
        leading: frame numbers of all steps, drawn for the leading camera.
        config: the run.
        stage_index: of the stage.
    """
    if len(cameras) == 1:
        return [Shot(camera=0, frame=t) for t in leading]
    generator = torch.Generator().manual_seed(config.seed * 1000 + stage_index + 500)
    which = torch.randint(len(cameras), (len(leading),), generator=generator).tolist()
    weights = _weights_of(cameras[0].leader, config)
    drawn = [list(leading)]
    for camera in cameras[1:]:
        frames = camera.train_frames
        chance = weights[camera.nearest[frames]]
        picked = torch.multinomial(chance, len(leading), replacement=True, generator=generator)
        drawn.append(frames[picked].tolist())
    return [Shot(camera=c, frame=drawn[c][i]) for i, c in enumerate(which)]


def _weights_of(capture: Capture, config: TrainConfig) -> Tensor:
    """``[N]`` relative chance of each of the leading camera's frames."""
    weights = torch.zeros(capture.num_frames)
    weights[capture.train_frames] = draw_weights(capture, config.busy_frames)
    return weights


def exposed(rgb: Tensor, alpha: Tensor, background: Tensor, exposure: Tensor) -> Tensor:
    """A picture of the person as a camera with its own exposure and white balance sees it, before its own plate.

    Args:
        rgb: ``[H, W, 3]`` the person over the plate.
        alpha: ``[H, W]`` share of each pixel that is the person.
        background: ``[H, W, 3]`` the plate.
        exposure: ``[2, 3]`` what the gain differs from 1, and what is added, of each colour.
    """
    person = rgb - (1 - alpha)[..., None] * background
    return rgb + exposure[0] * person + exposure[1] * alpha[..., None]


def exposure_deviation(exposure: Tensor) -> Tensor:
    """How far exposures ``[..., 2, 3]`` are from the leading camera's."""
    return EXPOSURE_HELD * (exposure**2).mean()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "no other camera"
