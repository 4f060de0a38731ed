"""The quality report as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..media import read_image

if TYPE_CHECKING:
    from ..capture import CaptureInfo, CaptureWriter
    from .solve import Solution
    from .torso import TorsoMotion

PART_COLOURS = np.array(
    [[0, 0, 0], [60, 90, 220], [230, 160, 40], [150, 60, 160], [60, 190, 90], [230, 40, 60]], np.float32
)


def draw_page(
    figures: dict[str, Any],
    solution: Solution,
    landmarks: np.ndarray,
    torso: TorsoMotion,
    writer: CaptureWriter,
    info: CaptureInfo,
) -> None:
    """Write report.png: sample frames, curves over time and the findings."""
    from matplotlib.figure import Figure

    page = Figure(figsize=(14, 15), dpi=80, layout="constrained")
    panels: Any = page.subfigures(3, 1, height_ratios=[7.2, 6.2, 1.8])
    pictures, curves, words = panels
    _pictures(pictures, solution, landmarks, writer, info)
    _curves(curves, figures, solution, torso, info)
    words.text(0.01, 0.95, "\n".join(_summary(figures)), va="top", fontsize=10, wrap=True)
    page.savefig(writer.folder / "report.png")


def _pictures(figure: Any, solution: Solution, landmarks: np.ndarray, writer: CaptureWriter, info: CaptureInfo) -> None:
    jaw = solution.states.codes[:, 0].numpy()
    blink = solution.states.codes[:, 3].numpy()
    picks = {
        "neutral": int(np.abs(solution.states.codes[: info.num_train].numpy()).mean(1).argmin()),
        "mouth widest": int(jaw[: info.num_train].argmax()),
        "eyes shut": int(blink[: info.num_train].argmax()),
        "worst fit": int(solution.residual.numpy().argmax()),
        "held out": min(info.num_train + 5, info.num_frames - 1),
    }
    grid = figure.subplots(3, len(picks))
    for column, (name, t) in enumerate(picks.items()):
        image = writer.read_image(t)
        projected = solution.projected[t].numpy()
        grid[0, column].imshow(image)
        grid[0, column].plot(landmarks[t, :, 0] - 0.5, landmarks[t, :, 1] - 0.5, ".", ms=1.6, color="lime")
        grid[0, column].plot(projected[:, 0] - 0.5, projected[:, 1] - 0.5, ".", ms=0.9, color="red")
        grid[0, column].set_title(f"{name} (frame {t})", fontsize=9)
        labels = read_image(writer.folder / f"labels/{t:06d}.png", mode="L")
        grid[1, column].imshow((0.5 * image + 0.5 * PART_COLOURS[labels]).astype(np.uint8))
        alpha = writer.read_alpha(t)[..., None] / 255.0
        green = np.array([0, 200, 60])
        grid[2, column].imshow((image * alpha + green * (1 - alpha)).astype(np.uint8))
    for axes in grid.ravel():
        axes.axis("off")


def _curves(figure: Any, figures: dict[str, Any], solution: Solution, torso: TorsoMotion, info: CaptureInfo) -> None:
    times = np.arange(info.num_frames) / info.fps
    codes = solution.states.codes.numpy()
    axes = figure.subplots(3, 2).ravel()
    axes[0].plot(times, solution.residual.numpy(), lw=0.8, label="all")
    axes[0].plot(times, solution.lip_residual.numpy(), lw=0.8, label="lips")
    axes[0].set_title("landmark residual, px")
    for k in range(3):
        axes[1].plot(times, codes[:, k], lw=0.8, label=info.code[k])
    axes[1].set_title("mouth")
    for k in range(3, 5):
        axes[2].plot(times, codes[:, k], lw=0.8, label=info.code[k])
    axes[2].set_title("eyelids (0 open, 1 shut)")
    for k in range(5, 8):
        axes[3].plot(times, codes[:, k], lw=0.8, label=info.code[k])
    axes[3].set_title("brows and gaze")
    degrees = np.rad2deg(solution.states.rotvecs.numpy())
    for k, name in enumerate(("nod", "shake", "tilt")):
        axes[4].plot(times, degrees[:, k], lw=0.8, label=name)
    axes[4].set_title("head turn, degrees")
    millimetres = (solution.states.positions - solution.states.positions.median(0).values).numpy() * 1000
    for k, name in enumerate(("head x", "head y", "head z")):
        axes[5].plot(times, millimetres[:, k], lw=0.8, label=name)
    axes[5].plot(times, torso.shift[:, 0], "--", lw=0.8, label="torso x, px")
    axes[5].plot(times, torso.shift[:, 1], "--", lw=0.8, label="torso y, px")
    axes[5].set_title("head place, mm; torso shift, px")
    for ax in axes:
        ax.axvspan(info.num_train / info.fps, times[-1], color="0.9", lw=0)
        ax.legend(fontsize=7, loc="upper left")
        ax.tick_params(labelsize=7)
        ax.title.set_fontsize(9)


def _summary(figures: dict[str, Any]) -> list[str]:
    train, held = figures["residual"]["train"], figures["residual"]["held_out"]
    lines = [
        f"{figures['source']}: {figures['frames']} frames at {figures['fps']:g} fps,"
        f" face {figures['face_width_px']:.0f} px wide;"
        f" residual {train['all_px']:.2f} px (lips {train['lips_px']:.2f}), held out {held['all_px']:.2f} px"
        f" (lips {held['lips_px']:.2f}); {figures['blinks']} blinks; sound offset {figures['audio_offset_s']:+.2f} s;"
        f" {len(figures['bad_frames'])} bad frames."
    ]
    return lines + [f"- {finding['words']}" for finding in figures["findings"]]
